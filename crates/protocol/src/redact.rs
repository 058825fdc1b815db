//! Leaves secrets out of values that are written down or shown.
//!
//! The one rule for the config's forms for logs and for what the log folder tells of a run.

use serde_json::Value;

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// What the names of secrets end in, in lower case.
const SECRET_ENDINGS: [&str; 8] =
    ["apikey", "token", "secret", "password", "passwd", "authorization", "credential", "cookie"];

/// How the keys of well-known providers begin.
const SECRET_STARTS: [&str; 12] =
    ["sk-", "sk_", "gsk_", "xai-", "pplx-", "hf_", "AIza", "ghp_", "github_pat_", "xoxb-", "Bearer ", "Basic "];

/// The shortest text that is taken for a key by its beginning alone.
const SECRET_BYTES_MIN: usize = 16;

/// Replaces what is, or looks like, a secret: literals under a key that [names a secret](names_a_secret), all
/// literals in the maps `env` and `...headers`, options such as `--token abc`, credentials in an address, and
/// texts that begin as the keys of well-known providers do. References such as `${KEY}` stay.
pub fn redact(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if is_secret(key) || holds_secrets(key) {
                    redact_all(value, Numbers::Hidden);
                } else if names_a_secret(key) {
                    redact_all(value, Numbers::Shown);
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(items) => {
            let mut is_secret_next = false;
            for item in items {
                // `--token`, then the token.
                let is_option = item.as_str().is_some_and(is_secret_option);
                if is_secret_next && !is_option {
                    redact_all(item, Numbers::Hidden);
                } else {
                    redact(item);
                }
                is_secret_next = is_option;
            }
        }
        Value::String(text) => redact_text(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a key or variable of this name, or of this plural, is likely to hold a secret.
#[must_use]
pub fn names_a_secret(name: &str) -> bool {
    is_secret(name) || name.strip_suffix(['s', 'S']).is_some_and(is_secret)
}

/// Whether numbers count as secrets. They do not under a plural: `max_tokens` is a setting.
#[derive(Clone, Copy)]
enum Numbers {
    Hidden,
    Shown,
}

fn redact_all(value: &mut Value, numbers: Numbers) {
    match value {
        Value::Object(map) => map.iter_mut().for_each(|(_, value)| redact_all(value, numbers)),
        Value::Array(items) => items.iter_mut().for_each(|value| redact_all(value, numbers)),
        Value::String(text) if !is_reference(text) => REDACTED.clone_into(text),
        Value::Number(_) if matches!(numbers, Numbers::Hidden) => *value = REDACTED.into(),
        Value::String(_) | Value::Number(_) | Value::Null | Value::Bool(_) => {}
    }
}

fn redact_text(text: &mut String) {
    if let Some((name, value)) = text.split_once('=')
        && (is_secret_option(name) || is_name(name) && is_secret(name))
        && !is_reference(value)
    {
        *text = format!("{name}={REDACTED}");
    } else if text.len() >= SECRET_BYTES_MIN
        && SECRET_STARTS.iter().any(|start| text.starts_with(start))
        && !is_reference(text)
    {
        REDACTED.clone_into(text);
    } else if let Some((scheme, rest)) = text.split_once("://")
        && let Some((credentials, host)) = rest.split_once('@')
        && !credentials.contains(['/', ' '])
    {
        *text = format!("{scheme}://{REDACTED}@{host}");
    }
}

fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SECRET_ENDINGS.iter().any(|ending| lower.ends_with(ending)) || is_a_key(name, &lower)
}

/// `key` is a secret as a word of its own, as in `api_key`, `X-Api-Key` and `apiKey`, and none in `monkey`.
fn is_a_key(name: &str, lower: &str) -> bool {
    let Some(before) = lower.strip_suffix("key") else { return false };
    before.is_empty() || before.ends_with(['_', '-']) || name.ends_with("Key")
}

/// Maps whose values may all be secrets, whatever their keys are: variables and headers for other programs.
fn holds_secrets(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("headers") || matches!(name.as_str(), "env" | "environment")
}

fn is_secret_option(text: &str) -> bool {
    let name = text.trim_start_matches('-');
    name.len() < text.len() && is_name(name) && (is_secret(name) || matches!(name, "H" | "header"))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// Whether a text is `${NAME}`, bare or behind the name of a scheme as in `Bearer ${NAME}`.
fn is_reference(text: &str) -> bool {
    let bare = ["Bearer ", "Basic ", "Token "].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
    let name = bare.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_left_out_wherever_they_are() {
        let mut value = json!({
            "api_key": "my-own",
            "X-Api-Key": 12345,
            "model": "gpt-5.2",
            "max_tokens": 4096,
            "api_keys": ["one", "${TWO}"],
            "accessToken": "abc",
            "backend": [{ "headers": { "X-Any": "value" }, "env": { "HOME": "/root", "KEY": "${KEY}" } }],
            "extra_headers": { "X-Tenant": "value", "Auth": "Bearer ${KEY}", "Old": "${KEY:-sk-1}", "N": 7 },
            "defaultHeaders": { "X-Tenant": "value" },
            "args": ["--token", "abc", "--verbose", "--api-key=abc", "x", "--header", "X-Any: abc", "-e", "MY_KEY=abc"],
            "note": "sk-0123456789abcdef",
            "url": "https://user:pass@example.org/mcp",
            "mail": "https://example.org/a@b",
        });
        redact(&mut value);
        let expected = json!({
            "api_key": REDACTED,
            "X-Api-Key": REDACTED,
            "model": "gpt-5.2",
            "max_tokens": 4096,
            "api_keys": [REDACTED, "${TWO}"],
            "accessToken": REDACTED,
            "backend": [{ "headers": { "X-Any": REDACTED }, "env": { "HOME": REDACTED, "KEY": "${KEY}" } }],
            "extra_headers": { "X-Tenant": REDACTED, "Auth": "Bearer ${KEY}", "Old": REDACTED, "N": REDACTED },
            "defaultHeaders": { "X-Tenant": REDACTED },
            "args": [
                "--token", REDACTED, "--verbose", "--api-key=[redacted]", "x", "--header", REDACTED, "-e",
                "MY_KEY=[redacted]",
            ],
            "note": REDACTED,
            "url": "https://[redacted]@example.org/mcp",
            "mail": "https://example.org/a@b",
        });
        assert_eq!(value, expected);
        redact(&mut value);
        assert_eq!(value, expected, "twice is as once");
    }

    #[test]
    fn secrets_are_found_by_the_last_word_of_a_name() {
        for name in ["OPENAI_API_KEY", "api_key", "apiKey", "X-Api-Key", "Authorization", "token", "AWS_CREDENTIALS"] {
            assert!(names_a_secret(name), "{name}");
        }
        for name in ["max_tokens_to_sample", "tokenizer", "monkey", "model", "USER"] {
            assert!(!names_a_secret(name), "{name}");
        }
        // Counted as one although it is a number: under a plural, only texts are redacted.
        assert!(names_a_secret("max_tokens"));
    }
}
