//! What has to be made ready for a turn beyond what the run itself knows of.

use std::fmt;

use futures_util::future::BoxFuture;
use massgen_protocol::{TurnId, TurnKind};

/// Makes something ready before an agent's turn: a copy of the user's files that a presenter may change, say.
pub trait Preparation: Send + Sync + fmt::Debug {
    /// Called before the first model call of each turn. The result is told to the agent, a paragraph each.
    fn prepare(&self, turn: TurnId, kind: TurnKind) -> BoxFuture<'_, Vec<String>>;
}
