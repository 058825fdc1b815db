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
        draws: list(body, "modalities").iter().any(|modality| modality == "image"),
        speaks: body.get("audio").map(|audio| text(audio, "format").to_owned()).filter(|format| !format.is_empty()),
        tools: list(body, "tools").iter().filter_map(offered).collect(),
        ..Asked::default()
    };
    let messages = list(body, "messages");
    for message in messages {
        match text(message, "role") {
            "tool" => {
                let tool = called(messages, text(message, "tool_call_id")).to_owned();
                let text = content_text(message.get("content"));
                asked.push_result(ToolResult { tool, is_error: false, text });
            }
            role => {
                asked.last_results.clear();
                if matches!(role, "system" | "developer") {
                    asked.instructions.push_str(&content_text(message.get("content")));
                }
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
