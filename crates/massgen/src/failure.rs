//! What goes wrong at the edge, in words for the reader who can act, with the exit code.

use std::fmt;
use std::process::ExitCode;

/// Why the program ends without having done what it was asked to.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: FailureKind,
    message: String,
    hints: Vec<String>,
}

/// What an exit code tells a script. The numbers are those of the Python MassGen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The config, a key or the set-up is wrong: 1.
    Configuration,
    /// The run could not do its work, or the command line is wrong: 2.
    Execution,
    /// The time was over, or the budget spent, and there was no answer: 3.
    Timeout,
    /// The user stopped it: 4.
    Interrupted,
}

impl FailureKind {
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Configuration => 1,
            Self::Execution => 2,
            Self::Timeout => 3,
            Self::Interrupted => 4,
        }
    }
}

impl Failure {
    /// Something in the set-up that the user can mend.
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Configuration, message)
    }

    /// Something that went wrong on the way.
    pub(crate) fn execution(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Execution, message)
    }

    pub(crate) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What went wrong, without what to do about it.
    pub(crate) fn message(&self) -> &str {
        self.message.trim_end()
    }

    /// A wrong config of which everything has been told already.
    pub(crate) fn told() -> Self {
        Self::configuration("")
    }

    /// Whether everything has been told already.
    pub(crate) fn is_told(&self) -> bool {
        self.message.is_empty()
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.exit_code())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message.trim_end())?;
        for hint in &self.hints {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// Joins an error with its causes: `a: b: c`.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
