//! The program as its users meet it: the real binary, against the scripted provider.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy exempts tests from these, but not their helpers"
)]

/// Prints past the test harness, which keeps what passing tests print.
macro_rules! state {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        // Where nobody reads it, nothing is lost.
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}

mod log;
mod place;
mod program;
mod provider;
mod requests;
mod traced;

mod anonymity;
mod bench;
mod demo;
mod faults;
mod input;
mod messages;
mod output;
mod rehearsal;
mod replay;
mod resume;
mod sessions;
#[cfg(unix)]
mod signals;
mod spending;
mod trouble;
