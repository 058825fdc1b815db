//! Every fault that a provider can have, on every wire protocol, with one faulty agent among three.
//!
//! Each case is a run of the program. The faulty agent's first request fails once, or all of its
//! requests fail; what becomes of it is printed as a table, and checked.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use massgen_protocol::{Activity, AgentIndex, AgentState, Fact, RunEnd, RunView, TurnOutcome};

use crate::log::Log;
use crate::place::Place;
use crate::provider::{BACKENDS, Provider};

/// What becomes of an agent after one fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Once {
    /// It notices nothing.
    Unharmed,
    /// The call is tried again.
    Retried,
    /// The turn ends at its deadline and is tried again.
    TimedOut,
    /// Trying again would not help.
    Out,
}

use Once::{Out, Retried, TimedOut, Unharmed};

struct Fault {
    name: &'static str,
    yaml: &'static str,
    once: Once,
}

const fn fault(name: &'static str, yaml: &'static str, once: Once) -> Fault {
    Fault { name, yaml, once }
}

const FAULTS: [Fault; 21] = [
    fault("status 401", "{status: 401}", Out),
    fault("status 404", "{status: 404}", Out),
    fault("status 429, Retry-After 1", "{status: 429, retry_after: 1}", Retried),
    fault("status 500", "{status: 500}", Retried),
    fault("status 503", "{status: 503}", Retried),
    fault("status 529", "{status: 529}", Retried),
    fault("refuse", "refuse", Retried),
    fault("cut at once", "{cut: {after_chunks: 0}}", Retried),
    fault("cut after 2 chunks", "{cut: {after_chunks: 2}}", Retried),
    fault("malformed", "{malformed: {after_chunks: 2}}", Retried),
    fault("error_event overloaded", "{error_event: overloaded}", Retried),
    fault("error_event rate_limited", "{error_event: rate_limited}", Retried),
    fault("error_event server_error", "{error_event: server_error}", Retried),
    fault("no_finish", "no_finish", Retried),
    fault("duplicate", "duplicate", Unharmed),
    fault("reorder", "reorder", Unharmed),
    fault("split_utf8", "split_utf8", Unharmed),
    fault("split_utf8 and duplicate", "{split_utf8: true, duplicate: true}", Unharmed),
    fault("bulk 20 MB", "{bulk_mb: 20}", Unharmed),
    fault("silence", "{silence: {after_chunks: 2}}", TimedOut),
    fault("hang", "hang", TimedOut),
];

/// What the faulty agent says when its provider lets it.
const ANSWER: &str = "42: sechs × sieben, 六乘七 🦀";

/// The models' scripts. `{times}` makes the fault happen once, or for ever.
fn scenario() -> String {
    let mut models = String::new();
    for fault in &FAULTS {
        for (_, kind) in BACKENDS {
            for (often, times) in [("once", "times: 1, "), ("always", "")] {
                let model = model(kind, fault, often);
                let yaml = fault.yaml;
                let deed =
                    format!("reason: 'Let me see…', say: 'Das wäre – moment –', chunk: 3, new_answer: '{ANSWER}'");
                models
                    .push_str(&format!("\n  {model}:\n    - {{{times}when: {{answers: 0}}, fault: {yaml}, {deed}}}\n"));
                if times.is_empty() {
                    models.push_str(&format!("    - {{fault: {yaml}, {deed}}}\n"));
                } else {
                    models.push_str(&format!("    - {{when: {{answers: 0}}, new_answer: '{ANSWER}'}}\n"));
                }
            }
        }
    }
    models
}

fn model(kind: &str, fault: &Fault, often: &str) -> String {
    let name: String = fault.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("{kind}-{name}-{often}")
}

/// What became of one case.
struct Outcome {
    words: String,
    problems: Vec<String>,
}

#[test]
fn one_fault_costs_a_retry_at_most() {
    table("once", |case, log| {
        let (faulty, calls) = (&log.view().agents[1], requests(case));
        let answered = faulty.answers > 0;
        let retries = retries(log).len();
        let timeouts = timeouts(log);
        let mut problems = Vec::new();
        let state = (retries > 0, timeouts > 0, answered);
        let expected = match case.fault.once {
            Unharmed => (false, false, true),
            Retried => (true, false, true),
            TimedOut => (false, true, true),
            Out => (false, false, false),
        };
        if state != expected {
            problems.push(format!("(retried, timed out, answered) is {state:?}, not {expected:?}"));
        }
        if case.fault.name.contains("Retry-After") && retries_pauses(log) != [1_000] {
            problems.push(format!("pauses of {:?} ms, although it was asked to wait 1 s", retries_pauses(log)));
        }
        if answered && !matches!(faulty.state, AgentState::Voted { .. }) {
            problems.push(format!("it answered and then did not vote: {:?}", faulty.state));
        }
        Outcome { words: format!("{}, {calls} requests", in_words(&log.view(), log)), problems }
    });
}

#[test]
fn a_provider_that_always_fails_costs_its_agent() {
    table("always", |case, log| {
        let view = log.view();
        let works = case.fault.once == Unharmed;
        let mut problems = Vec::new();
        match (&view.agents[1].state, works) {
            (AgentState::Failed { .. }, false) | (AgentState::Voted { .. }, true) => {}
            (state, _) => problems.push(format!("ends as {state:?}")),
        }
        Outcome { words: format!("{}, {} requests", in_words(&view, log), requests(case)), problems }
    });
}

struct Case<'a> {
    fault: &'a Fault,
    model: String,
    provider: &'a Provider,
}

fn requests(case: &Case<'_>) -> usize {
    case.provider.received().iter().filter(|request| request.model == case.model).count()
}

/// Runs every case, several at a time, checks what must hold for all of them, and prints what became of them.
fn table(often: &str, judge: impl Fn(&Case<'_>, &Log) -> Outcome + Sync) {
    let provider = Provider::agreeable_but(&scenario());
    let cases: Vec<(usize, usize)> =
        (0..FAULTS.len()).rev().flat_map(|fault| (0..BACKENDS.len()).map(move |kind| (fault, kind))).collect();
    let queue = Mutex::new(cases.into_iter());
    let outcomes = Mutex::new(BTreeMap::new());
    // Most of the time of a case is waiting for a pause to end.
    const AT_ONCE: usize = 16;
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some((fault, kind)) = queue.lock().unwrap().next() else { return };
                    let outcome = play(&provider, &FAULTS[fault], kind, often, &judge);
                    outcomes.lock().unwrap().insert((fault, kind), outcome);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    println!("| {often} |{}", BACKENDS.map(|(wire, _)| format!(" {wire:?} |")).concat());
    println!("|---|{}", "---|".repeat(BACKENDS.len()));
    for (index, fault) in FAULTS.iter().enumerate() {
        let cells: String = (0..BACKENDS.len()).map(|kind| format!(" {} |", outcomes[&(index, kind)].words)).collect();
        println!("| {} |{cells}", fault.name);
    }
    let problems = outcomes.iter().flat_map(|((fault, kind), outcome)| {
        let case = format!("{} on {:?}", FAULTS[*fault].name, BACKENDS[*kind].0);
        outcome.problems.iter().map(move |problem| format!("{case}: {problem}"))
    });
    let problems: Vec<String> = problems.collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn play(
    provider: &Provider,
    fault: &Fault,
    kind: usize,
    often: &str,
    judge: &impl Fn(&Case<'_>, &Log) -> Outcome,
) -> Outcome {
    let place = Place::new();
    let kind = BACKENDS[kind].1;
    let model = model(kind, fault, often);
    let team = provider.team(&[("openai", "fine-one"), (kind, &model), ("gemini", "fine-two")]);
    // The deadline of a turn is what ends a silence. Where nothing is silent, no turn may need it.
    let silent = fault.once == TimedOut || often == "always" && fault.once == Retried;
    let timeout = if silent { "timeout_settings: {initial_round_timeout_seconds: 2}\n" } else { "" };
    let finished = place.ask(&format!("{team}{timeout}"), &["--automation"]).run();
    let log = place.log();
    let mut outcome = judge(&Case { fault, model, provider }, &log);
    let mut wrong = |problem: String| outcome.problems.push(problem);
    let view = log.view();
    if finished.status.code() != Some(0) {
        wrong(format!("{finished}"));
    }
    if finished.took > Duration::from_secs(40) {
        wrong(format!("took {:?}", finished.took));
    }
    if view.end != Some(RunEnd::Consensus) {
        wrong(format!("ends as {:?}", view.end));
    }
    for agent in [0, 2] {
        if view.agents[agent].failures > 0 && !silent || !matches!(view.agents[agent].state, AgentState::Voted { .. }) {
            wrong(format!("drags {} along: {:?}", view.agents[agent].profile.id, view.agents[agent].state));
        }
    }
    for answer in view.answers.iter().filter(|answer| answer.revision.agent == AgentIndex(1)) {
        if answer.content != ANSWER {
            wrong(format!("the answer is not what the model said: {:?}", answer.content));
        }
    }
    outcome
}

fn retries(log: &Log) -> Vec<(String, u64)> {
    let retried = |activity| match activity {
        Activity::CallRetried { turn, error, pause_ms, .. } if turn.agent == AgentIndex(1) => Some((error, pause_ms)),
        _ => None,
    };
    log.activities().into_iter().filter_map(retried).collect()
}

fn retries_pauses(log: &Log) -> Vec<u64> {
    retries(log).into_iter().map(|(_, pause)| pause).collect()
}

fn timeouts(log: &Log) -> usize {
    ends(log).filter(|outcome| *outcome == TurnOutcome::TimedOut).count()
}

/// How the faulty agent's turns ended.
fn ends(log: &Log) -> impl Iterator<Item = TurnOutcome> {
    log.facts().into_iter().filter_map(|fact| match fact {
        Fact::TurnEnded { turn, outcome } if turn.agent == AgentIndex(1) => Some(outcome),
        _ => None,
    })
}

fn in_words(view: &RunView, log: &Log) -> String {
    let mut words = Vec::new();
    let count = |count: usize, what: &str| if count == 1 { what.to_owned() } else { format!("{what} {count} times") };
    let faulty = &view.agents[1];
    for (number, what) in
        [(retries(log).len(), "retried"), (timeouts(log), "timed out"), (faulty.rejections as usize, "rejected")]
    {
        if number > 0 {
            words.push(count(number, what));
        }
    }
    words.push(match &faulty.state {
        AgentState::Failed { .. } if faulty.answers > 0 => "answered, then out".to_owned(),
        AgentState::Failed { .. } => "out".to_owned(),
        AgentState::Voted { .. } => "answered and voted".to_owned(),
        state => format!("{state:?}"),
    });
    words.join(", ")
}
