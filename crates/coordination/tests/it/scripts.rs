//! The rules, each as a story of a few lines.
//!
//! A line of a story is a fact or a command; [`Script::then`] expects all lines since the last time
//! it was asked. What every fact implies (a turn that started is asked for, one that was cut is told)
//! is the business of the laws in `world.rs` and is left out here.

mod endings;
mod enforcement;
mod limits;
mod rounds;
mod script;
mod trouble;
mod verification;

pub(crate) use script::{Script, answer, vote};
