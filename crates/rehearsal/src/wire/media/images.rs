//! The endpoint for pictures, as OpenAI and xAI have it.
//!
//! <https://platform.openai.com/docs/api-reference/images/create>, <https://docs.x.ai/docs/guides/image-generation>

use serde_json::{Value, json};

use super::picture;
use crate::wire::Rejection;
use crate::wire::fields::{Type, given, text, unknown};
use crate::wire::openai::{invalid, missing, types, unknown_parameter, wrong_type, wrong_value};

const FIELDS: &[(&str, Type)] = &[
    ("background", Type::Text),
    ("model", Type::Text),
    ("moderation", Type::Text),
    ("n", Type::Integer),
    ("output_compression", Type::Integer),
    ("output_format", Type::Text),
    ("partial_images", Type::Integer),
    ("prompt", Type::Text),
    ("quality", Type::Text),
    ("response_format", Type::Text),
    ("size", Type::Text),
    ("style", Type::Text),
    ("user", Type::Text),
];
const FIELDS_OF_XAI: &[(&str, Type)] = &[
    ("aspect_ratio", Type::Text),
    ("model", Type::Text),
    ("n", Type::Integer),
    ("prompt", Type::Text),
    ("resolution", Type::Text),
    ("response_format", Type::Text),
    ("user", Type::Text),
];
const MODELS: &[&str] = &["gpt-image", "chatgpt-image", "dall-e", "grok-"];

pub(crate) fn validate(body: &Value) -> Result<(), Rejection> {
    let Some(map) = body.as_object() else { return Err(wrong_type("body", Type::Object, body)) };
    let model = text(body, "model");
    let is_xai = model.starts_with("grok-");
    let fields = if is_xai { FIELDS_OF_XAI } else { FIELDS };
    let known: Vec<&str> = fields.iter().map(|(key, _)| *key).collect();
    if let Some(key) = unknown(map, &known) {
        return Err(if is_xai {
            invalid(format!("Argument not supported: {key}"), "", None)
        } else {
            unknown_parameter(key)
        });
    }
    types(map, fields)?;
    for key in ["model", "prompt"] {
        if given(body, key).is_none() {
            return Err(missing(key));
        }
    }
    if !MODELS.iter().any(|family| model.starts_with(family)) {
        return Err(invalid(
            format!("Invalid model '{model}': it does not generate images."),
            "model",
            Some("invalid_value"),
        ));
    }
    let is_old = model.starts_with("dall-e");
    if !is_old && !is_xai && given(body, "response_format").is_some() {
        return Err(unknown_parameter("response_format"));
    }
    let sizes: &[&str] = match model {
        "dall-e-3" => &["1024x1024", "1792x1024", "1024x1792"],
        "dall-e-2" => &["256x256", "512x512", "1024x1024"],
        _ => &["1024x1024", "1024x1536", "1536x1024", "auto"],
    };
    let qualities: &[&str] = if is_old { &["standard", "hd"] } else { &["low", "medium", "high", "auto"] };
    for (key, supported) in [("size", sizes), ("quality", qualities), ("response_format", &["url", "b64_json"])] {
        let value = text(body, key);
        if !value.is_empty() && !supported.contains(&value) {
            return Err(wrong_value(key, value, supported));
        }
    }
    Ok(())
}

/// The reply.
pub(crate) fn whole(body: &Value, created: u64) -> Value {
    let count = given(body, "n").and_then(Value::as_u64).unwrap_or(1).clamp(1, 10);
    // Without a word about it the older models send addresses; nothing else is behind this one.
    let is_address = match text(body, "response_format") {
        "" => text(body, "model").starts_with("dall-e") || text(body, "model").starts_with("grok-"),
        format => format == "url",
    };
    let one = || {
        if is_address {
            json!({"url": format!("data:image/png;base64,{}", picture())})
        } else {
            json!({"b64_json": picture()})
        }
    };
    let data: Vec<Value> = (0..count).map(|_| one()).collect();
    json!({"created": created, "data": data})
}
