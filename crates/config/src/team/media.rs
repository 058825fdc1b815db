//! Pictures, sound and films.

use crate::{Text, Written};

/// What an agent can do with pictures, sound and films, and who does it for the agent. The orchestrator has one as
/// well, which counts where the agent's own says nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MediaConfig {
    /// Whether the agent has `read_media` and `generate_media`. `None`: as the orchestrator says, else not.
    pub enable_multimodal_tools: Option<bool>,
    /// Whether the agent has the tools that make pictures.
    pub image_generation: bool,
    /// Whether the agent has the tools that speak.
    pub audio_generation: bool,
    /// Whether the agent has the tool that writes documents.
    pub file_generation: bool,
    /// Who looks at pictures and makes them.
    pub image: MediaKindConfig,
    /// Who listens and speaks.
    pub audio: MediaKindConfig,
    /// Who watches films.
    pub video: MediaKindConfig,
    /// Options of `multimodal_config` that are known but not acted upon, as written.
    pub unbuilt: Written,
}

/// Who deals with one kind of media.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MediaKindConfig {
    /// Who is asked about it, and who makes it unless `generate` says otherwise.
    pub usual: MediaChoice,
    /// Who makes it.
    pub generate: MediaChoice,
    /// Options that are known but not acted upon, as written.
    pub unbuilt: Written,
}

/// A backend type and a model of it; nothing given leaves it to the keys that are there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MediaChoice {
    /// The backend type as the config names it: `google` is `gemini`.
    pub backend: Option<Text>,
    /// The model.
    pub model: Option<Text>,
}

impl MediaConfig {
    /// What counts for an agent of a team with `team`: its own word, else the team's.
    #[must_use]
    pub fn within(&self, team: &Self) -> Self {
        Self {
            enable_multimodal_tools: self.enable_multimodal_tools.or(team.enable_multimodal_tools),
            image: self.image.within(&team.image),
            audio: self.audio.within(&team.audio),
            video: self.video.within(&team.video),
            ..self.clone()
        }
    }
}

impl MediaKindConfig {
    /// Who makes it: as said for just that, else as said for the kind.
    #[must_use]
    pub fn maker(&self) -> MediaChoice {
        self.generate.within(&self.usual)
    }

    fn within(&self, team: &Self) -> Self {
        Self {
            usual: self.usual.within(&team.usual),
            generate: self.generate.within(&team.generate),
            unbuilt: self.unbuilt.clone(),
        }
    }
}

impl MediaChoice {
    /// A model belongs to its backend, so that the two are taken from one place.
    fn within(&self, other: &Self) -> Self {
        if self.backend.is_some() || self.model.is_some() { self.clone() } else { other.clone() }
    }
}
