//! How calls are spaced.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One call in so many may come early.
const BURST_SHARE: u64 = 25;
/// The margin is this part of the window.
const MARGIN_SHARE: u32 = 30;

/// The spacing of calls under a limit of N calls in a window W, 60 seconds with real providers.
///
/// Nobody outside knows how a provider counts, so three ways have to be satisfied at once: the calls of the
/// last W (a sliding window), of the current W of the provider's own clock (a fixed window), and a bucket
/// of N tokens that refills by N in W. Besides, a call is counted when it arrives, not when it is let go,
/// and the way takes now longer, now shorter.
///
/// **The rule.** Calls have a regular interval T, and up to B of them may come early after a pause (this is
/// the generic cell rate algorithm: a call may go at `now` if `tat ≤ now + (B − 1)·T`, and then `tat =
/// max(tat, now) + T`). With a margin M:
///
/// ```text
/// B = 1 + ⌊N / 25⌋     M = W / 30     T = (W + M) / (N − B + 1)
/// ```
///
/// **Why it never exceeds N.** The last call that goes within a half-open span of W + M sees the calls
/// before it in `tat`, so there were at most B − 1 + (W + M) / T = N of them in all. Calls whose ways
/// differ by less than M arrive in a span of W only if they went within a span of W + M: so no sliding
/// window of W sees more than N. A fixed window is one of the sliding ones. And a span of length L consists
/// of ⌊L/W⌋ + 1 half-open windows at most, which is at most N·(⌊L/W⌋ + 1) calls and so never more than the
/// N + N·L/W that a bucket hands out.
///
/// **Why it wastes little.** Calls go at 1/T of at least 0.96·N / (W·31/30), which is 92.9 % of N in W. A
/// caller that wakes up late loses nothing as long as it is less than (B − 1)·T late.
///
/// **Why not all N at once.** It would be allowed by all three, but providers say that they may enforce 60
/// a minute as 1 a second; a small B is the answer to that. Where N is below 25 there are no early calls at
/// all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    burst: u64,
    interval_us: u64,
}

impl Pace {
    /// The pace for `limit` calls in each `window`.
    #[must_use]
    pub fn new(limit: NonZeroU32, window: Duration) -> Self {
        let limit = u64::from(limit.get());
        let burst = 1 + limit / BURST_SHARE;
        let held_us = micros(window + Self::margin(window));
        Self { burst, interval_us: held_us.div_ceil(limit + 1 - burst).max(1) }
    }

    /// By how much less than this the ways of two calls to the provider may differ before it could count
    /// too many.
    #[must_use]
    pub fn margin(window: Duration) -> Duration {
        window / MARGIN_SHARE
    }

    /// How many calls may go at once after a pause.
    #[must_use]
    pub fn burst(self) -> u64 {
        self.burst
    }

    /// The time between two calls where many wait.
    #[must_use]
    pub fn interval(self) -> Duration {
        Duration::from_micros(self.interval_us)
    }

    /// How far ahead of the regular times a call may go.
    fn tolerance_us(self) -> u64 {
        self.interval_us.saturating_mul(self.burst - 1)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Where the regular times stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Paced {
    /// The regular time of the next call, in microseconds since 1970.
    next_us: u64,
}

impl Paced {
    /// When the next call may go, in milliseconds since 1970.
    pub(crate) fn not_before_ms(self, pace: Pace) -> u64 {
        self.next_us.saturating_sub(pace.tolerance_us()).div_ceil(1000)
    }

    /// A call goes.
    pub(crate) fn take(&mut self, now_ms: u64, pace: Pace) -> Taken {
        let before = *self;
        self.next_us = self.next_us.max(now_ms.saturating_mul(1000)).saturating_add(pace.interval_us);
        Taken { before, after: *self }
    }

    /// A call that took its time did not go after all. Its time is free again only while it is the last one
    /// that was taken: those taken later were allowed because of it, and how it would have been without it
    /// cannot be told from the regular times.
    pub(crate) fn give_back(&mut self, taken: Taken) {
        if *self == taken.after {
            *self = taken.before;
        }
    }

    /// Corrects what only a clock that was put back can explain: no regular time is more than `held` ahead.
    pub(crate) fn forget(&mut self, now_ms: u64, held: Duration) {
        let most = now_ms.saturating_mul(1000).saturating_add(micros(held).saturating_mul(2));
        if self.next_us > most {
            self.next_us = most;
        }
    }
}

/// A time that a call took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    before: Paced,
    after: Paced,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn pace(limit: u32) -> Pace {
        Pace::new(NonZeroU32::new(limit).unwrap(), MINUTE)
    }

    #[test]
    fn the_numbers_that_the_documentation_promises() {
        assert_eq!((pace(60).burst(), pace(60).interval()), (3, Duration::from_micros(1_068_966)));
        assert_eq!((pace(2).burst(), pace(2).interval()), (1, Duration::from_secs(31)));
        for limit in 1..5000 {
            let in_a_minute = MINUTE.as_secs_f64() / pace(limit).interval().as_secs_f64();
            assert!(in_a_minute / f64::from(limit) > 0.925, "{limit}: {in_a_minute}");
        }
    }

    #[test]
    fn a_time_is_given_back_while_it_is_the_last() {
        let pace = pace(50);
        let mut paced = Paced::default();
        let [first, second, third] = [0; 3].map(|_| paced.take(1_000_000, pace));
        assert!(paced.not_before_ms(pace) > 1_000_000);
        paced.give_back(first);
        assert_eq!(paced, third.after, "others have gone since");
        paced.give_back(third);
        paced.give_back(second);
        assert_eq!(paced, first.after, "the other way round each was the last");
    }

    #[test]
    fn a_clock_that_is_put_back_stops_nobody_for_long() {
        let mut paced = Paced::default();
        paced.take(1_000_000_000, pace(60));
        paced.forget(5_000, MINUTE);
        assert!(paced.not_before_ms(pace(60)) <= 125_000);
    }
}
