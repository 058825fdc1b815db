//! What agents can do in-process, and who may do what.
//!
//! - [`files`]: reading and changing files, confined to the places that an agent was granted.
//! - [`skills`]: instructions that users write once, listed by name and read on demand.
//! - [`gate`]: rules that allow, ask for, or deny calls, with an account of every decision.

pub mod files;
pub mod gate;
pub mod skills;
