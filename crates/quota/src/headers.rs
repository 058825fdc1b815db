//! What providers tell of their limits in the headers of replies.

use jiff::Timestamp;

/// What the headers of a reply tell of the provider's limits.
///
/// Two families are read. OpenAI and those compatible with it:
/// `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, where a reset is a duration such as `20ms` or
/// `6m0s`. Anthropic:
/// `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`, where a
/// reset is a time in RFC 3339. What is not a number, or negative (Azure says -1 for "not told"), is passed
/// over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Calls.
    pub requests: Gauge,
    /// Tokens of questions and replies.
    pub tokens: Gauge,
    /// Tokens of questions.
    pub input_tokens: Gauge,
    /// Tokens of replies.
    pub output_tokens: Gauge,
}

/// What is told of one limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gauge {
    /// How much is allowed in a period.
    pub limit: Option<u64>,
    /// How much of it is left.
    pub remaining: Option<u64>,
    /// When all of it will be there again.
    pub reset: Option<Reset>,
}

/// When a limit resets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// So many milliseconds after the reply.
    In(u64),
    /// At this time by the provider's clock, in milliseconds since 1970.
    At(u64),
}

impl Report {
    /// Reads headers, in any order and case. Headers of other kinds are passed over.
    pub fn read<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut report = Self::default();
        for (name, value) in headers {
            report.read_one(&name.to_ascii_lowercase(), value.trim());
        }
        report
    }

    /// Whether it tells nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn read_one(&mut self, name: &str, value: &str) {
        if let Some((what, of)) = name.strip_prefix("x-ratelimit-").and_then(|rest| rest.split_once('-')) {
            let Some(gauge) = self.gauge(of) else { return };
            gauge.set(what, value, |value| duration_ms(value).map(Reset::In));
        } else if let Some((of, what)) =
            name.strip_prefix("anthropic-ratelimit-").and_then(|rest| rest.rsplit_once('-'))
        {
            let Some(gauge) = self.gauge(of) else { return };
            gauge.set(what, value, |value| time_ms(value).map(Reset::At));
        }
    }

    fn gauge(&mut self, of: &str) -> Option<&mut Gauge> {
        match of {
            "requests" => Some(&mut self.requests),
            "tokens" => Some(&mut self.tokens),
            "input-tokens" => Some(&mut self.input_tokens),
            "output-tokens" => Some(&mut self.output_tokens),
            _ => None,
        }
    }
}

impl Gauge {
    fn set(&mut self, what: &str, value: &str, reset: impl Fn(&str) -> Option<Reset>) {
        match what {
            "limit" => self.limit = value.parse().ok().filter(|limit| *limit > 0),
            "remaining" => self.remaining = value.parse().ok(),
            "reset" => self.reset = reset(value),
            _ => {}
        }
    }
}

/// A duration such as `1s`, `6m0s`, `20ms`, `2m59.56s`; a bare number is seconds. Parts of a millisecond
/// count as one.
fn duration_ms(text: &str) -> Option<u64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return whole_ms(seconds * 1000.0);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let number_end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, tail) = rest.split_at_checked(number_end)?;
        let unit_end = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end)?;
        let unit_ms = match unit {
            "d" => 86_400_000.0,
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            "us" | "µs" | "μs" => 0.001,
            "ns" => 0.000_001,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * unit_ms;
        rest = tail;
    }
    if text.is_empty() { None } else { whole_ms(total) }
}

fn whole_ms(ms: f64) -> Option<u64> {
    if !ms.is_finite() || ms < 0.0 {
        return None;
    }
    // Floating point knows 179.56 s only nearly: what is within a microsecond of a whole number is that number.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "finite, not negative; `as` saturates")]
    Some((ms - 0.001).ceil().max(0.0) as u64)
}

fn time_ms(text: &str) -> Option<u64> {
    u64::try_from(text.parse::<Timestamp>().ok()?.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_providers_write_them() {
        let cases = [
            ("1s", Some(1000)),
            ("6m0s", Some(360_000)),
            ("20ms", Some(20)),
            ("2m59.56s", Some(179_560)),
            ("1h0m1.5s", Some(3_601_500)),
            ("24h0m0s", Some(86_400_000)),
            ("7.66s", Some(7660)),
            ("500µs", Some(1)),
            ("0s", Some(0)),
            ("0", Some(0)),
            ("12", Some(12_000)),
            ("-1", None),
            ("", None),
            ("s", None),
            ("1x", None),
            ("1.2.3s", None),
            ("NaN", None),
            ("inf", None),
            ("tomorrow", None),
        ];
        for (text, expected) in cases {
            assert_eq!(duration_ms(text), expected, "{text:?}");
        }
    }

    #[test]
    fn headers_of_openai() {
        let report = Report::read([
            ("X-RateLimit-Limit-Requests", "5000"),
            ("x-ratelimit-remaining-requests", "4999"),
            ("x-ratelimit-reset-requests", "12ms"),
            ("x-ratelimit-limit-tokens", "160000"),
            ("x-ratelimit-remaining-tokens", "159976"),
            ("x-ratelimit-reset-tokens", "9ms"),
            ("x-ratelimit-limit-tokens_usage_based", "7"),
            ("retry-after", "3"),
        ]);
        let requests = Gauge { limit: Some(5000), remaining: Some(4999), reset: Some(Reset::In(12)) };
        let tokens = Gauge { limit: Some(160_000), remaining: Some(159_976), reset: Some(Reset::In(9)) };
        assert_eq!(report, Report { requests, tokens, ..Report::default() });
    }

    #[test]
    fn headers_of_anthropic() {
        let at = Some(Reset::At(1_755_780_060_000));
        let gauge = |limit, remaining| Gauge { limit: Some(limit), remaining: Some(remaining), reset: at };
        let mut headers = Vec::new();
        for (of, limit, remaining) in [
            ("requests", "1000", "999"),
            ("tokens", "96000", "95000"),
            ("input-tokens", "80000", "80000"),
            ("output-tokens", "16000", "15000"),
        ] {
            for (what, value) in [("limit", limit), ("remaining", remaining), ("reset", "2025-08-21T12:41:00Z")] {
                headers.push((format!("anthropic-ratelimit-{of}-{what}"), value));
            }
        }
        let report = Report::read(headers.iter().map(|(name, value)| (name.as_str(), *value)));
        let expected = Report {
            requests: gauge(1000, 999),
            tokens: gauge(96_000, 95_000),
            input_tokens: gauge(80_000, 80_000),
            output_tokens: gauge(16_000, 15_000),
        };
        assert_eq!(report, expected);
    }

    #[test]
    fn what_is_not_told_is_not_made_up() {
        let report = Report::read([
            ("x-ratelimit-limit-tokens", "-1"),
            ("x-ratelimit-remaining-tokens", "-1"),
            ("x-ratelimit-limit-requests", "0"),
            ("anthropic-ratelimit-unified-reset", "1755780060"),
            ("anthropic-ratelimit-requests-reset", "soon"),
            ("x-ratelimit-", ""),
        ]);
        assert!(report.is_empty(), "{report:?}");
    }
}
