//! Where tools come from.

use futures_util::future::BoxFuture;
use massgen_protocol::{ToolCall, ToolSpec};

use crate::{CallContext, ToolOutcome};

/// One tool, as its source offers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// What the model is told of it.
    pub spec: ToolSpec,
    /// What calling it can change.
    pub effect: Effect,
}

/// What calling a tool can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Nothing. Several such calls may run at once.
    None,
    /// Only what is the agent's own, such as its workspace.
    Own,
    /// Something outside, which cannot be taken back, or nobody knows.
    Outside,
}

/// Brings tools. One source may serve many agents at once.
pub trait ToolSource: Send + Sync {
    /// What it is, for messages: `filesystem`, `MCP server "git"`.
    fn name(&self) -> &str;

    /// Its tools as they are now: asked for anew before each model call. A source that is not up yet, or no longer,
    /// offers none.
    fn tools(&self) -> Vec<Tool>;

    /// Runs one call. Dropping the future must stop what it started, or leave it in the hands of [`close`](Self::close).
    fn call<'a>(&'a self, call: &'a ToolCall, context: &'a CallContext) -> BoxFuture<'a, ToolOutcome>;

    /// Waits until its tools are known, or until it is known that they will not be. What the user should know of its
    /// start is the result, a line each.
    fn ready(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(std::future::ready(Vec::new()))
    }

    /// Ends everything that it started. When this returns, nothing of it runs any more.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
