//! The end of a run in words: the answer, who chose it and why, who disagreed, what it took.

use massgen_journal::{MinorityAnswer, Stamps, Summary, VoteLine, agent_file_names, end_in_words, run_summary};
use massgen_protocol::{AgentState, OfferedChanges, PresentationSource, RunEnd, RunView, Standing};

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
    disagreement(&mut lines, view, &summary, places, style);
    failures(&mut lines, &summary, style);
    lines.push(style.hanging("Took      ", &took(&summary)));
    if let Some(files) = places.final_workspace(view) {
        lines.push(style.hanging("Files     ", &files.display().to_string()));
    }
    for (number, change) in view.changes.iter().enumerate() {
        let text = harmless(&format!("{}: {}", change.path, in_words(change)));
        lines.push(style.hanging(if number == 0 { "Changes   " } else { BELOW }, &text));
        lines.extend(change.patch.iter().map(|patch| style.hanging(BELOW, &format!("patch: {}", harmless(patch)))));
    }
    if let Some(logs) = &places.logs {
        lines.push(style.hanging("Logs      ", &logs.attempt_dir().display().to_string()));
    }
    lines.join("\n") + "\n"
}

/// What came of changes to the user's own files.
fn in_words(change: &OfferedChanges) -> String {
    format!("{} of {} changed files written back; {}", change.applied, change.changed, change.note)
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
fn disagreement(lines: &mut Vec<String>, view: &RunView, summary: &Summary, places: &Places, style: Style) {
    let Some(disagreement) = &summary.disagreement else { return };
    let warning = "The team did not agree. Read the other view before you rely on the answer:";
    lines.extend(style.lines(warning, 0).iter().map(|line| style.warning(line)));
    let names = agent_file_names(view.agents.iter().map(|agent| &agent.profile.id));
    for MinorityAnswer { label, agent_id, .. } in &disagreement.minority {
        let Some(answer) = view.answer(*label) else { continue };
        let text = format!("{label} ({agent_id}): {}", harmless(answer.content.trim()));
        lines.extend(start(&text, style));
        if let (Some(logs), Some(name)) = (&places.logs, names.get(label.agent.position())) {
            let path = logs.answer(name, answer.at_ms, &Stamps::local());
            lines.push(format!("{BELOW}whole: {}", path.display()));
        }
    }
}

/// Puts a text below the one that has a title.
const BELOW: &str = "          ";

/// The start of an answer, without its empty lines: whole, unless it is long.
fn start(text: &str, style: Style) -> Vec<String> {
    const LINES_MAX: usize = 15;
    // Where lines are not broken, a paragraph can be of any length.
    const CHARS_MAX: usize = 100 * LINES_MAX;
    let head: String = text.chars().take(CHARS_MAX).collect();
    let mut lines: Vec<String> = style.lines(&head, BELOW.len());
    lines.retain(|line| !line.trim().is_empty());
    if lines.len() > LINES_MAX || head.len() < text.len() {
        lines.truncate(LINES_MAX);
        if let Some(last) = lines.last_mut() {
            *last = format!("{}…", last.trim_end());
        }
    }
    lines.into_iter().map(|line| format!("{BELOW}{line}")).collect()
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
    let checked = vote.checked.as_ref().map_or_else(String::new, |checked| format!(" [{checked}]"));
    harmless(&format!("{} → {}: {words}{checked}", vote.voter_id, vote.target))
}

#[cfg(test)]
mod tests {
    use massgen_journal::LogFolder;
    use massgen_protocol::{
        Activity, AgentId, AgentIndex, AgentProfile, AnswerRevision, AnswerSource, Event, Fact, Record, RevisionVector,
        SelectionRule, TurnId, Vote,
    };

    use super::*;

    /// A view in which the second of two agents voted for its own answer, `minority`, and lost.
    fn disagreed(minority: &str) -> RunView {
        let mut seen = RevisionVector::empty(2);
        let profiles = ["a/b", "second"].map(|id| AgentProfile {
            id: AgentId::new(id),
            backend: "openai".to_owned(),
            model: "m".to_owned(),
        });
        let mut events: Vec<Event> = vec![
            Activity::RunOpened {
                run_id: "run".to_owned(),
                question: "q".to_owned(),
                agents: profiles.to_vec(),
                version: "0".to_owned(),
                rehearsal: false,
            }
            .into(),
        ];
        let revisions = AgentIndex::all(2).map(|agent| seen.publish(agent)).collect::<Vec<AnswerRevision>>();
        for (revision, content) in revisions.iter().zip(["the answer", minority]) {
            let turn = TurnId { agent: revision.agent, number: 1 };
            let (content, seen) = (content.to_owned(), seen.clone());
            let source = AnswerSource::Decision;
            events.push(
                Fact::AnswerPublished { turn, revision: *revision, content, seen, source, snapshot: None }.into(),
            );
        }
        for revision in &revisions {
            let turn = TurnId { agent: revision.agent, number: 2 };
            let vote = Vote {
                voter: revision.agent,
                target: *revision,
                reason: "because".to_owned(),
                seen: seen.clone(),
                checks: Vec::new(),
            };
            events.push(Fact::VoteCast { turn, vote }.into());
        }
        let revision = revisions[0];
        events.push(Fact::WinnerSelected { revision, tally: vec![], rule: SelectionRule::TiePublishedEarlier }.into());
        let records = (1..).zip(events).map(|(seq, event)| Record { seq, at_ms: 1_000 * seq, event });
        RunView::replay(&records.collect::<Vec<_>>())
    }

    fn report(minority: &str, places: &Places, columns: Option<usize>) -> String {
        closing(&disagreed(minority), places, Style::plain(columns))
    }

    #[test]
    fn the_other_view_is_shown_whole_with_its_path() {
        let base = tempfile::tempdir().unwrap();
        let logs = LogFolder::create(base.path()).unwrap();
        let path = logs.answer("second", 3_000, &Stamps::local());
        let places = Places { logs: Some(logs) };
        let long = "word ".repeat(100);
        let shown = report(&format!("First this.\n\n{long}end"), &places, None);
        let expected =
            format!("{BELOW}agent2.1 (second): First this.\n{BELOW}{long}end\n{BELOW}whole: {}\n", path.display());
        assert!(shown.contains(&expected), "{shown}");
        assert!(!report("short", &Places { logs: None }, None).contains("whole: "));
    }

    #[test]
    fn a_very_long_other_view_is_cut() {
        let nowhere = Places { logs: None };
        let count = |shown: &str| shown.lines().filter(|line| line.contains("word")).count();
        let lines = report(&"word\n".repeat(40), &nowhere, None);
        assert_eq!(count(&lines), 15, "{lines}");
        assert!(lines.contains("word…\n"), "{lines}");
        let broken = report(&"word ".repeat(400), &nowhere, Some(60));
        assert_eq!(count(&broken), 15, "{broken}");
        let paragraph = report(&"word ".repeat(400), &nowhere, None);
        assert!(paragraph.contains("…\n"), "{paragraph}");
    }
}
