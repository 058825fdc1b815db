//! What is written is what is read, wherever the writer is killed.

use std::fs;
use std::path::{Path, PathBuf};

use massgen_journal::{Journal, JournalError, Records, Tail, read};
use massgen_protocol::{Activity, Cost, Event, Fact, Record, TurnId, Usage};

use crate::golden;

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    (folder, path)
}

fn write(path: &Path, records: &[Record]) {
    let mut journal = Journal::create(path).unwrap();
    for record in records {
        assert_eq!(&journal.append(record.at_ms, record.event.clone()).unwrap(), record);
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    let (_folder, path) = folder();
    let records = golden::records();
    write(&path, &records);
    let reading = read(&path).unwrap();
    assert_eq!(reading.records, records);
    assert_eq!(reading.tail, Tail::Clean);
    assert_eq!(reading.whole_bytes, fs::metadata(&path).unwrap().len());
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), records.len());
}

#[test]
fn facts_are_in_the_file_at_once_and_activities_with_the_next_fact() {
    let (_folder, path) = folder();
    let mut journal = Journal::create(&path).unwrap();
    let lines = || fs::read_to_string(&path).unwrap().lines().count();
    let note = || Event::from(Activity::Notice { agent: None, text: "n".to_owned() });

    journal.append(1, note()).unwrap();
    assert_eq!(lines(), 0, "an activity may wait");
    journal.append(2, Fact::CancelRequested.into()).unwrap();
    assert_eq!(lines(), 2, "a fact may not");
    journal.append(3, note()).unwrap();
    journal.flush().unwrap();
    assert_eq!(lines(), 3);
    journal.append(4, note()).unwrap();
    drop(journal);
    assert_eq!(lines(), 4);
}

#[test]
fn what_waits_in_memory_is_bounded() {
    let (_folder, path) = folder();
    let mut journal = Journal::create(&path).unwrap();
    let turn: TurnId = "agent1#1".parse().unwrap();
    let mut appended = 0;
    for at_ms in 0..2_000 {
        let delta = "x".repeat(100);
        appended += 100;
        journal.append(at_ms, Activity::Text { turn, delta }.into()).unwrap();
        let written = fs::metadata(&path).unwrap().len();
        assert!(written + 70_000 > appended, "{written} of more than {appended} bytes are written");
    }
}

#[test]
fn a_writer_killed_at_any_byte_loses_no_whole_record() {
    let records: Vec<Record> = golden::records().into_iter().take(12).collect();
    let (_folder, path) = folder();
    write(&path, &records);
    let bytes = fs::read(&path).unwrap();
    for cut in 0..=bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let reading = read(&path).unwrap();
        // A record is whole when all but its line break is there.
        let whole = (0..=cut).rev().find(|end| *end == 0 || bytes[end - 1] == b'\n').unwrap();
        let ended = bytes[..whole].iter().filter(|byte| **byte == b'\n').count();
        let lacks_only_the_break = bytes.get(cut) == Some(&b'\n') && cut > whole;
        let expected = ended + usize::from(lacks_only_the_break);
        assert_eq!(reading.records, records[..expected], "cut at byte {cut}");
        let torn = if lacks_only_the_break { 0 } else { cut - whole };
        let tail = if torn == 0 { Tail::Clean } else { Tail::Torn { bytes: torn as u64 } };
        assert_eq!(reading.tail, tail, "cut at byte {cut}");

        let (mut journal, _) = Journal::resume(&path).unwrap();
        assert_eq!(journal.append(9, Fact::CancelRequested.into()).unwrap().seq, expected as u64 + 1);
        drop(journal);
        let again = read(&path).unwrap();
        assert_eq!((again.records.len(), again.tail), (expected + 1, Tail::Clean), "cut at byte {cut}");
    }
}

#[test]
fn a_damaged_line_is_named() {
    let (_folder, path) = folder();
    write(&path, &golden::records());
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();

    fs::write(&path, format!("{}\n{{\"seq\":2}}\n{}\n", lines[0], lines[2])).unwrap();
    let error = read(&path).unwrap_err();
    assert!(matches!(error, JournalError::Checksum { line: 2, .. }), "{error}");

    fs::write(&path, format!("{}\n{}\n", lines[0], lines[2])).unwrap();
    let error = read(&path).unwrap_err();
    assert!(matches!(error, JournalError::OutOfSequence { line: 2, found: 3, .. }), "{error}");
    assert!(error.to_string().contains("line 2"), "{error}");
    assert_eq!(Records::open(&path).unwrap().count(), 2, "nothing follows an error");

    // A change that leaves good JSON, in the middle and in the last line.
    for place in [1, lines.len() - 1] {
        let mut edited: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        edited[place] = edited[place].replacen("\"at_ms\":", "\"at_ms\":1", 1);
        fs::write(&path, edited.join("\n") + "\n").unwrap();
        let error = read(&path).unwrap_err();
        assert!(matches!(error, JournalError::Checksum { line, .. } if line as usize == place + 1), "{error}");
    }

    fs::write(&path, [b"\xff\xfe\n".as_slice(), lines[0].as_bytes()].concat()).unwrap();
    assert!(matches!(read(&path).unwrap_err(), JournalError::Checksum { line: 1, .. }));
    assert!(matches!(Journal::resume(&path), Err(JournalError::Checksum { .. })), "nothing is cut off then");
}

#[test]
fn a_journal_has_one_writer() {
    let (_folder, path) = folder();
    let journal = Journal::create(&path).unwrap();
    assert!(matches!(Journal::create(&path), Err(JournalError::Create { .. })), "nor is one overwritten");
    assert!(matches!(Journal::resume(&path), Err(JournalError::Busy { .. })));
    drop(journal);
    assert_eq!(Journal::resume(&path).unwrap().0.seq(), 0);
}

#[test]
fn a_price_that_is_no_number_can_be_read_back() {
    let (_folder, path) = folder();
    let turn: TurnId = "agent1#1".parse().unwrap();
    let ended = Activity::CallEnded {
        turn,
        call: 1,
        finish: None,
        usage: Usage::default(),
        cost: Cost { known_usd: f64::NAN, unpriced_calls: 0 },
        first_chunk_ms: None,
        duration_ms: 1,
        reply: None,
    };
    let mut journal = Journal::create(&path).unwrap();
    let record = journal.append(1, ended.into()).unwrap();
    journal.sync().unwrap();
    assert_eq!(read(&path).unwrap().records, [record]);
}

#[test]
fn what_belongs_together_is_written_together_or_not_at_all() {
    let (_folder, path) = folder();
    let mut journal = Journal::create(&path).unwrap();
    let step = vec![Fact::CancelRequested.into(), Fact::RunEnded { end: massgen_protocol::RunEnd::Cancelled }.into()];
    let records = journal.append_together(7, step.clone()).unwrap();
    assert_eq!(records.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(read(&path).unwrap().records, records);

    journal.give_up();
    let unwritten = journal.append_together(8, step).unwrap();
    assert_eq!(unwritten.iter().map(|record| record.seq).collect::<Vec<_>>(), [3, 4], "it still counts");
    drop(journal);
    assert_eq!(read(&path).unwrap().records, records, "and writes no more");
}

#[test]
fn long_texts_are_kept_once_and_come_back() {
    let (folder, path) = folder();
    let long: String = "a line of a long answer\n".repeat(100_000);
    let turn = TurnId { agent: massgen_protocol::AgentIndex(0), number: 1 };
    let mut journal = Journal::create(&path).unwrap();
    let mut written = Vec::new();
    for at_ms in 1..4 {
        written.push(journal.append(at_ms, Activity::Text { turn, delta: long.clone() }.into()).unwrap());
    }
    written.push(journal.append(4, Fact::CancelRequested.into()).unwrap());
    drop(journal);
    assert!(fs::metadata(&path).unwrap().len() < 2000);
    assert_eq!(fs::read_dir(folder.path().join("blobs")).unwrap().count(), 1);
    assert_eq!(read(&path).unwrap().records, written);

    // A text that is not what was written is named, like a damaged line.
    let blob = fs::read_dir(folder.path().join("blobs")).unwrap().next().unwrap().unwrap().path();
    fs::write(&blob, long.replacen("long", "l0ng", 1)).unwrap();
    let error = read(&path).unwrap_err();
    assert!(matches!(error, JournalError::Blob { line: 1, .. }), "{error}");
    fs::remove_file(&blob).unwrap();
    assert!(matches!(read(&path).unwrap_err(), JournalError::Blob { line: 1, .. }));
}
