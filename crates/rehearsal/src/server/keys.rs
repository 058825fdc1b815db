//! Keys: where each provider looks for them, and what it says when they are not good.

use axum::http::HeaderMap;
use serde_json::json;

use crate::scenario::Key;
use crate::wire::{Rejection, Wire};

/// Refuses a request whose key is missing or wrong.
pub(super) fn check(
    wanted: &Key,
    wire: Wire,
    azure: bool,
    headers: &HeaderMap,
    query_key: Option<&str>,
) -> Result<(), Rejection> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let bearer = header("authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let given = match wire {
        Wire::Responses | Wire::ChatCompletions if azure => header("api-key").or(bearer),
        Wire::Responses | Wire::ChatCompletions => bearer,
        Wire::Messages => header("x-api-key").or(bearer),
        Wire::Gemini => header("x-goog-api-key").or(query_key).or(bearer),
    };
    let given = given.filter(|key| !key.is_empty());
    let good = match wanted {
        Key::Optional => true,
        Key::Any => given.is_some(),
        Key::Exactly(key) => given == Some(key.as_str()),
    };
    if good { Ok(()) } else { Err(refusal(wire, azure, given)) }
}

fn refusal(wire: Wire, azure: bool, given: Option<&str>) -> Rejection {
    match (wire, given) {
        (Wire::Responses | Wire::ChatCompletions, _) if azure => {
            let message = "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a \
                           valid key for an active subscription and use a correct regional API endpoint for your \
                           resource.";
            Rejection::new(401, json!({"error": {"code": "401", "message": message}}))
        }
        (Wire::Responses | Wire::ChatCompletions, given) => openai(given),
        (Wire::Messages, None) => Wire::refuse_messages(401, "x-api-key header is required"),
        (Wire::Messages, Some(_)) => Wire::refuse_messages(401, "invalid x-api-key"),
        (Wire::Gemini, None) => Wire::refuse_gemini_stranger(),
        (Wire::Gemini, Some(_)) => Wire::refuse_gemini_key(),
    }
}

fn openai(given: Option<&str>) -> Rejection {
    let (message, code) = match given {
        None => {
            let message = "You didn't provide an API key. You need to provide your API key in an Authorization header \
                           using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank \
                           username) if you're accessing the API from your browser and are prompted for a username and \
                           password. You can obtain an API key from https://platform.openai.com/account/api-keys.";
            (message.to_owned(), None)
        }
        Some(key) => {
            let message = format!(
                "Incorrect API key provided: {}. You can find your API key at \
                 https://platform.openai.com/account/api-keys.",
                masked(key)
            );
            (message, Some("invalid_api_key"))
        }
    };
    let error = json!({"message": message, "type": "invalid_request_error", "param": null, "code": code});
    Rejection::new(401, json!({"error": error}))
}

/// The key as OpenAI repeats it: its ends, and stars between.
fn masked(key: &str) -> String {
    let characters: Vec<char> = key.chars().collect();
    let shown = if characters.len() > 12 { 4 } else { 0 };
    let hidden = characters.len() - 2 * shown;
    let head: String = characters.iter().take(shown).collect();
    let tail: String = characters.iter().skip(shown + hidden).collect();
    format!("{head}{}{tail}", "*".repeat(hidden))
}
