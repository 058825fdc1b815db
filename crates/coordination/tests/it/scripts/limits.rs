//! Caps, fairness and deadlines.

use massgen_protocol::{Rules, Timer};

use super::Script;

fn rules() -> Rules {
    Rules { lead_max: None, ..Rules::default() }
}

#[test]
fn an_agent_at_its_cap_may_only_vote() {
    Script::deciding(2, Rules { answers_per_agent_max: 2, ..rules() })
        .answers("agent1", "better one")
        .then(
            "agent1.2 published: better one (Decision)
             agent1#2 answered
             agent2#2 cut: Outdated
             agent1#3 decides on agent1.2 agent2.1, vote only",
        )
        .answers("agent1", "best one")
        .then("agent1#3 rejected: AnswerNotAllowed; 2 left\n > reject agent1#3")
        .votes("agent1", "agent1")
        .then("agent1→agent1.2\n agent1#3 voted");
}

#[test]
fn the_teams_cap_may_be_reached_in_the_middle_of_a_turn() {
    Script::deciding(2, Rules { answers_total_max: Some(3), ..rules() })
        .runs_tool("agent1")
        .answers("agent2", "better two")
        .skip()
        .answers("agent1", "better one")
        .then(
            "agent1#2 rejected: AnswerNotAllowed; 2 left
             agent1#2 is shown agent1.1 agent2.2, vote only
             > reject agent1#2 with news",
        )
        .votes("agent1", "agent2")
        .then("agent1→agent2.2\n agent1#2 voted");
}

#[test]
fn a_first_answer_for_which_no_room_is_left_is_nobodys_failure() {
    Script::team(3, Rules { answers_total_max: Some(1), failures_in_a_row_max: 1, ..rules() })
        .answers("agent1", "one")
        .then("agent1.1 published: one (Decision)\n agent1#1 answered\n phase Deciding")
        .answers("agent2", "two")
        .then("agent2#1 superseded\n agent2#2 decides on agent1.1, vote only")
        .says("agent3", "three")
        .then("agent3#1 superseded\n agent3#2 decides on agent1.1, vote only")
        .votes("agent2", "agent1")
        .votes("agent3", "agent1")
        .then(
            "agent2→agent1.1
             agent2#2 voted
             agent3→agent1.1
             agent3#2 voted
             winner agent1.1, OnlyAnswer: agent1.1 2/2
             phase Presenting
             final, stored, there is no other answer to draw on: one
             end Consensus",
        );
}

#[test]
fn nobody_runs_far_ahead_while_another_is_on_its_first_answer() {
    let mut script = Script::team(3, Rules { lead_max: Some(2), ..rules() });
    script.answers("agent1", "a").answers("agent2", "b").fires(Timer::FirstAnswers).skip();
    script
        .answers("agent1", "aa")
        // agent1 has two answers more than agent3: it waits.
        .then("agent1.2 published: aa (Decision)\n agent1#2 answered\n agent2#2 cut: Outdated")
        .stops("agent2")
        .then("agent2#2 superseded\n agent2#3 decides on agent1.2 agent2.1")
        .votes("agent2", "agent1")
        .then("agent2→agent1.2\n agent2#3 voted")
        .answers("agent3", "c")
        .then(
            "agent3.1 published: c (Decision)
             votes voided by agent3.1: agent2→agent1.2
             agent3#1 answered
             agent1#3 decides on agent1.2 agent2.1 agent3.1
             agent2#4 decides on agent1.2 agent2.1 agent3.1
             agent3#2 decides on agent1.2 agent2.1 agent3.1",
        );
}

#[test]
fn who_waits_goes_on_when_the_other_is_out() {
    let mut script = Script::team(3, Rules { lead_max: Some(2), ..rules() });
    script.answers("agent1", "a").answers("agent2", "b").fires(Timer::FirstAnswers).answers("agent1", "aa").skip();
    script.fails_for_good("agent3").then(
        "agent3#1 failed: bad key
         agent3 out: bad key
         agent1#3 decides on agent1.2 agent2.1",
    );
}

#[test]
fn a_lead_among_those_that_have_answered_is_bounded_by_votes() {
    let mut script = Script::deciding(2, Rules { lead_max: Some(1), ..rules() });
    script
        .answers("agent1", "aa")
        .then(
            "agent1.2 published: aa (Decision)
             agent1#2 answered
             agent2#2 cut: Outdated
             agent1#3 decides on agent1.2 agent2.1, vote only",
        )
        .votes("agent1", "agent2")
        .skip()
        .stops("agent2")
        .answers("agent2", "bb")
        .then(
            "agent2#2 superseded
             agent2#3 decides on agent1.2 agent2.1
             agent2.2 published: bb (Decision)
             votes voided by agent2.2: agent1→agent2.1
             agent2#3 answered
             agent1#4 decides on agent1.2 agent2.2
             agent2#4 decides on agent1.2 agent2.2",
        );
}

#[test]
fn an_answer_that_would_run_ahead_is_refused() {
    let mut script = Script::deciding(2, Rules { lead_max: Some(1), ..rules() });
    script
        .answers("agent1", "aa")
        .skip()
        .answers("agent1", "aaa")
        .then("agent1#3 rejected: AnswerNotAllowed; 2 left\n > reject agent1#3");
}

#[test]
fn one_that_has_voted_is_not_waited_for() {
    // agent3 votes without an answer of its own: it does not hold the others back.
    let mut script = Script::team(3, Rules { lead_max: Some(1), ..rules() });
    script.answers("agent1", "a").answers("agent2", "b").fails("agent3").fires(Timer::FirstAnswers);
    script.skip().pause_ends("agent3").then("time: retry agent3\n agent3#2 decides on agent1.1 agent2.1");
    script.votes("agent3", "agent1").then(
        "agent3→agent1.1
         agent3#2 voted
         agent1#2 decides on agent1.1 agent2.1
         agent2#2 decides on agent1.1 agent2.1",
    );
}

#[test]
fn a_lead_of_nothing_forbids_no_first_answer() {
    let mut script = Script::team(3, Rules { lead_max: Some(0), ..rules() });
    script.answers("agent1", "a").fails("agent2").fires(Timer::FirstAnswers).skip();
    script.pause_ends("agent2").then("time: retry agent2\n agent2#2 decides on agent1.1");
}

#[test]
fn first_answers_are_waited_for_only_so_long() {
    let mut script = Script::team(3, rules());
    script.answers("agent1", "one");
    assert_eq!(script.timer(Timer::FirstAnswers), Some(120_000));
    script
        .answers("agent2", "two")
        .skip()
        .fires(Timer::FirstAnswers)
        .then(
            "time: first answers
             phase Deciding
             agent1#2 decides on agent1.1 agent2.1
             agent2#2 decides on agent1.1 agent2.1",
        )
        .fires(Timer::FirstAnswers)
        .then_nothing();
}

#[test]
fn an_only_answer_is_not_compared_with_itself() {
    let mut script = Script::team(2, rules());
    script.answers("agent1", "one").skip().fires(Timer::FirstAnswers).then("time: first answers\n phase Deciding");
}

#[test]
fn each_kind_of_turn_has_its_deadline() {
    let rules = Rules {
        first_turn_ms: Some(1),
        later_turn_ms: Some(2),
        presentation_ms: 3,
        coordination_ms: Some(4),
        ..rules()
    };
    let mut script = Script::team(2, rules.clone());
    let time = |script: &Script| script.timer(Timer::Turn { turn: script.turn("agent1") });
    assert_eq!(script.timer(Timer::Coordination), Some(4));
    assert_eq!(time(&script), Some(1));
    script.answers("agent1", "one").answers("agent2", "two");
    assert_eq!(time(&script), Some(2));
    script.votes("agent1", "agent1").votes("agent2", "agent1");
    assert_eq!(time(&script), Some(3));
    assert_eq!(time(&Script::team(1, rules)), Some(1));
    let none = Rules { first_turn_ms: None, coordination_ms: None, ..Rules::default() };
    assert_eq!(Script::team(2, none).timers, []);
}

#[test]
fn timers_that_no_longer_matter_change_nothing() {
    let mut script = Script::deciding(2, rules());
    let closed = massgen_protocol::TurnId { number: 1, ..script.turn("agent1") };
    script.fires(Timer::Turn { turn: closed }).fires(Timer::FirstAnswers).pause_ends("agent1").then_nothing();
    // The turn is already being cut.
    script.answers("agent2", "better two").skip().turn_times_out("agent1").then_nothing();
    script.stops("agent1").votes("agent1", "agent1").votes("agent2", "agent1").skip();
    script.fires(Timer::Coordination).then_nothing();
    script.says("agent1", "done").skip().fires(Timer::Coordination).cancel().then_nothing();
}
