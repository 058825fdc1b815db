//! Texts as literals of Python, whatever is in them.

use std::fmt::Write as _;

/// `text` as a literal on one line.
pub(super) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ => push(&mut out, c),
        }
    }
    out.push('"');
    out
}

/// `text` as a docstring: its lines stay lines, indented by `indent`. What Python reads back has that indentation, too.
pub(super) fn docstring(text: &str, indent: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str("\"\"\"");
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
            if !line.is_empty() {
                out.push_str(indent);
            }
        }
        line.chars().for_each(|c| push(&mut out, c));
    }
    if text.ends_with('\n') {
        out.push_str(indent);
    }
    out.push_str("\"\"\"");
    out
}

/// Adds a character. Quotes and backslashes are escaped always, so that neither can end a literal; so is what is not
/// seen, or makes lines look other than they are.
fn push(out: &mut String, c: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        '"' => out.push_str("\\\""),
        '\t' => out.push_str("\\t"),
        ' '..='~' => out.push(c),
        c if c.is_control() || is_treacherous(c) => {
            let _ = write!(out, "\\U{:08x}", u32::from(c));
        }
        c => out.push(c),
    }
}

/// Invisible characters, line separators, and those that change the direction of writing.
fn is_treacherous(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_literal_early() {
        assert_eq!(string("a\"\n\\b\u{202e}"), r#""a\"\n\\b\U0000202e""#);
        assert_eq!(docstring("one\"\"\"\n\ntwo\\", "  "), "\"\"\"one\\\"\\\"\\\"\n\n  two\\\\\"\"\"");
    }
}
