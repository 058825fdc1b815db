//! The folder of all sessions.

mod prune;
mod remove;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use massgen_journal::Stamps;

use crate::error::SessionError;
use crate::files::{private_dir, private_dirs, sync_dir};
use crate::id::SessionId;
use crate::moment;
use crate::session::{Session, turn_dirs};

pub use prune::{PruneRule, Pruned, Spared};
pub use remove::Removed;
pub(crate) use remove::modified_ms;

/// How many names are tried for a new session: as many would have to start in the same second.
const TRIES_MAX: u32 = 1_000;

/// The sessions in a base folder. It reads and writes only there; the base is made with the first session.
#[derive(Debug, Clone)]
pub struct SessionStore {
    base: PathBuf,
    stamps: Stamps,
    zone: TimeZone,
}

/// What was found in the base folder.
#[derive(Debug)]
pub enum Found {
    /// A session.
    Session(Session),
    /// Something that cannot be opened as one.
    Unreadable {
        /// Its name.
        name: String,
        /// Why.
        error: SessionError,
    },
}

impl SessionStore {
    /// The base folder of all sessions, relative to where massgen is started.
    pub const DEFAULT_BASE: &str = ".massgen/sessions";

    /// The sessions in `base`, with names and moments in this machine's time zone.
    #[must_use]
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into(), stamps: Stamps::local(), zone: TimeZone::system() }
    }

    /// The same with names and moments in UTC.
    #[must_use]
    pub fn in_utc(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into(), stamps: Stamps::utc(), zone: TimeZone::UTC }
    }

    /// The base folder.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Makes a session that starts now: with the given name, or one made of the local time.
    ///
    /// # Errors
    /// When the given name is taken or cannot name a session, or the folder cannot be made.
    pub fn create(&self, id: Option<&str>) -> Result<Session, SessionError> {
        self.create_at(id, moment::now_ms())
    }

    /// Makes a session that starts at `at_ms` milliseconds since the Unix epoch, see [`create`](Self::create).
    ///
    /// # Errors
    /// As there.
    pub fn create_at(&self, id: Option<&str>, at_ms: u64) -> Result<Session, SessionError> {
        let given: Option<SessionId> = id.map(str::parse).transpose()?;
        private_dirs(&self.base).map_err(|source| SessionError::write(&self.base, source))?;
        let mut repeat = 0;
        loop {
            let id = given.clone().unwrap_or_else(|| SessionId::of_moment(at_ms, &self.stamps, repeat));
            let dir = self.dir(&id);
            match private_dir(&dir) {
                Ok(()) => {
                    sync_dir(&self.base).map_err(|source| SessionError::write(&self.base, source))?;
                    return Ok(self.session(id));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && given.is_some() => {
                    return Err(SessionError::Taken { id });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && repeat < TRIES_MAX => repeat += 1,
                Err(source) => return Err(SessionError::write(&dir, source)),
            }
        }
    }

    /// Opens a session by its name. Its files are read only when they are asked for.
    ///
    /// # Errors
    /// When there is none of this name, the name cannot name one, or something else has it.
    pub fn open(&self, id: &str) -> Result<Session, SessionError> {
        let id: SessionId = id.parse()?;
        let dir = self.dir(&id);
        match fs::symlink_metadata(&dir) {
            Ok(metadata) if metadata.is_dir() => Ok(self.session(id)),
            Ok(metadata) => Err(SessionError::NotAFolder {
                path: dir,
                found: if metadata.is_symlink() { "a symbolic link" } else { "a file" },
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(SessionError::Missing { id, base: self.base.clone() })
            }
            Err(source) => Err(SessionError::read(&dir, source)),
        }
    }

    /// The session that was worked on last, sessions without turns left out; `None` when there is none.
    ///
    /// # Errors
    /// When the base folder cannot be read.
    pub fn latest(&self) -> Result<Option<Session>, SessionError> {
        let mut sessions = self.recent()?.into_iter();
        Ok(sessions.find(|session| turn_dirs(session.dir()).is_ok_and(|turns| !turns.is_empty())))
    }

    /// All sessions that can be opened, last worked on first.
    ///
    /// # Errors
    /// When the base folder cannot be read.
    pub fn recent(&self) -> Result<Vec<Session>, SessionError> {
        let mut sessions: Vec<_> = self
            .all()?
            .into_iter()
            .filter_map(|found| match found {
                // Beginning a turn and ending it both change the folder; of equals, the younger name.
                Found::Session(session) => {
                    Some((fs::metadata(session.dir()).and_then(|metadata| metadata.modified()).ok()?, session))
                }
                Found::Unreadable { .. } => None,
            })
            .collect();
        sessions.sort_by(|(a_time, a), (b_time, b)| (b_time, b.id()).cmp(&(a_time, a.id())));
        Ok(sessions.into_iter().map(|(_, session)| session).collect())
    }

    /// Everything in the base folder that is a session or has the name of one, by name. What is missing whole is
    /// no error: without a base folder there are no sessions.
    ///
    /// # Errors
    /// When the base folder cannot be read.
    pub fn all(&self) -> Result<Vec<Found>, SessionError> {
        let entries = match fs::read_dir(&self.base) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(SessionError::read(&self.base, source)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| SessionError::read(&self.base, source))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().map_err(|source| SessionError::read(&entry.path(), source))?;
            // Hidden entries and files, such as the index, are no sessions and do not look like any.
            if name.starts_with('.') || kind.is_file() {
                continue;
            }
            let opened = match entry.file_name().to_str() {
                // What is known to be a folder is not asked about again: there may be many.
                Some(name) if kind.is_dir() => name.parse().map(|id| self.session(id)),
                Some(name) => self.open(name),
                None => Err(not_text(&name)),
            };
            found.push(match opened {
                Ok(session) => Found::Session(session),
                Err(error) => Found::Unreadable { name: crate::text::harmless(&name), error },
            });
        }
        found.sort_by(|a, b| a.name().cmp(b.name()));
        Ok(found)
    }

    fn dir(&self, id: &SessionId) -> PathBuf {
        self.base.join(id.as_str())
    }

    fn session(&self, id: SessionId) -> Session {
        let dir = self.dir(&id);
        Session::new(id, dir, self.stamps.clone(), self.zone.clone())
    }
}

impl Found {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Session(session) => session.id().as_str(),
            Self::Unreadable { name, .. } => name,
        }
    }
}

fn not_text(name: &str) -> SessionError {
    SessionError::BadId { text: crate::text::harmless(name), problem: "it is not valid UTF-8" }
}
