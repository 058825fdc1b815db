//! The state of one account and model, and who is let go.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::headers::{Gauge, Report, Reset};
use crate::limits::Limits;
use crate::pace::{Pace, Paced, Taken};
use crate::queue::{ASK_AGAIN_MS, Queue, Ticket};
use crate::seen::{DAY_MS, Seen};
use crate::tally::{Span, Tally};

const DAY: Duration = Duration::from_millis(DAY_MS);
const WINDOW_BINS: u64 = 60;
const DAY_BINS: u64 = 288;

/// By what a bucket decides. It is no part of the bucket's state: a user may change it between two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The user's limits. Those that the provider tells hold besides.
    pub limits: Limits,
    /// What counts as a minute. Tests make it shorter.
    pub window: Duration,
}

/// What calls of one account to one model have used, and what the provider said of it. All times are
/// milliseconds since 1970.
///
/// Calls are spaced as [`Pace`] says. Tokens and the calls of a day are counted, not spaced: a call goes
/// when it fits into what the last window (with the same margin) has left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    requests: Paced,
    tokens: Tally,
    day: Tally,
    learned: Limits,
    seen_requests: Option<Seen>,
    seen_tokens: Option<Seen>,
    closed_until_ms: u64,
    queue: Queue,
}

/// Whether a call may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Now; what it may use is booked.
    Admitted(Reservation),
    /// Not now. Its place is kept if it asks again within a second or so, and at this time.
    NotBefore {
        /// When to ask again.
        at_ms: u64,
        /// What it waits for.
        because: Bound,
    },
}

/// What a call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Calls of a minute.
    RequestsPerMinute,
    /// Tokens of a minute.
    TokensPerMinute,
    /// Calls of a day.
    RequestsPerDay,
    /// The provider asked for a pause, or said that nothing is left.
    Provider,
    /// Somebody came earlier.
    Turn,
}

/// What was booked for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    at_ms: u64,
    tokens: u64,
    /// `None` while calls were not paced.
    time: Option<Taken>,
}

impl Bucket {
    /// Asks for a call that may use so many tokens. Tickets are served in the order in which they first asked.
    ///
    /// A call of more tokens than the limit allows at all goes when nothing else counts: what becomes of it
    /// is the provider's decision.
    pub fn admit(&mut self, now_ms: u64, rules: &Rules, tokens: u64, ticket: Ticket) -> Admission {
        self.forget(now_ms, rules);
        let limits = rules.limits.and(self.learned);
        let (at_ms, because) = self.earliest(now_ms, limits, rules.window, tokens);
        if self.queue.is_behind(ticket) {
            self.queue.join(ticket, now_ms);
            // Not a promise: who is first may leave at any time.
            let soon = now_ms.saturating_add(1);
            let at_ms = at_ms.clamp(soon, now_ms.saturating_add(ASK_AGAIN_MS));
            return Admission::NotBefore { at_ms, because: Bound::Turn };
        }
        if at_ms > now_ms {
            self.queue.join(ticket, now_ms);
            return Admission::NotBefore { at_ms, because };
        }
        self.queue.leave(ticket);
        Admission::Admitted(self.book(now_ms, limits, rules.window, tokens))
    }

    /// A waiting call does not want to go any more.
    pub fn leave(&mut self, ticket: Ticket) {
        self.queue.leave(ticket);
    }

    /// A call has used so many tokens. What it used less than was booked is free again; what it used more
    /// counts from now, for it cannot be known when the provider counted it.
    pub fn settle(&mut self, now_ms: u64, rules: &Rules, reservation: Reservation, tokens_used: u64) {
        self.forget(now_ms, rules);
        let span = window_span(rules.window);
        match tokens_used.checked_sub(reservation.tokens) {
            Some(more) => self.tokens.add(now_ms, span, more),
            None => self.tokens.take_back(reservation.at_ms, span, reservation.tokens - tokens_used),
        }
    }

    /// A call that was let go was never sent. Its tokens are free again, and its time if no other call has
    /// been let go since.
    pub fn give_back(&mut self, now_ms: u64, rules: &Rules, reservation: Reservation) {
        self.settle(now_ms, rules, reservation, 0);
        self.day.take_back(reservation.at_ms, day_span(), 1);
        if let Some(time) = reservation.time {
            self.requests.give_back(time);
        }
    }

    /// The provider asked for a pause: nothing goes before it is over. A day is the most that is believed.
    pub fn pause(&mut self, now_ms: u64, pause: Duration) {
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(DAY_MS).min(DAY_MS);
        self.closed_until_ms = self.closed_until_ms.max(now_ms.saturating_add(pause_ms));
    }

    /// Learns from the headers of a reply that has just come.
    ///
    /// OpenAI's family does not tell the period of a limit. One that takes longer than two windows to reset
    /// is not a limit of a minute: that of calls is taken for one of a day, as Groq's is.
    pub fn learn(&mut self, now_ms: u64, rules: &Rules, report: &Report) {
        let window_ms = millis(rules.window);
        let long = |gauge: Gauge| matches!(gauge.reset, Some(Reset::In(ms)) if ms > window_ms.saturating_mul(2));
        let small = |limit: u64| u32::try_from(limit).unwrap_or(u32::MAX).try_into().ok();
        let before = rules.limits.and(self.learned).requests_per_minute;
        if let Some(limit) = report.requests.limit {
            if long(report.requests) {
                self.learned.requests_per_day = small(limit);
                self.learned.requests_per_minute = None;
            } else if self.learned.requests_per_day.map(|day| u64::from(day.get())) != Some(limit) {
                // The same number as the known one of a day is that of a day: its reset is near at the moment.
                self.learned.requests_per_minute = small(limit);
            }
        }
        // Calls went before at another pace, one at least: that of this reply.
        let after = rules.limits.and(self.learned).requests_per_minute;
        if let Some(limit) = after.filter(|_| after != before) {
            self.requests.take(now_ms, Pace::new(limit, rules.window));
        }
        if let Some(limit) = report.tokens.limit.or(report.input_tokens.limit)
            && !long(report.tokens)
        {
            self.learned.tokens_per_minute = limit.try_into().ok();
        }
        if let Some(seen) = seen(now_ms, window_ms, report.requests) {
            self.seen_requests = Some(seen);
        }
        // What a call asks for is not told apart by direction, so that one direction counts only when it is
        // used up.
        let used_up =
            [report.input_tokens, report.output_tokens].into_iter().filter(|gauge| gauge.remaining == Some(0));
        let until = used_up.filter_map(|gauge| reset_ms(now_ms, window_ms, gauge.reset?)).max();
        match (seen(now_ms, window_ms, report.tokens), until) {
            (_, Some(until_ms)) => self.seen_tokens = Some(Seen::new(0, until_ms)),
            (Some(seen), None) => self.seen_tokens = Some(seen),
            (None, None) => {}
        }
    }

    /// What the provider told of its limits.
    #[must_use]
    pub fn learned(&self) -> Limits {
        self.learned
    }

    /// Whether it holds nobody back under these limits, now or later.
    #[must_use]
    pub fn is_open(&self, now_ms: u64, limits: Limits) -> bool {
        limits.and(self.learned) == Limits::NONE
            && self.closed_until_ms <= now_ms
            && ![self.seen_requests, self.seen_tokens].into_iter().flatten().any(|seen| seen.holds(now_ms))
    }

    fn earliest(&self, now_ms: u64, limits: Limits, window: Duration, tokens: u64) -> (u64, Bound) {
        let mut earliest = (now_ms, Bound::Turn);
        let mut not_before = |at_ms: u64, bound: Bound| {
            if at_ms > earliest.0 {
                earliest = (at_ms, bound);
            }
        };
        not_before(self.closed_until_ms, Bound::Provider);
        if let Some(seen) = self.seen_requests {
            not_before(seen.not_before_ms(1), Bound::Provider);
        }
        if let Some(seen) = self.seen_tokens {
            // More than all of it is never there; at least one token is needed.
            let most = limits.tokens_per_minute.map_or(u64::MAX, u64::from);
            not_before(seen.not_before_ms(tokens.clamp(1, most)), Bound::Provider);
        }
        if let Some(limit) = limits.requests_per_minute {
            not_before(self.requests.not_before_ms(Pace::new(limit, window)), Bound::RequestsPerMinute);
        }
        if let Some(limit) = limits.tokens_per_minute {
            let at_ms = self.tokens.room_at(now_ms, window_span(window), limit.get(), tokens);
            not_before(at_ms, Bound::TokensPerMinute);
        }
        if let Some(limit) = limits.requests_per_day {
            let at_ms = self.day.room_at(now_ms, day_span(), u64::from(limit.get()), 1);
            not_before(at_ms, Bound::RequestsPerDay);
        }
        earliest
    }

    fn book(&mut self, now_ms: u64, limits: Limits, window: Duration, tokens: u64) -> Reservation {
        let time = limits.requests_per_minute.map(|limit| self.requests.take(now_ms, Pace::new(limit, window)));
        // Counted even without a limit: the provider may tell one later.
        self.tokens.add(now_ms, window_span(window), tokens);
        self.day.add(now_ms, day_span(), 1);
        if let Some(seen) = &mut self.seen_requests {
            seen.take(1);
        }
        if let Some(seen) = &mut self.seen_tokens {
            seen.take(tokens);
        }
        Reservation { at_ms: now_ms, tokens, time }
    }

    fn forget(&mut self, now_ms: u64, rules: &Rules) {
        self.requests.forget(now_ms, held(rules.window));
        self.tokens.forget(now_ms, window_span(rules.window));
        self.day.forget(now_ms, day_span());
        self.queue.forget(now_ms);
        self.seen_requests = self.seen_requests.filter(|seen| seen.holds(now_ms));
        self.seen_tokens = self.seen_tokens.filter(|seen| seen.holds(now_ms));
        if self.closed_until_ms > now_ms.saturating_add(DAY_MS) {
            self.closed_until_ms = 0;
        }
    }
}

fn held(window: Duration) -> Duration {
    window + Pace::margin(window)
}

fn window_span(window: Duration) -> Span {
    Span::new(held(window), WINDOW_BINS)
}

/// A day and five minutes: what a day is to the provider may end a little later than ours.
fn day_span() -> Span {
    Span::new(DAY + DAY / 288, DAY_BINS)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn seen(now_ms: u64, window_ms: u64, gauge: Gauge) -> Option<Seen> {
    Some(Seen::new(gauge.remaining?, reset_ms(now_ms, window_ms, gauge.reset?)?))
}

/// When a reset is by our clock; `None` if it is over.
fn reset_ms(now_ms: u64, window_ms: u64, reset: Reset) -> Option<u64> {
    let at_ms = match reset {
        Reset::In(ms) => now_ms.saturating_add(ms.min(DAY_MS)),
        // Anthropic's limits are all of a minute: what is later is a difference of clocks.
        Reset::At(ms) => ms.min(now_ms.saturating_add(window_ms)),
    };
    (at_ms > now_ms).then_some(at_ms)
}

#[cfg(test)]
mod tests;
