//! Whose temporary directories are whose: a killed run leaves them, and the next one clears them away.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use massgen_workspace::PeerViews;

/// The ending of the file that says, by being locked, that the run it belongs to lives.
const ENDING: &str = ".lock";

/// The temporary directories of one agent in one run: what it sees of its peers, and what its commands leave behind.
/// They are its own until it is dropped, or its process ends.
#[derive(Debug)]
pub(crate) struct Claim {
    directory: PathBuf,
    name: String,
    lock: File,
}

impl Claim {
    /// Claims the directories called `name` in `directory`, which is made where it is missing.
    ///
    /// # Errors
    /// When they cannot be made, or belong to somebody.
    pub(crate) fn new(directory: &Path, name: String) -> std::io::Result<Self> {
        crate::private_directory::private_directory(directory)?;
        let path = directory.join(format!("{name}{ENDING}"));
        let lock = lock(&path)?;
        let claim = Self { directory: directory.to_owned(), name, lock };
        for path in [claim.peers(), claim.scratch()] {
            crate::private_directory::private_directory(&path)?;
        }
        Ok(claim)
    }

    /// The agent's copies of its peers' work.
    pub(crate) fn peers(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// Caches and temporary files of its commands.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.directory.join(format!("{}_scratch", self.name))
    }

    /// Removes the directories. What cannot be removed is left to the next run.
    pub(crate) fn clear(&self) {
        let _ = std::fs::remove_dir_all(self.scratch());
        if PeerViews::new(self.peers()).clear().is_ok() {
            let _ = std::fs::remove_file(self.directory.join(format!("{}{ENDING}", self.name)));
        }
    }

    /// Clears away what runs that are no more have left in `directory`.
    pub(crate) fn clear_abandoned(directory: &Path) {
        let Ok(entries) = std::fs::read_dir(directory) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str().and_then(|name| name.strip_suffix(ENDING)) else { continue };
            // Whoever lives holds the lock.
            if let Ok(lock) = OpenOptions::new().write(true).open(entry.path())
                && locked(&lock).is_ok()
            {
                Self { directory: directory.to_owned(), name: name.to_owned(), lock }.clear();
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Closing would not do: a process that is being started right now has a copy of the descriptor.
        let _ = self.lock.unlock();
    }
}

/// Makes the lock file and takes the lock.
fn lock(path: &Path) -> std::io::Result<File> {
    /// Another run that clears up may hold or remove a file which is not locked yet.
    const TRIES: usize = 50;
    for _ in 1..TRIES {
        let file = open(path)?;
        if locked(&file).is_ok() && is_at(&file, path) {
            return Ok(file);
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let file = open(path)?;
    locked(&file)?;
    Ok(file)
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).open(path)
}

/// Whether `file` is still what `path` names.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let both = file.metadata().and_then(|own| Ok((own, std::fs::metadata(path)?)));
    both.is_ok_and(|(own, there)| (own.dev(), own.ino()) == (there.dev(), there.ino()))
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(unix)]
fn locked(file: &File) -> std::io::Result<()> {
    Ok(rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?)
}

#[cfg(not(unix))]
fn locked(_: &File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_abandoned_goes_and_what_is_claimed_stays() {
        let folder = tempfile::tempdir().unwrap();
        let dead = Claim::new(folder.path(), "dead0000".to_owned()).unwrap();
        std::fs::write(dead.scratch().join("cache"), "x").unwrap();
        std::fs::create_dir(dead.peers().join("agent1")).unwrap();
        let alive = Claim::new(folder.path(), "a11ve000".to_owned()).unwrap();
        std::fs::write(alive.scratch().join("cache"), "x").unwrap();
        assert!(Claim::new(folder.path(), "a11ve000".to_owned()).is_err(), "it belongs to somebody");
        // As when its process is killed.
        drop(dead);
        Claim::clear_abandoned(folder.path());
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name.to_string_lossy().contains("a11ve000")), "{left:?}");
        assert!(alive.scratch().join("cache").exists());
        alive.clear();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
