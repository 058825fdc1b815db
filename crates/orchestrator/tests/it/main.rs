//! Whole runs over real HTTP, in one process with the rehearsal provider.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may end in a panic")]

mod journal;
mod run;
mod stage;
