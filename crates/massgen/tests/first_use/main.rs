//! A new user's first minutes: the examples, configs of the Python MassGen, and every way to a config.

#![expect(clippy::expect_used, clippy::panic, reason = "clippy exempts tests from these, but not their helpers")]

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
