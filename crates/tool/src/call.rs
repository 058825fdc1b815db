//! Around one tool call: who makes it, and how it tells of itself while it runs.

use std::sync::Arc;

use massgen_protocol::{AgentIndex, TurnId};
use tokio_util::sync::CancellationToken;

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// In which turn.
    pub turn: TurnId,
    /// Whether this turn writes the final answer: what cannot be taken back may only happen here, and only here may a
    /// user's own files change. An agent alone presents, too.
    pub presenting: bool,
    /// How often the copies of peers' work were renewed in this turn: what was begun before says nothing about them.
    pub sight: u32,
}

impl Caller {
    /// The agent.
    #[must_use]
    pub fn agent(&self) -> AgentIndex {
        self.turn.agent
    }
}

/// What a call gets beside its arguments.
#[derive(Clone)]
pub struct CallContext {
    /// Who calls.
    pub caller: Caller,
    /// Cancelled when the turn is over or the call has run out of time. Whoever does not return soon after is dropped.
    pub cancel: CancellationToken,
    /// Takes what can be told before the result is there.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
}

impl CallContext {
    /// Tells of progress.
    pub fn report(&self, progress: Progress) {
        (self.progress)(progress);
    }
}

impl std::fmt::Debug for CallContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallContext").field("caller", &self.caller).finish_non_exhaustive()
    }
}

/// What a call tells before its result is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Output of a program, as it comes.
    Output(String),
    /// How far it is, in words for the user.
    Note(String),
}
