//! The endpoint that writes down. <https://platform.openai.com/docs/api-reference/audio/createTranscription>

use serde_json::{Map, Value, json};

use super::form::Field;
use super::is_recording;
use crate::wire::Rejection;
use crate::wire::openai::{invalid, missing, unknown_parameter};

const FIELDS: &[&str] = &[
    "chunking_strategy",
    "file",
    "include[]",
    "known_speaker_names[]",
    "known_speaker_references[]",
    "language",
    "model",
    "prompt",
    "response_format",
    "stream",
    "temperature",
    "timestamp_granularities[]",
];
const FORMATS: &[&str] = &["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"];

/// The form as JSON: of the file, its name and its length.
pub(crate) fn as_body(fields: &[Field<'_>]) -> Value {
    let value = |field: &Field<'_>| match &field.file_name {
        Some(name) => json!({"filename": name, "bytes": field.value.len()}),
        None => json!(String::from_utf8_lossy(field.value)),
    };
    Value::Object(fields.iter().map(|field| (field.name.clone(), value(field))).collect::<Map<_, _>>())
}

pub(crate) fn validate(fields: &[Field<'_>]) -> Result<(), Rejection> {
    if let Some(field) = fields.iter().find(|field| !FIELDS.contains(&field.name.as_str())) {
        return Err(unknown_parameter(&field.name));
    }
    let given = |name: &str| fields.iter().find(|field| field.name == name);
    let text =
        |name: &str| given(name).map(|field| String::from_utf8_lossy(field.value).into_owned()).unwrap_or_default();
    let Some(file) = given("file") else { return Err(missing("file")) };
    if text("model").is_empty() {
        return Err(missing("model"));
    }
    let extension = file.file_name.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
    if !extension.is_some_and(|extension| FORMATS.contains(&extension.to_ascii_lowercase().as_str())) {
        let formats: Vec<String> = FORMATS.iter().map(|format| format!("'{format}'")).collect();
        let message = format!("Unrecognized file format. Supported formats: [{}]", formats.join(", "));
        return Err(invalid(message, "", None));
    }
    if !is_recording(file.value) {
        return Err(invalid("Audio file might be corrupted or unsupported", "file", Some("invalid_value")));
    }
    let format = text("response_format");
    if text("model").starts_with("gpt-4o") && !["", "json", "text"].contains(&format.as_str()) {
        let message = format!(
            "response_format '{format}' is not compatible with model '{}'. Use 'json' or 'text' instead.",
            text("model")
        );
        return Err(invalid(message, "response_format", Some("unsupported_value")));
    }
    Ok(())
}
