//! Listing sessions.

use massgen_protocol::Cost;
use rusqlite::{Row, named_params};

use crate::index::Index;
use crate::index::error::IndexError;
use crate::turn::TurnStatus;

/// Which sessions are listed. What is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those whose last turn stands so.
    pub status: Option<TurnStatus>,
    /// Those last worked on at this moment or later, in milliseconds since the Unix epoch.
    pub from_ms: Option<u64>,
    /// Those last worked on before this moment.
    pub until_ms: Option<u64>,
    /// Those in which this model worked.
    pub model: Option<String>,
    /// Leaves out sessions without turns.
    pub with_turns: bool,
}

/// A part of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The sessions, last worked on first.
    pub sessions: Vec<SessionLine>,
    /// How many the filter lets through in all.
    pub total: u64,
}

/// A session in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionLine {
    /// Its name.
    pub id: String,
    /// Where it stands.
    pub standing: SessionStanding,
    /// How many turns it has.
    pub turns: u64,
    /// How many of them are rehearsals, whose answers were scripted.
    pub rehearsals: u64,
    /// Its first question, on one line and shortened.
    pub title: Option<String>,
    /// Whose answer the last turn's is.
    pub winner: Option<String>,
    /// When its first turn was begun, in milliseconds since the Unix epoch.
    pub started_ms: Option<u64>,
    /// When it was last worked on.
    pub updated_ms: u64,
    /// What it cost, as far as anybody wrote it down.
    pub cost: Cost,
    /// Input tokens of all turns.
    pub input_tokens: u64,
    /// Output tokens of all turns.
    pub output_tokens: u64,
    /// What could not be read of it, in words.
    pub problem: Option<String>,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStanding {
    /// It has no turns.
    Empty,
    /// As its last turn does. Whether one that is `Running` lives is not in the index:
    /// [`Session::is_alive`](crate::Session::is_alive) tells.
    Last(TurnStatus),
    /// It cannot be read.
    Unreadable,
}

const WHERE: &str = "
    WHERE (:status IS NULL OR status = :status)
      AND (:from_ms IS NULL OR updated_ms >= :from_ms)
      AND (:until_ms IS NULL OR updated_ms < :until_ms)
      AND (:with_turns = 0 OR turns > 0)
      AND (:model IS NULL OR EXISTS (
            SELECT 1 FROM turns AS t JOIN usage ON usage.turn = t.row
            WHERE t.session = sessions.id AND usage.model = :model))";

impl Index {
    /// A part of the list of sessions, last worked on first: `limit` of them after the first `offset`.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn list(&self, limit: u32, offset: u32, filter: &Filter) -> Result<Page, IndexError> {
        let read = || -> rusqlite::Result<Page> {
            let status = filter.status.map(TurnStatus::as_str);
            let (from_ms, until_ms) = (filter.from_ms.map(bound), filter.until_ms.map(bound));
            let count = format!("SELECT count(*) FROM sessions {WHERE}");
            let total: i64 = self.database.prepare(&count)?.query_row(
                named_params! {
                    ":status": status, ":from_ms": from_ms, ":until_ms": until_ms,
                    ":with_turns": filter.with_turns, ":model": filter.model,
                },
                |row| row.get(0),
            )?;
            let select = format!(
                "SELECT id, problem, turns, rehearsals, title, status, winner, started_ms, updated_ms, known_usd, unpriced_calls,
                    input_tokens, output_tokens
                 FROM sessions {WHERE} ORDER BY updated_ms DESC, id DESC LIMIT :limit OFFSET :offset"
            );
            let mut statement = self.database.prepare(&select)?;
            let sessions = statement.query_map(
                named_params! {
                    ":status": status, ":from_ms": from_ms, ":until_ms": until_ms,
                    ":with_turns": filter.with_turns, ":model": filter.model,
                    ":limit": limit, ":offset": offset,
                },
                line,
            )?;
            Ok(Page { sessions: sessions.collect::<Result<_, _>>()?, total: total.unsigned_abs() })
        };
        read().map_err(|source| self.error(source))
    }
}

fn line(row: &Row<'_>) -> rusqlite::Result<SessionLine> {
    let number = |column: &str| row.get::<_, i64>(column).map(i64::unsigned_abs);
    let problem: Option<String> = row.get("problem")?;
    let turns = number("turns")?;
    let status: Option<String> = row.get("status")?;
    let standing = match status.and_then(|status| status.parse().ok()) {
        Some(status) => SessionStanding::Last(status),
        None if problem.is_some() => SessionStanding::Unreadable,
        None => SessionStanding::Empty,
    };
    Ok(SessionLine {
        id: row.get("id")?,
        standing,
        turns,
        rehearsals: number("rehearsals")?,
        title: row.get("title")?,
        winner: row.get("winner")?,
        started_ms: row.get::<_, Option<i64>>("started_ms")?.map(i64::unsigned_abs),
        updated_ms: number("updated_ms")?,
        cost: Cost { known_usd: row.get("known_usd")?, unpriced_calls: row.get("unpriced_calls")? },
        input_tokens: number("input_tokens")?,
        output_tokens: number("output_tokens")?,
        problem,
    })
}

/// SQLite counts with a sign.
pub(super) fn bound(at_ms: u64) -> i64 {
    i64::try_from(at_ms).unwrap_or(i64::MAX)
}
