//! The options of pictures, sound and films.

use super::Kind::{Section as Map, Text};
use super::{Others, Section, not_yet, on};

/// `multimodal_config`.
pub(crate) static MULTIMODAL: Section = Section {
    name: "multimodal",
    fields: &[
        on("image", Map(&MEDIA_KIND), "", "for pictures"),
        on("audio", Map(&MEDIA_KIND), "", "for recordings and speech"),
        on("video", Map(&MEDIA_KIND), "", "for films"),
    ],
    others: Others::Reported,
};

/// What `multimodal_config` says for one kind.
pub(crate) static MEDIA_KIND: Section = Section {
    name: "media_kind",
    fields: &[
        on("backend", Text, "", "the backend type that is asked, such as `openai` or `google`"),
        on("model", Text, "", "its model"),
        not_yet("reasoning_effort", Text, "", "how much it thinks"),
    ],
    others: Others::Reported,
};
