//! Copying the user's files.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::{IsolateError, LeftOut, io_error};
use crate::base::Base;
use crate::beneath::{Folder, is_blocked};
use crate::context::{ContextKind, ContextPath};
use crate::entry::{Digest, Entry, copy_and_digest, digest_of};
use crate::git::Repository;
use crate::hunk::{TEXT_BYTES_MAX, as_text};
use crate::ignored::Rules;
use crate::names::is_never_applied;
use crate::refusal::Refusal;
use crate::survey::Look;

/// What is to be copied.
pub(super) struct Source {
    pub(super) files: Vec<PathBuf>,
    pub(super) folders: BTreeSet<PathBuf>,
    pub(super) left_out: Vec<(PathBuf, Refusal)>,
    /// What git lists but is not there: the user deleted it.
    pub(super) listed: BTreeSet<PathBuf>,
}

/// Finds out what is to be copied.
pub(super) fn survey(
    context: &ContextPath,
    state: &Path,
    source: &Folder,
    repository: Option<&Repository>,
    rules_hold: bool,
) -> Result<Source, IsolateError> {
    let root = context.root();
    let except = state.strip_prefix(root).ok();
    if context.kind() == ContextKind::File {
        let name = context.path().file_name().unwrap_or_default();
        return Ok(Source {
            files: vec![name.into()],
            folders: BTreeSet::new(),
            left_out: Vec::new(),
            listed: BTreeSet::new(),
        });
    }
    let Some(repository) = repository else {
        let rules = rules_hold.then(Rules::default);
        let look = Look { rules, prefix: Path::new(""), known: &|_| false, except };
        let survey = look.at(source).map_err(io_error("read", root))?;
        let listed = BTreeSet::new();
        return Ok(Source { files: survey.files, folders: survey.folders, left_out: survey.left_out, listed });
    };
    let listing = repository.list(root).map_err(|error| IsolateError::Git { path: root.to_owned(), source: error })?;
    let mut found = Source {
        files: Vec::new(),
        folders: BTreeSet::new(),
        left_out: listing.repositories.into_iter().map(|path| (path, Refusal::OtherRepository)).collect(),
        listed: BTreeSet::new(),
    };
    let mut excluded = BTreeSet::new();
    for path in listing.files {
        if let Some(top) = excluded_part(&path) {
            excluded.insert(top);
        } else if except.is_some_and(|except| path.starts_with(except)) {
            excluded.insert(path);
        } else if source
            .parent_of(&path)
            .and_then(|(folder, name)| status(&folder, name))
            .is_ok_and(|found| found.is_some())
        {
            found.files.push(path);
        } else {
            found.listed.insert(path);
        }
    }
    found.left_out.extend(excluded.into_iter().map(|path| (path, Refusal::Excluded)));
    Ok(found)
}

/// The sizes of the files together.
pub(super) fn sizes(source: &Folder, files: &[PathBuf]) -> io::Result<u64> {
    let mut bytes: u64 = 0;
    for path in files {
        let Ok((folder, name)) = source.parent_of(path) else { continue };
        bytes = bytes.saturating_add(status(&folder, name)?.unwrap_or_default());
    }
    Ok(bytes)
}

/// Copies the files, and remembers what they were.
pub(super) fn fill(
    source: &Folder,
    directory: &Path,
    survey: &Source,
    base: &mut Base,
    left_out: &mut Vec<LeftOut>,
) -> Result<(), (PathBuf, io::Error)> {
    let target = Folder::open(directory).map_err(|error| (PathBuf::new(), error))?;
    for folder in &survey.folders {
        target.make_way(folder).map_err(|error| (folder.clone(), error))?;
    }
    let mut buffer = Vec::new();
    for path in &survey.files {
        let copied = one(source, &target, path, base, &mut buffer).map_err(|error| (path.clone(), error))?;
        if let Some(why) = copied {
            left_out.push(LeftOut { path: path.clone(), why });
        }
    }
    Ok(())
}

/// Copies one file or symlink, or tells why not.
fn one(
    source: &Folder,
    target: &Folder,
    path: &Path,
    base: &mut Base,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Refusal>> {
    let (folder, name) = match source.parent_of(path) {
        Ok(found) => found,
        // It was removed or replaced since the survey: then it was not there when the copy was made.
        Err(error) if is_blocked(&error) || error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if let Ok(link) = folder.link(name) {
        if source.leads_outside(path, &link)? {
            return Ok(Some(Refusal::LeadsOutside));
        }
        target.make_way(path.parent().unwrap_or(Path::new("")))?.new_link(name, &link)?;
        base.insert(path.to_owned(), Entry::Link { target: link });
        return Ok(None);
    }
    let mut file = match folder.file(name) {
        Ok(file) => file,
        Err(error) => {
            return match error.kind() {
                io::ErrorKind::NotFound => Ok(None),
                io::ErrorKind::PermissionDenied => Ok(Some(Refusal::Unreadable)),
                io::ErrorKind::InvalidInput | io::ErrorKind::IsADirectory => Ok(Some(Refusal::NotAFile)),
                _ => Err(error),
            };
        }
    };
    let metadata = file.metadata()?;
    let mut copy = target.make_way(path.parent().unwrap_or(Path::new("")))?.new_file(name, 0o600)?;
    let digest = if metadata.len() <= TEXT_BYTES_MAX {
        buffer.clear();
        (&mut file).take(TEXT_BYTES_MAX + 1).read_to_end(buffer)?;
        copy.write_all(buffer)?;
        let digest = Digest::of(buffer);
        if as_text(buffer).is_some() {
            base.keep(&digest, buffer)?;
        }
        digest
    } else {
        copy_large(&mut file, &mut copy)?
    };
    let mode = metadata.mode() & 0o7777;
    copy.set_permissions(std::fs::Permissions::from_mode(mode & 0o777 | 0o400))?;
    base.insert(path.to_owned(), Entry::File { digest, mode });
    Ok(None)
}

/// Copies a large file, sharing its blocks where the file system can.
fn copy_large(file: &mut File, copy: &mut File) -> io::Result<Digest> {
    #[cfg(target_os = "linux")]
    if rustix::fs::ioctl_ficlone(&*copy, &*file).is_ok() {
        copy.rewind()?;
        return digest_of(copy);
    }
    copy_and_digest(file, copy)
}

/// The size of what is at the name; `None` if nothing is.
fn status(folder: &Folder, name: &OsStr) -> io::Result<Option<u64>> {
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(status) => Ok(Some(u64::try_from(status.st_size).unwrap_or_default())),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// The path up to the first name that is never applied.
fn excluded_part(path: &Path) -> Option<PathBuf> {
    let mut part = PathBuf::new();
    for component in path.components() {
        part.push(component);
        if is_never_applied(component.as_os_str()) {
            return Some(part);
        }
    }
    None
}
