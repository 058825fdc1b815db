//! What can be wrong with a table of limits.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A table of limits that cannot be used.
#[derive(Debug, Error)]
pub enum LimitsError {
    /// The file cannot be read.
    #[error("cannot read the rate limits in {}: give the path of a file that can be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not YAML of this form.
    #[error("{at}: {message}; expected providers, below each its models, below each `rpm`, `tpm` or `rpd`")]
    Form {
        /// Where.
        at: LimitsPlace,
        /// What the reader found.
        message: String,
    },
    /// A key is none of the known ones.
    #[error("{at}: `{key}` of {model} is not known: did you mean `{near}`? (known: rpm, tpm, rpd)")]
    UnknownKey {
        /// Where.
        at: LimitsPlace,
        /// The key.
        key: String,
        /// The provider and model that it stands under.
        model: String,
        /// The known key that is most like it.
        near: &'static str,
    },
    /// A limit is not a positive whole number.
    #[error("{at}: `{key}` of {model} is {found}: {expected}")]
    NoLimit {
        /// Where.
        at: LimitsPlace,
        /// The key.
        key: &'static str,
        /// The provider and model that it stands under.
        model: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: &'static str,
    },
}

/// A place in a table of limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsPlace {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: u64,
    /// The column, counted from 1.
    pub column: u64,
}

impl fmt::Display for LimitsPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
