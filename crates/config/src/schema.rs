//! The JSON Schema of a config, drawn from the table of options.

use serde_json::{Map, Value, json};

use crate::fields::{AGENT, BACKEND, Field, Kind, Others, Section, Status, TOP};
use crate::parse::value_of;

/// The JSON Schema (draft 2020-12) of a config, for editors. What the schema refuses is wrong; a
/// few things that it cannot say, such as what a backend type can do, are only said by
/// [`load`](crate::load).
#[must_use]
pub fn json_schema() -> Value {
    let mut definitions = Map::new();
    let mut root = section(&TOP, &mut definitions);
    if let Some(root) = root.as_object_mut() {
        root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        root.insert("title".to_owned(), json!("massgen config"));
        root.insert("type".to_owned(), json!("object"));
        root.insert("oneOf".to_owned(), json!([{"required": ["agents"]}, {"required": ["agent"]}]));
        root.insert("$defs".to_owned(), Value::Object(definitions));
    }
    root
}

fn section(section: &'static Section, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    let mut patterns = Map::new();
    for field in section.fields.iter().filter(|field| !matches!(field.status, Status::Refused(_))) {
        match field.key.strip_suffix('*') {
            Some(start) => patterns.insert(format!("^{start}"), property(field, definitions)),
            None => properties.insert(field.key.to_owned(), property(field, definitions)),
        };
    }
    let refused = section.fields.iter().filter(|field| matches!(field.status, Status::Refused(_)));
    properties.extend(refused.map(|field| (field.key.to_owned(), json!(false))));

    let mut schema = json!({"type": ["object", "null"], "properties": properties});
    if let Some(schema) = schema.as_object_mut() {
        if !patterns.is_empty() {
            schema.insert("patternProperties".to_owned(), Value::Object(patterns));
        }
        schema.insert("additionalProperties".to_owned(), json!(section.others == Others::PassedOn));
        if std::ptr::eq(section, &raw const AGENT) {
            schema.insert("required".to_owned(), json!(["backend"]));
        }
        if std::ptr::eq(section, &raw const BACKEND) {
            schema.insert("anyOf".to_owned(), json!([{"required": ["type"]}, {"required": ["model"]}]));
        }
    }
    schema
}

fn property(field: &'static Field, definitions: &mut Map<String, Value>) -> Value {
    let mut schema = kind(&field.kind, definitions);
    let Some(object) = schema.as_object_mut() else { return schema };
    let status = match field.status {
        Status::Supported => String::new(),
        Status::PassedOn => " (goes to the provider)".to_owned(),
        Status::NotYet => " (not supported yet: ignored)".to_owned(),
        Status::Ignored(reason) => format!(" (no effect: {reason})"),
        Status::Refused(instead) => format!(" (refused: {instead})"),
    };
    object.insert("description".to_owned(), json!(format!("{}{status}", field.meaning)));
    if let Some(default) = field.default {
        object.insert("default".to_owned(), value_of(default));
    }
    if matches!(field.status, Status::Ignored(_)) {
        object.insert("deprecated".to_owned(), json!(true));
    }
    schema
}

/// A value that a reference may stand for is also a text with a reference in it.
const REFERENCE: &str = r"\$\{";

fn kind(kind_: &'static Kind, definitions: &mut Map<String, Value>) -> Value {
    match kind_ {
        Kind::Any => json!({}),
        Kind::Bool => json!({"type": ["boolean", "string", "null"], "pattern": REFERENCE}),
        Kind::Integer { min, max } => {
            json!({"type": ["integer", "string", "null"], "pattern": REFERENCE, "minimum": min, "maximum": max})
        }
        Kind::Number { min, max } => {
            json!({"type": ["number", "string", "null"], "pattern": REFERENCE, "minimum": min, "maximum": max})
        }
        Kind::Seconds => json!({"type": ["number", "string", "null"], "pattern": REFERENCE, "exclusiveMinimum": 0}),
        Kind::Text | Kind::Name | Kind::Prose => json!({"type": ["string", "null"]}),
        Kind::Choice(words) => one_of_words(words.iter().copied()),
        Kind::BackendType => one_of_words(massgen_providers::PROVIDERS.iter().map(|provider| provider.kind)),
        Kind::List(item) => json!({"type": ["array", "null"], "items": kind(item, definitions)}),
        Kind::MapOf(value) => json!({"type": ["object", "null"], "additionalProperties": kind(value, definitions)}),
        Kind::OneOf(kinds) => {
            json!({"anyOf": kinds.iter().map(|one| kind(one, definitions)).collect::<Vec<_>>()})
        }
        Kind::Section(inside) => {
            if !definitions.contains_key(inside.name) {
                // Claims the name first: a section may contain itself.
                definitions.insert(inside.name.to_owned(), Value::Null);
                let schema = section(inside, definitions);
                definitions.insert(inside.name.to_owned(), schema);
            }
            json!({"$ref": format!("#/$defs/{}", inside.name)})
        }
    }
}

fn one_of_words<'a>(words: impl Iterator<Item = &'a str>) -> Value {
    let words: Vec<Value> = words.map(Value::from).chain([Value::Null]).collect();
    json!({"anyOf": [{"enum": words}, {"type": "string", "pattern": REFERENCE}]})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_to_a_definition() {
        let schema = json_schema();
        let mut found = BTreeSet::new();
        references(&schema, &mut found);
        assert!(found.contains("#/$defs/backend"), "{found:?}");
        for reference in found {
            assert!(schema.pointer(reference.trim_start_matches('#')).is_some_and(Value::is_object), "{reference}");
        }
    }

    #[test]
    fn sections_have_names_of_their_own() {
        let schema = json_schema();
        let definitions = schema["$defs"].as_object().expect("definitions");
        // One that took another's name would miss the other's keys.
        assert!(definitions["backend"]["properties"].get("enable_web_search").is_some());
        assert!(definitions["coordination"]["properties"].get("enable_subagents").is_some());
        assert!(definitions["model"]["properties"].get("provider").is_some());
    }

    #[test]
    fn a_property_says_what_it_is() {
        let schema = json_schema();
        insta::assert_snapshot!(format!("{:#}", schema["$defs"]["timeouts"]));
        let novelty = &schema["$defs"]["orchestrator"]["properties"]["answer_novelty_requirement"];
        insta::assert_snapshot!(format!("{novelty:#}"));
        assert_eq!(schema["properties"]["num_agents"], json!(false));
        assert_eq!(schema["$defs"]["backend"]["additionalProperties"], json!(true));
    }
}
