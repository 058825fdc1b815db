//! Pictures, sound and films.

use super::options::Options;
use super::unbuilt;
use crate::fields::{MEDIA_KIND, MULTIMODAL};
use crate::{Diagnostics, MediaChoice, MediaConfig, MediaKindConfig, Text};

/// The backend types that make or understand media, with the names of the reference.
const BACKENDS: &[&str] =
    &["openai", "google", "gemini", "claude", "anthropic", "grok", "xai", "openrouter", "chatcompletion"];

/// Reads the options of media, of an agent's backend or of the orchestrator.
pub(super) fn media(options: Options<'_>, found: &mut Diagnostics) -> MediaConfig {
    let mut media = MediaConfig {
        enable_multimodal_tools: options.flag("enable_multimodal_tools"),
        image_generation: options.is_on("enable_image_generation"),
        audio_generation: options.is_on("enable_audio_generation"),
        file_generation: options.is_on("enable_file_generation"),
        ..MediaConfig::default()
    };
    options.map("multimodal_config", |inside| {
        media.image = kind(inside, "image", found);
        media.audio = kind(inside, "audio", found);
        media.video = kind(inside, "video", found);
        media.unbuilt = unbuilt(inside.node, &MULTIMODAL, &[]);
    });
    media.image.generate = maker(options, ["image_generation_backend", "image_generation_model"], found);
    media.audio.generate = maker(options, ["audio_generation_backend", "audio_generation_model"], found);
    media
}

fn kind(options: Options<'_>, key: &str, found: &mut Diagnostics) -> MediaKindConfig {
    let read = |inside: Options<'_>| MediaKindConfig {
        usual: maker(inside, ["backend", "model"], found),
        generate: MediaChoice::default(),
        unbuilt: unbuilt(inside.node, &MEDIA_KIND, &[]),
    };
    options.map(key, read).unwrap_or_default()
}

fn maker(options: Options<'_>, [backend, model]: [&str; 2], found: &mut Diagnostics) -> MediaChoice {
    let is_named = |text: &Text| !text.trim().is_empty() && !text.eq_ignore_ascii_case("auto");
    let named = options.text(backend).filter(is_named);
    if let Some(name) = &named
        && !BACKENDS.iter().any(|known| known.eq_ignore_ascii_case(name))
    {
        let warning = options.warning(backend, format!("massgen asks no `{}` for media", name.written()));
        found.push(warning.hint("use openai, google, claude, grok or openrouter, or leave it out"));
    }
    MediaChoice { backend: named, model: options.text(model).filter(is_named) }
}
