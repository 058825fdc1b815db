//! Opening the index, whatever is found in its place.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use rusqlite::{Connection, OpenFlags};

use crate::files::{private_dirs, private_file};
use crate::index::Index;
use crate::index::error::IndexError;
use crate::index::schema::{self, Form};

/// How long another process may keep the index locked: building it anew takes seconds.
const BUSY_MS: u64 = 10_000;

/// What was found where the index belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// The index.
    Existing,
    /// Nothing: it is empty, and a refresh fills it.
    New,
    /// Something else, in whose place there is an empty index now.
    Replaced {
        /// What it was, in words.
        found: String,
        /// Where it is now, if it may be somebody's: an index of ours that is of no use is deleted.
        kept_as: Option<PathBuf>,
    },
}

impl Index {
    /// Opens the index at `path`, or makes one. A file that is no index of this version is replaced. Days are those
    /// of this machine's time zone.
    ///
    /// # Errors
    /// When the file cannot be read, made or replaced.
    pub fn open(path: &Path) -> Result<(Self, Opened), IndexError> {
        Self::open_in(path, TimeZone::system())
    }

    /// The same with days in UTC.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_in_utc(path: &Path) -> Result<(Self, Opened), IndexError> {
        Self::open_in(path, TimeZone::UTC)
    }

    fn open_in(path: &Path, zone: TimeZone) -> Result<(Self, Opened), IndexError> {
        if let Some(folder) = path.parent() {
            private_dirs(folder).map_err(|source| IndexError::file(folder, source))?;
        }
        // What one process has just replaced, another must not replace again while it is being filled.
        let _lock = lock(path)?;
        match try_open(path)? {
            Attempt::Opened(database, opened) => Ok((Self { path: path.to_owned(), database, zone }, opened)),
            Attempt::Useless { found, is_ours } => {
                let kept_as = if is_ours { delete(path).map(|()| None) } else { set_aside(path).map(Some) };
                let kept_as = kept_as.map_err(|source| IndexError::file(path, source))?;
                match try_open(path)? {
                    Attempt::Opened(database, _) => {
                        Ok((Self { path: path.to_owned(), database, zone }, Opened::Replaced { found, kept_as }))
                    }
                    Attempt::Useless { found, .. } => Err(IndexError::file(path, io::Error::other(found))),
                }
            }
        }
    }

    /// Empties the index, or puts an empty one in its place if that cannot be done.
    pub(super) fn clear(&mut self) -> Result<(), IndexError> {
        match schema::clear(&mut self.database).map_err(|source| self.error(source)) {
            Err(IndexError::Damaged { .. } | IndexError::Database { .. }) => self.start_over(),
            result => result,
        }
    }

    /// Throws the file away and opens an empty index in its place.
    pub(super) fn start_over(&mut self) -> Result<(), IndexError> {
        // The old file must not be written any more when the new one is there.
        self.database = Connection::open_in_memory().map_err(|source| self.error(source))?;
        delete(&self.path).map_err(|source| IndexError::file(&self.path, source))?;
        let (index, _) = Self::open_in(&self.path, self.zone.clone())?;
        *self = index;
        Ok(())
    }
}

enum Attempt {
    Opened(Connection, Opened),
    Useless { found: String, is_ours: bool },
}

fn try_open(path: &Path) -> Result<Attempt, IndexError> {
    let error = |source| IndexError::new(path, source);
    // SQLite would make a file that others can read; its companions take over the permissions of this one.
    private_file(OpenOptions::new().create(true).append(true))
        .open(path)
        .map_err(|source| IndexError::file(path, source))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut database = Connection::open_with_flags(path, flags).map_err(error)?;
    database.busy_timeout(Duration::from_millis(BUSY_MS)).map_err(error)?;
    let is_new = match schema::form(&database).and_then(|form| match form {
        Form::Ours => schema::probe(&database).map(|()| form),
        other => Ok(other),
    }) {
        Ok(Form::Ours) => false,
        Ok(Form::New) => true,
        Ok(Form::OtherVersion(version)) => {
            let found = format!("an index of another version of massgen ({version})");
            return Ok(Attempt::Useless { found, is_ours: true });
        }
        Ok(Form::Foreign) => {
            return Ok(Attempt::Useless { found: "a database of another program".to_owned(), is_ours: false });
        }
        Err(source) => match IndexError::new(path, source) {
            IndexError::Damaged { source, .. } => {
                return Ok(Attempt::Useless { found: format!("no readable database ({source})"), is_ours: false });
            }
            // Our own mark on tables that are not ours: half an index, which nobody misses.
            IndexError::Database { source, .. } if source.sqlite_error_code() == Some(rusqlite::ErrorCode::Unknown) => {
                return Ok(Attempt::Useless { found: format!("an incomplete index ({source})"), is_ours: true });
            }
            other => return Err(other),
        },
    };
    let prepare = |database: &mut Connection| {
        // Readers go on while somebody writes. What a power failure takes is built again.
        database.pragma_update(None, "journal_mode", "WAL")?;
        database.pragma_update(None, "synchronous", "NORMAL")?;
        if is_new {
            schema::create(database)?;
        }
        Ok(())
    };
    prepare(&mut database).map_err(error)?;
    Ok(Attempt::Opened(database, if is_new { Opened::New } else { Opened::Existing }))
}

/// Held while the file is being opened or replaced.
struct Replacing(File);

impl Drop for Replacing {
    fn drop(&mut self) {
        // Closing would not do: a process that is being started right now has a copy of the descriptor.
        let _ = self.0.unlock();
    }
}

fn lock(path: &Path) -> Result<Replacing, IndexError> {
    let path = with_suffix(path, ".lock");
    let file = private_file(OpenOptions::new().create(true).append(true))
        .open(&path)
        .map_err(|source| IndexError::file(&path, source))?;
    // An error is a file system without locks.
    let _ = file.lock();
    Ok(Replacing(file))
}

/// The file with what SQLite keeps beside it.
fn with_companions(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| with_suffix(path, suffix))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn delete(path: &Path) -> io::Result<()> {
    for file in with_companions(path) {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Gives the file and its companions names that nothing has yet.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let free = (1..1_000_u32).map(|number| with_suffix(path, &format!(".aside-{number}"))).find(|name| !name.exists());
    let kept_as = free.ok_or(io::ErrorKind::AlreadyExists)?;
    for (from, to) in with_companions(path).iter().zip(with_companions(&kept_as)) {
        match fs::rename(from, to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(kept_as)
}
