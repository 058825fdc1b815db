//! Who works in a run, and the turns they take.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The id that a user gave an agent in the config. Shown to users, never to a model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AgentId(Arc<str>);

impl AgentId {
    /// Wraps an id as the config spells it.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An agent's place in the team, counted from 0 in the order of the config.
///
/// Its text form is the agent's anonymous name: `agent1` for index 0. This is the one place where
/// anonymity is defined: prompts, vote choices, answer labels and directories all print an
/// `AgentIndex`, and none of them can print an [`AgentId`] by accident.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentIndex(pub u16);

impl AgentIndex {
    /// Every index of a team of `size` agents, in order.
    pub fn all(size: u16) -> impl DoubleEndedIterator<Item = Self> + Clone {
        (0..size).map(Self)
    }

    /// The index as a position in a slice.
    #[must_use]
    pub fn position(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for AgentIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "agent{}", u32::from(self.0) + 1)
    }
}

impl fmt::Debug for AgentIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AgentIndex {
    type Err = ParseLabelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseLabelError { text: text.to_owned(), expected: "agentN" };
        let number: u16 = text.strip_prefix("agent").and_then(|n| n.parse().ok()).ok_or_else(error)?;
        number.checked_sub(1).map(Self).ok_or_else(error)
    }
}

/// One turn of one agent: from the prompt to exactly one outcome. Its text form is `agent2#3`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TurnId {
    /// Whose turn it is.
    pub agent: AgentIndex,
    /// Counted from 1 for each agent.
    pub number: u32,
}

impl fmt::Display for TurnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.agent, self.number)
    }
}

impl fmt::Debug for TurnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TurnId {
    type Err = ParseLabelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseLabelError { text: text.to_owned(), expected: "agentN#K" };
        let (agent, number) = text.split_once('#').ok_or_else(error)?;
        Ok(Self { agent: agent.parse()?, number: number.parse().map_err(|_| error())? })
    }
}

/// What users are told about an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentProfile {
    /// The id in the config.
    pub id: AgentId,
    /// The backend type, such as `openai`.
    pub backend: String,
    /// The model as the provider names it.
    pub model: String,
}

/// A label that is not of the form it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseLabelError {
    /// What was read.
    pub text: String,
    /// The form it should have had.
    pub expected: &'static str,
}

impl fmt::Display for ParseLabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not of the form {}", self.text, self.expected)
    }
}

impl std::error::Error for ParseLabelError {}

/// Serializes a type by its text form, so that a journal reads as people speak of it.
macro_rules! serde_as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(crate) use serde_as_text;
serde_as_text!(AgentIndex, TurnId);
