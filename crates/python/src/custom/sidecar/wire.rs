//! What the sidecar says.

use serde::Deserialize;
use serde_json::Value;

/// An event, as it comes in a line.
#[derive(Debug, Deserialize)]
#[serde(tag = "ev", rename_all = "snake_case")]
pub(super) enum Event {
    Ready {},
    Loaded {
        load: u64,
        error: Option<String>,
        #[serde(default)]
        functions: Vec<LoadedFunction>,
    },
    Output {
        call: u64,
        text: String,
    },
    Note {
        call: u64,
        text: String,
    },
    Result {
        call: u64,
        content: String,
        error: bool,
    },
}

/// A function that was found, or why it was not.
#[derive(Debug, Deserialize)]
pub(in crate::custom) struct LoadedFunction {
    /// Which of those asked for.
    pub(in crate::custom) index: usize,
    /// Why it cannot be used.
    pub(in crate::custom) error: Option<String>,
    /// Its own name.
    #[serde(default)]
    pub(in crate::custom) name: String,
    /// From its docstring.
    #[serde(default)]
    pub(in crate::custom) description: String,
    /// The JSON Schema of what the model gives.
    #[serde(default)]
    pub(in crate::custom) parameters: Value,
    /// The parameters that the surroundings give.
    #[serde(default)]
    pub(in crate::custom) context: Vec<String>,
}
