//! What a request says, whatever its protocol.

use serde_json::Value;

/// All texts of a body, in order.
pub(crate) fn texts(body: &Value) -> Vec<&str> {
    match body {
        Value::String(text) => vec![text.as_str()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// The authors of the answers that a request shows, in the order in which it shows them.
pub(crate) fn shown(body: &Value) -> Vec<String> {
    let authors = |text: &str| {
        let opened = text.split("<answer from=\"").skip(1);
        opened.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect::<Vec<_>>()
    };
    texts(body).into_iter().flat_map(authors).collect()
}

/// Whom a request's `vote` tool can vote for, in its order; `None` without that tool.
pub(crate) fn candidates(body: &Value) -> Option<Vec<String>> {
    let choices = find(body, "agent_id")?.get("enum")?.as_array()?;
    Some(choices.iter().map(|choice| choice.as_str().unwrap().to_owned()).collect())
}

/// The names of the tools that a request offers.
pub(crate) fn offers(body: &Value, tool: &str) -> bool {
    match body.get("tools") {
        Some(tools) => names(tools).contains(&tool),
        None => false,
    }
}

fn names(tools: &Value) -> Vec<&str> {
    match tools {
        Value::Array(items) => items.iter().flat_map(names).collect(),
        Value::Object(fields) => {
            let own = fields.get("name").and_then(Value::as_str);
            own.into_iter().chain(fields.values().flat_map(names)).collect()
        }
        _ => Vec::new(),
    }
}

fn find<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => fields.get(key).or_else(|| fields.values().find_map(|value| find(value, key))),
        Value::Array(items) => items.iter().find_map(|item| find(item, key)),
        _ => None,
    }
}
