//! What massgen does with Python.
//!
//! Three things that share an interpreter and nothing else:
//!
//! - [`CustomTools`]: functions in files of the user, offered to agents as tools. They run in a process of the user's own
//!   Python, which speaks a line protocol with us ([`custom`](CustomTools)).
//! - [`BUILTIN_FUNCTIONS`]: functions that configurations name and that are part of massgen, written in Rust.
//! - [`CodeTools`]: tools as Python modules in a workspace, for agents that would rather write a program than make
//!   twenty calls. Each function calls back over a Unix socket.
//!
//! Nothing here decides what an agent may do: calls from generated code go through a [`Dispatch`], behind which stands the
//! agent's toolbox with its gate.

mod builtin;
mod code;
mod custom;
mod interpreter;
mod media;
mod paths;
mod spec;
mod text;

pub use builtin::{BUILTIN_FUNCTIONS, Builtin, BuiltinFunction, Presence};
pub use code::{
    CodeError, CodeServer, CodeSettings, CodeTool, CodeTools, Dispatch, TokenCost, ToolboxDispatch, group_by_server,
    listing, token_cost,
};
pub use custom::{ContextValues, CustomSettings, CustomTools};
pub use interpreter::{Interpreter, InterpreterError, InterpreterSearch};
pub use media::{
    Attachment, DrawingOrder, MadeFile, MadeMedia, MediaAnswer, MediaError, MediaKind, MediaProvider, MediaQuestion,
    MediaTarget, SpeechOrder,
};
pub use paths::{ConfinedPaths, PathIntent, ToolPaths};
pub use spec::{CustomToolSpec, FunctionSpec, SpecError, custom_tool_name};
