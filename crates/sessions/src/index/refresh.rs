//! Bringing the index up to what the folders are.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, Metadata};
use std::path::Path;
use std::time::UNIX_EPOCH;

use jiff::tz::TimeZone;
use massgen_protocol::Cost;
use rusqlite::{Connection, TransactionBehavior, params};

use crate::index::Index;
use crate::index::error::IndexError;
use crate::moment;
use crate::session::{Session, turn_dirs};
use crate::spend::{self, AgentSpend};
use crate::store::{Found, SessionStore, modified_ms};
use crate::text::{harmless, one_line};
use crate::turn::TurnRecord;

/// How many sessions are written at once: what is lost when a long build is interrupted.
const BATCH: usize = 500;

/// How many characters of its first question a session is listed with.
const TITLE_CHARS: usize = 200;

/// How much of a text is searchable. What is longer was written by machines for machines.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// What a refresh did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Sessions that were not in the index.
    pub added: u64,
    /// Sessions that had changed.
    pub updated: u64,
    /// Sessions that are gone.
    pub removed: u64,
    /// Sessions whose files were not even opened.
    pub unchanged: u64,
    /// Whether the index was damaged and all of it was built anew.
    pub started_over: bool,
}

impl Index {
    /// Takes in what changed in the folders since the last time. A damaged index is built anew.
    ///
    /// # Errors
    /// When the base folder cannot be read or the index cannot be written.
    pub fn refresh(&mut self, store: &SessionStore) -> Result<Refreshed, IndexError> {
        match self.try_refresh(store) {
            Err(IndexError::Damaged { .. }) => self.rebuild(store),
            result => result,
        }
    }

    /// Throws everything away and builds the index anew from the folders.
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh).
    pub fn rebuild(&mut self, store: &SessionStore) -> Result<Refreshed, IndexError> {
        self.clear()?;
        let report = match self.try_refresh(store) {
            Err(IndexError::Damaged { .. }) => {
                self.start_over()?;
                self.try_refresh(store)
            }
            result => result,
        };
        Ok(Refreshed { started_over: true, ..report? })
    }

    fn try_refresh(&mut self, store: &SessionStore) -> Result<Refreshed, IndexError> {
        let mut known = stamps(&self.database).map_err(|source| self.error(source))?;
        let mut report = Refreshed::default();
        let mut changed = Vec::new();
        for found in store.all()? {
            let stamp = stamp(&found);
            match known.remove(found.name()) {
                Some(old) if old == stamp => {
                    report.unchanged += 1;
                    continue;
                }
                Some(_) => report.updated += 1,
                None => report.added += 1,
            }
            changed.push((found, stamp));
        }
        report.removed = known.len() as u64;
        let gone: Vec<String> = known.into_keys().collect();
        self.write(|database| gone.iter().try_for_each(|id| forget(database, id)))?;
        let zone = self.zone.clone();
        for batch in changed.chunks(BATCH) {
            // Files are read before the index is locked for others.
            let entries: Vec<_> = batch.iter().map(|(found, stamp)| (Entry::read(found), stamp)).collect();
            self.write(|database| entries.iter().try_for_each(|(entry, stamp)| entry.insert(database, stamp, &zone)))?;
        }
        Ok(report)
    }

    fn write(&mut self, change: impl FnOnce(&Connection) -> rusqlite::Result<()>) -> Result<(), IndexError> {
        let path = self.path.clone();
        let write = || {
            let transaction = self.database.transaction_with_behavior(TransactionBehavior::Immediate)?;
            change(&transaction)?;
            transaction.commit()
        };
        write().map_err(|source| IndexError::new(&path, source))
    }
}

/// Takes a session out of every table.
pub(super) fn forget(database: &Connection, id: &str) -> rusqlite::Result<()> {
    for statement in [
        "DELETE FROM usage WHERE turn IN (SELECT row FROM turns WHERE session = ?1)",
        "DELETE FROM turn_text WHERE rowid IN (SELECT row FROM turns WHERE session = ?1)",
        "DELETE FROM turns WHERE session = ?1",
        "DELETE FROM sessions WHERE id = ?1",
    ] {
        database.prepare(statement)?.execute([id])?;
    }
    Ok(())
}

fn stamps(database: &Connection) -> rusqlite::Result<HashMap<String, String>> {
    let mut statement = database.prepare("SELECT id, stamp FROM sessions")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// What changes whenever a file of a session does that the index reads.
fn stamp(found: &Found) -> String {
    let session = match found {
        Found::Session(session) => session,
        Found::Unreadable { error, .. } => return format!("unreadable: {error}"),
    };
    let turns = match turn_dirs(session.dir()) {
        Ok(turns) => turns,
        Err(error) => return format!("unreadable: {error}"),
    };
    let mut stamp = String::new();
    for (number, dir) in turns {
        push(&mut stamp, format_args!("{number}"));
        for name in ["metadata.json", "answer.txt", "partial_answers.json"] {
            push_file(&mut stamp, &dir.join(name));
        }
    }
    stamp
}

fn push_file(stamp: &mut String, path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(metadata) => {
            let modified = metadata.modified().ok().and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
            let modified_ns = modified.map_or(0, |modified| modified.as_nanos());
            push(stamp, format_args!(" {modified_ns:x}.{:x}.{:x}", metadata.len(), number_of(&metadata)));
        }
        Err(_) => push(stamp, format_args!(" -")),
    }
}

fn push(stamp: &mut String, part: std::fmt::Arguments<'_>) {
    // Writing to a text cannot fail.
    let _ = stamp.write_fmt(part);
}

/// The file's number, which is another one after it was replaced, however quickly.
#[cfg(unix)]
fn number_of(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn number_of(_metadata: &Metadata) -> u64 {
    0
}

/// A session as it goes into the index.
struct Entry {
    id: String,
    problem: Option<String>,
    turns: Vec<TurnRecord>,
    modified_ms: u64,
}

impl Entry {
    fn read(found: &Found) -> Self {
        match found {
            Found::Session(session) => Self::read_session(session),
            Found::Unreadable { name, error } => {
                Self { id: name.clone(), problem: Some(error.to_string()), turns: Vec::new(), modified_ms: 0 }
            }
        }
    }

    fn read_session(session: &Session) -> Self {
        let (turns, problem) = match session.turns() {
            Ok(turns) => {
                let problem = turns.iter().find_map(|turn| Some((turn.number, turn.problems.first()?)));
                let problem = problem.map(|(number, problem)| format!("turn {number}: {problem}"));
                (turns, problem)
            }
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        Self { id: session.id().to_string(), problem, turns, modified_ms: modified_ms(session.dir()) }
    }

    fn insert(&self, database: &Connection, stamp: &str, zone: &TimeZone) -> rusqlite::Result<()> {
        forget(database, &self.id)?;
        let mut cost = Cost::default();
        let (mut input_tokens, mut output_tokens) = (0, 0);
        for turn in &self.turns {
            // What a script says was used was not paid.
            let spends = if turn.is_rehearsal { Vec::new() } else { spends(turn) };
            cost += spend::sum(spends.iter().map(|spend| spend.cost));
            input_tokens += spends.iter().map(|spend| count(spend.input_tokens)).fold(0, i64::saturating_add);
            output_tokens += spends.iter().map(|spend| count(spend.output_tokens)).fold(0, i64::saturating_add);
            insert_turn(database, &self.id, turn, &spends, zone)?;
        }
        let last = self.turns.last();
        let title = self.turns.iter().find_map(|turn| turn.question.as_deref());
        let updated_ms = self.turns.iter().filter_map(TurnRecord::updated_ms).max().unwrap_or(self.modified_ms);
        let mut statement = database.prepare(
            "INSERT INTO sessions (id, stamp, problem, turns, title, status, winner, started_ms, updated_ms, known_usd,
                unpriced_calls, input_tokens, output_tokens, rehearsals)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?;
        statement.execute(params![
            self.id,
            stamp,
            self.problem.as_deref().map(harmless),
            count(self.turns.len() as u64),
            title.map(|title| one_line(title, TITLE_CHARS)),
            last.map(|turn| turn.status.as_str()),
            last.and_then(|turn| turn.winner.as_deref()).map(harmless),
            self.turns.first().and_then(|turn| turn.started_ms).map(count),
            count(updated_ms),
            cost.known_usd,
            cost.unpriced_calls,
            input_tokens,
            output_tokens,
            count(self.turns.iter().filter(|turn| turn.is_rehearsal).count() as u64),
        ])?;
        Ok(())
    }
}

fn insert_turn(
    database: &Connection,
    session: &str,
    turn: &TurnRecord,
    spends: &[AgentSpend],
    zone: &TimeZone,
) -> rusqlite::Result<()> {
    let mut statement = database.prepare(
        "INSERT INTO turns (session, number, status, started_ms, day, is_rehearsal) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let day = turn.started_ms.map(|started_ms| moment::day(started_ms, zone));
    let row = statement.insert(params![
        session,
        turn.number,
        turn.status.as_str(),
        turn.started_ms.map(count),
        day,
        turn.is_rehearsal
    ])?;
    let mut statement = database.prepare("INSERT INTO turn_text (rowid, question, answer) VALUES (?1, ?2, ?3)")?;
    statement.execute(params![row, searchable(turn.question.as_deref()), searchable(turn.answer.as_deref())])?;
    for (place, spend) in spends.iter().enumerate() {
        let named = |name: &str| (!name.is_empty()).then(|| harmless(name));
        let mut statement = database.prepare(
            "INSERT INTO usage (turn, place, agent, backend, model, known_usd, unpriced_calls, input_tokens, output_tokens)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        statement.execute(params![
            row,
            count(place as u64),
            named(&spend.id),
            named(&spend.backend),
            named(&spend.model),
            spend.cost.known_usd,
            spend.cost.unpriced_calls,
            count(spend.input_tokens),
            count(spend.output_tokens),
        ])?;
    }
    Ok(())
}

/// What each agent cost; of a turn that only tells its sum, one nameless agent, so that all sums agree.
fn spends(turn: &TurnRecord) -> Vec<AgentSpend> {
    match turn.cost {
        Some(cost) if turn.agents.is_empty() => vec![AgentSpend {
            cost,
            input_tokens: turn.input_tokens,
            output_tokens: turn.output_tokens,
            ..AgentSpend::default()
        }],
        _ => turn.agents.clone(),
    }
}

fn searchable(text: Option<&str>) -> String {
    let mut text = harmless(text.unwrap_or_default());
    if text.len() > TEXT_BYTES_MAX {
        let end = (0..=TEXT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// SQLite counts with a sign.
fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
