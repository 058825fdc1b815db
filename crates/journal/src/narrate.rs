//! Records in words: the lines of `system_status.txt`, `massgen.log` and plain displays.

use massgen_protocol::{
    Activity, AgentIndex, AnswerRevision, AnswerSource, Check, CutReason, Event, Fact, Finding, Phase,
    PresentationSource, Record, RunEnd, RunView, Timer, ToolEnd, TurnKind, TurnOutcome, Verification, Violation, Vote,
};

use crate::text::one_line;

/// How many columns of an answer, a reason or a question a line shows.
const PREVIEW_COLUMNS: usize = 160;

/// A record in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narration {
    /// How much it matters.
    pub level: Level,
    /// Whom it is about.
    pub agent: Option<AgentIndex>,
    /// One line, without time.
    pub text: String,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The ordinary course of a run.
    Info,
    /// Trouble that the run gets over.
    Warning,
    /// Something is lost.
    Error,
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        })
    }
}

/// The line that tells of `record`, if it is worth one; `view` has taken the record in.
#[must_use]
pub fn narrate(record: &Record, view: &RunView) -> Option<Narration> {
    match &record.event {
        Event::Input(_) => None,
        Event::Fact(fact) => fact_in_words(fact, view),
        Event::Activity(activity) => activity_in_words(activity, view),
    }
}

/// How a run ended, in words.
#[must_use]
pub fn end_in_words(end: &RunEnd) -> String {
    match end {
        RunEnd::Consensus => "every agent's decision stood on the current answers".to_owned(),
        RunEnd::SingleAnswer => "there was nobody else to agree with".to_owned(),
        RunEnd::WithoutConsensus => "nobody was left to vote, or nobody would; the best answer was taken".to_owned(),
        RunEnd::TimedOutWithAnswer => "the deadline passed; the best answer so far was taken".to_owned(),
        RunEnd::TimedOut => "the deadline passed and nobody had answered".to_owned(),
        RunEnd::BudgetSpentWithAnswer { limit } => {
            format!("the budget is spent ({limit}); the best answer so far was taken")
        }
        RunEnd::BudgetSpent { limit } => format!("the budget is spent ({limit}) and nobody had answered"),
        RunEnd::NoAnswer { reason } => format!("no agent could answer: {reason}"),
        RunEnd::Cancelled => "the user stopped the run".to_owned(),
    }
}

/// What was wrong with a reply, in words.
#[must_use]
pub fn violation_in_words(violation: &Violation) -> String {
    match violation {
        Violation::NoDecision => "no decision".to_owned(),
        Violation::AnswerAndVote => "an answer and a vote in one reply".to_owned(),
        Violation::SeveralAnswers => "several answers in one reply".to_owned(),
        Violation::SeveralVotes => "votes for different answers in one reply".to_owned(),
        Violation::NothingToVoteFor => "a vote although there is nothing to vote for".to_owned(),
        Violation::UnknownTarget { target } => format!("a vote for `{}`, which is no choice", one_line(target, 40)),
        Violation::AnswerNotAllowed => "a new answer although it may only vote".to_owned(),
        Violation::EmptyAnswer => "an answer without text".to_owned(),
        Violation::DuplicateAnswer { of } => format!("a copy of {of}"),
        Violation::TooSimilar { to, similarity_percent } => {
            format!("an answer that has {similarity_percent} % of its words in common with {to}")
        }
        Violation::Unchecked { target } => format!("a vote for {target} without a look into its files"),
        Violation::BadArguments { tool, problem } => {
            format!("unreadable arguments for {}: {}", one_line(tool, 40), one_line(problem, PREVIEW_COLUMNS))
        }
        Violation::UnknownTool { tool } => format!("a call of `{}`, which does not exist", one_line(tool, 40)),
    }
}

/// A check in words: `python run.py: failed with exit code 1`.
#[must_use]
pub fn check_in_words(check: &Check) -> String {
    let subject = one_line(&check.subject, PREVIEW_COLUMNS);
    match check.finding {
        Finding::Read => format!("read {subject}"),
        Finding::Passed => format!("`{subject}` ran well"),
        Finding::Failed { exit_code: Some(code) } => format!("`{subject}` failed with exit code {code}"),
        Finding::Failed { exit_code: None } => format!("`{subject}` failed: it was killed"),
    }
}

/// What a vote rests on: `checked: ran python a.py; read 2 files`, or `not checked`; `None` when there was nothing to
/// check, because no files go with the answer, or nobody was asked to.
#[must_use]
pub fn checks_in_words(vote: &Vote, view: &RunView) -> Option<String> {
    if view.verification == Verification::Off {
        return None;
    }
    if vote.checks.is_empty() {
        let has_files = view.answer(vote.target).is_some_and(|answer| answer.snapshot.is_some());
        return has_files.then(|| "not checked".to_owned());
    }
    let is_read = |check: &&Check| check.finding == Finding::Read;
    let mut parts: Vec<String> = vote.checks.iter().filter(|check| !is_read(check)).map(check_in_words).collect();
    let read = vote.checks.iter().filter(is_read).count();
    if read > 0 {
        parts.push(format!("looked into {read} {}", if read == 1 { "place" } else { "places" }));
    }
    Some(format!("checked: {}", parts.join("; ")))
}

/// How a tool call ended, in a word.
pub(crate) fn tool_end_in_words(end: ToolEnd) -> &'static str {
    match end {
        ToolEnd::Done => "done",
        ToolEnd::Failed => "failed",
        ToolEnd::Stopped => "stopped",
    }
}

/// An agent by id and anonymous name, `alpha (agent1)`, or just the name where they are the same.
pub(crate) fn full_name(view: &RunView, index: AgentIndex) -> String {
    let id = one_line(&view.name(index), 40);
    let anonymous = index.to_string();
    if id == anonymous { id } else { format!("{id} ({anonymous})") }
}

/// Answers by label, or `no answers`.
pub(crate) fn labels(revisions: impl IntoIterator<Item = AnswerRevision>) -> String {
    let labels: Vec<String> = revisions.into_iter().map(|revision| revision.to_string()).collect();
    if labels.is_empty() { "no answers".to_owned() } else { labels.join(", ") }
}

fn fact_in_words(fact: &Fact, view: &RunView) -> Option<Narration> {
    let name = |index| full_name(view, index);
    let line = match fact {
        Fact::TeamStarted { size, .. } => info(None, format!("a team of {size} starts")),
        Fact::PhaseEntered { phase } => info(None, phase_in_words(*phase).to_owned()),
        Fact::TurnStarted { turn, kind, view: shown, .. } => {
            let purpose = match kind {
                TurnKind::Solo => "to answer alone".to_owned(),
                TurnKind::FirstAnswer => "to give a first answer".to_owned(),
                TurnKind::Decide => format!("to decide, with {} in view", labels(shown.vector.revisions())),
                TurnKind::Present => "to present the final answer".to_owned(),
            };
            info(Some(turn.agent), format!("{} starts turn {} {purpose}", name(turn.agent), turn.number))
        }
        Fact::TurnRefreshed { turn, view: shown, .. } => {
            let shown = labels(shown.vector.revisions());
            info(Some(turn.agent), format!("{} is told of newer answers and now sees {shown}", name(turn.agent)))
        }
        Fact::TurnInvested { .. } => return None,
        Fact::DecisionRejected { turn, violation, chances_left, .. } => {
            let (name, violation) = (name(turn.agent), violation_in_words(violation));
            let unit = if *chances_left == 1 { "chance" } else { "chances" };
            warning(Some(turn.agent), format!("{name} gave {violation}; {chances_left} {unit} left"))
        }
        Fact::TurnCut { turn, reason } => {
            let reason = match reason {
                CutReason::Outdated => "the answers changed",
                CutReason::TimedOut => "its time is up",
                CutReason::CoordinationOver => "the team's time is up",
                CutReason::Cancelled => "the user stops the run",
            };
            info(Some(turn.agent), format!("turn {} of {} is cut: {reason}", turn.number, name(turn.agent)))
        }
        Fact::AnswerPublished { revision, content, source, .. } => {
            let how = if *source == AnswerSource::PlainText { " (from plain text)" } else { "" };
            let preview = one_line(content, PREVIEW_COLUMNS);
            info(Some(revision.agent), format!("{} publishes {revision}{how}: {preview}", name(revision.agent)))
        }
        Fact::AnswerChecked { turn, revision, check } => {
            let text = format!("{} checks {revision}: {}", name(turn.agent), check_in_words(check));
            match check.finding {
                Finding::Failed { .. } => warning(Some(turn.agent), text),
                Finding::Passed | Finding::Read => info(Some(turn.agent), text),
            }
        }
        Fact::VotesVoided { by, votes } => {
            let votes: Vec<_> = votes.iter().map(|vote| format!("{} for {}", name(vote.voter), vote.target)).collect();
            info(None, format!("{by} makes votes void: {}", votes.join(", ")))
        }
        Fact::VoteCast { vote, .. } => info(Some(vote.voter), vote_in_words(vote, view)),
        Fact::VoteArrivedVoid { vote, .. } => {
            let vote_line = vote_in_words(vote, view);
            info(Some(vote.voter), format!("{vote_line} - void, because the answers had changed"))
        }
        Fact::TurnEnded { turn, outcome } => return outcome_in_words(outcome, turn.agent, &name(turn.agent)),
        Fact::AgentOut { agent, reason } => {
            let reason = one_line(reason, PREVIEW_COLUMNS);
            error(Some(*agent), format!("{} takes no further part: {reason}", name(*agent)))
        }
        Fact::DeadlinePassed { timer } => match timer {
            Timer::Coordination => warning(None, "the team's deadline passed".to_owned()),
            Timer::FirstAnswers => info(None, "no more waiting for first answers".to_owned()),
            Timer::Turn { turn } => warning(
                Some(turn.agent),
                format!("the deadline of turn {} of {} passed", turn.number, name(turn.agent)),
            ),
            // The end of a pause is no trouble; the turn that follows is told of.
            Timer::Retry { .. } => return None,
        },
        Fact::BudgetSpent { limit } => {
            warning(None, format!("the budget is spent: {}", one_line(limit, PREVIEW_COLUMNS)))
        }
        Fact::CancelRequested => warning(None, "the user asks to stop".to_owned()),
        Fact::WinnerSelected { revision, tally, rule } => {
            let tally: Vec<_> = tally.iter().map(|line| format!("{} {}", line.revision, line.votes)).collect();
            let tally = if tally.is_empty() { String::new() } else { format!(" (votes: {})", tally.join(", ")) };
            info(Some(revision.agent), format!("{revision} by {} wins: {rule}{tally}", name(revision.agent)))
        }
        Fact::FinalAnswer { revision, content, source, .. } => {
            let author = name(revision.agent);
            let text = match source {
                PresentationSource::Presented => format!("{author} presents the final answer"),
                PresentationSource::Stored { reason } => {
                    format!("{revision} by {author} is the final answer as it was published: {}", one_line(reason, 80))
                }
            };
            info(Some(revision.agent), format!("{text}: {}", one_line(content, PREVIEW_COLUMNS)))
        }
        Fact::RunEnded { end } => {
            let text = format!("the run ends: {}", one_line(&end_in_words(end), 4 * PREVIEW_COLUMNS));
            match end {
                RunEnd::Consensus | RunEnd::SingleAnswer | RunEnd::WithoutConsensus => info(None, text),
                RunEnd::TimedOutWithAnswer | RunEnd::BudgetSpentWithAnswer { .. } | RunEnd::Cancelled => {
                    warning(None, text)
                }
                RunEnd::TimedOut | RunEnd::BudgetSpent { .. } | RunEnd::NoAnswer { .. } => error(None, text),
            }
        }
    };
    Some(line)
}

fn activity_in_words(activity: &Activity, view: &RunView) -> Option<Narration> {
    match activity {
        Activity::RunOpened { run_id, question, version, rehearsal, .. } => {
            let scripted = if *rehearsal { " (rehearsal: the answers are scripted)" } else { "" };
            let question = one_line(question, PREVIEW_COLUMNS);
            Some(info(None, format!("massgen {version} opens run {run_id}{scripted}: {question}")))
        }
        Activity::RunResumed { .. } => Some(warning(None, "the run was interrupted, and goes on now".to_owned())),
        Activity::CallRetried { turn, retry, error, pause_ms } => {
            let (name, error) = (full_name(view, turn.agent), one_line(error, PREVIEW_COLUMNS));
            let pause = crate::status::seconds(*pause_ms);
            Some(warning(Some(turn.agent), format!("{name} tries again in {pause} s (retry {retry}): {error}")))
        }
        Activity::CallJudged { agent, tool, subject, granted: false, by } => {
            let (name, subject) = (full_name(view, *agent), one_line(subject, PREVIEW_COLUMNS));
            Some(warning(Some(*agent), format!("{name} may not call {}: {subject} ({by})", one_line(tool, 60))))
        }
        Activity::ChangesOffered { path, changed, applied, note, .. } => {
            let path = one_line(path, PREVIEW_COLUMNS);
            Some(info(None, format!("{path}: {applied} of {changed} changed files written back; {note}")))
        }
        Activity::Notice { agent, text } => {
            let text = one_line(text, 4 * PREVIEW_COLUMNS);
            let text = match agent {
                Some(agent) => format!("{}: {text}", full_name(view, *agent)),
                None => text,
            };
            Some(info(*agent, text))
        }
        _ => None,
    }
}

fn vote_in_words(vote: &Vote, view: &RunView) -> String {
    let (voter, author) = (full_name(view, vote.voter), full_name(view, vote.target.agent));
    format!("{voter} votes for {} by {author}: {}", vote.target, one_line(&vote.reason, PREVIEW_COLUMNS))
}

/// The ends that no other fact tells of.
fn outcome_in_words(outcome: &TurnOutcome, agent: AgentIndex, name: &str) -> Option<Narration> {
    let agent = Some(agent);
    match outcome {
        TurnOutcome::Answered | TurnOutcome::Voted | TurnOutcome::Presented => None,
        TurnOutcome::Abstained => Some(warning(agent, format!("{name} decides for nobody: its chances are used up"))),
        TurnOutcome::Superseded => Some(info(agent, format!("{name} starts over with the current answers"))),
        TurnOutcome::Failed { message, retryable } => {
            let hope = if *retryable { "" } else { " (trying again would not help)" };
            Some(error(agent, format!("{name} failed{hope}: {}", one_line(message, PREVIEW_COLUMNS))))
        }
        TurnOutcome::BudgetSpent => Some(warning(agent, format!("{name} stops: the budget is spent"))),
        TurnOutcome::TimedOut => Some(warning(agent, format!("{name} ran out of time"))),
        TurnOutcome::Cancelled => Some(info(agent, format!("{name} is stopped"))),
    }
}

fn phase_in_words(phase: Phase) -> &'static str {
    match phase {
        Phase::FirstAnswers => "everybody writes a first answer",
        Phase::Deciding => "everybody improves or votes",
        Phase::Presenting => "the winner's answer is presented",
        Phase::Ended => "the work is over",
    }
}

fn info(agent: Option<AgentIndex>, text: String) -> Narration {
    Narration { level: Level::Info, agent, text }
}

fn warning(agent: Option<AgentIndex>, text: String) -> Narration {
    Narration { level: Level::Warning, agent, text }
}

fn error(agent: Option<AgentIndex>, text: String) -> Narration {
    Narration { level: Level::Error, agent, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_run_is_one_line_whatever_providers_said() {
        let end = RunEnd::NoAnswer { reason: "first\nsecond \u{1b}[2Jthird".to_owned() };
        let record = Record { seq: 1, at_ms: 1, event: Fact::RunEnded { end }.into() };
        let narration = narrate(&record, &RunView::default()).unwrap();
        assert_eq!(narration.text, "the run ends: no agent could answer: first second [2Jthird");
    }
}
