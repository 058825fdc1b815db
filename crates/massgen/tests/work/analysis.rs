//! Two agents work on files: the second sees, runs and mends what the first has made, and never touches it.

use std::path::{Path, PathBuf};

use massgen_protocol::{Fact, SnapshotId};
use massgen_workspace::{Sharing, SnapshotStore};
use serde_json::{Value, json};

use crate::files::{Files, entries, files, read_files};
use crate::log::Log;
use crate::place::Place;
use crate::provider::Provider;
use crate::script::{call, play, read, run, write};
use crate::team::Team;
use crate::told::{calls, workspace_of};

const ANALYSIS: &str = r#"import csv
squares = [n * n for n in range(1, 100)]
with open("results.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["n", "sum"])
    writer.writerow([len(squares), sum(squares)])
print(sum(squares))
"#;

const IMPROVED: &str = r#"import json
n = 100
total = sum(k * k for k in range(1, n + 1))
closed = n * (n + 1) * (2 * n + 1) // 6
with open("test_results.json", "w") as file:
    json.dump({"sum": total, "closed_form": closed, "passed": total == closed}, file)
print(total)
"#;

/// What real Python makes of the programs.
const RESULTS: &str = "n,sum\r\n99,328350\r\n";
const MENDED_RESULTS: &str = "n,sum\r\n100,338350\r\n";
const TEST_RESULTS: &str = r#"{"sum": 338350, "closed_form": 338350, "passed": true}"#;

const FINAL: &str = "The sum of the squares from 1 to 100 is 338350.";

fn provider() -> Provider {
    let at_peer = |command: &str| call("execute_command", json!({"command": command, "work_dir": "${peers}/agent1"}));
    let mend = json!({"path": "${peers}/agent1/analysis.py", "edits": [
        {"oldText": "range(1, 100)", "newText": "range(1, 101)"},
    ]});
    play(json!({
        "one": [
            {"when": {"answers": 0, "results": 0}, "call": write("analysis.py", ANALYSIS)},
            {"when": {"answers": 0, "results": 1}, "call": run("python3 analysis.py")},
            {"when": {"answers": 0}, "new_answer": "The sum is 328350, by `analysis.py` and `results.csv`."},
            {"when": {"shows": ["338350"], "results": 0},
                "call": run("cd ${peers}/agent2 && python3 improved_analysis.py")},
            {"when": {"shows": ["338350"]}, "vote": {"for": "338350", "reason": "I ran it."}},
            {"when": {"results": 0}, "call": run("python3 ${peers}/agent1/analysis.py")},
            {"vote": {"for": "328350", "reason": "It is the only number so far."}},
        ],
        "two": [
            {"when": {"presenting": true, "results": 0}, "calls": [
                read("${peers}/agent1/analysis.py"),
                read("${peers}/agent1/results.csv"),
                read("${peers}/agent2/improved_analysis.py"),
                run("cd ${peers}/agent2 && python3 improved_analysis.py"),
            ]},
            {"when": {"presenting": true}, "say": FINAL},
            {"when": {"answers": 0}, "new_answer": "It should be n(n+1)(2n+1)/6; I have not worked it out yet."},
            {"when": {"shows": ["338350"], "results": 0}, "call": read("${peers}/agent2/test_results.json")},
            {"when": {"shows": ["338350"]}, "vote": {"for": "338350", "reason": "Both ways give the same."}},
            {"when": {"results": 0}, "call": read("${peers}/agent1/analysis.py")},
            {"when": {"results": 1}, "call": at_peer("python3 analysis.py")},
            {"when": {"results": 2, "returned": ["328350"]}, "call": call("edit_file", mend)},
            {"when": {"results": 3}, "call": at_peer("python3 analysis.py && cat results.csv")},
            {"when": {"results": 4, "returned": ["338350"]}, "call": write("improved_analysis.py", IMPROVED)},
            {"when": {"results": 5}, "call": run("python3 improved_analysis.py")},
            {"when": {"results": 6, "returned": ["338350"]},
                "new_answer": "The sum is 338350, by `improved_analysis.py`; the earlier program left out 100."},
        ],
    }))
}

fn of_one() -> Files {
    files(&[("analysis.py", ANALYSIS), ("results.csv", RESULTS)])
}

fn of_two() -> Files {
    files(&[("improved_analysis.py", IMPROVED), ("test_results.json", TEST_RESULTS)])
}

/// Plays the scenario with agents that speak these protocols.
fn scenario(one: &str, two: &str) {
    needs!(bwrap, python);
    let (place, provider) = (Place::new(), provider());
    let team = Team::new().worker(&provider, one, "one").worker(&provider, two, "two");
    let finished = place.ask(&team.config(), &["--automation"]).run().expect(0);
    let log = place.log();
    let told: Vec<_> = calls(&log);
    assert!(told.iter().all(|over| !over.is_refused()), "{told:#?}");

    // The second agent's copy was mended, the first agent's files were not.
    assert!(told.iter().any(|over| over.result.contains(r"338350\nn,sum\n100,338350")), "{MENDED_RESULTS}: {told:#?}");
    assert_eq!(read_files(&workspace_of(&provider, "one")), of_one());
    assert_eq!(read_files(&workspace_of(&provider, "two")), of_two());
    let snapshots = assert_snapshots(&place, &log);

    // The log holds the files of each answer, and the final answer's are the winner's.
    let attempt = log.attempt();
    assert_eq!(workspaces_below(&attempt.join("one")), [of_one()]);
    assert_eq!(workspaces_below(&attempt.join("two")), [of_two()]);
    assert_eq!(
        entries(&attempt.join("final")),
        ["two", "two/answer.txt", "two/workspace"]
            .iter()
            .map(|path| (*path).to_owned())
            .chain(of_two().keys().map(|path| format!("two/workspace/{path}")))
            .collect::<Vec<_>>()
    );
    assert_eq!(read_files(&attempt.join("final/two/workspace")), of_two());
    assert_eq!(log.text("final/two/answer.txt"), FINAL);

    // The winner presented with the work of both at hand.
    let presented: Vec<&str> = told.iter().rev().take(4).map(|over| over.result.as_str()).collect();
    for expected in ["range(1, 100)", "99,328350", "k * k for k", r#""stdout":"338350\n""#] {
        assert!(presented.iter().any(|result| result.contains(expected)), "{expected}: {presented:#?}");
    }
    state!(
        "slides with {one} and {two}: {snapshots} snapshots, {} tool calls, {:.1} s",
        told.len(),
        finished.took.as_secs_f64()
    );
}

/// Every snapshot is whole, and holds what its author had made and nobody else's.
fn assert_snapshots(place: &Place, log: &Log) -> usize {
    let store = SnapshotStore::open(&place.path().join(".massgen/snapshots")).unwrap();
    let snapshots: Vec<(u16, SnapshotId)> = log
        .facts()
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::AnswerPublished { revision, snapshot: Some(snapshot), .. } => Some((revision.agent.0, snapshot)),
            _ => None,
        })
        .collect();
    for (number, (author, snapshot)) in snapshots.iter().enumerate() {
        store.verify(snapshot).unwrap();
        let into = place.path().join(format!("snapshot{number}"));
        store.materialise(snapshot, &into, Sharing::Private).unwrap();
        assert_eq!(read_files(&into), if *author == 0 { of_one() } else { of_two() }, "of agent {author}");
    }
    assert_eq!(snapshots.iter().map(|(author, _)| *author).collect::<Vec<_>>(), [0, 1]);
    snapshots.len()
}

/// The files beside each answer of one agent in the log.
fn workspaces_below(folder: &Path) -> Vec<Files> {
    let mut answers: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    answers.sort();
    answers
        .iter()
        .map(|answer| answer.join("workspace"))
        .filter(|path| path.is_dir())
        .map(|path| read_files(&path))
        .collect()
}

#[test]
fn the_slides_with_responses() {
    scenario("openai", "openai");
}

#[test]
fn the_slides_with_chat_completions() {
    scenario("chatcompletion", "chatcompletion");
}

#[test]
fn the_slides_with_messages() {
    scenario("claude", "claude");
}

#[test]
fn the_slides_with_gemini() {
    scenario("gemini", "gemini");
}

#[test]
fn the_demo_of_the_program_shows_its_work() {
    needs!(bwrap, python);
    let place = Place::new();
    let finished = place.massgen(["demo", "analysis"]).run().expect(0);
    let log = place.log();
    let workspace: Vec<String> = entries(&log.attempt().join("final/claude-sonnet-4-5/workspace"));
    assert_eq!(workspace, ["improved_analysis.py", "test_results.json"]);
    let json: Value = log.json("final/claude-sonnet-4-5/workspace/test_results.json");
    assert_eq!(json, json!({"sum": 338_350, "closed_form": 338_350, "passed": true}));
    assert!(finished.stdout.contains("The sum of the squares from 1 to 100 is 338350."), "{finished}");
    assert!(finished.stdout.contains("[checked: `cd agent2 && python3 improved_analysis.py` ran well]"), "{finished}");
}
