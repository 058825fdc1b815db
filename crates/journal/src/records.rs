//! Reading a journal back.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use massgen_protocol::Record;

use crate::blobs::Blobs;
use crate::journal::JournalError;
use crate::seal::Chain;

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
    /// The checksum of the records.
    pub(crate) chain: Chain,
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
    Ok(Reading { records, tail: lines.tail, whole_bytes: lines.whole_bytes, chain: lines.chain })
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
    chain: Chain,
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
            chain: Chain::default(),
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
        let path = || self.path.clone();
        let Some(chain) = self.chain.check(&self.line) else {
            if !is_ended {
                self.tail = Tail::Torn { bytes: bytes as u64 };
                return Ok(None);
            }
            // Where a line is missing, its number says more than its checksum.
            return Err(match serde_json::from_slice::<Record>(&self.line) {
                Ok(record) if record.seq != line => {
                    JournalError::OutOfSequence { path: path(), line, found: record.seq }
                }
                _ => JournalError::Checksum { path: path(), line },
            });
        };
        let unreadable = |source| JournalError::Parse { path: path(), line, source };
        let record: Record = if Blobs::may_be_needed(&self.line) {
            let mut value = serde_json::from_slice(&self.line).map_err(unreadable)?;
            Blobs::beside(&self.path).move_in(&mut value).map_err(|source| JournalError::Blob {
                path: path(),
                line,
                source,
            })?;
            serde_json::from_value(value).map_err(unreadable)?
        } else {
            serde_json::from_slice(&self.line).map_err(unreadable)?
        };
        if record.seq != line {
            return Err(JournalError::OutOfSequence { path: path(), line, found: record.seq });
        }
        (self.seq, self.chain) = (line, chain);
        self.whole_bytes += bytes as u64;
        Ok(Some(record))
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
