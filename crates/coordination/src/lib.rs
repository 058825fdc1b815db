//! The rules of the team, as a pure state machine: inputs in, facts and commands out.
//!
//! There is no clock, no I/O, no async and no randomness here. Time comes in as timers that fire,
//! the seed comes in once, and the same inputs always give the same facts. The state is the fold of
//! the facts ([`Coordinator::replay`]), so a journal of facts is the run.
//!
//! How a step works: the input is judged and becomes facts; then [`Coordinator::handle`] asks again
//! and again what follows from the state alone (a turn to start, a turn to cut, a winner to choose)
//! until nothing does. Nothing is triggered by an edge that could be missed: whether an agent must
//! look again is derived from the answers it was shown and the answers there are.
//!
//! Deliberately not here: prompts, model calls, tools, files, and how long anything takes.

mod canonical;
mod choices;
mod coordinator;
mod judge;
mod message;
mod novelty;
mod selection;
mod shuffle;
mod succession;
mod team;

pub use coordinator::Coordinator;
pub use massgen_protocol::{Checked, DecisionCall, Input, Reply, ReplyEnding};
pub use message::{Command, News, Step, TurnBrief};
pub use novelty::similarity_percent;
