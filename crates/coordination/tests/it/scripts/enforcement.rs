//! Replies that do not hold exactly one decision that is allowed.

use massgen_coordination::DecisionCall;
use massgen_protocol::{Novelty, Rules, Violation};

use super::{Script, answer, vote};

fn rules() -> Rules {
    Rules { chances_per_turn: 3, lead_max: None, ..Rules::default() }
}

/// A reply of `agent1` in its second turn, when all of three agents have answered, and what is wrong with it.
#[track_caller]
fn check(text: &str, calls: Vec<DecisionCall>, violation: &str) {
    Script::deciding(3, rules())
        .replies("agent1", text, calls)
        .then(&format!("agent1#2 rejected: {violation}; 2 left\n > reject agent1#2"))
        // The next reply is judged as if the first had not been.
        .votes("agent1", "agent2")
        .then("agent1→agent2.1\n agent1#2 voted");
}

#[test]
fn each_fault_gets_one_clear_reply_and_another_chance() {
    let unreadable = || DecisionCall::Unreadable { tool: "vote".to_owned(), problem: "no `}`".to_owned() };
    let unknown = || DecisionCall::Unknown { tool: "submit".to_owned() };
    check("I like the second", vec![], "NoDecision");
    check("", vec![], "NoDecision");
    check("", vec![answer("new"), vote("agent2")], "AnswerAndVote");
    check("", vec![vote("agent2"), answer("new"), vote("agent3")], "AnswerAndVote");
    check("", vec![answer("new"), answer("newer")], "SeveralAnswers");
    check("", vec![vote("agent2"), vote("agent3")], "SeveralVotes");
    check("", vec![vote("agent2"), vote("agent9")], "SeveralVotes");
    check("", vec![vote("")], "UnknownTarget ");
    check("", vec![vote("nobody")], "UnknownTarget nobody");
    check("", vec![vote("agent4")], "UnknownTarget agent4");
    check("", vec![vote("agent0")], "UnknownTarget agent0");
    check("", vec![vote("agent2.2")], "UnknownTarget agent2.2");
    check("", vec![vote("two")], "UnknownTarget two");
    check("", vec![answer(" \n")], "EmptyAnswer");
    check("", vec![answer("one")], "DuplicateAnswer agent1.1");
    check("", vec![answer(" two\n")], "DuplicateAnswer agent2.1");
    check("", vec![unreadable()], "BadArguments vote no `}`");
    check("", vec![unknown()], "UnknownTool submit");
    check("", vec![unknown(), unreadable()], "UnknownTool submit");
}

#[test]
fn a_reply_that_says_the_same_twice_is_one_decision() {
    Script::deciding(3, rules())
        .replies("agent1", "", vec![vote("agent2"), vote("agent2.1")])
        .then("agent1→agent2.1\n agent1#2 voted")
        .replies("agent2", "", vec![answer("new"), answer("new")])
        .skip()
        .replies("agent3", "the answer is in the text", vec![answer("")])
        .then(
            "agent3.2 published: the answer is in the text (Decision)
             agent3#2 answered
             agent1#3 cut: Outdated
             agent2#3 cut: Outdated
             agent3#3 decides on agent1.1 agent2.2 agent3.2",
        );
}

#[test]
fn a_vote_when_there_is_nothing_to_vote_for() {
    Script::team(2, rules())
        .answers("agent2", "two")
        .skip()
        .votes("agent1", "agent2")
        .then("agent1#1 rejected: NothingToVoteFor; 2 left\n > reject agent1#1");
}

#[test]
fn an_agent_without_an_answer_is_taken_by_its_longest_text() {
    let mut script = Script::team(2, rules());
    script.says("agent1", "short").says("agent1", "the longest of them").skip();
    script.says("agent1", "middle one").then(
        "agent1#1 rejected: NoDecision; 0 left
         agent1.1 published: the longest of them (PlainText)
         agent1#1 answered",
    );
}

#[test]
fn a_rejected_answer_is_text_too() {
    Script::team(2, Rules { chances_per_turn: 1, ..rules() })
        .replies("agent1", "which?", vec![answer("this one, perhaps"), answer("or that")])
        .then(
            "agent1#1 rejected: SeveralAnswers; 0 left
             agent1.1 published: this one, perhaps (PlainText)
             agent1#1 answered",
        );
}

#[test]
fn the_longest_text_of_a_reply_is_what_it_said() {
    Script::team(2, Rules { chances_per_turn: 1, ..rules() })
        .replies("agent1", "a text longer than both", vec![answer("this one"), answer("or that")])
        .then(
            "agent1#1 rejected: SeveralAnswers; 0 left
             agent1.1 published: a text longer than both (PlainText)
             agent1#1 answered",
        )
        .replies("agent2", "short", vec![answer("the longer one"), answer("other")])
        .then(
            "agent2#1 rejected: SeveralAnswers; 0 left
             agent2.1 published: the longer one (PlainText)
             agent2#1 answered
             phase Deciding
             agent1#2 decides on agent1.1 agent2.1
             agent2#2 decides on agent1.1 agent2.1",
        );
}

#[test]
fn an_agent_that_has_answered_abstains() {
    let mut script = Script::deciding(2, rules());
    script.says("agent1", "a").says("agent1", "b").skip();
    script
        .says("agent1", "a long text that is no decision")
        .then("agent1#2 rejected: NoDecision; 0 left\n agent1#2 abstained")
        .votes("agent2", "agent1")
        .then(
            "agent2→agent1.1
             agent2#2 voted
             winner agent1.1, MostVotes: agent1.1 1/1, agent2.1 0/0
             phase Presenting
             agent1#3 presents with agent1.1 agent2.1, no choice",
        );
}

#[test]
fn an_agent_that_says_nothing_at_all_fails() {
    let mut script = Script::team(2, rules());
    script.says("agent1", "").says("agent1", " ").skip();
    script.says("agent1", "\n").then(
        "agent1#1 rejected: NoDecision; 0 left
         agent1#1 failed: it gave no answer
         > retry agent1 in 1000",
    );
}

#[test]
fn an_agent_without_an_answer_that_only_copies_abstains() {
    let mut script = Script::team(3, Rules { chances_per_turn: 1, ..rules() });
    script.answers("agent1", "one").answers("agent2", "two").fails("agent3");
    script.fires(massgen_protocol::Timer::FirstAnswers).pause_ends("agent3").skip();
    script.answers("agent3", "two").then("agent3#2 rejected: DuplicateAnswer agent2.1; 0 left\n agent3#2 abstained");
}

/// Which answer, if any, `agent1`'s second answer is too much like.
#[track_caller]
fn check_novelty(novelty: Novelty, first: &str, second: &str, violation: Option<&str>) {
    let mut script = Script::team(2, Rules { novelty, ..rules() });
    script.answers("agent1", first).answers("agent2", "unlike").skip();
    script.answers("agent1", second);
    let rejected = script.facts.iter().find_map(|fact| match fact {
        massgen_protocol::Fact::DecisionRejected { violation, .. } => Some(match violation {
            Violation::TooSimilar { to, similarity_percent } => format!("{to} {similarity_percent}%"),
            other => format!("{other:?}"),
        }),
        _ => None,
    });
    assert_eq!(rejected.as_deref(), violation, "{novelty:?} `{first}` `{second}`");
}

#[test]
fn novelty_is_lenient_balanced_or_strict() {
    let seven_of_ten = "a b c d e f g x y z";
    let five_of_ten = "a b c d e x y z v w";
    check_novelty(Novelty::Lenient, "a b c d e f g", "a b c d e f g.", None);
    check_novelty(Novelty::Balanced, "a b c d e f g", seven_of_ten, None);
    check_novelty(Novelty::Balanced, "a b c d e f g h", "a b c d e f g h x", Some("agent1.1 89%"));
    // 12 of 17 words are 70.6 %, which is more than 70 %.
    let (first, second) = ("a b c d e f g h i j k l m n", "a b c d e f g h i j k l x y z");
    check_novelty(Novelty::Balanced, first, second, Some("agent1.1 71%"));
    check_novelty(Novelty::Strict, "a b c d e", five_of_ten, None);
    check_novelty(Novelty::Strict, "a b c d e f g", seven_of_ten, Some("agent1.1 70%"));
    check_novelty(Novelty::Strict, "A B C d e f", "a b c D e x", Some("agent1.1 72%"));
}

#[test]
fn an_answer_is_new_by_what_its_author_was_shown() {
    // Two agents that have not seen each other may well answer the same.
    Script::team(2, Rules { novelty: Novelty::Strict, ..rules() })
        .answers("agent1", "the same")
        .skip()
        .answers("agent2", "the same")
        .then(
            "agent2.1 published: the same (Decision)
             agent2#1 answered
             phase Deciding
             agent1#2 decides on agent1.1 agent2.1
             agent2#2 decides on agent1.1 agent2.1",
        );
}
