//! The journal and its files, from outside.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy exempts tests from these, but not their helpers"
)]

mod any_records;
mod golden;
mod journal;
mod log_folder;
mod reports;
