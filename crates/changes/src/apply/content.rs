//! What a file is to hold, from the reviewed change.

use std::path::{Path, PathBuf};

use super::ApplyError;
use crate::base::Base;
use crate::change_set::{ChangeKind, FileChange, Wanted};
use crate::entry::{Digest, Entry};
use crate::hunk::with_hunks;

/// Where the bytes of a new content come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// These.
    Text(String),
    /// The file in the copy, which has this digest.
    Copied(Digest),
    /// The user's own file: only its mode changes.
    Kept,
}

/// What is to be at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Absent,
    Link(PathBuf),
    File { content: Content, digest: Digest, executable: bool },
}

/// What the accepted part of a change makes of the base; `None` if nothing of it is accepted.
pub(super) fn target(base: &Base, change: &FileChange, wanted: &Wanted) -> Result<Option<Target>, ApplyError> {
    let reviewed = || ApplyError::ChangedAfterReview(change.path.clone());
    let (mode_wanted, chosen) = match wanted {
        Wanted::Nothing => return Ok(None),
        Wanted::Whole => (true, None),
        Wanted::Part { mode, hunks } => (*mode, Some(hunks)),
    };
    let new = match (&change.new, change.kind) {
        (_, ChangeKind::Deleted) => return Ok(Some(Target::Absent)),
        (Some(new), _) => new,
        (None, _) => return Err(reviewed()),
    };
    let (digest, new_executable) = match new {
        Entry::Link { target } => return Ok(Some(Target::Link(target.clone()))),
        Entry::File { digest, .. } => (digest, new.executable() == Some(true)),
        Entry::Folder { .. } | Entry::Other => return Err(reviewed()),
    };
    let old_executable = change.old.as_ref().and_then(Entry::executable);
    let executable = if mode_wanted { new_executable } else { old_executable.unwrap_or(new_executable) };
    let old_digest = match &change.old {
        Some(Entry::File { digest, .. }) => Some(digest),
        _ => None,
    };
    let no_content = chosen.is_some_and(Vec::is_empty) || change.kind == ChangeKind::ModeChanged;
    if let Some(old) = old_digest.filter(|_| no_content) {
        return Ok(Some(Target::File { content: Content::Kept, digest: old.clone(), executable }));
    }
    if change.binary {
        let content = Content::Copied(digest.clone());
        return Ok(Some(Target::File { content, digest: digest.clone(), executable }));
    }
    let old_text = match old_digest {
        Some(digest) => base.text(digest).map_err(|source| unreadable(&change.path, source))?.ok_or_else(reviewed)?,
        None => String::new(),
    };
    let hunks = change.hunks.iter().enumerate();
    // What a symlink held is no text of the file that takes its place.
    let hunks = hunks.filter(|(_, hunk)| change.kind != ChangeKind::TypeChanged || hunk.old_lines == 0);
    let hunks = hunks.filter(|(index, _)| chosen.is_none_or(|chosen| chosen.contains(index))).map(|(_, hunk)| hunk);
    let text = with_hunks(&old_text, hunks).ok_or_else(reviewed)?;
    let made = Digest::of(text.as_bytes());
    if chosen.is_none() && made != *digest {
        return Err(reviewed());
    }
    Ok(Some(Target::File { content: Content::Text(text), digest: made, executable }))
}

fn unreadable(path: &Path, source: std::io::Error) -> ApplyError {
    ApplyError::Prepare { doing: "read the base of", path: path.to_owned(), source }
}
