//! Runs programs in a box: what they may read, write and reach is granted, everything else is not there.
//!
//! A [`Job`] says what is to run and what it is granted. A [`Driver`] runs it, enforced by the operating system,
//! and gives back a [`Process`]: its output as it comes, its end, and a way to end it with everything it started.
//!
//! The work is done by a [`Helper`]: usually the same program, started again. Its first stage stands outside the box,
//! adopts whatever the job leaves behind and ends all of it when the job ends, when it is told to, and when the main
//! program is gone. Its second stage sets limits and filters from inside, and then becomes or starts the job. So no job
//! starts in a process that shares memory or descriptors with the main program.

mod allowance;
mod bubblewrap;
mod choose;
mod driver;
mod grants;
mod groups;
mod helper;
mod job;
mod landlock;
mod local;
mod plan;
mod process;
mod session;
mod system;
mod wire;

pub use bubblewrap::Bubblewrap;
pub use choose::{choose, probe};
pub use driver::{Driver, StartError};
pub use helper::{Helper, helper_main_if_asked};
pub use job::{Grants, Invocation, Job, Limits, Network, TerminalSize};
pub use landlock::Landlock;
pub use local::Local;
pub use process::{Control, Ending, Exit, Output, OutputStream, Process};
