//! The file tools as models call them, on real folders.

#![expect(clippy::unwrap_used, reason = "tests and what only they use")]

mod confine;
mod edit;
mod places;
mod race;
mod reading;
mod searching;
mod setting;
mod transfer;
