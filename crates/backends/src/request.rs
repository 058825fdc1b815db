//! What a model is asked and what it replies, whichever provider it is.

use std::time::Duration;

pub(crate) use massgen_protocol::{AssistantTurn, Echo};
use massgen_protocol::{FinishReason, StreamChunk, ToolSpec, Usage};
use serde::{Deserialize, Serialize};

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
    /// How many tokens the reply may have, where that is less than the config allows.
    pub max_output_tokens: Option<u64>,
}

impl ModelRequest {
    /// The same request, with every text of its prompts and of its tools' results put through `change`. What models
    /// said stays as it is, and so do the tools.
    #[must_use]
    pub fn with_texts(&self, change: impl Fn(&str) -> String) -> Self {
        let result = |result: &ToolResult| ToolResult { content: change(&result.content), ..result.clone() };
        let message = |message: &Message| match message {
            Message::User(text) => Message::User(change(text)),
            Message::Assistant(turn) => Message::Assistant(turn.clone()),
            Message::ToolResults(results) => Message::ToolResults(results.iter().map(result).collect()),
        };
        Self {
            system: change(&self.system),
            messages: self.messages.iter().map(message).collect(),
            tools: Vec::new(),
            ..*self
        }
    }
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// What the user, or the framework for the user, says.
    User(String),
    /// What the model said.
    Assistant(AssistantTurn),
    /// What the tools it called gave back.
    ToolResults(Vec<ToolResult>),
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
    /// Something that the user should know, and that changes nothing.
    Note(String),
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
    /// In US dollars; `None` where the model that replied has no known price.
    pub usd: Option<f64>,
}
