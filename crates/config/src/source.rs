//! The text of a config and places in it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// How large a config may be. The largest in the wild are a few tens of kilobytes.
pub const SOURCE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The notation of a config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML, read as version 1.2.
    Yaml,
    /// JSON.
    Json,
    /// `NAME=value` lines: a file of variables, not a config. Its values are never shown.
    Dotenv,
}

impl Format {
    /// The notation that a file name's suffix announces.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// The text of a config, and what to call it in messages.
///
/// Its `Debug` form shows the name alone: the text may hold keys.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceText {
    /// The name in messages, usually the path as the user gave it.
    pub name: Arc<str>,
    /// The text as written.
    pub text: Arc<str>,
    /// How the text is to be read.
    pub format: Format,
}

impl SourceText {
    /// Wraps a text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>, format: Format) -> Self {
        Self { name: name.into(), text: text.into(), format }
    }

    /// Reads the bytes of the file `name`, whose suffix says which notation they are in.
    ///
    /// # Errors
    /// When the suffix is unknown, the file too large, or the bytes are not UTF-8.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, SourceError> {
        let format =
            Format::of_path(Path::new(name)).ok_or_else(|| SourceError::UnknownSuffix { name: name.to_owned() })?;
        if bytes.len() > SOURCE_BYTES_MAX {
            return Err(SourceError::TooLarge { name: name.to_owned(), bytes: bytes.len() });
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(name, text, format)),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let before = error.as_bytes().iter().take(valid);
                let line = 1 + before.filter(|byte| **byte == b'\n').count();
                Err(SourceError::NotUtf8 { name: name.to_owned(), line })
            }
        }
    }

    /// The line `number`, counted from 1, without its line break.
    #[must_use]
    pub fn line(&self, number: u32) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.text.lines().nth(index)
    }
}

impl fmt::Debug for SourceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceText").field("name", &self.name).field("format", &self.format).finish_non_exhaustive()
    }
}

/// Why a file cannot be taken for a config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Neither YAML nor JSON by its name.
    #[error("`{name}` is neither YAML nor JSON by its name; a config ends in .yaml, .yml or .json")]
    UnknownSuffix {
        /// The file's name.
        name: String,
    },
    /// Larger than any config.
    #[error("`{name}` has {bytes} bytes; a config may have {SOURCE_BYTES_MAX}")]
    TooLarge {
        /// The file's name.
        name: String,
        /// Its size.
        bytes: usize,
    },
    /// Not text.
    #[error("`{name}` is not UTF-8 text: the first wrong byte is in line {line}; save the file as UTF-8")]
    NotUtf8 {
        /// The file's name.
        name: String,
        /// The line of the first wrong byte, counted from 1.
        line: usize,
    },
}

/// A piece of one line of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
    /// In characters; at least 1. A piece that goes on in the next line ends with its first line.
    pub length: u32,
}
