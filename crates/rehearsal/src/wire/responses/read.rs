//! What a Responses request says.

use serde_json::Value;

use crate::exchange::{Asked, OfferedTool, ToolResult, tokens};
use crate::wire::fields::{content_text, flag, given, list, text, texts_in};

pub(in crate::wire) fn read(body: &Value) -> Asked {
    let mut asked = Asked {
        model: text(body, "model").to_owned(),
        stream: flag(body, "stream"),
        input_tokens: tokens(body.to_string().len()),
        reasoning_wanted: given(body, "reasoning").is_some_and(|reasoning| given(reasoning, "summary").is_some()),
        tools: list(body, "tools").iter().flat_map(|tool| offered(tool, None)).collect(),
        instructions: text(body, "instructions").to_owned(),
        draws: given(body, "tool_choice").is_some_and(|choice| text(choice, "type") == "image_generation"),
        ..Asked::default()
    };
    if let Some(Value::String(input)) = body.get("input") {
        asked.texts.push(input.clone());
        asked.last_user.clone_from(input);
        return asked;
    }
    let items = list(body, "input");
    for item in items {
        if item.get("type").is_some_and(|kind| kind == "function_call_output") {
            let mut texts = Vec::new();
            item.get("output").into_iter().for_each(|output| texts_in(output, &mut texts));
            let call_id = text(item, "call_id");
            let call =
                items.iter().find(|item| text(item, "type") == "function_call" && text(item, "call_id") == call_id);
            let tool = call.map_or("", |call| text(call, "name")).to_owned();
            asked.push_result(ToolResult { tool, is_error: false, text: texts.join("\n") });
        } else {
            asked.last_results.clear();
            if matches!(text(item, "role"), "system" | "developer") {
                asked.instructions.push_str(&content_text(item.get("content")));
            }
            if text(item, "role") == "user" {
                let said = content_text(item.get("content"));
                asked.last_user.clone_from(&said);
                asked.texts.push(said);
            }
        }
    }
    asked
}

fn offered(tool: &Value, namespace: Option<&str>) -> Vec<OfferedTool> {
    match text(tool, "type") {
        "function" | "custom" => {
            let tool = OfferedTool::new(text(tool, "name"), tool.get("parameters"));
            vec![OfferedTool { namespace: namespace.map(str::to_owned), ..tool }]
        }
        "namespace" => {
            let name = text(tool, "name");
            list(tool, "tools").iter().flat_map(|tool| offered(tool, Some(name))).collect()
        }
        _ => Vec::new(),
    }
}
