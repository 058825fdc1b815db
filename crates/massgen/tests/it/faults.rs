//! Every fault that a provider can have, on every wire protocol, with one faulty agent among three.
//!
//! Each case is a run of the program, in which the faulty agent's first request fails, or all of them.
//! What becomes of it is checked, and printed as a table.

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
    /// The call is tried again once the provider has been silent for too long.
    Stalled,
    /// Trying again would not help.
    Out,
}

use Once::{Out, Retried, Stalled, Unharmed};

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
    fault("silence", "{silence: {after_chunks: 2}}", Stalled),
    fault("hang", "hang", Stalled),
];

/// What the faulty agent says when its provider lets it.
const ANSWER: &str = "42: sechs × sieben, 六乘七 🦀";

/// The scripts of the models of a table.
fn scenario(often: &str) -> String {
    let mut models = String::new();
    for fault in &FAULTS {
        for (_, kind) in BACKENDS {
            let (model, yaml) = (model(kind, fault, often), fault.yaml);
            let answer = match yaml {
                // Two calls at least have an order.
                "reorder" => format!(
                    "calls: [{{tool: lookup, arguments: {{text: 'noch ein Wort'}}}}, {{tool: new_answer, arguments: {{content: '{ANSWER}'}}}}]"
                ),
                _ => format!("new_answer: '{ANSWER}'"),
            };
            let deed = format!("fault: {yaml}, reason: 'Let me see…', say: 'Das wäre – moment –', chunk: 3");
            let then = match often {
                "once" => format!("{{when: {{answers: 0}}, new_answer: '{ANSWER}'}}"),
                _ => format!("{{{deed}, vote: {{for: '42', reason: 'Ja – gewiß.'}}}}\n    - {{{deed}}}"),
            };
            let times = if often == "once" { "times: 1, " } else { "" };
            models.push_str(&format!(
                "  {model}:\n    - {{{times}when: {{answers: 0}}, {deed}, {answer}}}\n    - {then}\n"
            ));
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
    // What waits longest comes first, and what computes most comes last.
    let order = |fault: &usize| (FAULTS[*fault].once != Stalled, FAULTS[*fault].yaml.contains("bulk"));
    let mut faults: Vec<usize> = (0..FAULTS.len()).collect();
    faults.sort_by_key(order);
    let cases = faults.into_iter().flat_map(|fault| (0..BACKENDS.len()).map(move |kind| (fault, kind))).collect();
    table("once", cases, |case, log| {
        let (view, pauses) = (log.view(), pauses(log));
        let faulty = &view.agents[1];
        let answered = faulty.answers > 0;
        let mut problems = Vec::new();
        let state = (!pauses.is_empty(), timeouts(log) > 0, answered);
        let expected = match case.fault.once {
            Unharmed => (false, false, true),
            Retried | Stalled => (true, false, true),
            Out => (false, false, false),
        };
        if state != expected {
            problems.push(format!("(retried, timed out, answered) is {state:?}, not {expected:?}"));
        }
        if case.fault.name.contains("Retry-After") && pauses != [1_000] {
            problems.push(format!("pauses of {pauses:?} ms, although it was asked to wait 1 s"));
        }
        if answered && !has_voted(&view, 1) {
            problems.push(format!("it answered and then did not vote: {:?}", faulty.state));
        }
        Outcome { words: in_words(case, &view, log), problems }
    });
}

#[test]
fn a_provider_that_always_fails_costs_its_agent() {
    let fails = ["hang", "silence", "status 500", "cut after 2 chunks", "malformed", "refuse"];
    // One protocol each: what differs between them is in the other table.
    let cases = fails.iter().enumerate().map(|(number, name)| (by_name(name), number % BACKENDS.len())).collect();
    table("always", cases, |case, log| {
        let view = log.view();
        let mut problems = Vec::new();
        if !matches!(view.agents[1].state, AgentState::Failed { .. }) {
            problems.push(format!("ends as {:?}", view.agents[1].state));
        }
        Outcome { words: in_words(case, &view, log), problems }
    });
}

fn by_name(name: &str) -> usize {
    FAULTS.iter().position(|fault| fault.name == name).unwrap()
}

struct Case<'a> {
    fault: &'a Fault,
    model: String,
    provider: &'a Provider,
}

/// Runs every case, several at a time, checks what must hold for all of them, and prints what became of them.
fn table(often: &str, cases: Vec<(usize, usize)>, judge: impl Fn(&Case<'_>, &Log) -> Outcome + Sync) {
    let provider = Provider::agreeable_but(&scenario(often));
    let queue = Mutex::new(cases.into_iter());
    let outcomes = Mutex::new(BTreeMap::new());
    // Most of the time of a case is waiting for a pause to end.
    const AT_ONCE: usize = 20;
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
    state!("| {often} |{}", BACKENDS.map(|(wire, _)| format!(" {wire:?} |")).concat());
    state!("|---|{}", "---|".repeat(BACKENDS.len()));
    for (index, fault) in FAULTS.iter().enumerate() {
        let words = |kind| outcomes.get(&(index, kind)).map_or("", |outcome: &Outcome| outcome.words.as_str());
        let cells: String = (0..BACKENDS.len()).map(|kind| format!(" {} |", words(kind))).collect();
        if cells.contains(|c: char| c.is_alphanumeric()) {
            state!("| {} |{cells}", fault.name);
        }
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
    // What ends a silence, and what ends retries without end. Nothing else may need a limit.
    let needs_deadline = often == "always";
    let timeout = match (needs_deadline, fault.once) {
        (true, _) => "timeout_settings: {initial_round_timeout_seconds: 6}\n",
        (false, Stalled) => "timeout_settings: {stall_timeout_seconds: 3}\n",
        (false, _) => "",
    };
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
        let (healthy, voted) = (&view.agents[agent], has_voted(&view, agent));
        if healthy.answers == 0 || !voted || healthy.failures > 0 && !needs_deadline {
            wrong(format!("{} is dragged along: {:?}", healthy.profile.id, healthy.state));
        }
    }
    for answer in view.answers.iter().filter(|answer| answer.revision.agent == AgentIndex(1)) {
        if answer.content != ANSWER {
            wrong(format!("the answer is not what the model said: {:?}", answer.content));
        }
    }
    outcome
}

fn has_voted(view: &RunView, agent: usize) -> bool {
    view.valid_votes().any(|vote| vote.voter.position() == agent)
}

/// The pauses before the faulty agent's calls were tried again, in milliseconds.
fn pauses(log: &Log) -> Vec<u64> {
    let pause = |activity| match activity {
        Activity::CallRetried { turn, pause_ms, .. } if turn.agent == AgentIndex(1) => Some(pause_ms),
        _ => None,
    };
    log.activities().into_iter().filter_map(pause).collect()
}

/// How many of the faulty agent's turns ended at their deadline.
fn timeouts(log: &Log) -> usize {
    let timed_out = |fact: &Fact| match fact {
        Fact::TurnEnded { turn, outcome } => turn.agent == AgentIndex(1) && *outcome == TurnOutcome::TimedOut,
        _ => false,
    };
    log.facts().iter().filter(|fact| timed_out(fact)).count()
}

fn in_words(case: &Case<'_>, view: &RunView, log: &Log) -> String {
    let mut words = Vec::new();
    let count = |count: usize, what: &str| if count == 1 { what.to_owned() } else { format!("{what} {count} times") };
    let faulty = &view.agents[1];
    for (number, what) in
        [(pauses(log).len(), "retried"), (timeouts(log), "timed out"), (faulty.rejections as usize, "rejected")]
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
    let requests = case.provider.received().iter().filter(|request| request.model == case.model).count();
    format!("{} ({requests} requests)", words.join(", "))
}
