//! What stands between agents and what they can do.
//!
//! A [`ToolSource`] brings tools: files, commands, an MCP server, functions of the user. A [`Toolbox`]
//! is what one agent has of them: it offers their schemas, asks a [`Gate`] before each call, bounds
//! the call in time, and gives every call exactly one outcome.

mod call;
mod gate;
mod outcome;
mod source;
mod toolbox;

pub use call::{CallContext, Caller, Progress};
pub use gate::{Admission, Gate, OpenGate};
pub use outcome::{ToolOutcome, Touch, TouchKind};
pub use source::{Effect, Tool, ToolSource};
pub use toolbox::{Toolbox, ToolboxSettings};
