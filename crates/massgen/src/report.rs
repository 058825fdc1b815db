//! The end of a run in words: the answer, who chose it and why, who disagreed, what it took.

use massgen_journal::{Summary, VoteLine, end_in_words, run_summary};
use massgen_protocol::{AgentState, PresentationSource, RunEnd, RunView, Standing};

use crate::display::{Places, Style};
use crate::terminal::harmless;

/// The closing summary of the plain display.
pub(crate) fn closing(view: &RunView, places: &Places, style: Style) -> String {
    let summary = run_summary(view);
    let mut lines = vec![style.dim(&"─".repeat(72))];
    if summary.rehearsal {
        lines.push(style.warning("REHEARSAL: this answer was scripted"));
    }
    result(&mut lines, &summary, style);
    if view.agents.len() > 1 {
        votes(&mut lines, &summary, style);
    }
    disagreement(&mut lines, view, &summary, style);
    failures(&mut lines, &summary, style);
    lines.push(style.hanging("Took      ", &took(&summary)));
    if let Some(logs) = &places.logs {
        lines.push(style.hanging("Logs      ", &logs.attempt_dir().display().to_string()));
    }
    lines.join("\n") + "\n"
}

fn result(lines: &mut Vec<String>, summary: &Summary, style: Style) {
    let is_team = summary.agents.len() > 1;
    match &summary.winner {
        Some(winner) if is_team => {
            let rule = summary.rule.as_deref().unwrap_or("not chosen yet");
            lines.push(style.hanging("Winner    ", &format!("{} ({}): {rule}", winner.agent_id, winner.label)));
        }
        Some(_) => {}
        None => lines.push(style.warning("There is no answer.")),
    }
    if let Some(PresentationSource::Stored { reason }) = summary.source.as_ref().filter(|_| is_team) {
        lines.push(style.hanging("Answer    ", &format!("as published: {}", harmless(reason))));
    }
    let plain = |end: &&RunEnd| !matches!(end, RunEnd::Consensus | RunEnd::SingleAnswer | RunEnd::NoAnswer { .. });
    if let Some(end) = summary.end.as_ref().filter(plain) {
        lines.push(style.hanging("Ended     ", &harmless(&end_in_words(end))));
    }
}

fn votes(lines: &mut Vec<String>, summary: &Summary, style: Style) {
    for (number, row) in summary.tally.iter().enumerate() {
        lines.push(style.hanging(if number == 0 { "Votes     " } else { BELOW }, &row.to_string()));
    }
    for vote in summary.votes.iter().filter(|vote| vote.standing == Standing::Valid) {
        lines.push(style.hanging(BELOW, &reason(vote)));
    }
    let void = summary.votes.iter().filter(|vote| vote.standing != Standing::Valid).count();
    if void > 0 {
        let votes = if void == 1 { "1 vote was" } else { &format!("{void} votes were") };
        lines.push(style.hanging(BELOW, &format!("{votes} made void by newer answers")));
    }
}

/// A team that did not agree says so: a majority is no proof.
fn disagreement(lines: &mut Vec<String>, view: &RunView, summary: &Summary, style: Style) {
    let Some(disagreement) = &summary.disagreement else { return };
    let warning = "The team did not agree. Read the other view before you rely on the answer:";
    lines.push(style.warning(warning));
    for answer in &disagreement.minority {
        let words = view.answer(answer.label).map_or_else(String::new, |answer| start(&answer.content));
        lines.push(style.hanging(BELOW, &format!("{} ({}): {words}", answer.label, answer.agent_id)));
    }
}

/// Puts a text below the one that has a title.
const BELOW: &str = "          ";

/// The start of an answer, on one line.
fn start(content: &str) -> String {
    const CHARS_MAX: usize = 240;
    let words = harmless(&content.split_whitespace().collect::<Vec<_>>().join(" "));
    if words.chars().count() <= CHARS_MAX { words } else { words.chars().take(CHARS_MAX).chain(['…']).collect() }
}

fn failures(lines: &mut Vec<String>, summary: &Summary, style: Style) {
    if matches!(summary.end, Some(RunEnd::NoAnswer { .. })) {
        // The program's last words, on standard error, are the reasons.
        return;
    }
    for agent in &summary.agents {
        if let AgentState::Failed { reason } = &agent.state {
            lines.push(style.hanging("Failed    ", &format!("{}: {}", agent.agent_id, harmless(reason))));
        }
    }
}

fn took(summary: &Summary) -> String {
    let usage = &summary.usage;
    let estimated = if usage.estimated { " (partly estimated)" } else { "" };
    let cost = if summary.rehearsal {
        format!("nothing was paid (with these models: {})", summary.cost)
    } else {
        summary.cost.to_string()
    };
    let seconds = summary.duration_ms as f64 / 1000.0;
    format!("{seconds:.1} s, {} tokens in and {} out{estimated}; {cost}", usage.input_tokens, usage.output_tokens)
}

fn reason(vote: &VoteLine) -> String {
    let words = vote.reason.split_whitespace().collect::<Vec<_>>().join(" ");
    harmless(&format!("{} → {}: {words}", vote.voter_id, vote.target))
}
