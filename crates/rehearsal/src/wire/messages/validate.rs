//! What the Messages endpoint refuses.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::errors::invalid;
use crate::signature;
use crate::wire::Rejection;
use crate::wire::fields::{Type, flag, given, is_function_name, list, text, unknown};
use crate::wire::media::{decoded, image_type};

const FIELDS: &[(&str, Type)] = &[
    ("cache_control", Type::Object),
    ("container", Type::TextOrObject),
    ("diagnostics", Type::Object),
    ("inference_geo", Type::Text),
    ("max_tokens", Type::Integer),
    ("messages", Type::Array),
    ("metadata", Type::Object),
    ("model", Type::Text),
    ("output_config", Type::Object),
    ("service_tier", Type::Text),
    ("speed", Type::Text),
    ("stop_sequences", Type::Array),
    ("stream", Type::Bool),
    ("system", Type::TextOrArray),
    ("temperature", Type::Number),
    ("thinking", Type::Object),
    ("tool_choice", Type::Object),
    ("tools", Type::Array),
    ("top_k", Type::Integer),
    ("top_p", Type::Number),
];

/// Fields that take an `anthropic-beta` header.
const BETA_FIELDS: &[&str] =
    &["context_management", "mcp_servers", "output_format", "compaction", "fallbacks", "billing_policy"];

/// Kinds of content blocks, each with the keys it may have besides `type` and `cache_control`.
const BLOCKS: &[(&str, &[&str])] = &[
    ("text", &["text", "citations"]),
    ("image", &["source"]),
    ("document", &["source", "title", "context", "citations"]),
    ("search_result", &["source", "title", "content", "citations"]),
    ("thinking", &["thinking", "signature"]),
    ("redacted_thinking", &["data"]),
    ("tool_use", &["id", "name", "input", "caller", "toolset_name"]),
    ("tool_result", &["tool_use_id", "content", "is_error"]),
    ("server_tool_use", &["id", "name", "input", "caller"]),
    ("web_search_tool_result", &["tool_use_id", "content", "caller"]),
    ("web_fetch_tool_result", &["tool_use_id", "content", "caller"]),
    ("code_execution_tool_result", &["tool_use_id", "content"]),
    ("bash_code_execution_tool_result", &["tool_use_id", "content"]),
    ("text_editor_code_execution_tool_result", &["tool_use_id", "content"]),
    ("tool_search_tool_result", &["tool_use_id", "content"]),
    ("container_upload", &["file_id"]),
];

const CACHE_MARKS_MAX: usize = 4;
const NAME_MAX: usize = 128;

pub(in crate::wire) fn validate(body: &Value, beta: bool) -> Result<(), Rejection> {
    let Some(map) = body.as_object() else {
        return Err(invalid("The request body is not valid JSON: expected an object"));
    };
    top_level(map, beta)?;
    if list(body, "messages").is_empty() {
        return Err(invalid("messages: at least one message is required"));
    }
    tools(body)?;
    thinking(body)?;
    cache_marks(body)?;
    messages(body)
}

fn top_level(map: &Map<String, Value>, beta: bool) -> Result<(), Rejection> {
    for key in ["model", "max_tokens", "messages"] {
        if map.get(key).is_none_or(Value::is_null) {
            return Err(invalid(format!("{key}: Field required")));
        }
    }
    let known: Vec<&str> = FIELDS.iter().map(|(key, _)| *key).collect();
    let mut unknown = map.keys().filter(|key| !known.contains(&key.as_str()));
    if let Some(key) = unknown.find(|key| !(beta && BETA_FIELDS.contains(&key.as_str()))) {
        return Err(invalid(format!("{key}: Extra inputs are not permitted")));
    }
    for (key, expected) in FIELDS {
        if let Some(value) = map.get(*key).filter(|value| !value.is_null() && !expected.admits(value)) {
            let wanted = match expected {
                Type::Text | Type::TextOrObject | Type::TextOrArray => "a valid string",
                Type::Bool => "a valid boolean",
                Type::Integer => "a valid integer",
                Type::Number => "a valid number",
                Type::Object => "a valid dictionary",
                Type::Array => "a valid list",
            };
            let _ = value;
            return Err(invalid(format!("{key}: Input should be {wanted}")));
        }
    }
    if map.get("max_tokens").and_then(Value::as_i64).is_some_and(|limit| limit < 1) {
        return Err(invalid("max_tokens: must be greater than or equal to 1"));
    }
    for key in ["temperature", "top_p"] {
        if map.get(key).and_then(Value::as_f64).is_some_and(|value| !(0.0..=1.0).contains(&value)) {
            return Err(invalid(format!("{key}: range: 0..1")));
        }
    }
    let given = |key: &str| map.get(key).is_some_and(|value| !value.is_null());
    let model = map.get("model").and_then(Value::as_str).unwrap_or_default();
    if given("temperature") && given("top_p") && takes_one_sampling_parameter(model) {
        return Err(invalid("`temperature` and `top_p` cannot both be specified for this model. Please use only one."));
    }
    Ok(())
}

/// Models since Opus 4.1.
fn takes_one_sampling_parameter(model: &str) -> bool {
    ["opus-4-1", "-4-5", "-4-6", "-4-7", "-5"].iter().any(|version| model.contains(version)) && !model.contains("-3-5")
}

fn tools(body: &Value) -> Result<(), Rejection> {
    let tools = list(body, "tools");
    let mut names = HashSet::new();
    for (index, tool) in tools.iter().enumerate() {
        let kind = text(tool, "type");
        let name = text(tool, "name");
        if !matches!(kind, "" | "custom") {
            if !names.insert(name) {
                return Err(invalid("tools: Tool names must be unique."));
            }
            continue;
        }
        let place = format!("tools.{index}.custom");
        let Some(map) = tool.as_object() else { return Err(invalid(format!("{place}: Input should be an object"))) };
        for key in ["name", "input_schema"] {
            if !map.contains_key(key) {
                return Err(invalid(format!("{place}.{key}: Field required")));
            }
        }
        let known = [
            "type",
            "name",
            "description",
            "input_schema",
            "cache_control",
            "strict",
            "eager_input_streaming",
            "defer_loading",
            "allowed_callers",
            "input_examples",
        ];
        if let Some(key) = unknown(map, &known) {
            return Err(invalid(format!("{place}.{key}: Extra inputs are not permitted")));
        }
        if !is_function_name(name, NAME_MAX) {
            return Err(invalid(format!("{place}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")));
        }
        let schema = map.get("input_schema");
        match schema.and_then(|schema| schema.get("type")) {
            None if schema.is_some_and(|schema| !schema.is_object()) => {
                return Err(invalid(format!("{place}.input_schema: Input should be a valid dictionary")));
            }
            None => return Err(invalid(format!("{place}.input_schema.type: Field required"))),
            Some(kind) if kind != "object" => {
                return Err(invalid(format!("{place}.input_schema.type: Input should be 'object'")));
            }
            Some(_) => {}
        }
        if !names.insert(name) {
            return Err(invalid("tools: Tool names must be unique."));
        }
    }
    let Some(choice) = given(body, "tool_choice") else { return Ok(()) };
    let kind = text(choice, "type");
    if !["auto", "any", "tool", "none"].contains(&kind) {
        return Err(invalid(format!(
            "tool_choice: Input tag '{kind}' found using 'type' does not match any of the expected tags: 'any', \
             'auto', 'none', 'tool'"
        )));
    }
    if tools.is_empty() && kind != "none" {
        return Err(invalid("tool_choice may only be specified while providing tools"));
    }
    if kind == "tool" && !names.contains(text(choice, "name")) {
        return Err(invalid(format!("Tool '{}' not found in provided tools", text(choice, "name"))));
    }
    Ok(())
}

fn thinks(body: &Value) -> bool {
    given(body, "thinking").is_some_and(|thinking| matches!(text(thinking, "type"), "enabled" | "adaptive"))
}

fn thinking(body: &Value) -> Result<(), Rejection> {
    let Some(thinking) = given(body, "thinking") else { return Ok(()) };
    match text(thinking, "type") {
        "enabled" => {
            let Some(budget) = thinking.get("budget_tokens").and_then(Value::as_i64) else {
                return Err(invalid("thinking.enabled.budget_tokens: Field required"));
            };
            if budget < 1024 {
                return Err(invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"));
            }
            if given(body, "max_tokens").and_then(Value::as_i64).is_some_and(|limit| limit <= budget) {
                return Err(invalid(
                    "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at \
                     https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size",
                ));
            }
        }
        "adaptive" => {}
        "disabled" => return Ok(()),
        kind => {
            return Err(invalid(format!(
                "thinking: Input tag '{kind}' found using 'type' does not match any of the expected tags: 'adaptive', \
                 'disabled', 'enabled'"
            )));
        }
    }
    if given(body, "temperature").and_then(Value::as_f64).is_some_and(|value| (value - 1.0).abs() > f64::EPSILON) {
        return Err(invalid(
            "`temperature` may only be set to 1 when thinking is enabled. Please consult our documentation at \
             https://docs.claude.com/en/docs/build-with-claude/extended-thinking#important-considerations-when-using-extended-thinking",
        ));
    }
    if given(body, "top_k").is_some() {
        return Err(invalid("`top_k` must be unset when thinking is enabled."));
    }
    if given(body, "tool_choice").is_some_and(|choice| matches!(text(choice, "type"), "any" | "tool")) {
        return Err(invalid("Thinking may not be enabled when tool_choice forces tool use."));
    }
    Ok(())
}

fn cache_marks(body: &Value) -> Result<(), Rejection> {
    let blocks = list(body, "messages").iter().enumerate().flat_map(|(index, message)| {
        let place = move |block: usize| format!("messages.{index}.content.{block}");
        list(message, "content").iter().enumerate().map(move |(block, value)| (place(block), value))
    });
    let system = list(body, "system").iter().enumerate().map(|(index, value)| (format!("system.{index}"), value));
    let tools = list(body, "tools").iter().enumerate().map(|(index, value)| (format!("tools.{index}"), value));
    let mut marks = usize::from(given(body, "cache_control").is_some());
    for (place, value) in blocks.chain(system).chain(tools) {
        let Some(mark) = given(value, "cache_control") else { continue };
        marks += 1;
        if text(mark, "type") != "ephemeral" {
            return Err(invalid(format!(
                "{place}.cache_control: Input tag '{}' found using 'type' does not match any of the expected tags: \
                 'ephemeral'",
                text(mark, "type")
            )));
        }
        if !matches!(text(mark, "ttl"), "" | "5m" | "1h") {
            return Err(invalid(format!("{place}.cache_control.ephemeral.ttl: Input should be '5m' or '1h'")));
        }
        if text(value, "type") == "text" && text(value, "text").is_empty() {
            return Err(invalid(format!("{place}: cache_control cannot be set for empty text blocks")));
        }
        if matches!(text(value, "type"), "thinking" | "redacted_thinking") {
            let kind = text(value, "type");
            return Err(invalid(format!("{place}.{kind}.cache_control: Extra inputs are not permitted")));
        }
    }
    if marks > CACHE_MARKS_MAX {
        return Err(invalid(format!(
            "A maximum of {CACHE_MARKS_MAX} blocks with cache_control may be provided. Found {marks}."
        )));
    }
    Ok(())
}

fn messages(body: &Value) -> Result<(), Rejection> {
    let messages = list(body, "messages");
    for (index, message) in messages.iter().enumerate() {
        one_message(message, index, index + 1 == messages.len())?;
    }
    if messages.first().is_some_and(|message| text(message, "role") != "user") {
        return Err(invalid("messages: first message must use the \"user\" role"));
    }
    results(messages)?;
    let Some((index, last)) = messages.iter().enumerate().rfind(|(_, message)| text(message, "role") == "assistant")
    else {
        return Ok(());
    };
    let in_tool_loop = list(last, "content").iter().any(|block| text(block, "type") == "tool_use");
    let first = list(last, "content").first().map_or("", |block| text(block, "type"));
    let enabled = given(body, "thinking").is_some_and(|thinking| text(thinking, "type") == "enabled");
    if thinks(body) && enabled && in_tool_loop && !matches!(first, "thinking" | "redacted_thinking") {
        return Err(invalid(format!(
            "messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{first}`. When \
             `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the \
             lastmost set of `tool_use` and `tool_result` blocks). We recommend you include thinking blocks from \
             previous turns. To avoid this requirement, disable `thinking`. Please consult our documentation at \
             https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
        )));
    }
    Ok(())
}

fn one_message(message: &Value, index: usize, last: bool) -> Result<(), Rejection> {
    let Some(map) = message.as_object() else {
        return Err(invalid(format!("messages.{index}: Input should be a valid dictionary")));
    };
    for key in ["role", "content"] {
        if !map.contains_key(key) {
            return Err(invalid(format!("messages.{index}.{key}: Field required")));
        }
    }
    if let Some(key) = unknown(map, &["role", "content"]) {
        return Err(invalid(format!("messages.{index}.{key}: Extra inputs are not permitted")));
    }
    let role = text(message, "role");
    if role == "system" {
        return Err(invalid(
            "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, not \
             \"system\" as an input message role.",
        ));
    }
    if !matches!(role, "user" | "assistant") {
        return Err(invalid(format!(
            "messages: Unexpected role \"{role}\". Allowed roles are \"user\" or \"assistant\""
        )));
    }
    let trailing = role == "assistant" && last;
    let ends_in_space = |text: &str| trailing && text.ends_with(char::is_whitespace);
    let blocks = match map.get("content") {
        Some(Value::String(said)) if said.is_empty() && !trailing => &[][..],
        Some(Value::String(said)) if ends_in_space(said) => {
            return Err(invalid("messages: final assistant content cannot end with trailing whitespace"));
        }
        Some(Value::String(_)) => return Ok(()),
        Some(Value::Array(blocks)) => blocks,
        _ => return Err(invalid(format!("messages.{index}.content: Input should be a valid list"))),
    };
    if blocks.is_empty() && !trailing {
        return Err(invalid(format!(
            "messages.{index}: all messages must have non-empty content except for the optional final assistant message"
        )));
    }
    for (at, block) in blocks.iter().enumerate() {
        one_block(block, role, &format!("messages.{index}.content.{at}"))?;
    }
    if blocks.last().is_some_and(|block| ends_in_space(text(block, "text"))) {
        return Err(invalid("messages: final assistant content cannot end with trailing whitespace"));
    }
    Ok(())
}

fn one_block(block: &Value, role: &str, place: &str) -> Result<(), Rejection> {
    let Some(map) = block.as_object() else {
        return Err(invalid(format!("{place}: Input should be a valid dictionary")));
    };
    let kind = text(block, "type");
    let Some((_, keys)) = BLOCKS.iter().find(|(known, _)| *known == kind) else {
        let known: Vec<String> = BLOCKS.iter().map(|(known, _)| format!("'{known}'")).collect();
        return Err(invalid(format!(
            "{place}: Input tag '{kind}' found using 'type' does not match any of the expected tags: {}",
            known.join(", ")
        )));
    };
    let extra =
        map.keys().find(|key| !["type", "cache_control"].contains(&key.as_str()) && !keys.contains(&key.as_str()));
    if let Some(key) = extra {
        return Err(invalid(format!("{place}.{kind}.{key}: Extra inputs are not permitted")));
    }
    let required: &[&str] = match kind {
        "text" => &["text"],
        "thinking" => &["thinking", "signature"],
        "redacted_thinking" => &["data"],
        "tool_use" => &["id", "name", "input"],
        "tool_result" => &["tool_use_id"],
        _ => &[],
    };
    if let Some(key) = required.iter().find(|key| !map.contains_key(**key)) {
        return Err(invalid(format!("{place}.{kind}.{key}: Field required")));
    }
    match kind {
        "text" if text(block, "text").is_empty() => Err(invalid("messages: text content blocks must be non-empty")),
        "image" | "document" if role != "user" => {
            Err(invalid(format!("messages: `{kind}` blocks can only be in `user` messages")))
        }
        "image" | "document" => source(block, kind, place),
        "tool_use" if !map.get("input").is_some_and(Value::is_object) => {
            Err(invalid(format!("{place}.tool_use.input: Input should be a valid dictionary")))
        }
        "tool_use" if !is_function_name(text(block, "id"), 256) => {
            Err(invalid(format!("{place}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")))
        }
        "tool_use" | "thinking" | "redacted_thinking" if role != "assistant" => {
            Err(invalid(format!("messages: `{kind}` blocks can only be in `assistant` messages")))
        }
        "tool_result" if role != "user" => {
            Err(invalid("messages: `tool_result` blocks can only be in `user` messages"))
        }
        "tool_result" if flag(block, "is_error") && given(block, "content").is_none_or(|content| content == "") => {
            Err(invalid(format!("{place}.tool_result: content cannot be empty if `is_error` is true")))
        }
        "thinking" if text(block, "signature") != signature::of_text(text(block, "thinking")) => {
            Err(invalid(format!("{place}: Invalid `signature` in `thinking` block")))
        }
        _ => Ok(()),
    }
}

/// Where a picture or a document comes from; when it is in the request, that it is what it says.
fn source(block: &Value, kind: &str, place: &str) -> Result<(), Rejection> {
    const IMAGE_BYTES_MAX: usize = 5 << 20;
    let Some(source) = given(block, "source") else {
        return Err(invalid(format!("{place}.{kind}.source: Field required")));
    };
    let from = text(source, "type");
    let forms: &[&str] =
        if kind == "image" { &["base64", "url", "file"] } else { &["base64", "text", "content", "url", "file"] };
    if !forms.contains(&from) {
        let expected: Vec<String> = forms.iter().map(|form| format!("'{form}'")).collect();
        return Err(invalid(format!(
            "{place}.{kind}.source: Input tag '{from}' found using 'type' does not match any of the expected tags: {}",
            expected.join(", ")
        )));
    }
    if from != "base64" {
        return Ok(());
    }
    let place = format!("{place}.{kind}.source.base64");
    for key in ["media_type", "data"] {
        if given(source, key).is_none() {
            return Err(invalid(format!("{place}.{key}: Field required")));
        }
    }
    if let Some(key) = source.as_object().and_then(|map| unknown(map, &["type", "media_type", "data"])) {
        return Err(invalid(format!("{place}.{key}: Extra inputs are not permitted")));
    }
    let told = text(source, "media_type");
    let allowed: &[&str] =
        if kind == "image" { &["image/jpeg", "image/png", "image/gif", "image/webp"] } else { &["application/pdf"] };
    if !allowed.contains(&told) {
        let expected: Vec<String> = allowed.iter().map(|kind| format!("'{kind}'")).collect();
        return Err(invalid(format!("{place}.media_type: Input should be {}", expected.join(", "))));
    }
    let Some(bytes) = decoded(text(source, "data")) else {
        return Err(invalid(format!("{place}.data: Input should be a valid base64 string")));
    };
    if kind == "document" {
        let is_pdf = bytes.starts_with(b"%PDF-");
        return if is_pdf { Ok(()) } else { Err(invalid(format!("{place}: The PDF specified was not valid."))) };
    }
    if bytes.len() > IMAGE_BYTES_MAX {
        let length = bytes.len();
        return Err(invalid(format!("{place}: image exceeds 5 MB maximum: {length} bytes > {IMAGE_BYTES_MAX} bytes")));
    }
    match image_type(&bytes) {
        Some(found) if found == told => Ok(()),
        Some(found) => Err(invalid(format!(
            "{place}.data: The image was specified using the {told} media type, but the image appears to be a {found} \
             image"
        ))),
        None => Err(invalid(format!("{place}: Could not process image"))),
    }
}

/// Every use of a tool is answered at the start of the very next message, and nothing else is.
fn results(messages: &[Value]) -> Result<(), Rejection> {
    let mut used: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let blocks = list(message, "content");
        let leading = blocks.iter().take_while(|block| text(block, "type") == "tool_result");
        let answered: HashSet<&str> = leading.map(|block| text(block, "tool_use_id")).collect();
        let open: Vec<&str> = used.iter().copied().filter(|id| !answered.contains(id)).collect();
        if !open.is_empty() {
            return Err(unanswered(index.saturating_sub(1), &open));
        }
        let mut seen = HashSet::new();
        for (at, block) in blocks.iter().enumerate().filter(|(_, block)| text(block, "type") == "tool_result") {
            let id = text(block, "tool_use_id");
            if !used.contains(&id) {
                return Err(invalid(format!(
                    "messages.{index}.content.{at}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                     `tool_result` block must have a corresponding `tool_use` block in the previous message."
                )));
            }
            if !seen.insert(id) {
                return Err(invalid(format!(
                    "messages.{index}.content.{at}: each tool_use must have a single result. Found multiple \
                     `tool_result` blocks with id: {id}"
                )));
            }
        }
        used = blocks.iter().filter(|block| text(block, "type") == "tool_use").map(|block| text(block, "id")).collect();
        let distinct: HashSet<&str> = used.iter().copied().collect();
        if distinct.len() < used.len() {
            return Err(invalid("messages: `tool_use` ids must be unique"));
        }
    }
    if used.is_empty() { Ok(()) } else { Err(unanswered(messages.len().saturating_sub(1), &used)) }
}

fn unanswered(index: usize, ids: &[&str]) -> Rejection {
    invalid(format!(
        "messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each \
         `tool_use` block must have a corresponding `tool_result` block in the next message.",
        ids.join(", ")
    ))
}
