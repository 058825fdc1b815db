//! Who decides whether a call may happen.

use futures_util::future::BoxFuture;
use massgen_protocol::ToolCall;

use crate::{CallContext, Tool};

/// What a gate says to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It may happen.
    Granted,
    /// It may not.
    Refused {
        /// Why, and what the model may do instead, in words for the model.
        reason: String,
    },
}

/// Decides before each call. It may take its time, for example to ask the user; it may keep an account of its
/// decisions.
pub trait Gate: Send + Sync {
    /// Decides whether `call`, which is a call of `tool`, may happen.
    fn admit<'a>(&'a self, tool: &'a Tool, call: &'a ToolCall, context: &'a CallContext) -> BoxFuture<'a, Admission>;
}

/// Lets everything through.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenGate;

impl Gate for OpenGate {
    fn admit<'a>(&'a self, _: &'a Tool, _: &'a ToolCall, _: &'a CallContext) -> BoxFuture<'a, Admission> {
        Box::pin(std::future::ready(Admission::Granted))
    }
}
