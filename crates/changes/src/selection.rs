//! Which changes are accepted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which files and hunks are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    rest: FileSelection,
    files: BTreeMap<PathBuf, FileSelection>,
}

/// What of one file is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSelection {
    /// All of it.
    All,
    /// Nothing.
    None,
    /// Parts of it. A change that has no hunks to choose from is taken as a whole if anything is named.
    Part {
        /// The right to execute it.
        mode: bool,
        /// Hunks by their position in [`crate::FileChange::hunks`]; positions that do not exist are ignored.
        hunks: BTreeSet<usize>,
    },
}

impl Selection {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self { rest: FileSelection::All, files: BTreeMap::new() }
    }

    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self { rest: FileSelection::None, files: BTreeMap::new() }
    }

    /// Says what of a file is accepted, whatever was said before.
    pub fn set(&mut self, path: impl Into<PathBuf>, selection: FileSelection) {
        self.files.insert(path.into(), selection);
    }

    /// Accepts all of a file.
    pub fn accept(&mut self, path: impl Into<PathBuf>) {
        self.set(path, FileSelection::All);
    }

    /// Accepts nothing of a file.
    pub fn reject(&mut self, path: impl Into<PathBuf>) {
        self.set(path, FileSelection::None);
    }

    /// Accepts one more hunk of a file.
    pub fn accept_hunk(&mut self, path: impl Into<PathBuf>, hunk: usize) {
        if let Some((_, hunks)) = self.part(path.into()) {
            hunks.insert(hunk);
        }
    }

    /// Accepts the new right to execute a file, or its loss.
    pub fn accept_mode(&mut self, path: impl Into<PathBuf>) {
        if let Some((mode, _)) = self.part(path.into()) {
            *mode = true;
        }
    }

    /// What of a file is accepted.
    #[must_use]
    pub fn of(&self, path: &Path) -> &FileSelection {
        self.files.get(path).unwrap_or(&self.rest)
    }

    /// Whether nothing at all is accepted.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        let nothing = |selection: &FileSelection| match selection {
            FileSelection::None => true,
            FileSelection::All => false,
            FileSelection::Part { mode, hunks } => !mode && hunks.is_empty(),
        };
        nothing(&self.rest) && self.files.values().all(nothing)
    }

    /// The parts of a file; `None` if all of it is accepted already.
    fn part(&mut self, path: PathBuf) -> Option<(&mut bool, &mut BTreeSet<usize>)> {
        let selection = self.files.entry(path).or_insert_with(|| self.rest.clone());
        if *selection == FileSelection::None {
            *selection = FileSelection::Part { mode: false, hunks: BTreeSet::new() };
        }
        match selection {
            FileSelection::Part { mode, hunks } => Some((mode, hunks)),
            FileSelection::All | FileSelection::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        let mut selection = Selection::none();
        assert!(selection.is_nothing());
        selection.accept_hunk("a", 1);
        selection.accept_hunk("a", 2);
        selection.accept_mode("a");
        let part = FileSelection::Part { mode: true, hunks: [1, 2].into() };
        assert_eq!(selection.of(Path::new("a")), &part);
        assert_eq!(selection.of(Path::new("b")), &FileSelection::None);
        assert!(!selection.is_nothing());
        let mut all = Selection::all();
        all.accept_hunk("a", 1);
        all.reject("b");
        assert_eq!(all.of(Path::new("a")), &FileSelection::All);
        assert_eq!(all.of(Path::new("b")), &FileSelection::None);
    }
}
