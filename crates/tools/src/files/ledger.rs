//! What an agent has read or made: what it may delete.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Folders whose content programs make anew.
const GENERATED_FOLDERS: [&str; 16] = [
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".cache",
    ".tox",
    ".venv",
    "venv",
    "node_modules",
    ".next",
    ".nuxt",
    "build",
    "dist",
    "target",
    "coverage",
    "logs",
];

/// Endings of files that programs make anew, or leave behind.
const GENERATED_ENDINGS: [&str; 9] = [".pyc", ".pyo", ".log", ".tmp", ".temp", ".swp", ".swo", "~", ".bak"];

/// The files that one agent has read or made, without links in their paths.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<BTreeSet<PathBuf>>);

impl Ledger {
    pub(super) fn note(&self, path: &Path) {
        self.known().insert(path.to_owned());
    }

    pub(super) fn knows(&self, path: &Path) -> bool {
        self.known().contains(path)
    }

    /// What was known at or beneath `from` is now known at `to`.
    pub(super) fn moved(&self, from: &Path, to: &Path) {
        let mut known = self.known();
        let moved: Vec<_> = known.iter().filter(|path| path.starts_with(from)).cloned().collect();
        for path in moved {
            known.remove(&path);
            if let Ok(below) = path.strip_prefix(from) {
                known.insert(if below.as_os_str().is_empty() { to.to_owned() } else { to.join(below) });
            }
        }
    }

    /// Nothing at or beneath `path` is there any more.
    pub(super) fn gone(&self, path: &Path) {
        self.known().retain(|known| !known.starts_with(path));
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a file, by its path below its place, is one that programs make anew.
pub(super) fn is_generated(below: &Path) -> bool {
    let mut names = below.iter().filter_map(OsStr::to_str).rev();
    let Some(name) = names.next() else { return false };
    name == ".DS_Store"
        || name == ".coverage"
        || GENERATED_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || names.any(|folder| GENERATED_FOLDERS.contains(&folder) || folder.ends_with(".egg-info"))
}
