//! Larger teams, by random orders of events, under random rules, with noise.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use massgen_coordination::{Coordinator, DecisionCall, Input, Reply, Step};
use massgen_protocol::{
    AgentIndex, AnswerRevision, Choices, Fact, Novelty, RevisionVector, Rules, Strategy as Presentation, Timer, TurnId,
    TurnKind, TurnOutcome, View,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::world::{Breach, World, honest};

/// How many random runs each property is tried on.
const RUNS: u32 = 1_000;

/// What decides a run: the team, its rules, and a number for each choice.
#[derive(Debug, Clone)]
struct Plan {
    size: u16,
    seed: u64,
    rules: Rules,
    /// The choices. A run that is longer goes on with numbers drawn from the last.
    choices: Vec<u32>,
}

impl Plan {
    fn choice(&self, index: usize) -> u32 {
        let drawn = || {
            use std::hash::{DefaultHasher, Hash, Hasher};
            let mut hasher = DefaultHasher::new();
            (index, self.choices.last()).hash(&mut hasher);
            hasher.finish() >> 32
        };
        self.choices.get(index).copied().unwrap_or_else(|| u32::try_from(drawn()).unwrap())
    }

    /// More events than any run can have, noise not counted: for each version of the answers, each
    /// agent can fail so often, and begin one turn before the version and end one with a decision; in
    /// each turn it can use up its chances, run a tool, rest, run out of time, stop and pause.
    fn events_max(&self) -> u32 {
        let rules = &self.rules;
        let answers = u32::from(self.size) * rules.answers_per_agent_max;
        let versions = 1 + answers.min(rules.answers_total_max.unwrap_or(u32::MAX));
        let turns = u32::from(rules.failures_in_a_row_max) + 2;
        10 + versions * u32::from(self.size) * turns * (u32::from(rules.chances_per_turn) + 5)
    }
}

fn plans() -> impl Strategy<Value = Plan> {
    let choices = proptest::collection::vec(any::<u32>(), 1..200);
    (2..=8_u16, any::<u64>(), rules(), choices).prop_map(|(size, seed, rules, choices)| Plan {
        size,
        seed,
        rules,
        choices,
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    let limits = (1..6_u32, proptest::option::of(1..20_u32), proptest::option::of(0..3_u32), 0..3_u8, 1..4_u8, 1..4_u8);
    let time = any::<[bool; 4]>();
    let novelty = prop_oneof![Just(Novelty::Lenient), Just(Novelty::Balanced), Just(Novelty::Strict)];
    let strategy = prop_oneof![
        Just(Presentation::WinnerPresents),
        Just(Presentation::WinnerReuse),
        Just(Presentation::Synthesize)
    ];
    (limits, time, novelty, strategy).prop_map(|(limits, time, novelty, strategy)| Rules {
        answers_per_agent_max: limits.0,
        answers_total_max: limits.1,
        lead_max: limits.2,
        cuts_in_a_row_max: limits.3,
        chances_per_turn: limits.4,
        failures_in_a_row_max: limits.5,
        first_answers_wait_ms: time[0].then_some(1),
        first_turn_ms: time[1].then_some(1),
        later_turn_ms: time[2].then_some(1),
        coordination_ms: time[3].then_some(1),
        novelty,
        strategy,
        ..Rules::default()
    })
}

/// How likely something is to happen: decisions often, what ends a run early seldom.
fn weight(input: &Input) -> u32 {
    match input {
        Input::Replied { reply, .. } if matches!(reply.calls.as_slice(), [DecisionCall::NewAnswer { .. }]) => 200,
        Input::Replied { .. } | Input::TurnStopped { .. } => 40,
        Input::SafePoint { .. } => 80,
        Input::ToolRan { .. } | Input::TimerFired { timer: Timer::Retry { .. } | Timer::FirstAnswers } => 20,
        Input::TurnFailed { retryable: true, .. } => 8,
        Input::TimerFired { timer: Timer::Turn { .. } } => 3,
        _ => 1,
    }
}

fn choose(mut inputs: Vec<Input>, choice: u32) -> Option<Input> {
    let total: u32 = inputs.iter().map(weight).sum();
    let mut left = choice.checked_rem(total)?;
    let chosen = inputs.iter().position(|input| {
        let here = left < weight(input);
        left = left.saturating_sub(weight(input));
        here
    })?;
    Some(inputs.swap_remove(chosen))
}

/// A run, with what is known of it from its facts alone.
struct Run {
    world: World,
    facts: Vec<Fact>,
    steps: Vec<Step>,
    laws: Laws,
}

impl Run {
    fn begin(plan: &Plan) -> Result<Self, Failure> {
        let world = World::begin(plan.size, plan.seed, plan.rules.clone(), honest)?.with_tools();
        let mut run = Self { world, facts: Vec::new(), steps: Vec::new(), laws: Laws::new(plan) };
        // The world has begun; what it began with is what every coordinator begins with.
        let step = Coordinator::new(plan.size, plan.seed, plan.rules.clone()).handle(Input::Begin);
        run.note(&Input::Begin, step)?;
        Ok(run)
    }

    fn happen(&mut self, input: &Input) -> Result<(), Failure> {
        let step = self.world.happen(input.clone())?;
        self.note(input, step)
    }

    fn note(&mut self, input: &Input, step: Step) -> Result<(), Failure> {
        for fact in &step.facts {
            self.laws.check(input, fact)?;
        }
        self.facts.extend(step.facts.iter().cloned());
        self.steps.push(step);
        let replayed = Coordinator::replay(&self.facts);
        hold(replayed.as_ref() == Some(&self.world.coordinator), || "the facts do not give the state".to_owned())
    }

    /// Lets things happen until the run ends.
    fn to_the_end(plan: &Plan) -> Result<Self, Failure> {
        let mut run = Self::begin(plan)?;
        let mut events = 0;
        while let Some(input) = choose(run.world.possible(), plan.choice(events as usize)) {
            run.happen(&input)?;
            events += 1;
            hold(events <= plan.events_max(), || format!("no end after {events} events"))?;
        }
        hold(run.world.ended, || "nothing can happen, but it has not ended".to_owned())?;
        Ok(run)
    }
}

/// The laws that are not about a single team's world but about what may be shown, asked and allowed.
struct Laws {
    size: u16,
    lead_max: Option<u32>,
    vector: RevisionVector,
    begun: BTreeMap<AgentIndex, u32>,
    ended: BTreeSet<TurnId>,
    decided: BTreeSet<AgentIndex>,
    out: BTreeSet<AgentIndex>,
    presentations: u32,
    stopped: bool,
}

impl Laws {
    fn new(plan: &Plan) -> Self {
        Self {
            size: plan.size,
            lead_max: plan.rules.lead_max,
            vector: RevisionVector::empty(plan.size),
            begun: BTreeMap::new(),
            ended: BTreeSet::new(),
            decided: BTreeSet::new(),
            out: BTreeSet::new(),
            presentations: 0,
            stopped: false,
        }
    }

    fn check(&mut self, input: &Input, fact: &Fact) -> Result<(), Failure> {
        match fact {
            Fact::TeamStarted { .. } => hold(*input == Input::Begin && self.begun.is_empty(), || "twice".to_owned())?,
            Fact::TurnStarted { turn, kind, view, choices } => {
                let number = self.begun.entry(turn.agent).or_default();
                *number += 1;
                hold(*number == turn.number, || format!("{turn} is the agent's turn number {number}"))?;
                hold(!self.out.contains(&turn.agent), || format!("{turn} of an agent that is out"))?;
                self.presentations += u32::from(*kind == TurnKind::Present);
                hold(self.presentations <= 1, || "presented twice".to_owned())?;
                self.check_view(*turn, *kind, view, choices)?;
            }
            Fact::TurnRefreshed { turn, view, choices } => {
                let asked_for =
                    matches!(input, Input::SafePoint { turn: at } | Input::Replied { turn: at, .. } if at == turn);
                hold(asked_for, || format!("{turn} was shown something behind its back"))?;
                self.check_view(*turn, TurnKind::Decide, view, choices)?;
            }
            Fact::AnswerPublished { revision, .. } => {
                let _ = self.vector.publish(revision.agent);
                self.decided.clear();
            }
            Fact::VoteCast { vote, .. } => {
                self.decided.insert(vote.voter);
            }
            Fact::TurnEnded { turn, outcome } => {
                hold(self.ended.insert(*turn), || format!("{turn} ended twice"))?;
                if *outcome == TurnOutcome::Abstained {
                    self.decided.insert(turn.agent);
                }
            }
            Fact::CancelRequested | Fact::BudgetSpent { .. } | Fact::DeadlinePassed { timer: Timer::Coordination } => {
                self.stopped = true;
            }
            Fact::WinnerSelected { .. } => {
                let agreed = |agent: &AgentIndex| {
                    let others = self.vector.revisions().any(|revision| revision.agent != *agent);
                    let nothing_to_compare = self.vector.count(*agent) > 0 && !others;
                    self.out.contains(agent) || self.decided.contains(agent) || nothing_to_compare
                };
                let not_asked = AgentIndex::all(self.size).find(|agent| !agreed(agent));
                hold(self.stopped || not_asked.is_none(), || format!("{not_asked:?} was not asked"))?;
            }
            Fact::AgentOut { agent, .. } => hold(self.out.insert(*agent), || format!("{agent} is out twice"))?,
            _ => {}
        }
        Ok(())
    }

    fn check_view(&self, turn: TurnId, kind: TurnKind, view: &View, choices: &Choices) -> Result<(), Failure> {
        let mut shown = view.order.clone();
        shown.sort_unstable();
        let all: Vec<AnswerRevision> = view.vector.revisions().collect();
        // The presenter is shown its answer as it was voted for, though it may have written another since.
        let authors = |answers: &[AnswerRevision]| answers.iter().map(|answer| answer.agent).collect::<Vec<_>>();
        let complete = if kind == TurnKind::Present { authors(&shown) == authors(&all) } else { shown == all };
        hold(complete, || format!("{turn} is shown {shown:?} as {all:?}"))?;
        let compares = matches!(kind, TurnKind::Decide | TurnKind::Present);
        hold(!compares || view.vector == self.vector, || format!("{turn} is shown old answers"))?;
        hold(compares || view.vector.is_empty(), || format!("{turn} is shown answers before its own"))?;
        let possible = choices.may_answer || !choices.votes.is_empty() || kind == TurnKind::Present;
        hold(possible, || format!("{turn} cannot decide anything"))?;
        let Some(lead_max) = self.lead_max.filter(|_| choices.may_answer && self.vector.count(turn.agent) > 0) else {
            return Ok(());
        };
        let at_work = AgentIndex::all(self.size)
            .filter(|peer| *peer != turn.agent && !self.out.contains(peer) && !self.decided.contains(peer));
        let slowest = at_work.map(|peer| self.vector.count(peer)).min();
        hold(slowest.is_none_or(|slowest| self.vector.count(turn.agent) < slowest + lead_max), || {
            format!("{turn} may run ahead: {:?}", self.vector)
        })
    }
}

/// Why a property does not hold.
#[derive(Debug)]
struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Breach> for Failure {
    fn from(breach: Breach) -> Self {
        Self(breach.0)
    }
}

impl From<Failure> for TestCaseError {
    fn from(failure: Failure) -> Self {
        Self::fail(failure.0)
    }
}

fn hold(holds: bool, failure: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure(failure())) }
}

fn check<S: Strategy>(cases: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases: RUNS, failure_persistence: None, ..Config::default() };
    if let Err(failure) = TestRunner::new(config).run(&cases, test) {
        panic!("{failure}");
    }
}

#[test]
fn every_run_of_a_larger_team_keeps_the_laws_and_ends() {
    let counts = std::cell::RefCell::new(BTreeMap::<&str, usize>::new());
    let count = |what, more| *counts.borrow_mut().entry(what).or_default() += more;
    check(plans(), |plan| {
        let run = Run::to_the_end(&plan)?;
        count("runs", 1);
        count("events", run.steps.len());
        count("facts", run.facts.len());
        for fact in &run.facts {
            match fact {
                Fact::AnswerPublished { .. } => count("answers", 1),
                Fact::VoteCast { .. } => count("votes", 1),
                Fact::VotesVoided { votes, .. } => count("votes voided", votes.len()),
                Fact::VoteArrivedVoid { .. } => count("votes that arrived void", 1),
                Fact::TurnCut { .. } => count("cuts", 1),
                Fact::TurnRefreshed { .. } => count("turns told of news", 1),
                Fact::RunEnded { .. } => count("ends", 1),
                Fact::TurnStarted { kind: TurnKind::Present, .. } => count("presentations", 1),
                _ => {}
            }
        }
        Ok(())
    });
    let counts = counts.into_inner();
    let figures: Vec<String> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
    crate::state(&format!("larger teams: {}", figures.join(", ")));
    // What never happened was not checked.
    assert_eq!(counts.len(), 11, "{counts:?}");
}

#[test]
fn the_same_inputs_give_the_same_run_and_another_seed_only_another_order() {
    check((plans(), any::<u64>()), |(plan, other_seed)| {
        let run = Run::to_the_end(&plan)?;
        prop_assert_eq!(&run.steps, &Run::to_the_end(&plan)?.steps);
        let other = Run::to_the_end(&Plan { seed: other_seed, ..plan.clone() })?;
        let unordered = |facts: &[Fact]| facts.iter().cloned().map(without_order).collect::<Vec<_>>();
        prop_assert_eq!(unordered(&run.facts), unordered(&other.facts));
        Ok(())
    });
}

fn without_order(mut fact: Fact) -> Fact {
    match &mut fact {
        Fact::TeamStarted { seed, .. } => *seed = 0,
        Fact::TurnStarted { view, choices, .. } | Fact::TurnRefreshed { view, choices, .. } => {
            view.order.clear();
            choices.votes.sort_unstable();
        }
        _ => {}
    }
    fact
}

/// Something that no well-behaved runtime or model would send; a turn that is open is meant by the
/// place in the list of open turns.
#[derive(Debug, Clone)]
enum Noise {
    AboutOpen(usize, About),
    AboutAny(TurnId, About),
    Timer(Timer),
    Begin,
    Cancel,
}

#[derive(Debug, Clone)]
enum About {
    Replied(Reply),
    ToolRan,
    SafePoint,
    Failed(bool),
    Stopped,
    OutOfTime,
}

impl Noise {
    fn input(self, coordinator: &Coordinator) -> Input {
        let (turn, about) = match self {
            Self::AboutOpen(place, about) => {
                let open: Vec<TurnId> = coordinator.open_turns().map(|open| open.turn).collect();
                let nobody = TurnId { agent: AgentIndex(u16::MAX), number: u32::MAX };
                (place.checked_rem(open.len()).map_or(nobody, |place| open[place]), about)
            }
            Self::AboutAny(turn, about) => (turn, about),
            Self::Timer(timer) => return Input::TimerFired { timer },
            Self::Begin => return Input::Begin,
            Self::Cancel => return Input::Cancel,
        };
        match about {
            About::Replied(reply) => Input::Replied { turn, reply },
            About::ToolRan => Input::ToolRan { turn, checked: Vec::new() },
            About::SafePoint => Input::SafePoint { turn },
            About::Failed(retryable) => Input::TurnFailed { turn, message: String::new(), retryable },
            About::Stopped => Input::TurnStopped { turn },
            About::OutOfTime => Input::TimerFired { timer: Timer::Turn { turn } },
        }
    }
}

fn noises() -> impl Strategy<Value = Noise> {
    let turn = || {
        let agent = prop_oneof![9 => 0..10_u16, 1 => any::<u16>()];
        let number = prop_oneof![9 => 0..6_u32, 1 => any::<u32>()];
        (agent, number).prop_map(|(agent, number)| TurnId { agent: AgentIndex(agent), number })
    };
    let timer = prop_oneof![
        8 => (0..10_u16).prop_map(|agent| Timer::Retry { agent: AgentIndex(agent) }),
        4 => Just(Timer::FirstAnswers),
        1 => Just(Timer::Coordination),
    ];
    prop_oneof![
        40 => (any::<usize>(), abouts()).prop_map(|(place, about)| Noise::AboutOpen(place, about)),
        20 => (turn(), abouts()).prop_map(|(turn, about)| Noise::AboutAny(turn, about)),
        8 => timer.prop_map(Noise::Timer),
        4 => Just(Noise::Begin),
        1 => Just(Noise::Cancel),
    ]
}

fn abouts() -> impl Strategy<Value = About> {
    prop_oneof![
        40 => replies().prop_map(About::Replied),
        8 => Just(About::ToolRan),
        8 => Just(About::SafePoint),
        3 => prop::bool::weighted(0.9).prop_map(About::Failed),
        3 => Just(About::Stopped),
        3 => Just(About::OutOfTime),
    ]
}

fn replies() -> impl Strategy<Value = Reply> {
    let call = prop_oneof![
        texts().prop_map(|content| DecisionCall::NewAnswer { content }),
        (texts(), texts()).prop_map(|(target, reason)| DecisionCall::Vote { target, reason }),
        (texts(), texts()).prop_map(|(tool, problem)| DecisionCall::Unreadable { tool, problem }),
        texts().prop_map(|tool| DecisionCall::Unknown { tool }),
    ];
    (texts(), proptest::collection::vec(call, 0..4)).prop_map(|(text, calls)| Reply { text, calls, ..Reply::default() })
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (0..12_u32, 0..4_u32).prop_map(|(agent, number)| match number {
            0 => format!("agent{agent}"),
            number => format!("agent{agent}.{number}"),
        }),
        4 => ".{0,20}",
        4 => "[ \t\n\u{a0}\u{200b}]{0,3}",
        2 => Just("agent99999999999999999999".to_owned()),
        2 => Just("İstanbul ﬁn 答案 👩‍👩‍👧 \u{202e}tnega \0".to_owned()),
        1 => Just("much ".repeat(4_000)),
    ]
}

#[test]
fn noise_never_breaks_a_law() {
    let counts = std::cell::RefCell::new((0, 0, 0));
    check((plans(), proptest::collection::vec((0..4_usize, noises()), 0..80)), |(plan, noises)| {
        let mut run = Run::begin(&plan)?;
        let mut events = 0;
        for (between, noise) in noises {
            for _ in 0..between {
                let Some(input) = choose(run.world.possible(), plan.choice(events)) else { break };
                run.happen(&input)?;
                events += 1;
            }
            let input = noise.input(&run.world.coordinator);
            let facts = run.facts.len();
            run.happen(&input)?;
            let mut counts = counts.borrow_mut();
            counts.1 += 1;
            counts.2 += usize::from(run.facts.len() > facts);
        }
        // After all of that, what is left still comes to its end.
        for left in 0_u32.. {
            let Some(input) = choose(run.world.possible(), plan.choice(events)) else { break };
            run.happen(&input)?;
            events += 1;
            hold(left <= plan.events_max(), || format!("no end after {left} events"))?;
        }
        hold(run.world.ended, || "nothing can happen, but it has not ended".to_owned())?;
        counts.borrow_mut().0 += 1;
        Ok(())
    });
    let (runs, noises, felt) = counts.into_inner();
    crate::state(&format!("noise: {runs} runs, {noises} inputs out of order, of which {felt} had an effect"));
    assert!(felt > 0);
}
