//! A model's reply as it is kept: what was asked is named by a key, so that it is not asked twice.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chunk::ToolCall;

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
    /// The wire protocol that it belongs to.
    pub wire: String,
    /// The model that said it.
    pub model: String,
    /// The provider's own items.
    pub items: Vec<Value>,
}

/// Names what a model is asked, by content: who is asked, and the whole conversation up to there. Two calls
/// with one key ask the same; where in a run they stand makes no difference.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallKey(String);

impl CallKey {
    /// The key that is written as `hex`.
    #[must_use]
    pub fn new(hex: impl Into<String>) -> Self {
        Self(hex.into())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
