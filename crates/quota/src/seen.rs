//! What the provider said was left.

use serde::{Deserialize, Serialize};

/// No reset that a provider names is believed beyond this.
pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// What the provider said was left of something, until it resets. It may be less than our own count leaves:
/// others may use the same account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    remaining: u64,
    until_ms: u64,
}

impl Seen {
    pub(crate) fn new(remaining: u64, until_ms: u64) -> Self {
        Self { remaining, until_ms }
    }

    /// When `amount` may be used.
    pub(crate) fn not_before_ms(self, amount: u64) -> u64 {
        if self.remaining < amount { self.until_ms } else { 0 }
    }

    pub(crate) fn take(&mut self, amount: u64) {
        self.remaining = self.remaining.saturating_sub(amount);
    }

    /// Whether it still says something.
    pub(crate) fn holds(self, now_ms: u64) -> bool {
        self.until_ms > now_ms && self.until_ms <= now_ms.saturating_add(DAY_MS)
    }
}
