//! Drives the coordination: asks the agents, keeps the clocks, writes the journal.
//!
//! [`run`] owns the one [`Coordinator`](massgen_coordination::Coordinator) and the one
//! [`Journal`](massgen_journal::Journal) of a run. Agents are tasks that report to it; what they
//! report is judged there, one message at a time, so that the journal's order is the order in which
//! decisions were made. Facts are written before commands are performed.

mod batch;
mod checks;
mod clock;
mod desk;
mod fence;
mod past;
mod preparation;
mod prompts;
mod relocate;
mod run;
mod timers;
mod turn;
mod words;
mod workflow;

pub use desk::Desk;
pub use past::{ResumeError, before_it_was_stopped, began_with};
pub use preparation::Preparation;
pub use run::{AgentSetup, Announcements, Announcer, Ended, Outcome, RunSetup, announcements, run};
