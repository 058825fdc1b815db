//! The parsers' complaints in the words of somebody who writes a config.

use granit_parser::{ErrorKind, ScanError};

use crate::{Diagnostic, Span};

/// What a JSON parser found.
pub(super) fn of_json(error: &serde_json::Error) -> Diagnostic {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let span = Span { line: number(error.line()), column: number(error.column().max(1)), length: 1 };
    let hint = match message.as_str() {
        "trailing comma" => Some("remove the comma before the closing bracket"),
        "key must be a string" => Some("JSON keys stand in double quotes; JSON has no comments"),
        "expected value" => Some("JSON text stands in double quotes; JSON has no comments"),
        _ if error.is_eof() => Some("a bracket or quote is never closed"),
        _ => None,
    };
    Diagnostic::error("", Some(span), format!("not JSON: {message}")).maybe_hint(hint.map(str::to_owned))
}

/// What the YAML parser found.
pub(super) fn of_yaml(error: &ScanError) -> Diagnostic {
    let marker = error.marker();
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let span = Span { line: number(marker.line()), column: number(marker.col().saturating_add(1)), length: 1 };
    let (message, hint) = reworded(error.kind());
    let message = message.map_or_else(|| format!("not YAML: {}", error.kind()), str::to_owned);
    Diagnostic::error("", Some(span), message).maybe_hint(hint.map(str::to_owned))
}

/// A message and a hint for the mistakes that people make; others keep the parser's words.
fn reworded(kind: &ErrorKind) -> (Option<&'static str>, Option<&'static str>) {
    const INDENT: &str = "keys of one map start in the same column, and so do the `-` of one list: compare this line with \
                          those above it";
    match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => {
            (Some("a tab where spaces belong"), Some("YAML is indented with spaces: replace the tab"))
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => {
            (Some("this line is not indented like the rest of its map"), Some(INDENT))
        }
        ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::BlockSequenceEntryNotAllowed => {
            (Some("this line is not indented like the rest of its list"), Some(INDENT))
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::MappingKeyNotAllowed => {
            (Some("a key cannot stand here"), Some("check the indentation; text that contains `: ` needs quotes"))
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => (
            Some("expected `key: value`"),
            Some("a `:` or a `-` is missing, or a line that belongs to a text is not indented"),
        ),
        ErrorKind::UnclosedQuotedScalar => (Some("a quote is never closed"), None),
        ErrorKind::InvalidQuotedScalarIndent => (
            Some("a quote is not closed before this line"),
            Some("close it, or indent the lines of a long text in quotes"),
        ),
        ErrorKind::UnknownAnchor => (
            Some("this alias stands for nothing"),
            Some("text that starts with `*` needs quotes; an alias needs its `&name` before it"),
        ),
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::UnexpectedEofFlowMapping => {
            (Some("expected `,` or `}`"), Some("a `{` is not closed, or text that starts with `{` needs quotes"))
        }
        ErrorKind::ExpectedFlowSequenceSeparator | ErrorKind::UnexpectedEofFlowSequence => {
            (Some("expected `,` or `]`"), Some("a `[` is not closed, or text that starts with `[` needs quotes"))
        }
        ErrorKind::UnclosedFlowCollection { .. } => (Some("a `[` or `{` is never closed"), None),
        ErrorKind::UnexpectedCharacter { .. } => {
            (None, Some("text that starts with a sign such as `@`, a backquote or `%` needs quotes"))
        }
        ErrorKind::RecursionLimitExceeded => (Some("nested more than 100 deep"), None),
        ErrorKind::UnknownQuotedScalarEscape => {
            (None, Some("in double quotes `\\` starts an escape: write `\\\\`, or use single quotes"))
        }
        _ => (None, None),
    }
}
