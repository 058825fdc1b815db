//! What providers say when they refuse, and what to do about it.

use massgen_providers::Provider;
use reqwest::StatusCode;
use serde_json::Value;

const CHARACTERS_MAX: usize = 500;

/// A refusal in words, to follow the provider's name.
pub(crate) fn refusal(status: StatusCode, body: &Value, provider: &Provider) -> String {
    let said = said(body);
    let said = if said.is_empty() { status.canonical_reason().unwrap_or("no reason given").to_owned() } else { said };
    let said = said.trim_end_matches('.');
    let number = status.as_u16();
    let about_key = said.contains("API key") || said.contains("api key");
    let advice = match number {
        401 | 403 => format!("; check the key in {}", provider.key_variables.join(" or ")),
        400 if about_key => format!("; check the key in {}", provider.key_variables.join(" or ")),
        404 => "; check `model`".to_owned(),
        413 => "; make the files smaller".to_owned(),
        429 => "; wait, or use another backend".to_owned(),
        _ => String::new(),
    };
    format!("refused (HTTP {number}): {said}{advice}")
}

/// The provider's own words, in one line.
pub(crate) fn said(body: &Value) -> String {
    let places = ["/error/message", "/0/error/message", "/message", "/error", "/detail"];
    let said = places.iter().find_map(|place| body.pointer(place).and_then(Value::as_str)).unwrap_or_default();
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use massgen_providers::provider;
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_say_what_to_do() {
        let openai = provider("openai").unwrap();
        let body = json!({"error": {"message": "Incorrect API key\n provided.", "type": "x"}});
        let text = refusal(StatusCode::UNAUTHORIZED, &body, openai);
        assert_eq!(text, "refused (HTTP 401): Incorrect API key provided; check the key in OPENAI_API_KEY");
        let text = refusal(StatusCode::BAD_GATEWAY, &Value::Null, openai);
        assert_eq!(text, "refused (HTTP 502): Bad Gateway");
    }
}
