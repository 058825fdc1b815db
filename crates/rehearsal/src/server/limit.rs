//! The scenario's limit on requests, and how providers report theirs.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use crate::wire::Wire;

const WINDOW: Duration = Duration::from_secs(60);

/// Lets through so many requests in any minute.
#[derive(Debug)]
pub(super) struct RateLimit {
    requests_per_minute: u32,
    times: Mutex<VecDeque<Instant>>,
}

/// Where a client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    limit: u32,
    remaining: u32,
    /// Until there is room again.
    reset: Duration,
    /// Whether this request is let through.
    pub(super) admitted: bool,
}

impl RateLimit {
    pub(super) fn new(requests_per_minute: u32) -> Self {
        Self { requests_per_minute, times: Mutex::default() }
    }

    /// Counts a request at `now`.
    pub(super) fn admit(&self, now: Instant) -> Standing {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        while times.front().is_some_and(|time| now.duration_since(*time) >= WINDOW) {
            times.pop_front();
        }
        let limit = self.requests_per_minute;
        let counted = u32::try_from(times.len()).unwrap_or(u32::MAX);
        let admitted = counted < limit;
        if admitted {
            times.push_back(now);
        }
        let reset = times.front().map_or(Duration::ZERO, |first| WINDOW.saturating_sub(now.duration_since(*first)));
        Standing { limit, remaining: limit.saturating_sub(counted + u32::from(admitted)), reset, admitted }
    }
}

impl Standing {
    /// Seconds for `Retry-After`, rounded up.
    pub(super) fn retry_after(&self) -> u64 {
        self.reset.as_secs() + u64::from(self.reset.subsec_nanos() > 0)
    }

    /// Adds the headers by which the provider reports its limits. Google has none.
    pub(super) fn report(&self, wire: Wire, headers: &mut HeaderMap) {
        let seconds = format!("{}s", self.retry_after());
        let at = Timestamp::try_from(SystemTime::now() + self.reset).unwrap_or(Timestamp::UNIX_EPOCH);
        let at = format!("{at:.0}");
        let (limit, remaining, reset) = match wire {
            Wire::Responses | Wire::ChatCompletions => {
                let names =
                    ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests");
                headers.extend(HeaderValue::from_str(&seconds).map(|value| (header(names.2), value)));
                (names.0, names.1, None)
            }
            Wire::Messages => (
                "anthropic-ratelimit-requests-limit",
                "anthropic-ratelimit-requests-remaining",
                Some("anthropic-ratelimit-requests-reset"),
            ),
            Wire::Gemini => return,
        };
        headers.insert(header(limit), self.limit.into());
        headers.insert(header(remaining), self.remaining.into());
        if let (Some(reset), Ok(value)) = (reset, HeaderValue::from_str(&at)) {
            headers.insert(header(reset), value);
        }
    }
}

fn header(name: &'static str) -> axum::http::HeaderName {
    axum::http::HeaderName::from_static(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_holds_no_more_than_the_limit() {
        let limit = RateLimit::new(2);
        let start = Instant::now();
        assert!(limit.admit(start).admitted);
        assert_eq!(limit.admit(start + Duration::from_secs(10)).remaining, 0);
        let refused = limit.admit(start + Duration::from_millis(20_500));
        assert!(!refused.admitted);
        assert_eq!(refused.retry_after(), 40);
        assert!(limit.admit(start + WINDOW).admitted, "the first request has left the window");
    }
}
