//! The program as its users meet it: the real binary, against the scripted provider.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "clippy exempts tests from these, but not their helpers"
)]

mod log;
mod place;
mod program;
mod provider;
mod requests;

mod anonymity;
mod bench;
mod demo;
mod faults;
mod messages;
mod output;
mod rehearsal;
#[cfg(unix)]
mod signals;
mod trouble;
