//! Google's error bodies.

use serde_json::{Value, json};

use crate::wire::Rejection;

fn error_body(code: u16, status: &str, message: &str, details: Option<Value>) -> Value {
    let mut error = json!({"code": code, "message": message, "status": status});
    if let (Some(details), Some(map)) = (details, error.as_object_mut()) {
        map.insert("details".to_owned(), details);
    }
    json!({"error": error})
}

/// A request that breaks a rule.
pub(in crate::wire) fn invalid(message: impl AsRef<str>) -> Rejection {
    Rejection::new(400, error_body(400, "INVALID_ARGUMENT", message.as_ref(), None))
}

/// A field that is not in the schema. `place` is empty at the top level.
pub(super) fn unknown_name(key: &str, place: &str) -> Rejection {
    let at = if place.is_empty() { String::new() } else { format!(" at '{place}'") };
    let message = format!("Invalid JSON payload received. Unknown name \"{key}\"{at}: Cannot find field.");
    violation(&message, place)
}

/// A value of the wrong type.
pub(super) fn wrong_value(value: &Value, place: &str, kind: &str) -> Rejection {
    violation(&format!("Invalid value at '{place}' ({kind}), {value}"), place)
}

fn violation(message: &str, place: &str) -> Rejection {
    let mut violation = json!({"description": message});
    if let Some(map) = violation.as_object_mut().filter(|_| !place.is_empty()) {
        map.insert("field".to_owned(), json!(place));
    }
    let details = json!([{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]);
    Rejection::new(400, error_body(400, "INVALID_ARGUMENT", message, Some(details)))
}

/// The answer to a key that is not good: 400, not 401, with Google.
pub(in crate::wire) fn bad_key() -> Rejection {
    let details = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
                          "domain": "googleapis.com", "metadata": {"service": "generativelanguage.googleapis.com"}}]);
    let message = "API key not valid. Please pass a valid API key.";
    Rejection::new(400, error_body(400, "INVALID_ARGUMENT", message, Some(details)))
}

/// Google's answer with an HTTP error status.
pub(in crate::wire) fn of_status(
    status: u16,
    message: Option<&str>,
    model: &str,
    retry_after: Option<u64>,
) -> Rejection {
    let not_found = format!(
        "models/{model} is not found for API version v1beta, or is not supported for generateContent. Call ListModels \
         to see the list of available models and their supported methods."
    );
    let (name, usual) = match status {
        401 => (
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, \
                                    login cookie or other valid authentication credential.",
        ),
        403 => (
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established \
                                      identity). Please use API Key or other form of API consumer identity to call \
                                      this API.",
        ),
        404 => ("NOT_FOUND", not_found.as_str()),
        429 => (
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing details. \
                                       For more information on this error, head to: \
                                       https://ai.google.dev/gemini-api/docs/rate-limits.",
        ),
        503 => ("UNAVAILABLE", "The model is overloaded. Please try again later."),
        504 => ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        500.. => (
            "INTERNAL",
            "An internal error has occurred. Please retry or report in \
                               https://developers.generativeai.google/guide/troubleshooting",
        ),
        _ => ("FAILED_PRECONDITION", "The request was refused."),
    };
    let details = retry_after.map(
        |seconds| json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")}]),
    );
    Rejection::new(status, error_body(status, name, message.unwrap_or(usual), details))
}
