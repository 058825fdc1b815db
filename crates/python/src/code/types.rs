//! JSON Schema as type hints and words.

use serde_json::{Map, Value};

use super::literal;

/// How deep hints go; below, everything is `Any`.
const DEPTH_MAX: usize = 4;
/// How many values a `Literal` lists.
const VALUES_MAX: usize = 40;

/// The hint for `schema`, in terms of `typing`. `root` resolves references.
pub(super) fn hint(schema: &Value, root: &Value) -> String {
    hint_at(schema, root, 0)
}

fn hint_at(schema: &Value, root: &Value, depth: usize) -> String {
    let any = || "Any".to_owned();
    let Some(schema) = resolve(schema, root).and_then(Value::as_object) else { return any() };
    if depth > DEPTH_MAX {
        return any();
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return literals(values).unwrap_or_else(any);
    }
    if let Some(value) = schema.get("const") {
        return literals(std::slice::from_ref(value)).unwrap_or_else(any);
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(options) = schema.get(key).and_then(Value::as_array) {
            return union(options.iter().map(|option| hint_at(option, root, depth + 1)));
        }
    }
    match schema.get("type") {
        Some(Value::String(name)) => named(name, schema, root, depth),
        Some(Value::Array(names)) => {
            union(names.iter().filter_map(Value::as_str).map(|name| named(name, schema, root, depth)))
        }
        _ => any(),
    }
}

fn named(name: &str, schema: &Map<String, Value>, root: &Value, depth: usize) -> String {
    match name {
        "string" => "str".to_owned(),
        "integer" => "int".to_owned(),
        "number" => "float".to_owned(),
        "boolean" => "bool".to_owned(),
        "null" => "None".to_owned(),
        "array" => match schema.get("items") {
            Some(items) => format!("List[{}]", hint_at(items, root, depth + 1)),
            None => "List[Any]".to_owned(),
        },
        "object" => match schema.get("additionalProperties") {
            Some(values @ Value::Object(_)) if !schema.contains_key("properties") => {
                format!("Dict[str, {}]", hint_at(values, root, depth + 1))
            }
            _ => "Dict[str, Any]".to_owned(),
        },
        _ => "Any".to_owned(),
    }
}

/// `None` where a value is not one that `Literal` takes.
fn literals(values: &[Value]) -> Option<String> {
    if values.is_empty() {
        return None;
    }
    if values.len() > VALUES_MAX {
        return values.iter().all(Value::is_string).then(|| "str".to_owned());
    }
    let one = |value: &Value| match value {
        Value::String(text) => Some(literal::string(text)),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Null => Some("None".to_owned()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    };
    let parts: Option<Vec<String>> = values.iter().map(one).collect();
    Some(format!("Literal[{}]", parts?.join(", ")))
}

fn union(parts: impl Iterator<Item = String>) -> String {
    let mut unique: Vec<String> = Vec::new();
    for part in parts {
        if !unique.contains(&part) {
            unique.push(part);
        }
    }
    let nullable = unique.iter().any(|part| part == "None");
    unique.retain(|part| part != "None");
    let inner = match unique.as_slice() {
        [] if nullable => return "None".to_owned(),
        [] => return "Any".to_owned(),
        _ if unique.iter().any(|part| part == "Any") => return "Any".to_owned(),
        [one] => one.clone(),
        _ => format!("Union[{}]", unique.join(", ")),
    };
    if nullable { format!("Optional[{inner}]") } else { inner }
}

/// Follows references within the schema. A circle ends as nothing.
pub(super) fn resolve<'a>(schema: &'a Value, root: &'a Value) -> Option<&'a Value> {
    let mut schema = schema;
    for _ in 0..8 {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return Some(schema) };
        schema = root.pointer(reference.strip_prefix('#')?)?;
    }
    None
}

/// What a schema demands beside its type, in words.
pub(super) fn demands(schema: &Value) -> Vec<String> {
    let mut words = Vec::new();
    let bounds = [
        ("minimum", "at least"),
        ("exclusiveMinimum", "more than"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "less than"),
        ("minLength", "characters at least"),
        ("maxLength", "characters at most"),
        ("minItems", "items at least"),
        ("maxItems", "items at most"),
        ("pattern", "matches"),
        ("format", "format"),
        ("default", "default"),
    ];
    for (key, label) in bounds {
        match schema.get(key) {
            None => {}
            Some(Value::String(text)) if key != "default" => words.push(format!("{label} {text}")),
            Some(value) => words.push(format!("{label} {}", crate::text::bounded(&value.to_string(), 200))),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_become_hints() {
        let root = json!({"$defs": {"P": {"type": "object"}, "L": {"$ref": "#/$defs/L"}}});
        for (schema, expected) in [
            (json!({"type": "string"}), "str"),
            (json!({"enum": ["a\"]", 1, true, null]}), r#"Literal["a\"]", 1, True, None]"#),
            (json!({"enum": [1.5]}), "Any"),
            (json!({"type": ["string", "null"]}), "Optional[str]"),
            (
                json!({"anyOf": [{"type": "integer"}, {"type": "number"}, {"type": "null"}]}),
                "Optional[Union[int, float]]",
            ),
            (json!({"type": "array", "items": {"$ref": "#/$defs/P"}}), "List[Dict[str, Any]]"),
            (json!({"$ref": "#/$defs/L"}), "Any"),
            (json!({"type": "object", "additionalProperties": {"type": "integer"}}), "Dict[str, int]"),
            (json!(true), "Any"),
            (json!({"type": "nonsense\n"}), "Any"),
        ] {
            assert_eq!(hint(&schema, &root), expected, "{schema}");
        }
    }
}
