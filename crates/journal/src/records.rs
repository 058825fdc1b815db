//! Reading a journal back.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use massgen_protocol::Record;

use crate::journal::JournalError;

/// How a journal ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// With a whole record.
    Clean,
    /// In the middle of a record, because the writer was killed. What is torn was never acted upon.
    Torn {
        /// How many bytes belong to no record.
        bytes: u64,
    },
}

/// A journal as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Every whole record, in order.
    pub records: Vec<Record>,
    /// How the file ends.
    pub tail: Tail,
    /// How many bytes of the file hold the records.
    pub whole_bytes: u64,
}

/// Reads the whole journal at `path`.
///
/// # Errors
/// When the file cannot be read, or a line other than a torn last one is not the record that belongs there.
pub fn read(path: &Path) -> Result<Reading, JournalError> {
    let mut lines = Records::open(path)?;
    let mut records = Vec::new();
    for record in &mut lines {
        records.push(record?);
    }
    Ok(Reading { records, tail: lines.tail, whole_bytes: lines.whole_bytes })
}

/// The records of a journal, one at a time. Stops after the first error.
#[derive(Debug)]
pub struct Records {
    path: PathBuf,
    lines: Option<BufReader<File>>,
    line: Vec<u8>,
    seq: u64,
    whole_bytes: u64,
    tail: Tail,
}

impl Records {
    /// Opens the journal at `path`.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let file = File::open(path).map_err(|source| JournalError::Open { path: path.to_owned(), source })?;
        Ok(Self {
            path: path.to_owned(),
            lines: Some(BufReader::with_capacity(64 * 1024, file)),
            line: Vec::new(),
            seq: 0,
            whole_bytes: 0,
            tail: Tail::Clean,
        })
    }

    /// How the journal ends. Known once the last record has been read; [`Tail::Clean`] until then.
    #[must_use]
    pub fn tail(&self) -> Tail {
        self.tail
    }

    fn read_next(&mut self) -> Result<Option<Record>, JournalError> {
        let Some(lines) = &mut self.lines else { return Ok(None) };
        self.line.clear();
        // The sequence has no gaps and every record is one line, so the next line's number is the next seq.
        let line = self.seq + 1;
        let bytes = lines.read_until(b'\n', &mut self.line).map_err(|source| JournalError::Read {
            path: self.path.clone(),
            line,
            source,
        })?;
        if bytes == 0 {
            return Ok(None);
        }
        let is_ended = self.line.last() == Some(&b'\n');
        match serde_json::from_slice::<Record>(&self.line) {
            Ok(record) if record.seq == line => {
                self.seq = line;
                self.whole_bytes += bytes as u64;
                Ok(Some(record))
            }
            Ok(record) => Err(JournalError::OutOfSequence { path: self.path.clone(), line, found: record.seq }),
            Err(_) if !is_ended => {
                self.tail = Tail::Torn { bytes: bytes as u64 };
                Ok(None)
            }
            Err(source) => Err(JournalError::Parse { path: self.path.clone(), line, source }),
        }
    }
}

impl Iterator for Records {
    type Item = Result<Record, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.read_next().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.lines = None;
        }
        next
    }
}
