//! `massgen costs`: what sessions have cost.

use massgen_sessions::{CostBy, CostLine, CostReport, Range};
use serde_json::{Value, json};

use crate::args::{CostsArgs, CostsBy};
use crate::commands::sessions::{index, words};
use crate::conversation::now_ms;
use crate::failure::{Failure, with_causes};
use crate::{surroundings, terminal};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// What a line is called whose key nobody wrote down.
const UNKNOWN: &str = "(unknown)";

/// How wide the first column may be.
const KEY_WIDTH_MAX: usize = 36;

/// Adds up what the sessions of this directory have cost. Rehearsals have cost nothing.
pub(crate) fn costs(args: &CostsArgs) -> Result<(), Failure> {
    let environment = surroundings::environment()?;
    let by = match args.by {
        CostsBy::Model => CostBy::Model,
        CostsBy::Agent => CostBy::Agent,
        CostsBy::Session => CostBy::Session,
        CostsBy::Day => CostBy::Day,
    };
    let from_ms = args.days.map(|days| now_ms().saturating_sub(u64::from(days) * DAY_MS));
    let report = match index(&environment)? {
        Some(index) => {
            let report = index.costs(Range { from_ms, until_ms: None }, by);
            report.map_err(|error| Failure::execution(with_causes(&error)))?
        }
        None => CostReport { lines: Vec::new(), total: CostLine::default(), turns_without_costs: 0 },
    };
    if args.json {
        terminal::print_line(&format!("{:#}", in_json(&report, args.by)));
    } else {
        terminal::print(&in_words(&report, args.by));
    }
    Ok(())
}

fn title(by: CostsBy) -> &'static str {
    match by {
        CostsBy::Model => "model",
        CostsBy::Agent => "agent",
        CostsBy::Session => "session",
        CostsBy::Day => "day",
    }
}

fn in_words(report: &CostReport, by: CostsBy) -> String {
    let key = |line: &CostLine| words::one_line(line.key.as_deref().unwrap_or(UNKNOWN), KEY_WIDTH_MAX);
    let keys: Vec<String> = report.lines.iter().map(key).collect();
    let width = keys.iter().map(|key| key.chars().count()).chain([7]).max().unwrap_or_default();
    let row = |key: &str, [cost, input, output, turns]: [String; 4]| {
        format!("{key:<width$}  {cost:>10}  {input:>9}  {output:>9}  {turns:>5}\n")
    };
    let numbers = |line: &CostLine| {
        let tokens = [line.input_tokens, line.output_tokens].map(tokens);
        let [input, output] = tokens;
        [words::short_cost(line.cost), input, output, line.turns.to_string()]
    };
    let mut text = row(title(by), ["cost", "tokens in", "out", "turns"].map(str::to_owned));
    for (key, line) in keys.iter().zip(&report.lines) {
        text.push_str(&row(key, numbers(line)));
    }
    text.push_str(&row("all", numbers(&report.total)));
    if report.total.cost.unpriced_calls > 0 {
        text.push_str(&format!(
            "\nThe price of {} is not known; `unknown` and `+` leave them out.\n",
            words::count(u64::from(report.total.cost.unpriced_calls), "call")
        ));
    }
    if report.turns_without_costs > 0 {
        text.push_str(&format!(
            "\nOf {} more nobody wrote down the cost.\n",
            words::count(report.turns_without_costs, "turn")
        ));
    }
    text
}

/// A number of tokens, which may be large.
fn tokens(number: u64) -> String {
    match number {
        0..100_000 => number.to_string(),
        100_000..10_000_000 => format!("{:.0}k", number as f64 / 1e3),
        _ => format!("{:.1}M", number as f64 / 1e6),
    }
}

fn in_json(report: &CostReport, by: CostsBy) -> Value {
    let line = |line: &CostLine| {
        json!({
            "key": line.key,
            "cost_usd": line.cost.known_usd,
            "unpriced_calls": line.cost.unpriced_calls,
            "input_tokens": line.input_tokens,
            "output_tokens": line.output_tokens,
            "turns": line.turns,
        })
    };
    json!({
        "by": title(by),
        "lines": report.lines.iter().map(line).collect::<Vec<_>>(),
        "total": line(&report.total),
        "turns_without_costs": report.turns_without_costs,
    })
}

#[cfg(test)]
mod tests {
    use massgen_protocol::Cost;

    use super::*;

    #[test]
    fn a_table_of_costs_fits_80_columns() {
        let line = |key: Option<&str>, known_usd: f64, unpriced_calls: u32| CostLine {
            key: key.map(str::to_owned),
            cost: Cost { known_usd, unpriced_calls },
            input_tokens: 123_456_789,
            output_tokens: 1_234,
            turns: 12,
        };
        let report = CostReport {
            lines: vec![line(Some(&"m".repeat(60)), 1234.5, 0), line(None, 0.0, 3)],
            total: line(None, 1234.5, 3),
            turns_without_costs: 1,
        };
        let text = in_words(&report, CostsBy::Model);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[2], ["(unknown)", "unknown", "123.5M", "1234", "12"]);
        assert_eq!(rows[3], ["all", "$1234.5000+", "123.5M", "1234", "12"]);
        assert!(text.contains("The price of 3 calls is not known") && text.contains("Of 1 turn more"), "{text}");
    }
}
