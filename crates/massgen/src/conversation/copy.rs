//! Copies of folders, and of words that name them.

use std::fs;
use std::io;
use std::path::Path;

/// Copies everything in `from` into `to`, and takes away what was there before. Links are copied as links.
///
/// # Errors
/// In words: which file, and why.
pub(super) fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    // What an earlier attempt at the same turn has left may be anything.
    let _ = fs::remove_dir_all(to);
    let mut folders = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = folders.pop() {
        let failed = |error: io::Error| format!("{} cannot be copied: {error}", from.display());
        crate::private_directory::private_directory(&to).map_err(failed)?;
        for entry in fs::read_dir(&from).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            let kind = entry.file_type().map_err(failed)?;
            let copied = if kind.is_dir() {
                folders.push((source.clone(), target));
                Ok(())
            } else if kind.is_symlink() {
                link(&source, &target)
            } else if kind.is_file() {
                fs::copy(&source, &target).map(drop)
            } else {
                // Sockets and pipes are nothing to keep.
                Ok(())
            };
            copied.map_err(|error| format!("{} cannot be copied: {error}", source.display()))?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link(source: &Path, target: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(fs::read_link(source)?, target)
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> io::Result<()> {
    // Making one there needs a right that few have.
    Ok(())
}

/// A text that names files below `from`, as one that names the same files below `to`.
pub(super) fn moved(text: &str, from: &Path, to: &Path) -> String {
    let (from, to) = (from.display().to_string(), to.display().to_string());
    if from.is_empty() {
        return text.to_owned();
    }
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(&from) {
        // A longer name is another folder.
        let goes_on = after.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-');
        result.push_str(before);
        result.push_str(if goes_on { &from } else { &to });
        rest = after;
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_follow_the_files() {
        let (from, to) = (Path::new("/w/workspace_1f"), Path::new("/s/turn_1/workspace"));
        assert_eq!(
            moved("see /w/workspace_1f/x.py, /w/workspace_1f.", from, to),
            "see /s/turn_1/workspace/x.py, /s/turn_1/workspace."
        );
        assert_eq!(moved("/w/workspace_1f2/x /w/workspace_1f-b", from, to), "/w/workspace_1f2/x /w/workspace_1f-b");
    }

    #[test]
    #[cfg(unix)]
    fn a_copy_replaces_what_was_there_and_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("deep/er")).unwrap();
        fs::write(from.join("deep/er/x.py"), "print(1)").unwrap();
        std::os::unix::fs::symlink("/etc", from.join("link")).unwrap();
        fs::create_dir_all(to.join("old")).unwrap();
        copy_folder(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("deep/er/x.py")).unwrap(), "print(1)");
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("/etc"));
        assert!(!to.join("old").exists());
        assert!(copy_folder(&folder.path().join("missing"), &to).unwrap_err().contains("missing cannot be copied"));
    }
}
