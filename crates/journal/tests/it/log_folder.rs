//! Every file lands where the reference says.

use std::fs;
use std::path::Path;

use massgen_journal::{LogFolder, LogWriter, RunMetadata, Stamps};
use massgen_protocol::{Record, RunView};
use serde_json::Value;

use crate::golden::{self, START_MS};

fn folder(base: &Path) -> LogFolder {
    LogFolder::create_at(base, START_MS * 1000, &Stamps::utc()).unwrap()
}

/// Writes the files of `records`.
fn write(folder: &LogFolder, records: &[Record]) -> LogWriter {
    let mut writer = LogWriter::new(folder, Stamps::utc());
    let mut view = RunView::default();
    for record in records {
        view.apply(record);
        writer.observe(record, &view);
    }
    if let Some(warning) = writer.finish(&view) {
        panic!("{warning}: {}", warning.source);
    }
    writer
}

/// Every file and link below `root`, sorted.
fn tree(root: &Path) -> Vec<String> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), root, found);
            } else {
                found.push(entry.path().strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(root, root, &mut found);
    found.sort();
    found
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn every_file_lands_where_the_reference_says() {
    let base = tempfile::tempdir().unwrap();
    let folder = folder(base.path());
    let mut writer = write(&folder, &golden::records());
    writer.write_metadata(&RunMetadata::default());
    insta::assert_snapshot!(tree(folder.session_dir()).join("\n"));

    let attempt = folder.attempt_dir();
    let content = "Use Timsort.\nIt is adaptive, stable and in your standard library.\n";
    for path in [
        attempt.join("final/beta/answer.txt"),
        folder.turn_dir().join("final/beta/answer.txt"),
        attempt.join("agent_outputs/final_presentation_beta.txt"),
        attempt.join("agent_outputs/final_presentation_beta_latest.txt"),
    ] {
        assert_eq!(fs::read_to_string(&path).unwrap(), content, "{}", path.display());
    }
    let second = writer.answer_dir(golden::revision(golden::ALPHA, 2)).unwrap();
    let published_at_ms = RunView::replay(&golden::records()).answer(golden::revision(golden::ALPHA, 2)).unwrap().at_ms;
    assert_eq!(folder.answer("alpha", published_at_ms, &Stamps::utc()), second.join("answer.txt"));
    assert!(fs::read_to_string(second.join("answer.txt")).unwrap().starts_with("Insertion sort for small inputs"));
    assert_eq!(writer.answer_dir(golden::revision(golden::ALPHA, 3)), None);
}

#[test]
fn files_are_as_people_read_them() {
    let base = tempfile::tempdir().unwrap();
    let folder = folder(base.path());
    write(&folder, &golden::records());
    let text = |path: &str| fs::read_to_string(folder.attempt_dir().join(path)).unwrap();
    insta::assert_snapshot!("system_status", text("agent_outputs/system_status.txt"));
    insta::assert_snapshot!("massgen_log", text("massgen.log"));
    insta::assert_snapshot!("transcript_beta", text("agent_outputs/beta.txt"));
    insta::assert_snapshot!("transcript_gamma", text("agent_outputs/agent 3 🦀.txt"));
    let mut events = json(&folder.attempt_dir().join("coordination_events.json"));
    // The defaults of the rules are not this crate's business.
    assert!(events["events"][0]["context"]["rules"].take()["strategy"].is_string());
    insta::assert_snapshot!("coordination_events", format!("{events:#}"));
    insta::assert_snapshot!("snapshot_mappings", text("snapshot_mappings.json"));
    insta::assert_snapshot!("metrics_summary", text("metrics_summary.json"));
}

#[test]
fn votes_tell_whether_they_count() {
    let base = tempfile::tempdir().unwrap();
    let folder = folder(base.path());
    write(&folder, &golden::records());
    let mappings = json(&folder.attempt_dir().join("snapshot_mappings.json"));
    let vote = |label: &str| json(&folder.attempt_dir().join(mappings[label]["path"].as_str().unwrap()));

    let voided = vote("agent2.vote1");
    assert_eq!((&voided["counts"], &voided["standing"]), (&false.into(), &"voided".into()));
    assert_eq!(voided["voided_by"], "agent1.2");
    assert_eq!(vote("agent3.vote1")["standing"], "arrived_void");
    assert_eq!(vote("agent2.vote2")["counts"], true);
    insta::assert_snapshot!("vote", format!("{:#}", vote("agent1.vote1")));
}

#[test]
fn replaying_into_the_same_folder_writes_the_same_files() {
    let base = tempfile::tempdir().unwrap();
    let folder = folder(base.path());
    let records = golden::records();
    write(&folder, &records[..records.len() / 2]);
    write(&folder, &records);
    let resumed = tree(folder.session_dir());

    let other_base = tempfile::tempdir().unwrap();
    let other = self::folder(other_base.path());
    write(&other, &records);
    assert_eq!(resumed, tree(other.session_dir()));
    for path in resumed.iter().filter(|path| !path.ends_with("status.json")) {
        assert_eq!(
            fs::read(folder.session_dir().join(path)).unwrap(),
            fs::read(other.session_dir().join(path)).unwrap(),
            "{path}"
        );
    }
}

#[test]
fn no_id_leads_out_of_the_folder() {
    for ids in [["../x", "a/b", "agent 1"], ["..", ".", "final"], ["x", "X", "x\0\u{1b}"], ["", "agent_outputs", "🦀"]]
    {
        let base = tempfile::tempdir().unwrap();
        let folder = folder(base.path());
        write(&folder, &golden::records_of(ids));
        let attempt = tree(&folder.attempt_dir());
        assert_eq!(tree(base.path()).len(), attempt.len() + 1, "all but the copy of the final answer: {ids:?}");
        assert_eq!(attempt.iter().filter(|path| path.ends_with("answer.txt")).count(), 5, "{ids:?}: {attempt:?}");
        assert_eq!(attempt.iter().filter(|path| path.ends_with("vote.json")).count(), 4, "{ids:?}: {attempt:?}");
        let outputs =
            attempt.iter().filter(|path| path.starts_with("agent_outputs/") && path.ends_with(".txt")).count();
        assert_eq!(outputs, 6, "{ids:?}: {attempt:?}");
    }
}

#[test]
fn status_follows_facts_at_once_and_activity_within_two_seconds() {
    let base = tempfile::tempdir().unwrap();
    let folder = folder(base.path());
    let records = golden::records();
    let mut writer = LogWriter::new(&folder, Stamps::utc());
    let mut view = RunView::default();
    let mut observe = |record: &Record| {
        view.apply(record);
        writer.observe(record, &view);
    };
    let turn = "agent1#1".parse().unwrap();
    let text = |at_ms, delta: &str| Record {
        seq: 0,
        at_ms,
        event: massgen_protocol::Activity::Text { turn, delta: delta.to_owned() }.into(),
    };
    let updated = || json(&folder.status())["meta"]["last_updated"].as_f64().unwrap();
    let transcript = || fs::read_to_string(folder.agent_outputs().join("alpha.txt")).unwrap();

    records[..4].iter().for_each(&mut observe);
    let at_ms = records[3].at_ms;
    assert_eq!(updated(), at_ms as f64 / 1000.0, "the fact is in");
    observe(&text(at_ms + 1_999, "early"));
    assert_eq!(updated(), at_ms as f64 / 1000.0);
    assert!(!transcript().contains("early"));
    observe(&text(at_ms + 2_000, " and late"));
    assert_eq!(updated(), (at_ms + 2_000) as f64 / 1000.0);
    assert!(transcript().contains("early and late"));
}

#[test]
fn files_that_cannot_be_written_are_told_of_once() {
    let base = tempfile::tempdir().unwrap();
    let folder = folder(base.path());
    let records = golden::records();
    // A file where the directory of transcripts belongs.
    fs::write(folder.agent_outputs(), "").unwrap();
    let mut writer = LogWriter::new(&folder, Stamps::utc());
    let mut view = RunView::default();
    for record in &records {
        view.apply(record);
        writer.observe(record, &view);
    }
    let warning = writer.finish(&view).unwrap();
    assert_eq!(warning.files, 6, "{warning}");
    assert!(warning.to_string().starts_with("cannot write the log file "), "{warning}");
    assert!(writer.finish(&view).is_none());
    assert_eq!(json(&folder.status())["is_complete"], true, "the others are written");
}
