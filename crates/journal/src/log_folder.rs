//! Where a run keeps its files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::stamps::Stamps;

/// How many names are tried before giving up: as many processes would have to start in the same microsecond.
const TRIES_MAX: u64 = 10_000;

/// The log folder of one attempt at one turn of a session: `log_<time>/turn_<n>/attempt_<m>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFolder {
    session: PathBuf,
    turn: u32,
    attempt: u32,
}

impl LogFolder {
    /// The base folder of all sessions, relative to where massgen is started.
    pub const DEFAULT_BASE: &str = ".massgen/massgen_logs";

    /// Makes the folder of a new session in `base`, with turn 1 and attempt 1, named for the local time.
    ///
    /// # Errors
    /// When a directory cannot be created.
    pub fn create(base: &Path) -> Result<Self, LogFolderError> {
        let at_us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        Self::create_at(base, u64::try_from(at_us).unwrap_or(0), &Stamps::local())
    }

    /// Makes the folder of a new session in `base`, named for `at_us` microseconds since the Unix
    /// epoch, or for the next microsecond that no other session is named for.
    ///
    /// # Errors
    /// When a directory cannot be created.
    pub fn create_at(base: &Path, at_us: u64, stamps: &Stamps) -> Result<Self, LogFolderError> {
        fs::create_dir_all(base).map_err(|source| LogFolderError::Create { path: base.to_owned(), source })?;
        let mut us = at_us;
        loop {
            let session = base.join(format!("log_{}", stamps.name(us)));
            match private_dir(&session) {
                Ok(()) => return Self { session, turn: 1, attempt: 1 }.made(),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && us - at_us < TRIES_MAX => us += 1,
                Err(source) => return Err(LogFolderError::Create { path: session, source }),
            }
        }
    }

    /// The folder of an attempt of a session that exists.
    ///
    /// # Errors
    /// When there is no such attempt.
    pub fn open(session: &Path, turn: u32, attempt: u32) -> Result<Self, LogFolderError> {
        let folder = Self { session: session.to_owned(), turn, attempt };
        if folder.attempt_dir().is_dir() {
            Ok(folder)
        } else {
            Err(LogFolderError::Missing { path: folder.attempt_dir() })
        }
    }

    /// Makes the folder of the next turn of this session.
    ///
    /// # Errors
    /// When the directory cannot be created.
    pub fn next_turn(&self) -> Result<Self, LogFolderError> {
        Self { session: self.session.clone(), turn: self.turn + 1, attempt: 1 }.made()
    }

    /// Makes the folder of the next attempt at this turn.
    ///
    /// # Errors
    /// When the directory cannot be created.
    pub fn next_attempt(&self) -> Result<Self, LogFolderError> {
        Self { session: self.session.clone(), turn: self.turn, attempt: self.attempt + 1 }.made()
    }

    /// The session's folder: what `LOG_DIR` names.
    #[must_use]
    pub fn session_dir(&self) -> &Path {
        &self.session
    }

    /// The name of the session's folder, `log_<time>`.
    #[must_use]
    pub fn session_id(&self) -> String {
        self.session.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Which turn of the session, counted from 1.
    #[must_use]
    pub fn turn(&self) -> u32 {
        self.turn
    }

    /// Which attempt at the turn, counted from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The turn's folder.
    #[must_use]
    pub fn turn_dir(&self) -> PathBuf {
        self.session.join(format!("turn_{}", self.turn))
    }

    /// The attempt's folder, where all files of the run are.
    #[must_use]
    pub fn attempt_dir(&self) -> PathBuf {
        self.turn_dir().join(format!("attempt_{}", self.attempt))
    }

    /// The journal, `events.jsonl`.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.attempt_dir().join("events.jsonl")
    }

    /// The status file, `status.json`.
    #[must_use]
    pub fn status(&self) -> PathBuf {
        self.attempt_dir().join("status.json")
    }

    /// Where the transcripts are.
    #[must_use]
    pub fn agent_outputs(&self) -> PathBuf {
        self.attempt_dir().join("agent_outputs")
    }

    /// The final answer of the agent whose file name is `agent`, see [`agent_file_names`](crate::agent_file_names).
    #[must_use]
    pub fn final_answer(&self, agent: &str) -> PathBuf {
        self.attempt_dir().join("final").join(agent).join("answer.txt")
    }

    /// The answer that the agent whose file name is `agent` published at `at_ms` milliseconds since the Unix epoch;
    /// `stamps` as the [`LogWriter`](crate::LogWriter) was given them.
    #[must_use]
    pub fn answer(&self, agent: &str, at_ms: u64, stamps: &Stamps) -> PathBuf {
        self.moment_dir(agent, at_ms.saturating_mul(1000), stamps).join("answer.txt")
    }

    /// Where what an agent published at a moment, in microseconds, is kept.
    pub(crate) fn moment_dir(&self, agent: &str, at_us: u64, stamps: &Stamps) -> PathBuf {
        self.attempt_dir().join(agent).join(stamps.name(at_us))
    }

    fn made(self) -> Result<Self, LogFolderError> {
        let path = self.attempt_dir();
        fs::create_dir_all(&path).map_err(|source| LogFolderError::Create { path, source })?;
        Ok(self)
    }
}

/// What can go wrong with a log folder.
#[derive(Debug, thiserror::Error)]
pub enum LogFolderError {
    /// A directory cannot be made.
    #[error("cannot create the log folder {}; choose another base with `MASSGEN_LOG_BASE_DIR`, or run with `--no-logs`", path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no such folder.
    #[error("there is no log folder {}", path.display())]
    Missing {
        /// The directory.
        path: PathBuf,
    },
}

/// Makes a directory that only its owner can enter: what agents saw of the user's files is in it.
fn private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_for_the_time_and_never_shared() {
        let base = tempfile::tempdir().unwrap();
        let at_us = 1_769_868_185_999_999;
        let first = LogFolder::create_at(base.path(), at_us, &Stamps::utc()).unwrap();
        let second = LogFolder::create_at(base.path(), at_us, &Stamps::utc()).unwrap();
        assert_eq!(first.session_id(), "log_20260131_140305_999999");
        assert_eq!(second.session_id(), "log_20260131_140306_000000");
        assert!(first.attempt_dir().ends_with("log_20260131_140305_999999/turn_1/attempt_1"));
        assert!(first.attempt_dir().is_dir());

        let later = first.next_turn().unwrap().next_attempt().unwrap();
        assert!(later.status().ends_with("turn_2/attempt_2/status.json"));
        assert_eq!(LogFolder::open(first.session_dir(), 2, 2).unwrap(), later);
        assert!(matches!(LogFolder::open(first.session_dir(), 3, 1), Err(LogFolderError::Missing { .. })));
    }

    #[test]
    fn a_base_that_is_a_file_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = LogFolder::create(file.path()).unwrap_err();
        assert!(error.to_string().starts_with("cannot create the log folder"), "{error}");
    }
}
