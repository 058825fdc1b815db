//! Speech. <https://platform.openai.com/docs/api-reference/audio/createSpeech>,
//! <https://platform.openai.com/docs/guides/audio>

use massgen_python::{MadeFile, MediaError, SpeechOrder};
use serde_json::{Value, json};

use crate::ask::silence;
use crate::attached::decoded;
use crate::http::{Content, Line};

/// Has `model` speak; with its words, when they are its own.
pub(crate) async fn speak(
    line: Line<'_>,
    model: &str,
    order: SpeechOrder<'_>,
) -> Result<(MadeFile, Option<String>), MediaError> {
    let (bytes, text) =
        if order.answers { reply(line, model, order).await? } else { (read_out(line, model, order).await?, None) };
    if bytes.is_empty() {
        return Err(line.error(&format!("sent no sound from {model}")));
    }
    Ok((MadeFile { bytes, extension: order.format.to_owned() }, text))
}

async fn read_out(line: Line<'_>, model: &str, order: SpeechOrder<'_>) -> Result<Vec<u8>, MediaError> {
    let mut body = json!({"model": model, "input": order.text, "voice": order.voice, "response_format": order.format});
    if let (Some(instructions), Some(map)) = (order.instructions, body.as_object_mut()) {
        map.insert("instructions".to_owned(), json!(instructions));
    }
    line.bytes(line.account.endpoint("/v1", "audio/speech")?, Content::Json(body)).await
}

async fn reply(line: Line<'_>, model: &str, order: SpeechOrder<'_>) -> Result<(Vec<u8>, Option<String>), MediaError> {
    let format = if order.format == "pcm" { "pcm16" } else { order.format };
    let body = json!({
        "model": model, "modalities": ["text", "audio"], "audio": {"voice": order.voice, "format": format},
        "messages": [{"role": "user", "content": order.text}],
    });
    let reply = line.json(line.account.endpoint("/v1", "chat/completions")?, body).await?;
    let Some(audio) = reply.pointer("/choices/0/message/audio") else { return Err(silence(line, model, &reply)) };
    let words = audio.get("transcript").and_then(Value::as_str).map(str::to_owned);
    Ok((decoded(audio.get("data").and_then(Value::as_str).unwrap_or_default())?, words))
}
