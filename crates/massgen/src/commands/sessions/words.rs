//! Sessions in words: plain lines that fit 80 columns, and nothing in them that could steer a terminal.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use massgen_protocol::Cost;
use massgen_sessions::{TurnRecord, TurnStatus};

use crate::terminal::harmless;

/// A moment as people write it, in this machine's time zone.
pub(crate) fn moment(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.map_or_else(String::new, |at| at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string())
}

/// A text on one line, cut after so many characters.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    let words = harmless(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= chars_max {
        return words;
    }
    let head: String = words.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{}…", head.trim_end())
}

/// So many of something.
pub(crate) fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// An amount of bytes.
pub(crate) fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// A cost in a column: without a remark on what is not known, which is a sign behind it.
pub(crate) fn short_cost(cost: Cost) -> String {
    match (cost.known_usd, cost.unpriced_calls) {
        (usd, 0) => format!("${usd:.4}"),
        (0.0, _) => "unknown".to_owned(),
        (usd, _) => format!("${usd:.4}+"),
    }
}

/// Where a turn stands, and whether its process is gone.
pub(crate) fn standing(turn: &TurnRecord) -> &'static str {
    match turn.status {
        TurnStatus::Running if turn.is_alive() => "running",
        TurnStatus::Running => "interrupted",
        status => status.as_str(),
    }
}

/// Everything that a turn's folder tells.
pub(crate) fn turn(turn: &TurnRecord) -> String {
    let mut head = vec![format!("Turn {}", turn.number), standing(turn).to_owned()];
    if turn.is_rehearsal {
        head.push("rehearsal".to_owned());
    }
    head.extend(turn.started_ms.map(moment));
    if let (Some(start), Some(end)) = (turn.started_ms, turn.ended_ms) {
        head.push(format!("{:.1} s", end.saturating_sub(start) as f64 / 1000.0));
    }
    head.extend(turn.cost.filter(|_| !turn.is_rehearsal).map(|cost| cost.to_string()));
    let mut text = format!("{}\n", head.join(", "));
    let mut line = |name: &str, value: &str| {
        let mut name = name;
        // What is quoted may have more lines than one.
        for line in value.trim_end().lines() {
            text.push_str(format!("{name:<9} {line}").trim_end());
            text.push('\n');
            name = "";
        }
    };
    if let Some(question) = &turn.question {
        line("Question", &harmless(question));
    }
    if let Some(winner) = &turn.winner {
        line("Answer by", &harmless(winner));
    }
    if let Some(partial) = turn.partial.as_ref().filter(|partial| !partial.agents_with_answers.is_empty()) {
        line("Answered", &harmless(&partial.agents_with_answers.join(", ")));
    }
    if let Some(files) =
        turn.workspace().filter(|path| path.read_dir().is_ok_and(|mut entries| entries.next().is_some()))
    {
        line("Files", &files.display().to_string());
    }
    if let Some(log) = &turn.log_dir {
        line("Log", &log.display().to_string());
    }
    for problem in &turn.problems {
        line("Problem", &harmless(problem));
    }
    if turn.status == TurnStatus::Running
        && !turn.is_alive()
        && let Some(logs) = turn.log_dir.as_deref().and_then(crate::conversation::log_folder)
    {
        line("Go on", &format!("massgen resume {}", logs.session_id()));
    }
    let answer = turn.answer.as_deref().map(harmless).unwrap_or_default();
    if !answer.trim().is_empty() {
        text.push_str(&format!("\n{}\n", answer.trim()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_harmless() {
        assert_eq!(one_line("a\u{1b}[2J  b\nc", 20), "a\u{fffd}[2J b c");
        assert_eq!(one_line("one two three", 8), "one two…");
        assert_eq!((bytes(999), bytes(1_234_567)), ("999 B".to_owned(), "1.2 MB".to_owned()));
        assert_eq!(short_cost(Cost { known_usd: 0.5, unpriced_calls: 2 }), "$0.5000+");
    }
}
