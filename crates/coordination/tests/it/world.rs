//! A coordinator with everything around it that could happen, and the laws that must hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use massgen_coordination::{
    Checked, Command, Coordinator, DecisionCall, Input, Reply, Step, TurnBrief, similarity_percent,
};
use massgen_protocol::{
    AgentIndex, AnswerRevision, Check, CutReason, Fact, Finding, Novelty, Phase, PresentationSource, RevisionVector,
    Rules, Timer, TurnId, TurnKind, TurnOutcome, Verification, Vote,
};

/// What stands between the world and the coordinator: nothing, or a deliberate fault that a law
/// must find.
pub(crate) type Subject = fn(&mut Coordinator, Input) -> Step;

/// The coordinator as it is.
pub(crate) fn honest(coordinator: &mut Coordinator, input: Input) -> Step {
    coordinator.handle(input)
}

/// A run in progress, kept by what the coordinator said and not by what it holds.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) coordinator: Coordinator,
    subject: Subject,
    rules: Rules,
    with_tools: bool,
    /// Whether the budget may be spent at any time.
    with_budget: bool,
    running: BTreeMap<AgentIndex, Running>,
    timers: BTreeSet<Timer>,
    vector: RevisionVector,
    published: BTreeMap<AnswerRevision, Arc<str>>,
    votes: Vec<Vote>,
    cuts_in_a_row: BTreeMap<AgentIndex, u8>,
    cancelled: bool,
    /// Whether the time is over: from then on votes stand as they are.
    ending: bool,
    winners: u32,
    final_answers: u32,
    pub(crate) ended: bool,
}

#[derive(Debug, Clone)]
struct Running {
    brief: TurnBrief,
    cut: bool,
    invested: bool,
    resting: bool,
    /// The answers that it was seen to check.
    checked: BTreeSet<AnswerRevision>,
    /// What it has said that could be its answer.
    said: String,
}

/// A law that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach(pub(crate) String);

impl World {
    /// A team that has begun.
    pub(crate) fn begin(size: u16, seed: u64, rules: Rules, subject: Subject) -> Result<Self, Breach> {
        let mut world = Self {
            coordinator: Coordinator::new(size, seed, rules.clone()),
            subject,
            rules,
            with_tools: size < 3,
            with_budget: size < 3,
            running: BTreeMap::new(),
            timers: BTreeSet::new(),
            vector: RevisionVector::empty(size),
            published: BTreeMap::new(),
            votes: Vec::new(),
            cuts_in_a_row: BTreeMap::new(),
            cancelled: false,
            ending: false,
            winners: 0,
            final_answers: 0,
            ended: false,
        };
        world.happen(Input::Begin)?;
        Ok(world)
    }

    /// The same, with agents that run tools and spend a budget.
    pub(crate) fn with_tools(self) -> Self {
        Self { with_tools: true, with_budget: true, ..self }
    }

    /// Whether files go with the answers.
    fn files(&self) -> bool {
        self.rules.verification != Verification::Off
    }

    /// Everything that could happen next.
    pub(crate) fn possible(&self) -> Vec<Input> {
        if self.ended {
            return Vec::new();
        }
        let mut inputs = Vec::new();
        for running in self.running.values() {
            self.possible_in_turn(running, &mut inputs);
        }
        inputs.extend(self.timers.iter().map(|timer| Input::TimerFired { timer: *timer }));
        if !self.cancelled {
            inputs.push(Input::Cancel);
        }
        inputs
    }

    fn possible_in_turn(&self, running: &Running, inputs: &mut Vec<Input>) {
        let turn = running.brief.turn;
        let snapshot = self.files().then(|| "a".repeat(64).parse().unwrap());
        let mut reply = |text: &str, calls: Vec<DecisionCall>| {
            let (text, snapshot) = (text.to_owned(), snapshot.clone());
            inputs.push(Input::Replied { turn, reply: Reply { text, calls, snapshot, ..Reply::default() } });
        };
        match running.brief.kind {
            TurnKind::Present => {
                reply("final", Vec::new());
                reply("", Vec::new());
            }
            TurnKind::Solo => {
                reply("alone", Vec::new());
                reply("", Vec::new());
            }
            TurnKind::FirstAnswer | TurnKind::Decide => {
                if running.brief.choices.may_answer {
                    let content = format!("answer-{} of {}", self.vector.count(turn.agent) + 1, turn.agent);
                    reply("", vec![DecisionCall::NewAnswer { content }]);
                }
                // In the order of the team: what can happen does not depend on the seed.
                let mut choices = running.brief.choices.votes.clone();
                choices.sort_unstable();
                for choice in &choices {
                    let target = choice.agent.to_string();
                    reply("", vec![DecisionCall::Vote { target, reason: "r".to_owned() }]);
                }
                reply(&format!("talk of {}", turn.agent), Vec::new());
            }
        }
        inputs.push(Input::TurnFailed { turn, message: "f".to_owned(), retryable: true });
        inputs.push(Input::TurnFailed { turn, message: "f".to_owned(), retryable: false });
        if self.with_budget {
            inputs.push(Input::BudgetSpent { turn, limit: "l".to_owned() });
        }
        if running.cut {
            inputs.push(Input::TurnStopped { turn });
            return;
        }
        if running.brief.kind == TurnKind::Decide {
            if running.brief.view.vector != self.vector {
                inputs.push(Input::SafePoint { turn });
            }
            if !running.invested && self.with_tools {
                inputs.push(Input::ToolRan { turn, checked: Vec::new() });
            }
            if self.files() && self.with_tools {
                let unchecked = running.brief.view.vector.revisions().filter(|shown| !running.checked.contains(shown));
                inputs.extend(unchecked.map(|answer| Input::ToolRan {
                    turn,
                    checked: vec![Checked {
                        author: answer.agent,
                        check: Check { subject: "c".to_owned(), finding: Finding::Read },
                    }],
                }));
            }
        }
    }

    /// Lets something happen and checks every law on what the coordinator makes of it.
    pub(crate) fn happen(&mut self, input: Input) -> Result<Step, Breach> {
        let before = self.vector.clone();
        let due = self.answer_due(&input);
        match &input {
            Input::TimerFired { timer } => {
                self.timers.remove(timer);
            }
            Input::Cancel => self.cancelled = true,
            Input::ToolRan { turn, .. } => {
                if let Ok(running) = self.running(*turn) {
                    running.invested = true;
                }
            }
            Input::SafePoint { turn } => {
                if let Ok(running) = self.running(*turn) {
                    running.resting = true;
                }
            }
            _ => {}
        }
        let had_ended = self.ended;
        let step = (self.subject)(&mut self.coordinator, input);
        if had_ended {
            law(step == Step::default(), || "something happened after the end".to_owned())?;
            return Ok(step);
        }
        for fact in &step.facts {
            self.check(fact)?;
        }
        for command in &step.commands {
            self.obey(command)?;
        }
        if let Some(content) = due {
            let published = step.facts.iter().any(
                |fact| matches!(fact, Fact::AnswerPublished { content: published, .. } if *published == content.trim()),
            );
            law(published, || format!("the answer `{content}` was lost (there were {before:?})"))?;
        }
        self.drop_stale_timers();
        self.check_rest(&step)?;
        Ok(step)
    }

    /// Forgets timers that would change nothing: the scripts test that they don't.
    fn drop_stale_timers(&mut self) {
        let phase = self.coordinator.phase();
        self.timers.retain(|timer| match timer {
            Timer::Coordination => matches!(phase, Phase::FirstAnswers | Phase::Deciding),
            Timer::FirstAnswers => phase == Phase::FirstAnswers,
            Timer::Turn { turn } => self.running.get(&turn.agent).is_some_and(|running| !running.cut),
            Timer::Retry { .. } => true,
        });
    }

    /// The answer in a reply that nothing entitles the coordinator to refuse.
    fn answer_due(&self, input: &Input) -> Option<String> {
        let Input::Replied { turn, reply } = input else { return None };
        let running = self.running.get(&turn.agent).filter(|running| running.brief.turn == *turn)?;
        let [DecisionCall::NewAnswer { content }] = reply.calls.as_slice() else { return None };
        let below_total = self.rules.answers_total_max.is_none_or(|max| self.vector.total() < max);
        // Nobody says which of them is meant when an agent alone both talks and calls a tool.
        let clear = running.brief.kind != TurnKind::Solo || reply.text.is_empty();
        let due = running.brief.choices.may_answer && below_total && clear && self.is_new(content, &running.brief);
        due.then(|| content.clone())
    }

    /// Whether an answer differs enough from what its author was shown.
    fn is_new(&self, content: &str, brief: &TurnBrief) -> bool {
        let common_max = match self.rules.novelty {
            Novelty::Lenient => 100,
            Novelty::Balanced => 70,
            Novelty::Strict => 50,
        };
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let shown = brief.view.vector.revisions().filter_map(|revision| self.published.get(&revision));
        !content.trim().is_empty()
            && shown.into_iter().all(|peer| {
                words(peer) != words(content) && (common_max == 100 || similarity_percent(content, peer) <= common_max)
            })
    }

    fn check(&mut self, fact: &Fact) -> Result<(), Breach> {
        law(!self.ended, || format!("{fact:?} came after the end"))?;
        match fact {
            Fact::TurnStarted { turn, kind, view, choices } => {
                let brief = TurnBrief { turn: *turn, kind: *kind, view: view.clone(), choices: choices.clone() };
                let running = Running {
                    brief,
                    cut: false,
                    invested: false,
                    resting: false,
                    checked: BTreeSet::new(),
                    said: String::new(),
                };
                law(self.running.insert(turn.agent, running).is_none(), || format!("{turn} began during a turn"))?;
                law(choices.votes.iter().all(|choice| view.shows(*choice)), || {
                    format!("{turn} may vote for what it was not shown")
                })?;
            }
            Fact::TurnRefreshed { turn, view, choices } => {
                let running = self.running(*turn)?;
                running.brief.view = view.clone();
                running.brief.choices = choices.clone();
            }
            Fact::TurnCut { turn, reason } => {
                self.running(*turn)?.cut = true;
                if *reason == CutReason::Outdated {
                    let max = self.rules.cuts_in_a_row_max;
                    let cuts = self.cuts_in_a_row.entry(turn.agent).or_default();
                    *cuts += 1;
                    law(*cuts <= max, || format!("{turn} was cut {cuts} times in a row"))?;
                }
            }
            Fact::AnswerPublished { revision, content, .. } => {
                law(!content.trim().is_empty(), || format!("{revision} is empty"))?;
                self.published.insert(*revision, Arc::from(content.as_str()));
                let published = self.vector.publish(revision.agent);
                law(published == *revision, || format!("{revision} was published as {published}"))?;
                let caps = self.vector.count(revision.agent) <= self.rules.answers_per_agent_max
                    && self.rules.answers_total_max.is_none_or(|max| self.vector.total() <= max);
                law(caps, || format!("{revision} breaks a cap"))?;
                if !self.ending {
                    self.votes.clear();
                }
            }
            Fact::VoteCast { vote, .. } => {
                law(vote.seen == self.vector, || format!("{vote:?} counts, but the answers are {:?}", self.vector))?;
                law(vote.seen.revision(vote.target.agent) == Some(vote.target), || {
                    format!("{vote:?} is for an answer that is not current")
                })?;
                law(self.votes.iter().all(|other| other.voter != vote.voter), || format!("{vote:?} is a second vote"))?;
                let needs_check = self.rules.verification == Verification::Required;
                law(!needs_check || !vote.checks.is_empty(), || format!("{vote:?} rests on nothing"))?;
                self.votes.push(vote.clone());
            }
            Fact::AnswerChecked { turn, revision, .. } => {
                let running = self.running(*turn)?;
                law(running.brief.view.shows(*revision), || format!("{turn} checked what it was not shown"))?;
                running.checked.insert(*revision);
            }
            Fact::DecisionRejected { turn, said, .. } => {
                let running = self.running(*turn)?;
                if running.said.is_empty() {
                    running.said = said.trim().to_owned();
                }
            }
            Fact::TurnEnded { turn, outcome } => {
                let running = self.running(*turn)?.clone();
                let room = self.rules.answers_total_max.is_none_or(|max| self.vector.total() < max);
                let undecided = !matches!(outcome, TurnOutcome::Voted | TurnOutcome::Superseded);
                // Copies and near copies are no answers.
                let lenient = self.rules.novelty == Novelty::Lenient && !running.said.starts_with("copy");
                let is_due = undecided && room && lenient && running.brief.kind != TurnKind::Solo;
                let lost = self.vector.count(turn.agent) == 0 && !running.said.is_empty();
                law(!(is_due && lost), || format!("what {turn} said was lost: {}", running.said))?;
                self.running.remove(&turn.agent);
                self.timers.remove(&Timer::Turn { turn: *turn });
                if *outcome != TurnOutcome::Superseded || !running.cut {
                    self.cuts_in_a_row.insert(turn.agent, 0);
                }
            }
            Fact::CancelRequested | Fact::BudgetSpent { .. } | Fact::DeadlinePassed { timer: Timer::Coordination } => {
                self.ending = true;
            }
            Fact::WinnerSelected { revision, tally, .. } => {
                self.winners += 1;
                let counted: usize = tally.iter().map(|line| line.votes as usize).sum();
                law(counted == self.votes.len(), || {
                    format!("{counted} votes were counted, {} are valid", self.votes.len())
                })?;
                let of = |target| self.votes.iter().filter(|vote| vote.target == target).count();
                law(tally.iter().all(|line| line.votes as usize == of(line.revision)), || {
                    format!("{tally:?} is wrong")
                })?;
                law(tally.iter().all(|line| of(line.revision) <= of(*revision)), || {
                    format!("{revision} has fewer votes")
                })?;
            }
            Fact::FinalAnswer { source, content, revision, .. } => {
                self.final_answers += 1;
                law(!content.is_empty(), || format!("an empty final answer, {source:?}"))?;
                if let PresentationSource::Stored { .. } = source {
                    let stored = self.published.get(revision).is_some_and(|stored| **stored == **content);
                    law(stored, || format!("`{content}` is not {revision}"))?;
                }
            }
            Fact::RunEnded { end } => {
                self.ended = true;
                law(self.running.is_empty(), || format!("{end:?} with turns open"))?;
                law(self.final_answers == u32::from(!self.vector.is_empty()), || {
                    format!("{end:?}: {} final answers for {:?}", self.final_answers, self.vector)
                })?;
                law(self.winners <= 1, || "more than one winner".to_owned())?;
            }
            _ => {}
        }
        Ok(())
    }

    fn obey(&mut self, command: &Command) -> Result<(), Breach> {
        match command {
            Command::SetTimer { timer, .. } => {
                let stale = matches!(timer, Timer::Turn { turn } if self.running(*turn).is_err());
                if !stale {
                    self.timers.insert(*timer);
                }
            }
            Command::Continue { turn, .. } => self.running(*turn)?.resting = false,
            Command::Reject { turn, .. } => {
                let cut = self.running(*turn)?.cut;
                law(!cut, || format!("{turn} was rejected and cut in one step"))?;
            }
            Command::StartTurn(_) | Command::CutTurn { .. } | Command::Finish => {}
        }
        Ok(())
    }

    /// What must hold between steps.
    fn check_rest(&mut self, step: &Step) -> Result<(), Breach> {
        let started = step.commands.iter().filter(|command| matches!(command, Command::StartTurn(_))).count();
        let begun = step.facts.iter().filter(|fact| matches!(fact, Fact::TurnStarted { .. })).count();
        law(started == begun, || format!("{begun} turns began, {started} were started"))?;
        if self.ended {
            self.timers.clear();
            return law(step.commands.last() == Some(&Command::Finish), || "it ended without saying so".to_owned());
        }
        if let Some(running) = self.running.values().find(|running| running.resting && !running.cut) {
            return Err(Breach(format!("{} waits at a safe point for ever", running.brief.turn)));
        }
        law(!self.running.is_empty() || !self.timers.is_empty(), || "nobody works and nothing is waited for".to_owned())
    }

    /// The turn, if it is the one that its agent has open.
    fn running(&mut self, turn: TurnId) -> Result<&mut Running, Breach> {
        self.running
            .get_mut(&turn.agent)
            .filter(|running| running.brief.turn == turn)
            .ok_or_else(|| Breach(format!("{turn} is not open")))
    }

    /// What tells this world from others.
    pub(crate) fn fingerprint(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.coordinator.canonical().hash(&mut hasher);
        for timer in &self.timers {
            match timer {
                Timer::Turn { turn } => (1, turn.agent).hash(&mut hasher),
                other => (2, other).hash(&mut hasher),
            }
        }
        self.cancelled.hash(&mut hasher);
        hasher.finish()
    }
}

fn law(holds: bool, breach: impl FnOnce() -> String) -> Result<(), Breach> {
    if holds { Ok(()) } else { Err(Breach(breach())) }
}
