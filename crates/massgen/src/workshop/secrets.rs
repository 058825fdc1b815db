//! Files with keys among the user's own.
//!
//! File tools refuse them by name. A box can only hide what it is told of, so they are looked for when a run begins.

use std::path::{Path, PathBuf};

use massgen_tools::files::is_secret;

/// Folders of dependencies and caches: large, and nobody keeps keys in them.
const NOT_LOOKED_INTO: [&str; 7] = ["node_modules", "target", ".venv", "venv", "__pycache__", ".tox", ".cache"];

/// How many entries are looked at in one context path.
const ENTRIES_MAX: usize = 500_000;

/// The files and folders below `place` that agents may not look at.
pub(crate) fn secrets(place: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![place.to_owned()];
    let mut looked_at = 0;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            looked_at += 1;
            if looked_at > ENTRIES_MAX {
                return found;
            }
            let path = entry.path();
            let below = path.strip_prefix(place).unwrap_or(&path);
            let name = entry.file_name();
            if is_secret(below) {
                if !is_git_config(below) || holds_keys(&path) {
                    found.push(path);
                }
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) && !is_skipped(&folder, &name) {
                folders.push(path);
            }
        }
    }
    found
}

fn is_git_config(path: &Path) -> bool {
    path.ends_with(".git/config")
}

/// Whether a repository's configuration has keys in it: in an address, or as a header. Without it git does not work, so it
/// is hidden only then. One that cannot be read is hidden.
fn holds_keys(config: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(config) else { return true };
    text.to_ascii_lowercase().lines().any(|line| {
        let user = line.split_once("://").and_then(|(_, rest)| rest.split('/').next()?.rsplit_once('@'));
        user.is_some_and(|(user, _)| user != "git") || line.contains("extraheader") || line.contains("password")
    })
}

/// Of a repository's own folder only the top is looked at: its configuration may hold keys, its objects do not.
fn is_skipped(folder: &Path, name: &std::ffi::OsStr) -> bool {
    NOT_LOOKED_INTO.iter().any(|skipped| name == *skipped) || folder.ends_with(".git")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_wherever_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let make = |path: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        for path in
            [".env", "sub/deep/.env", ".git/config", ".git/objects/aa/bb", "src/main.rs", ".env.example", ".massgen/x"]
        {
            make(path);
        }
        let mut found: Vec<_> = secrets(folder.path())
            .into_iter()
            .map(|path| path.strip_prefix(folder.path()).unwrap().to_owned())
            .collect();
        found.sort();
        assert_eq!(found, [".env", ".massgen", "sub/deep/.env"].map(PathBuf::from));
        // git needs its configuration, unless there are keys in it.
        for (text, hides) in [
            ("[remote \"o\"]\n\turl = https://token@example.com/r.git", true),
            ("[remote \"o\"]\n\turl = ssh://git@example.com/r.git", false),
            ("[remote \"o\"]\n\turl = git@example.com:r.git", false),
            ("[http]\n\textraHeader = Authorization: x", true),
        ] {
            std::fs::write(folder.path().join(".git/config"), text).unwrap();
            assert_eq!(secrets(folder.path()).contains(&folder.path().join(".git/config")), hides, "{text}");
        }
    }
}
