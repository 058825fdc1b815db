//! Whole runs over real HTTP, in one process with the rehearsal provider.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may end in a panic"
)]

mod journal;
mod run;
mod stage;
mod tools;
