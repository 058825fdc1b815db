//! Turns that fail, hang or stop, and agents that go out.

use massgen_coordination::Input;
use massgen_protocol::Rules;

use super::Script;

fn rules() -> Rules {
    Rules { failures_in_a_row_max: 4, retry_pause_ms: 1_000, ..Rules::default() }
}

#[test]
fn the_pause_before_a_retry_doubles_and_the_retries_are_bounded() {
    Script::team(2, rules())
        .fails("agent1")
        .then("agent1#1 failed: busy\n > retry agent1 in 1000")
        .pause_ends("agent1")
        .then("time: retry agent1\n agent1#2 answers first")
        .fails("agent1")
        .then("agent1#2 failed: busy\n > retry agent1 in 2000")
        .pause_ends("agent1")
        .fails("agent1")
        .then("time: retry agent1\n agent1#3 answers first\n agent1#3 failed: busy\n > retry agent1 in 4000")
        .pause_ends("agent1")
        .fails("agent1")
        .then("time: retry agent1\n agent1#4 answers first\n agent1#4 failed: busy\n agent1 out: busy")
        .pause_ends("agent1")
        .then_nothing();
}

#[test]
fn a_decision_ends_a_row_of_failures() {
    let mut script = Script::team(2, rules());
    script.fails("agent1").pause_ends("agent1").fails("agent1").pause_ends("agent1");
    script.answers("agent1", "one").answers("agent2", "two").skip();
    script.fails("agent1").then("agent1#4 failed: busy\n > retry agent1 in 1000");
}

#[test]
fn a_very_long_row_of_failures_does_not_overflow_the_pause() {
    let mut script =
        Script::team(2, Rules { failures_in_a_row_max: 255, retry_pause_ms: u64::MAX / 2, ..Rules::default() });
    for _ in 0..100 {
        script.fails("agent1").pause_ends("agent1");
    }
    script.skip().fails("agent1").then(&format!("agent1#101 failed: busy\n > retry agent1 in {}", u64::MAX));
}

#[test]
fn a_fatal_failure_puts_the_agent_out_at_once() {
    Script::team(3, rules())
        .fails_for_good("agent2")
        .then("agent2#1 failed: bad key\n agent2 out: bad key")
        .answers("agent1", "one")
        .answers("agent3", "three")
        .then(
            "agent1.1 published: one (Decision)
             agent1#1 answered
             agent3.1 published: three (Decision)
             agent3#1 answered
             phase Deciding
             agent1#2 decides on agent1.1 agent3.1
             agent3#2 decides on agent1.1 agent3.1",
        );
}

#[test]
fn the_answers_of_an_agent_that_is_out_stay() {
    Script::deciding(3, rules())
        .fails_for_good("agent1")
        .votes("agent2", "agent1")
        .skip()
        .votes("agent3", "agent1")
        .then(
            "agent3→agent1.1
             agent3#2 voted
             winner agent1.1, MostVotes: agent1.1 2/2, agent2.1 0/0, agent3.1 0/0
             phase Presenting
             final, stored, its author takes no further part: one
             end Consensus",
        );
}

#[test]
fn running_out_of_time_counts_as_a_failure_but_needs_no_pause() {
    Script::team(2, Rules { failures_in_a_row_max: 2, ..rules() })
        .turn_times_out("agent1")
        .then("time: turn agent1#1\n agent1#1 cut: TimedOut")
        .stops("agent1")
        .then("agent1#1 timedout\n agent1#2 answers first")
        .turn_times_out("agent1")
        .skip()
        .stops("agent1")
        .then("agent1#2 timedout\n agent1 out: it ran out of time");
}

#[test]
fn an_answer_that_comes_just_after_its_deadline_counts() {
    Script::team(2, rules())
        .turn_times_out("agent1")
        .skip()
        .answers("agent1", "one")
        .then("agent1.1 published: one (Decision)\n agent1#1 answered");
    Script::deciding(2, rules())
        .turn_times_out("agent1")
        .skip()
        .votes("agent1", "agent2")
        .then("agent1→agent2.1\n agent1#2 voted");
}

#[test]
fn a_turn_that_stops_unasked_has_failed() {
    Script::team(2, rules())
        .stops("agent1")
        .then("agent1#1 failed: it stopped without being asked to\n > retry agent1 in 1000");
}

#[test]
fn the_team_does_not_end_while_one_pauses() {
    Script::deciding(2, rules())
        .fails("agent1")
        .votes("agent2", "agent2")
        .then("agent1#2 failed: busy\n > retry agent1 in 1000\n agent2→agent2.1\n agent2#2 voted")
        .pause_ends("agent1")
        .then("time: retry agent1\n agent1#3 decides on agent1.1 agent2.1");
}

#[test]
fn a_new_answer_does_not_cut_a_pause_short() {
    Script::deciding(2, rules())
        .fails("agent1")
        .skip()
        .answers("agent2", "better two")
        .then("agent2.2 published: better two (Decision)\n agent2#2 answered\n agent2#3 decides on agent1.1 agent2.2")
        .pause_ends("agent1")
        .then("time: retry agent1\n agent1#3 decides on agent1.1 agent2.2");
}

#[test]
fn a_journal_that_cannot_be_true_does_not_take_the_program_down() {
    use massgen_coordination::Coordinator;
    use massgen_protocol::Fact;
    let mut script = Script::deciding(2, rules());
    let facts = script.votes("agent1", "agent1").facts.clone();
    assert_eq!(Coordinator::replay(&facts[1..]), None);
    // A team of one in whose journal two agents speak, and a journal without some of its lines.
    let mut strangers = facts.clone();
    strangers[0] = Fact::TeamStarted { size: 1, seed: 0, rules: rules() };
    for facts in [strangers, facts.iter().step_by(2).cloned().collect()] {
        if let Some(mut coordinator) = Coordinator::replay(&facts) {
            coordinator.handle(Input::Cancel);
        }
    }
}
