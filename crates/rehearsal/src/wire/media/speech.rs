//! The endpoint that reads out. <https://platform.openai.com/docs/api-reference/audio/createSpeech>

use serde_json::Value;

use crate::wire::Rejection;
use crate::wire::fields::{Type, given, text, unknown};
use crate::wire::openai::{invalid, missing, types, unknown_parameter, wrong_type, wrong_value};

const FIELDS: &[(&str, Type)] = &[
    ("input", Type::Text),
    ("instructions", Type::Text),
    ("model", Type::Text),
    ("response_format", Type::Text),
    ("speed", Type::Number),
    ("stream_format", Type::Text),
    ("voice", Type::Text),
];
pub(crate) const VOICES: &[&str] =
    &["alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"];
const FORMATS: &[&str] = &["mp3", "opus", "aac", "flac", "wav", "pcm"];
const CHARACTERS_MAX: usize = 4096;

pub(crate) fn validate(body: &Value) -> Result<(), Rejection> {
    let Some(map) = body.as_object() else { return Err(wrong_type("body", Type::Object, body)) };
    let known: Vec<&str> = FIELDS.iter().map(|(key, _)| *key).collect();
    if let Some(key) = unknown(map, &known) {
        return Err(unknown_parameter(key));
    }
    types(map, FIELDS)?;
    for key in ["model", "input", "voice"] {
        if given(body, key).is_none() {
            return Err(missing(key));
        }
    }
    for (key, supported) in [("voice", VOICES), ("response_format", FORMATS)] {
        let value = text(body, key);
        if !value.is_empty() && !supported.contains(&value) {
            return Err(wrong_value(key, value, supported));
        }
    }
    let length = text(body, "input").chars().count();
    if length > CHARACTERS_MAX {
        let message = format!(
            "Invalid 'input': string too long. Expected a string with maximum length {CHARACTERS_MAX}, but got a \
             string with length {length} instead."
        );
        return Err(invalid(message, "input", Some("string_above_max_length")));
    }
    Ok(())
}

/// The format and the type of the reply.
pub(crate) fn format(body: &Value) -> (&str, &'static str) {
    let format = match text(body, "response_format") {
        "" => "mp3",
        format => format,
    };
    let kind = match format {
        "mp3" => "audio/mpeg",
        "pcm" => "audio/pcm",
        _ => "audio/wav",
    };
    (format, kind)
}
