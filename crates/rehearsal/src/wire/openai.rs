//! What Responses and Chat Completions share: error bodies, and the rules for tools.

use serde_json::{Map, Value, json};

use super::Rejection;
use super::fields::{Type, given, is_function_name, text, type_name, unknown};
use super::media::{data_url, image_type};
use super::schema;

const NAME_MAX: usize = 64;

/// An error body as OpenAI forms it.
pub(super) fn error_body(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Value {
    json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
}

/// A request that breaks a rule.
pub(super) fn invalid(message: impl AsRef<str>, param: impl AsRef<str>, code: Option<&str>) -> Rejection {
    let param = Some(param.as_ref()).filter(|param| !param.is_empty());
    Rejection::new(400, error_body(message.as_ref(), "invalid_request_error", param, code))
}

pub(super) fn missing(param: impl AsRef<str>) -> Rejection {
    let param = param.as_ref();
    invalid(format!("Missing required parameter: '{param}'."), param, Some("missing_required_parameter"))
}

pub(super) fn unknown_parameter(param: impl AsRef<str>) -> Rejection {
    let param = param.as_ref();
    invalid(format!("Unknown parameter: '{param}'."), param, Some("unknown_parameter"))
}

pub(super) fn wrong_type(param: impl AsRef<str>, expected: Type, found: &Value) -> Rejection {
    let (param, expected, found) = (param.as_ref(), expected.openai(), type_name(found));
    let message = format!("Invalid type for '{param}': expected {expected}, but got {found} instead.");
    invalid(message, param, Some("invalid_type"))
}

pub(super) fn wrong_value(param: impl AsRef<str>, found: &str, supported: &[&str]) -> Rejection {
    let param = param.as_ref();
    let quoted: Vec<String> = supported.iter().map(|word| format!("'{word}'")).collect();
    let list = match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{}, and {last}", rest.join(", ")),
        _ => quoted.concat(),
    };
    let message = format!("Invalid value: '{found}'. Supported values are: {list}.");
    invalid(message, param, Some("invalid_value"))
}

/// A number out of its range.
pub(super) fn out_of_range(param: &str, value: f64, least: f64, most: f64) -> Option<Rejection> {
    let (bound, which, sign, limit) = if value < least {
        ("below minimum", "decimal_below_min_value", ">=", least)
    } else if value > most {
        ("above maximum", "decimal_above_max_value", "<=", most)
    } else {
        return None;
    };
    let message =
        format!("Invalid '{param}': decimal {bound} value. Expected a value {sign} {limit}, but got {value} instead.");
    Some(invalid(message, param, Some(which)))
}

/// Checks the types of the fields of the body; a null stands for a field that is not there.
pub(super) fn types(body: &Map<String, Value>, types: &[(&str, Type)]) -> Result<(), Rejection> {
    for (key, expected) in types {
        if let Some(value) = body.get(*key).filter(|value| !value.is_null() && !expected.admits(value)) {
            return Err(wrong_type(key, *expected, value));
        }
    }
    Ok(())
}

/// Checks the address of a picture: of the web, or the picture itself.
pub(super) fn picture(url: Option<&Value>, place: &str) -> Result<(), Rejection> {
    let url = match url {
        Some(Value::String(url)) => url,
        None | Some(Value::Null) => return Err(missing(place)),
        Some(other) => return Err(wrong_type(place, Type::Text, other)),
    };
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(());
    }
    let Some((_, bytes)) = data_url(url) else {
        let message = format!("Invalid '{place}'. Expected a valid URL, but got a value with an invalid format.");
        return Err(invalid(message, place, Some("invalid_value")));
    };
    if image_type(&bytes).is_none() {
        let message = "You uploaded an unsupported image. Please make sure your image has of one the following formats: \
                       ['png', 'jpeg', 'gif', 'webp'].";
        return Err(invalid(message, place, Some("invalid_image_format")));
    }
    Ok(())
}

/// Checks a document that is part of a request.
pub(super) fn file(part: &Value, place: &str) -> Result<(), Rejection> {
    if ["file_id", "file_url"].iter().any(|key| given(part, key).is_some()) {
        return Ok(());
    }
    if given(part, "file_data").is_none() {
        return Err(missing(format!("{place}.file_data")));
    }
    if given(part, "filename").is_none() {
        return Err(missing(format!("{place}.filename")));
    }
    let place = format!("{place}.file_data");
    match data_url(text(part, "file_data")) {
        Some(("application/pdf", bytes)) if bytes.starts_with(b"%PDF-") => Ok(()),
        Some(("application/pdf", _)) => Err(invalid("The document has no pages.", place, Some("invalid_value"))),
        Some((kind, _)) if kind.starts_with("text/") => Ok(()),
        Some((kind, _)) => {
            let message = format!("Invalid '{place}'. Unsupported MIME type '{kind}'.");
            Err(invalid(message, place, Some("unsupported_mime_type")))
        }
        None => {
            let message = format!(
                "Invalid '{place}'. Expected a base64-encoded data URL, but got a value with an invalid format."
            );
            Err(invalid(message, place, Some("invalid_value")))
        }
    }
}

/// Checks one function: its own fields are in `function`, which is found at `place`.
pub(super) fn function(function: &Map<String, Value>, place: &str, known: &[&str]) -> Result<(), Rejection> {
    if let Some(key) = unknown(function, known) {
        return Err(unknown_parameter(format!("{place}.{key}")));
    }
    let name = match function.get("name") {
        None => return Err(missing(format!("{place}.name"))),
        Some(Value::String(name)) => name,
        Some(other) => return Err(wrong_type(format!("{place}.name"), Type::Text, other)),
    };
    if name.len() > NAME_MAX {
        let length = name.len();
        let message = format!(
            "Invalid '{place}.name': string too long. Expected a string with maximum length {NAME_MAX}, but got a \
             string with length {length} instead."
        );
        return Err(invalid(message, format!("{place}.name"), Some("string_above_max_length")));
    }
    if !is_function_name(name, NAME_MAX) {
        let message = format!(
            "Invalid '{place}.name': string does not match pattern. Expected a string that matches the pattern \
             '^[a-zA-Z0-9_-]+$'."
        );
        return Err(invalid(message, format!("{place}.name"), Some("invalid_value")));
    }
    if let Some(other) = function.get("description").filter(|text| !text.is_string() && !text.is_null()) {
        return Err(wrong_type(format!("{place}.description"), Type::Text, other));
    }
    let Some(parameters) = function.get("parameters").filter(|parameters| !parameters.is_null()) else {
        return Ok(());
    };
    let bad = |fault: String| {
        let message = format!("Invalid schema for function '{name}': {fault}");
        Err(invalid(message, format!("{place}.parameters"), Some("invalid_function_parameters")))
    };
    if !parameters.is_object() {
        return Err(wrong_type(format!("{place}.parameters"), Type::Object, parameters));
    }
    if !schema::describes_object(parameters) {
        let kind = parameters.get("type").map_or_else(|| "\"None\"".to_owned(), Value::to_string);
        return bad(format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: {kind}'."));
    }
    if function.get("strict") == Some(&Value::Bool(true))
        && let Some(fault) = schema::strict_fault(parameters, "")
    {
        return bad(fault);
    }
    Ok(())
}

/// OpenAI's answer with an HTTP error status.
pub(super) fn of_status(status: u16, message: Option<&str>, model: &str) -> Rejection {
    let (usual, kind, code) = match status {
        401 => (
            "Incorrect API key provided: rehearsal. You can find your API key at \
                 https://platform.openai.com/account/api-keys."
                .to_owned(),
            "invalid_request_error",
            Some("invalid_api_key"),
        ),
        403 => {
            ("You are not allowed to sample from this model.".to_owned(), "invalid_request_error", Some("forbidden"))
        }
        404 => return model_not_found(model, message),
        408 | 504 => ("Request timed out.".to_owned(), "timeout", None),
        429 => (
            format!(
                "Rate limit reached for {model} in organization org-rehearsal on requests per min (RPM): \
                         Limit 3, Used 3, Requested 1. Please try again in 20s. Visit \
                         https://platform.openai.com/account/rate-limits to learn more."
            ),
            "requests",
            Some("rate_limit_exceeded"),
        ),
        503 => (
            "That model is currently overloaded with other requests. You can retry your request, or contact us \
                 through our help center if the error persists."
                .to_owned(),
            "server_error",
            Some("server_is_overloaded"),
        ),
        500.. => (
            "The server had an error while processing your request. Sorry about that!".to_owned(),
            "server_error",
            None,
        ),
        _ => ("The request was refused.".to_owned(), "invalid_request_error", None),
    };
    Rejection::new(status, error_body(message.unwrap_or(&usual), kind, None, code))
}

/// The answer for a model that is not in the scenario.
pub(super) fn model_not_found(model: &str, message: Option<&str>) -> Rejection {
    let usual = format!("The model `{model}` does not exist or you do not have access to it.");
    let body = error_body(message.unwrap_or(&usual), "invalid_request_error", None, Some("model_not_found"));
    Rejection::new(404, body)
}
