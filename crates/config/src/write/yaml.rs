//! A YAML writer whose output every YAML 1.1 and 1.2 reader takes for the same document.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::parse::is_plain_text;

/// Writes a document in block style.
pub(super) fn write(document: &Value) -> String {
    let mut text = String::new();
    match document {
        Value::Object(map) if !map.is_empty() => write_map(&mut text, map, 0),
        Value::Array(items) if !items.is_empty() => write_list(&mut text, items, 0),
        other => {
            text.push_str(&scalar(other, 0));
            text.push('\n');
        }
    }
    text
}

fn write_map(text: &mut String, map: &Map<String, Value>, indent: usize) {
    for (key, value) in map {
        text.push_str(&" ".repeat(indent));
        text.push_str(&line(key));
        text.push(':');
        write_value(text, value, indent + 2);
    }
}

fn write_list(text: &mut String, items: &[Value], indent: usize) {
    for item in items {
        text.push_str(&" ".repeat(indent));
        text.push('-');
        match item {
            Value::Object(map) if !map.is_empty() => {
                let mut inside = String::new();
                write_map(&mut inside, map, indent + 2);
                text.push(' ');
                text.push_str(inside.trim_start_matches(' '));
            }
            item => write_value(text, item, indent + 2),
        }
    }
}

/// Writes what comes after `key:` or `-`.
fn write_value(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            write_map(text, map, indent);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            write_list(text, items, indent);
        }
        other => {
            text.push(' ');
            text.push_str(&scalar(other, indent));
            text.push('\n');
        }
    }
}

fn scalar(value: &Value, indent: usize) -> String {
    match value {
        Value::String(string) => block(string, indent).unwrap_or_else(|| line(string)),
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        Value::Number(number) if number.is_f64() => float(number),
        other => other.to_string(),
    }
}

/// YAML 1.1 takes `1e16` for text: it wants a dot and a sign.
fn float(number: &serde_json::Number) -> String {
    let text = number.to_string();
    let (mantissa, exponent) = text.split_once('e').map_or((text.as_str(), None), |(m, e)| (m, Some(e)));
    let dot = if mantissa.contains('.') { "" } else { ".0" };
    match exponent {
        Some(exponent) if exponent.starts_with(['-', '+']) => format!("{mantissa}{dot}e{exponent}"),
        Some(exponent) => format!("{mantissa}{dot}e+{exponent}"),
        None => format!("{mantissa}{dot}"),
    }
}

/// Several lines as they are, if YAML can show them so.
fn block(text: &str, indent: usize) -> Option<String> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let is_plain = |c: char| c == '\n' || !needs_escape(c);
    let fits = body.contains('\n')
        && !body.starts_with([' ', '\n'])
        && !body.ends_with('\n')
        && body.chars().all(is_plain)
        && body.lines().all(|line| !line.ends_with(' '));
    if !fits {
        return None;
    }
    let mut block = String::from(if text.ends_with('\n') { "|" } else { "|-" });
    for line in body.split('\n') {
        block.push('\n');
        if !line.is_empty() {
            block.push_str(&" ".repeat(indent));
            block.push_str(line);
        }
    }
    Some(block)
}

/// A string in one line, in quotes if it needs them.
fn line(text: &str) -> String {
    if is_plain_text(text) {
        return text.to_owned();
    }
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if needs_escape(c) => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Characters that YAML does not print or takes for a line break or a byte order mark.
fn needs_escape(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_reads_as_people_write_it() {
        let document = json!({
            "agents": [
                {"id": "a b", "backend": {"type": "openai", "temperature": 1.0, "stop": [], "top_p": 1e-9}},
                {"id": "yes", "system_message": "first line\n\n  second: line\n", "tags": ["- x", "", "1.0"]},
            ],
            "key: odd": {"path": "~/a/b.txt", "time": "1:30", "date": "2024-12-01", "var": "${A:-b}", "url": "http://x.y:80/"},
            "nothing": null,
            "nested": [[1, [2]], {}],
        });
        insta::assert_snapshot!(write(&document), @r#"
        agents:
          - id: a b
            backend:
              type: openai
              temperature: 1.0
              stop: []
              top_p: 1.0e-9
          - id: "yes"
            system_message: |
              first line

                second: line
            tags:
              - "- x"
              - ""
              - "1.0"
        "key: odd":
          path: ~/a/b.txt
          time: "1:30"
          date: "2024-12-01"
          var: ${A:-b}
          url: http://x.y:80/
        nothing: null
        nested:
          -
            - 1
            -
              - 2
          - {}
        "#);
    }
}
