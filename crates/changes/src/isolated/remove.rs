//! Removing a copy, and what git remembers of it.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{CopyRecord, IsolateError, io_error};

/// Removes the folder of a copy. If it was a git worktree, git forgets it.
pub(crate) fn remove_copy(home: &Path) -> Result<(), IsolateError> {
    let record = std::fs::read(home.join("record.json")).ok();
    let record: Option<CopyRecord> = record.and_then(|text| serde_json::from_slice(&text).ok());
    if let Some(common) = record.and_then(|record| record.common) {
        remove_worktree(home, &common.0).map_err(io_error("remove the worktree from", &common.0))?;
    }
    // The record goes last: without it nobody would know of the worktree.
    for part in ["tree", "base"] {
        let path = home.join(part);
        remove_tree(&path).map_err(io_error("remove", &path))?;
    }
    remove_tree(home).map_err(io_error("remove", home))
}

/// Makes git forget the worktrees below `home`, and no others.
///
/// `git worktree remove` trusts a file in the copy, which the presenter may have changed, and `git worktree prune` also
/// forgets the user's worktrees on drives that are not mounted. So this does what they do, on what is ours.
pub(super) fn remove_worktree(home: &Path, common: &Path) -> io::Result<()> {
    let worktrees = common.join("worktrees");
    let entries = match std::fs::read_dir(&worktrees) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let data = entry?.path();
        let Ok(text) = std::fs::read(data.join("gitdir")) else { continue };
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(text.trim_ascii_end()));
        if path.starts_with(home) {
            remove_tree(&data)?;
        }
    }
    // As git does, when it was the last one.
    let _ = std::fs::remove_dir(&worktrees);
    Ok(())
}

/// Removes a folder with all that is in it, even where it was made read-only. That it is gone is no error.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    let removed = std::fs::remove_dir_all(path);
    match removed {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(path)?;
            std::fs::remove_dir_all(path)
        }
        Err(error) => Err(error),
    }
}

fn make_writable(path: &Path) -> io::Result<()> {
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}
