//! What agents must have looked at before they vote, and who is told of it.

use massgen_protocol::{Fact, RunEnd, TurnOutcome, Violation};
use serde_json::{Value, json};

use crate::log::Log;
use crate::place::Place;
use crate::program::Finished;
use crate::provider::Provider;
use crate::script::{play, read, run, steps, write};
use crate::team::Team;
use crate::told::{requests_of, text};

const REFUSAL: &str = "Your vote does not count yet";

/// The first agent has the answer, in a program; the second does not know. Both then vote for the first answer, and
/// once they were refused they do `checks` before they do so again.
fn provider(checks: &[Value]) -> Provider {
    let script = |first: Vec<Value>| {
        let mut script = vec![json!({"when": {"presenting": true}, "say": "The answer is 42."})];
        script.extend(first);
        script.extend(checks.iter().map(|check| json!({"when": {"rejected": true}, "times": 1, "call": check})));
        script.push(json!({"vote": {"for": "42", "reason": "It is right."}}));
        json!(script)
    };
    let answer = json!({"new_answer": "6 x 7 = 42, by `product.py`."});
    play(json!({
        "one": script(steps(json!({"answers": 0}), &[write("product.py", "print(6 * 7)\n")], answer)),
        "two": script(vec![json!({"when": {"answers": 0}, "new_answer": "I do not know."})]),
    }))
}

fn ask(provider: &Provider, more: Value) -> (Place, Finished, Log) {
    let place = Place::new();
    let team = Team::new().worker(provider, "openai", "one").worker(provider, "claude", "two").orchestrator(more);
    let finished = place.ask(&team.config(), &["--no-display"]).run().expect(0);
    let log = place.log();
    (place, finished, log)
}

/// How often a vote was refused because its voter had not looked.
fn refusals(log: &Log) -> usize {
    let is_refusal =
        |fact: &Fact| matches!(fact, Fact::DecisionRejected { violation: Violation::Unchecked { .. }, .. });
    log.facts().iter().filter(|fact| is_refusal(fact)).count()
}

/// The votes that are in the log's folders of agents.
fn votes(log: &Log) -> Vec<Value> {
    let files = log.files().into_iter().filter(|file| file.ends_with("/vote.json"));
    files
        .map(|file| serde_json::from_str(&std::fs::read_to_string(log.session().join(file)).unwrap()).unwrap())
        .collect()
}

#[test]
fn a_vote_without_a_look_is_refused_and_told_so() {
    needs!(bwrap, python);
    for more in [json!({}), json!({"verification": "required"}), json!({"verification": "auto"})] {
        let provider = provider(&[run("python3 ${peers}/agent1/product.py")]);
        let (_place, finished, log) = ask(&provider, more);
        assert_eq!(refusals(&log), 2, "{finished}");
        for model in ["one", "two"] {
            let told = requests_of(&provider, model).iter().any(|request| text(request).contains(REFUSAL));
            assert!(told, "{model} is told");
        }
        let checked = "[checked: `python3 agent1/product.py` ran well]";
        assert_eq!(finished.stdout.matches(checked).count(), 2, "{finished}");
        let votes = votes(&log);
        assert_eq!(votes.len(), 2);
        for vote in votes {
            assert_eq!(
                vote["checks"],
                json!([{"subject": "python3 agent1/product.py", "finding": {"type": "passed"}}])
            );
        }
        assert_eq!(log.view().end, Some(RunEnd::Consensus));
    }
}

#[test]
fn to_open_a_file_is_a_check_as_well() {
    needs!(bwrap);
    let provider = provider(&[read("${peers}/agent1/product.py")]);
    let (_place, finished, log) = ask(&provider, json!({}));
    assert_eq!(refusals(&log), 2);
    assert!(finished.stdout.contains("[checked: looked into 1 place]"), "{finished}");
}

#[test]
fn to_look_at_something_else_is_no_check() {
    needs!(bwrap);
    // Its own files, and a command that touches none of the answer's.
    let provider = provider(&[run("echo agent1 product.py"), run("cat product.py; ls"), read("product.py")]);
    let (_place, _, log) = ask(&provider, json!({}));
    let abstained = |fact: &Fact| matches!(fact, Fact::TurnEnded { outcome: TurnOutcome::Abstained, .. });
    assert!(log.facts().iter().any(abstained), "nobody was seen to check, so nobody voted");
    assert!(!log.facts().iter().any(|fact| matches!(fact, Fact::VoteCast { .. })));
}

#[test]
fn votes_are_only_marked_where_the_config_says_so() {
    needs!(bwrap);
    let provider = provider(&[]);
    let (_place, finished, log) = ask(&provider, json!({"verification": "marked"}));
    assert_eq!(refusals(&log), 0);
    assert_eq!(finished.stdout.matches("[not checked]").count(), 2, "{finished}");
    assert!(votes(&log).iter().all(|vote| vote["checks"] == json!([])), "{:#?}", votes(&log));
}

#[test]
fn verification_can_be_off() {
    needs!(bwrap);
    let provider = provider(&[]);
    let (_place, finished, log) = ask(&provider, json!({"verification": "off"}));
    assert_eq!(refusals(&log), 0);
    let prompts = requests_of(&provider, "two");
    assert!(!prompts.iter().any(|request| text(request).contains("Before you vote, open the files")));
    assert!(!finished.stdout.contains("checked"), "{finished}");
}

#[test]
fn an_answer_that_failed_under_a_voter_is_marked_for_the_next() {
    needs!(bwrap, python);
    let (place, provider) = (Place::new(), {
        let broken = "import sys\nprint(6 * 8)\nsys.exit(7)\n";
        let vote = json!({"vote": {"for": "42", "reason": "It runs."}});
        let check_two = run("python3 ${peers}/agent2/product.py");
        let check_one = run("cd ${peers}/agent1 && python3 product.py");
        let mut two = vec![json!({"when": {"presenting": true}, "say": "The answer is 42."})];
        two.push(json!({"when": {"answers": 0}, "new_answer": "I do not know."}));
        two.push(json!({"when": {"shows": ["42"], "results": 0}, "call": check_two}));
        two.push(json!({"when": {"shows": ["42"]}, "vote": {"for": "42", "reason": "It runs."}}));
        two.push(json!({"when": {"results": 0}, "call": check_one}));
        two.push(json!({"when": {"results": 1}, "call": write("product.py", "print(6 * 7)\n")}));
        two.push(json!({"new_answer": "6 x 7 = 42, by `product.py`."}));
        let mut one = steps(
            json!({"answers": 0}),
            &[write("product.py", broken)],
            json!({"new_answer": "It is 48, by `product.py`."}),
        );
        one.push(json!({"when": {"shows": ["42"], "results": 0}, "call": check_two}));
        one.push(json!({"when": {"shows": ["42"]}, "vote": vote["vote"]}));
        // Until there is a better answer, it looks at its own.
        one.push(json!({"when": {"results": 0}, "call": read("${peers}/agent1/product.py")}));
        one.push(json!({"vote": {"for": "48", "reason": "It is the only number."}}));
        play(json!({"one": one, "two": two}))
    });
    let team = Team::new().worker(&provider, "openai", "one").worker(&provider, "gemini", "two");
    let finished = place.ask(&team.config(), &["--no-display"]).run().expect(0);
    let marks: Vec<(String, String)> = provider
        .received()
        .iter()
        .filter_map(|request| {
            let text = text(request);
            let (_, rest) = text.split_once("<failure of=\"agent1\">\n")?;
            Some((request.model.clone(), rest.split_once("\n</failure>")?.0.to_owned()))
        })
        .collect();
    assert!(
        marks.iter().any(|(model, _)| model == "one") && marks.iter().any(|(model, _)| model == "two"),
        "{marks:#?}"
    );
    for (_, words) in &marks {
        assert!(words.contains("cd agent1 && python3 product.py") && words.contains('7'), "{words}");
        assert!(!words.contains("agent2") && !words.contains("two"), "who it was is not said: {words}");
    }
    assert!(finished.stdout.contains("failed"), "the user is told: {finished}");
    assert!(finished.stdout.contains("Winner    two"), "{finished}");
    let status = place.log().json("status.json");
    assert_eq!(status["results"]["winner"], "two");
}

#[test]
fn the_status_file_says_what_each_vote_rests_on() {
    needs!(bwrap, python);
    let provider = provider(&[run("python3 ${peers}/agent1/product.py")]);
    let (_place, _, log) = ask(&provider, json!({}));
    let status = log.json("status.json");
    for agent in ["one", "two"] {
        let vote = &status["agents"][agent]["vote_cast"];
        assert_eq!(vote["checks"], json!(["`python3 agent1/product.py` ran well"]), "{vote:#}");
    }
}
