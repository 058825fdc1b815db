//! What an agent is shown, what it may decide, and whether it should be asked at all.

use massgen_protocol::{AgentIndex, Choices, Phase, TurnKind, View};

use crate::shuffle;
use crate::team::Team;

/// Whether an agent without an open turn is to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Ask it now.
    Turn(TurnKind),
    /// It has decided, or there is nothing that it could decide yet.
    Nothing,
}

impl Team {
    /// Whether `agent` is to be asked now.
    pub(crate) fn need(&self, agent: AgentIndex) -> Need {
        let Some(member) = self.member(agent) else { return Need::Nothing };
        if member.out.is_some() || member.turn.is_some() || member.pausing || member.decision.is_some() {
            return Need::Nothing;
        }
        match (self.phase, self.has_answered(agent)) {
            (_, false) if self.size() == 1 => Need::Turn(TurnKind::Solo),
            (Phase::FirstAnswers, false) => Need::Turn(TurnKind::FirstAnswer),
            (Phase::Deciding, false) if self.vector.is_empty() => Need::Turn(TurnKind::FirstAnswer),
            (Phase::Deciding, false) => Need::Turn(TurnKind::Decide),
            (Phase::Deciding, true) if self.may_compare(agent) => Need::Turn(TurnKind::Decide),
            _ => Need::Nothing,
        }
    }

    /// What `agent` would be shown now.
    pub(crate) fn view(&self, agent: AgentIndex, kind: TurnKind) -> View {
        match kind {
            // First answers are independent of each other, whoever is first.
            TurnKind::Solo | TurnKind::FirstAnswer => {
                View { vector: massgen_protocol::RevisionVector::empty(self.size()), order: Vec::new() }
            }
            TurnKind::Decide | TurnKind::Present => {
                let mut order = shuffle::order(self.seed, agent, &self.vector);
                // What is presented is what was voted for, not what its author wrote when the time was over.
                if let Some(winner) = self.winner.filter(|_| kind == TurnKind::Present) {
                    order.iter_mut().filter(|answer| answer.agent == winner.agent).for_each(|answer| *answer = winner);
                }
                View { vector: self.vector.clone(), order }
            }
        }
    }

    /// What `agent` may decide when it is shown `view`.
    pub(crate) fn choices(&self, agent: AgentIndex, kind: TurnKind, view: &View) -> Choices {
        match kind {
            TurnKind::Present => Choices { may_answer: false, votes: Vec::new() },
            TurnKind::Solo | TurnKind::FirstAnswer => Choices { may_answer: true, votes: Vec::new() },
            TurnKind::Decide => Choices {
                may_answer: self.below_caps(agent) && !self.runs_ahead(agent),
                // In the order shown: a place in a list of choices must not decide either.
                votes: view.order.clone(),
            },
        }
    }

    /// Whether `agent` may publish one more answer without breaking a cap.
    pub(crate) fn below_caps(&self, agent: AgentIndex) -> bool {
        self.vector.count(agent) < self.rules.answers_per_agent_max.max(1) && self.below_total_cap()
    }

    /// Whether the team may publish one more answer.
    pub(crate) fn below_total_cap(&self) -> bool {
        self.rules.answers_total_max.is_none_or(|max| self.vector.total() < max.max(1))
    }

    /// Whether an agent that has answered has something to compare, and may go on: there is an
    /// answer of somebody else, and it does not run ahead of one that is on its first answer.
    fn may_compare(&self, agent: AgentIndex) -> bool {
        let peer_answered = self.vector.revisions().any(|answer| answer.agent != agent);
        let peer_on_first_answer =
            self.live().any(|(peer, member)| peer != agent && !self.has_answered(peer) && member.decision.is_none());
        peer_answered && !(peer_on_first_answer && self.runs_ahead(agent))
    }

    /// Whether one more answer would take `agent` too far ahead of a peer that is still deciding. A
    /// first answer never does.
    fn runs_ahead(&self, agent: AgentIndex) -> bool {
        let Some(lead_max) = self.rules.lead_max else { return false };
        let slowest = self
            .live()
            .filter(|(peer, member)| *peer != agent && member.decision.is_none())
            .map(|(peer, _)| self.vector.count(peer))
            .min();
        self.has_answered(agent)
            && slowest.is_some_and(|slowest| self.vector.count(agent) + 1 > slowest.saturating_add(lead_max))
    }
}
