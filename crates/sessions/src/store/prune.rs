//! Deleting what is old or too much.

use crate::error::SessionError;
use crate::id::SessionId;
use crate::store::remove::Removed;
use crate::store::{Found, SessionStore};

/// Which sessions are to go. Without either limit none is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneRule {
    /// Those last worked on before this moment, in milliseconds since the Unix epoch.
    pub older_than_ms: Option<u64>,
    /// Of the rest the oldest, until what stays takes no more than this.
    pub keep_bytes: Option<u64>,
}

/// What went, or would go.
#[derive(Debug, Default)]
pub struct Pruned {
    /// The sessions that went, oldest first.
    pub removed: Vec<Removed>,
    /// Those that the rule would remove, but that stay.
    pub spared: Vec<Spared>,
    /// What the remaining sessions take.
    pub kept_bytes: u64,
    /// What is left in the base folder of sessions that are gone, if not everything could be removed.
    pub left_behind: Option<SessionError>,
}

/// A session that the rule would remove, but that stays.
#[derive(Debug)]
pub struct Spared {
    /// Its name.
    pub id: SessionId,
    /// Why.
    pub error: SessionError,
}

impl SessionStore {
    /// What [`prune`](Self::prune) would remove. Changes nothing.
    ///
    /// # Errors
    /// When the base folder cannot be read.
    pub fn prune_plan(&self, rule: PruneRule) -> Result<Pruned, SessionError> {
        self.select(rule, |store, session| {
            // A session whose state is not known is not promised to go.
            match store.open(session.id.as_str())?.is_alive()? {
                true => Err(SessionError::Running { id: session.id.clone() }),
                false => Ok(()),
            }
        })
    }

    /// Deletes the sessions that `rule` names. Sessions whose run is going on stay.
    ///
    /// # Errors
    /// When the base folder cannot be read. What cannot be deleted is among the [`spared`](Pruned::spared).
    pub fn prune(&self, rule: PruneRule) -> Result<Pruned, SessionError> {
        let mut pruned = self.select(rule, |store, session| store.move_to_trash(&session.id))?;
        if !pruned.removed.is_empty() {
            pruned.left_behind = self.empty_trash().err();
        }
        Ok(pruned)
    }

    fn select(
        &self,
        rule: PruneRule,
        remove: impl Fn(&Self, &Removed) -> Result<(), SessionError>,
    ) -> Result<Pruned, SessionError> {
        let mut sessions = Vec::new();
        for found in self.all()? {
            // What is no session is not ours to delete.
            if let Found::Session(session) = found
                && let Ok(measured) = self.measure(session.id().as_str())
            {
                sessions.push(measured);
            }
        }
        sessions.sort_by(|a, b| (a.updated_ms, &a.id).cmp(&(b.updated_ms, &b.id)));
        let mut pruned = Pruned { kept_bytes: sessions.iter().map(|session| session.bytes).sum(), ..Pruned::default() };
        for session in sessions {
            let is_old = rule.older_than_ms.is_some_and(|limit| session.updated_ms < limit);
            let is_too_much = rule.keep_bytes.is_some_and(|limit| pruned.kept_bytes > limit);
            if !is_old && !is_too_much {
                continue;
            }
            match remove(self, &session) {
                Ok(()) => {
                    pruned.kept_bytes = pruned.kept_bytes.saturating_sub(session.bytes);
                    pruned.removed.push(session);
                }
                Err(error) => pruned.spared.push(Spared { id: session.id, error }),
            }
        }
        Ok(pruned)
    }
}
