//! Three ways to count.

use std::collections::VecDeque;
use std::time::Duration;

use crate::scenario::limit::Window;

/// Counts what is used of one limit. All times are since the start of the server and never go back.
#[derive(Debug)]
pub(super) struct Meter {
    limit: u64,
    length: Duration,
    count: Count,
}

#[derive(Debug)]
enum Count {
    /// What was used in the last window, and when.
    Sliding { uses: VecDeque<(Duration, u64)> },
    /// What was used in the current one of windows that follow each other.
    Fixed { window: u128, used: u64 },
    /// What is in a bucket that refills steadily: nanoseconds of the window times the limit, so that no part gets lost.
    Bucket { level: u128, at: Duration },
}

/// What providers report of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) limit: u64,
    pub(super) remaining: u64,
    /// Until all is there again.
    pub(super) reset: Duration,
}

impl Meter {
    pub(super) fn new(window: Window, limit: u64, length: Duration) -> Self {
        let count = match window {
            Window::Sliding => Count::Sliding { uses: VecDeque::new() },
            Window::Fixed => Count::Fixed { window: 0, used: 0 },
            Window::Bucket => Count::Bucket { level: u128::from(limit) * length.as_nanos(), at: Duration::ZERO },
        };
        Self { limit, length, count }
    }

    /// How long it takes until `amount` can be used. More than the limit can be used when nothing else is.
    pub(super) fn wait(&mut self, now: Duration, amount: u64) -> Duration {
        self.pass(now);
        let amount = amount.min(self.limit);
        let length = self.length;
        match &self.count {
            Count::Sliding { uses } => {
                let mut used: u64 = uses.iter().map(|(_, used)| used).sum();
                let mut free_at = now;
                for (at, freed) in uses {
                    if used + amount <= self.limit {
                        break;
                    }
                    used = used.saturating_sub(*freed);
                    free_at = *at + length;
                }
                free_at.saturating_sub(now)
            }
            Count::Fixed { used, .. } if used.saturating_add(amount) <= self.limit => Duration::ZERO,
            Count::Fixed { window, .. } => nanos((window + 1) * length.as_nanos()).saturating_sub(now),
            Count::Bucket { level, .. } => {
                let missing = (u128::from(amount) * length.as_nanos()).saturating_sub(*level);
                nanos(missing.div_ceil(u128::from(self.limit)))
            }
        }
    }

    pub(super) fn take(&mut self, now: Duration, amount: u64) {
        self.pass(now);
        match &mut self.count {
            Count::Sliding { uses } => uses.push_back((now, amount)),
            Count::Fixed { used, .. } => *used = used.saturating_add(amount),
            Count::Bucket { level, .. } => {
                *level = level.saturating_sub(u128::from(amount) * self.length.as_nanos());
            }
        }
    }

    pub(super) fn reading(&mut self, now: Duration) -> Reading {
        self.pass(now);
        let length = self.length;
        let (used, reset) = match &self.count {
            Count::Sliding { uses } => {
                let last = uses.back().map_or(Duration::ZERO, |(at, _)| (*at + length).saturating_sub(now));
                // With nothing left, the time that counts is when there is something again.
                let used = uses.iter().map(|(_, used)| used).sum();
                let first = uses.front().map_or(Duration::ZERO, |(at, _)| (*at + length).saturating_sub(now));
                (used, if used >= self.limit { first } else { last })
            }
            Count::Fixed { window, used } => (*used, nanos((window + 1) * length.as_nanos()).saturating_sub(now)),
            Count::Bucket { level, .. } => {
                let missing = (u128::from(self.limit) * length.as_nanos()).saturating_sub(*level);
                let used = u64::try_from(missing.div_ceil(length.as_nanos().max(1))).unwrap_or(u64::MAX);
                (used, nanos(missing.div_ceil(u128::from(self.limit))))
            }
        };
        Reading { limit: self.limit, remaining: self.limit.saturating_sub(used), reset }
    }

    /// Lets time pass.
    fn pass(&mut self, now: Duration) {
        let length = self.length;
        match &mut self.count {
            Count::Sliding { uses } => {
                while uses.front().is_some_and(|(at, _)| *at + length <= now) {
                    uses.pop_front();
                }
            }
            Count::Fixed { window, used } => {
                let current = now.as_nanos() / length.as_nanos().max(1);
                if current != *window {
                    (*window, *used) = (current, 0);
                }
            }
            Count::Bucket { level, at } => {
                let limit = u128::from(self.limit);
                *level = (*level + now.saturating_sub(*at).as_nanos() * limit).min(limit * length.as_nanos());
                *at = now;
            }
        }
    }
}

fn nanos(nanos: u128) -> Duration {
    u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of uses of one at these milliseconds under a limit of 2 in a second: how long each would have to wait.
    fn waits(window: Window, at_ms: &[u64]) -> Vec<u64> {
        let mut meter = Meter::new(window, 2, Duration::from_secs(1));
        let mut use_one = |at_ms: &u64| {
            let now = Duration::from_millis(*at_ms);
            let wait = meter.wait(now, 1);
            if wait.is_zero() {
                meter.take(now, 1);
            }
            u64::try_from(wait.as_millis()).unwrap()
        };
        at_ms.iter().map(&mut use_one).collect()
    }

    #[test]
    fn each_way_of_counting_refuses_other_requests() {
        let at_ms = [100, 900, 1000, 1099, 1100, 1400, 1900];
        assert_eq!(waits(Window::Sliding, &at_ms), [0, 0, 100, 1, 0, 500, 0]);
        assert_eq!(waits(Window::Fixed, &at_ms), [0, 0, 0, 0, 900, 600, 100]);
        assert_eq!(waits(Window::Bucket, &at_ms), [0, 0, 0, 301, 300, 0, 0]);
    }

    #[test]
    fn a_reading_tells_what_is_left() {
        let reading = |window| {
            let mut meter = Meter::new(window, 10, Duration::from_secs(1));
            meter.take(Duration::from_millis(100), 4);
            let reading = meter.reading(Duration::from_millis(200));
            (reading.remaining, reading.reset.as_millis())
        };
        assert_eq!(reading(Window::Sliding), (6, 900));
        assert_eq!(reading(Window::Fixed), (6, 800));
        assert_eq!(reading(Window::Bucket), (7, 300));
    }

    #[test]
    fn more_than_the_limit_goes_alone() {
        for window in [Window::Sliding, Window::Fixed, Window::Bucket] {
            let mut meter = Meter::new(window, 10, Duration::from_secs(1));
            assert!(meter.wait(Duration::ZERO, 50).is_zero(), "{window:?}");
            meter.take(Duration::ZERO, 50);
            assert!(!meter.wait(Duration::from_millis(10), 1).is_zero(), "{window:?}");
            assert!(meter.wait(Duration::from_secs(1), 10).is_zero(), "{window:?}");
        }
    }
}
