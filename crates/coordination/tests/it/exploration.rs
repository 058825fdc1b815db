//! Small teams, exhaustively.

use massgen_coordination::{Coordinator, Input, Step};
use massgen_protocol::{Fact, Rules, Strategy, Verification};

use crate::explorer::{Counterexample, Explored, explore};
use crate::world::{Subject, World, honest};

/// Rules under which everything can happen, a few times.
fn rules(answers_per_agent_max: u32) -> Rules {
    Rules {
        answers_per_agent_max,
        chances_per_turn: 2,
        failures_in_a_row_max: 2,
        cuts_in_a_row_max: 1,
        lead_max: Some(1),
        ..Rules::default()
    }
}

fn run(size: u16, rules: Rules, subject: Subject) -> Result<Explored, Counterexample> {
    let start =
        World::begin(size, 1, rules, subject).map_err(|breach| Counterexample { breach, trace: vec![Input::Begin] })?;
    // The search recurses once for each event of a run.
    std::thread::Builder::new().stack_size(1 << 30).spawn(move || explore(&start)).unwrap().join().unwrap()
}

fn check(name: &str, size: u16, rules: Rules) {
    match run(size, rules, honest) {
        Ok(found) => crate::state(&format!(
            "explored {name}: {} states, {} transitions, {} ends, longest run {} events",
            found.states, found.transitions, found.ends, found.longest_run
        )),
        Err(found) => panic!("{name}: {}\nafter {:#?}", found.breach.0, found.trace),
    }
}

#[test]
fn one_agent() {
    check("1 agent", 1, rules(2));
}

#[test]
fn two_agents_with_two_answers_each() {
    check("2 agents, 2 answers each", 2, rules(2));
}

#[test]
fn two_agents_when_nothing_is_waited_for_and_nothing_limits_time() {
    let rules = Rules {
        first_answers_wait_ms: None,
        coordination_ms: None,
        first_turn_ms: None,
        later_turn_ms: None,
        lead_max: None,
        strategy: Strategy::WinnerReuse,
        ..rules(3)
    };
    check("2 agents, 3 answers each, no deadlines", 2, rules);
}

#[test]
fn two_agents_when_the_team_may_answer_once_or_thrice() {
    for total in [1, 3] {
        let rules = Rules { answers_total_max: Some(total), ..rules(3) };
        check(&format!("2 agents, {total} answers in all"), 2, rules);
    }
}

#[test]
fn two_agents_whose_votes_must_rest_on_checks() {
    let rules = Rules { verification: Verification::Required, failures_in_a_row_max: 1, ..rules(2) };
    check("2 agents, 2 answers each, votes rest on checks", 2, rules);
}

#[test]
fn three_agents_with_two_answers_each() {
    // One failure and one reply without a decision are final here, and no tools run: two agents
    // explore those.
    let rules = Rules { failures_in_a_row_max: 1, chances_per_turn: 1, ..rules(2) };
    check("3 agents, 2 answers each", 3, rules);
}

/// A deliberate fault must be found by the law that it breaks.
fn must_find(law: &str, subject: Subject) {
    let found = run(2, rules(2), subject).expect_err("the fault went unnoticed");
    assert!(found.breach.0.contains(law), "found something else: {}", found.breach.0);
}

#[test]
fn a_void_vote_that_counts_is_found() {
    fn subject(coordinator: &mut Coordinator, input: Input) -> Step {
        let mut step = coordinator.handle(input);
        for fact in &mut step.facts {
            if let Fact::VoteArrivedVoid { turn, vote, .. } = fact {
                *fact = Fact::VoteCast { turn: *turn, vote: vote.clone() };
            }
        }
        step
    }
    must_find("counts, but the answers are", subject);
}

#[test]
fn a_lost_answer_is_found() {
    fn subject(coordinator: &mut Coordinator, input: Input) -> Step {
        // What a runtime would do that drops whatever a cut turn still had to say.
        let cut = |turn| format!("{coordinator:?}").contains(&format!("id: {turn}")) && is_cut(coordinator, turn);
        match &input {
            Input::Replied { turn, .. } if cut(*turn) => coordinator.handle(Input::TurnStopped { turn: *turn }),
            _ => coordinator.handle(input),
        }
    }
    fn is_cut(coordinator: &Coordinator, turn: massgen_protocol::TurnId) -> bool {
        // A turn that is not cut fails when it stops; a copy tells which it is.
        let facts = coordinator.clone().handle(Input::TurnStopped { turn }).facts;
        !facts.iter().any(|fact| {
            matches!(fact, Fact::TurnEnded { turn: ended, outcome: massgen_protocol::TurnOutcome::Failed { .. } } if *ended == turn)
        })
    }
    must_find("was lost", subject);
}

#[test]
fn a_deadlock_is_found() {
    fn subject(coordinator: &mut Coordinator, input: Input) -> Step {
        // What a runtime would do that forgets to start a turn.
        let mut step = coordinator.handle(input);
        step.commands.retain(|command| !matches!(command, massgen_coordination::Command::StartTurn(_)));
        step
    }
    must_find("were started", subject);
}

#[test]
fn a_run_without_end_is_found() {
    fn subject(coordinator: &mut Coordinator, input: Input) -> Step {
        // What failing without being counted would look like: the agent is as it was before.
        if let Input::TurnFailed { turn, retryable: true, .. } = input
            && coordinator.open_turns().any(|open| open.turn == turn)
        {
            return Step::default();
        }
        coordinator.handle(input)
    }
    must_find("need not end", subject);
}
