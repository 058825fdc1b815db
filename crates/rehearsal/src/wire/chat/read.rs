//! What a Chat Completions request says.

use serde_json::Value;

use crate::exchange::{Asked, OfferedTool, ToolResult, tokens};
use crate::wire::fields::{content_text, flag, list, text};

pub(in crate::wire) fn read(body: &Value) -> Asked {
    let offered = |tool: &Value| {
        let function = tool.get("function")?;
        Some(OfferedTool::new(text(function, "name"), function.get("parameters")))
    };
    let mut asked = Asked {
        model: text(body, "model").to_owned(),
        stream: flag(body, "stream"),
        input_tokens: tokens(body.to_string().len()),
        reasoning_wanted: true,
        tools: list(body, "tools").iter().filter_map(offered).collect(),
        ..Asked::default()
    };
    let messages = list(body, "messages");
    for message in messages {
        match text(message, "role") {
            "tool" => {
                asked.texts.push(content_text(message.get("content")));
                let tool = called(messages, text(message, "tool_call_id"));
                asked.last_results.push(ToolResult { tool: tool.to_owned(), is_error: false });
            }
            role => {
                asked.last_results.clear();
                if role == "user" {
                    let said = content_text(message.get("content"));
                    asked.last_user.clone_from(&said);
                    asked.texts.push(said);
                }
            }
        }
    }
    asked
}

/// The name of the function that was called with that id.
fn called<'a>(messages: &'a [Value], id: &str) -> &'a str {
    let mut calls = messages.iter().flat_map(|message| list(message, "tool_calls"));
    let call = calls.find(|call| text(call, "id") == id).and_then(|call| call.get("function"));
    call.map_or("", |function| text(function, "name"))
}
