//! Providers that enforce a limit, each in its own way. They share no code with what is tested.

use std::collections::VecDeque;

/// Counts what arrives and says whether it is within the limit. Times are milliseconds and never go back.
pub(crate) enum Provider {
    /// Over the last window, its first moment included: the strictest reading.
    Sliding { limit: u64, window_ms: u64, log: VecDeque<(u64, u64)> },
    /// Over windows that begin at `phase_ms` and follow each other.
    Fixed { limit: u64, window_ms: u64, phase_ms: u64, window: u64, used: u64 },
    /// By a bucket of the limit that refills by the limit in a window. The level is in parts: a unit has as
    /// many as the window has milliseconds.
    Bucket { limit: u64, window_ms: u64, level: u64, at_ms: u64 },
}

impl Provider {
    /// One of each kind.
    pub(crate) fn all(limit: u64, window_ms: u64, phase_ms: u64) -> [Self; 3] {
        [
            Self::Sliding { limit, window_ms, log: VecDeque::new() },
            Self::Fixed { limit, window_ms, phase_ms, window: 0, used: 0 },
            Self::Bucket { limit, window_ms, level: limit * window_ms, at_ms: 0 },
        ]
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sliding { .. } => "sliding window",
            Self::Fixed { .. } => "fixed window",
            Self::Bucket { .. } => "token bucket",
        }
    }

    /// Whether `amount` that arrives now is within the limit.
    pub(crate) fn accepts(&mut self, now_ms: u64, amount: u64) -> bool {
        match self {
            Self::Sliding { limit, window_ms, log } => {
                while log.front().is_some_and(|(at_ms, _)| at_ms + *window_ms < now_ms) {
                    log.pop_front();
                }
                log.push_back((now_ms, amount));
                log.iter().map(|(_, amount)| amount).sum::<u64>() <= *limit
            }
            Self::Fixed { limit, window_ms, phase_ms, window, used } => {
                let current = (now_ms + *phase_ms) / *window_ms;
                if current != *window {
                    (*window, *used) = (current, 0);
                }
                *used += amount;
                *used <= *limit
            }
            Self::Bucket { limit, window_ms, level, at_ms } => {
                *level = level.saturating_add((now_ms - *at_ms).saturating_mul(*limit)).min(*limit * *window_ms);
                *at_ms = now_ms;
                let parts = amount * *window_ms;
                let enough = *level >= parts;
                *level = level.saturating_sub(parts);
                enough
            }
        }
    }
}

#[test]
fn providers_refuse_what_is_too_much() {
    for mut provider in Provider::all(3, 60_000, 0) {
        let name = provider.name();
        assert_eq!([100_000; 4].map(|now| provider.accepts(now, 1)), [true, true, true, false], "{name}");
    }
    let [mut sliding, mut fixed, mut bucket] = Provider::all(3, 60_000, 0);
    let now_ms = [59_000, 59_001, 59_002, 60_000];
    assert_eq!(now_ms.map(|now| sliding.accepts(now, 1)), [true, true, true, false]);
    assert_eq!(now_ms.map(|now| fixed.accepts(now, 1)), [true; 4], "a new window has begun");
    assert_eq!([1, 2, 3, 20_002].map(|now| bucket.accepts(now, 1)), [true; 4], "one has been refilled");
    assert!(!bucket.accepts(39_999, 1));
}
