//! Scripts of models that call tools.

use serde_json::{Value, json};

use crate::provider::Provider;

/// A call of a tool.
pub(crate) fn call(tool: &str, arguments: Value) -> Value {
    json!({"tool": tool, "arguments": arguments})
}

/// A command.
pub(crate) fn run(command: &str) -> Value {
    call("execute_command", json!({"command": command}))
}

pub(crate) fn write(path: &str, content: &str) -> Value {
    call("write_file", json!({"path": path, "content": content}))
}

pub(crate) fn read(path: &str) -> Value {
    call("read_text_file", json!({"path": path}))
}

/// The steps of a model that makes these calls one after the other and then does `last`, all of it `when`.
pub(crate) fn steps(when: Value, calls: &[Value], last: Value) -> Vec<Value> {
    let with = |results: Option<usize>, mut step: Value| {
        let mut when = when.clone();
        if let Some(results) = results {
            when["results"] = json!(results);
        }
        step["when"] = when;
        step
    };
    let mut steps: Vec<Value> =
        calls.iter().enumerate().map(|(index, call)| with(Some(index), json!({"call": call}))).collect();
    steps.push(with(None, last));
    steps
}

/// A provider for these models, each with its steps.
pub(crate) fn play(models: Value) -> Provider {
    Provider::play(&json!({"title": "test", "question": "What is 6 x 7?", "models": models}).to_string())
}

/// A provider for one agent, `solo`, that makes these calls and answers `42`.
pub(crate) fn solo_calls(calls: &[Value]) -> Provider {
    play(json!({"solo": steps(json!({}), calls, json!({"say": "The answer is 42."}))}))
}

/// What everybody does who does nothing else: answers, votes for 42 and presents.
pub(crate) fn agreeable() -> Vec<Value> {
    vec![
        json!({"when": {"presenting": true}, "say": "The answer is 42."}),
        json!({"when": {"answers": 0}, "new_answer": "6 x 7 = 42"}),
        json!({"vote": {"for": "42", "reason": "I have multiplied."}}),
    ]
}
