//! What earlier turns said, for the prompt of the next.

use massgen_protocol::AgentIndex;

use crate::turn::{TurnRecord, TurnStatus};

/// One question with what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The turn, counted from 1.
    pub turn: u32,
    /// What the user asked.
    pub question: String,
    /// The final answer. Of a turn that has none: a note that says so, and what agents had answered, under their
    /// anonymous names.
    pub answer: String,
    /// Where the turn stands.
    pub status: TurnStatus,
    /// Whether its answer was scripted.
    pub is_rehearsal: bool,
}

impl Exchange {
    /// What a turn said. `None` for one of which neither question nor answer is known.
    #[must_use]
    pub fn of_turn(turn: &TurnRecord) -> Option<Self> {
        if turn.question.is_none() && turn.answer.is_none() && turn.partial_answers.is_empty() {
            return None;
        }
        let answer = match (&turn.answer, turn.status) {
            (Some(answer), TurnStatus::Completed) => answer.clone(),
            _ => unfinished(turn),
        };
        let question = turn.question.clone().unwrap_or_else(|| "(The question of this turn was not kept.)".to_owned());
        Some(Self { turn: turn.number, question, answer, status: turn.status, is_rehearsal: turn.is_rehearsal })
    }
}

fn unfinished(turn: &TurnRecord) -> String {
    let phase = turn.partial.as_ref().and_then(|partial| partial.phase.as_deref());
    let mut text = match (turn.status, phase) {
        (TurnStatus::Failed, _) => "[This turn failed: the team found no final answer.".to_owned(),
        (_, Some(phase)) => {
            format!("[This turn was stopped in the phase `{phase}`, before the team had agreed on a final answer.")
        }
        (..) => "[This turn was stopped before the team had agreed on a final answer.".to_owned(),
    };
    if turn.partial_answers.is_empty() {
        match &turn.answer {
            Some(answer) => text.push_str(&format!(" What there was:]\n\n{answer}")),
            None => text.push_str(" There was none.]"),
        }
        return text;
    }
    text.push_str(" What its agents had answered:]");
    let answers = turn.partial_answers.iter().enumerate();
    let mut answers: Vec<_> =
        answers.map(|(position, (agent, answer))| (anonymous(turn, agent, position), answer)).collect();
    answers.sort_by_key(|(agent, _)| *agent);
    for (agent, answer) in answers {
        text.push_str(&format!("\n\n[{agent}]\n{answer}"));
    }
    text
}

/// The name of an agent that models may see: its place in the team, or among those who answered if nobody wrote down
/// the team.
fn anonymous(turn: &TurnRecord, agent: &str, position: usize) -> AgentIndex {
    let place = turn.agents.iter().position(|spend| spend.id == agent);
    // Strangers come after the team, so that two never share a name.
    let place = place.unwrap_or(turn.agents.len() + position);
    AgentIndex(u16::try_from(place).unwrap_or(u16::MAX))
}
