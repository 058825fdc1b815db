//! Questions about files, one form for each wire protocol.
//!
//! <https://platform.openai.com/docs/api-reference/responses/create>,
//! <https://docs.claude.com/en/api/messages>, <https://ai.google.dev/api/generate-content>,
//! <https://platform.openai.com/docs/api-reference/chat/create>.

use massgen_providers::Protocol;
use massgen_python::{Attachment, MediaError, MediaKind, MediaQuestion};
use serde_json::{Value, json};

use crate::attached::{data_url, encoded};
use crate::http::Line;

/// Enough for a long description, and not more than any model gives.
const ANSWER_TOKENS_MAX: u32 = 4096;
const WORDS_PROMPT: &str = "Write down the words of this recording.";

/// What `model` answers.
pub(crate) async fn ask(line: Line<'_>, model: &str, question: MediaQuestion<'_>) -> Result<String, MediaError> {
    let prompt = if question.prompt.trim().is_empty() { WORDS_PROMPT } else { question.prompt };
    let files = question.attachments;
    let account = line.account;
    let (url, body) = match account.provider.protocol {
        Protocol::Responses => {
            let body = json!({"model": model, "store": false, "input": [responses_message(prompt, files)]});
            (account.endpoint("/v1", "responses")?, body)
        }
        Protocol::Messages => {
            let mut parts: Vec<Value> = files.iter().map(messages_part).collect();
            parts.push(json!({"type": "text", "text": prompt}));
            let messages = json!([{"role": "user", "content": parts}]);
            let body = json!({"model": model, "max_tokens": ANSWER_TOKENS_MAX, "messages": messages});
            (account.endpoint("/v1", "messages")?, body)
        }
        Protocol::Gemini => {
            let body = json!({"contents": [gemini_content(prompt, files)]});
            (account.gemini(model, "generateContent")?, body)
        }
        Protocol::ChatCompletions | Protocol::Program | Protocol::Framework => {
            let body = json!({"model": model, "messages": [chat_message(prompt, files)]});
            (account.endpoint("/v1", "chat/completions")?, body)
        }
    };
    let reply = line.json(url, body).await?;
    let text = match account.provider.protocol {
        Protocol::Responses => responses_text(&reply),
        Protocol::Messages => texts(reply.get("content"), |part| part.get("type") == Some(&json!("text"))),
        Protocol::Gemini => gemini_text(&reply),
        Protocol::ChatCompletions | Protocol::Program | Protocol::Framework => chat_text(&reply),
    };
    if text.trim().is_empty() { Err(silence(line, model, &reply)) } else { Ok(text) }
}

/// Why there is nothing in a reply, as far as it says.
pub(crate) fn silence(line: Line<'_>, model: &str, reply: &Value) -> MediaError {
    let places = [
        "/promptFeedback/blockReason",
        "/candidates/0/finishReason",
        "/incomplete_details/reason",
        "/error/message",
        "/choices/0/message/refusal",
        "/choices/0/finish_reason",
        "/stop_reason",
        "/output/0/content/0/refusal",
        "/status",
    ];
    let reason = places.iter().find_map(|place| reply.pointer(place).and_then(Value::as_str));
    line.error(&format!("gave nothing back from {model} ({})", reason.unwrap_or("no reason given")))
}

pub(crate) fn responses_message(prompt: &str, files: &[Attachment]) -> Value {
    let part = |file: &Attachment| match file.kind {
        MediaKind::Image => json!({"type": "input_image", "image_url": data_url(file), "detail": "auto"}),
        _ => json!({"type": "input_file", "filename": file.file_name(), "file_data": data_url(file)}),
    };
    let mut parts: Vec<Value> = files.iter().map(part).collect();
    parts.push(json!({"type": "input_text", "text": prompt}));
    json!({"role": "user", "content": parts})
}

pub(crate) fn responses_text(reply: &Value) -> String {
    let items = reply.get("output").and_then(Value::as_array).into_iter().flatten();
    let said = items.map(|item| texts(item.get("content"), |part| part.get("type") == Some(&json!("output_text"))));
    said.collect::<Vec<_>>().concat()
}

fn messages_part(file: &Attachment) -> Value {
    let kind = if file.kind == MediaKind::Image { "image" } else { "document" };
    json!({"type": kind, "source": {"type": "base64", "media_type": file.media_type, "data": encoded(file)}})
}

pub(crate) fn gemini_content(prompt: &str, files: &[Attachment]) -> Value {
    let part = |file: &Attachment| json!({"inlineData": {"mimeType": file.media_type, "data": encoded(file)}});
    let mut parts: Vec<Value> = files.iter().map(part).collect();
    parts.push(json!({"text": prompt}));
    json!({"role": "user", "parts": parts})
}

pub(crate) fn gemini_text(reply: &Value) -> String {
    let is_said = |part: &Value| part.get("thought") != Some(&Value::Bool(true));
    texts(reply.pointer("/candidates/0/content/parts"), is_said)
}

pub(crate) fn chat_message(prompt: &str, files: &[Attachment]) -> Value {
    if files.is_empty() {
        return json!({"role": "user", "content": prompt});
    }
    let part = |file: &Attachment| match file.kind {
        MediaKind::Image => json!({"type": "image_url", "image_url": {"url": data_url(file)}}),
        _ => json!({"type": "file", "file": {"filename": file.file_name(), "file_data": data_url(file)}}),
    };
    let mut parts = vec![json!({"type": "text", "text": prompt})];
    parts.extend(files.iter().map(part));
    json!({"role": "user", "content": parts})
}

pub(crate) fn chat_text(reply: &Value) -> String {
    match reply.pointer("/choices/0/message/content") {
        Some(Value::String(text)) => text.clone(),
        parts => texts(parts, |_| true),
    }
}

fn texts(parts: Option<&Value>, counts: impl Fn(&Value) -> bool) -> String {
    let parts = parts.and_then(Value::as_array).into_iter().flatten();
    parts.filter(|part| counts(part)).filter_map(|part| part.get("text")?.as_str()).collect()
}
