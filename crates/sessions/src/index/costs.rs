//! Adding up what sessions cost.

use massgen_protocol::Cost;

use crate::index::Index;
use crate::index::error::IndexError;
use crate::index::list::bound;

/// What costs are added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostBy {
    /// The model.
    Model,
    /// The agent's id.
    Agent,
    /// The session.
    Session,
    /// The day on which the turn was begun.
    Day,
}

/// The turns that count: those begun in a span of time, without rehearsals. A turn of which nobody knows when it was begun counts only if
/// there is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    /// From this moment, in milliseconds since the Unix epoch.
    pub from_ms: Option<u64>,
    /// Until before this moment.
    pub until_ms: Option<u64>,
}

/// What sessions cost.
#[derive(Debug, Clone, PartialEq)]
pub struct CostReport {
    /// Most expensive first; days in order.
    pub lines: Vec<CostLine>,
    /// All of them together.
    pub total: CostLine,
    /// Turns of which nobody wrote down a cost, such as those of the Python program. They are in no line.
    pub turns_without_costs: u64,
}

/// One line of a report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CostLine {
    /// The model, agent, session or day, `2026-01-31`; `None` when nobody wrote it down, and for the total.
    pub key: Option<String>,
    /// US dollars, and the calls without a known price.
    pub cost: Cost,
    /// Input tokens.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// How many turns.
    pub turns: u64,
}

const RANGE: &str = "(?1 IS NULL OR turns.started_ms >= ?1) AND (?2 IS NULL OR turns.started_ms < ?2)";

impl Index {
    /// What the turns in `range` cost, added up by model, agent, session or day.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn costs(&self, range: Range, by: CostBy) -> Result<CostReport, IndexError> {
        let (key, order) = match by {
            CostBy::Model => ("usage.model", "usd DESC, tokens DESC, key"),
            CostBy::Agent => ("usage.agent", "usd DESC, tokens DESC, key"),
            CostBy::Session => ("turns.session", "usd DESC, tokens DESC, key"),
            CostBy::Day => ("turns.day", "key"),
        };
        let read = || -> rusqlite::Result<CostReport> {
            let lines = self.sums(range, key, &format!("GROUP BY {key} ORDER BY {order}"))?;
            // Not the sum of the lines: a turn with two models is one turn.
            let total = self.sums(range, "NULL", "")?.into_iter().next().unwrap_or_default();
            let without = format!(
                "SELECT count(*) FROM turns
                 WHERE NOT EXISTS (SELECT 1 FROM usage WHERE usage.turn = turns.row) AND NOT is_rehearsal AND {RANGE}"
            );
            let turns_without_costs: i64 =
                self.database.prepare(&without)?.query_row(limits(range), |row| row.get(0))?;
            Ok(CostReport { lines, total, turns_without_costs: turns_without_costs.unsigned_abs() })
        };
        read().map_err(|source| self.error(source))
    }

    fn sums(&self, range: Range, key: &str, rest: &str) -> rusqlite::Result<Vec<CostLine>> {
        let mut statement = self.database.prepare(&format!(
            "SELECT {key} AS key, total(usage.known_usd) AS usd, total(usage.unpriced_calls),
                total(usage.input_tokens), total(usage.output_tokens), count(DISTINCT usage.turn),
                total(usage.input_tokens) + total(usage.output_tokens) AS tokens
             FROM usage JOIN turns ON turns.row = usage.turn WHERE {RANGE} {rest}"
        ))?;
        let lines = statement.query_map(limits(range), |row| {
            Ok(CostLine {
                key: row.get(0)?,
                cost: Cost {
                    known_usd: row.get(1)?,
                    unpriced_calls: u32::try_from(whole(row.get(2)?)).unwrap_or(u32::MAX),
                },
                input_tokens: whole(row.get(3)?),
                output_tokens: whole(row.get(4)?),
                turns: row.get::<_, i64>(5)?.unsigned_abs(),
            })
        })?;
        lines.collect()
    }
}

fn limits(range: Range) -> [Option<i64>; 2] {
    [range.from_ms.map(bound), range.until_ms.map(bound)]
}

/// Sums are added up as floating-point numbers, which do not overflow.
fn whole(sum: f64) -> u64 {
    sum as u64
}
