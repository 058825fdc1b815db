//! Pictures, sound and films, as options of a backend or of the orchestrator.

use serde_json::{Map, Value, json};

use super::{put_if, put_map, put_text};
use crate::{MediaChoice, MediaConfig, MediaKindConfig};

/// Adds the options to those that are there.
pub(super) fn put_media(map: &mut Map<String, Value>, media: &MediaConfig) {
    if let Some(enabled) = media.enable_multimodal_tools {
        map.insert("enable_multimodal_tools".to_owned(), json!(enabled));
    }
    put_if(map, "enable_image_generation", media.image_generation, true);
    put_if(map, "enable_audio_generation", media.audio_generation, true);
    put_if(map, "enable_file_generation", media.file_generation, true);
    put_choice(map, ["image_generation_backend", "image_generation_model"], &media.image.generate);
    put_choice(map, ["audio_generation_backend", "audio_generation_model"], &media.audio.generate);
    let mut config = Map::new();
    put_map(&mut config, "image", kind(&media.image));
    put_map(&mut config, "audio", kind(&media.audio));
    put_map(&mut config, "video", kind(&media.video));
    config.extend(media.unbuilt.0.clone());
    put_map(map, "multimodal_config", config);
}

fn kind(kind: &MediaKindConfig) -> Map<String, Value> {
    let mut map = Map::new();
    put_choice(&mut map, ["backend", "model"], &kind.usual);
    map.extend(kind.unbuilt.0.clone());
    map
}

fn put_choice(map: &mut Map<String, Value>, [backend, model]: [&str; 2], choice: &MediaChoice) {
    put_text(map, backend, choice.backend.as_ref());
    put_text(map, model, choice.model.as_ref());
}
