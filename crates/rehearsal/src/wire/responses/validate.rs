//! What the Responses endpoint refuses.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::NEEDS_REASONING;
use crate::wire::Rejection;
use crate::wire::fields::{Type, flag, given, is_openai_reasoning_model, list, text, unknown};
use crate::wire::openai::{
    file, function, invalid, missing, out_of_range, picture, types, unknown_parameter, wrong_type, wrong_value,
};

const FIELDS: &[(&str, Type)] = &[
    ("access_programs", Type::Object),
    ("background", Type::Bool),
    ("context_management", Type::Array),
    ("conversation", Type::TextOrObject),
    ("image", Type::Object),
    ("include", Type::Array),
    ("input", Type::TextOrArray),
    ("instructions", Type::Text),
    ("max_output_tokens", Type::Integer),
    ("max_tool_calls", Type::Integer),
    ("metadata", Type::Object),
    ("model", Type::Text),
    ("moderation", Type::Object),
    ("parallel_tool_calls", Type::Bool),
    ("previous_response_id", Type::Text),
    ("prompt", Type::Object),
    ("prompt_cache_key", Type::Text),
    ("prompt_cache_options", Type::Object),
    ("prompt_cache_retention", Type::Text),
    ("reasoning", Type::Object),
    ("safety_identifier", Type::Text),
    ("service_tier", Type::Text),
    ("store", Type::Bool),
    ("stream", Type::Bool),
    ("stream_options", Type::Object),
    ("temperature", Type::Number),
    ("text", Type::Object),
    ("tool_choice", Type::TextOrObject),
    ("tools", Type::Array),
    ("top_logprobs", Type::Integer),
    ("top_p", Type::Number),
    ("truncation", Type::Text),
    ("user", Type::Text),
    // Sent by codex, and accepted.
    ("client_metadata", Type::Object),
];

/// Kinds of items, each with the keys it may have.
const ITEMS: &[(&str, &[&str])] = &[
    ("message", &["type", "id", "role", "content", "status", "phase"]),
    ("function_call", &["type", "id", "call_id", "name", "arguments", "status", "namespace", "caller", "async"]),
    ("function_call_output", &["type", "id", "call_id", "output", "status", "caller"]),
    ("reasoning", &["type", "id", "summary", "content", "encrypted_content", "status"]),
    ("item_reference", &["type", "id"]),
    ("web_search_call", &["type", "id", "status", "action"]),
    ("code_interpreter_call", &["type", "id", "status", "code", "container_id", "outputs"]),
    ("file_search_call", &["type", "id", "status", "queries", "results"]),
];

/// Kinds of items that are let through unread.
const OTHER_ITEMS: &[&str] = &[
    "computer_call",
    "computer_call_output",
    "image_generation_call",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "custom_tool_call",
    "custom_tool_call_output",
    "compaction",
    "tool_search_call",
    "tool_search_output",
    "additional_tools",
];

const TOOLS: &[&str] = &[
    "function",
    "file_search",
    "computer",
    "computer_use_preview",
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
    "mcp",
    "code_interpreter",
    "image_generation",
    "local_shell",
    "shell",
    "custom",
    "namespace",
    "tool_search",
    "apply_patch",
    "programmatic_tool_calling",
    // xAI's, on the same endpoint.
    "x_search",
    "code_execution",
];

const FUNCTION: &[&str] = &[
    "type",
    "name",
    "description",
    "parameters",
    "strict",
    "defer_loading",
    "allowed_callers",
    "output_schema",
    "async",
];

pub(in crate::wire) fn validate(body: &Value) -> Result<(), Rejection> {
    let Some(map) = body.as_object() else { return Err(wrong_type("body", Type::Object, body)) };
    let known: Vec<&str> = FIELDS.iter().map(|(key, _)| *key).collect();
    if let Some(key) = unknown(map, &known) {
        return Err(unknown_parameter(key));
    }
    types(map, FIELDS)?;
    if given(body, "model").is_none() {
        return Err(missing("model"));
    }
    if given(body, "stream_options").is_some() && !flag(body, "stream") {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(invalid(message, "stream_options", None));
    }
    sampling(body)?;
    tools(body)?;
    match body.get("input") {
        Some(Value::Array(items)) => input(items),
        Some(Value::String(_)) => Ok(()),
        _ if ["prompt", "conversation", "previous_response_id"].iter().any(|key| given(body, key).is_some()) => Ok(()),
        _ => Err(missing("input")),
    }
}

fn sampling(body: &Value) -> Result<(), Rejection> {
    let model = text(body, "model");
    let reasons = is_openai_reasoning_model(model);
    let unsupported = |param: &str| {
        let message = format!("Unsupported parameter: '{param}' is not supported with this model.");
        invalid(message, param, Some("unsupported_parameter"))
    };
    for (key, least, most) in [("temperature", 0.0, 2.0), ("top_p", 0.0, 1.0)] {
        let Some(value) = given(body, key).and_then(Value::as_f64) else { continue };
        if reasons {
            return Err(unsupported(key));
        }
        if let Some(rejection) = out_of_range(key, value, least, most) {
            return Err(rejection);
        }
    }
    if let Some(reasoning) = given(body, "reasoning") {
        if model.starts_with("gpt-4") {
            let key = ["effort", "summary"].into_iter().find(|key| given(reasoning, key).is_some());
            return key.map_or(Ok(()), |key| Err(unsupported(&format!("reasoning.{key}"))));
        }
        let known = ["effort", "summary", "generate_summary", "context", "mode"];
        if let Some(key) = reasoning.as_object().and_then(|map| unknown(map, &known)) {
            return Err(unknown_parameter(format!("reasoning.{key}")));
        }
        let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
        let summaries = ["auto", "concise", "detailed", "none"];
        for (key, supported) in [("effort", &efforts[..]), ("summary", &summaries[..])] {
            let value = text(reasoning, key);
            if !value.is_empty() && !supported.contains(&value) {
                return Err(wrong_value(format!("reasoning.{key}"), value, supported));
            }
        }
    }
    if let Some(limit) = given(body, "max_output_tokens").and_then(Value::as_i64).filter(|limit| *limit < 16) {
        let message = format!(
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got {limit} instead."
        );
        return Err(invalid(message, "max_output_tokens", Some("integer_below_min_value")));
    }
    Ok(())
}

fn tools(body: &Value) -> Result<(), Rejection> {
    let tools = list(body, "tools");
    for (index, tool) in tools.iter().enumerate() {
        let place = format!("tools[{index}]");
        let Some(map) = tool.as_object() else { return Err(wrong_type(place, Type::Object, tool)) };
        match text(tool, "type") {
            "function" => function(map, &place, FUNCTION)?,
            "" => return Err(missing(format!("{place}.type"))),
            "code_interpreter" if given(tool, "container").is_none() => {
                return Err(missing(format!("{place}.container")));
            }
            "file_search" if given(tool, "vector_store_ids").is_none() => {
                return Err(missing(format!("{place}.vector_store_ids")));
            }
            "image_generation" => image_generation(map, &place)?,
            kind if !TOOLS.contains(&kind) => return Err(wrong_value(format!("{place}.type"), kind, TOOLS)),
            _ => {}
        }
    }
    match given(body, "tool_choice") {
        Some(Value::String(choice)) if !["none", "auto", "required"].contains(&choice.as_str()) => {
            Err(wrong_value("tool_choice", choice, &["none", "auto", "required"]))
        }
        Some(Value::Object(choice)) if choice.get("type").is_some_and(|kind| kind == "function") => {
            let name = choice.get("name").and_then(Value::as_str).unwrap_or_default();
            let offered = tools.iter().any(|tool| text(tool, "name") == name);
            let message = format!("Tool choice 'function' not found in 'tools' parameter: {name}.");
            if offered { Ok(()) } else { Err(invalid(message, "tool_choice", None)) }
        }
        Some(Value::Object(choice)) => {
            let kind = choice.get("type").and_then(Value::as_str).unwrap_or_default();
            let offered = tools.iter().any(|tool| text(tool, "type") == kind);
            let message = format!("Tool choice '{kind}' not found in 'tools' parameter.");
            if offered || !TOOLS.contains(&kind) { Ok(()) } else { Err(invalid(message, "tool_choice", None)) }
        }
        Some(Value::String(choice)) if choice == "required" && tools.is_empty() => {
            Err(invalid("Tool choice 'required' must be specified with 'tools' parameter.", "tool_choice", None))
        }
        _ => Ok(()),
    }
}

fn image_generation(tool: &Map<String, Value>, place: &str) -> Result<(), Rejection> {
    let known = [
        "type",
        "action",
        "background",
        "input_fidelity",
        "input_image_mask",
        "model",
        "moderation",
        "output_compression",
        "output_format",
        "partial_images",
        "quality",
        "size",
    ];
    if let Some(key) = unknown(tool, &known) {
        return Err(unknown_parameter(format!("{place}.{key}")));
    }
    let sizes = ["1024x1024", "1024x1536", "1536x1024", "auto"];
    for (key, supported) in [("size", sizes), ("quality", ["low", "medium", "high", "auto"])] {
        let value = tool.get(key).and_then(Value::as_str).unwrap_or_default();
        if !value.is_empty() && !supported.contains(&value) {
            return Err(wrong_value(format!("{place}.{key}"), value, &supported));
        }
    }
    Ok(())
}

fn input(items: &[Value]) -> Result<(), Rejection> {
    let mut calls = HashSet::new();
    let mut open: Vec<&str> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let place = format!("input[{index}]");
        let Some(map) = item.as_object() else { return Err(wrong_type(place, Type::Object, item)) };
        let kind = match text(item, "type") {
            "" if map.contains_key("role") => "message",
            "" => return Err(missing(format!("{place}.type"))),
            kind => kind,
        };
        if OTHER_ITEMS.contains(&kind) {
            continue;
        }
        let Some((_, keys)) = ITEMS.iter().find(|(known, _)| *known == kind) else {
            let known: Vec<&str> = ITEMS.iter().map(|(known, _)| *known).chain(OTHER_ITEMS.iter().copied()).collect();
            return Err(wrong_value(&place, kind, &known));
        };
        if let Some(key) = unknown(map, keys) {
            return Err(unknown_parameter(format!("{place}.{key}")));
        }
        match kind {
            "message" => message(item, &place)?,
            "function_call" => {
                for key in ["call_id", "name", "arguments"] {
                    required_text(map, key, &place)?;
                }
                calls.insert(text(item, "call_id"));
                open.push(text(item, "call_id"));
            }
            "function_call_output" => {
                required_text(map, "call_id", &place)?;
                if given(item, "output").is_none() {
                    return Err(missing(format!("{place}.output")));
                }
                let call_id = text(item, "call_id");
                if !calls.contains(call_id) {
                    let message = format!("No tool call found for function call output with call_id {call_id}.");
                    return Err(invalid(message, "input", None));
                }
                open.retain(|open| *open != call_id);
            }
            "reasoning" => {
                required_text(map, "id", &place)?;
                if !item.get("summary").is_some_and(Value::is_array) {
                    return Err(missing(format!("{place}.summary")));
                }
            }
            _ => {}
        }
    }
    if let Some(call_id) = open.first() {
        return Err(invalid(format!("No tool output found for function call {call_id}."), "input", None));
    }
    reasoning_pairs(items)
}

fn required_text(map: &Map<String, Value>, key: &str, place: &str) -> Result<(), Rejection> {
    match map.get(key) {
        Some(Value::String(_)) => Ok(()),
        None | Some(Value::Null) => Err(missing(format!("{place}.{key}"))),
        Some(other) => Err(wrong_type(format!("{place}.{key}"), Type::Text, other)),
    }
}

fn message(item: &Value, place: &str) -> Result<(), Rejection> {
    let role = text(item, "role");
    let roles = ["assistant", "system", "developer", "user"];
    if !roles.contains(&role) {
        return Err(wrong_value(format!("{place}.role"), role, &roles));
    }
    let supported: &[&str] = if role == "assistant" {
        &["output_text", "refusal"]
    } else {
        &["input_text", "input_image", "input_file", "input_audio"]
    };
    match item.get("content") {
        Some(Value::String(_)) => Ok(()),
        Some(Value::Array(parts)) => {
            for (index, part) in parts.iter().enumerate() {
                let kind = text(part, "type");
                let place = format!("{place}.content[{index}]");
                if !supported.contains(&kind) {
                    return Err(wrong_value(place, kind, supported));
                }
                match kind {
                    "input_image" => {
                        let known = ["type", "image_url", "file_id", "detail"];
                        if let Some(key) = part.as_object().and_then(|map| unknown(map, &known)) {
                            return Err(unknown_parameter(format!("{place}.{key}")));
                        }
                        if given(part, "file_id").is_none() {
                            picture(part.get("image_url"), &format!("{place}.image_url"))?;
                        }
                    }
                    "input_file" => {
                        let known = ["type", "file_id", "file_url", "file_data", "filename", "detail"];
                        if let Some(key) = part.as_object().and_then(|map| unknown(map, &known)) {
                            return Err(unknown_parameter(format!("{place}.{key}")));
                        }
                        file(part, &place)?;
                    }
                    _ => {}
                }
                if kind.ends_with("_text") && !part.get("text").is_some_and(Value::is_string) {
                    return Err(missing(format!("{place}.text")));
                }
            }
            Ok(())
        }
        None | Some(Value::Null) => Err(missing(format!("{place}.content"))),
        Some(other) => Err(wrong_type(format!("{place}.content"), Type::TextOrArray, other)),
    }
}

/// Reasoning and the item that it led to come back together, in that order, or not at all.
fn reasoning_pairs(items: &[Value]) -> Result<(), Rejection> {
    for (index, item) in items.iter().enumerate() {
        let (kind, id) = (text(item, "type"), text(item, "id"));
        let before = index.checked_sub(1).and_then(|before| items.get(before));
        if kind == "reasoning" {
            let follows = items
                .get(index + 1)
                .is_some_and(|next| text(next, "role") != "user" && text(next, "type") != "function_call_output");
            if !follows {
                let message =
                    format!("Item '{id}' of type 'reasoning' was provided without its required following item.");
                return Err(invalid(message, "input", None));
            }
        } else if id.contains("_rehearsal") && id.ends_with(NEEDS_REASONING) {
            let reasoning = required_reasoning(id);
            if before.is_none_or(|before| text(before, "id") != reasoning) {
                let message = format!(
                    "Item '{id}' of type '{kind}' was provided without its required 'reasoning' item: '{reasoning}'."
                );
                return Err(invalid(message, "input", None));
            }
        }
    }
    Ok(())
}

/// The id of the reasoning before the item: it is the first part of the same response.
fn required_reasoning(id: &str) -> String {
    let serial = id.split_once("_rehearsal").map_or("", |(_, tail)| tail.split('p').next().unwrap_or_default());
    format!("rs_rehearsal{serial}p00")
}
