//! How runs end: winners, presentations, timeouts, cancelling.

use massgen_coordination::Input;
use massgen_protocol::{Rules, Strategy, Timer};

use super::Script;

fn rules() -> Rules {
    Rules { lead_max: None, chances_per_turn: 1, ..Rules::default() }
}

/// A team of two in which agent1 has won and presents in its third turn.
fn presenting() -> Script {
    let mut script = Script::deciding(2, rules());
    script.votes("agent1", "agent1").votes("agent2", "agent1").skip();
    script
}

#[test]
fn everyone_failed() {
    Script::team(2, rules()).fails_for_good("agent1").skip().fails_for_good("agent2").then(
        "agent2#1 failed: bad key
         agent2 out: bad key
         phase Deciding
         end NoAnswer { reason: \"agent1: bad key; agent2: bad key\" }",
    );
}

#[test]
fn an_agent_alone_that_never_answers() {
    let mut script = Script::team(1, Rules { failures_in_a_row_max: 2, ..rules() });
    script
        .says("agent1", "")
        .then("agent1#1 rejected: EmptyAnswer; 0 left\n agent1#1 failed: it gave no answer\n > retry agent1 in 1000")
        .pause_ends("agent1")
        .fails("agent1")
        .then(
            "time: retry agent1
             agent1#2 answers alone
             agent1#2 failed: busy
             agent1 out: busy
             end NoAnswer { reason: \"agent1: busy\" }",
        );
}

#[test]
fn one_survivor() {
    Script::team(3, rules()).fails_for_good("agent1").fails_for_good("agent3").skip().answers("agent2", "two").then(
        "agent2.1 published: two (Decision)
             agent2#1 answered
             phase Deciding
             winner agent2.1, OnlyAnswer: agent2.1 0/0
             phase Presenting
             final, stored, there is no other answer to draw on: two
             end SingleAnswer",
    );
}

#[test]
fn a_survivor_compares_with_the_answers_of_those_that_are_out() {
    Script::deciding(2, rules()).fails_for_good("agent1").skip().votes("agent2", "agent1").then(
        "agent2→agent1.1
         agent2#2 voted
         winner agent1.1, MostVotes: agent1.1 1/1, agent2.1 0/0
         phase Presenting
         final, stored, its author takes no further part: one
         end Consensus",
    );
}

#[test]
fn a_team_of_nobody() {
    Script::unstarted(0, rules())
        .input(Input::Begin)
        .then("team of 0\n phase FirstAnswers\n end NoAnswer { reason: \"no agent gave an answer\" }");
}

#[test]
fn most_votes_need_no_majority() {
    let mut script = Script::deciding(4, rules());
    script.votes("agent1", "agent3").votes("agent2", "agent3").votes("agent3", "agent1").skip();
    script.votes("agent4", "agent2").then(
        "agent4→agent2.1
         agent4#2 voted
         winner agent3.1, MostVotes: agent3.1 2/2, agent1.1 1/1, agent2.1 1/1, agent4.1 0/0
         phase Presenting
         agent3#3 presents with agent1.1 agent2.1 agent3.1 agent4.1, no choice",
    );
}

#[test]
fn tie_more_votes_of_others() {
    // agent1 is earlier, but only agent1 itself is for it.
    let mut script = Script::deciding(3, rules());
    script.votes("agent1", "agent1").votes("agent3", "agent2").skip();
    script.says("agent2", "hm").then(
        "agent2#2 rejected: NoDecision; 0 left
         agent2#2 abstained
         winner agent2.1, TieMoreVotesOfOthers: agent2.1 1/1, agent1.1 1/0, agent3.1 0/0
         phase Presenting
         agent2#3 presents with agent1.1 agent2.1 agent3.1, no choice",
    );
}

#[test]
fn tie_published_earlier() {
    // agent1's current answer is the later one.
    let mut script = Script::deciding(2, rules());
    script.answers("agent1", "better one").stops("agent2").votes("agent1", "agent1").skip();
    script.votes("agent2", "agent2").then(
        "agent2→agent2.1
         agent2#3 voted
         winner agent2.1, TiePublishedEarlier: agent2.1 1/0, agent1.2 1/0
         phase Presenting
         agent2#4 presents with agent1.2 agent2.1, no choice",
    );
}

#[test]
fn no_votes_the_latest_answer() {
    let mut script = Script::deciding(2, rules());
    script.answers("agent1", "better one").stops("agent2").says("agent1", "hm").skip();
    script
        .says("agent2", "hm")
        .then(
            "agent2#3 rejected: NoDecision; 0 left
             agent2#3 abstained
             winner agent1.2, NoVotesBestInformed: agent2.1 0/0, agent1.2 0/0
             phase Presenting
             agent1#4 presents with agent1.2 agent2.1, no choice",
        )
        .says("agent1", "as it is")
        .then("agent1#4 presented\n final, presented: as it is\n end WithoutConsensus");
}

#[test]
fn the_deadline_takes_the_best_answer_so_far() {
    Script::deciding(3, rules())
        .votes("agent1", "agent2")
        .skip()
        .fires(Timer::Coordination)
        .then("time: coordination\n agent2#2 cut: CoordinationOver\n agent3#2 cut: CoordinationOver")
        .stops("agent2")
        .then("agent2#2 cancelled")
        .says("agent3", "hm")
        .then(
            "agent3#2 cancelled
             winner agent2.1, MostVotes: agent2.1 1/1, agent1.1 0/0, agent3.1 0/0
             phase Presenting
             agent2#3 presents with agent1.1 agent2.1 agent3.1, no choice",
        )
        .says("agent2", "final")
        .then("agent2#3 presented\n final, presented: final\n end TimedOutWithAnswer");
}

#[test]
fn an_answer_on_its_way_at_the_deadline_is_kept_but_pushes_nothing_out() {
    Script::deciding(2, rules())
        .fires(Timer::Coordination)
        .skip()
        .votes("agent1", "agent2")
        .then("agent1→agent2.1\n agent1#2 voted")
        .answers("agent2", "better two")
        .then(
            "agent2.2 published: better two (Decision)
             agent2#2 answered
             winner agent2.1, MostVotes: agent2.1 1/1, agent1.1 0/0, agent2.2 0/0
             phase Presenting
             agent2#3 presents with agent1.1 agent2.1, no choice",
        );
}

#[test]
fn the_deadline_passes_and_nobody_has_answered() {
    Script::team(2, rules())
        .fails("agent2")
        .skip()
        .fires(Timer::Coordination)
        .then("time: coordination\n agent1#1 cut: CoordinationOver")
        .stops("agent1")
        .then("agent1#1 cancelled\n end TimedOut");
}

#[test]
fn cancel_keeps_the_best_answer_and_asks_nobody() {
    Script::deciding(2, rules())
        .votes("agent1", "agent2")
        .skip()
        .cancel()
        .then("cancelled\n agent2#2 cut: Cancelled")
        .cancel()
        .then_nothing()
        .stops("agent2")
        .then(
            "agent2#2 cancelled
             winner agent2.1, MostVotes: agent2.1 1/1, agent1.1 0/0
             phase Presenting
             final, stored, the run was stopped: two
             end Cancelled",
        );
}

#[test]
fn cancel_without_an_answer() {
    Script::team(2, rules())
        .cancel()
        .stops("agent1")
        .skip()
        .stops("agent2")
        .then("agent2#1 cancelled\n end Cancelled")
        .input(Input::Begin)
        .then_nothing();
}

#[test]
fn cancel_before_the_beginning() {
    Script::unstarted(2, rules())
        .cancel()
        .then("team of 2\n phase FirstAnswers\n cancelled\n end Cancelled")
        .input(Input::Begin)
        .then_nothing();
}

#[test]
fn cancel_after_the_deadline_spares_the_presentation() {
    Script::deciding(2, rules()).fires(Timer::Coordination).cancel().stops("agent1").skip().stops("agent2").then(
        "agent2#2 cancelled
             winner agent2.1, NoVotesBestInformed: agent1.1 0/0, agent2.1 0/0
             phase Presenting
             final, stored, the run was stopped: two
             end Cancelled",
    );
}

#[test]
fn a_presentation_that_is_empty_falls_back() {
    presenting().says("agent1", " ").then(
        "agent1#3 failed: the presentation was empty
         final, stored, the presentation was empty: one
         end Consensus",
    );
}

#[test]
fn a_presentation_that_fails_falls_back_and_is_not_tried_again() {
    presenting().fails("agent1").then(
        "agent1#3 failed: the presentation failed: busy
         final, stored, the presentation failed: busy: one
         end Consensus",
    );
}

#[test]
fn a_presentation_that_runs_out_of_time_falls_back() {
    presenting()
        .turn_times_out("agent1")
        .then("time: turn agent1#3\n agent1#3 cut: TimedOut")
        .stops("agent1")
        .then("agent1#3 timedout\n final, stored, the presentation ran out of time: one\n end Consensus");
}

#[test]
fn a_presentation_that_comes_just_after_its_deadline_counts() {
    presenting()
        .turn_times_out("agent1")
        .skip()
        .says("agent1", "at last")
        .then("agent1#3 presented\n final, presented: at last\n end Consensus");
}

#[test]
fn a_presentation_that_is_cancelled_falls_back() {
    presenting()
        .cancel()
        .then("cancelled\n agent1#3 cut: Cancelled")
        .stops("agent1")
        .then("agent1#3 cancelled\n final, stored, the run was stopped during the presentation: one\n end Cancelled");
}

#[test]
fn the_time_of_the_coordination_does_not_touch_the_presentation() {
    presenting().fires(Timer::Coordination).then_nothing().rests("agent1").then("> continue agent1#3");
}

#[test]
fn the_strategies() {
    for (strategy, presentation) in [
        (Strategy::WinnerPresents, "agent1#3 presents with agent1.1 agent2.1, no choice"),
        (Strategy::Synthesize, "agent1#3 presents with agent1.1 agent2.1, no choice"),
        (
            Strategy::WinnerReuse,
            "final, stored, the strategy is to take the winning answer as it is: one\n end Consensus",
        ),
    ] {
        let mut script = Script::deciding(2, Rules { strategy, ..rules() });
        script.votes("agent1", "agent1").skip().votes("agent2", "agent1").then(&format!(
            "agent2→agent1.1
             agent2#2 voted
             winner agent1.1, MostVotes: agent1.1 2/1, agent2.1 0/0
             phase Presenting
             {presentation}"
        ));
    }
}
