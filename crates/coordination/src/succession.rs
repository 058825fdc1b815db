//! What follows from the state alone: turns to start and to cut, phases, the end.

use massgen_protocol::{
    AgentIndex, CutReason, Fact, Phase, PresentationSource, RunEnd, SnapshotId, Strategy, TurnId, TurnKind,
};

use crate::choices::Need;
use crate::coordinator::Coordinator;
use crate::message::Step;
use crate::selection;
use crate::team::{Ending, OpenTurn};

impl Coordinator {
    /// Records the next fact that follows from the state, if one does.
    pub(crate) fn advance(&mut self, step: &mut Step) -> bool {
        let before = step.facts.len();
        match self.team.phase {
            Phase::FirstAnswers | Phase::Deciding => self.advance_coordination(step),
            Phase::Presenting => self.advance_presentation(step),
            Phase::Ended => {}
        }
        step.facts.len() > before
    }

    fn advance_coordination(&mut self, step: &mut Step) {
        if let Some(ending) = &self.team.ending {
            let reason = match ending {
                Ending::Cancelled => Some(CutReason::Cancelled),
                Ending::DeadlinePassed => Some(CutReason::CoordinationOver),
                // What is under way is paid for.
                Ending::BudgetSpent(_) => None,
            };
            let is_cut = reason.is_some_and(|reason| self.cut_next(reason, step));
            if is_cut || self.team.open_turns().next().is_some() {
                return;
            }
            return self.conclude(step);
        }
        if self.team.phase == Phase::FirstAnswers && self.first_answers_are_over() {
            return self.record(Fact::PhaseEntered { phase: Phase::Deciding }, step);
        }
        let idle = self.team.open_turns().find(|open| self.is_idle_deliberation(open)).map(|open| open.id);
        if let Some(turn) = idle {
            return self.record(Fact::TurnCut { turn, reason: CutReason::Outdated }, step);
        }
        let next = self.team.indexes().find_map(|agent| match self.team.need(agent) {
            Need::Turn(kind) => Some((agent, kind)),
            Need::Nothing => None,
        });
        if let Some((agent, kind)) = next {
            return self.start_turn(agent, kind, step);
        }
        let nobody_pauses = self.team.members.iter().all(|member| !member.pausing);
        if nobody_pauses && self.team.open_turns().next().is_none() {
            self.conclude(step);
        }
    }

    /// Whether agents that have answered need not wait any longer for the first answers of others.
    fn first_answers_are_over(&self) -> bool {
        let waited = self.team.first_answers_wait_over && !self.team.vector.is_empty();
        let nothing_to_wait_for = !self.team.below_total_cap();
        // An agent alone has nobody to wait for; its one turn ends the run.
        self.team.size() > 1
            && (waited || nothing_to_wait_for || self.team.live().all(|(agent, _)| self.team.has_answered(agent)))
    }

    /// Whether a turn only deliberates over answers that are no longer the current ones: then nobody
    /// should pay for the rest of it.
    fn is_idle_deliberation(&self, open: &OpenTurn) -> bool {
        let team = &self.team;
        open.kind == TurnKind::Decide
            && open.cut.is_none()
            && !open.invested
            && open.view.vector != team.vector
            && team.has_answered(open.id.agent)
            && team.member(open.id.agent).is_some_and(|member| member.cuts_in_a_row < team.rules.cuts_in_a_row_max)
    }

    fn start_turn(&mut self, agent: AgentIndex, kind: TurnKind, step: &mut Step) {
        let number = self.team.member(agent).map_or(0, |member| member.turns).saturating_add(1);
        let view = self.team.view(agent, kind);
        let choices = self.team.choices(agent, kind, &view);
        self.record(Fact::TurnStarted { turn: TurnId { agent, number }, kind, view, choices }, step);
    }

    /// Cuts the next open turn that is not cut for good; says whether there was one.
    fn cut_next(&mut self, reason: CutReason, step: &mut Step) -> bool {
        let turn = self.team.open_turns().find(|open| open.cut.is_none()).map(|open| open.id);
        if let Some(turn) = turn {
            self.record(Fact::TurnCut { turn, reason }, step);
        }
        turn.is_some()
    }

    /// Ends the coordination: nobody has anything left to do, or the time is over.
    fn conclude(&mut self, step: &mut Step) {
        let Some((revision, tally, rule)) = selection::select(&self.team) else {
            let end = match &self.team.ending {
                Some(Ending::Cancelled) => RunEnd::Cancelled,
                Some(Ending::DeadlinePassed) => RunEnd::TimedOut,
                Some(Ending::BudgetSpent(limit)) => RunEnd::BudgetSpent { limit: limit.to_string() },
                None => RunEnd::NoAnswer { reason: self.why_nobody_answered() },
            };
            return self.record(Fact::RunEnded { end }, step);
        };
        self.record(Fact::WinnerSelected { revision, tally, rule }, step);
        self.record(Fact::PhaseEntered { phase: Phase::Presenting }, step);
    }

    fn advance_presentation(&mut self, step: &mut Step) {
        let Some(winner) = self.team.winner else { return };
        if self.team.presented {
            let end = self.end();
            return self.record(Fact::RunEnded { end }, step);
        }
        if self.team.open_turns().next().is_some() {
            if self.team.ending == Some(Ending::Cancelled) {
                self.cut_next(CutReason::Cancelled, step);
            }
            return;
        }
        if self.team.ending == Some(Ending::Cancelled) {
            return self.stored_answer("the run was stopped", step);
        }
        if let Some(Ending::BudgetSpent(limit)) = &self.team.ending {
            let reason = format!("the budget is spent: {limit}");
            return self.stored_answer(&reason, step);
        }
        if self.team.size() == 1 {
            return self.stored_answer("one agent alone answers directly", step);
        }
        if self.team.rules.strategy == Strategy::WinnerReuse {
            return self.stored_answer("the strategy is to take the winning answer as it is", step);
        }
        if self.team.vector.revisions().count() == 1 && !self.team.rules.presentation_acts {
            return self.stored_answer("there is no other answer to draw on", step);
        }
        if self.team.member(winner.agent).is_none_or(|member| member.out.is_some()) {
            return self.stored_answer("its author takes no further part", step);
        }
        self.start_turn(winner.agent, TurnKind::Present, step);
    }

    /// Takes the winner's answer as it was published.
    pub(crate) fn stored_answer(&mut self, reason: &str, step: &mut Step) {
        let Some(winner) = self.team.winner else { return };
        let Some(content) = self.team.content(winner).cloned() else { return };
        let snapshot = self.team.snapshot(winner).cloned();
        self.final_answer(
            content.to_string(),
            PresentationSource::Stored { reason: reason.to_owned() },
            snapshot,
            step,
        );
    }

    pub(crate) fn final_answer(
        &mut self,
        content: String,
        source: PresentationSource,
        snapshot: Option<SnapshotId>,
        step: &mut Step,
    ) {
        let Some(revision) = self.team.winner else { return };
        self.record(Fact::FinalAnswer { revision, content, source, snapshot }, step);
    }

    fn end(&self) -> RunEnd {
        let others_answered = self.team.vector.revisions().count() > 1;
        match &self.team.ending {
            Some(Ending::Cancelled) => RunEnd::Cancelled,
            Some(Ending::DeadlinePassed) => RunEnd::TimedOutWithAnswer,
            Some(Ending::BudgetSpent(limit)) => RunEnd::BudgetSpentWithAnswer { limit: limit.to_string() },
            None if self.team.votes().next().is_some() => RunEnd::Consensus,
            None if others_answered => RunEnd::WithoutConsensus,
            None => RunEnd::SingleAnswer,
        }
    }

    fn why_nobody_answered(&self) -> String {
        let reasons: Vec<String> = self.agents_out().map(|(agent, reason)| format!("{agent}: {reason}")).collect();
        if reasons.is_empty() { "no agent gave an answer".to_owned() } else { reasons.join("; ") }
    }
}
