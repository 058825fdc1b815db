//! How much may be asked of a model.

use std::num::{NonZeroU32, NonZeroU64};

use serde::{Deserialize, Serialize};

/// How much an account may ask of a model. What is `None` is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Calls in any minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<NonZeroU32>,
    /// Tokens in any minute, those of questions and of replies together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<NonZeroU64>,
    /// Calls in any 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_day: Option<NonZeroU32>,
}

impl Limits {
    /// Nothing is limited.
    pub const NONE: Self = Self { requests_per_minute: None, tokens_per_minute: None, requests_per_day: None };

    /// Of each limit the lower one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            requests_per_minute: lower(self.requests_per_minute, other.requests_per_minute),
            tokens_per_minute: lower(self.tokens_per_minute, other.tokens_per_minute),
            requests_per_day: lower(self.requests_per_day, other.requests_per_day),
        }
    }
}

fn lower<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_limits_the_lower_one_holds() {
        let limits = |rpm, rpd| Limits {
            requests_per_minute: NonZeroU32::new(rpm),
            requests_per_day: NonZeroU32::new(rpd),
            ..Limits::NONE
        };
        assert_eq!(limits(5, 0).and(limits(9, 7)), limits(5, 7));
        assert_eq!(Limits::NONE.and(Limits::NONE), Limits::NONE);
    }
}
