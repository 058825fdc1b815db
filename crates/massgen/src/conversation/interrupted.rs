//! Finds the turn to which an interrupted run belongs.

use std::path::{Path, PathBuf};

use massgen_journal::LogFolder;
use massgen_sessions::{Session, SessionStore, TurnRecord};

use crate::failure::{Failure, with_causes};

/// The turn whose run has this log folder, or had an earlier attempt beside it; `None`: no session knows of it.
pub(super) fn turn_of(store: &SessionStore, logs: &LogFolder) -> Result<Option<(Session, TurnRecord)>, Failure> {
    let wanted = real(&logs.turn_dir());
    // What was interrupted is among the last things that happened.
    for session in store.recent().map_err(|error| Failure::execution(with_causes(&error)))? {
        let is_wanted = |turn: &TurnRecord| {
            turn.log_dir.as_deref().and_then(Path::parent).is_some_and(|turn_dir| real(turn_dir) == wanted)
        };
        if let Some(turn) = session.turns().unwrap_or_default().into_iter().find(is_wanted) {
            return Ok(Some((session, turn)));
        }
    }
    Ok(None)
}

fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
