//! The state without what can no longer matter, for tools that explore states.

use massgen_protocol::Phase;

use crate::coordinator::Coordinator;
use crate::team::{Decision, Team};

impl Coordinator {
    /// The same state without what has no influence on anything that can still happen: the numbers of
    /// turns, the order in which answers are shown, answers that were replaced, and, once the end has
    /// begun, the counts of failures. States with the same canonical form behave alike.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let mut team = self.team.clone();
        let vector = team.vector.clone();
        let voted_for: Vec<_> = team.votes().map(|vote| vote.target).collect();
        team.answers.retain(|answer| {
            vector.revision(answer.revision.agent) == Some(answer.revision) || voted_for.contains(&answer.revision)
        });
        for member in &mut team.members {
            member.turns = member.turns.min(1);
            if let Some(open) = &mut member.turn {
                open.id.number = 0;
                open.view.order.clear();
                open.choices.votes.sort_unstable();
            }
        }
        if team.phase == Phase::Presenting || team.is_cutting() {
            forget_counts(&mut team);
        }
        if team.phase == Phase::Presenting {
            forget_decisions(&mut team);
        }
        Self { team }
    }
}

/// Turns that are being ended are judged by what they bring, not by what happened before.
fn forget_counts(team: &mut Team) {
    team.first_answers_wait_over = false;
    for member in &mut team.members {
        member.cuts_in_a_row = 0;
        member.failures_in_a_row = 0;
        member.pausing = false;
        if let Some(open) = &mut member.turn {
            open.invested = false;
            open.chances_left = 0;
            open.said = "".into();
        }
    }
}

/// Once the winner is chosen, all that matters of the votes is whether there was one.
fn forget_decisions(team: &mut Team) {
    let mut vote =
        team.members.iter().filter_map(|member| member.decision.clone()).find_map(|decision| match decision {
            Decision::Vote(vote) => Some(Decision::Vote(vote)),
            Decision::Abstention => None,
        });
    if let Some(Decision::Vote(vote)) = &mut vote {
        vote.voter.0 = 0;
        vote.reason.clear();
        if let Some(winner) = team.winner {
            vote.target = winner;
        }
    }
    for member in &mut team.members {
        member.decision = None;
    }
    if let Some(first) = team.members.first_mut() {
        first.decision = vote;
    }
    let winner = team.winner;
    for (agent, member) in team.indexes().zip(&mut team.members) {
        if winner.is_none_or(|winner| winner.agent != agent) {
            member.out = None;
        }
    }
}
