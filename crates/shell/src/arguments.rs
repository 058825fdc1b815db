//! What a model may say in a call.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Of `execute_command` and `start_background_shell`.
#[derive(Debug, Deserialize)]
pub(crate) struct Run {
    pub(crate) command: String,
    /// In seconds.
    #[serde(default, deserialize_with = "number")]
    pub(crate) timeout: Option<f64>,
    #[serde(default)]
    pub(crate) work_dir: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    pub(crate) terminal: bool,
}

/// Of the tools that only name a shell.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    pub(crate) shell_id: String,
}

/// Of `get_background_shell_output`.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) shell_id: String,
    #[serde(default)]
    pub(crate) stream: Option<StreamName>,
    #[serde(default, deserialize_with = "number")]
    pub(crate) offset: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    pub(crate) tail: Option<f64>,
}

/// Which stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StreamName {
    Stdout,
    Stderr,
}

/// Of `send_background_shell_input`.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    pub(crate) shell_id: String,
    #[serde(default)]
    pub(crate) input: String,
    #[serde(default, deserialize_with = "flag")]
    pub(crate) end: bool,
}

/// Reads the arguments of a call.
pub(crate) fn read<'a, T: Deserialize<'a>>(arguments: &'a str) -> Result<T, String> {
    let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
    serde_json::from_str(arguments).map_err(|error| format!("the arguments cannot be read: {error}"))
}

/// Models also write numbers as texts.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let number = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let number = number.filter(|number| number.is_finite() && *number >= 0.0);
    number.map(Some).ok_or_else(|| serde::de::Error::custom("expected a number that is not negative"))
}

fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(serde::de::Error::custom("expected true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgives_what_is_clear_and_nothing_else() {
        let run: Run =
            read(r#"{"command": "ls", "timeout": "90", "work_dir": null, "terminal": "True", "x": 1}"#).unwrap();
        assert_eq!((run.command.as_str(), run.timeout, run.work_dir, run.terminal), ("ls", Some(90.0), None, true));
        for wrong in
            ["", "{", r#"{"command": 1}"#, r#"{"command": "x", "timeout": -1}"#, r#"{"command":"x","terminal":3}"#]
        {
            assert!(read::<Run>(wrong).unwrap_err().starts_with("the arguments cannot be read: "), "{wrong}");
        }
        let page: Page = read(r#"{"shell_id": "shell_1", "stream": "stderr", "offset": 5}"#).unwrap();
        assert_eq!((page.stream, page.offset, page.tail), (Some(StreamName::Stderr), Some(5.0), None));
    }
}
