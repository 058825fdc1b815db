//! The options of one map, and where they stand.

use crate::node::{Node, path_of_item, path_of_key};
use crate::read::as_text;
use crate::words::meaning_of;
use crate::{Diagnostic, Severity, Span, Text};

/// The options of one map, and where they stand. A value of the wrong type has been reported and reads as if it
/// were not there.
#[derive(Clone, Copy)]
pub(super) struct Options<'a> {
    pub(super) node: &'a Node,
    pub(super) path: &'a str,
    /// Where to point at for what is missing.
    pub(super) span: Span,
}

impl<'a> Options<'a> {
    pub(super) fn text(self, key: &str) -> Option<Text> {
        self.node.get(key).and_then(as_text)
    }

    pub(super) fn texts(self, key: &str) -> Option<Vec<Text>> {
        Some(self.node.get(key)?.items()?.iter().filter_map(as_text).collect())
    }

    pub(super) fn flag(self, key: &str) -> Option<bool> {
        self.node.get(key).and_then(Node::boolean)
    }

    pub(super) fn is_on(self, key: &str) -> bool {
        self.flag(key) == Some(true)
    }

    pub(super) fn count(self, key: &str) -> Option<u32> {
        self.node.get(key).and_then(Node::integer).and_then(|number| u32::try_from(number).ok())
    }

    pub(super) fn number(self, key: &str) -> Option<f64> {
        self.node.get(key).and_then(Node::number)
    }

    pub(super) fn seconds(self, key: &str) -> Option<f64> {
        self.number(key).filter(|seconds| *seconds > 0.0)
    }

    pub(super) fn choice<T: Copy>(self, key: &str, words: &[(&str, T)]) -> Option<T> {
        meaning_of(words, self.node.get(key)?.text()?)
    }

    pub(super) fn has(self, key: &str) -> bool {
        self.node.get(key).is_some()
    }

    /// The entries of a list and their paths.
    pub(super) fn items(self, key: &str) -> impl Iterator<Item = (String, &'a Node)> {
        let path = path_of_key(self.path, key);
        let items = self.node.get(key).and_then(Node::items).unwrap_or_default();
        items.iter().enumerate().map(move |(index, item)| (path_of_item(&path, index), item))
    }

    /// The options of the map under `key`.
    pub(super) fn map<R>(self, key: &str, read: impl FnOnce(Options<'_>) -> R) -> Option<R> {
        let entry = self.node.entry(key)?;
        entry.node.entries()?;
        let path = path_of_key(self.path, key);
        Some(read(Options { node: &entry.node, path: &path, span: entry.span }))
    }

    /// What is wrong with the option `key`, or with its absence.
    pub(super) fn error(self, key: &str, message: impl Into<String>) -> Diagnostic {
        self.say(Severity::Error, key, message)
    }

    /// What is odd about the option `key`.
    pub(super) fn warning(self, key: &str, message: impl Into<String>) -> Diagnostic {
        self.say(Severity::Warning, key, message)
    }

    fn say(self, severity: Severity, key: &str, message: impl Into<String>) -> Diagnostic {
        let span = self.node.entry(key).map_or(self.span, |entry| entry.span);
        Diagnostic::new(severity, path_of_key(self.path, key), Some(span), message)
    }
}
