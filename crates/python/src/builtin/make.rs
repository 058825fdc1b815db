//! `text_to_image_generation` and its relatives: what a model makes is saved in the workspace.

use massgen_tool::{CallContext, ToolOutcome, Touch};
use serde_json::{Map, Value, json};

use super::attach::{Saved, load_media, paths, save, texts, touch};
use super::understand::{ask, provider, target, until_cancelled};
use super::{Surroundings, optional, text};
use crate::media::{Attachment, DrawingOrder, MadeFile, MadeMedia, MediaKind, SpeechOrder};

pub(super) const VARIATION_PROMPT: &str = "Create a variation of the provided images";
pub(super) const VOICE: &str = "alloy";
/// <https://platform.openai.com/docs/api-reference/audio/createSpeech>
pub(super) const AUDIO_FORMATS: &[&str] = &["mp3", "opus", "aac", "flac", "wav", "pcm"];
/// How many things one call may have made.
pub(super) const PROMPTS_MAX: usize = 8;

pub(super) async fn image(
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<ToolOutcome, String> {
    let prompt = text(arguments, "prompt")?;
    let (made, saved) = drawn(prompt, &[], arguments, context, surroundings).await?;
    Ok(told_of_images("text_to_image_generation", &made, &saved))
}

pub(super) async fn from_images(
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<ToolOutcome, String> {
    let wanted = paths(arguments, "base_image_paths")?;
    if wanted.is_empty() {
        return Err("`base_image_paths` must name at least one picture".to_owned());
    }
    let prompt = optional(arguments, "prompt").unwrap_or(VARIATION_PROMPT);
    let images = load_images(&wanted, context, surroundings).await?;
    let (made, saved) = drawn(prompt, &images, arguments, context, surroundings).await?;
    Ok(told_of_images("image_to_image_generation", &made, &saved).touching(read(&images)))
}

pub(super) async fn speech(
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<ToolOutcome, String> {
    let words = text(arguments, "input_text")?;
    let (made, saved) = spoken(words, (false, "mp3"), arguments, context, surroundings).await?;
    Ok(told_of_speech("convert_text_to_speech", &made, &saved))
}

pub(super) async fn answer(
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<ToolOutcome, String> {
    let prompt = text(arguments, "prompt")?;
    let (made, saved) = spoken(prompt, (true, "wav"), arguments, context, surroundings).await?;
    Ok(told_of_speech("generate_and_store_audio_no_input_audios", &made, &saved))
}

pub(super) async fn file(
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<ToolOutcome, String> {
    let prompt = text(arguments, "prompt")?;
    let format = optional(arguments, "file_format").unwrap_or("txt").to_ascii_lowercase();
    if !["txt", "md"].contains(&format.as_str()) {
        return Err(format!(
            "`file_format` {format} is not one that massgen writes: those are txt and md; have it written as md, and \
             convert it with a command"
        ));
    }
    let asked = format!("{prompt}\n\nReply with the content of the file alone, without any words around it.");
    let answer = ask(&[], &asked, arguments, context, surroundings).await?;
    let title = optional(arguments, "filename").unwrap_or(prompt);
    let title = title.strip_suffix(&format!(".{format}")).unwrap_or(title);
    let file = MadeFile { bytes: answer.text.into_bytes(), extension: format.clone() };
    let saved = save(&file, optional(arguments, "storage_path"), title, context, surroundings).await?;
    let result = json!({
        "success": true, "operation": "generate_and_store_file", "file_path": saved.shown, "filename": saved.name,
        "file_format": format, "file_size": saved.bytes, "backend": answer.backend, "model": answer.model,
    });
    Ok(ToolOutcome::done(result.to_string()))
}

pub(super) async fn media(
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<ToolOutcome, String> {
    let prompts = prompts(arguments)?;
    let mode = optional(arguments, "mode").unwrap_or("image");
    let images = load_images(&paths(arguments, "input_images")?, context, surroundings).await?;
    let mut results = Vec::new();
    let mut failures = Vec::new();
    // One after the other: what is made costs money, and the first refusal is mostly that of all.
    for prompt in &prompts {
        let made = match mode {
            "image" => drawn(prompt, &images, arguments, context, surroundings).await,
            "audio" => spoken(prompt, (false, "mp3"), arguments, context, surroundings).await,
            "video" => Err("making films is not part of this massgen; `mode` may be image or audio".to_owned()),
            other => Err(format!("`mode` may be image or audio, not {other}")),
        };
        match made {
            Ok((made, saved)) => results.extend(saved.iter().map(|file| {
                json!({
                    "success": true, "operation": "generate_media", "mode": mode, "prompt": prompt,
                    "file_path": file.shown, "filename": file.name, "file_size": file.bytes,
                    "backend": made.backend, "model": made.model,
                })
            })),
            Err(error) => {
                failures.push(error.clone());
                results.push(json!({"success": false, "prompt": prompt, "error": error}));
            }
        }
    }
    if failures.len() == prompts.len() {
        failures.dedup();
        return Err(failures.join("\n"));
    }
    let result = match results.as_slice() {
        [only] => only.clone(),
        _ => json!({"success": failures.is_empty(), "operation": "generate_media", "mode": mode, "results": results}),
    };
    Ok(ToolOutcome::done(result.to_string()).touching(read(&images)))
}

fn prompts(arguments: &Map<String, Value>) -> Result<Vec<String>, String> {
    let several = match arguments.get("prompts") {
        None | Some(Value::Null) => Vec::new(),
        Some(value) => texts(value).ok_or("`prompts` must be a list of texts")?,
    };
    match (optional(arguments, "prompt"), several.len()) {
        (Some(prompt), 0) => Ok(vec![prompt.to_owned()]),
        (None, 1..=PROMPTS_MAX) => Ok(several),
        (None, 0) => Err("give a `prompt`, or several as `prompts`".to_owned()),
        (None, count) => Err(format!("there are {count} prompts; {PROMPTS_MAX} are the most")),
        (Some(_), _) => Err("give either `prompt` or `prompts`".to_owned()),
    }
}

async fn load_images(
    wanted: &[String],
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<Vec<Attachment>, String> {
    let mut images = Vec::new();
    for path in wanted {
        let kinds = (&[MediaKind::Image][..], "a PNG, JPEG, GIF or WebP image");
        images.push(load_media(path, kinds, context, surroundings).await?);
    }
    Ok(images)
}

async fn drawn(
    prompt: &str,
    images: &[Attachment],
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<(MadeMedia, Vec<Saved>), String> {
    let order = DrawingOrder {
        prompt,
        images,
        aspect_ratio: optional(arguments, "aspect_ratio"),
        quality: optional(arguments, "quality"),
        target: target(arguments),
    };
    let made = until_cancelled(provider(surroundings)?.draw(order, context), context).await?;
    let saved = save_all(&made, prompt, arguments, context, surroundings).await?;
    Ok((made, saved))
}

async fn spoken(
    words: &str,
    (answers, usual_format): (bool, &str),
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<(MadeMedia, Vec<Saved>), String> {
    let format = optional(arguments, "audio_format").unwrap_or(usual_format);
    if !AUDIO_FORMATS.contains(&format) {
        return Err(format!("`audio_format` may be {}, not {format}", AUDIO_FORMATS.join(", ")));
    }
    let order = SpeechOrder {
        text: words,
        answers,
        voice: optional(arguments, "voice").unwrap_or(VOICE),
        format,
        instructions: optional(arguments, "instructions"),
        target: target(arguments),
    };
    let made = until_cancelled(provider(surroundings)?.speak(order, context), context).await?;
    let saved = save_all(&made, words, arguments, context, surroundings).await?;
    Ok((made, saved))
}

async fn save_all(
    made: &MadeMedia,
    title: &str,
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<Vec<Saved>, String> {
    let mut saved = Vec::new();
    for file in &made.files {
        saved.push(save(file, optional(arguments, "storage_path"), title, context, surroundings).await?);
    }
    Ok(saved)
}

fn told_of_images(operation: &str, made: &MadeMedia, saved: &[Saved]) -> ToolOutcome {
    let images: Vec<Value> = saved.iter().map(described).collect();
    let result = json!({
        "success": true, "operation": operation, "images": images, "total_images": saved.len(),
        "note": made.text, "backend": made.backend, "model": made.model,
    });
    ToolOutcome::done(result.to_string())
}

fn told_of_speech(operation: &str, made: &MadeMedia, saved: &[Saved]) -> ToolOutcome {
    let result = json!({
        "success": true, "operation": operation, "audio_file": saved.first().map(described),
        "text_response": made.text, "backend": made.backend, "model": made.model,
    });
    ToolOutcome::done(result.to_string())
}

fn described(saved: &Saved) -> Value {
    json!({"file_path": saved.shown, "filename": saved.name, "size": saved.bytes})
}

fn read(images: &[Attachment]) -> Vec<Touch> {
    images.iter().map(touch).collect()
}
