//! Leaves secrets out of values that are written down.

use serde_json::Value;

/// What stands in a secret's place.
const REDACTED: &str = "[redacted]";

/// Endings of keys whose values are secrets, in lower case and with `_` for `-`.
const SECRET_KEYS: [&str; 10] = [
    "api_key",
    "apikey",
    "access_key",
    "private_key",
    "token",
    "secret",
    "password",
    "passwd",
    "authorization",
    "cookie",
];

/// Keys of maps whose values may all be secrets: variables and headers for other programs.
const SECRET_MAPS: [&str; 3] = ["env", "environment", "headers"];

/// How the keys of well-known providers begin.
const SECRET_STARTS: [&str; 12] =
    ["sk-", "sk_", "gsk_", "xai-", "pplx-", "hf_", "AIza", "ghp_", "github_pat_", "xoxb-", "Bearer ", "Basic "];

/// The shortest text that is taken for a key by its beginning alone.
const SECRET_BYTES_MIN: usize = 16;

/// Replaces what is, or looks like, a secret. References to variables, `${KEY}` and `$KEY`, stay.
pub(crate) fn redact(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = key.to_lowercase().replace('-', "_");
                if SECRET_KEYS.iter().any(|secret| key.ends_with(secret)) || SECRET_MAPS.contains(&key.as_str()) {
                    redact_all(value);
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
                    redact_all(item);
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

fn redact_all(value: &mut Value) {
    match value {
        Value::Object(map) => map.iter_mut().for_each(|(_, value)| redact_all(value)),
        Value::Array(items) => items.iter_mut().for_each(redact_all),
        Value::String(text) if !is_reference(text) => REDACTED.clone_into(text),
        Value::Number(_) => *value = REDACTED.into(),
        Value::String(_) | Value::Null | Value::Bool(_) => {}
    }
}

fn redact_text(text: &mut String) {
    if let Some((option, _)) = text.split_once('=')
        && is_secret_option(option)
    {
        *text = format!("{option}={REDACTED}");
    } else if text.len() >= SECRET_BYTES_MIN && SECRET_STARTS.iter().any(|start| text.starts_with(start)) {
        REDACTED.clone_into(text);
    } else if let Some((scheme, rest)) = text.split_once("://")
        && let Some((credentials, host)) = rest.split_once('@')
        && !credentials.contains(['/', ' '])
    {
        *text = format!("{scheme}://{REDACTED}@{host}");
    }
}

fn is_secret_option(text: &str) -> bool {
    let name = text.to_lowercase().replace('-', "_");
    text.starts_with('-') && SECRET_KEYS.iter().any(|secret| name.ends_with(secret))
}

fn is_reference(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).or_else(|| text.strip_prefix('$'));
    name.is_some_and(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
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
            "backend": [{ "headers": { "X-Any": "value" }, "env": { "HOME": "/root", "KEY": "${KEY}" } }],
            "args": ["--token", "abc", "--verbose", "--api-key=abc", "x"],
            "note": "sk-0123456789abcdef",
            "url": "https://user:pass@example.org/mcp",
            "mail": "https://example.org/a@b",
        });
        redact(&mut value);
        assert_eq!(
            value,
            json!({
                "api_key": REDACTED,
                "X-Api-Key": REDACTED,
                "model": "gpt-5.2",
                "max_tokens": 4096,
                "backend": [{ "headers": { "X-Any": REDACTED }, "env": { "HOME": REDACTED, "KEY": "${KEY}" } }],
                "args": ["--token", REDACTED, "--verbose", "--api-key=[redacted]", "x"],
                "note": REDACTED,
                "url": "https://[redacted]@example.org/mcp",
                "mail": "https://example.org/a@b",
            })
        );
    }
}
