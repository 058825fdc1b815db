//! A tool call in one line.

use massgen_protocol::ToolEnd;
use serde_json::Value;

/// How much of the arguments or of the result a line shows.
const CHARS_MAX: usize = 120;

/// What is called with what: `⚙ read_text_file notes.md`.
pub(super) fn tool_line(name: &str, arguments: &str) -> String {
    let arguments = match serde_json::from_str::<Value>(arguments) {
        Ok(Value::Object(map)) => {
            let values = map.iter().filter_map(|(key, value)| match value {
                Value::String(text) if key == "work_dir" => Some(format!("(in {})", shortened_path(text))),
                Value::String(text) if text.trim().lines().count() <= 1 => Some(text.clone()),
                Value::String(text) if key == "command" => {
                    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
                    Some(format!("{} ({} lines)", first.trim(), text.lines().count()))
                }
                Value::String(text) => Some(format!("({} lines)", text.lines().count())),
                Value::Null => None,
                Value::Array(_) | Value::Object(_) => Some(format!("{key}=…")),
                other => Some(format!("{key}={other}")),
            });
            values.collect::<Vec<_>>().join(" ")
        }
        _ => arguments.to_owned(),
    };
    format!("⚙ {} {}", short_name(name), first_words(&arguments)).trim_end().to_owned()
}

/// What came of it, where that is worth a line: a failure, or a result of which nothing has been shown.
pub(super) fn result_line(name: &str, end: ToolEnd, result: &str, had_output: bool) -> Option<String> {
    match end {
        ToolEnd::Done | ToolEnd::Failed if command_result(result).is_some() => command_result(result)?.line(had_output),
        ToolEnd::Done if had_output => None,
        ToolEnd::Done => {
            let words = first_words(result);
            (!words.is_empty()).then(|| format!("→ {words}"))
        }
        ToolEnd::Failed => Some(format!("✗ {} failed: {}", short_name(name), first_words(result))),
        ToolEnd::Stopped => Some(format!("✗ {} was stopped", short_name(name))),
    }
}

/// What the command tools say of a command. The result may be cut: then it is no JSON any more, but its beginning is.
struct CommandResult {
    exit_code: Option<i64>,
    error: Option<String>,
    words: String,
}

fn command_result(result: &str) -> Option<CommandResult> {
    let code = result.strip_prefix("{\"success\":")?.split_once("\"exit_code\":")?.1;
    let exit_code = code.split([',', '}']).next().and_then(|code| code.trim().parse().ok());
    let whole = serde_json::from_str::<Value>(result).unwrap_or_default();
    let text = |key: &str| whole.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let error = Some(text("error")).filter(|error| !error.is_empty());
    Some(CommandResult { exit_code, error, words: format!("{} {}", text("stdout"), text("stderr")) })
}

impl CommandResult {
    fn line(&self, had_output: bool) -> Option<String> {
        match (&self.error, self.exit_code) {
            (Some(error), _) => Some(format!("✗ {}", first_words(error))),
            (None, Some(0) | None) if had_output => None,
            (None, Some(0) | None) => Some(format!("→ {}", first_words(&self.words))).filter(|line| line != "→ "),
            (None, Some(code)) => Some(format!("✗ exit code {code}")),
        }
    }
}

/// A tool without the server that it comes from.
fn short_name(name: &str) -> &str {
    let of_server = name.strip_prefix("mcp__").and_then(|rest| rest.split_once("__")).map(|(_, tool)| tool);
    of_server.or_else(|| name.strip_prefix("custom_tool__")).unwrap_or(name)
}

/// Paths below an agent's directories without what is before: `agent1/analysis.py`.
///
/// The directories of a run are told apart by eight hexadecimal digits.
fn shortened_path(word: &str) -> &str {
    let is_suffix = |part: &str| {
        let digits = part.rsplit('_').next().unwrap_or(part);
        digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if let Some((_, copy)) = word.split_once("/changes/copies/copy-").and_then(|(_, rest)| rest.split_once("/tree/")) {
        return copy;
    }
    let mut rest = word;
    while let Some((part, after)) = rest.split_once('/') {
        if is_suffix(part) && word.starts_with('/') {
            return after;
        }
        rest = after;
    }
    if is_suffix(rest) && word.starts_with('/') { "." } else { word }
}

fn first_words(text: &str) -> String {
    let words = text.split_whitespace().map(shortened_path).collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default()),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_its_short_name_and_what_matters_of_its_arguments() {
        let line = tool_line("mcp__filesystem__read_text_file", r#"{"path": "a.md", "head": 3, "tail": null}"#);
        assert_eq!(line, "⚙ read_text_file a.md head=3");
        assert_eq!(tool_line("custom_tool__two_num_tool", "{}"), "⚙ two_num_tool");
        assert_eq!(tool_line("x", "not json"), "⚙ x not json");
        let line = tool_line("write_file", r#"{"path": "/p/temp_workspaces/12ab34cd/agent1/a.py", "content": "a\nb"}"#);
        assert_eq!(line, "⚙ write_file agent1/a.py (2 lines)");
        assert_eq!(tool_line("ls", r#"{"path": "/p/workspace_12ab34cd"}"#), "⚙ ls .");
        let long = tool_line("x", &format!("{{\"a\": \"{}\"}}", "é".repeat(500)));
        assert_eq!(long.chars().count(), 4 + CHARS_MAX + 1);
    }

    #[test]
    fn a_result_is_told_once() {
        assert_eq!(result_line("x", ToolEnd::Done, "4\n5", true), None);
        assert_eq!(result_line("x", ToolEnd::Done, "4\n5", false).as_deref(), Some("→ 4 5"));
        assert_eq!(result_line("mcp__s__x", ToolEnd::Failed, "no", true).as_deref(), Some("✗ x failed: no"));
        let ran = |code: i32, error: &str| {
            format!(r#"{{"success":true,"exit_code":{code},"stdout":"42\n","stderr":""{error}}}"#)
        };
        assert_eq!(result_line("x", ToolEnd::Done, &ran(0, ""), true), None);
        assert_eq!(result_line("x", ToolEnd::Done, &ran(7, ""), true).as_deref(), Some("✗ exit code 7"));
        let late = ran(-9, r#","error":"it did not end within 1 s""#);
        assert_eq!(result_line("x", ToolEnd::Failed, &late, true).as_deref(), Some("✗ it did not end within 1 s"));
        assert_eq!(result_line("x", ToolEnd::Stopped, "", true).as_deref(), Some("✗ x was stopped"));
    }
}
