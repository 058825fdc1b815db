//! When to leave a failing server alone for a while.

use std::time::{Duration, Instant};

/// How a server's failures are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// After how many failures in a row the server is left alone.
    pub failures_max: u32,
    /// For how long, the first time. It doubles each time, up to eight times this.
    pub pause: Duration,
}

impl Default for BreakerSettings {
    /// The reference's: 3 failures, 30 s.
    fn default() -> Self {
        Self { failures_max: 3, pause: Duration::from_secs(30) }
    }
}

/// Counts failures in a row. Time is told to it, so that it needs no clock.
#[derive(Debug)]
pub(crate) struct Breaker {
    settings: BreakerSettings,
    failures: u32,
    openings: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        Self { settings, failures: 0, openings: 0, open_until: None }
    }

    /// For how long still the server is left alone. After that, one failure is enough to leave it alone again.
    pub(crate) fn pause_left(&self, now: Instant) -> Option<Duration> {
        self.open_until.and_then(|until| until.checked_duration_since(now)).filter(|left| !left.is_zero())
    }

    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    pub(crate) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.pause_left(now).is_some() || self.failures < self.settings.failures_max {
            return;
        }
        let factor = 1_u32 << self.openings.min(3);
        self.open_until = now.checked_add(self.settings.pause.saturating_mul(factor));
        self.openings = self.openings.saturating_add(1);
    }

    pub(crate) fn succeeded(&mut self) {
        *self = Self::new(self.settings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(breaker: &Breaker, now: Instant) -> u64 {
        breaker.pause_left(now).map_or(0, |left| left.as_secs())
    }

    #[test]
    fn three_failures_in_a_row_open_it_and_pauses_double_up_to_eight_times() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(BreakerSettings::default());
        breaker.failed(now);
        breaker.failed(now);
        assert_eq!(pause(&breaker, now), 0);
        breaker.failed(now);
        assert_eq!(pause(&breaker, now), 30);
        for expected in [60, 120, 240, 240] {
            now += breaker.pause_left(now).unwrap();
            assert_eq!(pause(&breaker, now), 0);
            breaker.failed(now);
            assert_eq!(pause(&breaker, now), expected);
        }
    }

    #[test]
    fn failures_while_it_is_open_do_not_lengthen_the_pause() {
        let now = Instant::now();
        let mut breaker = Breaker::new(BreakerSettings::default());
        for _ in 0..10 {
            breaker.failed(now);
        }
        assert_eq!(pause(&breaker, now), 30);
    }

    #[test]
    fn a_success_forgets_everything() {
        let now = Instant::now();
        let mut breaker = Breaker::new(BreakerSettings::default());
        for _ in 0..3 {
            breaker.failed(now);
        }
        breaker.succeeded();
        assert_eq!(breaker.failures(), 0);
        breaker.failed(now);
        breaker.failed(now);
        assert_eq!(pause(&breaker, now), 0);
    }
}
