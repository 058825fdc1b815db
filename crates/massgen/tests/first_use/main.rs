//! A new user's first minutes: the examples, configs of the Python MassGen, and every way to a config.

#![expect(clippy::expect_used, clippy::panic, reason = "clippy exempts tests from these, but not their helpers")]

/// Prints past the test harness, which keeps what passing tests print.
macro_rules! state {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        // Where nobody reads it, nothing is lost.
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}

mod newcomer;

#[cfg(unix)]
mod pty;

mod corpus;
mod discovery;
mod examples;
mod setup;
#[cfg(unix)]
mod terminal;
mod validate;
