//! Removing a tree whose owner may have made it awkward.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::at;

/// Folders nested deeper than this are moved up first, so that no depth exhausts the stack or the open files.
const DEPTH_MAX: usize = 64;

/// Removes `name` from `directory`, whatever it is: a link itself and not what it points to, a folder with
/// everything in it even where its owner took all permissions away. It may be missing.
pub(crate) fn remove_at(directory: impl AsFd, name: &OsStr) -> io::Result<()> {
    let top = directory.as_fd();
    let mut names = vec![name.to_os_string()];
    while let Some(name) = names.pop() {
        Removal { top, moved_up: &mut names }.entry(top, &name, 0)?;
    }
    Ok(())
}

/// Removes everything in `directory` that `keep` does not ask to leave.
pub(crate) fn empty(directory: impl AsFd, keep: impl Fn(&OsStr) -> bool) -> io::Result<()> {
    for name in at::names(&directory)? {
        if !keep(&name) {
            remove_at(&directory, &name)?;
        }
    }
    Ok(())
}

struct Removal<'a> {
    top: BorrowedFd<'a>,
    /// Folders that were moved from the depths into `top`, still to be removed.
    moved_up: &'a mut Vec<OsString>,
}

impl Removal<'_> {
    fn entry(&mut self, directory: BorrowedFd<'_>, name: &OsStr, depth: usize) -> io::Result<()> {
        match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
        if depth == DEPTH_MAX {
            return self.move_up(directory, name);
        }
        let below = open_again(directory, name)?;
        for name in at::names(&below)? {
            self.entry(below.as_fd(), &name, depth + 1)?;
        }
        match rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn move_up(&mut self, directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
        open_again(directory, name)?;
        for number in 0..u32::MAX {
            let free = OsString::from(format!(".massgen-removed-{number}"));
            if at::stat_at(self.top, &free)?.is_none() {
                rustix::fs::renameat(directory, name, self.top, &free)?;
                self.moved_up.push(free);
                return Ok(());
            }
        }
        Err(Errno::EXIST.into())
    }
}

/// Opens a folder that is about to be changed, giving its owner the permissions for it where they were taken away.
pub(crate) fn open_again(directory: impl AsFd, name: &OsStr) -> io::Result<OwnedFd> {
    // Held without being opened, so that the mode goes to what was looked at and not to what took its place.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = rustix::fs::openat(&directory, name, flags, Mode::empty())?;
    if rustix::fs::fstat(&held)?.st_mode & 0o700 != 0o700 {
        rustix::fs::chmod(format!("/proc/self/fd/{}", held.as_raw_fd()), Mode::from_raw_mode(0o755))?;
    }
    at::open_directory_at(directory, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_and_closed_folders_are_removed_and_links_are_not_followed() {
        let temporary = tempfile::tempdir().unwrap();
        let outside = temporary.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("kept"), "kept").unwrap();
        let top = at::open_directory(temporary.path()).unwrap();
        at::ensure_directory_at(&top, OsStr::new("tree")).unwrap();
        let mut deep = at::open_directory_at(&top, OsStr::new("tree")).unwrap();
        std::os::unix::fs::symlink(&outside, temporary.path().join("tree/link")).unwrap();
        for _ in 0..1_000 {
            at::ensure_directory_at(&deep, OsStr::new("d")).unwrap();
            at::ensure_directory_at(&deep, OsStr::new("closed")).unwrap();
            let closed = at::open_directory_at(&deep, OsStr::new("closed")).unwrap();
            at::create_file_at(&closed, OsStr::new("f"), 0o000).unwrap();
            rustix::fs::fchmod(&closed, Mode::empty()).unwrap();
            deep = at::open_directory_at(&deep, OsStr::new("d")).unwrap();
        }

        remove_at(&top, OsStr::new("tree")).unwrap();

        assert_eq!(at::names(&top).unwrap(), ["outside"]);
        assert_eq!(std::fs::read_to_string(outside.join("kept")).unwrap(), "kept");
    }
}
