//! `understand_image` and its relatives: files are read and checked, and a model is asked about them.

use futures_util::future::BoxFuture;
use massgen_tool::{CallContext, ToolOutcome, Touch};
use serde_json::{Map, Value, json};

use super::attach::{Loaded, load, load_media, paths, touch};
use super::{Surroundings, optional, text};
use crate::media::{Attachment, MediaAnswer, MediaError, MediaKind, MediaProvider, MediaQuestion, MediaTarget};

pub(super) const IMAGE_PROMPT: &str = "What's in this image? Please describe it in detail.";
pub(super) const VIDEO_PROMPT: &str =
    "What's happening in this video? Please describe the content, actions, and any important details.";
pub(super) const FILE_PROMPT: &str = "Please analyze this file and explain its content, its purpose and its structure.";
pub(super) const FILE_CHARACTERS: usize = 50_000;

pub(super) async fn image(
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<ToolOutcome, String> {
    let wanted = text(arguments, "image_path")?;
    let kinds = (&[MediaKind::Image][..], "a PNG, JPEG, GIF or WebP image");
    let attachment = load_media(wanted, kinds, context, surroundings).await?;
    let prompt = optional(arguments, "prompt").unwrap_or(IMAGE_PROMPT);
    one("understand_image", "image_path", wanted, attachment, prompt, arguments, context, surroundings).await
}

pub(super) async fn video(
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<ToolOutcome, String> {
    let wanted = text(arguments, "video_path")?;
    let attachment = load_media(wanted, (&[MediaKind::Video], "a film"), context, surroundings).await?;
    let prompt = optional(arguments, "prompt").unwrap_or(VIDEO_PROMPT);
    one("understand_video", "video_path", wanted, attachment, prompt, arguments, context, surroundings).await
}

pub(super) async fn file(
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<ToolOutcome, String> {
    let wanted = text(arguments, "file_path")?;
    let prompt = optional(arguments, "prompt").unwrap_or(FILE_PROMPT);
    let characters_max = arguments.get("max_chars").and_then(Value::as_u64);
    let characters_max = characters_max.and_then(|count| usize::try_from(count).ok()).unwrap_or(FILE_CHARACTERS);
    let loaded = load(wanted, context, surroundings).await?;
    let touch = loaded.touch();
    let (attachments, asked) = shown(vec![(wanted.to_owned(), loaded)], prompt, characters_max);
    let answer = ask(&attachments, &asked, arguments, context, surroundings).await?;
    Ok(told("understand_file", ("file_path", json!(wanted)), prompt, &answer, [touch]))
}

pub(super) async fn audio(
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<ToolOutcome, String> {
    let wanted = paths(arguments, "audio_paths")?;
    if wanted.is_empty() {
        return Err("`audio_paths` must name at least one recording".to_owned());
    }
    // Without a question the words are wanted: whoever transcribes takes an empty prompt for just that.
    let prompt = optional(arguments, "prompt").unwrap_or_default();
    let mut texts = Vec::new();
    let mut touched = Vec::new();
    let mut last = None;
    for path in &wanted {
        // A film has sound as well, and MP4 and WebM do not tell whether there is more.
        let kinds = (&[MediaKind::Audio, MediaKind::Video][..], "a recording");
        let attachment = Attachment { kind: MediaKind::Audio, ..load_media(path, kinds, context, surroundings).await? };
        touched.push(touch(&attachment));
        let answer = ask(&[attachment], prompt, arguments, context, surroundings).await?;
        texts.push(json!({"file": path, "transcription": answer.text}));
        last = Some(answer);
    }
    let (backend, model) = last.map(|answer| (answer.backend, answer.model)).unwrap_or_default();
    let result = json!({
        "success": true, "operation": "understand_audio", "transcriptions": texts, "audio_files": wanted,
        "backend": backend, "model": model,
    });
    Ok(ToolOutcome::done(result.to_string()).touching(touched))
}

#[expect(clippy::too_many_arguments, reason = "what two functions share")]
async fn one(
    operation: &str,
    path_name: &str,
    wanted: &str,
    attachment: Attachment,
    prompt: &str,
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<ToolOutcome, String> {
    let touch = touch(&attachment);
    let answer = ask(&[attachment], prompt, arguments, context, surroundings).await?;
    Ok(told(operation, (path_name, json!(wanted)), prompt, &answer, [touch]))
}

fn told<const N: usize>(
    operation: &str,
    (path_name, path): (&str, Value),
    prompt: &str,
    answer: &MediaAnswer,
    touched: [Touch; N],
) -> ToolOutcome {
    let result = json!({
        "success": true, "operation": operation, path_name: path, "prompt": prompt,
        "backend": answer.backend, "model": answer.model, "response": answer.text,
    });
    ToolOutcome::done(result.to_string()).touching(touched)
}

/// What is attached of `loaded`, and the prompt with what is text among it.
pub(super) fn shown(loaded: Vec<(String, Loaded)>, prompt: &str, characters_max: usize) -> (Vec<Attachment>, String) {
    let mut attachments = Vec::new();
    let mut asked = prompt.to_owned();
    for (wanted, loaded) in loaded {
        match loaded {
            Loaded::Media(attachment) => attachments.push(attachment),
            Loaded::Text(_, text) => {
                let kept: String = text.chars().take(characters_max).collect();
                let cut = if kept.len() < text.len() { "\n[... the rest is left out ...]" } else { "" };
                asked.push_str(&format!("\n\nThe file {wanted}:\n\n{kept}{cut}"));
            }
        }
    }
    (attachments, asked)
}

/// Asks whom the arguments, the configuration or the keys point to.
pub(super) async fn ask(
    attachments: &[Attachment],
    prompt: &str,
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<MediaAnswer, String> {
    let question = MediaQuestion { attachments, prompt, target: target(arguments) };
    until_cancelled(provider(surroundings)?.understand(question, context), context).await
}

pub(super) fn target(arguments: &Map<String, Value>) -> MediaTarget<'_> {
    MediaTarget {
        backend: optional(arguments, "backend_type").filter(|name| *name != "auto"),
        model: optional(arguments, "model"),
    }
}

pub(super) fn provider(surroundings: &Surroundings) -> Result<&dyn MediaProvider, String> {
    surroundings.media.as_deref().ok_or_else(|| "no provider that sees, hears or draws is configured".to_owned())
}

pub(super) async fn until_cancelled<T>(
    call: BoxFuture<'_, Result<T, MediaError>>,
    context: &CallContext,
) -> Result<T, String> {
    tokio::select! {
        done = call => done.map_err(|error| error.to_string()),
        () = context.cancel.cancelled() => Err("cancelled".to_owned()),
    }
}
