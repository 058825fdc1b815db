//! What is wrong with a config, and where.

mod render;

pub use render::Colour;

use std::fmt;

use serde_json::{Value, json};

use crate::{SourceText, Span};

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The config cannot be run.
    Error,
    /// The config runs, but perhaps not as intended.
    Warning,
    /// For your information: mostly options that are not acted upon.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// One thing that the user should know about a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The key, as a dotted path such as `agents[0].backend.type`; empty for the whole config.
    pub location: String,
    /// Where it stands in the source, if anywhere.
    pub span: Option<Span>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error.
    pub fn error(location: impl Into<String>, span: Option<Span>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, location, span, message)
    }

    /// A warning.
    pub fn warning(location: impl Into<String>, span: Option<Span>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, location, span, message)
    }

    /// A note.
    pub fn note(location: impl Into<String>, span: Option<Span>, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, location, span, message)
    }

    /// A diagnostic without a hint.
    pub fn new(
        severity: Severity,
        location: impl Into<String>,
        span: Option<Span>,
        message: impl Into<String>,
    ) -> Self {
        Self { severity, message: message.into(), location: location.into(), span, hint: None }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, with what to do about it if that is known.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

/// How many of one severity are kept. A generated file can make one mistake a million times.
const KEPT_MAX: usize = 100;

/// All that was found in one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    source: SourceText,
    list: Vec<Diagnostic>,
    left_out: usize,
}

impl Diagnostics {
    /// Nothing found yet.
    #[must_use]
    pub fn new(source: SourceText) -> Self {
        Self { source, list: Vec::new(), left_out: 0 }
    }

    /// Adds one. After a hundred of one severity, further ones are only counted.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.is_full(diagnostic.severity) {
            self.left_out += 1;
        } else {
            self.list.push(diagnostic);
        }
    }

    /// Whether further ones of this severity are only counted.
    fn is_full(&self, severity: Severity) -> bool {
        self.count(severity) >= KEPT_MAX
    }

    /// How many were found but not kept.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The source that the spans are about.
    #[must_use]
    pub fn source(&self) -> &SourceText {
        &self.source
    }

    /// All of them, in the order of the source; those without a place come last.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// Those of one severity.
    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter().filter(move |diagnostic| diagnostic.severity == severity)
    }

    /// How many of one severity there are.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.of(severity).count()
    }

    /// Whether the config cannot be run.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// Whether nothing at all was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The reference's `--validate --json` form, with a `notes` list added.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let list = |severity| self.of(severity).map(|diagnostic| self.json_of(diagnostic)).collect::<Vec<_>>();
        json!({
            "valid": !self.has_errors(),
            "error_count": self.count(Severity::Error),
            "warning_count": self.count(Severity::Warning),
            "errors": list(Severity::Error),
            "warnings": list(Severity::Warning),
            "notes": list(Severity::Note),
        })
    }

    /// Sorts by place. Called once, when all have been found.
    pub(crate) fn sort(&mut self) {
        self.list.sort_by_key(|diagnostic| diagnostic.span.map_or((1, Span::default()), |span| (0, span)));
    }

    fn json_of(&self, diagnostic: &Diagnostic) -> Value {
        let mut object = json!({
            "message": diagnostic.message,
            "location": diagnostic.location,
            "suggestion": diagnostic.hint,
        });
        if let (Some(span), Some(object)) = (diagnostic.span, object.as_object_mut()) {
            object.insert("file".to_owned(), json!(&*self.source.name));
            object.insert("line".to_owned(), json!(span.line));
            object.insert("column".to_owned(), json!(span.column));
        }
        object
    }
}
