//! What was changed in an isolated copy.

use std::path::PathBuf;

use serde::Serialize;

use crate::entry::Entry;
use crate::hunk::{Hunk, LineKind};
use crate::path_text;
use crate::refusal::Refusal;
use crate::selection::{FileSelection, Selection};
use crate::unified;

/// All changes, sorted by path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ChangeSet {
    /// The changed files; one without hunks is taken as a whole or not at all.
    pub files: Vec<FileChange>,
}

/// The change of one file or symlink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FileChange {
    /// Relative to [`crate::ContextPath::root`].
    #[serde(serialize_with = "path_text::serialize")]
    pub path: PathBuf,
    /// What became of it.
    pub kind: ChangeKind,
    /// Not text, or too large to be shown as such.
    pub binary: bool,
    /// What it was, if it was there.
    pub old_mode: Option<FileMode>,
    /// What it is now, if it is there.
    pub new_mode: Option<FileMode>,
    /// The changes of the content.
    pub hunks: Vec<Hunk>,
    /// Why it will not be applied, whatever is selected.
    pub refused: Option<Refusal>,
    #[serde(skip)]
    pub(crate) old: Option<Entry>,
    #[serde(skip)]
    pub(crate) new: Option<Entry>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// Only the right to execute it changed.
    ModeChanged,
    /// Its content changed.
    Modified,
    /// A file became a symlink, or a symlink a file.
    TypeChanged,
}

/// What kind of file, as git tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum FileMode {
    /// A file.
    #[serde(rename = "100644")]
    Plain,
    /// A file that may be executed.
    #[serde(rename = "100755")]
    Executable,
    /// A symlink.
    #[serde(rename = "120000")]
    Symlink,
}

/// How much was changed; refused changes are counted apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Files that can be applied.
    pub files: usize,
    /// Files that will not be applied.
    pub refused: usize,
    /// Lines that come.
    pub lines_added: usize,
    /// Lines that go.
    pub lines_removed: usize,
}

impl FileMode {
    /// Git's number for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
        }
    }

    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        match entry {
            Entry::File { .. } if entry.executable() == Some(true) => Some(Self::Executable),
            Entry::File { .. } => Some(Self::Plain),
            Entry::Link { .. } => Some(Self::Symlink),
            Entry::Folder { .. } | Entry::Other => None,
        }
    }
}

impl ChangeSet {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The changes as git shows them: a text that `git apply` takes, except for binary contents. Refused changes are
    /// left out. Names and lines are as they are: escape them before they reach a terminal.
    #[must_use]
    pub fn unified(&self) -> String {
        self.applicable().map(FileChange::unified).collect()
    }

    /// How much was changed.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = Stats { refused: self.files.len(), ..Stats::default() };
        for file in self.applicable() {
            stats.files += 1;
            stats.refused -= 1;
            for line in file.hunks.iter().flat_map(|hunk| &hunk.lines) {
                stats.lines_added += usize::from(line.kind == LineKind::Added);
                stats.lines_removed += usize::from(line.kind == LineKind::Removed);
            }
        }
        stats
    }

    /// The changes that are not refused.
    pub fn applicable(&self) -> impl Iterator<Item = &FileChange> {
        self.files.iter().filter(|file| file.refused.is_none())
    }
}

impl FileChange {
    /// Whether its hunks can be accepted one by one; else it is taken as a whole.
    #[must_use]
    pub fn by_hunk(&self) -> bool {
        let text = |mode: Option<FileMode>| matches!(mode, Some(FileMode::Plain | FileMode::Executable));
        self.kind == ChangeKind::Modified && text(self.old_mode) && text(self.new_mode) && !self.hunks.is_empty()
    }

    /// Whether the right to execute it changed, with or without its content.
    #[must_use]
    pub fn mode_changed(&self) -> bool {
        matches!(self.kind, ChangeKind::ModeChanged | ChangeKind::Modified) && self.old_mode != self.new_mode
    }

    /// The change as git shows it.
    #[must_use]
    pub fn unified(&self) -> String {
        unified::file(self)
    }

    /// What of it is accepted.
    pub(crate) fn wanted(&self, selection: &Selection) -> Wanted {
        let (mode, hunks) = match selection.of(&self.path) {
            FileSelection::None => return Wanted::Nothing,
            FileSelection::All => return Wanted::Whole,
            FileSelection::Part { mode, hunks } => (*mode, hunks),
        };
        if !self.by_hunk() {
            return if mode || !hunks.is_empty() { Wanted::Whole } else { Wanted::Nothing };
        }
        let chosen: Vec<usize> = hunks.iter().copied().filter(|index| *index < self.hunks.len()).collect();
        let mode = mode && self.mode_changed();
        match (chosen.len(), mode) {
            (0, false) => Wanted::Nothing,
            (count, _) if count == self.hunks.len() && mode == self.mode_changed() => Wanted::Whole,
            _ => Wanted::Part { mode, hunks: chosen },
        }
    }
}

/// What of a change is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Nothing.
    Nothing,
    /// All of it.
    Whole,
    /// These hunks, by position, and perhaps the right to execute.
    Part { mode: bool, hunks: Vec<usize> },
}
