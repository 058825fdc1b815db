//! Counts of the last while.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What was used in a span of time before now, kept in bins. A bin counts until its last moment has left
/// the span, so that the sum is never less than what was really used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// The number of each bin and what it holds, the oldest first.
    bins: Vec<(u64, u64)>,
}

/// A span of time and its division.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    held_ms: u64,
    bin_ms: u64,
}

impl Span {
    /// A span of `held`, in so many bins.
    pub(crate) fn new(held: Duration, bins: u64) -> Self {
        let held_ms = u64::try_from(held.as_millis()).unwrap_or(u64::MAX);
        Self { held_ms, bin_ms: held_ms.div_ceil(bins.max(1)).max(1) }
    }

    fn bin(self, now_ms: u64) -> u64 {
        now_ms / self.bin_ms
    }

    /// When nothing in a bin counts any more.
    fn expiry_ms(self, bin: u64) -> u64 {
        bin.saturating_add(1).saturating_mul(self.bin_ms).saturating_add(self.held_ms)
    }
}

impl Tally {
    /// Forgets what has left the span, and what only a clock that was put back can explain.
    pub(crate) fn forget(&mut self, now_ms: u64, span: Span) {
        let newest = span.bin(now_ms.saturating_add(span.held_ms));
        self.bins.retain(|(bin, _)| span.expiry_ms(*bin) > now_ms && *bin <= newest);
    }

    pub(crate) fn add(&mut self, now_ms: u64, span: Span, amount: u64) {
        let bin = span.bin(now_ms);
        match self.bins.iter_mut().find(|(known, _)| *known == bin) {
            Some((_, held)) => *held = held.saturating_add(amount),
            None if amount > 0 => {
                self.bins.push((bin, amount));
                self.bins.sort_unstable();
            }
            None => {}
        }
    }

    /// Takes back what was added at `added_ms`.
    pub(crate) fn take_back(&mut self, added_ms: u64, span: Span, amount: u64) {
        let bin = span.bin(added_ms);
        if let Some((_, held)) = self.bins.iter_mut().find(|(known, _)| *known == bin) {
            *held = held.saturating_sub(amount);
        }
    }

    /// The first time, from `now_ms` on, at which `amount` more is not over `limit`. More than the limit at
    /// once is let through when nothing else counts.
    pub(crate) fn room_at(&self, now_ms: u64, span: Span, limit: u64, amount: u64) -> u64 {
        let free = limit.saturating_sub(amount.min(limit));
        let mut used = self.bins.iter().fold(0_u64, |sum, (_, held)| sum.saturating_add(*held));
        let mut at = now_ms;
        for (bin, held) in &self.bins {
            if used <= free {
                break;
            }
            used = used.saturating_sub(*held);
            at = at.max(span.expiry_ms(*bin));
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span { held_ms: 600, bin_ms: 10 };

    #[test]
    fn what_is_used_counts_until_its_bin_has_left_the_span() {
        let mut tally = Tally::default();
        tally.add(1003, SPAN, 60);
        tally.add(1200, SPAN, 30);
        assert_eq!(tally.room_at(1200, SPAN, 100, 10), 1200);
        assert_eq!(tally.room_at(1200, SPAN, 100, 11), 1610, "the bin of 1003 ends at 1010");
        assert_eq!(tally.room_at(1200, SPAN, 100, 500), 1810, "more than the limit waits for an empty span");
        tally.forget(1609, SPAN);
        assert_eq!(tally.room_at(1609, SPAN, 100, 11), 1610);
        tally.forget(1610, SPAN);
        assert_eq!(tally.room_at(1610, SPAN, 100, 70), 1610);
        tally.take_back(1200, SPAN, 30);
        assert_eq!(tally.room_at(1610, SPAN, 100, 100), 1610);
    }

    #[test]
    fn a_clock_that_is_put_back_leaves_nothing_in_the_future() {
        let mut tally = Tally::default();
        tally.add(1_000_000, SPAN, 60);
        tally.forget(1000, SPAN);
        assert_eq!(tally, Tally::default());
    }
}
