//! One step of an apply, forward and back. Each can be repeated from any point where it was stopped.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, RenameFlags};
use rustix::io::Errno;

use super::Observer;
use super::journal::{Action, Journal, Place, Step};
use crate::beneath::{Folder, Seen};
use crate::entry::{Entry, copy_and_digest};

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As intended.
    Done,
    /// Somebody else changed the file: it was left as it is.
    LeftAlone,
}

/// Does the step.
pub(super) fn forward(root: &Folder, step: &Step, observer: &mut Observer<'_>) -> io::Result<Outcome> {
    match &step.action {
        Action::Delete { old, place, .. } => delete(root, &step.path, old, place, observer),
        Action::RemoveFolder { .. } => {
            remove_folder(root, &step.path)?;
            observer("folder removed");
            Ok(Outcome::Done)
        }
        Action::MakeFolder => make_folder(root, &step.path, 0o777, observer),
        Action::Put { old: Some(old), new, place, .. } => replace(root, &step.path, old, new, place, observer),
        Action::Put { old: None, new, place, .. } => add(root, &step.path, new, place, observer),
    }
}

/// Undoes the step, whether it was done or not.
pub(super) fn back(root: &Folder, step: &Step, journal: &Journal, observer: &mut Observer<'_>) -> io::Result<Outcome> {
    let path = &step.path;
    let outcome = match &step.action {
        Action::Delete { old, place, .. } => match root.look_at(path)? {
            Seen::Entry(entry) if entry == *old => Outcome::Done,
            Seen::Absent => restore(root, path, old, &step.action, place, journal, observer)?,
            _ => Outcome::LeftAlone,
        },
        Action::Put { old: Some(old), new, place, .. } => match root.look_at(path)? {
            Seen::Entry(entry) if entry == *old => Outcome::Done,
            Seen::Entry(entry) if entry == *new => restore(root, path, old, &step.action, place, journal, observer)?,
            _ => Outcome::LeftAlone,
        },
        Action::Put { old: None, new, .. } => match root.look_at(path)? {
            Seen::Absent | Seen::Blocked => Outcome::Done,
            Seen::Entry(entry) if entry == *new => {
                let (folder, name) = root.parent_of(path)?;
                folder.remove(name)?;
                Outcome::Done
            }
            Seen::Entry(_) => Outcome::LeftAlone,
        },
        Action::MakeFolder => {
            remove_folder(root, path)?;
            Outcome::Done
        }
        Action::RemoveFolder { mode } => make_folder(root, path, *mode, observer)?,
    };
    observer("step undone");
    Ok(outcome)
}

/// Removes what waits for the step, unless it is something that nobody knows.
pub(super) fn clear(root: &Folder, step: &Step) -> io::Result<()> {
    let Some(place) = step.action.place() else { return Ok(()) };
    let folder = root.descend(&place.folder)?;
    let name = OsStr::new(&place.name);
    let known = match (folder.look(name)?, &step.action) {
        (None, _) => false,
        (Some(waits), Action::Delete { old, .. }) => waits == *old,
        (Some(waits), Action::Put { old, new, .. }) => waits == *new || Some(&waits) == old.as_ref(),
        (Some(_), Action::RemoveFolder { .. } | Action::MakeFolder) => false,
    };
    if known { folder.remove(name) } else { Ok(()) }
}

/// Brings the names that the step changed to the storage device.
pub(super) fn sync(root: &Folder, step: &Step) -> io::Result<()> {
    if let Some(Ok(folder)) = step.action.place().map(|place| root.descend(&place.folder)) {
        folder.sync()?;
    }
    match root.parent_of(&step.path) {
        Ok((folder, _)) => folder.sync(),
        // The folder went with the step, or never came.
        Err(_) => Ok(()),
    }
}

fn replace(
    root: &Folder,
    path: &Path,
    old: &Entry,
    new: &Entry,
    place: &Place,
    observer: &mut Observer<'_>,
) -> io::Result<Outcome> {
    let (from, waiting) = (root.descend(&place.folder)?, OsStr::new(&place.name));
    let now = match root.look_at(path)? {
        Seen::Entry(entry) => entry,
        Seen::Absent | Seen::Blocked => return Ok(Outcome::LeftAlone),
    };
    let (to, name) = root.parent_of(path)?;
    if now != *new {
        if now != *old {
            return Ok(Outcome::LeftAlone);
        }
        if from.look(waiting)?.as_ref() != Some(new) {
            return Err(io::Error::other("what was to replace it is gone"));
        }
        observer("about to swap");
        match from.rename(waiting, &to, name, RenameFlags::EXCHANGE) {
            Ok(()) => observer("swapped"),
            Err(errno) if is_unsupported(errno) => {
                from.rename(waiting, &to, name, RenameFlags::empty())?;
                observer("replaced");
                return Ok(Outcome::Done);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    // Between the look and the swap somebody may have changed the file: then it goes back.
    match from.look(waiting)? {
        Some(waits) if waits != *old && waits != *new => {
            from.rename(waiting, &to, name, RenameFlags::EXCHANGE)?;
            observer("swapped back");
            Ok(Outcome::LeftAlone)
        }
        _ => Ok(Outcome::Done),
    }
}

fn add(root: &Folder, path: &Path, new: &Entry, place: &Place, observer: &mut Observer<'_>) -> io::Result<Outcome> {
    match root.look_at(path)? {
        Seen::Entry(entry) if entry == *new => return Ok(Outcome::Done),
        Seen::Entry(_) | Seen::Blocked => return Ok(Outcome::LeftAlone),
        Seen::Absent => {}
    }
    let (from, waiting) = (root.descend(&place.folder)?, OsStr::new(&place.name));
    let (to, name) = match root.parent_of(path) {
        Ok(found) => found,
        // The folder could not be made because something else is there, or somebody removed it again.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Outcome::LeftAlone),
        Err(error) => return Err(error),
    };
    if from.look(waiting)?.as_ref() != Some(new) {
        return Err(io::Error::other("what was to be put there is gone"));
    }
    observer("about to add");
    let outcome = rename_to_free(&from, waiting, &to, name)?;
    observer("added");
    Ok(outcome)
}

fn delete(root: &Folder, path: &Path, old: &Entry, place: &Place, observer: &mut Observer<'_>) -> io::Result<Outcome> {
    let (to, waiting) = (root.descend(&place.folder)?, OsStr::new(&place.name));
    match root.look_at(path)? {
        Seen::Entry(entry) if entry == *old => {
            let (from, name) = root.parent_of(path)?;
            observer("about to take away");
            if rename_to_free(&from, name, &to, waiting)? == Outcome::LeftAlone {
                return Err(io::Error::other(format!("the name {} is taken", place.name)));
            }
            observer("taken away");
        }
        Seen::Entry(_) => return Ok(Outcome::LeftAlone),
        Seen::Absent | Seen::Blocked => {}
    }
    // Between the look and the rename somebody may have changed the file: then it goes back.
    match to.look(waiting)? {
        Some(waits) if waits != *old => {
            let (from, name) = root.parent_of(path)?;
            rename_to_free(&to, waiting, &from, name)?;
            observer("put back");
            Ok(Outcome::LeftAlone)
        }
        _ => Ok(Outcome::Done),
    }
}

/// Brings an old file back: what waits, else the copy in the journal.
fn restore(
    root: &Folder,
    path: &Path,
    old: &Entry,
    action: &Action,
    place: &Place,
    journal: &Journal,
    observer: &mut Observer<'_>,
) -> io::Result<Outcome> {
    let (from, waiting) = (root.descend(&place.folder)?, OsStr::new(&place.name));
    let (to, name) = root.parent_of(path)?;
    if from.look(waiting)?.as_ref() != Some(old) {
        from.remove(waiting)?;
        observer("waiting file removed");
        match (old, action.old()) {
            (Entry::Link { target }, _) => from.new_link(waiting, target)?,
            (Entry::File { mode, .. }, Some((_, Some(saved), _))) => {
                let mut file = from.new_file(waiting, 0o600)?;
                copy_and_digest(&mut std::fs::File::open(journal.old().join(saved))?, &mut file)?;
                rustix::fs::fchmod(&file, Mode::from_raw_mode(*mode))?;
                file.sync_all()?;
            }
            _ => return Err(io::Error::other("there is no copy of it")),
        }
        observer("old content waits");
    }
    let flags = if matches!(action, Action::Delete { .. }) { RenameFlags::NOREPLACE } else { RenameFlags::EXCHANGE };
    match from.rename(waiting, &to, name, flags) {
        Ok(()) => Ok(Outcome::Done),
        Err(Errno::EXIST) => Ok(Outcome::LeftAlone),
        Err(errno) if is_unsupported(errno) => {
            from.rename(waiting, &to, name, RenameFlags::empty())?;
            Ok(Outcome::Done)
        }
        Err(errno) => Err(errno.into()),
    }
}

/// Renames to a name that must be free.
fn rename_to_free(from: &Folder, waiting: &OsStr, to: &Folder, name: &OsStr) -> io::Result<Outcome> {
    match from.rename(waiting, to, name, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(Outcome::Done),
        Err(Errno::EXIST) => Ok(Outcome::LeftAlone),
        Err(errno) if is_unsupported(errno) => {
            if to.look(name)?.is_some() {
                return Ok(Outcome::LeftAlone);
            }
            from.rename(waiting, to, name, RenameFlags::empty())?;
            Ok(Outcome::Done)
        }
        Err(errno) => Err(errno.into()),
    }
}

/// Whether the file system cannot rename in this way, such as some network file systems.
fn is_unsupported(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::NOSYS | Errno::NOTSUP)
}

fn remove_folder(root: &Folder, path: &Path) -> io::Result<()> {
    let Ok((folder, name)) = root.parent_of(path) else { return Ok(()) };
    match rustix::fs::unlinkat(&folder, name, AtFlags::REMOVEDIR) {
        // Somebody put something into it, or something else in its place: then it stays.
        Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn make_folder(root: &Folder, path: &Path, mode: u32, observer: &mut Observer<'_>) -> io::Result<Outcome> {
    let Ok((folder, name)) = root.parent_of(path) else { return Ok(Outcome::LeftAlone) };
    match rustix::fs::mkdirat(&folder, name, Mode::from_raw_mode(mode)) {
        Ok(()) => {
            observer("folder made");
            if rustix::process::geteuid().is_root() {
                // Nobody wants a folder of root in their own.
                let status = rustix::fs::fstat(&folder)?;
                let (owner, group) =
                    (rustix::fs::Uid::from_raw(status.st_uid), rustix::fs::Gid::from_raw(status.st_gid));
                let _ = rustix::fs::chownat(&folder, name, Some(owner), Some(group), AtFlags::SYMLINK_NOFOLLOW);
            }
            Ok(Outcome::Done)
        }
        Err(Errno::EXIST) => Ok(Outcome::Done),
        Err(errno) => Err(errno.into()),
    }
}
