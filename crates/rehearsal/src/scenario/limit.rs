//! Limits by model.

use std::time::Duration;

use serde::Deserialize;

/// What a model's limits let through in each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ModelLimit {
    /// Requests, one at least.
    pub(crate) requests: u32,
    /// Tokens, one at least.
    pub(crate) tokens: Option<u64>,
    /// How they are counted.
    pub(crate) window: Window,
    /// How long a window is. Never zero.
    pub(crate) length: Duration,
}

/// How requests are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Window {
    /// Those of the time before each request.
    #[default]
    Sliding,
    /// Those of windows that follow each other.
    Fixed,
    /// By a bucket that holds a window's worth and refills steadily.
    Bucket,
}
