//! Turns what a provider says about a failure into what the user can do about it.

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::error::Problem;
use crate::plan::Plan;
use crate::retry;

/// A failure as the provider tells it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    /// The HTTP status; `None` for an error inside a stream that began well.
    pub(crate) status: Option<u16>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a str,
    pub(crate) now: Timestamp,
}

/// What an unsuccessful answer means.
pub(crate) fn diagnose(plan: &Plan, answer: Answer<'_>) -> Problem {
    let json: Value = serde_json::from_str(answer.body).unwrap_or_default();
    let report = Report::read(&json, answer.body);
    let status = answer.status.unwrap_or_else(|| report.status());
    let said = bounded(&plan.redact(&report.message));
    let words = format!("{} {}", report.codes, report.message).to_ascii_lowercase();
    let mentions = |patterns: &[&str]| patterns.iter().any(|pattern| words.contains(pattern));
    let retry_after = retry::asked_pause(answer.headers, &json, answer.now);
    let in_words = |status: u16| if answer.status.is_some() { format!("HTTP {status}: {said}") } else { said.clone() };
    let variables = format!("{} in the environment, .env or the config", plan.key_variables);
    match status {
        300..=399 => {
            let target =
                answer.headers.get("location").and_then(|value| value.to_str().ok()).unwrap_or("another address");
            let advice = format!("it redirects to {}, which is not followed: correct `base_url`", bounded(target));
            Problem::BadRequest { status, said, advice }
        }
        401 => Problem::Authentication { status, said, variables },
        400 | 403 if mentions(KEY_WORDS) => Problem::Authentication { status, said, variables },
        402 => Problem::QuotaExhausted { status, said },
        429 if mentions(QUOTA_WORDS) => Problem::QuotaExhausted { status, said },
        429 => Problem::RateLimited { status, said, advice: RATE_ADVICE.to_owned(), retry_after },
        413 => Problem::ContextTooLong { status, said },
        400..=499 if mentions(LENGTH_WORDS) => Problem::ContextTooLong { status, said },
        400 | 403 | 404 | 422 if is_about_the_model(&words) => Problem::UnknownModel { status, said },
        403 => Problem::Authentication { status, said, variables },
        404 => {
            let advice = format!("check `base_url` and `model`: nothing is at {}", plan.url.path());
            Problem::BadRequest { status, said, advice }
        }
        400 | 422 if mentions(REFUSAL_WORDS) => Problem::Refused { said },
        503 | 529 => Problem::Overloaded { said: in_words(status), retry_after },
        408 | 409 | 425 | 500..=599 => Problem::Server { said: in_words(status), retry_after },
        _ => Problem::BadRequest { status, said, advice: "check the backend's parameters in the config".to_owned() },
    }
}

/// A provider's text, short enough for one line of a display and without what would steer a terminal.
pub(crate) fn bounded(text: &str) -> String {
    let printable: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !c.is_control()).collect();
    let mut line: String = printable.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > SAID_CHARS_MAX {
        line = line.chars().take(SAID_CHARS_MAX).collect();
        line.push('…');
    }
    if line.is_empty() { "no message".to_owned() } else { line }
}

/// A message and the codes that classify it, out of the error bodies that providers send.
struct Report {
    message: String,
    codes: String,
    number: Option<u16>,
}

impl Report {
    /// `{"error": {"message", "type", "code", "status"}}`, `{"error": "text"}`, `[{"error": ...}]`, `{"message"}`,
    /// `{"detail"}`, or no JSON at all.
    fn read(json: &Value, body: &str) -> Self {
        let outer = json.get(0).unwrap_or(json);
        let error = outer.get("error").filter(|error| !error.is_null()).unwrap_or(outer);
        let texts = ["message", "detail", "msg", "title"];
        let message = error.as_str().or_else(|| texts.iter().find_map(|key| error.get(*key)?.as_str()));
        let nested = || error.pointer("/metadata/raw").and_then(Value::as_str);
        let message = match (message, nested()) {
            (Some(message), Some(raw)) => format!("{message}: {raw}"),
            (Some(message), None) => message.to_owned(),
            (None, _) if json.is_null() => body.to_owned(),
            (None, _) => json.to_string(),
        };
        let mut codes = String::new();
        for key in ["type", "code", "status"] {
            for level in [error, outer] {
                if let Some(code) = level.get(key).and_then(Value::as_str) {
                    codes.push_str(code);
                    codes.push(' ');
                }
            }
        }
        if let Some(details) = error.get("details") {
            codes.push_str(&details.to_string());
        }
        let number = error.get("code").or_else(|| error.get("status_code"));
        let number = number.and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
        Self { message, codes, number: number.and_then(|code| u16::try_from(code).ok()) }
    }

    /// The HTTP status that the error would have had before the stream began.
    fn status(&self) -> u16 {
        if let Some(number) = self.number.filter(|number| (400..600).contains(number)) {
            return number;
        }
        let codes = self.codes.to_ascii_lowercase();
        STATUS_OF_CODE.iter().find(|(code, _)| codes.contains(code)).map_or(500, |(_, status)| *status)
    }
}

/// Whether the model itself is the trouble, not something that it does not take.
fn is_about_the_model(words: &str) -> bool {
    const CODES: &[&str] =
        &["model_not_found", "deploymentnotfound", "invalid model", "unknown model", "not a valid model"];
    const MISSING: &[&str] =
        &["not found", "not exist", "not available", "no endpoints", "no access", "decommissioned"];
    CODES.iter().any(|code| words.contains(code))
        || (words.contains("not_found_error") && words.contains("model:"))
        || (words.contains("model") && !words.contains("param") && MISSING.iter().any(|word| words.contains(word)))
}

const SAID_CHARS_MAX: usize = 500;
const RATE_ADVICE: &str = "wait, run fewer agents at once, or ask for higher limits";

/// Gemini answers a wrong key with 400 API_KEY_INVALID, xAI with 400 "Incorrect API key provided".
const KEY_WORDS: &[&str] = &["api_key_invalid", "api key", "invalid_api_key", "authentication_error"];
/// OpenAI `insufficient_quota`, Anthropic "credit balance", Gemini's quota ids such as `...RequestsPerDay...`.
const QUOTA_WORDS: &[&str] = &[
    "insufficient_quota",
    "billing_hard_limit",
    "credit balance",
    "exceeded your monthly",
    "perday",
    "out of credits",
];
const LENGTH_WORDS: &[&str] = &[
    "context_length_exceeded",
    "context length",
    "context window",
    "maximum context",
    "prompt is too long",
    "input is too long",
    "input token count",
    "exceeds the maximum number of tokens",
    "request_too_large",
];
const REFUSAL_WORDS: &[&str] =
    &["content_filter", "content_policy_violation", "responsibleaipolicyviolation", "content management policy"];

/// The codes of errors inside a stream, the more telling ones first.
const STATUS_OF_CODE: &[(&str, u16)] = &[
    ("overloaded", 529),
    ("unavailable", 503),
    ("rate_limit", 429),
    ("resource_exhausted", 429),
    ("insufficient_quota", 429),
    ("context_length", 400),
    ("invalid_prompt", 400),
    ("content_filter", 400),
    ("invalid_request", 400),
    ("invalid_argument", 400),
    ("authentication", 401),
    ("permission", 403),
    ("not_found", 404),
    ("request_too_large", 413),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_cannot_speak_to_the_terminal() {
        assert_eq!(bounded("no\u{1b}]0;title\u{7}\n  \u{85}way\u{9b}2J"), "no]0;title way2J");
        assert_eq!(bounded("\u{1b}\n"), "no message");
    }
}
