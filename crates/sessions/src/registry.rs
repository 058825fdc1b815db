//! The list of sessions that other programs read too: `sessions.json`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use massgen_journal::Stamps;
use serde_json::{Map, Value, json};

use crate::files::{private_dirs, private_file, write_durably};
use crate::id::SessionId;

/// How long another program may hold the lock. Holding it takes the time of reading and writing a small file.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// How often a held lock is tried again; there is no way to wait for it with a limit.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// The list of sessions at a path such as `~/.massgen/sessions.json`, shared with other programs.
///
/// Every change reads the file, changes one entry and replaces the file, under the lock of `<path>.lock`. Entries and
/// keys that are not ours stay as they are.
#[derive(Debug, Clone)]
pub struct Registry {
    path: PathBuf,
    lock_wait: Duration,
    stamps: Stamps,
}

/// A session that starts, or goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Its name.
    pub session_id: SessionId,
    /// When it starts, in milliseconds since the Unix epoch.
    pub start_ms: u64,
    /// The config file.
    pub config_path: Option<PathBuf>,
    /// The models, or the model.
    pub model: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Where its logs are.
    pub log_directory: Option<PathBuf>,
}

/// An entry of the list. Odd values read as `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistryEntry {
    /// The session's name, not checked: it may come from anybody.
    pub session_id: String,
    /// When it started, as it is written.
    pub start_time: Option<String>,
    /// When it ended.
    pub end_time: Option<String>,
    /// `active` or `completed`.
    pub status: Option<String>,
    /// The config file.
    pub config_path: Option<String>,
    /// The models, or the model.
    pub model: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Where its logs are.
    pub log_directory: Option<String>,
}

/// The list could not be understood and was moved away, so that a new one could be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now.
    pub kept_as: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

impl std::fmt::Display for SetAside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kept_as, problem } = self;
        write!(f, "the list of sessions could not be read ({problem}); it is kept as {}", kept_as.display())
    }
}

impl Registry {
    /// The list at `path`. Moments are written in this machine's time zone.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), lock_wait: LOCK_WAIT, stamps: Stamps::local() }
    }

    /// The same, with another limit to the wait for the lock.
    #[must_use]
    pub fn with_lock_wait(self, lock_wait: Duration) -> Self {
        Self { lock_wait, ..self }
    }

    /// Puts a session on the list as `active`. A session that is there goes on: its start and what others wrote about it
    /// stay.
    ///
    /// # Errors
    /// When the lock cannot be had in time, or a file cannot be read or written.
    pub fn register(&self, registration: &Registration) -> Result<Option<SetAside>, RegistryError> {
        let path = |path: &Option<PathBuf>| json!(path.as_ref().map(|path| path.to_string_lossy()));
        self.change(&registration.session_id, |entry| {
            let start = json!(self.stamps.iso(registration.start_ms));
            entry.entry("start_time").or_insert(start);
            entry.insert("end_time".to_owned(), Value::Null);
            entry.insert("status".to_owned(), json!("active"));
            entry.insert("config_path".to_owned(), path(&registration.config_path));
            entry.insert("model".to_owned(), json!(registration.model));
            // The first words say what a session is about, not the last.
            if entry.get("description").is_none_or(Value::is_null) {
                entry.insert("description".to_owned(), json!(registration.description));
            }
            entry.insert("log_directory".to_owned(), path(&registration.log_directory));
        })
    }

    /// Marks a session as `completed` at `end_ms` milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub fn complete(&self, session_id: &SessionId, end_ms: u64) -> Result<Option<SetAside>, RegistryError> {
        self.change(session_id, |entry| {
            entry.insert("end_time".to_owned(), json!(self.stamps.iso(end_ms)));
            entry.insert("status".to_owned(), json!("completed"));
        })
    }

    /// Takes a session off the list.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub fn remove(&self, session_id: &SessionId) -> Result<Option<SetAside>, RegistryError> {
        let _lock = self.lock()?;
        let (mut list, set_aside) = self.read_or_set_aside()?;
        if let Some(sessions) = sessions_mut(&mut list) {
            let before = sessions.len();
            sessions.retain(|entry| !is_of(entry, session_id));
            if sessions.len() < before {
                self.write(&list)?;
            }
        }
        Ok(set_aside)
    }

    /// Everything on the list, in its order. Without the file there is nothing; entries without a name are left out.
    ///
    /// # Errors
    /// When the file cannot be read or understood. Reading moves nothing away.
    pub fn entries(&self) -> Result<Vec<RegistryEntry>, RegistryError> {
        match self.read()? {
            Contents::List(list) => {
                let sessions = list.get("sessions").and_then(Value::as_array);
                Ok(sessions.into_iter().flatten().filter_map(RegistryEntry::of).collect())
            }
            Contents::Odd(problem) => Err(RegistryError::Odd { path: self.path.clone(), problem }),
        }
    }

    fn change(
        &self,
        session_id: &SessionId,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Result<Option<SetAside>, RegistryError> {
        let _lock = self.lock()?;
        let (mut list, set_aside) = self.read_or_set_aside()?;
        if let Some(sessions) = sessions_mut(&mut list) {
            // The last entry of a name is the current one, whatever wrote several.
            match sessions.iter_mut().rev().find(|entry| is_of(entry, session_id)).and_then(Value::as_object_mut) {
                Some(entry) => change(entry),
                None => {
                    let mut entry = Map::new();
                    entry.insert("session_id".to_owned(), json!(session_id.as_str()));
                    change(&mut entry);
                    sessions.push(Value::Object(entry));
                }
            }
        }
        self.write(&list)?;
        Ok(set_aside)
    }

    fn lock(&self) -> Result<Lock, RegistryError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        private_dirs(folder).map_err(|source| write_error(folder, source))?;
        let path = beside(&self.path, ".lock");
        let file = private_file(OpenOptions::new().create(true).append(true))
            .open(&path)
            .map_err(|source| write_error(&path, source))?;
        let deadline = Instant::now() + self.lock_wait;
        loop {
            match file.try_lock() {
                // A file system without locks keeps nobody out, and a list of sessions is not worth failing for that.
                Ok(()) | Err(TryLockError::Error(_)) => return Ok(Lock(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(LOCK_POLL),
                Err(TryLockError::WouldBlock) => {
                    return Err(RegistryError::Busy { path, waited_ms: self.lock_wait.as_millis() });
                }
            }
        }
    }

    fn read(&self) -> Result<Contents, RegistryError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Contents::List(json!({"sessions": []})));
            }
            Err(source) => return Err(RegistryError::Read { path: self.path.clone(), source }),
        };
        Ok(understand(&bytes).map_or_else(Contents::Odd, Contents::List))
    }

    fn read_or_set_aside(&self) -> Result<(Value, Option<SetAside>), RegistryError> {
        match self.read()? {
            Contents::List(list) => Ok((list, None)),
            Contents::Odd(problem) => {
                let kept_as = self.move_aside()?;
                Ok((json!({"sessions": []}), Some(SetAside { kept_as, problem })))
            }
        }
    }

    /// Gives the file a name that nothing has yet.
    fn move_aside(&self) -> Result<PathBuf, RegistryError> {
        let mut number: u32 = 1;
        loop {
            let kept_as = beside(&self.path, &format!(".corrupt-{number}"));
            // Unlike a rename, a second name never replaces what is there.
            match fs::hard_link(&self.path, &kept_as) {
                Ok(()) => {
                    fs::remove_file(&self.path).map_err(|source| write_error(&self.path, source))?;
                    return Ok(kept_as);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1_000 => number += 1,
                Err(source) => return Err(write_error(&kept_as, source)),
            }
        }
    }

    fn write(&self, list: &Value) -> Result<(), RegistryError> {
        let text = format!("{list:#}\n");
        write_durably(&self.path, text.as_bytes()).map_err(|source| write_error(&self.path, source))
    }
}

fn write_error(path: &Path, source: io::Error) -> RegistryError {
    RegistryError::Write { path: path.to_owned(), source }
}

enum Contents {
    List(Value),
    Odd(String),
}

/// The list, with a place for sessions; an error in words.
fn understand(bytes: &[u8]) -> Result<Value, String> {
    let mut list: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let Value::Object(map) = &mut list else { return Err("it is not a JSON object".to_owned()) };
    if map.entry("sessions").or_insert_with(|| json!([])).is_array() {
        Ok(list)
    } else {
        Err("its `sessions` are not a list".to_owned())
    }
}

fn sessions_mut(list: &mut Value) -> Option<&mut Vec<Value>> {
    list.get_mut("sessions").and_then(Value::as_array_mut)
}

fn is_of(entry: &Value, session_id: &SessionId) -> bool {
    entry.get("session_id").and_then(Value::as_str) == Some(session_id.as_str())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would not do: a process that is being started right now has a copy of the descriptor.
        let _ = self.0.unlock();
    }
}

impl RegistryEntry {
    fn of(entry: &Value) -> Option<Self> {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            session_id: text("session_id")?,
            start_time: text("start_time"),
            end_time: text("end_time"),
            status: text("status"),
            config_path: text("config_path"),
            model: text("model"),
            description: text("description"),
            log_directory: text("log_directory"),
        })
    }
}

/// What can go wrong with the list of sessions. None of it is a reason to stop a run.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Another program holds the lock.
    #[error("another program has held {} for {waited_ms} ms; try again when it is done", path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
        /// How long it was waited for.
        waited_ms: u128,
    },
    /// The list cannot be understood.
    #[error("{} is not a list of sessions: {problem}; the next run keeps it aside and begins a new one", path.display())]
    Odd {
        /// The list.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The list cannot be read.
    #[error("cannot read the list of sessions {}; see whether this user may", path.display())]
    Read {
        /// The list.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The list or its lock cannot be written.
    #[error("cannot write {}; see whether its disk is full and this user may write there", path.display())]
    Write {
        /// The list, its lock or its folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl RegistryError {
    /// Whether the same operation can succeed later without anybody changing files.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Write { .. })
    }
}
