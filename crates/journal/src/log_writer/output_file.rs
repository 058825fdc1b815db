//! A text file that grows, and what could not be written.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::atomic::write_atomically;

/// How much text may wait in memory.
const PENDING_BYTES_MAX: usize = 32 * 1024;

/// A file that text is appended to. Opened when first text reaches it, and then emptied.
#[derive(Debug)]
pub(super) struct OutputFile {
    path: PathBuf,
    file: Option<File>,
    pending: String,
    /// After an error the rest would have a hole: nothing more is written.
    is_given_up: bool,
}

impl OutputFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, file: None, pending: String::new(), is_given_up: false }
    }

    /// Where text is added. To be followed by [`flush_if_full`](Self::flush_if_full).
    pub(super) fn pending(&mut self) -> &mut String {
        &mut self.pending
    }

    pub(super) fn flush_if_full(&mut self, trouble: &mut Trouble) {
        if self.pending.len() >= PENDING_BYTES_MAX {
            self.flush(trouble);
        }
    }

    pub(super) fn flush(&mut self, trouble: &mut Trouble) {
        if !self.pending.is_empty()
            && !self.is_given_up
            && let Err(error) = self.write_pending()
        {
            self.is_given_up = true;
            trouble.add(&self.path, error);
        }
        self.pending.clear();
    }

    fn write_pending(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                if let Some(folder) = self.path.parent() {
                    fs::create_dir_all(folder)?;
                }
                none.insert(File::create(&self.path)?)
            }
        };
        file.write_all(self.pending.as_bytes())
    }
}

/// The log files that could not be written. A run goes on without them.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// Those that a warning has told of, or will.
    files: BTreeSet<PathBuf>,
    untold: Option<LogWarning>,
}

impl Trouble {
    /// Notes an error; a file is told of once.
    pub(super) fn add(&mut self, path: &Path, source: io::Error) {
        if self.files.insert(path.to_owned()) {
            match &mut self.untold {
                Some(warning) => warning.files += 1,
                none => *none = Some(LogWarning { files: 1, first: path.to_owned(), source }),
            }
        }
    }

    pub(super) fn take(&mut self) -> Option<LogWarning> {
        self.untold.take()
    }

    /// Replaces the file at `path`, whose folder is made if need be.
    pub(super) fn write(&mut self, path: &Path, content: &[u8]) {
        let written = match write_atomically(path, content) {
            // Only the first file of a folder needs it: not asking every time saves most of the system calls.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = path.parent().map_or(Ok(()), fs::create_dir_all);
                made.and_then(|()| write_atomically(path, content))
            }
            written => written,
        };
        if let Err(error) = written {
            self.add(path, error);
        }
    }

    /// Replaces the JSON file at `path`.
    pub(super) fn write_json(&mut self, path: &Path, value: &serde_json::Value) {
        self.write(path, format!("{value:#}\n").as_bytes());
    }
}

/// That log files could not be written.
#[derive(Debug)]
pub struct LogWarning {
    /// How many files.
    pub files: usize,
    /// The first of them.
    pub first: PathBuf,
    /// Why it could not be written.
    pub source: io::Error,
}

impl fmt::Display for LogWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write the log file {}", self.first.display())?;
        match self.files {
            0 | 1 => {}
            2 => f.write_str(" and 1 other")?,
            files => write!(f, " and {} others", files - 1)?,
        }
        f.write_str("; the run itself is not affected")
    }
}

impl std::error::Error for LogWarning {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
