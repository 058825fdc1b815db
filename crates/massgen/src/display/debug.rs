//! What happens beneath the surface, on standard error: calls, tokens, pauses, deadlines, refused replies.

use massgen_protocol::{Activity, Event, Fact, Record, RunView};

use super::Observer;
use crate::terminal::{self, harmless};

/// The additional display of `--debug`.
pub(crate) struct Debug;

impl Observer for Debug {
    fn observe(&mut self, record: &Record, view: &RunView) {
        if let Some(text) = told(&record.event) {
            let ms = record.at_ms.saturating_sub(view.started_at_ms);
            terminal::tell(&harmless(&format!("debug: {ms:>7} ms  {text}")));
        }
    }

    fn finish(&mut self, _: &RunView) {}
}

/// One line; nothing for what is only streamed, and no whole texts.
fn told(event: &Event) -> Option<String> {
    match event {
        Event::Activity(activity) => activity_told(activity),
        Event::Input(_) => None,
        Event::Fact(fact) => fact_told(fact),
    }
}

fn activity_told(activity: &Activity) -> Option<String> {
    match activity {
        Activity::CallStarted { turn, call, .. } => Some(format!("{turn} call {call} starts")),
        Activity::CallEnded { turn, call, finish, usage, cost, first_chunk_ms, duration_ms, .. } => {
            let first =
                first_chunk_ms.map_or_else(|| "nothing came".to_owned(), |ms| format!("first piece after {ms} ms"));
            let end = finish.as_ref().map_or_else(|| "no end".to_owned(), |finish| format!("{finish:?}"));
            Some(format!(
                "{turn} call {call} ends after {duration_ms} ms ({first}): {end}; {} tokens in ({} cached), {} out; {cost}",
                usage.input_tokens, usage.cached_input_tokens, usage.output_tokens
            ))
        }
        Activity::CallRetried { turn, retry, error, pause_ms } => {
            Some(format!("{turn} retry {retry} in {pause_ms} ms: {error}"))
        }
        Activity::ToolCalled { turn, name, arguments, .. } => Some(format!("{turn} calls {name} {arguments}")),
        Activity::BuiltinTool { turn, name, phase, detail } => Some(format!("{turn} {name} {phase:?} {detail}")),
        Activity::Citation { turn, url, .. } => Some(format!("{turn} cites {url}")),
        Activity::Notice { text, .. } => Some(text.clone()),
        Activity::RunResumed { version } => Some(format!("massgen {version} goes on with the run")),
        Activity::RunOpened { run_id, version, .. } => Some(format!("massgen {version}, run {run_id}")),
        Activity::ToolEnded { turn, name, end, duration_ms, .. } => {
            Some(format!("{turn}: {name} is {end:?} after {duration_ms} ms"))
        }
        Activity::CallJudged { agent, tool, subject, granted, by } => {
            let verdict = if *granted { "granted" } else { "refused" };
            Some(format!("{agent}: {tool} {subject} is {verdict} by {by}"))
        }
        Activity::SnapshotTaken { turn, snapshot, files, bytes, stored_bytes, duration_ms } => Some(format!(
            "{turn}: snapshot {snapshot:?} of {files} files, {bytes} bytes, {stored_bytes} of them new, in {duration_ms} ms"
        )),
        Activity::PeerFilesShown { turn, files, shared_bytes, copied_bytes, duration_ms, .. } => Some(format!(
            "{turn} is shown {files} files, {shared_bytes} bytes shared and {copied_bytes} copied, in {duration_ms} ms"
        )),
        Activity::ChangesOffered { path, changed, applied, note, .. } => {
            Some(format!("{path}: {applied} of {changed} changed files written back; {note}"))
        }
        Activity::Text { .. } | Activity::Reasoning { .. } | Activity::ToolOutput { .. } => None,
    }
}

fn fact_told(fact: &Fact) -> Option<String> {
    match fact {
        Fact::TeamStarted { size, seed, rules } => Some(format!("{size} agents, seed {seed}, {rules:?}")),
        Fact::TurnStarted { turn, kind, view, choices } => {
            let order = view.order.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            Some(format!("{turn} starts: {kind:?}, shown [{order}], may answer: {}", choices.may_answer))
        }
        Fact::TurnRefreshed { turn, .. } => Some(format!("{turn} is told of newer answers")),
        Fact::TurnCut { turn, reason } => Some(format!("{turn} is cut: {reason:?}")),
        Fact::TurnEnded { turn, outcome } => Some(format!("{turn} ends: {outcome:?}")),
        Fact::DecisionRejected { turn, violation, chances_left, .. } => {
            Some(format!("{turn} is refused ({violation:?}), {chances_left} chances left"))
        }
        Fact::DeadlinePassed { timer } => Some(format!("time is over: {timer:?}")),
        Fact::AnswerPublished { revision, seen, source, .. } => {
            Some(format!("{revision} is published ({source:?}), having seen {seen:?}"))
        }
        Fact::AnswerChecked { turn, revision, check } => Some(format!("{turn} checks {revision}: {check:?}")),
        Fact::WinnerSelected { revision, rule, .. } => Some(format!("winner {revision}: {rule}")),
        Fact::TurnInvested { .. }
        | Fact::PhaseEntered { .. }
        | Fact::VotesVoided { .. }
        | Fact::VoteCast { .. }
        | Fact::VoteArrivedVoid { .. }
        | Fact::AgentOut { .. }
        | Fact::BudgetSpent { .. }
        | Fact::CancelRequested
        | Fact::FinalAnswer { .. }
        | Fact::RunEnded { .. } => None,
    }
}
