//! What is folded from a run, as people and programs see it.

use std::collections::BTreeMap;

use massgen_journal::{Counters, LogFolder, RunMetadata, Stamps, coordination_table, run_summary, status};
use massgen_protocol::{Record, RunView, Standing};
use serde_json::{Value, json};

use crate::golden::{self, START_MS};

/// A folder whose place can be part of a snapshot.
fn status_of(records: &[Record]) -> Value {
    let base = tempfile::tempdir().unwrap();
    let folder = LogFolder::create_at(base.path(), START_MS * 1000, &Stamps::utc()).unwrap();
    let mut status = status(&RunView::replay(records), &Counters::replay(records), &folder);
    let log_dir = status["meta"]["log_dir"].as_str().unwrap().to_owned();
    status["meta"]["log_dir"] = log_dir.replace(base.path().to_str().unwrap(), "BASE").into();
    status
}

#[test]
fn status_at_the_end() {
    insta::assert_snapshot!(format!("{:#}", status_of(&golden::records())));
}

#[test]
fn status_while_votes_are_void() {
    let records = golden::records();
    let voided = records.iter().position(|record| format!("{:?}", record.event).contains("VotesVoided")).unwrap();
    insta::assert_snapshot!(format!("{:#}", status_of(&records[..=voided])));
}

#[test]
fn status_is_consistent_after_every_record() {
    let records = golden::records();
    let mut complete = 0;
    for end in 0..=records.len() {
        let view = RunView::replay(&records[..end]);
        let status = status_of(&records[..end]);
        let votes: u64 = status["results"]["votes"].as_object().unwrap().values().map(|v| v.as_u64().unwrap()).sum();
        assert_eq!(votes, view.valid_votes().count() as u64, "after {end} records");
        let agents = status["agents"].as_object().unwrap();
        let voters = agents.values().filter(|agent| !agent["vote_cast"].is_null()).count();
        assert_eq!(voters, view.valid_votes().count(), "after {end} records");
        let marked = agents.values().filter(|agent| agent["status"] == "voted").count();
        assert!(marked <= voters, "after {end} records: {status:#}");
        let is_full = status["coordination"]["completion_percentage"] == 100;
        assert_eq!(is_full, status["is_complete"] == true, "after {end} records");
        assert_eq!(status["is_complete"] == false, status["finish_reason"] == "in_progress");
        complete += usize::from(is_full);
        let ended: u64 =
            status["rounds"]["by_outcome"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert!(ended <= status["rounds"]["total"].as_u64().unwrap());
    }
    assert_eq!(complete, 1, "only the end is complete");
}

#[test]
fn the_table_reads_at_120_columns() {
    let table = coordination_table(&golden::records());
    insta::assert_snapshot!(table);
    assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
}

#[test]
fn the_table_of_nobody_is_a_table() {
    assert!(coordination_table(&[]).contains("| Time"));
}

#[test]
fn summary_tells_that_the_team_disagreed() {
    let summary = run_summary(&golden::view());
    let winner = summary.winner.as_ref().unwrap();
    assert_eq!((winner.agent_id.as_str(), winner.label), ("beta", golden::revision(golden::BETA, 1)));
    assert_eq!(summary.rule.as_deref(), Some("tie; published earlier"));
    assert_eq!(
        summary.final_answer.as_deref(),
        Some("Use Timsort.\nIt is adaptive, stable and in your standard library.\n")
    );
    let tally: Vec<String> = summary.tally.iter().map(ToString::to_string).collect();
    assert_eq!(tally, ["agent2.1 (beta): 1 vote", "agent1.2 (alpha): 1 vote"]);
    let standings: Vec<Standing> = summary.votes.iter().map(|vote| vote.standing).collect();
    let by = golden::revision(golden::ALPHA, 2);
    assert_eq!(standings, [Standing::Voided { by }, Standing::ArrivedVoid, Standing::Valid, Standing::Valid]);

    let minority = summary.disagreement.unwrap().minority;
    assert_eq!(minority.len(), 1);
    assert_eq!((minority[0].agent_id.as_str(), minority[0].label), ("alpha", by));
    assert_eq!(minority[0].votes[0].voter_id, "beta");
    assert_eq!(minority[0].votes[0].reason, "It tells small inputs from large ones.");
    assert_eq!((summary.cost.unpriced_calls, summary.agents.len()), (1, 3));
}

#[test]
fn a_run_that_goes_on_has_no_minority() {
    let records = golden::records();
    let selected = records.iter().position(|record| format!("{:?}", record.event).contains("WinnerSelected")).unwrap();
    let summary = run_summary(&RunView::replay(&records[..selected]));
    assert_eq!((summary.winner, summary.disagreement, summary.final_answer), (None, None, None));
    let summary = run_summary(&RunView::replay(&records[..=selected]));
    assert!(summary.final_answer.unwrap().starts_with("Timsort"), "the published answer stands in");
    assert!(summary.disagreement.is_some());
}

#[test]
fn metadata_is_yaml_without_secrets() {
    let metadata = RunMetadata {
        query: "first line\nsecond: line # not a comment".to_owned(),
        timestamp: Stamps::utc().iso(START_MS),
        config_path: Some("team.yaml".into()),
        config: json!({
            "agents": [
                { "id": "no", "backend": { "type": "openai", "model": "gpt-5.2", "api_key": "sk-very-secret-0123" } },
                { "id": "007", "backend": { "type": "claude", "api_key": "${ANTHROPIC_API_KEY}", "temperature": 0.5,
                    "extra_headers": { "X-Tenant": "very-secret", "X-Team": "${TEAM}" } } },
            ],
            "ui": { "display_type": "rich", "logging_enabled": true, "note": null },
        }),
        cli_args: json!(["--config", "team.yaml", "--automation"]),
        version: "0.1.0".to_owned(),
        cwd: "/home/somebody/project".into(),
    };
    let yaml = metadata.to_yaml().unwrap();
    insta::assert_snapshot!(yaml);
    assert!(!yaml.contains("very-secret"), "{yaml}");
    let read: BTreeMap<String, Value> = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(read["query"], metadata.query);
    assert_eq!(read["config"]["agents"][0]["id"], "no");
    assert_eq!(read["config"]["agents"][1]["id"], "007");
    assert_eq!(read["config"]["agents"][1]["backend"]["api_key"], "${ANTHROPIC_API_KEY}");
    assert_eq!(read["config"]["agents"][1]["backend"]["extra_headers"]["X-Team"], "${TEAM}");
    assert_eq!(read["config"]["ui"], metadata.config["ui"]);
}
