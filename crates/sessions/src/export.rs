//! A session as one file for people: Markdown or HTML.

mod amount;
mod html;
mod markdown;
mod page;
mod timeline;

use massgen_journal::{Summary, run_summary};
use massgen_protocol::Cost;

use crate::error::SessionError;
use crate::session::Session;
use crate::spend::{self, AgentSpend};
use crate::turn::TurnRecord;

pub use timeline::{TimelineEntry, TimelineKind};

/// A session with everything that an export tells of it. Rendering it needs no files.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionDocument {
    /// The session's name.
    pub id: String,
    /// Its turns, in order.
    pub turns: Vec<TurnDocument>,
}

/// A turn with what its journal tells.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnDocument {
    /// What its folder tells.
    pub record: TurnRecord,
    /// What its journal tells; in words why there is nothing.
    pub course: Result<Course, String>,
}

/// How a turn came to its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// What happened, in order.
    pub timeline: Vec<TimelineEntry>,
    /// How many things more happened than a page can tell.
    pub left_out: usize,
    /// Who won, and the votes.
    pub summary: Summary,
    /// What is wrong with the journal, if anything is.
    pub problem: Option<String>,
}

impl SessionDocument {
    /// Gathers what there is to tell of a session. A missing journal costs the turn its timeline.
    ///
    /// # Errors
    /// When the session's folder cannot be read.
    pub fn load(session: &Session) -> Result<Self, SessionError> {
        let turns = session.turns()?.into_iter().map(|record| TurnDocument { course: course(&record), record });
        Ok(Self { id: session.id().to_string(), turns: turns.collect() })
    }

    /// As Markdown. What models and users wrote stands between fences that it cannot close.
    #[must_use]
    pub fn markdown(&self) -> String {
        markdown::render(self)
    }

    /// As one page of HTML without scripts that needs no other file. What models and users wrote is text in it,
    /// never markup.
    #[must_use]
    pub fn html(&self) -> String {
        html::render(self)
    }

    /// What all turns cost, as far as anybody wrote it down.
    #[must_use]
    pub fn cost(&self) -> Cost {
        spend::sum(self.turns.iter().filter_map(TurnDocument::cost))
    }
}

impl TurnDocument {
    /// What it cost; `None` when nobody knows.
    #[must_use]
    pub fn cost(&self) -> Option<Cost> {
        self.record.cost.or_else(|| self.course.as_ref().ok().map(|course| course.summary.cost))
    }

    /// What each agent took: as the folder tells, or else the journal.
    #[must_use]
    pub fn agents(&self) -> Vec<AgentSpend> {
        if !self.record.agents.is_empty() {
            return self.record.agents.clone();
        }
        let agents = self.course.as_ref().map_or(&[][..], |course| &course.summary.agents);
        let spend = agents.iter().map(|agent| AgentSpend {
            id: agent.agent_id.clone(),
            backend: String::new(),
            model: agent.model.clone(),
            cost: agent.cost,
            input_tokens: agent.usage.input_tokens,
            output_tokens: agent.usage.output_tokens,
        });
        spend.collect()
    }

    /// The answer to show: the final one, or the best one of a turn without.
    #[must_use]
    pub fn answer(&self) -> Option<&str> {
        let journal = || self.course.as_ref().ok()?.summary.final_answer.as_deref();
        self.record.answer.as_deref().or_else(journal)
    }

    /// The question, from the folder or else the journal.
    #[must_use]
    pub fn question(&self) -> Option<&str> {
        let journal = || Some(self.course.as_ref().ok()?.summary.question.as_str());
        self.record.question.as_deref().or_else(journal)
    }

    /// How long it took, in milliseconds.
    #[must_use]
    pub fn duration_ms(&self) -> Option<u64> {
        match (self.record.started_ms, self.record.ended_ms) {
            (Some(start), Some(end)) => Some(end.saturating_sub(start)),
            _ => self.course.as_ref().ok().map(|course| course.summary.duration_ms),
        }
    }

    /// Who won and by which rule, in one line.
    pub(crate) fn verdict(&self) -> Option<String> {
        let summary = self.course.as_ref().ok().map(|course| &course.summary);
        let winner = summary.and_then(|summary| summary.winner.as_ref());
        let Some(winner) = winner else {
            return self.record.winner.as_ref().map(|winner| format!("Answer by {winner}"));
        };
        let rule = winner.rule.map(|rule| format!(": {rule}")).unwrap_or_default();
        let tally: Vec<_> = summary
            .map_or(&[][..], |summary| &summary.tally)
            .iter()
            .map(|row| format!("{} for {}", row.votes, row.label))
            .collect();
        let tally = if tally.is_empty() { String::new() } else { format!(" (votes: {})", tally.join(", ")) };
        Some(format!("{} by {} won{rule}{tally}", winner.label, winner.agent_id))
    }
}

/// A session as Markdown, see [`SessionDocument::markdown`].
///
/// # Errors
/// When the session's folder cannot be read.
pub fn export_markdown(session: &Session) -> Result<String, SessionError> {
    SessionDocument::load(session).map(|document| document.markdown())
}

/// A session as a page of HTML, see [`SessionDocument::html`].
///
/// # Errors
/// When the session's folder cannot be read.
pub fn export_html(session: &Session) -> Result<String, SessionError> {
    SessionDocument::load(session).map(|document| document.html())
}

fn course(record: &TurnRecord) -> Result<Course, String> {
    let Some(journal) = record.journal() else {
        return Err(
            "This turn was saved without a journal, so how the team came to its answer is not known.".to_owned()
        );
    };
    let telling = timeline::read(&journal)
        .map_err(|error| format!("The journal of this turn cannot be read, so its timeline is missing: {error}."))?;
    Ok(Course {
        timeline: telling.entries,
        left_out: telling.left_out,
        summary: run_summary(&telling.view),
        problem: telling.problem,
    })
}
