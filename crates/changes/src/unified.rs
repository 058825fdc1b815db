//! Changes as git writes them.

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::change_set::{ChangeKind, FileChange, FileMode};
use crate::hunk::Hunk;

/// The section of a diff for one file.
pub(crate) fn file(change: &FileChange) -> String {
    if change.kind == ChangeKind::TypeChanged {
        // Git shows a change of type as one file that goes and another that comes.
        let (mut gone, mut come) = (change.clone(), change.clone());
        (gone.kind, gone.new_mode) = (ChangeKind::Deleted, None);
        (come.kind, come.old_mode) = (ChangeKind::Added, None);
        gone.hunks.retain(|hunk| hunk.new_lines == 0);
        come.hunks.retain(|hunk| hunk.old_lines == 0);
        return file(&gone) + &file(&come);
    }
    let mut text = String::new();
    let (old, new) = (quoted("a/", &change.path), quoted("b/", &change.path));
    // Writing to a String cannot fail.
    let _ = writeln!(text, "diff --git {old} {new}");
    let mode = |mode: Option<FileMode>| mode.map_or("100644", FileMode::as_str);
    let _ = match change.kind {
        ChangeKind::Added => writeln!(text, "new file mode {}", mode(change.new_mode)),
        ChangeKind::Deleted => writeln!(text, "deleted file mode {}", mode(change.old_mode)),
        _ if change.mode_changed() => {
            writeln!(text, "old mode {}\nnew mode {}", mode(change.old_mode), mode(change.new_mode))
        }
        _ => Ok(()),
    };
    let old = if change.kind == ChangeKind::Added { "/dev/null".to_owned() } else { old };
    let new = if change.kind == ChangeKind::Deleted { "/dev/null".to_owned() } else { new };
    if change.binary {
        let _ = writeln!(text, "Binary files {old} and {new} differ");
    } else if !change.hunks.is_empty() {
        // A tab ends a name with spaces in it, for the sake of patch.
        let end = |name: &str| if name.contains(' ') { "\t" } else { "" };
        let _ = writeln!(text, "--- {old}{}\n+++ {new}{}", end(&old), end(&new));
        for part in &change.hunks {
            hunk(&mut text, part);
        }
    }
    text
}

fn hunk(text: &mut String, hunk: &Hunk) {
    let _ = writeln!(text, "{}", hunk.header());
    for line in &hunk.lines {
        let _ = write!(text, "{}{}", line.kind.sign(), line.text);
        if !line.text.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// The path after its prefix; in C's quotes if it holds quotes, control characters or bytes that are not text.
fn quoted(prefix: &str, path: &Path) -> String {
    if let Some(path) = path.to_str()
        && !path.chars().any(|letter| letter.is_control() || letter == '"' || letter == '\\')
    {
        return format!("{prefix}{path}");
    }
    let mut text = format!("\"{prefix}");
    for byte in path.as_os_str().as_bytes() {
        let _ = match byte {
            b'"' | b'\\' => write!(text, "\\{}", char::from(*byte)),
            b' '..=b'~' => write!(text, "{}", char::from(*byte)),
            _ => write!(text, "\\{byte:03o}"),
        };
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_quoted_as_git_does() {
        use std::ffi::OsStr;
        assert_eq!(quoted("a/", Path::new("grün x")), "a/grün x");
        assert_eq!(quoted("a/", Path::new("a\"b\n")), r#""a/a\"b\012""#);
        assert_eq!(quoted("b/", Path::new(OsStr::from_bytes(b"\xff"))), r#""b/\377""#);
    }
}
