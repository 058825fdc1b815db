//! Diagnostics as text for people.

use std::fmt::Write;

use massgen_protocol::names_a_secret;

use super::{Diagnostic, Diagnostics, Severity};
use crate::Format;

/// How many characters of a source line are shown. Base64 blobs and minified JSON have long lines.
const LINE_CHARS_MAX: usize = 120;

/// Whether text may carry ANSI colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// For a terminal.
    Ansi,
    /// For files, pipes and `NO_COLOR`.
    Plain,
}

impl Diagnostics {
    /// All of them as text, the errors first: the message, the place, the source line with the key
    /// underlined, and what to do. Ends with a line break unless empty.
    #[must_use]
    pub fn render(&self, colour: Colour) -> String {
        let mut text = String::new();
        for severity in [Severity::Error, Severity::Warning, Severity::Note] {
            for diagnostic in self.of(severity) {
                if !text.is_empty() && severity != Severity::Note {
                    text.push('\n');
                }
                text.push_str(&self.render_one(diagnostic, colour));
            }
            if severity == Severity::Warning && !text.is_empty() && self.count(Severity::Note) > 0 {
                text.push('\n');
            }
        }
        if self.left_out() > 0 {
            let _ = writeln!(text, "\n... and {} more", self.left_out());
        }
        text
    }

    /// One of them as text.
    #[must_use]
    pub fn render_one(&self, diagnostic: &Diagnostic, colour: Colour) -> String {
        let paint = Paint { colour, severity: diagnostic.severity };
        if diagnostic.severity == Severity::Note {
            return self.render_note(diagnostic, paint);
        }
        let mut text = format!("{}{}\n", paint.severity(), paint.bold(&format!(": {}", clean(&diagnostic.message))));
        // Writing to a string cannot fail.
        let _ = self.place(&mut text, diagnostic, paint);
        if let Some(hint) = &diagnostic.hint {
            let _ = writeln!(text, "  {} {}", paint.faint("help:"), clean(hint));
        }
        text
    }

    /// A note takes one line: there may be many, and they can be left at that.
    fn render_note(&self, diagnostic: &Diagnostic, paint: Paint) -> String {
        let name = &self.source().name;
        let place = diagnostic.span.map(|span| format!(":{}:{}", span.line, span.column)).unwrap_or_default();
        let hint = diagnostic.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}: {name}{place}: {}{}\n", paint.severity(), clean(&diagnostic.message), clean(&hint))
    }

    fn place(&self, text: &mut String, diagnostic: &Diagnostic, paint: Paint) -> std::fmt::Result {
        let name = &self.source().name;
        let Some(span) = diagnostic.span else {
            return match diagnostic.location.as_str() {
                "" => writeln!(text, "  {} {name}", paint.faint("-->")),
                location => writeln!(text, "  {} {name}: {}", paint.faint("-->"), clean(location)),
            };
        };
        let number = span.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(text, " {margin}{} {name}:{}:{}", paint.faint("-->"), span.line, span.column)?;
        let Some(line) = self.source().line(span.line) else { return Ok(()) };

        let line = match self.source().format {
            Format::Dotenv => starred(line, line.find('=').map_or(0, |place| place + 1)),
            Format::Yaml | Format::Json => masked(line),
        };
        let window = Window::around(&line, (span.column as usize).saturating_sub(1), span.length as usize);
        let bar = paint.faint("|");
        let underline = paint.severity_colour(&"^".repeat(window.marked));
        writeln!(text, " {margin} {bar}")?;
        writeln!(text, " {number} {bar} {}", window.text.trim_end())?;
        let label =
            if diagnostic.location.is_empty() { String::new() } else { format!(" {}", clean(&diagnostic.location)) };
        writeln!(text, " {margin} {bar} {}{underline}{}", " ".repeat(window.before), paint.faint(&label))
    }
}

/// The part of a line that is shown.
struct Window {
    text: String,
    before: usize,
    marked: usize,
}

impl Window {
    fn around(line: &str, start: usize, length: usize) -> Self {
        let chars = line.chars().count();
        let skip = if chars <= LINE_CHARS_MAX || start < LINE_CHARS_MAX / 2 { 0 } else { start - LINE_CHARS_MAX / 2 };
        let mut text: String = line.chars().skip(skip).take(LINE_CHARS_MAX).map(visible).collect();
        let mut before = start - skip;
        if skip > 0 {
            text.insert(0, '…');
            before += 1;
        }
        if skip + LINE_CHARS_MAX < chars {
            text.push('…');
        }
        let shown = text.chars().count();
        Self { text, before, marked: length.clamp(1, shown.saturating_sub(before).max(1)) }
    }
}

/// The line, with a star for each character behind a key that is likely to hold a secret, or a map of them. A
/// reference such as `${NAME}` and a number stay.
fn masked(line: &str) -> String {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    for (place, _) in line.match_indices([':', '=']) {
        let (before, after) = line.split_at(place + 1);
        let name =
            before.trim_end_matches([':', '=', '"', '\'', ' ']).rsplit(|c| !is_of_name(c)).next().unwrap_or_default();
        let value = after.trim_start();
        let holds_secrets = name == "env" || name.ends_with("headers");
        if (holds_secrets || names_a_secret(name)) && !value.contains("${") && value.trim_end().parse::<f64>().is_err()
        {
            return starred(line, before.len());
        }
    }
    line.to_owned()
}

/// The line, with a star for each character from `start` on, so that what is marked stays in place.
fn starred(line: &str, start: usize) -> String {
    let (shown, hidden) = line.split_at_checked(start).unwrap_or(("", line));
    shown.chars().chain(hidden.chars().map(|c| if c.is_whitespace() { c } else { '*' })).collect()
}

/// A tab is shown as one space and other control characters as a sign, so that the marks below
/// stand under what they mark and a config cannot command the terminal.
fn visible(character: char) -> char {
    match character {
        '\t' => ' ',
        character if character.is_control() => '\u{fffd}',
        character => character,
    }
}

fn clean(text: &str) -> String {
    text.chars().map(visible).collect()
}

#[derive(Clone, Copy)]
struct Paint {
    colour: Colour,
    severity: Severity,
}

impl Paint {
    fn severity(self) -> String {
        self.severity_colour(&self.severity.to_string())
    }

    fn severity_colour(self, text: &str) -> String {
        self.paint(
            text,
            match self.severity {
                Severity::Error => "1;31",
                Severity::Warning => "1;33",
                Severity::Note => "1;36",
            },
        )
    }

    fn bold(self, text: &str) -> String {
        self.paint(text, "1")
    }

    fn faint(self, text: &str) -> String {
        self.paint(text, "34")
    }

    fn paint(self, text: &str, code: &str) -> String {
        match self.colour {
            Colour::Ansi if !text.is_empty() => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Colour::Ansi | Colour::Plain => text.to_owned(),
        }
    }
}
