//! The functions that ask providers, against the rehearsal provider's real wire.

#![expect(clippy::panic, clippy::unwrap_used, reason = "clippy exempts tests from these, but not their helpers")]

mod draw;
mod fail;
mod hear;
mod see;
mod studio;
