//! Finding turns by their words.

use crate::index::Index;
use crate::index::error::IndexError;
use crate::index::terms;
use crate::turn::TurnStatus;

/// What the index puts around a match. No text in it holds control characters.
const OPEN: char = '\u{2}';
const CLOSE: char = '\u{3}';

/// A turn that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Its session.
    pub session: String,
    /// Which turn, counted from 1.
    pub turn: u32,
    /// Where it stands.
    pub status: TurnStatus,
    /// When it was begun, in milliseconds since the Unix epoch.
    pub started_ms: Option<u64>,
    /// The part of the question around the words that were found, or its beginning.
    pub question: Vec<Piece>,
    /// The same of the answer.
    pub answer: Vec<Piece>,
}

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The text, without control characters.
    pub text: String,
    /// Whether it is one of the words that were looked for.
    pub is_match: bool,
}

impl Index {
    /// The turns whose question or answer holds all words of `query`, the last word by its beginning; best first. Any
    /// text is valid; one without words finds nothing.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn search(&self, query: &str, limit: u32) -> Result<Vec<Hit>, IndexError> {
        let Some(query) = terms::query(query) else { return Ok(Vec::new()) };
        let read = || -> rusqlite::Result<Vec<Hit>> {
            // A word in a question says more about a turn than the same word in a long answer.
            let mut statement = self.database.prepare(
                "SELECT turns.session, turns.number, turns.status, turns.started_ms, found.question, found.answer
                 FROM (
                    SELECT rowid AS row, rank AS place,
                        snippet(turn_text, 0, char(2), char(3), '…', 24) AS question,
                        snippet(turn_text, 1, char(2), char(3), '…', 32) AS answer
                    FROM turn_text WHERE turn_text MATCH ?1 AND rank MATCH 'bm25(4.0, 1.0)'
                    ORDER BY rank LIMIT ?2
                 ) AS found JOIN turns ON turns.row = found.row
                 ORDER BY found.place, turns.started_ms DESC, turns.row DESC",
            )?;
            let hits = statement.query_map(rusqlite::params![query, limit], |row| {
                Ok(Hit {
                    session: row.get(0)?,
                    turn: row.get(1)?,
                    status: row.get::<_, String>(2)?.parse().unwrap_or(TurnStatus::Failed),
                    started_ms: row.get::<_, Option<i64>>(3)?.map(i64::unsigned_abs),
                    question: pieces(&row.get::<_, String>(4)?),
                    answer: pieces(&row.get::<_, String>(5)?),
                })
            })?;
            hits.collect()
        };
        read().map_err(|source| self.error(source))
    }
}

fn pieces(marked: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for part in marked.split(OPEN).enumerate() {
        let (found, rest) = match part {
            // What comes before the first mark is no match.
            (0, text) => ("", text),
            (_, text) => text.split_once(CLOSE).unwrap_or((text, "")),
        };
        for (text, is_match) in [(found, true), (rest, false)] {
            if !text.is_empty() {
                pieces.push(Piece { text: text.to_owned(), is_match });
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_pieces() {
        let piece = |text: &str, is_match| Piece { text: text.to_owned(), is_match };
        assert_eq!(
            pieces("a \u{2}b\u{3} c\u{2}d\u{3}"),
            [piece("a ", false), piece("b", true), piece(" c", false), piece("d", true)]
        );
        assert_eq!(pieces("plain"), [piece("plain", false)]);
        assert_eq!(pieces(""), []);
    }
}
