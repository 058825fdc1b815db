//! First answers, comparing, votes, and what an agent at work learns of.

use massgen_coordination::{Command, Input, Reply};
use massgen_protocol::{Fact, Rules, Timer, TurnKind};

use super::{Script, vote};

fn rules() -> Rules {
    Rules { lead_max: None, ..Rules::default() }
}

#[test]
fn everybody_answers_in_parallel_and_nobody_sees_another_first_answer() {
    Script::unstarted(3, rules())
        .input(Input::Begin)
        .then(
            "team of 3
             phase FirstAnswers
             agent1#1 answers first
             agent2#1 answers first
             agent3#1 answers first",
        )
        .answers("agent2", "two")
        .then("agent2.1 published: two (Decision)\n agent2#1 answered")
        .answers("agent1", "one")
        .then("agent1.1 published: one (Decision)\n agent1#1 answered")
        .answers("agent3", "three")
        .then(
            "agent3.1 published: three (Decision)
             agent3#1 answered
             phase Deciding
             agent1#2 decides on agent1.1 agent2.1 agent3.1
             agent2#2 decides on agent1.1 agent2.1 agent3.1
             agent3#2 decides on agent1.1 agent2.1 agent3.1",
        );
}

#[test]
fn one_agent_alone_answers_directly() {
    Script::unstarted(1, rules())
        .input(Input::Begin)
        .then("team of 1\n phase FirstAnswers\n agent1#1 answers alone")
        .says("agent1", " forty-two ")
        .then(
            "agent1.1 published: forty-two (Decision)
             agent1#1 answered
             winner agent1.1, OnlyAnswer: agent1.1 0/0
             phase Presenting
             final, stored, one agent alone answers directly: forty-two
             end SingleAnswer",
        );
}

#[test]
fn a_team_that_agrees_is_done() {
    Script::deciding(3, rules())
        .votes("agent1", "agent2")
        .votes("agent2", "agent2.1")
        .then("agent1→agent2.1\n agent1#2 voted\n agent2→agent2.1\n agent2#2 voted")
        .votes("agent3", " AGENT1 ")
        .then(
            "agent3→agent1.1
             agent3#2 voted
             winner agent2.1, MostVotes: agent2.1 2/1, agent1.1 1/1, agent3.1 0/0
             phase Presenting
             agent2#3 presents with agent1.1 agent2.1 agent3.1, no choice",
        )
        .says("agent2", "Two, well said")
        .then("agent2#3 presented\n final, presented: Two, well said\n end Consensus");
}

#[test]
fn a_new_answer_voids_all_votes_and_everybody_decides_anew() {
    Script::deciding(3, rules())
        .votes("agent1", "agent3")
        .skip()
        .answers("agent2", "better two")
        .then(
            "agent2.2 published: better two (Decision)
             votes voided by agent2.2: agent1→agent3.1
             agent2#2 answered
             agent3#2 cut: Outdated
             agent1#3 decides on agent1.1 agent2.2 agent3.1
             agent2#3 decides on agent1.1 agent2.2 agent3.1",
        )
        .stops("agent3")
        .then("agent3#2 superseded\n agent3#3 decides on agent1.1 agent2.2 agent3.1");
}

#[test]
fn an_abstention_too_is_void_after_a_new_answer() {
    Script::deciding(2, Rules { chances_per_turn: 1, ..rules() })
        .says("agent1", "hm")
        .then("agent1#2 rejected: NoDecision; 0 left\n agent1#2 abstained")
        .answers("agent2", "better two")
        .then(
            "agent2.2 published: better two (Decision)
             agent2#2 answered
             agent1#3 decides on agent1.1 agent2.2
             agent2#3 decides on agent1.1 agent2.2",
        );
}

#[test]
fn a_vote_that_races_with_an_answer_arrives_void() {
    Script::deciding(2, rules())
        .answers("agent2", "better two")
        .skip()
        .votes("agent1", "agent2")
        .then("void agent1→agent2.1\n agent1#2 superseded\n agent1#3 decides on agent1.1 agent2.2");
}

#[test]
fn a_late_answer_of_a_cut_turn_counts() {
    Script::deciding(2, rules()).answers("agent2", "better two").skip().answers("agent1", "better one").then(
        "agent1.2 published: better one (Decision)
             agent1#2 answered
             agent2#3 cut: Outdated
             agent1#3 decides on agent1.2 agent2.2",
    );
}

#[test]
fn talk_and_trouble_of_a_cut_turn_change_nothing() {
    Script::deciding(3, rules())
        .answers("agent3", "better three")
        .skip()
        .says("agent1", "hm")
        .then("agent1#2 superseded\n agent1#3 decides on agent1.1 agent2.1 agent3.2")
        .fails_for_good("agent2")
        .then("agent2#2 superseded\n agent2#3 decides on agent1.1 agent2.1 agent3.2");
}

#[test]
fn the_third_deliberation_in_a_row_is_not_cut() {
    let mut script = Script::deciding(2, rules());
    script.answers("agent2", "b").stops("agent1").answers("agent2", "c").stops("agent1").skip();
    script
        .answers("agent2", "d")
        .then("agent2.4 published: d (Decision)\n agent2#4 answered\n agent2#5 decides on agent1.1 agent2.4")
        // Its decision counts by what it was shown: a vote is void, and then it may be cut again.
        .votes("agent1", "agent2")
        .then("void agent1→agent2.3\n agent1#4 superseded\n agent1#5 decides on agent1.1 agent2.4")
        .answers("agent2", "e")
        .then(
            "agent2.5 published: e (Decision)
             agent2#5 answered
             agent1#5 cut: Outdated
             agent2#6 decides on agent1.1 agent2.5, vote only",
        );
}

#[test]
fn the_answer_of_a_third_deliberation_counts() {
    let mut script = Script::deciding(2, rules());
    script.answers("agent2", "b").stops("agent1").answers("agent2", "c").stops("agent1").answers("agent2", "d").skip();
    script.answers("agent1", "z").then(
        "agent1.2 published: z (Decision)
         agent1#4 answered
         agent2#5 cut: Outdated
         agent1#5 decides on agent1.2 agent2.4",
    );
}

#[test]
fn a_first_answer_is_let_finish() {
    let mut script = Script::team(3, rules());
    script.answers("agent1", "one").answers("agent2", "two").fires(Timer::FirstAnswers).skip();
    script
        .answers("agent1", "better one")
        .then(
            "agent1.2 published: better one (Decision)
             agent1#2 answered
             agent2#2 cut: Outdated
             agent1#3 decides on agent1.2 agent2.1",
        )
        // Not even at a safe point is it told of the others: first answers are independent.
        .rests("agent3")
        .then("> continue agent3#1")
        .answers("agent3", "three")
        .then(
            "agent3.1 published: three (Decision)
             agent3#1 answered
             agent1#3 cut: Outdated
             agent3#2 decides on agent1.2 agent2.1 agent3.1",
        );
    let seen = script.facts.iter().rev().find_map(|fact| match fact {
        Fact::AnswerPublished { seen, .. } => Some(seen.clone()),
        _ => None,
    });
    assert!(seen.unwrap().is_empty(), "it was shown nothing");
}

#[test]
fn an_agent_without_an_answer_that_compares_is_not_cut_either() {
    let mut script = Script::team(3, rules());
    script.answers("agent1", "one").answers("agent2", "two").fails("agent3").fires(Timer::FirstAnswers).skip();
    script
        .pause_ends("agent3")
        .then("time: retry agent3\n agent3#2 decides on agent1.1 agent2.1")
        .answers("agent1", "better one")
        .then(
            "agent1.2 published: better one (Decision)
             agent1#2 answered
             agent2#2 cut: Outdated
             agent1#3 decides on agent1.2 agent2.1",
        )
        .answers("agent3", "three")
        .skip()
        .stops("agent2")
        .then("agent2#2 superseded\n agent2#3 decides on agent1.2 agent2.1 agent3.1");
}

#[test]
fn a_turn_that_ran_tools_learns_of_news_at_a_safe_point() {
    Script::deciding(2, Rules { answers_per_agent_max: 2, ..rules() })
        .runs_tool("agent1")
        .runs_tool("agent1")
        .then("agent1#2 ran a tool")
        .rests("agent1")
        .then("> continue agent1#2")
        .answers("agent2", "better two")
        .then(
            "agent2.2 published: better two (Decision)
             agent2#2 answered
             agent2#3 decides on agent1.1 agent2.2, vote only",
        )
        .rests("agent1")
        .then("agent1#2 is shown agent1.1 agent2.2\n > continue agent1#2 with news")
        .rests("agent1")
        .then("> continue agent1#2")
        .votes("agent1", "agent2")
        .then("agent1→agent2.2\n agent1#2 voted");
}

#[test]
fn news_at_a_safe_point_bring_new_choices() {
    // When agent1 began there was room for one more answer.
    Script::deciding(2, Rules { answers_total_max: Some(3), ..rules() })
        .runs_tool("agent1")
        .answers("agent2", "better two")
        .skip()
        .rests("agent1")
        .then("agent1#2 is shown agent1.1 agent2.2, vote only\n > continue agent1#2 with news");
}

#[test]
fn news_come_with_a_rejection_too() {
    Script::deciding(2, rules()).runs_tool("agent1").answers("agent2", "better two").skip().says("agent1", "hm").then(
        "agent1#2 rejected: NoDecision; 2 left
             agent1#2 is shown agent1.1 agent2.2
             > reject agent1#2 with news",
    );
}

#[test]
fn a_turn_without_a_safe_point_is_never_shown_anything() {
    // It ran a tool and never rested again: its vote is judged by what it was shown.
    Script::deciding(2, rules())
        .runs_tool("agent1")
        .answers("agent2", "better two")
        .skip()
        .votes("agent1", "agent2.2")
        .then(
            "agent1#2 rejected: UnknownTarget agent2.2; 2 left
             agent1#2 is shown agent1.1 agent2.2
             > reject agent1#2 with news",
        );
}

#[test]
fn a_cut_turn_at_a_safe_point_is_not_told_to_go_on() {
    Script::deciding(2, rules()).answers("agent2", "better two").skip().rests("agent1").then_nothing();
}

#[test]
fn inputs_about_closed_and_unknown_turns_change_nothing() {
    let mut script = Script::deciding(2, rules());
    let closed = script.turn("agent1");
    let turns = [
        closed,
        massgen_protocol::TurnId { number: 99, ..closed },
        massgen_protocol::TurnId { number: 1, agent: massgen_protocol::AgentIndex(99) },
    ];
    script.votes("agent1", "agent1").skip();
    for turn in turns {
        let reply = Reply { text: String::new(), calls: vec![vote("agent2")], ..Reply::default() };
        script
            .input(Input::Replied { turn, reply })
            .input(Input::ToolRan { turn, checked: Vec::new() })
            .input(Input::SafePoint { turn })
            .input(Input::TurnFailed { turn, message: "late".to_owned(), retryable: false })
            .input(Input::TurnStopped { turn })
            .fires(Timer::Turn { turn })
            .then_nothing();
    }
}

#[test]
fn nothing_happens_before_the_beginning_and_nobody_begins_twice() {
    let mut script = Script::unstarted(2, rules());
    let turn = massgen_protocol::TurnId { agent: massgen_protocol::AgentIndex(0), number: 1 };
    script.input(Input::SafePoint { turn }).fires(Timer::Coordination).fires(Timer::FirstAnswers).then_nothing();
    script
        .input(Input::Begin)
        .then("team of 2\n phase FirstAnswers\n agent1#1 answers first\n agent2#1 answers first")
        .input(Input::Begin)
        .then_nothing();
}

#[test]
fn every_voter_sees_the_answers_in_an_order_of_its_own() {
    let script = Script::deciding(4, rules());
    let orders: Vec<_> = script.coordinator.open_turns().map(|open| open.view.order).collect();
    assert!(orders.iter().any(|order| *order != orders[0]), "{orders:?}");
    let recorded: Vec<_> = script
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::TurnStarted { kind: TurnKind::Decide, view, .. } => Some(view.order.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(orders, recorded);
}

#[test]
fn facts_come_before_commands_and_each_turn_is_asked_for_as_it_was_recorded() {
    let mut script = Script::team(2, rules());
    script.answers("agent1", "one");
    let turn = script.turn("agent2");
    let step = script.coordinator.handle(Input::Replied {
        turn,
        reply: Reply { text: String::new(), calls: vec![super::answer("two")], ..Reply::default() },
    });
    let asked: Vec<_> = step
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::StartTurn(brief) => Some(brief.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(asked, script.coordinator.open_turns().collect::<Vec<_>>());
}
