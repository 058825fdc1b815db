//! Pictures.
//!
//! <https://platform.openai.com/docs/guides/image-generation>, <https://ai.google.dev/gemini-api/docs/image-generation>,
//! <https://docs.x.ai/docs/guides/image-generation>, <https://openrouter.ai/docs/features/multimodal/image-generation>.

use massgen_providers::Protocol;
use massgen_python::{DrawingOrder, MadeFile, MediaError};
use serde_json::{Value, json};

use crate::ask::{chat_message, chat_text, gemini_content, gemini_text, responses_message, responses_text, silence};
use crate::attached::{decoded, picture_extension};
use crate::choose::is_painter;
use crate::http::Line;

/// What came of an order.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) files: Vec<MadeFile>,
    pub(crate) text: Option<String>,
}

/// More pictures in a reply are left out.
const PICTURES_MAX: usize = 8;

/// In which form a provider draws.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// An endpoint for pictures alone.
    Images,
    /// A tool of a chat model.
    Responses,
    Gemini,
    Chat,
}

impl Form {
    fn pictures(self, reply: &Value) -> Vec<&str> {
        match self {
            Self::Images => images_pictures(reply),
            Self::Responses => responses_pictures(reply),
            Self::Gemini => gemini_pictures(reply),
            Self::Chat => chat_pictures(reply),
        }
    }

    fn text(self, reply: &Value) -> String {
        match self {
            Self::Images => String::new(),
            Self::Responses => responses_text(reply),
            Self::Gemini => gemini_text(reply),
            Self::Chat => chat_text(reply),
        }
    }
}

/// Has `model` draw.
pub(crate) async fn draw(line: Line<'_>, model: &str, order: DrawingOrder<'_>) -> Result<Drawn, MediaError> {
    let account = line.account;
    let is_grok = account.provider.kind == "grok";
    let form = match account.provider.protocol {
        Protocol::Responses if is_grok || (is_painter(model) && order.images.is_empty()) => Form::Images,
        Protocol::Responses => Form::Responses,
        Protocol::Gemini => Form::Gemini,
        _ => Form::Chat,
    };
    let (url, body) = match form {
        Form::Images if is_grok => (account.endpoint("/v1", "images/generations")?, grok_body(model, order)),
        Form::Images => (account.endpoint("/v1", "images/generations")?, images_body(model, order)),
        Form::Responses => (account.endpoint("/v1", "responses")?, responses_body(line, model, order)?),
        Form::Gemini if model.starts_with("imagen") => {
            return Err(line.error("has Imagen behind another kind of request: use gemini-2.5-flash-image"));
        }
        Form::Gemini => (account.gemini(model, "generateContent")?, gemini_body(order)),
        Form::Chat => (account.endpoint("/v1", "chat/completions")?, chat_body(model, order)),
    };
    let reply = line.json(url, body).await?;
    let (pictures, text) = (form.pictures(&reply), form.text(&reply));
    let text = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    if pictures.is_empty() {
        return Err(match &text {
            // The model has talked instead, and says why.
            Some(said) => line.error(&format!("drew nothing; {model} says: {}", brief(said))),
            None => silence(line, model, &reply),
        });
    }
    let mut files = Vec::new();
    for picture in pictures.into_iter().take(PICTURES_MAX) {
        let bytes = decoded(picture)?;
        let Some(extension) = picture_extension(&bytes) else {
            return Err(line.error("sent something that is no picture"));
        };
        files.push(MadeFile { bytes, extension: extension.to_owned() });
    }
    Ok(Drawn { files, text })
}

fn grok_body(model: &str, order: DrawingOrder<'_>) -> Value {
    let mut body = json!({"model": model, "prompt": order.prompt, "n": 1, "response_format": "b64_json"});
    set(&mut body, "aspect_ratio", order.aspect_ratio);
    body
}

fn gemini_body(order: DrawingOrder<'_>) -> Value {
    let mut config = json!({"responseModalities": ["TEXT", "IMAGE"]});
    if let Some(ratio) = order.aspect_ratio {
        set_value(&mut config, "imageConfig", json!({"aspectRatio": ratio}));
    }
    json!({"contents": [gemini_content(order.prompt, order.images)], "generationConfig": config})
}

fn chat_body(model: &str, order: DrawingOrder<'_>) -> Value {
    let messages = json!([chat_message(order.prompt, order.images)]);
    let mut body = json!({"model": model, "messages": messages, "modalities": ["image", "text"]});
    if let Some(ratio) = order.aspect_ratio {
        set_value(&mut body, "image_config", json!({"aspect_ratio": ratio}));
    }
    body
}

fn images_body(model: &str, order: DrawingOrder<'_>) -> Value {
    let mut body = json!({"model": model, "prompt": order.prompt, "n": 1});
    let is_old = model.starts_with("dall-e");
    if is_old {
        // The newer ones send nothing else, and refuse the key.
        set(&mut body, "response_format", Some("b64_json"));
    }
    set(&mut body, "size", order.aspect_ratio.and_then(|ratio| size(ratio, is_old)));
    set(&mut body, "quality", order.quality);
    body
}

/// A chat model that draws with its tool. A painter that is asked for draws for the usual one, which sees the pictures.
fn responses_body(line: Line<'_>, model: &str, order: DrawingOrder<'_>) -> Result<Value, MediaError> {
    let mut tool = json!({"type": "image_generation"});
    set(&mut tool, "size", order.aspect_ratio.and_then(|ratio| size(ratio, false)));
    set(&mut tool, "quality", order.quality);
    let mut chat_model = model;
    if is_painter(model) {
        let usual = line.account.own_model.as_deref().or(line.account.provider.default_model);
        if model.starts_with("dall-e") {
            return Err(line.error("draws from pictures only with gpt-image models: leave `model` out"));
        }
        chat_model = usual.ok_or_else(|| line.error("has no usual model: name a chat model as `model`"))?;
        set(&mut tool, "model", Some(model));
    }
    Ok(json!({
        "model": chat_model, "store": false, "input": [responses_message(order.prompt, order.images)],
        "tools": [tool], "tool_choice": {"type": "image_generation"},
    }))
}

/// The size that is nearest to a ratio; `None` for what is no ratio.
fn size(ratio: &str, is_old: bool) -> Option<&'static str> {
    let (width, height) = ratio.split_once(':')?;
    let (width, height): (f64, f64) = (width.trim().parse().ok()?, height.trim().parse().ok()?);
    Some(match (width > height * 1.1, height > width * 1.1, is_old) {
        (true, _, false) => "1536x1024",
        (_, true, false) => "1024x1536",
        (true, _, true) => "1792x1024",
        (_, true, true) => "1024x1792",
        _ => "1024x1024",
    })
}

fn items<'a>(reply: &'a Value, place: &str) -> impl Iterator<Item = &'a Value> {
    reply.pointer(place).and_then(Value::as_array).into_iter().flatten()
}

fn images_pictures(reply: &Value) -> Vec<&str> {
    items(reply, "/data").filter_map(|item| item.get("b64_json")?.as_str()).collect()
}

fn responses_pictures(reply: &Value) -> Vec<&str> {
    let drawn = items(reply, "/output").filter(|item| item.get("type") == Some(&json!("image_generation_call")));
    drawn.filter_map(|item| item.get("result")?.as_str()).collect()
}

fn gemini_pictures(reply: &Value) -> Vec<&str> {
    let parts = items(reply, "/candidates/0/content/parts");
    // What it drew while it thought is not what it was asked for.
    let shown = parts.filter(|part| part.get("thought") != Some(&Value::Bool(true)));
    shown.filter_map(|part| part.pointer("/inlineData/data")?.as_str()).collect()
}

fn chat_pictures(reply: &Value) -> Vec<&str> {
    let urls = items(reply, "/choices/0/message/images").filter_map(|item| item.pointer("/image_url/url")?.as_str());
    urls.filter_map(|url| url.strip_prefix("data:")?.split_once(";base64,").map(|(_, data)| data)).collect()
}

fn set(body: &mut Value, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        set_value(body, key, json!(value));
    }
}

fn set_value(body: &mut Value, key: &str, value: Value) {
    if let Some(map) = body.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}

fn brief(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_become_sizes() {
        assert_eq!(size("16:9", false), Some("1536x1024"));
        assert_eq!(size("9:16", true), Some("1024x1792"));
        assert_eq!(size("1:1", false), Some("1024x1024"));
        assert_eq!(size("wide", false), None);
    }
}
