//! The drivers as their callers meet them, with the real helper and the real system.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
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

mod box_drivers;
mod user;
mod world;

mod behaviour;
mod ending;
mod escape;
mod limits;
mod start_up;
