//! Votes for answers with files.

use massgen_protocol::{AgentIndex, Rules, Verification};

use super::Script;

fn rules(verification: Verification) -> Rules {
    Rules { chances_per_turn: 3, lead_max: None, verification, ..Rules::default() }
}

/// A team of two that compares: the answer of `agent1` has files, that of `agent2` has none.
fn comparing(rules: Rules) -> Script {
    let mut script = Script::team(2, rules);
    script.answers_with_files("agent1", "one", 'a').answers("agent2", "two").skip();
    script
}

#[test]
fn a_vote_for_files_that_were_not_looked_into_does_not_count_when_verification_is_required() {
    comparing(rules(Verification::Required))
        .votes("agent2", "agent1")
        .then("agent2#2 rejected: Unchecked agent1.1; 2 left\n > reject agent2#2")
        .checks("agent2", "agent1", 0)
        .then("agent2#2 ran a tool\n agent2#2 checked agent1.1: run.py (Passed)")
        .votes("agent2", "agent1")
        .then("agent2→agent1.1 (1 checked)\n agent2#2 voted");
}

#[test]
fn an_answer_without_files_needs_no_check() {
    comparing(rules(Verification::Required)).votes("agent1", "agent2").then("agent1→agent2.1\n agent1#2 voted");
}

#[test]
fn ones_own_files_need_a_look_like_any_others() {
    comparing(rules(Verification::Required))
        .votes("agent1", "agent1")
        .then("agent1#2 rejected: Unchecked agent1.1; 2 left\n > reject agent1#2");
}

#[test]
fn a_look_at_one_answer_is_none_at_another() {
    comparing(rules(Verification::Required))
        .checks("agent2", "agent2", 0)
        .skip()
        .votes("agent2", "agent1")
        .then("agent2#2 rejected: Unchecked agent1.1; 2 left\n > reject agent2#2");
}

#[test]
fn an_agent_that_cannot_look_votes_all_the_same() {
    let rules = Rules { cannot_verify: vec![AgentIndex(1)], ..rules(Verification::Required) };
    comparing(rules).votes("agent2", "agent1").then("agent2→agent1.1\n agent2#2 voted");
}

#[test]
fn what_is_only_marked_counts_either_way() {
    for verification in [Verification::Off, Verification::Marked] {
        comparing(rules(verification)).votes("agent2", "agent1").then("agent2→agent1.1\n agent2#2 voted");
    }
}

#[test]
fn a_check_is_of_the_revision_that_was_shown() {
    let mut script = comparing(rules(Verification::Required));
    script
        .checks("agent2", "agent1", 1)
        .then("agent2#2 ran a tool\n agent2#2 checked agent1.1: run.py (Failed { exit_code: Some(1) })")
        .answers_with_files("agent1", "one again", 'b')
        .skip()
        .rests("agent2")
        .skip()
        .votes("agent2", "agent1")
        .then("agent2#2 rejected: Unchecked agent1.2; 2 left\n > reject agent2#2")
        .checks("agent2", "agent1", 0)
        .skip()
        .votes("agent2", "agent1")
        .then("agent2→agent1.2 (1 checked)\n agent2#2 voted");
}

#[test]
fn the_same_check_twice_is_one_and_checks_of_strangers_are_none() {
    comparing(rules(Verification::Required))
        .checks("agent2", "agent1", 0)
        .skip()
        .checks("agent2", "agent1", 0)
        .checks("agent2", "agent9", 0)
        .then_nothing();
}

#[test]
fn whoever_never_looks_decides_for_nobody() {
    comparing(rules(Verification::Required))
        .votes("agent2", "agent1")
        .votes("agent2", "agent1")
        .skip()
        .votes("agent2", "agent1")
        .then("agent2#2 rejected: Unchecked agent1.1; 0 left\n agent2#2 abstained");
}

#[test]
fn the_words_of_a_turn_that_never_decides_go_with_its_files() {
    let mut script = Script::team(1, rules(Verification::Required));
    let turn = script.turn("agent1");
    let snapshot = "c".repeat(64).parse().ok();
    let reply = massgen_coordination::Reply { text: "done".to_owned(), snapshot, ..Default::default() };
    script.input(massgen_coordination::Input::Replied { turn, reply });
    let kept = script.facts.iter().find_map(|fact| match fact {
        massgen_protocol::Fact::FinalAnswer { snapshot, .. } => snapshot.clone(),
        _ => None,
    });
    assert_eq!(kept.map(|id| id.to_string()), Some("c".repeat(64)));
}

#[test]
fn a_lone_answer_is_presented_when_only_the_presenter_may_act() {
    for (acts, presents) in [(false, false), (true, true)] {
        let rules = Rules { presentation_acts: acts, ..rules(Verification::Off) };
        let mut script = Script::team(2, rules);
        script.fails_for_good("agent2").answers("agent1", "one").skip();
        if script.coordinator.phase() == massgen_protocol::Phase::Deciding {
            script.votes("agent1", "agent1");
        }
        let presented = script.coordinator.open_turns().any(|open| open.kind == massgen_protocol::TurnKind::Present);
        assert_eq!(presented, presents);
    }
}
