//! What a call came to.

use std::path::PathBuf;

/// The result of one tool call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolOutcome {
    /// What the model is told.
    pub content: String,
    /// Whether the call failed.
    pub is_error: bool,
    /// Whether the call took back what its turn may rely on: it is unknown whether its effects came about, such as
    /// after a server died in the middle of it.
    pub is_unknown: bool,
    /// What it looked at or ran. From this follows which answers its turn has checked.
    pub touched: Vec<Touch>,
}

impl ToolOutcome {
    /// A success.
    #[must_use]
    pub fn done(content: impl Into<String>) -> Self {
        Self { content: content.into(), ..Self::default() }
    }

    /// A failure: what, why, and what to do, in words for the model.
    #[must_use]
    pub fn failed(content: impl Into<String>) -> Self {
        Self { content: content.into(), is_error: true, ..Self::default() }
    }

    /// With what it touched.
    #[must_use]
    pub fn touching(mut self, touched: impl IntoIterator<Item = Touch>) -> Self {
        self.touched.extend(touched);
        self
    }
}

/// Something that a call looked at or ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// Where: absolute.
    pub path: PathBuf,
    /// What was done there.
    pub kind: TouchKind,
}

/// What a call did with a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TouchKind {
    /// Read it, in whole or in part.
    Read,
    /// Ran a command in it or on it.
    Ran {
        /// The command, in one line.
        command: String,
        /// Its exit code; `None` when it was killed.
        exit_code: Option<i32>,
    },
}
