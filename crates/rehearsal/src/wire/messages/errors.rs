//! Anthropic's error bodies.

use serde_json::{Value, json};

use crate::wire::Rejection;

/// An error body as Anthropic forms it.
pub(in crate::wire) fn error_body(kind: &str, message: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_rehearsal"})
}

/// A request that breaks a rule.
pub(super) fn invalid(message: impl AsRef<str>) -> Rejection {
    Rejection::new(400, error_body("invalid_request_error", message.as_ref()))
}

/// Anthropic's answer with an HTTP error status.
pub(in crate::wire) fn of_status(status: u16, message: Option<&str>, model: &str) -> Rejection {
    let not_found = format!("model: {model}");
    let (kind, usual) = match status {
        401 => ("authentication_error", "invalid x-api-key"),
        402 => ("billing_error", "Your credit balance is too low to access the Anthropic API."),
        403 => ("permission_error", "Your API key does not have permission to use the specified resource."),
        404 => ("not_found_error", not_found.as_str()),
        413 => ("request_too_large", "Request exceeds the maximum size"),
        429 => (
            "rate_limit_error",
            "This request would exceed your organization's rate limit of 50 requests per minute. \
                                     Please try again later.",
        ),
        504 => ("timeout_error", "Request timed out"),
        529 | 503 => ("overloaded_error", "Overloaded"),
        500.. => ("api_error", "Internal server error"),
        _ => ("invalid_request_error", "The request was refused."),
    };
    Rejection::new(status, error_body(kind, message.unwrap_or(usual)))
}
