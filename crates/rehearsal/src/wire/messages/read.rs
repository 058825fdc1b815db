//! What a Messages request says.

use serde_json::Value;

use crate::exchange::{Asked, OfferedTool, ToolResult, tokens};
use crate::wire::fields::{content_text, flag, given, list, text, texts_in};

pub(in crate::wire) fn read(body: &Value) -> Asked {
    let client_tool = |tool: &&Value| matches!(text(tool, "type"), "" | "custom");
    let thinking = given(body, "thinking");
    let mut asked = Asked {
        model: text(body, "model").to_owned(),
        stream: flag(body, "stream"),
        input_tokens: tokens(body.to_string().len()),
        reasoning_wanted: thinking.is_some_and(|thinking| matches!(text(thinking, "type"), "enabled" | "adaptive")),
        tools: list(body, "tools")
            .iter()
            .filter(client_tool)
            .map(|tool| OfferedTool::new(text(tool, "name"), tool.get("input_schema")))
            .collect(),
        instructions: content_text(body.get("system")),
        ..Asked::default()
    };
    let messages = list(body, "messages");
    for message in messages {
        asked.last_results.clear();
        if text(message, "role") != "user" {
            continue;
        }
        if let Some(Value::String(said)) = message.get("content") {
            asked.last_user.clone_from(said);
            asked.texts.push(said.clone());
            continue;
        }
        let mut said = Vec::new();
        for block in list(message, "content") {
            match text(block, "type") {
                "tool_result" => {
                    let mut texts = Vec::new();
                    match block.get("content") {
                        Some(Value::String(result)) => texts.push(result.clone()),
                        Some(Value::Array(parts)) => {
                            texts.extend(parts.iter().map(|part| text(part, "text").to_owned()));
                        }
                        other => other.into_iter().for_each(|value| texts_in(value, &mut texts)),
                    }
                    let tool = called(messages, text(block, "tool_use_id")).to_owned();
                    let is_error = flag(block, "is_error");
                    asked.push_result(ToolResult { tool, is_error, text: texts.join("\n") });
                }
                "text" => said.push(text(block, "text")),
                _ => {}
            }
        }
        if !said.is_empty() {
            asked.last_user = said.join("\n");
            asked.texts.push(asked.last_user.clone());
        }
    }
    asked
}

/// The name of the tool that was used with that id.
fn called<'a>(messages: &'a [Value], id: &str) -> &'a str {
    let mut blocks = messages.iter().flat_map(|message| list(message, "content"));
    let found = blocks.find(|block| text(block, "type") == "tool_use" && text(block, "id") == id);
    found.map_or("", |block| text(block, "name"))
}
