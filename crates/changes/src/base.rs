//! The state of the user's files at the moment when the copy was made.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::entry::{Digest, Entry};

/// What was copied, and the texts of it.
#[derive(Debug)]
pub(crate) struct Base {
    entries: BTreeMap<PathBuf, Entry>,
    /// The folder with the texts, each named for its digest.
    texts: PathBuf,
}

impl Base {
    pub(crate) fn new(texts: PathBuf) -> Self {
        Self { entries: BTreeMap::new(), texts }
    }

    pub(crate) fn insert(&mut self, path: PathBuf, entry: Entry) {
        self.entries.insert(path, entry);
    }

    /// What was at the path.
    pub(crate) fn get(&self, path: &Path) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// All that was copied, sorted by path.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Path, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_path(), entry))
    }

    /// Whether the path, or something below it, was copied.
    pub(crate) fn reaches(&self, path: &Path) -> bool {
        self.entries.range(path.to_owned()..).next().is_some_and(|(first, _)| first.starts_with(path))
    }

    /// Keeps a text for later comparison.
    pub(crate) fn keep(&self, digest: &Digest, text: &[u8]) -> io::Result<()> {
        let path = self.texts.join(digest.as_str());
        if path.exists() { Ok(()) } else { std::fs::write(path, text) }
    }

    /// A text that was kept; `None` if it was none, or is no longer what it was.
    pub(crate) fn text(&self, digest: &Digest) -> io::Result<Option<String>> {
        let content = match std::fs::read(self.texts.join(digest.as_str())) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(if Digest::of(&content) == *digest { String::from_utf8(content).ok() } else { None })
    }
}
