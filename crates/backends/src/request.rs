//! What a model is asked and what it replies, whichever provider it is.

use std::time::Duration;

use massgen_protocol::{FinishReason, StreamChunk, ToolCall, ToolSpec, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One request to a model: everything it is shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelRequest {
    /// The system prompt; empty for none.
    pub system: String,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<ToolSpec>,
    /// Whether it must call something.
    pub tool_choice: ToolChoice,
}

/// Whether a model must call a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToolChoice {
    /// It may reply with text only.
    #[default]
    Auto,
    /// It must call at least one tool, where the provider can demand it.
    Required,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// What the user, or the framework for the user, says.
    User(String),
    /// What the model said.
    Assistant(AssistantTurn),
    /// What the tools it called gave back.
    ToolResults(Vec<ToolResult>),
}

/// What a model said in one reply.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AssistantTurn {
    /// Its text.
    pub text: String,
    /// What it called, in its order.
    pub tool_calls: Vec<ToolCall>,
    /// The provider's own form of the same reply, to be sent back untouched within the same turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<Echo>,
}

/// A reply as the provider wrote it: thinking blocks with signatures, reasoning items, thought signatures.
///
/// Only the provider can read it. A backend of another protocol or model ignores it and uses the text and the
/// tool calls instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Echo {
    pub(crate) wire: String,
    pub(crate) model: String,
    pub(crate) items: Vec<Value>,
}

/// What a tool gave back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ToolResult {
    /// The id of the call that it answers.
    pub call_id: String,
    /// The tool's name.
    pub name: String,
    /// What the model reads.
    pub content: String,
    /// Whether the tool failed.
    pub is_error: bool,
}

/// What happens during a call.
#[derive(Debug, Clone, PartialEq)]
pub enum CallEvent {
    /// A piece of the reply.
    Chunk(StreamChunk),
    /// A try failed and another follows. What this call has streamed so far is void.
    Retrying {
        /// Counted from 1.
        retry: u32,
        /// Why the try failed. Where is not said: it is always the call's own place.
        error: String,
        /// How long the call waits first.
        pause: Duration,
    },
}

/// A complete reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What the model said.
    pub turn: AssistantTurn,
    /// Why it stopped.
    pub finish: FinishReason,
    /// What it took, failed tries not counted.
    pub usage: Usage,
    /// From sending the request to the first piece of the reply; `None` for an empty reply.
    pub time_to_first_chunk: Option<Duration>,
}
