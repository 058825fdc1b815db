//! The two files that tell of a whole session. Both are folds over its turns.

use serde_json::{Value, json};

use crate::error::SessionError;
use crate::files::{read_text, write_durably};
use crate::open_turn::pretty;
use crate::session::Session;
use crate::text::{harmless, one_line};
use crate::turn::{TurnRecord, TurnStatus};

const WINNERS: &str = "winning_agents_history.json";
const SUMMARY: &str = "SESSION_SUMMARY.txt";

/// Writes both anew from the turns as they are.
pub(crate) fn write(session: &Session) -> Result<(), SessionError> {
    let turns = session.turns()?;
    let path = session.dir().join(WINNERS);
    let known = read_text(&path).ok().flatten().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    write_durably(&path, &pretty(&winners(known.as_ref(), &turns)))
        .map_err(|source| SessionError::write(&path, source))?;
    let path = session.dir().join(SUMMARY);
    write_durably(&path, summary(session, &turns).as_bytes()).map_err(|source| SessionError::write(&path, source))
}

/// Who won each turn. What another program wrote about turns whose winner is not known here stays.
fn winners(known: Option<&Value>, turns: &[TurnRecord]) -> Value {
    let won = turns.iter().filter(|turn| turn.status == TurnStatus::Completed);
    let won: Vec<_> = won.filter_map(|turn| Some((turn.number, turn.winner.clone()?))).collect();
    let is_ours = |entry: &Value| {
        let number = entry.get("turn").and_then(Value::as_u64);
        won.iter().any(|(turn, _)| Some(u64::from(*turn)) == number)
    };
    let mut entries: Vec<Value> =
        known.and_then(Value::as_array).into_iter().flatten().filter(|entry| !is_ours(entry)).cloned().collect();
    entries.extend(won.iter().map(|(turn, winner)| json!({"agent_id": winner, "turn": turn})));
    // An entry without a number stays where it was found: before all others.
    entries.sort_by_key(|entry| entry.get("turn").and_then(Value::as_u64));
    Value::Array(entries)
}

fn summary(session: &Session, turns: &[TurnRecord]) -> String {
    let rule = "=".repeat(80);
    let mut text = format!("{rule}\nSession {}\n{rule}\n", session.id());
    for turn in turns {
        text.push_str(&format!("\nTURN {} ({})\n{}\n", turn.number, turn.status, "-".repeat(80)));
        let mut line = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                text.push_str(&format!("{name:<10} {}\n", one_line(value, 2_000)));
            }
        };
        line("Time:", turn.timestamp.as_deref());
        line("Winner:", turn.winner.as_deref());
        line("Cost:", turn.cost.map(|cost| cost.to_string()).as_deref());
        line("Log:", turn.log_dir.as_ref().map(|dir| dir.to_string_lossy()).as_deref());
        line("Question:", turn.question.as_deref());
        match &turn.answer {
            Some(answer) => text.push_str(&format!("Answer:\n{}\n", indented(answer))),
            None => text.push_str("Answer:    none\n"),
        }
    }
    text
}

fn indented(text: &str) -> String {
    harmless(text).lines().map(|line| format!("    {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_others_stay() {
        let known = json!([{"agent_id": "x", "turn": 1}, {"note": 1}, {"agent_id": "y", "turn": 7, "z": true}]);
        assert_eq!(
            winners(Some(&known), &[]),
            json!([{"note": 1}, {"agent_id": "x", "turn": 1}, {"agent_id": "y", "turn": 7, "z": true}])
        );
        assert_eq!(winners(Some(&json!({"odd": 1})), &[]), json!([]));
    }
}
