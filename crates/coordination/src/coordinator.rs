//! Takes inputs in, one at a time, and says what was decided and what is to be done.

use massgen_protocol::{
    AgentIndex, AnswerRevision, AnswerSource, Checked, CutReason, Fact, Input, Phase, PresentationSource, Reply,
    ReplyEnding, RevisionVector, Rules, SnapshotId, Timer, TurnId, TurnKind, TurnOutcome, Violation, Vote,
};

use crate::judge::{self, Verdict};
use crate::message::{Command, News, Step, TurnBrief};
use crate::team::{Ending, OpenTurn, Team};

/// The coordination of one run.
///
/// One owner holds it and feeds it one input at a time. All facts of a step must be written before
/// any of its commands is performed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Coordinator {
    pub(crate) team: Team,
}

impl Coordinator {
    /// A team of `size` agents that has not begun. The seed decides in which order voters see answers.
    #[must_use]
    pub fn new(size: u16, seed: u64, rules: Rules) -> Self {
        Self { team: Team::new(size, seed, rules) }
    }

    /// The coordination as the facts of a journal left it; `None` when they do not begin with the
    /// start of a team.
    pub fn replay<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Option<Self> {
        let mut facts = facts.into_iter();
        let Some(Fact::TeamStarted { size, seed, rules }) = facts.next() else { return None };
        let mut coordinator = Self::new(*size, *seed, rules.clone());
        for fact in facts {
            coordinator.team.apply(fact);
        }
        Some(coordinator)
    }

    /// Takes in what happened. Inputs about turns that are not open change nothing, and neither does
    /// anything but `Begin` and `Cancel` before the team has begun.
    pub fn handle(&mut self, input: Input) -> Step {
        let mut step = Step::default();
        if self.team.phase == Phase::Ended {
            return step;
        }
        if !self.has_begun() {
            match input {
                // Stopped before it began: the journal still tells a whole run.
                Input::Begin | Input::Cancel => self.begin(&mut step),
                _ => return step,
            }
        }
        match input {
            Input::Begin => {}
            Input::Replied { turn, reply } => self.replied(turn, &reply, &mut step),
            Input::ToolRan { turn, checked } => self.tool_ran(turn, checked, &mut step),
            Input::SafePoint { turn } => self.safe_point(turn, &mut step),
            Input::TurnFailed { turn, message, retryable } => self.turn_failed(turn, message, retryable, &mut step),
            Input::TurnStopped { turn } => self.turn_stopped(turn, &mut step),
            Input::BudgetSpent { turn, limit } => self.budget_spent(turn, &limit, &mut step),
            Input::TimerFired { timer } => self.timer_fired(timer, &mut step),
            Input::Cancel => self.cancel(&mut step),
        }
        while self.advance(&mut step) {}
        step
    }

    /// Whether the run is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.team.phase == Phase::Ended
    }

    /// Where the run is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.team.phase
    }

    /// The version of the set of answers.
    #[must_use]
    pub fn vector(&self) -> &RevisionVector {
        &self.team.vector
    }

    /// The turns that are open: exactly those that the runtime must be working on or stopping.
    pub fn open_turns(&self) -> impl Iterator<Item = TurnBrief> + '_ {
        self.team.open_turns().map(|open| TurnBrief {
            turn: open.id,
            kind: open.kind,
            view: open.view.clone(),
            choices: open.choices.clone(),
        })
    }

    /// The votes that count now.
    pub fn votes(&self) -> impl Iterator<Item = &Vote> {
        self.team.votes()
    }

    /// Why each agent that is out is out.
    pub fn agents_out(&self) -> impl Iterator<Item = (AgentIndex, &str)> {
        self.team.indexes().filter_map(|agent| Some((agent, self.team.member(agent)?.out.as_deref()?)))
    }

    /// Records a fact: takes it into the state and adds the commands that it means.
    pub(crate) fn record(&mut self, fact: Fact, step: &mut Step) {
        self.team.apply(&fact);
        let rules = &self.team.rules;
        let mut timer = |timer, after_ms| step.commands.push(Command::SetTimer { timer, after_ms });
        match &fact {
            Fact::TeamStarted { .. } => {
                rules.coordination_ms.into_iter().for_each(|after| timer(Timer::Coordination, after));
            }
            Fact::TurnStarted { turn, kind, view, choices } => {
                let limit = match kind {
                    TurnKind::Present => Some(rules.presentation_ms),
                    TurnKind::Solo | TurnKind::FirstAnswer => rules.first_turn_ms,
                    TurnKind::Decide => rules.later_turn_ms,
                };
                limit.into_iter().for_each(|after| timer(Timer::Turn { turn: *turn }, after));
                step.commands.push(Command::StartTurn(TurnBrief {
                    turn: *turn,
                    kind: *kind,
                    view: view.clone(),
                    choices: choices.clone(),
                }));
            }
            Fact::TurnCut { turn, .. } => step.commands.push(Command::CutTurn { turn: *turn }),
            Fact::AnswerPublished { .. } if self.team.vector.total() == 1 && self.team.size() > 1 => {
                rules.first_answers_wait_ms.into_iter().for_each(|after| timer(Timer::FirstAnswers, after));
            }
            Fact::TurnEnded { turn, outcome: TurnOutcome::Failed { retryable: true, .. } } => {
                let failures = self.team.member(turn.agent).map_or(0, |member| member.failures_in_a_row);
                if failures < rules.failures_in_a_row_max {
                    let doublings = u32::from(failures.saturating_sub(1).min(16));
                    timer(Timer::Retry { agent: turn.agent }, rules.retry_pause_ms.saturating_mul(1 << doublings));
                }
            }
            Fact::RunEnded { .. } => step.commands.push(Command::Finish),
            _ => {}
        }
        step.facts.push(fact);
    }

    /// Whether the team was started: the step that starts it gives every agent a turn.
    fn has_begun(&self) -> bool {
        self.team.members.iter().any(|member| member.turns > 0)
    }

    fn begin(&mut self, step: &mut Step) {
        let Team { seed, rules, .. } = &self.team;
        let started = Fact::TeamStarted { size: self.team.size(), seed: *seed, rules: rules.clone() };
        self.record(started, step);
        self.record(Fact::PhaseEntered { phase: Phase::FirstAnswers }, step);
    }

    fn replied(&mut self, turn: TurnId, reply: &Reply, step: &mut Step) {
        let Some(open) = self.team.open_turn(turn).cloned() else { return };
        match open.kind {
            TurnKind::Present => self.presented(&open, reply, step),
            TurnKind::Solo => self.answered_alone(&open, reply, step),
            TurnKind::FirstAnswer | TurnKind::Decide => self.decided(&open, reply, step),
        }
    }

    fn decided(&mut self, open: &OpenTurn, reply: &Reply, step: &mut Step) {
        match judge::judge(&self.team, open, reply) {
            // An answer that was on its way when its turn was cut is finished work: it counts.
            Ok(Verdict::Answer { content }) => {
                self.publish(open, content, AnswerSource::Decision, reply.snapshot.clone(), step);
            }
            Ok(Verdict::Vote { target, reason }) => self.vote(open, target, reason, step),
            Err(_) if open.cut.is_some() => {
                let said = [judge::said(reply), &*open.said].into_iter().max_by_key(|said| said.len());
                let snapshot = reply.snapshot.as_ref().or(open.snapshot.as_ref());
                if !self.take_at_its_word(open, said.unwrap_or_default(), snapshot, step) {
                    self.end_cut(open, step);
                }
            }
            // It cannot be blamed for answers that left no room for its own: it starts anew, to vote.
            Err(_) if open.kind == TurnKind::FirstAnswer && !self.team.below_caps(open.id.agent) => {
                self.record(Fact::TurnEnded { turn: open.id, outcome: TurnOutcome::Superseded }, step);
            }
            Err(violation) => self.reject(open, violation, reply, step),
        }
    }

    fn publish(
        &mut self,
        open: &OpenTurn,
        content: String,
        source: AnswerSource,
        snapshot: Option<SnapshotId>,
        step: &mut Step,
    ) {
        let looks_again = self.team.ending.is_none();
        let voided: Vec<Vote> = self.team.votes().filter(|_| looks_again).cloned().collect();
        let revision = self.team.vector.clone().publish(open.id.agent);
        let seen = open.view.vector.clone();
        self.record(Fact::AnswerPublished { turn: open.id, revision, content, seen, source, snapshot }, step);
        if !voided.is_empty() {
            self.record(Fact::VotesVoided { by: revision, votes: voided }, step);
        }
        self.record(Fact::TurnEnded { turn: open.id, outcome: TurnOutcome::Answered }, step);
    }

    fn vote(&mut self, open: &OpenTurn, target: AnswerRevision, reason: String, step: &mut Step) {
        let turn = open.id;
        let of_target = open.checks.iter().filter(|(checked, _)| *checked == target);
        let checks = of_target.map(|(_, check)| check.clone()).collect();
        let vote = Vote { voter: turn.agent, target, reason, seen: open.view.vector.clone(), checks };
        if vote.seen == self.team.vector {
            self.record(Fact::VoteCast { turn, vote }, step);
            self.record(Fact::TurnEnded { turn, outcome: TurnOutcome::Voted }, step);
        } else {
            self.record(Fact::VoteArrivedVoid { turn, vote, current: self.team.vector.clone() }, step);
            if open.cut.is_some() {
                self.end_cut(open, step);
            } else {
                self.record(Fact::TurnEnded { turn, outcome: TurnOutcome::Superseded }, step);
            }
        }
    }

    fn reject(&mut self, open: &OpenTurn, violation: Violation, reply: &Reply, step: &mut Step) {
        let turn = open.id;
        let chances_left = open.chances_left.saturating_sub(1);
        let rejected = Fact::DecisionRejected {
            turn,
            violation: violation.clone(),
            chances_left,
            said: judge::said(reply).to_owned(),
            snapshot: reply.snapshot.clone(),
        };
        self.record(rejected, step);
        if chances_left == 0 {
            return self.exhausted(turn, step);
        }
        let news = self.refresh(turn, step);
        step.commands.push(Command::Reject { turn, violation, chances_left, news });
    }

    /// Takes an agent without an answer by its word: what it has said in a turn that ends without a
    /// decision is its answer, however the turn ends.
    fn take_at_its_word(
        &mut self,
        open: &OpenTurn,
        said: &str,
        snapshot: Option<&SnapshotId>,
        step: &mut Step,
    ) -> bool {
        let may_answer = matches!(open.kind, TurnKind::FirstAnswer | TurnKind::Decide);
        if !may_answer || self.team.has_answered(open.id.agent) {
            return false;
        }
        let Ok(Verdict::Answer { content }) = judge::judge_answer(&self.team, open, said) else { return false };
        self.publish(open, content, AnswerSource::PlainText, snapshot.cloned(), step);
        true
    }

    /// Ends a turn that used up its chances. An agent that has answered decides for nobody.
    fn exhausted(&mut self, turn: TurnId, step: &mut Step) {
        let Some(open) = self.team.open_turn(turn) else { return };
        let outcome = match open.kind {
            TurnKind::Decide => TurnOutcome::Abstained,
            TurnKind::Solo | TurnKind::FirstAnswer | TurnKind::Present => {
                TurnOutcome::Failed { message: "it gave no answer".to_owned(), retryable: true }
            }
        };
        self.end_unsuccessfully(turn, outcome, step);
    }

    fn answered_alone(&mut self, open: &OpenTurn, reply: &Reply, step: &mut Step) {
        match judge::judge_answer(&self.team, open, judge::said(reply)) {
            Ok(Verdict::Answer { content }) => {
                self.publish(open, content, AnswerSource::Decision, reply.snapshot.clone(), step);
            }
            _ if open.cut.is_some() => self.end_cut(open, step),
            _ => self.reject(open, Violation::EmptyAnswer, reply, step),
        }
    }

    fn presented(&mut self, open: &OpenTurn, reply: &Reply, step: &mut Step) {
        let content = judge::said(reply);
        // The stored answer is whole: no half presentation may take its place.
        let trouble = match reply.ending {
            ReplyEnding::Whole if content.is_empty() => Some("the presentation was empty"),
            ReplyEnding::Whole => None,
            ReplyEnding::CutAtLimit => Some("the presentation was cut at the limit of output tokens"),
            ReplyEnding::Refused => Some("the model or its provider refused to present it"),
        };
        if let Some(trouble) = trouble {
            return self.fall_back(open, trouble, step);
        }
        let content = content.to_owned();
        self.record(Fact::TurnEnded { turn: open.id, outcome: TurnOutcome::Presented }, step);
        self.final_answer(content, PresentationSource::Presented, reply.snapshot.clone(), step);
    }

    /// Ends a presentation that did not succeed: the winner's stored answer is the final one.
    fn fall_back(&mut self, open: &OpenTurn, reason: &str, step: &mut Step) {
        let outcome = match open.cut {
            Some(CutReason::Cancelled) => TurnOutcome::Cancelled,
            Some(_) => TurnOutcome::TimedOut,
            None => TurnOutcome::Failed { message: reason.to_owned(), retryable: false },
        };
        self.record(Fact::TurnEnded { turn: open.id, outcome }, step);
        self.stored_answer(reason, step);
    }

    fn tool_ran(&mut self, turn: TurnId, checked: Vec<Checked>, step: &mut Step) {
        /// What was checked is evidence, not a transcript.
        const CHECKS_MAX: usize = 40;
        if self.team.open_turn(turn).is_some_and(|open| !open.invested) {
            self.record(Fact::TurnInvested { turn }, step);
        }
        for Checked { author, check } in checked {
            let Some(open) = self.team.open_turn(turn) else { return };
            let Some(revision) = open.view.vector.revision(author) else { continue };
            let known = open.checks.iter().any(|known| known.0 == revision && known.1 == check);
            if !known && open.checks.len() < CHECKS_MAX {
                self.record(Fact::AnswerChecked { turn, revision, check }, step);
            }
        }
    }

    fn safe_point(&mut self, turn: TurnId, step: &mut Step) {
        let Some(open) = self.team.open_turn(turn) else { return };
        if open.cut.is_none() {
            let news = self.refresh(turn, step);
            step.commands.push(Command::Continue { turn, news });
        }
    }

    /// Shows a turn at a safe point the current answers, if it has not been shown them.
    fn refresh(&mut self, turn: TurnId, step: &mut Step) -> Option<News> {
        let open = self.team.open_turn(turn)?;
        if open.kind != TurnKind::Decide || open.view.vector == self.team.vector {
            return None;
        }
        let view = self.team.view(turn.agent, TurnKind::Decide);
        let choices = self.team.choices(turn.agent, TurnKind::Decide, &view);
        self.record(Fact::TurnRefreshed { turn, view: view.clone(), choices: choices.clone() }, step);
        Some(News { view, choices })
    }

    fn turn_failed(&mut self, turn: TurnId, message: String, retryable: bool, step: &mut Step) {
        let Some(open) = self.team.open_turn(turn).cloned() else { return };
        if open.kind == TurnKind::Present {
            self.fall_back(&open, &format!("the presentation failed: {message}"), step);
        } else if open.cut.is_some() {
            self.end_cut(&open, step);
        } else {
            self.end_unsuccessfully(turn, TurnOutcome::Failed { message, retryable }, step);
        }
    }

    fn turn_stopped(&mut self, turn: TurnId, step: &mut Step) {
        let Some(open) = self.team.open_turn(turn).cloned() else { return };
        if open.cut.is_none() {
            // Nobody asked it to stop: whatever stopped it, the turn did not succeed.
            return self.turn_failed(turn, "it stopped without being asked to".to_owned(), true, step);
        }
        self.end_cut(&open, step);
    }

    /// Ends a turn that was cut and brought nothing that counts.
    fn end_cut(&mut self, open: &OpenTurn, step: &mut Step) {
        if open.kind == TurnKind::Present {
            let reason = match open.cut {
                Some(CutReason::Cancelled) => "the run was stopped during the presentation",
                _ => "the presentation ran out of time",
            };
            return self.fall_back(open, reason, step);
        }
        let outcome = match open.cut {
            Some(CutReason::TimedOut) => TurnOutcome::TimedOut,
            Some(CutReason::Cancelled | CutReason::CoordinationOver) => TurnOutcome::Cancelled,
            Some(CutReason::Outdated) | None => TurnOutcome::Superseded,
        };
        self.end_unsuccessfully(open.id, outcome, step);
    }

    /// Ends a turn, and with it the agent's part in the run when that was one failure too many.
    fn end_unsuccessfully(&mut self, turn: TurnId, outcome: TurnOutcome, step: &mut Step) {
        let Some(open) = self.team.open_turn(turn).cloned() else { return };
        if self.take_at_its_word(&open, &open.said, open.snapshot.as_ref(), step) {
            return;
        }
        let why = match &outcome {
            TurnOutcome::Failed { message, .. } => message.clone(),
            TurnOutcome::BudgetSpent => "the budget is spent".to_owned(),
            _ => "it ran out of time".to_owned(),
        };
        let hopeless = matches!(outcome, TurnOutcome::Failed { retryable: false, .. });
        self.record(Fact::TurnEnded { turn, outcome }, step);
        let failures_max = self.team.rules.failures_in_a_row_max.max(1);
        let out = self.team.member(turn.agent).is_some_and(|member| member.failures_in_a_row >= failures_max);
        if hopeless || out {
            self.record(Fact::AgentOut { agent: turn.agent, reason: why }, step);
        }
    }

    /// Nobody is asked any more. What is being asked is paid for, and may still end in an answer or a vote.
    fn budget_spent(&mut self, turn: TurnId, limit: &str, step: &mut Step) {
        let Some(open) = self.team.open_turn(turn).cloned() else { return };
        if self.team.ending.is_none() {
            self.record(Fact::BudgetSpent { limit: limit.to_owned() }, step);
        }
        if open.kind == TurnKind::Present {
            return self.fall_back(&open, &format!("the budget is spent: {limit}"), step);
        }
        self.end_unsuccessfully(turn, TurnOutcome::BudgetSpent, step);
    }

    fn timer_fired(&mut self, timer: Timer, step: &mut Step) {
        match timer {
            Timer::Coordination if !self.team.is_cutting() && self.team.winner.is_none() => {
                self.record(Fact::DeadlinePassed { timer }, step);
            }
            Timer::FirstAnswers if self.team.phase == Phase::FirstAnswers && !self.team.first_answers_wait_over => {
                self.record(Fact::DeadlinePassed { timer }, step);
            }
            Timer::Turn { turn } if self.team.open_turn(turn).is_some_and(|open| open.cut.is_none()) => {
                self.record(Fact::DeadlinePassed { timer }, step);
                self.record(Fact::TurnCut { turn, reason: CutReason::TimedOut }, step);
            }
            Timer::Retry { agent } if self.team.member(agent).is_some_and(|member| member.pausing) => {
                self.record(Fact::DeadlinePassed { timer }, step);
            }
            // It fired when it no longer mattered.
            _ => {}
        }
    }

    fn cancel(&mut self, step: &mut Step) {
        if self.team.ending != Some(Ending::Cancelled) {
            self.record(Fact::CancelRequested, step);
        }
    }
}
