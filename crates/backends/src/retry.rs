//! How long to wait before the next try.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::spec::CallPolicy;

/// The pause before retry `retry` (counted from 1) when the provider asks for none: doubling, bounded, and
/// spread over the upper half so that agents which failed together do not come back together.
pub(crate) fn pause(policy: &CallPolicy, retry: u32, spread: f64) -> Duration {
    let doubled = policy.first_pause.saturating_mul(1_u32.checked_shl(retry.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(policy.pause_max).mul_f64(0.5 + spread.clamp(0.0, 1.0) / 2.0)
}

/// A number from 0 to 1 that differs from call to call, out of the seed that the system gives every hash map.
pub(crate) fn spread() -> f64 {
    f64::from((RandomState::new().hash_one(()) & 0xFFFF) as u16) / f64::from(u16::MAX)
}

/// How long a refusal asks to wait: `retry-after-ms`, `Retry-After` as seconds or as a date (RFC 9110, section
/// 10.2.3), or a `google.rpc.RetryInfo` in the body.
#[must_use]
pub fn asked_pause(headers: &HeaderMap, body: &Value, now: Timestamp) -> Option<Duration> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let milliseconds = header("retry-after-ms").and_then(|text| text.parse::<f64>().ok()).map(|ms| ms / 1000.0);
    let seconds = milliseconds.or_else(|| header("retry-after").and_then(|text| text.parse::<f64>().ok()));
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.or_else(|| header("retry-after").and_then(|text| until(text, now))).or_else(|| google_retry_info(body))
}

fn until(date: &str, now: Timestamp) -> Option<Duration> {
    let date = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

/// <https://cloud.google.com/apis/design/errors#error_details>: `{"@type": "...RetryInfo", "retryDelay": "34s"}`.
fn google_retry_info(body: &Value) -> Option<Duration> {
    let details = body.pointer("/error/details").or_else(|| body.pointer("/0/error/details"))?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    Duration::try_from_secs_f64(delay.strip_suffix('s')?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_are_spread() {
        let policy = CallPolicy {
            first_pause: Duration::from_secs(1),
            pause_max: Duration::from_secs(5),
            ..CallPolicy::default()
        };
        let full: Vec<_> = (1..=4).map(|retry| pause(&policy, retry, 1.0).as_secs()).collect();
        assert_eq!(full, [1, 2, 4, 5]);
        assert_eq!(pause(&policy, 2, 0.0), Duration::from_secs(1));
        assert_eq!(pause(&policy, 500, 1.0), Duration::from_secs(5));
        assert!((0.0..=1.0).contains(&spread()));
    }

    #[test]
    fn every_way_to_ask_for_a_pause_is_understood() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        let asked = |name: &'static str, value: &'static str| {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
            asked_pause(&headers, &Value::Null, now)
        };
        assert_eq!(asked("retry-after-ms", "1500"), Some(Duration::from_millis(1500)));
        assert_eq!(asked("retry-after", " 7 "), Some(Duration::from_secs(7)));
        assert_eq!(asked("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(37)));
        assert_eq!(asked("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("retry-after", "soon"), None);
        let body = json!({"error": {"details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": "34.5s"}]}});
        assert_eq!(asked_pause(&HeaderMap::new(), &body, now), Some(Duration::from_millis(34_500)));
    }
}
