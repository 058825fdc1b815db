//! The scenario's limits by model: what each lets through, counted in one of the ways in which providers count.

mod meter;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use meter::{Meter, Reading};

use crate::scenario::limit::ModelLimit;
use crate::wire::Wire;

/// What is left under the limits of every model asked so far.
#[derive(Debug)]
pub(super) struct ModelLimits {
    start: Instant,
    models: Mutex<HashMap<String, Meters>>,
}

#[derive(Debug)]
struct Meters {
    requests: Meter,
    tokens: Option<Meter>,
}

/// Where a client stands with a model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Balance {
    requests: Reading,
    tokens: Option<Reading>,
    /// How long a refused request has to wait; `None` for one that is let through.
    refused: Option<Duration>,
}

impl ModelLimits {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), models: Mutex::default() }
    }

    /// Counts a request of so many tokens that has just come. One that is refused is not counted.
    pub(super) fn admit(&self, model: &str, limit: &ModelLimit, tokens: u64) -> Balance {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at under the lock, so that times never go back.
        let now = self.start.elapsed();
        let meters = models.entry(model.to_owned()).or_insert_with(|| Meters {
            requests: Meter::new(limit.window, u64::from(limit.requests), limit.length),
            tokens: limit.tokens.map(|tokens| Meter::new(limit.window, tokens, limit.length)),
        });
        let of_requests = meters.requests.wait(now, 1);
        let of_tokens = meters.tokens.as_mut().map_or(Duration::ZERO, |meter| meter.wait(now, tokens));
        let wait = of_requests.max(of_tokens);
        if wait.is_zero() {
            meters.requests.take(now, 1);
            if let Some(meter) = &mut meters.tokens {
                meter.take(now, tokens);
            }
        }
        Balance {
            requests: meters.requests.reading(now),
            tokens: meters.tokens.as_mut().map(|meter| meter.reading(now)),
            refused: Some(wait).filter(|wait| !wait.is_zero()),
        }
    }
}

impl Balance {
    /// Seconds for `Retry-After`, rounded up, if the request is refused.
    pub(super) fn retry_after(&self) -> Option<u64> {
        self.refused.map(whole_seconds)
    }

    /// Adds the headers by which the provider reports its limits. Google has none.
    pub(super) fn report(&self, wire: Wire, headers: &mut HeaderMap) {
        let readings = [("requests", Some(self.requests)), ("tokens", self.tokens)];
        for (of, reading) in readings.into_iter().filter_map(|(of, reading)| Some((of, reading?))) {
            let (names, reset) = match wire {
                Wire::Responses | Wire::ChatCompletions => (
                    ["limit", "remaining", "reset"].map(|what| format!("x-ratelimit-{what}-{of}")),
                    span(reading.reset),
                ),
                Wire::Messages => {
                    let names = ["limit", "remaining", "reset"].map(|what| format!("anthropic-ratelimit-{of}-{what}"));
                    (names, time(reading.reset))
                }
                Wire::Gemini => return,
            };
            let values = [reading.limit.to_string(), reading.remaining.to_string(), reset];
            for (name, value) in names.into_iter().zip(values) {
                if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                    headers.insert(name, value);
                }
            }
        }
    }
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// A duration as OpenAI writes it: `20ms`, `1.5s`, `6m0s`.
fn span(time: Duration) -> String {
    let ms = time.as_nanos().div_ceil(1_000_000);
    let seconds = |ms: u128| match ms % 1000 {
        0 => format!("{}s", ms / 1000),
        rest => format!("{}.{}s", ms / 1000, format!("{rest:03}").trim_end_matches('0')),
    };
    match ms {
        1..1000 => format!("{ms}ms"),
        60_000.. => format!("{}m{}", ms / 60_000, seconds(ms % 60_000)),
        _ => seconds(ms),
    }
}

/// A time from now as Anthropic writes it.
fn time(from_now: Duration) -> String {
    let at = SystemTime::now() + from_now + Duration::from_millis(999);
    let at = Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH).as_second();
    Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_openai_does() {
        let cases = [(0, "0s"), (20, "20ms"), (1000, "1s"), (1500, "1.5s"), (59_001, "59.001s"), (360_000, "6m0s")];
        for (ms, expected) in cases {
            assert_eq!(span(Duration::from_millis(ms)), expected);
        }
        assert_eq!(span(Duration::from_micros(1)), "1ms", "never less than it is");
    }
}
