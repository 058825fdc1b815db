//! Deleting sessions.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::SessionError;
use crate::files::sync_dir;
use crate::id::SessionId;
use crate::lock::FolderLock;
use crate::store::SessionStore;
use crate::turn::TurnRecord;

/// What is being removed has a name that begins so, and is no session any more.
const TRASH: &str = ".trash-";

/// Tells what this process removes apart.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A session that was deleted, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Its name.
    pub id: SessionId,
    /// What its files took.
    pub bytes: u64,
    /// When it was last worked on, in milliseconds since the Unix epoch.
    pub updated_ms: u64,
}

impl SessionStore {
    /// Deletes a session. Links in it are removed, what they lead to stays. What an earlier deletion left because it was
    /// interrupted is removed too.
    ///
    /// # Errors
    /// When there is no such session, a run of it is going on, or something cannot be removed. In the last case the
    /// session is gone all the same, and the rest is removed with the next deletion.
    pub fn delete(&self, id: &str) -> Result<Removed, SessionError> {
        let removed = self.measure(id)?;
        self.move_to_trash(&removed.id)?;
        self.empty_trash()?;
        Ok(removed)
    }

    pub(super) fn measure(&self, id: &str) -> Result<Removed, SessionError> {
        let session = self.open(id)?;
        let updated_ms = updated_ms(session.dir(), &session.turns()?);
        Ok(Removed { bytes: size(session.dir()), updated_ms, id: session.id().clone() })
    }

    /// From here on the session is gone for everybody else.
    pub(super) fn move_to_trash(&self, id: &SessionId) -> Result<(), SessionError> {
        let session = self.open(id.as_str())?;
        let running = || SessionError::Running { id: id.clone() };
        let lock = FolderLock::exclusive(session.dir()).map_err(|source| SessionError::read(session.dir(), source))?;
        let lock = lock.ok_or_else(running)?;
        if !lock.is_at(session.dir()) {
            return Err(SessionError::Gone { id: id.clone() });
        }
        if session.turns()?.iter().any(TurnRecord::is_alive) {
            return Err(running());
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let trash = self.base().join(format!("{TRASH}{}-{number}-{id}", std::process::id()));
        fs::rename(session.dir(), &trash).map_err(|source| SessionError::write(&trash, source))?;
        sync_dir(self.base()).map_err(|source| SessionError::write(self.base(), source))
    }

    /// Removes what deletions moved away, interrupted ones included.
    pub(super) fn empty_trash(&self) -> Result<(), SessionError> {
        let entries = fs::read_dir(self.base()).map_err(|source| SessionError::read(self.base(), source))?;
        let mut first_error = None;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(TRASH)
                && let Err(source) = remove_tree(&entry.path())
            {
                first_error.get_or_insert(SessionError::Remove { path: entry.path(), source });
            }
        }
        first_error.map_or(Ok(()), Err)
    }
}

/// When a session was last worked on: what its turns tell, or else what its folder does.
fn updated_ms(dir: &Path, turns: &[TurnRecord]) -> u64 {
    turns.iter().filter_map(TurnRecord::updated_ms).max().unwrap_or_else(|| modified_ms(dir))
}

/// When an entry was last changed; 0 when nobody knows.
pub(crate) fn modified_ms(path: &Path) -> u64 {
    let modified = fs::symlink_metadata(path).and_then(|metadata| metadata.modified()).ok();
    let since = modified.and_then(|modified| modified.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// What the files below a folder take, links counted as themselves. What cannot be read counts nothing.
fn size(dir: &Path) -> u64 {
    let mut total: u64 = 0;
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            // The metadata of an entry are its own, not those of what it leads to.
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => total = total.saturating_add(metadata.len()),
                Err(_) => {}
            }
        }
    }
    total
}

/// Removes a folder and everything in it, or anything else that has the name. Somebody else may do the same.
fn remove_tree(path: &Path) -> io::Result<()> {
    let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let remove = || match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match remove() {
        // Tools make folders that cannot be written, such as caches of modules.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(path);
            remove()
        }
        result => result,
    }
    .or_else(|error| if is_gone(&error) { Ok(()) } else { Err(error) })
}

/// Makes all folders of a tree writable as far as possible. Links are not followed.
fn make_writable(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mut folders = vec![path.to_owned()];
        while let Some(folder) = folders.pop() {
            // The attempt to remove it tells what cannot be changed.
            let _ = fs::set_permissions(&folder, fs::Permissions::from_mode(0o700));
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(entry.path());
                }
            }
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}
