//! The words of the config for the choices that the coordination knows.

use massgen_protocol::{Novelty, Sensitivity, Strategy};

use crate::Permission;

pub(crate) const SENSITIVITY: &[(&str, Sensitivity)] =
    &[("lenient", Sensitivity::Lenient), ("balanced", Sensitivity::Balanced), ("strict", Sensitivity::Strict)];

pub(crate) const NOVELTY: &[(&str, Novelty)] =
    &[("lenient", Novelty::Lenient), ("balanced", Novelty::Balanced), ("strict", Novelty::Strict)];

pub(crate) const STRATEGY: &[(&str, Strategy)] = &[
    ("winner_present", Strategy::WinnerPresents),
    ("winner_reuse", Strategy::WinnerReuse),
    ("synthesize", Strategy::Synthesize),
];

pub(crate) const PERMISSION: &[(&str, Permission)] = &[("read", Permission::Read), ("write", Permission::Write)];

/// How an MCP server is spoken to.
#[derive(Clone, Copy)]
pub(crate) enum Transport {
    Stdio,
    Http,
    Sse,
}

pub(crate) const MCP_TRANSPORT: &[(&str, Transport)] = &[
    ("stdio", Transport::Stdio),
    ("streamable-http", Transport::Http),
    ("http", Transport::Http),
    ("sse", Transport::Sse),
];

/// What a word stands for.
pub(crate) fn meaning_of<T: Copy>(words: &[(&str, T)], word: &str) -> Option<T> {
    words.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, meaning)| *meaning)
}

/// The word for something.
pub(crate) fn word_for<T: PartialEq>(words: &[(&'static str, T)], meaning: &T) -> &'static str {
    words.iter().find(|(_, known)| known == meaning).map_or("", |(word, _)| *word)
}
