//! Stops asking a provider that does not answer.

use std::time::Duration;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many failures in a row that a retry might mend open it.
    pub failures_max: u32,
    /// A provider that asks for a longer pause than this opens it at once.
    pub pause_max: Duration,
    /// How long it stays open the first time. Each failed probe doubles it.
    pub reset: Duration,
    /// The longest that it stays open, unless the provider asks for longer.
    pub reset_max: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures_max: 5,
            pause_max: Duration::from_secs(120),
            reset: Duration::from_secs(60),
            reset_max: Duration::from_secs(300),
        }
    }
}

/// Whether to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// Yes.
    Go,
    /// Yes, as the only one: what becomes of this call decides for all. Its end has to be told.
    Probe,
    /// No.
    Refused {
        /// When to come back, in milliseconds since 1970.
        until_ms: u64,
    },
}

/// A circuit breaker, without clock and I/O. Times are milliseconds since 1970.
///
/// Closed, it lets all through. It opens after failures in a row or a long pause that the provider asks
/// for, and refuses all until a time; then it lets one call through, the probe. If that succeeds it closes;
/// if it fails it opens for twice as long. A probe whose end is never told counts as lost after as long as
/// the breaker was open, and the next call becomes the probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    settings: BreakerSettings,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until_ms: u64, reset: Duration },
    Probing { lost_at_ms: u64, reset: Duration },
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: State::Closed { failures: 0 } }
    }

    /// Asks before a call.
    pub fn before(&mut self, now_ms: u64) -> Passage {
        match self.state {
            State::Closed { .. } => Passage::Go,
            State::Open { until_ms: at_ms, .. } | State::Probing { lost_at_ms: at_ms, .. } if now_ms < at_ms => {
                Passage::Refused { until_ms: at_ms }
            }
            State::Open { reset, .. } | State::Probing { reset, .. } => {
                self.state = State::Probing { lost_at_ms: after(now_ms, reset), reset };
                Passage::Probe
            }
        }
    }

    /// A call succeeded. While the breaker is open this is one that began earlier, and changes nothing.
    pub fn success(&mut self) {
        if !matches!(self.state, State::Open { .. }) {
            self.state = State::Closed { failures: 0 };
        }
    }

    /// A call failed in a way that a retry might mend; `asked_pause` is what the provider asked for, if it
    /// did. While the breaker is open this is one that began earlier: only a longer pause changes anything.
    pub fn failure(&mut self, now_ms: u64, asked_pause: Option<Duration>) {
        let asked = asked_pause.filter(|pause| *pause > self.settings.pause_max);
        match self.state {
            State::Closed { failures } => {
                let failures = failures.saturating_add(1);
                if failures >= self.settings.failures_max || asked.is_some() {
                    self.open(now_ms, self.settings.reset, asked);
                } else {
                    self.state = State::Closed { failures };
                }
            }
            State::Open { until_ms, reset } => {
                let asked_until = asked.map_or(0, |pause| after(now_ms, pause));
                self.state = State::Open { until_ms: until_ms.max(asked_until), reset };
            }
            State::Probing { reset, .. } => {
                let longer = reset.saturating_mul(2).min(self.settings.reset_max).max(reset);
                self.open(now_ms, longer, asked);
            }
        }
    }

    fn open(&mut self, now_ms: u64, reset: Duration, asked: Option<Duration>) {
        let until_ms = after(now_ms, asked.map_or(reset, |pause| pause.max(reset)));
        self.state = State::Open { until_ms, reset };
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new(BreakerSettings::default())
    }
}

fn after(now_ms: u64, time: Duration) -> u64 {
    // At least a moment, so that a refusal is never over when it is given.
    now_ms.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1000;

    fn failing(breaker: &mut Breaker, now_ms: u64, times: u32) {
        for _ in 0..times {
            breaker.failure(now_ms, None);
        }
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_doubles_up_to_its_longest() {
        let mut breaker = Breaker::default();
        failing(&mut breaker, 0, 4);
        breaker.success();
        failing(&mut breaker, 0, 4);
        assert_eq!(breaker.before(0), Passage::Go, "a success begins the row anew");
        failing(&mut breaker, 0, 1);
        let mut now = 0;
        for seconds in [60, 120, 240, 300, 300] {
            assert_eq!(breaker.before(now), Passage::Refused { until_ms: now + seconds * S });
            now += seconds * S;
            assert_eq!(breaker.before(now), Passage::Probe);
            assert!(matches!(breaker.before(now), Passage::Refused { .. }), "there is one probe");
            breaker.failure(now, None);
        }
        assert_eq!(breaker.before(now + 300 * S), Passage::Probe);
        breaker.success();
        assert_eq!(breaker.before(now + 300 * S), Passage::Go);
        failing(&mut breaker, 0, 5);
        assert_eq!(breaker.before(0), Passage::Refused { until_ms: 60 * S }, "what was doubled is forgotten");
    }

    #[test]
    fn a_long_pause_opens_it_at_once_and_a_short_one_does_not() {
        let mut breaker = Breaker::default();
        breaker.failure(0, Some(Duration::from_secs(120)));
        assert_eq!(breaker.before(0), Passage::Go);
        breaker.failure(0, Some(Duration::from_secs(121)));
        assert_eq!(breaker.before(0), Passage::Refused { until_ms: 121 * S });
        breaker.failure(S, Some(Duration::from_secs(600)));
        breaker.failure(2 * S, None);
        breaker.success();
        assert_eq!(breaker.before(121 * S), Passage::Refused { until_ms: 601 * S });
    }

    #[test]
    fn a_lost_probe_blocks_nobody_for_ever() {
        let mut breaker = Breaker::default();
        failing(&mut breaker, 0, 5);
        assert_eq!(breaker.before(60 * S), Passage::Probe);
        assert_eq!(breaker.before(60 * S), Passage::Refused { until_ms: 120 * S });
        assert_eq!(breaker.before(120 * S), Passage::Probe);
    }
}
