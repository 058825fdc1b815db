//! What every provider asks of the JSON schema of a tool.

use serde_json::Value;

/// Whether `schema` describes an object.
pub(super) fn describes_object(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "object")
}

/// What is wrong with a schema for OpenAI's strict mode: every object must close itself with
/// `additionalProperties: false` and require all its properties. The first fault is described.
pub(super) fn strict_fault(schema: &Value, context: &str) -> Option<String> {
    if describes_object(schema) {
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            return Some(format!(
                "In context=({context}), 'additionalProperties' is required to be supplied and to be false."
            ));
        }
        let required = super::fields::list(schema, "required");
        let properties = schema.get("properties").and_then(Value::as_object);
        let missing =
            properties.and_then(|map| map.keys().find(|key| !required.iter().any(|name| name.as_str() == Some(key))));
        if let Some(missing) = missing {
            return Some(format!(
                "In context=({context}), 'required' is required to be supplied and to be an array including every \
                 key in properties. Missing '{missing}'."
            ));
        }
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let nested = properties.into_iter().flatten().map(|(key, value)| (format!("'properties', '{key}'"), value));
    let items = schema.get("items").map(|items| ("'items'".to_owned(), items));
    nested.chain(items).find_map(|(context, value)| strict_fault(value, &context))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strict_schemas_are_closed_and_require_everything() {
        let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
                            "additionalProperties": false});
        assert_eq!(strict_fault(&closed, ""), None);
        let open = json!({"type": "object", "properties": {"list": {"type": "array", "items": {"type": "object"}}},
                          "required": ["list"], "additionalProperties": false});
        assert!(strict_fault(&open, "").is_some_and(|fault| fault.contains("context=('items')")));
        let loose = json!({"type": "object", "properties": {"a": {}}, "additionalProperties": false});
        assert!(strict_fault(&loose, "").is_some_and(|fault| fault.contains("Missing 'a'")));
    }
}
