//! One session.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use massgen_journal::Stamps;

use crate::error::SessionError;
use crate::history::Exchange;
use crate::id::SessionId;
use crate::lock::FolderLock;
use crate::moment;
use crate::open_turn::{Answers, OpenTurnFolder};
use crate::turn::TurnRecord;

/// One session: a folder with a folder for each turn.
///
/// Reading never changes a file, so that a folder of the Python program stays as it is until a turn is begun in it;
/// then too its earlier turns stay untouched.
#[derive(Debug, Clone)]
pub struct Session {
    id: SessionId,
    dir: PathBuf,
    stamps: Stamps,
    zone: TimeZone,
}

impl Session {
    pub(crate) fn new(id: SessionId, dir: PathBuf, stamps: Stamps, zone: TimeZone) -> Self {
        Self { id, dir, stamps, zone }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its turns, in order. A turn that cannot be read is there with its
    /// [`problems`](TurnRecord::problems).
    ///
    /// # Errors
    /// When the session's folder cannot be read.
    pub fn turns(&self) -> Result<Vec<TurnRecord>, SessionError> {
        let numbered = turn_dirs(&self.dir)?;
        Ok(numbered.into_iter().map(|(number, dir)| TurnRecord::read(number, &dir, &self.zone)).collect())
    }

    /// The questions and answers of its turns, for the prompt of the next. Partial turns are there and marked.
    ///
    /// # Errors
    /// When the session's folder cannot be read.
    pub fn history(&self) -> Result<Vec<Exchange>, SessionError> {
        Ok(self.turns()?.iter().filter_map(Exchange::of_turn).collect())
    }

    /// Begins the next turn now, see [`begin_turn_at`](Self::begin_turn_at).
    ///
    /// # Errors
    /// As there.
    pub fn begin_turn(&self, task: &str, log_dir: &Path) -> Result<OpenTurnFolder, SessionError> {
        self.begin_turn_at(task, log_dir, moment::now_ms())
    }

    /// Begins the next turn at `at_ms` milliseconds since the Unix epoch: makes its folder and writes its metadata, so
    /// that the turn is known from now on. `log_dir` is the log folder of the run's attempt.
    ///
    /// # Errors
    /// When the folder cannot be made or written, or the session is being deleted.
    pub fn begin_turn_at(&self, task: &str, log_dir: &Path, at_ms: u64) -> Result<OpenTurnFolder, SessionError> {
        OpenTurnFolder::begin(self, task, log_dir, at_ms, Answers::Real)
    }

    /// Begins the next turn now, as [`begin_turn`](Self::begin_turn) does, and marks it as one whose answers are scripted.
    ///
    /// # Errors
    /// As there.
    pub fn begin_rehearsal(&self, task: &str, log_dir: &Path) -> Result<OpenTurnFolder, SessionError> {
        OpenTurnFolder::begin(self, task, log_dir, moment::now_ms(), Answers::Scripted)
    }

    /// Opens a turn that was stopped, whose run goes on in `log_dir`: it is running again, and what it had stays until
    /// it is finished anew.
    ///
    /// # Errors
    /// When there is no such turn, its folder cannot be written, or the session is being deleted. Whether its run is going
    /// on is for the caller to know: it holds the journal.
    pub fn reopen_turn(&self, number: u32, log_dir: &Path) -> Result<OpenTurnFolder, SessionError> {
        OpenTurnFolder::reopen(self, number, log_dir)
    }

    /// Whether a run of this session is going on.
    ///
    /// # Errors
    /// When the session's folder cannot be read.
    pub fn is_alive(&self) -> Result<bool, SessionError> {
        let lock = FolderLock::exclusive(&self.dir).map_err(|source| SessionError::read(&self.dir, source))?;
        if lock.is_none() {
            return Ok(true);
        }
        drop(lock);
        Ok(self.turns()?.iter().any(TurnRecord::is_alive))
    }

    pub(crate) fn stamps(&self) -> &Stamps {
        &self.stamps
    }

    pub(crate) fn zone(&self) -> &TimeZone {
        &self.zone
    }
}

/// The folders of turns in a session's folder, in order.
pub(crate) fn turn_dirs(dir: &Path) -> Result<Vec<(u32, PathBuf)>, SessionError> {
    let entries = fs::read_dir(dir).map_err(|source| SessionError::read(dir, source))?;
    let mut turns = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| SessionError::read(dir, source))?;
        let name = entry.file_name();
        // A link could lead to somebody else's files.
        if let Some(number) = name.to_str().and_then(turn_number)
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
        {
            turns.push((number, entry.path()));
        }
    }
    turns.sort();
    Ok(turns)
}

/// The number in the name of a turn's folder. `turn_01` is none: there is one folder for each number.
fn turn_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("turn_")?;
    digits.parse::<u32>().ok().filter(|number| number.to_string() == digits)
}
