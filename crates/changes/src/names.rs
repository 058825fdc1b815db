//! Names that are never applied back to a user's folder, wherever they are in it.

use std::ffi::OsStr;
use std::path::{Component, Path};

/// Source: the reference's list of names that are read-only outside workspaces.
const NEVER_APPLIED: [&str; 11] = [
    ".DS_Store",
    ".git",
    ".massgen",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".venv",
    "__pycache__",
    "massgen_logs",
    "node_modules",
    "venv",
];

/// Endings of `.env` files that are templates without secrets.
const TEMPLATE_ENDINGS: [&str; 5] = ["default", "dist", "example", "sample", "template"];

/// Whether a file of this name is taken to hold keys: `.env` and its variants, except templates such as `.env.example`.
#[must_use]
pub fn is_secret(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let name = name.to_ascii_lowercase();
    let Some(rest) = name.strip_prefix(".env") else { return false };
    match rest.strip_prefix('.') {
        None => rest.is_empty(),
        Some(ending) => !TEMPLATE_ENDINGS.contains(&ending),
    }
}

/// How the names of files begin that wait in the user's folders to replace others.
pub(crate) const STAGE_PREFIX: &str = ".massgen-apply-";

/// Whether a file or folder of this name is never copied and never applied: secrets, version control, caches.
///
/// Letters are compared without case: on some file systems `.GIT` is `.git`.
#[must_use]
pub fn is_never_applied(name: &OsStr) -> bool {
    let stage = name.as_encoded_bytes().starts_with(STAGE_PREFIX.as_bytes());
    stage
        || is_secret(name)
        || name.to_str().is_some_and(|name| NEVER_APPLIED.iter().any(|it| it.eq_ignore_ascii_case(name)))
}

/// Whether any component of the path has such a name.
pub(crate) fn has_excluded_name(path: &Path) -> bool {
    path.components().any(|component| match component {
        Component::Normal(name) => is_never_applied(name),
        _ => false,
    })
}

/// Whether the path is a plain way down: no root, no `..`, not empty.
pub(crate) fn is_plain(path: &Path) -> bool {
    !path.as_os_str().is_empty() && path.components().all(|component| matches!(component, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_caches_are_never_applied() {
        for name in [".env", ".ENV", ".env.local", ".env.production", ".git", ".GIT", "node_modules", ".venv"] {
            assert!(is_never_applied(OsStr::new(name)), "{name}");
        }
        for name in [".env.example", ".envrc.md", ".gitignore", ".github", "env", "venvs", "environment"] {
            assert!(!is_never_applied(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_name_counts_anywhere_in_a_path() {
        assert!(has_excluded_name(Path::new("a/.git/hooks/pre-commit")));
        assert!(!has_excluded_name(Path::new("a/b.txt")));
        assert!(is_plain(Path::new("a/b")));
        assert!(!is_plain(Path::new("a/../b")) && !is_plain(Path::new("/a")) && !is_plain(Path::new("")));
    }
}
