//! What a project tells to agents: `AGENTS.md`, or `CLAUDE.md`.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// In the order in which they are preferred.
const NAMES: [&str; 2] = ["AGENTS.md", "CLAUDE.md"];

/// How much of one file is taken in, in bytes.
const BYTES_MAX: usize = 32 * 1024;

/// How much of all files together.
const ALL_BYTES_MAX: usize = 96 * 1024;

/// The notes for agents in `context_paths`, each with its path: of a folder its own file, of a file those beside it
/// are not looked at. Where both names are there with one content, `AGENTS.md` stands for both.
///
/// Texts are cut at a limit, and say so.
#[must_use]
pub fn project_notes<P: AsRef<Path>>(context_paths: &[P]) -> Vec<(PathBuf, String)> {
    let mut notes: Vec<(PathBuf, String)> = Vec::new();
    let mut left = ALL_BYTES_MAX;
    for (index, folder) in context_paths.iter().enumerate() {
        if context_paths.iter().take(index).any(|before| before.as_ref() == folder.as_ref()) {
            continue;
        }
        let mut here: Vec<String> = Vec::new();
        for name in NAMES {
            let path = folder.as_ref().join(name);
            let Some(text) = read(&path, folder.as_ref(), BYTES_MAX.min(left)) else { continue };
            if text.trim().is_empty() || here.iter().any(|other| other.trim() == text.trim()) {
                continue;
            }
            left = left.saturating_sub(text.len());
            here.push(text.clone());
            notes.push((path, text));
        }
    }
    notes
}

/// The beginning of a text file. A link that leads out of the folder is not read.
fn read(path: &Path, folder: &Path, bytes_max: usize) -> Option<String> {
    let real = std::fs::canonicalize(path).ok()?;
    if bytes_max == 0 || !real.starts_with(std::fs::canonicalize(folder).ok()?) || !real.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(&real).ok()?.take(bytes_max as u64 + 1).read_to_end(&mut bytes).ok()?;
    let is_cut = bytes.len() > bytes_max;
    bytes.truncate(bytes_max);
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if is_cut {
        text.truncate(text.trim_end_matches(char::REPLACEMENT_CHARACTER).len());
        text.push_str("\n[cut here: the file is longer]");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_stands_for_both_when_they_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("AGENTS.md", "Use tabs.\n");
        write("CLAUDE.md", "Use tabs.");
        let notes = project_notes(&[folder.path(), folder.path()]);
        assert_eq!(notes, [(folder.path().join("AGENTS.md"), "Use tabs.\n".to_owned())]);
        write("CLAUDE.md", "Other.");
        assert_eq!(project_notes(&[folder.path()]).len(), 2);
    }

    #[test]
    fn long_notes_are_cut_and_links_out_are_not_read() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("AGENTS.md"), "\u{e4}".repeat(BYTES_MAX)).unwrap();
        std::fs::write(outside.path().join("secret"), "key").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("CLAUDE.md")).unwrap();
        let notes = project_notes(&[folder.path()]);
        assert_eq!(notes.len(), 1);
        assert!(notes[0].1.len() < BYTES_MAX + 100 && notes[0].1.ends_with("[cut here: the file is longer]"));
    }
}
