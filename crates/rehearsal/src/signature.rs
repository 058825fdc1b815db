//! Marks that prove that what a client sends back is what it was given.
//!
//! Providers sign reasoning and refuse it when it comes back altered. A mark here is a digest of
//! the content, so that it can be checked without remembering what was sent.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

/// Starts every mark. It is valid Base64, which clients expect of a signature, and says what it is.
const LABEL: &str = "rehearsalsig";

/// The mark of a reasoning text.
pub(crate) fn of_text(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    mark(&hasher)
}

/// The mark of a tool call. The order of the keys in its arguments does not matter.
pub(crate) fn of_call(name: &str, arguments: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hash_value(arguments, &mut hasher);
    mark(&hasher)
}

fn mark(hasher: &DefaultHasher) -> String {
    format!("{LABEL}{:016x}", hasher.finish())
}

fn hash_value(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.iter().collect();
            keys.sort_by_key(|(key, _)| key.as_str());
            keys.len().hash(hasher);
            for (key, value) in keys {
                key.hash(hasher);
                hash_value(value, hasher);
            }
        }
        Value::Array(values) => {
            values.len().hash(hasher);
            for value in values {
                hash_value(value, hasher);
            }
        }
        Value::String(text) => text.hash(hasher),
        // 1 and 1.0 are the same number to most clients.
        Value::Number(number) => number.as_f64().map(f64::to_bits).hash(hasher),
        Value::Bool(_) | Value::Null => value.to_string().hash(hasher),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mark_depends_on_content_and_not_on_key_order() {
        assert_ne!(of_text("a"), of_text("b"));
        let one = of_call("vote", &json!({"agent_id": "agent1", "n": 1}));
        assert_eq!(one, of_call("vote", &json!({"n": 1.0, "agent_id": "agent1"})));
        assert_ne!(one, of_call("vote", &json!({"agent_id": "agent2", "n": 1})));
        assert_eq!(one.len() % 4, 0, "whole Base64 groups");
    }
}
