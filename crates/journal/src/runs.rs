//! Finds runs by their log folders, and tells how they ended.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use massgen_protocol::{Event, Fact, Input, Record, RunEnd, SnapshotId};

use crate::log_folder::LogFolder;
use crate::records::Records;

/// How far from its end a journal is looked through: after the end of a run there is little more than notices.
const TAIL_BYTES: u64 = 256 * 1024;

/// The newest attempt at the newest turn of every session below `base`, newest first. What cannot be read is left out.
#[must_use]
pub fn runs(base: &Path) -> Vec<LogFolder> {
    let mut names: Vec<String> = names(base).into_iter().filter(|name| name.starts_with("log_")).collect();
    names.sort_unstable_by(|one, other| other.cmp(one));
    names.iter().filter_map(|name| newest(&base.join(name))).collect()
}

/// The newest attempt at the newest turn of the session in `session`.
#[must_use]
pub fn newest(session: &Path) -> Option<LogFolder> {
    let turn = highest(session, "turn_")?;
    let attempt = highest(&session.join(format!("turn_{turn}")), "attempt_")?;
    LogFolder::open(session, turn, attempt).ok()
}

fn highest(folder: &Path, prefix: &str) -> Option<u32> {
    names(folder).iter().filter_map(|name| name.strip_prefix(prefix)?.parse().ok()).max()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// How the run of a journal ended; `None`: it has not.
///
/// # Errors
/// When the file cannot be read.
pub fn end_of(journal: &Path) -> io::Result<Option<RunEnd>> {
    let mut file = File::open(journal)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let ends = tail.split(|byte| *byte == b'\n').rev().filter_map(|line| {
        let record: Record = serde_json::from_slice(line).ok()?;
        match record.event {
            Event::Fact(Fact::RunEnded { end }) => Some(end),
            _ => None,
        }
    });
    Ok(ends.into_iter().next())
}

/// How many of the newest runs below a base may still go on.
const RUNS_MAX: usize = 50;

/// The snapshots that runs below `base` need in order to go on: of those that have not ended, or were stopped. What
/// cannot be read is left out.
#[must_use]
pub fn snapshots_in_use(base: &Path) -> Vec<SnapshotId> {
    let may_go_on = |logs: &LogFolder| match end_of(&logs.journal()) {
        Ok(end) => end.is_none_or(|end| {
            !matches!(
                end,
                RunEnd::Consensus | RunEnd::SingleAnswer | RunEnd::WithoutConsensus | RunEnd::NoAnswer { .. }
            )
        }),
        Err(_) => false,
    };
    let journals = runs(base).into_iter().take(RUNS_MAX).filter(may_go_on);
    let records = journals.filter_map(|logs| Records::open(&logs.journal()).ok()).flat_map(Iterator::flatten);
    let mut snapshots: Vec<SnapshotId> = records.filter_map(|record| named(record.event)).collect();
    snapshots.sort_unstable();
    snapshots.dedup();
    snapshots
}

/// The snapshot that an event relies on.
fn named(event: Event) -> Option<SnapshotId> {
    match event {
        Event::Input(Input::Replied { reply, .. }) => reply.snapshot,
        Event::Fact(Fact::AnswerPublished { snapshot, .. } | Fact::DecisionRejected { snapshot, .. }) => snapshot,
        _ => None,
    }
}
