//! What the Chat Completions endpoint refuses.

use serde_json::Value;

use crate::wire::Rejection;
use crate::wire::fields::{Type, flag, given, is_openai_reasoning_model, list, text, unknown};
use crate::wire::media::{decoded, speech};
use crate::wire::openai::{
    file, function, invalid, missing, out_of_range, picture, types, unknown_parameter, wrong_type, wrong_value,
};

const FIELDS: &[(&str, Type)] = &[
    ("audio", Type::Object),
    ("frequency_penalty", Type::Number),
    ("function_call", Type::TextOrObject),
    ("functions", Type::Array),
    ("logit_bias", Type::Object),
    ("logprobs", Type::Bool),
    ("max_completion_tokens", Type::Integer),
    ("max_tokens", Type::Integer),
    ("messages", Type::Array),
    ("metadata", Type::Object),
    ("modalities", Type::Array),
    ("model", Type::Text),
    ("moderation", Type::Object),
    ("n", Type::Integer),
    ("parallel_tool_calls", Type::Bool),
    ("prediction", Type::Object),
    ("presence_penalty", Type::Number),
    ("prompt_cache_key", Type::Text),
    ("prompt_cache_options", Type::Object),
    ("prompt_cache_retention", Type::Text),
    ("reasoning_effort", Type::Text),
    ("response_format", Type::Object),
    ("safety_identifier", Type::Text),
    ("seed", Type::Integer),
    ("service_tier", Type::Text),
    ("stop", Type::TextOrArray),
    ("store", Type::Bool),
    ("stream", Type::Bool),
    ("stream_options", Type::Object),
    ("temperature", Type::Number),
    ("tool_choice", Type::TextOrObject),
    ("tools", Type::Array),
    ("top_logprobs", Type::Integer),
    ("top_p", Type::Number),
    ("user", Type::Text),
    ("verbosity", Type::Text),
    ("web_search_options", Type::Object),
];

/// The keys of a message. The last three are how compatible providers send reasoning back.
const MESSAGE: &[&str] = &[
    "role",
    "content",
    "name",
    "refusal",
    "audio",
    "function_call",
    "tool_calls",
    "tool_call_id",
    "annotations",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
];
const ROLES: &[&str] = &["system", "assistant", "user", "function", "tool", "developer"];
const PARTS: &[&str] = &["text", "image_url", "input_audio", "refusal", "audio", "file", "video_url"];

pub(in crate::wire) fn validate(body: &Value, also_accepts: &[String]) -> Result<(), Rejection> {
    let Some(map) = body.as_object() else { return Err(wrong_type("body", Type::Object, body)) };
    let known: Vec<&str> = FIELDS.iter().map(|(key, _)| *key).chain(also_accepts.iter().map(String::as_str)).collect();
    if let Some(key) = unknown(map, &known) {
        return Err(invalid(format!("Unrecognized request argument supplied: {key}"), "", None));
    }
    types(map, FIELDS)?;
    for key in ["model", "messages"] {
        if given(body, key).is_none() {
            return Err(missing(key));
        }
    }
    if given(body, "stream_options").is_some() && !flag(body, "stream") {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(invalid(message, "stream_options", None));
    }
    sampling(body)?;
    modalities(body)?;
    tools(body)?;
    messages(list(body, "messages"))
}

/// OpenAI's, and `image` as OpenRouter has it.
fn modalities(body: &Value) -> Result<(), Rejection> {
    let supported = ["text", "audio", "image"];
    let asked = list(body, "modalities");
    for (index, modality) in asked.iter().enumerate() {
        let name = modality.as_str().unwrap_or_default();
        if !supported.contains(&name) {
            return Err(wrong_value(format!("modalities[{index}]"), name, &supported));
        }
    }
    let speaks = asked.iter().any(|modality| modality == "audio");
    let Some(audio) = given(body, "audio") else { return if speaks { Err(missing("audio")) } else { Ok(()) } };
    if !speaks {
        return Err(invalid("The 'audio' parameter is only allowed with the 'audio' modality.", "audio", None));
    }
    let formats = ["wav", "aac", "mp3", "flac", "opus", "pcm16"];
    for (key, supported) in [("voice", speech::VOICES), ("format", &formats[..])] {
        match text(audio, key) {
            "" => return Err(missing(format!("audio.{key}"))),
            value if !supported.contains(&value) => return Err(wrong_value(format!("audio.{key}"), value, supported)),
            _ => {}
        }
    }
    Ok(())
}

/// Pictures, recordings and documents of a user's message.
fn attachment(part: &Value, place: &str) -> Result<(), Rejection> {
    let kind = text(part, "type");
    let Some(inner) = given(part, kind) else {
        let needs = matches!(kind, "image_url" | "input_audio" | "file");
        return if needs { Err(missing(format!("{place}.{kind}"))) } else { Ok(()) };
    };
    let place = format!("{place}.{kind}");
    match kind {
        "image_url" => picture(inner.get("url"), &format!("{place}.url")),
        "file" => file(inner, &place),
        "input_audio" => {
            let format = text(inner, "format");
            if !["wav", "mp3"].contains(&format) {
                return Err(wrong_value(format!("{place}.format"), format, &["wav", "mp3"]));
            }
            if decoded(text(inner, "data")).is_none_or(|bytes| bytes.is_empty()) {
                let message = format!("Invalid '{place}.data'. Expected base64-encoded audio.");
                return Err(invalid(message, format!("{place}.data"), Some("invalid_value")));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn sampling(body: &Value) -> Result<(), Rejection> {
    let penalty = (-2.0, 2.0);
    let ranges = [
        ("temperature", (0.0, 2.0)),
        ("top_p", (0.0, 1.0)),
        ("presence_penalty", penalty),
        ("frequency_penalty", penalty),
    ];
    for (key, (least, most)) in ranges {
        let Some(value) = given(body, key).and_then(Value::as_f64) else { continue };
        if let Some(rejection) = out_of_range(key, value, least, most) {
            return Err(rejection);
        }
        if is_openai_reasoning_model(text(body, "model")) && (value - 1.0).abs() > f64::EPSILON {
            let message = format!(
                "Unsupported value: '{key}' does not support {value} with this model. Only the default (1) value is \
                 supported."
            );
            return Err(invalid(message, key, Some("unsupported_value")));
        }
    }
    if given(body, "max_tokens").is_some() && is_openai_reasoning_model(text(body, "model")) {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                       'max_completion_tokens' instead.";
        return Err(invalid(message, "max_tokens", Some("unsupported_parameter")));
    }
    Ok(())
}

fn tools(body: &Value) -> Result<(), Rejection> {
    let tools = list(body, "tools");
    if given(body, "tools").is_some() && tools.is_empty() {
        let message = "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array \
                       instead.";
        return Err(invalid(message, "tools", Some("empty_array")));
    }
    for (index, tool) in tools.iter().enumerate() {
        let place = format!("tools[{index}]");
        match text(tool, "type") {
            "function" => {
                let known = ["type", "function"];
                if let Some(key) = tool.as_object().and_then(|map| unknown(map, &known)) {
                    return Err(unknown_parameter(format!("{place}.{key}")));
                }
                let place = format!("{place}.function");
                let Some(map) = tool.get("function").and_then(Value::as_object) else { return Err(missing(place)) };
                function(map, &place, &["name", "description", "parameters", "strict"])?;
            }
            // Z.ai runs a search of its own on this endpoint.
            "custom" | "web_search" => {}
            "" => return Err(missing(format!("{place}.type"))),
            kind => return Err(wrong_value(format!("{place}.type"), kind, &["function", "custom"])),
        }
    }
    if tools.is_empty() {
        for key in ["tool_choice", "parallel_tool_calls"] {
            if given(body, key).is_some_and(|value| value != "none") {
                let message = format!("Invalid value for '{key}': '{key}' is only allowed when 'tools' are specified.");
                return Err(invalid(message, key, None));
            }
        }
    }
    match given(body, "tool_choice") {
        Some(Value::String(choice)) if !["none", "auto", "required"].contains(&choice.as_str()) => {
            Err(wrong_value("tool_choice", choice, &["none", "auto", "required"]))
        }
        Some(Value::Object(choice)) => {
            let name = choice.get("function").map_or("", |function| text(function, "name"));
            let offered = tools.iter().filter_map(|tool| tool.get("function")).any(|tool| text(tool, "name") == name);
            let named = choice.get("type").is_some_and(|kind| kind == "function");
            let message = format!("Tool choice '{name}' not found in 'tools' parameter.");
            if offered || !named { Ok(()) } else { Err(invalid(message, "tool_choice", None)) }
        }
        _ => Ok(()),
    }
}

fn messages(messages: &[Value]) -> Result<(), Rejection> {
    if messages.is_empty() {
        let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty \
                       array instead.";
        return Err(invalid(message, "messages", Some("empty_array")));
    }
    let mut open: Vec<&str> = Vec::new();
    let mut place_of_calls = String::new();
    for (index, message) in messages.iter().enumerate() {
        let place = format!("messages[{index}]");
        one_message(message, &place)?;
        if text(message, "role") == "tool" {
            let id = text(message, "tool_call_id");
            if id.is_empty() {
                return Err(missing(format!("{place}.tool_call_id")));
            }
            let Some(at) = open.iter().position(|open| *open == id) else {
                let message = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message \
                               with 'tool_calls'.";
                return Err(invalid(message, format!("{place}.role"), None));
            };
            open.remove(at);
            continue;
        }
        unanswered(&open, &place)?;
        open = list(message, "tool_calls").iter().map(|call| text(call, "id")).collect();
        place_of_calls = place;
    }
    unanswered(&open, &place_of_calls)
}

fn unanswered(open: &[&str], place: &str) -> Result<(), Rejection> {
    if open.is_empty() {
        return Ok(());
    }
    let message = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. \
         The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    );
    Err(invalid(message, format!("{place}.role"), None))
}

fn one_message(message: &Value, place: &str) -> Result<(), Rejection> {
    let Some(map) = message.as_object() else { return Err(wrong_type(place, Type::Object, message)) };
    if let Some(key) = unknown(map, MESSAGE) {
        return Err(unknown_parameter(format!("{place}.{key}")));
    }
    let role = text(message, "role");
    if role.is_empty() {
        return Err(missing(format!("{place}.role")));
    }
    if !ROLES.contains(&role) {
        return Err(wrong_value(format!("{place}.role"), role, ROLES));
    }
    let calls = list(message, "tool_calls");
    match message.get("content") {
        Some(Value::String(_)) => {}
        Some(Value::Array(parts)) => {
            for (index, part) in parts.iter().enumerate() {
                let kind = text(part, "type");
                if !PARTS.contains(&kind) {
                    return Err(wrong_value(format!("{place}.content[{index}].type"), kind, PARTS));
                }
                attachment(part, &format!("{place}.content[{index}]"))?;
            }
        }
        None | Some(Value::Null) if role == "assistant" && !calls.is_empty() => {}
        None => return Err(missing(format!("{place}.content"))),
        Some(other) => {
            let message = format!(
                "Invalid value for 'content': expected a string, got {}.",
                crate::wire::fields::type_name(other)
            );
            return Err(invalid(message, format!("{place}.content"), None));
        }
    }
    if message.get("tool_calls").is_some_and(Value::is_array) && calls.is_empty() {
        let message = format!(
            "Invalid '{place}.tool_calls': empty array. Expected an array with minimum length 1, but got an empty \
             array instead."
        );
        return Err(invalid(message, format!("{place}.tool_calls"), Some("empty_array")));
    }
    if !calls.is_empty() && role != "assistant" {
        return Err(unknown_parameter(format!("{place}.tool_calls")));
    }
    for (index, call) in calls.iter().enumerate() {
        let place = format!("{place}.tool_calls[{index}]");
        if text(call, "id").is_empty() {
            return Err(missing(format!("{place}.id")));
        }
        if text(call, "type").is_empty() {
            return Err(missing(format!("{place}.type")));
        }
        let Some(function) = call.get("function") else { return Err(missing(format!("{place}.function"))) };
        for key in ["name", "arguments"] {
            match function.get(key) {
                Some(Value::String(_)) => {}
                None => return Err(missing(format!("{place}.function.{key}"))),
                Some(other) => return Err(wrong_type(format!("{place}.function.{key}"), Type::Text, other)),
            }
        }
    }
    Ok(())
}
