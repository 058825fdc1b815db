//! Changes to a user's files, from outside.

#![expect(
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "clippy exempts tests from these, but not their helpers"
)]

mod bench;
mod drift;
mod full_disk;
mod killed;
mod oracle;
mod plain;
mod random;
mod recovery;
mod refusals;
mod repository;
