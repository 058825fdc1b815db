//! Drives the coordination: asks the agents, keeps the clocks, writes the journal.
//!
//! [`run`] owns the one [`Coordinator`](massgen_coordination::Coordinator) and the one
//! [`Journal`](massgen_journal::Journal) of a run. Agents are tasks that report to it; what they
//! report is judged there, one message at a time, so that the journal's order is the order in which
//! decisions were made. Facts are written before commands are performed.

mod batch;
mod budget;
mod checks;
mod clock;
mod desk;
mod fence;
mod past;
mod preparation;
mod prompts;
mod purse;
mod relocate;
mod run;
mod tape;
mod timers;
mod turn;
mod verify;
mod words;
mod workflow;

pub use budget::{Budget, Limits};
pub use clock::Clock;
pub use desk::Desk;
pub use past::{ResumeError, before_it_was_stopped, began_with};
pub use preparation::Preparation;
pub use prompts::EarlierTurn;
pub use run::{AgentSetup, Announcements, Announcer, Ended, Outcome, RunSetup, announcements, run};
pub use tape::Tape;
pub use verify::{Verified, verify};
