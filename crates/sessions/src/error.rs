//! What can go wrong with sessions.

use std::io;
use std::path::{Path, PathBuf};

use crate::id::SessionId;

/// What can go wrong with the folders of sessions.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The text cannot name a session.
    #[error("`{text}` cannot name a session: {problem}")]
    BadId {
        /// What was given, made printable.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A session of this name is there already.
    #[error("there is a session `{id}` already; continue it, or choose another name")]
    Taken {
        /// The name.
        id: SessionId,
    },
    /// There is no such session.
    #[error("there is no session `{id}` in {}; list the sessions to see which there are", base.display())]
    Missing {
        /// The name.
        id: SessionId,
        /// Where it was looked for.
        base: PathBuf,
    },
    /// Something other than a folder has the session's name.
    #[error("{} is {found}, not the folder of a session; move it away", path.display())]
    NotAFolder {
        /// What has the name.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// The session's run is going on.
    #[error("a run of session `{id}` is going on; stop it or wait for its end")]
    Running {
        /// The session.
        id: SessionId,
    },
    /// The session went away while it was being used.
    #[error("session `{id}` was deleted meanwhile; start a new one")]
    Gone {
        /// The session.
        id: SessionId,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {}; see whether this user may", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}; see whether its disk is full and this user may write there", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or folder cannot be removed.
    #[error("cannot remove {}; what is left of it goes with the next deletion", path.display())]
    Remove {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl SessionError {
    /// Whether the same operation can succeed later without anybody changing files.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Running { .. } | Self::Write { .. })
    }

    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }
}
