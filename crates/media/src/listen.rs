//! Recordings as text. <https://platform.openai.com/docs/api-reference/audio/createTranscription>

use std::hash::{BuildHasher as _, RandomState};

use massgen_python::{Attachment, MediaError, MediaKind, MediaQuestion};
use serde_json::Value;

use crate::ask::silence;
use crate::http::{Content, Line};

/// The words of each recording, as `model` hears them.
pub(crate) async fn transcribe(line: Line<'_>, model: &str, question: MediaQuestion<'_>) -> Result<String, MediaError> {
    if question.attachments.iter().any(|file| file.kind != MediaKind::Audio) {
        return Err(MediaError::new(
            "recordings are written down by themselves: ask about the other files in a question of their own",
        ));
    }
    let mut texts = Vec::new();
    for file in question.attachments {
        let url = line.account.endpoint("/v1", "audio/transcriptions")?;
        let bytes = line.bytes(url, form(model, question.prompt, file)).await?;
        let reply: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        match reply.get("text").and_then(Value::as_str) {
            Some(text) => texts.push(text.to_owned()),
            None => return Err(silence(line, model, &reply)),
        }
    }
    Ok(texts.join("\n"))
}

/// A form as RFC 7578 has it.
fn form(model: &str, prompt: &str, file: &Attachment) -> Content {
    let random = || RandomState::new().hash_one(());
    let boundary = format!("massgen-{:016x}{:016x}", random(), random());
    let mut bytes = Vec::with_capacity(file.bytes.len() + 1024);
    let mut fields = vec![("model", model), ("response_format", "json")];
    fields.extend(Some(("prompt", prompt)).filter(|(_, prompt)| !prompt.trim().is_empty()));
    for (name, value) in fields {
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    // The end of the name is what tells the format there, so it follows from the content and not from the user's name.
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"recording.{}\"\r\nContent-Type: \
         {}\r\n\r\n",
        extension(file.media_type),
        file.media_type
    );
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(&file.bytes);
    bytes.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Content::Form { boundary, bytes }
}

fn extension(media_type: &str) -> &'static str {
    match media_type {
        "audio/wav" => "wav",
        "audio/flac" => "flac",
        "audio/ogg" => "ogg",
        "audio/mp4" => "m4a",
        "video/mp4" | "video/quicktime" => "mp4",
        "video/webm" => "webm",
        _ => "mp3",
    }
}
