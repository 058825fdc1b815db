//! The index over sessions: quick to list, to search and to add up. The folders are the truth.

mod costs;
mod error;
mod list;
mod open;
mod refresh;
mod schema;
mod search;
mod terms;

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use rusqlite::Connection;

pub use costs::{CostBy, CostLine, CostReport, Range};
pub use error::IndexError;
pub use list::{Filter, Page, SessionLine, SessionStanding};
pub use open::Opened;
pub use refresh::Refreshed;
pub use search::{Hit, Piece};

use crate::id::SessionId;

/// The index over the sessions of a [`SessionStore`](crate::SessionStore), in an SQLite file.
///
/// Everything in it comes from the folders: it may be deleted at any time. Several processes may use one.
#[derive(Debug)]
pub struct Index {
    path: PathBuf,
    database: Connection,
    zone: TimeZone,
}

impl Index {
    /// Where the index of the sessions in `base` is.
    #[must_use]
    pub fn default_path(base: &Path) -> PathBuf {
        // Hidden from nobody, but no folder: it can be no session.
        base.join("index.sqlite3")
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Forgets a session. It comes back with the next refresh if its folder is still there.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn remove(&mut self, id: &SessionId) -> Result<(), IndexError> {
        let path = self.path.clone();
        let change = self.database.transaction().and_then(|change| {
            refresh::forget(&change, id.as_str())?;
            change.commit()
        });
        change.map_err(|source| IndexError::new(&path, source))
    }

    fn error(&self, source: rusqlite::Error) -> IndexError {
        IndexError::new(&self.path, source)
    }
}
