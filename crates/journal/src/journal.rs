//! The one writer of `events.jsonl`.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use massgen_protocol::{Activity, Cost, Event, Record};

use crate::blobs::{Blobs, LINE_BYTES_MAX};
use crate::records::{Reading, read};
use crate::seal::Chain;

/// How many bytes of activities may wait in memory.
const PENDING_BYTES_MAX: usize = 64 * 1024;

/// The append-only event log of one run: one [`Record`] as JSON on each line.
///
/// Facts, with what was paid for, have reached the operating system when [`append`](Self::append) returns, so that they
/// outlive the process; facts have also reached the storage device, as far as it keeps its promises. Other
/// activities may wait for the next fact, the next flush or a full buffer.
#[derive(Debug)]
pub struct Journal {
    seq: u64,
    sink: Sink,
    /// Whole lines that are not in the file yet.
    pending: Vec<u8>,
    /// The checksum of all lines, those that are pending included.
    chain: Chain,
}

/// How soon a record must be where it outlives what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    /// It may wait.
    None,
    /// It outlives the process from now on.
    Written,
    /// It outlives the machine from now on.
    Lasting,
}

impl Urgency {
    fn of(event: &Event) -> Self {
        match event {
            Event::Fact(_) => Self::Lasting,
            // A tool call that may have had its effect, and what was paid for.
            Event::Activity(
                Activity::RunOpened { .. }
                | Activity::CallStarted { .. }
                | Activity::CallEnded { .. }
                | Activity::ToolCalled { .. }
                | Activity::ToolEnded { .. },
            ) => Self::Written,
            Event::Input(_) | Event::Activity(_) => Self::None,
        }
    }
}

#[derive(Debug)]
enum Sink {
    Nowhere,
    File(JournalFile),
}

#[derive(Debug)]
struct JournalFile {
    path: PathBuf,
    file: File,
    /// The length up to which the file holds whole records.
    whole_bytes: u64,
    /// Whether the file may end in a part of a record that could not be taken back.
    is_broken: bool,
}

impl Journal {
    /// Starts the journal of a new run at `path`, which must not exist.
    ///
    /// # Errors
    /// When the file exists or cannot be created.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(path)
            .map_err(|source| JournalError::Create { path: path.to_owned(), source })?;
        lock(&file, path)?;
        Ok(Self::over(
            0,
            Chain::default(),
            JournalFile { path: path.to_owned(), file, whole_bytes: 0, is_broken: false },
        ))
    }

    /// Goes on with the journal at `path`: a torn last line is cut off, and the sequence continues.
    ///
    /// # Errors
    /// When the file cannot be read or repaired, or another process is writing it.
    pub fn resume(path: &Path) -> Result<(Self, Reading), JournalError> {
        let file = OpenOptions::new()
            .append(true)
            .open(path)
            .map_err(|source| JournalError::Open { path: path.to_owned(), source })?;
        lock(&file, path)?;
        let reading = read(path)?;
        let seq = reading.records.last().map_or(0, |record| record.seq);
        let mut journal =
            JournalFile { path: path.to_owned(), file, whole_bytes: reading.whole_bytes, is_broken: false };
        journal.cut_to_whole().map_err(|source| JournalError::Write { path: path.to_owned(), source })?;
        let mut journal = Self::over(seq, reading.chain, journal);
        if !ends_with_newline(path, reading.whole_bytes)? {
            journal.pending.push(b'\n');
            journal.flush()?;
        }
        Ok((journal, reading))
    }

    /// Starts the journal of a run at `path`, which must not exist, with what an earlier attempt has left.
    ///
    /// # Errors
    /// As [`create`](Self::create), and when the records cannot be written.
    pub fn create_with(path: &Path, past: &[Record]) -> Result<Self, JournalError> {
        let mut journal = Self::create(path)?;
        for record in past {
            journal.seq = record.seq.saturating_sub(1);
            journal.seq = journal.encode(record.at_ms, record.event.clone())?.seq;
        }
        journal.sync()?;
        Ok(journal)
    }

    /// A journal that keeps nothing, for runs without logs. It still counts.
    #[must_use]
    pub fn discard() -> Self {
        Self { seq: 0, sink: Sink::Nowhere, pending: Vec::new(), chain: Chain::default() }
    }

    /// Writes nothing from now on, and goes on counting: for a run that is worth more than its journal.
    pub fn give_up(&mut self) {
        self.sink = Sink::Nowhere;
        self.pending.clear();
    }

    /// Writes down `event` as the next record, at `at_ms` milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// When the file cannot be written. The record is then not part of the journal, and the same
    /// event may be appended again.
    pub fn append(&mut self, at_ms: u64, event: Event) -> Result<Record, JournalError> {
        let (start, chain) = (self.pending.len(), self.chain);
        let record = self.encode(at_ms, event)?;
        self.settle(start, Urgency::of(&record.event)).inspect_err(|_| self.chain = chain)?;
        self.seq = record.seq;
        Ok(record)
    }

    /// Writes down events that belong together, in one piece: a reader finds all of them or none,
    /// whenever the process is killed.
    ///
    /// # Errors
    /// As [`append`](Self::append), for all of them.
    pub fn append_together(&mut self, at_ms: u64, events: Vec<Event>) -> Result<Vec<Record>, JournalError> {
        let (start, seq, chain) = (self.pending.len(), self.seq, self.chain);
        let write = || {
            let mut records = Vec::with_capacity(events.len());
            for event in events {
                let record = self.encode(at_ms, event)?;
                self.seq = record.seq;
                records.push(record);
            }
            let urgency = records.iter().map(|record| Urgency::of(&record.event)).max();
            self.settle(start, urgency.unwrap_or(Urgency::None))?;
            Ok(records)
        };
        let written = write();
        if written.is_err() {
            self.pending.truncate(start);
            (self.seq, self.chain) = (seq, chain);
        }
        written
    }

    /// Adds the next record to what is pending.
    fn encode(&mut self, at_ms: u64, event: Event) -> Result<Record, JournalError> {
        let record = Record { seq: self.seq + 1, at_ms, event: readable(event) };
        if let Sink::File(file) = &self.sink {
            let start = self.pending.len();
            if let Err(source) = serde_json::to_writer(&mut self.pending, &record) {
                self.pending.truncate(start);
                return Err(JournalError::Encode { path: file.path.clone(), seq: record.seq, source });
            }
            if self.pending.len() - start > LINE_BYTES_MAX
                && let Err(source) = shorten(&mut self.pending, start, &Blobs::beside(&file.path))
            {
                self.pending.truncate(start);
                return Err(JournalError::Write { path: file.path.clone(), source });
            }
            self.chain = self.chain.seal(&mut self.pending, start);
            self.pending.push(b'\n');
        }
        Ok(record)
    }

    /// Writes what is pending when it must not wait; takes back what came after `start` if it cannot.
    fn settle(&mut self, start: usize, urgency: Urgency) -> Result<(), JournalError> {
        if urgency > Urgency::None || self.pending.len() >= PENDING_BYTES_MAX {
            self.flush().inspect_err(|_| self.pending.truncate(start))?;
        }
        if urgency == Urgency::Lasting {
            // The record is in the file and counts, even where the device cannot promise to keep it.
            let _ = self.sync();
        }
        Ok(())
    }

    /// Hands everything to the operating system.
    ///
    /// # Errors
    /// When the file cannot be written. What was not written is kept for the next flush.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        if let Sink::File(file) = &mut self.sink {
            file.write(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
    }

    /// Flushes, and waits until the storage device has everything.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.flush()?;
        match &self.sink {
            Sink::Nowhere => Ok(()),
            Sink::File(file) => {
                file.file.sync_data().map_err(|source| JournalError::Write { path: file.path.clone(), source })
            }
        }
    }

    /// The number of the last record; 0 before the first.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Where the journal is, unless it keeps nothing.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.sink {
            Sink::Nowhere => None,
            Sink::File(file) => Some(&file.path),
        }
    }

    fn over(seq: u64, chain: Chain, file: JournalFile) -> Self {
        Self { seq, sink: Sink::File(file), pending: Vec::with_capacity(PENDING_BYTES_MAX + 4096), chain }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Nobody is left to hear of an error; whoever needs to know has called `flush`.
        let _ = self.flush();
        if let Sink::File(file) = &self.sink {
            // Closing would not do: a process that is being started right now has a copy of the descriptor.
            let _ = file.file.unlock();
        }
    }
}

impl JournalFile {
    /// Writes whole lines, all or nothing.
    fn write(&mut self, lines: &[u8]) -> Result<(), JournalError> {
        if self.is_broken {
            return Err(JournalError::Broken { path: self.path.clone() });
        }
        if let Err(source) = self.file.write_all(lines) {
            // A part may have been written; a later record must not be glued to it.
            self.is_broken = self.cut_to_whole().is_err();
            return Err(JournalError::Write { path: self.path.clone(), source });
        }
        self.whole_bytes += lines.len() as u64;
        Ok(())
    }

    fn cut_to_whole(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() > self.whole_bytes {
            self.file.set_len(self.whole_bytes)?;
        }
        Ok(())
    }
}

/// Moves long texts out of the line that begins at `start`.
fn shorten(lines: &mut Vec<u8>, start: usize, blobs: &Blobs) -> io::Result<()> {
    let mut value: serde_json::Value = serde_json::from_slice(lines.get(start..).unwrap_or_default())?;
    blobs.move_out(&mut value)?;
    lines.truncate(start);
    serde_json::to_writer(lines, &value)?;
    Ok(())
}

/// JSON has no word for a number that is not finite: such a price is unknown, and the line stays readable.
fn readable(mut event: Event) -> Event {
    if let Event::Activity(Activity::CallEnded { cost, .. }) = &mut event
        && !cost.known_usd.is_finite()
    {
        *cost = Cost::of_call(None);
    }
    event
}

/// Keeps other processes from writing the same journal, where the file system knows locks.
fn lock(file: &File, path: &Path) -> Result<(), JournalError> {
    if cfg!(windows) {
        // There a lock would also keep everybody from reading.
        return Ok(());
    }
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(JournalError::Busy { path: path.to_owned() }),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

fn ends_with_newline(path: &Path, bytes: u64) -> Result<bool, JournalError> {
    use std::io::{Read, Seek, SeekFrom};

    let Some(last) = bytes.checked_sub(1) else { return Ok(true) };
    let read_last = || -> io::Result<[u8; 1]> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(last))?;
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        Ok(byte)
    };
    read_last().map(|byte| byte == *b"\n").map_err(|source| JournalError::Open { path: path.to_owned(), source })
}

/// What can go wrong with a journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be started.
    #[error("cannot create the journal {}; choose another log folder or run without logs", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be opened.
    #[error("cannot open the journal {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process is writing it.
    #[error("the journal {} is in use by another process; wait for that run to end", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// A record cannot be put into words.
    #[error("cannot encode record {seq} of the journal {}", path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// The record.
        seq: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// It cannot be written.
    #[error("cannot write the journal {}; see whether its disk is full", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An earlier write failed half-way and could not be taken back.
    #[error("the journal {} ends in half a record since a write failed; resume the run to repair it", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("cannot read line {line} of the journal {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// A line is not a record.
    #[error("line {line} of the journal {} is not a record of this version of massgen", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// A line is not what was written, or does not follow the lines before it.
    #[error(
        "line {line} of the journal {} is not what was written: its checksum does not match, so it was damaged or \
         edited; the {} records before it are whole", path.display(), line.saturating_sub(1)
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
    },
    /// A text that a line was too long for is missing, or not what was written.
    #[error("line {line} of the journal {} lacks a part", path.display())]
    Blob {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// A record is missing or repeated.
    #[error("line {line} of the journal {} holds record {found}; a line is missing or repeated", path.display())]
    OutOfSequence {
        /// The file.
        path: PathBuf,
        /// Counted from 1; also the number that the record should have.
        line: u64,
        /// The number that it has.
        found: u64,
    },
}

impl JournalError {
    /// Whether the same operation can succeed later without anybody changing the journal.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Write { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use massgen_protocol::Fact;

    /// Every write to `/dev/full` fails as on a full disk.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_refuses_the_record_and_nothing_else() {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let mut journal =
            Journal::over(0, Chain::default(), JournalFile { path, file, whole_bytes: 0, is_broken: false });
        let note = Activity::Notice { agent: None, text: "n".to_owned() };
        assert_eq!(journal.append(1, note.into()).unwrap().seq, 1);
        let waiting = journal.pending.len();

        for _ in 0..2 {
            let error = journal.append(2, Fact::CancelRequested.into()).unwrap_err();
            assert!(matches!(error, JournalError::Write { .. }), "{error}");
            assert!(error.is_retryable());
            assert_eq!((journal.seq(), journal.pending.len()), (1, waiting), "the record is not half there");
        }
    }

    #[test]
    fn a_discarding_journal_counts() {
        let mut journal = Journal::discard();
        assert_eq!(journal.append(7, Fact::CancelRequested.into()).unwrap().seq, 1);
        assert_eq!(journal.append(8, Fact::CancelRequested.into()).unwrap().seq, 2);
        assert_eq!(journal.path(), None);
        journal.sync().unwrap();
    }

    #[test]
    fn a_process_that_is_being_started_does_not_keep_the_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let journal = Journal::create(&path).unwrap();
        let Sink::File(JournalFile { file, .. }) = &journal.sink else { panic!("it was given a path") };
        let inherited = file.try_clone().unwrap();
        drop(journal);
        assert_eq!(Journal::resume(&path).unwrap().0.seq(), 0);
        drop(inherited);
    }
}
