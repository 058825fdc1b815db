//! The state of a team: the fold of its facts. Nothing here decides anything.

use std::sync::Arc;

use massgen_protocol::{
    AgentIndex, AnswerRevision, Check, Choices, CutReason, Fact, Phase, RevisionVector, Rules, SnapshotId, Timer,
    TurnId, TurnKind, TurnOutcome, View, Vote,
};

/// Everything that the rules look at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Team {
    pub(crate) rules: Rules,
    pub(crate) seed: u64,
    pub(crate) phase: Phase,
    pub(crate) members: Vec<Member>,
    pub(crate) vector: RevisionVector,
    /// Every answer ever published, in order.
    pub(crate) answers: Vec<PublishedAnswer>,
    /// Why the coordination must end although the team has not agreed.
    pub(crate) ending: Option<Ending>,
    /// Whether first answers are no longer waited for.
    pub(crate) first_answers_wait_over: bool,
    pub(crate) winner: Option<AnswerRevision>,
    /// Whether there is a final answer.
    pub(crate) presented: bool,
}

/// Why the coordination must end although the team has not agreed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Ending {
    Cancelled,
    DeadlinePassed,
    /// With the limit in words.
    BudgetSpent(Arc<str>),
}

/// An answer and its label.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PublishedAnswer {
    pub(crate) revision: AnswerRevision,
    pub(crate) content: Arc<str>,
    /// How many answers its author had been shown.
    pub(crate) seen: u32,
    /// The files that go with it.
    pub(crate) snapshot: Option<SnapshotId>,
}

/// One agent of the team.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Member {
    /// Why it takes no further part.
    pub(crate) out: Option<Arc<str>>,
    pub(crate) turn: Option<OpenTurn>,
    pub(crate) turns: u32,
    /// Its decision on the current answers. Every new answer clears it.
    pub(crate) decision: Option<Decision>,
    pub(crate) cuts_in_a_row: u8,
    pub(crate) failures_in_a_row: u8,
    /// Whether it pauses after a failure.
    pub(crate) pausing: bool,
}

/// What an agent decided on the current answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Decision {
    Vote(Vote),
    Abstention,
}

/// A turn that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct OpenTurn {
    pub(crate) id: TurnId,
    pub(crate) kind: TurnKind,
    pub(crate) view: View,
    pub(crate) choices: Choices,
    pub(crate) chances_left: u8,
    /// Whether it ran tools: then it is worth more than deliberation and is not cut.
    pub(crate) invested: bool,
    pub(crate) cut: Option<CutReason>,
    /// The longest text among its rejected replies.
    pub(crate) said: Arc<str>,
    /// The agent's workspace as it was after the last of them.
    pub(crate) snapshot: Option<SnapshotId>,
    /// What it was seen to check.
    pub(crate) checks: Vec<(AnswerRevision, Check)>,
}

impl Team {
    pub(crate) fn new(size: u16, seed: u64, rules: Rules) -> Self {
        Self {
            rules,
            seed,
            phase: Phase::FirstAnswers,
            members: vec![Member::default(); usize::from(size)],
            vector: RevisionVector::empty(size),
            answers: Vec::new(),
            ending: None,
            first_answers_wait_over: false,
            winner: None,
            presented: false,
        }
    }

    /// Takes in a fact. The only way the state changes.
    pub(crate) fn apply(&mut self, fact: &Fact) {
        match fact {
            // A team's start makes the state; the rest only tells.
            Fact::TeamStarted { .. } | Fact::VotesVoided { .. } | Fact::VoteArrivedVoid { .. } => {}
            Fact::PhaseEntered { phase } => self.phase = *phase,
            Fact::TurnStarted { turn, kind, view, choices } => {
                let chances_left = self.rules.chances_per_turn.max(1);
                self.change(turn.agent, |member| {
                    member.turns = turn.number;
                    member.pausing = false;
                    member.turn = Some(OpenTurn {
                        id: *turn,
                        kind: *kind,
                        view: view.clone(),
                        choices: choices.clone(),
                        chances_left,
                        invested: false,
                        cut: None,
                        said: Arc::from(""),
                        snapshot: None,
                        checks: Vec::new(),
                    });
                });
            }
            Fact::TurnRefreshed { turn, view, choices } => self.change_turn(*turn, |open| {
                open.view.clone_from(view);
                open.choices.clone_from(choices);
            }),
            Fact::TurnInvested { turn } => self.change_turn(*turn, |open| open.invested = true),
            Fact::AnswerChecked { turn, revision, check } => {
                self.change_turn(*turn, |open| open.checks.push((*revision, check.clone())));
            }
            Fact::DecisionRejected { turn, chances_left, said, snapshot, .. } => self.change_turn(*turn, |open| {
                open.chances_left = *chances_left;
                open.snapshot = snapshot.clone().or(open.snapshot.take());
                if said.len() > open.said.len() {
                    open.said = Arc::from(said.as_str());
                }
            }),
            Fact::TurnCut { turn, reason } => self.change_turn(*turn, |open| open.cut = Some(*reason)),
            Fact::AnswerPublished { revision, content, seen, snapshot, .. } => {
                self.publish(*revision, content, seen.total(), snapshot.as_ref());
            }
            Fact::VoteCast { vote, .. } => {
                self.change(vote.voter, |member| member.decision = Some(Decision::Vote(vote.clone())));
            }
            Fact::TurnEnded { turn, outcome } => self.end_turn(*turn, outcome),
            Fact::AgentOut { agent, reason } => self.change(*agent, |member| {
                member.out = Some(Arc::from(reason.as_str()));
                member.pausing = false;
            }),
            Fact::DeadlinePassed { timer } => match timer {
                Timer::Coordination if self.ending != Some(Ending::Cancelled) => {
                    self.ending = Some(Ending::DeadlinePassed);
                }
                Timer::Coordination => {}
                Timer::FirstAnswers => self.first_answers_wait_over = true,
                Timer::Retry { agent } => self.change(*agent, |member| member.pausing = false),
                Timer::Turn { .. } => {}
            },
            Fact::BudgetSpent { limit } => {
                self.ending.get_or_insert(Ending::BudgetSpent(Arc::from(limit.as_str())));
            }
            Fact::CancelRequested => self.ending = Some(Ending::Cancelled),
            Fact::WinnerSelected { revision, .. } => self.winner = Some(*revision),
            Fact::FinalAnswer { .. } => self.presented = true,
            Fact::RunEnded { .. } => self.phase = Phase::Ended,
        }
    }

    /// Whether the coordination must end at once, whatever is under way.
    pub(crate) fn is_cutting(&self) -> bool {
        matches!(self.ending, Some(Ending::Cancelled | Ending::DeadlinePassed))
    }

    pub(crate) fn size(&self) -> u16 {
        u16::try_from(self.members.len()).unwrap_or(u16::MAX)
    }

    pub(crate) fn indexes(&self) -> impl DoubleEndedIterator<Item = AgentIndex> + Clone + use<> {
        AgentIndex::all(self.size())
    }

    pub(crate) fn member(&self, agent: AgentIndex) -> Option<&Member> {
        self.members.get(agent.position())
    }

    /// The turn, if it is the one that its agent has open.
    pub(crate) fn open_turn(&self, turn: TurnId) -> Option<&OpenTurn> {
        self.member(turn.agent)?.turn.as_ref().filter(|open| open.id == turn)
    }

    pub(crate) fn open_turns(&self) -> impl Iterator<Item = &OpenTurn> {
        self.members.iter().filter_map(|member| member.turn.as_ref())
    }

    /// The agents that still take part, with their indexes.
    pub(crate) fn live(&self) -> impl Iterator<Item = (AgentIndex, &Member)> {
        self.indexes().zip(&self.members).filter(|(_, member)| member.out.is_none())
    }

    pub(crate) fn has_answered(&self, agent: AgentIndex) -> bool {
        self.vector.count(agent) > 0
    }

    pub(crate) fn content(&self, revision: AnswerRevision) -> Option<&Arc<str>> {
        self.answers.iter().find(|answer| answer.revision == revision).map(|answer| &answer.content)
    }

    /// The files that go with an answer.
    pub(crate) fn snapshot(&self, revision: AnswerRevision) -> Option<&SnapshotId> {
        self.answers.iter().find(|answer| answer.revision == revision)?.snapshot.as_ref()
    }

    /// How many answers the author of `revision` had been shown.
    pub(crate) fn seen_by(&self, revision: AnswerRevision) -> u32 {
        self.answers.iter().find(|answer| answer.revision == revision).map_or(0, |answer| answer.seen)
    }

    /// The votes that stand.
    pub(crate) fn votes(&self) -> impl Iterator<Item = &Vote> {
        self.members.iter().filter_map(|member| match &member.decision {
            Some(Decision::Vote(vote)) => Some(vote),
            Some(Decision::Abstention) | None => None,
        })
    }

    fn publish(&mut self, revision: AnswerRevision, content: &str, seen: u32, snapshot: Option<&SnapshotId>) {
        // A journal comes from a file: what cannot be in it must not take the program down.
        if revision.agent.0 >= self.size() || self.vector.count(revision.agent).checked_add(1) != Some(revision.number)
        {
            return;
        }
        let _ = self.vector.publish(revision.agent);
        self.answers.push(PublishedAnswer { revision, content: Arc::from(content), seen, snapshot: snapshot.cloned() });
        // When the time is over nobody can look again: the votes that stand are what the team thought.
        if self.ending.is_some() {
            return;
        }
        for member in &mut self.members {
            member.decision = None;
        }
    }

    fn end_turn(&mut self, turn: TurnId, outcome: &TurnOutcome) {
        let reason = self.open_turn(turn).and_then(|open| open.cut);
        self.change(turn.agent, |member| {
            member.turn = None;
            match outcome {
                TurnOutcome::Answered | TurnOutcome::Voted | TurnOutcome::Presented => {
                    member.failures_in_a_row = 0;
                    member.cuts_in_a_row = 0;
                }
                TurnOutcome::Abstained => {
                    member.failures_in_a_row = 0;
                    member.cuts_in_a_row = 0;
                    member.decision = Some(Decision::Abstention);
                }
                TurnOutcome::Superseded if reason.is_some() => {
                    member.cuts_in_a_row = member.cuts_in_a_row.saturating_add(1);
                }
                TurnOutcome::Superseded => member.cuts_in_a_row = 0,
                TurnOutcome::Failed { .. } => {
                    member.failures_in_a_row = member.failures_in_a_row.saturating_add(1);
                    member.pausing = true;
                }
                TurnOutcome::TimedOut => member.failures_in_a_row = member.failures_in_a_row.saturating_add(1),
                TurnOutcome::BudgetSpent | TurnOutcome::Cancelled => {}
            }
        });
    }

    /// Changes one member. Facts about strangers cannot arise: turns are looked up before.
    fn change(&mut self, agent: AgentIndex, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.members.get_mut(agent.position()) {
            change(member);
        }
    }

    fn change_turn(&mut self, turn: TurnId, change: impl FnOnce(&mut OpenTurn)) {
        self.change(turn.agent, |member| {
            if let Some(open) = member.turn.as_mut().filter(|open| open.id == turn) {
                change(open);
            }
        });
    }
}
