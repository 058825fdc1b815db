//! Responses that a later request may continue by their id.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

const RESPONSES_MAX: usize = 256;
const BYTES_MAX: usize = 16 << 20;

/// The last responses, each with everything that was said up to it.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<VecDeque<Kept>>);

#[derive(Debug)]
struct Kept {
    id: String,
    items: Vec<Value>,
    bytes: usize,
}

impl History {
    /// The body with what `previous_response_id` stands for put before its input; `None` if that
    /// names nothing that is kept.
    pub(super) fn continued(&self, body: &Value) -> Option<Value> {
        let mut body = body.clone();
        let Some(id) = body.get("previous_response_id").and_then(Value::as_str) else { return Some(body) };
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut items = kept.iter().find(|kept| kept.id == id)?.items.clone();
        items.extend(input_items(&body));
        if let Some(map) = body.as_object_mut() {
            map.insert("input".to_owned(), Value::Array(items));
        }
        Some(body)
    }

    /// Keeps a response to `body`, which already holds what came before.
    pub(super) fn keep(&self, body: &Value, response: &Value) {
        let Some(id) = response.get("id").and_then(Value::as_str) else { return };
        let mut items = input_items(body);
        items.extend(response.get("output").and_then(Value::as_array).cloned().unwrap_or_default());
        let bytes = body.to_string().len();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(Kept { id: id.to_owned(), items, bytes });
        while kept.len() > RESPONSES_MAX || kept.iter().map(|kept| kept.bytes).sum::<usize>() > BYTES_MAX {
            if kept.pop_front().is_none() {
                break;
            }
        }
    }
}

fn input_items(body: &Value) -> Vec<Value> {
    match body.get("input") {
        Some(Value::String(text)) => vec![json!({"type": "message", "role": "user", "content": text})],
        Some(Value::Array(items)) => items.clone(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_continued_by_its_id() {
        let history = History::default();
        let first = json!({"input": "hello"});
        history.keep(&first, &json!({"id": "resp_1", "output": [{"type": "message", "role": "assistant"}]}));
        let next = json!({"previous_response_id": "resp_1", "input": [{"role": "user", "content": "go on"}]});
        let input = history.continued(&next).and_then(|body| body.get("input").cloned());
        assert_eq!(input.and_then(|input| input.as_array().map(Vec::len)), Some(3));
        assert_eq!(history.continued(&json!({"previous_response_id": "resp_2"})), None);
    }
}
