//! What a backend's stream is made of, whichever provider it comes from.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::usage::Usage;

/// One piece of a model's streamed reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StreamChunk {
    /// Text of the answer.
    Text {
        /// The new piece.
        delta: String,
    },
    /// Reasoning, or a provider's summary of it.
    Reasoning {
        /// The new piece.
        delta: String,
    },
    /// A tool call begins. Its arguments follow in parts that carry the same `index`.
    ToolCallStarted {
        /// Tells the tool calls of one reply apart; parts of several may be interleaved.
        index: u32,
        /// The tool's name.
        name: String,
    },
    /// A part of a tool call's JSON arguments.
    ToolCallDelta {
        /// Which tool call it belongs to.
        index: u32,
        /// The new piece of JSON text.
        arguments: String,
    },
    /// A tool that the provider runs on its side, such as web search.
    BuiltinTool {
        /// The tool's name, such as `web_search`.
        name: String,
        /// How far it is.
        phase: BuiltinPhase,
        /// The query, code or result, when the provider sends it.
        detail: String,
    },
    /// A source that the model cites.
    Citation {
        /// Where it is.
        url: String,
        /// Its title, empty when the provider sends none.
        title: String,
    },
    /// Token counts. A later one replaces an earlier one of the same call.
    Usage(Usage),
    /// The reply is complete.
    Finished {
        /// Why the model stopped.
        reason: FinishReason,
    },
}

/// How far a provider-side tool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuiltinPhase {
    /// The provider has started it.
    Started,
    /// It has a result.
    Completed,
    /// It failed on the provider's side; the reply goes on.
    Failed,
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// It said all it had to say.
    Stop,
    /// It waits for the results of its tool calls.
    ToolCalls,
    /// It reached the limit of output tokens.
    Length,
    /// It or the provider refused.
    Refusal,
    /// A reason that we have no name for, in the provider's words.
    Other(String),
}

/// A complete tool call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's id, echoed with the result; made by us where the provider has none.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as JSON text, exactly as the model wrote them.
    pub arguments: String,
}

/// A tool that a model may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it is for, in words for the model.
    pub description: String,
    /// Its arguments as a JSON Schema object.
    pub parameters: Value,
}
