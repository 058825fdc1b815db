//! Questions that servers ask the user in the middle of a call.

use futures_util::future::BoxFuture;
use massgen_protocol::AgentIndex;
use serde_json::{Map, Value};

/// A server's question to the user.
#[derive(Debug, Clone, PartialEq)]
pub struct ElicitationRequest {
    /// Which server asks.
    pub server: String,
    /// For which agent; unknown where agents share the server.
    pub agent: Option<AgentIndex>,
    /// What it wants to know, in its own words. They may lie.
    pub message: String,
    /// The form: a JSON Schema of an object with plain properties.
    pub form: Value,
}

/// What the user answers.
#[derive(Debug, Clone, PartialEq)]
pub enum ElicitationAnswer {
    /// The form, filled in.
    Accepted(Map<String, Value>),
    /// No.
    Declined,
    /// Neither yes nor no, such as when the user closes the form.
    Dismissed,
}

/// Puts servers' questions before the user. Without one, every question is declined.
pub trait Elicitor: Send + Sync {
    /// Asks, and waits for the answer. The future is dropped when the server is gone or withdraws its question.
    fn elicit(&self, request: ElicitationRequest) -> BoxFuture<'_, ElicitationAnswer>;
}
