//! What a model call took and what it cost.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Tokens of one or more model calls, as providers count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// All input tokens, cached ones and cache writes included.
    pub input_tokens: u64,
    /// Input tokens read from the provider's prompt cache.
    pub cached_input_tokens: u64,
    /// Input tokens written to the provider's prompt cache.
    pub cache_write_tokens: u64,
    /// All output tokens, reasoning included.
    pub output_tokens: u64,
    /// Output tokens spent on reasoning.
    pub reasoning_tokens: u64,
    /// Whether any part is our estimate, because a provider sent no usage.
    pub estimated: bool,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.cached_input_tokens += other.cached_input_tokens;
        self.cache_write_tokens += other.cache_write_tokens;
        self.output_tokens += other.output_tokens;
        self.reasoning_tokens += other.reasoning_tokens;
        self.estimated |= other.estimated;
    }
}

/// Money, with what is not known kept apart from what is free.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// US dollars of the calls whose price is known.
    pub known_usd: f64,
    /// Calls whose model has no known price.
    pub unpriced_calls: u32,
}

impl Cost {
    /// The cost of one call: `None` for a model without a known price.
    #[must_use]
    pub fn of_call(usd: Option<f64>) -> Self {
        match usd {
            Some(known_usd) => Self { known_usd, unpriced_calls: 0 },
            None => Self { known_usd: 0.0, unpriced_calls: 1 },
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.known_usd += other.known_usd;
        self.unpriced_calls += other.unpriced_calls;
    }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.known_usd, self.unpriced_calls) {
            (usd, 0) => write!(f, "${usd:.4}"),
            (0.0, _) => f.write_str("price unknown"),
            (usd, calls) => write!(f, "${usd:.4} + {calls} calls of unknown price"),
        }
    }
}
