//! What happened in a turn, folded from its journal.

use std::path::Path;

use massgen_journal::{JournalError, Level, Records, Tail, checks_in_words, narrate};
use massgen_protocol::{Activity, AgentIndex, Event, Fact, Finding, Phase, Record, RunView, TurnOutcome, Vote};

use crate::text::{harmless, one_line};

/// How many entries a page tells.
const ENTRIES_MAX: usize = 2_000;

/// How many characters an id of an agent is shown with.
const NAME_CHARS: usize = 40;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEntry {
    /// Milliseconds since the start of the run.
    pub at_ms: u64,
    /// What sort of thing.
    pub kind: TimelineKind,
    /// Whom it is about.
    pub agent: Option<AgentIndex>,
    /// One line.
    pub headline: String,
    /// The words of an answer or of a vote, whole.
    pub words: Option<String>,
    /// What a vote rests on.
    pub note: Option<String>,
}

/// What sort of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimelineKind {
    /// The team entered a phase.
    Phase,
    /// An answer was published.
    Answer,
    /// A vote was cast.
    Vote,
    /// Votes were lost because the answers had changed.
    Void,
    /// An agent goes on or starts over with newer answers.
    Restart,
    /// An agent ran something of an answer.
    Check,
    /// Something went wrong.
    Trouble,
    /// The winner, the final answer, the end.
    Outcome,
    /// Something that the user was told.
    Note,
}

impl TimelineKind {
    /// One word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phase => "phase",
            Self::Answer => "answer",
            Self::Vote => "vote",
            Self::Void => "void",
            Self::Restart => "restart",
            Self::Check => "check",
            Self::Trouble => "trouble",
            Self::Outcome => "outcome",
            Self::Note => "note",
        }
    }
}

/// What a journal tells.
#[derive(Debug, Default)]
pub(super) struct Telling {
    pub(super) view: RunView,
    pub(super) entries: Vec<TimelineEntry>,
    /// How many entries more there would be.
    pub(super) left_out: usize,
    /// What is wrong with the journal.
    pub(super) problem: Option<String>,
}

/// Folds the journal at `path`, record by record: it may be large. What follows damage is left out and said to be.
pub(super) fn read(path: &Path) -> Result<Telling, JournalError> {
    let mut records = Records::open(path)?;
    let mut telling = Telling::default();
    for record in &mut records {
        match record {
            Ok(record) => telling.take_in(&record),
            Err(error) if telling.view.started_at_ms == 0 => return Err(error),
            Err(error) => {
                telling.problem = Some(format!("The timeline ends early: {error}."));
                break;
            }
        }
    }
    if matches!(records.tail(), Tail::Torn { .. }) {
        telling.problem = Some("The journal ends in the middle of a record: its run was killed.".to_owned());
    }
    Ok(telling)
}

impl Telling {
    fn take_in(&mut self, record: &Record) {
        self.view.apply(record);
        let Some(mut entry) = entry(record, &self.view) else { return };
        if self.entries.len() == ENTRIES_MAX {
            self.left_out += 1;
            return;
        }
        entry.at_ms = record.at_ms.saturating_sub(self.view.started_at_ms);
        self.entries.push(entry);
    }
}

fn entry(record: &Record, view: &RunView) -> Option<TimelineEntry> {
    let kind = kind(&record.event)?;
    let spoken = |agent, headline, words: &str, note| {
        Some(TimelineEntry { at_ms: 0, kind, agent: Some(agent), headline, words: Some(harmless(words)), note })
    };
    match &record.event {
        Event::Fact(Fact::AnswerPublished { revision, content, .. }) => {
            spoken(revision.agent, format!("{} publishes {revision}", name(view, revision.agent)), content, None)
        }
        Event::Fact(Fact::VoteCast { vote, .. }) => {
            spoken(vote.voter, vote_line(vote, view), &vote.reason, checks_in_words(vote, view))
        }
        Event::Fact(Fact::VoteArrivedVoid { vote, .. }) => {
            let headline = format!("{}; void, because the answers had changed", vote_line(vote, view));
            spoken(vote.voter, headline, &vote.reason, checks_in_words(vote, view))
        }
        Event::Fact(Fact::FinalAnswer { revision, source, .. }) => {
            let author = name(view, revision.agent);
            let headline = match source {
                massgen_protocol::PresentationSource::Presented => format!("{author} presents the final answer"),
                massgen_protocol::PresentationSource::Stored { reason } => {
                    format!("{revision} is the final answer as it was published: {}", one_line(reason, 160))
                }
            };
            Some(TimelineEntry { at_ms: 0, kind, agent: Some(revision.agent), headline, words: None, note: None })
        }
        _ => {
            let narration = narrate(record, view)?;
            // What the journal calls trouble is trouble, whatever it is about.
            let kind = match (kind, narration.level) {
                (TimelineKind::Note | TimelineKind::Check, Level::Warning | Level::Error) => TimelineKind::Trouble,
                (kind, _) => kind,
            };
            let headline = harmless(&narration.text);
            Some(TimelineEntry { at_ms: 0, kind, agent: narration.agent, headline, words: None, note: None })
        }
    }
}

/// `None` for what a timeline passes over.
fn kind(event: &Event) -> Option<TimelineKind> {
    Some(match event {
        Event::Fact(fact) => match fact {
            Fact::TeamStarted { .. }
            | Fact::TurnStarted { .. }
            | Fact::TurnInvested { .. }
            | Fact::TurnCut { .. }
            | Fact::PhaseEntered { phase: Phase::Ended } => return None,
            Fact::PhaseEntered { .. } => TimelineKind::Phase,
            Fact::TurnRefreshed { .. } | Fact::TurnEnded { outcome: TurnOutcome::Superseded, .. } => {
                TimelineKind::Restart
            }
            Fact::AnswerPublished { .. } => TimelineKind::Answer,
            Fact::AnswerChecked { check, .. } if check.finding == Finding::Read => return None,
            Fact::AnswerChecked { .. } => TimelineKind::Check,
            Fact::VoteCast { .. } => TimelineKind::Vote,
            Fact::VotesVoided { .. } | Fact::VoteArrivedVoid { .. } => TimelineKind::Void,
            Fact::WinnerSelected { .. } | Fact::FinalAnswer { .. } | Fact::RunEnded { .. } => TimelineKind::Outcome,
            // Whatever else was decided is told as the journal tells it, trouble as trouble.
            _ => TimelineKind::Note,
        },
        Event::Activity(
            Activity::CallRetried { .. }
            | Activity::CallJudged { .. }
            | Activity::ChangesOffered { .. }
            | Activity::Notice { .. },
        ) => TimelineKind::Note,
        Event::Activity(_) | Event::Input(_) => return None,
    })
}

fn vote_line(vote: &Vote, view: &RunView) -> String {
    format!("{} votes for {} by {}", name(view, vote.voter), vote.target, name(view, vote.target.agent))
}

/// An agent by id and anonymous name, as the other lines have it.
fn name(view: &RunView, index: AgentIndex) -> String {
    let (id, anonymous) = (one_line(&view.name(index), NAME_CHARS), index.to_string());
    if id == anonymous { id } else { format!("{id} ({anonymous})") }
}
