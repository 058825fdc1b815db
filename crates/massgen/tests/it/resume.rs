//! Runs that are interrupted and go on: nothing that was finished is lost or paid for twice.

use std::collections::BTreeSet;

use massgen_protocol::{Activity, AnswerRevision, CallKey, Event, Fact, Record, RunEnd, TurnId};

use crate::place::Place;
use crate::provider::Provider;
use crate::traced::killed_before_write;

/// The scenario of `massgen demo`, without its pauses.
pub(crate) fn quasar() -> Provider {
    let text = include_str!("../../../rehearsal/scenarios/quasar.yaml");
    let is_pause =
        |line: &&str| line.trim_start().starts_with("delay_ms:") || line.trim_start().starts_with("first_ms:");
    let lines: Vec<&str> = text.lines().filter(|line| !is_pause(line)).collect();
    let text =
        lines.join("\n").replace("{chunk: 22, first_ms: 150, delay_ms: 38}", "{chunk: 200, first_ms: 0, delay_ms: 0}");
    Provider::play(&text)
}

pub(crate) fn team(provider: &Provider) -> String {
    provider.team(&[
        ("openai", "gpt-5-nano"),
        ("claude", "claude-sonnet-4-5"),
        ("gemini", "gemini-2.5-flash"),
        ("chatcompletion", "glm-4.5"),
    ])
}

const ASK: [&str; 4] = ["--automation", "--config", "team.yaml", "How far is it?"];

/// What the journal says was asked and answered, and what was decided.
#[derive(Default)]
struct Told {
    asked: Vec<(TurnId, CallKey)>,
    answered: BTreeSet<(TurnId, CallKey)>,
    published: Vec<AnswerRevision>,
    winner: Option<AnswerRevision>,
    end: Option<RunEnd>,
}

fn told(records: &[Record]) -> Told {
    let mut told = Told::default();
    let mut open = Vec::new();
    for record in records {
        match &record.event {
            Event::Activity(Activity::CallStarted { turn, call, key: Some(key), .. }) => {
                told.asked.push((*turn, key.clone()));
                open.push((*turn, *call, key.clone()));
            }
            Event::Activity(Activity::CallEnded { turn, call, reply: Some(_), .. }) => {
                let asked = open.iter().rfind(|(of, number, _)| of == turn && number == call).unwrap();
                told.answered.insert((*turn, asked.2.clone()));
            }
            Event::Fact(Fact::AnswerPublished { revision, .. }) => told.published.push(*revision),
            Event::Fact(Fact::WinnerSelected { revision, .. }) => told.winner = Some(*revision),
            Event::Fact(Fact::RunEnded { end }) => told.end = Some(end.clone()),
            _ => {}
        }
    }
    told
}

/// Calls whose reply was there and that were made again.
fn repeated(before: &Told, after: &[Record]) -> usize {
    told(after).asked.iter().filter(|asked| before.answered.contains(asked)).count()
}

#[test]
fn killed_at_any_write_a_run_goes_on_to_the_same_end() {
    let provider = quasar();
    let (mut points, mut repeats, mut lost, mut answers) = (0, 0, 0, 0);
    for write in 0.. {
        let place = Place::new();
        place.write("team.yaml", &team(&provider));
        match killed_before_write(write, place.path(), &ASK) {
            Err(reason) => {
                state!("skipped: {reason}");
                return;
            }
            Ok(false) => break,
            Ok(true) => {}
        }
        let before = place.log().records();
        let finished = place.massgen(["resume", "--automation"]).run();
        let (earlier, log) = (told(&before), place.log());
        if earlier.end.is_some() {
            finished.expect(1);
        } else {
            finished.expect(0);
        }
        let records = log.records();
        let all = told(&records);
        assert_eq!(all.end, Some(RunEnd::Consensus), "killed before write {write}");
        assert_eq!(all.winner.map(|winner| winner.to_string()).as_deref(), Some("agent2.2"), "killed before {write}");
        assert_eq!(records[..before.len()], before, "what was written stays");
        points += 1;
        repeats += repeated(&earlier, &records[before.len()..]);
        answers += earlier.published.len();
        lost += earlier.published.iter().filter(|answer| !all.published.contains(answer)).count();
    }
    state!("kill points: {points}, calls repeated: {repeats}, answers lost: {lost} of {answers}");
    assert!(points > 30, "{points}");
    assert_eq!((repeats, lost), (0, 0));
}

#[test]
fn cut_off_after_any_record_a_journal_goes_on_to_the_same_end() {
    let provider = quasar();
    let whole = Place::new();
    whole.write("team.yaml", &team(&provider));
    whole.massgen(ASK).run().expect(0);
    let log = whole.log();
    let (journal, metadata) = (log.text("events.jsonl"), log.text("execution_metadata.yaml"));
    let lines: Vec<&str> = journal.split_inclusive('\n').collect();
    let mut repeats = 0;
    for count in 0..lines.len() {
        let place = Place::new();
        place.write("team.yaml", &team(&provider));
        let folder = place.path().join(".massgen/massgen_logs/log_20260101_000000_000000/turn_1/attempt_1");
        std::fs::create_dir_all(&folder).unwrap();
        // With a part of the record after it, as a power cut would leave it.
        let torn = lines[count].get(..lines[count].len() / 2).unwrap_or_default();
        std::fs::write(folder.join("events.jsonl"), lines[..count].concat() + torn).unwrap();
        let here = place.path().canonicalize().unwrap().display().to_string();
        let there = whole.path().canonicalize().unwrap().display().to_string();
        std::fs::write(folder.join("execution_metadata.yaml"), metadata.replace(&there, &here)).unwrap();
        let finished = place.massgen(["resume", "--automation"]).run();
        let before = massgen_records(&lines[..count]);
        if told(&before).end.is_some() {
            finished.expect(1);
            continue;
        }
        finished.expect(0);
        let records = place.log().records();
        assert_eq!(told(&records).end, Some(RunEnd::Consensus), "cut after record {count}");
        assert_eq!(told(&records).winner.unwrap().to_string(), "agent2.2", "cut after record {count}");
        repeats += repeated(&told(&before), &records[before.len()..]);
    }
    state!("cut after each of {} records: {repeats} calls repeated", lines.len());
    assert_eq!(repeats, 0);
}

fn massgen_records(lines: &[&str]) -> Vec<Record> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_damaged_journal_is_named_and_left_alone() {
    let provider = quasar();
    let place = Place::new();
    place.write("team.yaml", &team(&provider));
    killed_before_write(12, place.path(), &ASK).unwrap();
    let path = place.log().attempt().join("events.jsonl");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let finished = place.massgen(["resume", "--automation"]).run().expect(2);
    assert!(finished.stderr.contains("its checksum does not match"), "{finished}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_run_at_work_is_not_resumed() {
    let (place, provider) = (Place::new(), Provider::agreeable_but("  silent: [{fault: hang}]\n"));
    let mut running = place.ask(&provider.team(&[("gemini", "silent")]), &["--stream-events"]).start();
    running.until(|view| view.agents.first().is_some_and(|agent| agent.calls > 0));
    let finished = place.massgen(["resume"]).run().expect(2);
    assert!(finished.stderr.contains("still at work in another process"), "{finished}");
    drop(running);
}

#[test]
fn a_stopped_run_goes_on_when_it_is_named() {
    let place = Place::new();
    let provider = Provider::play(include_str!("../../../rehearsal/scenarios/quasar.yaml"));
    place.write("team.yaml", &team(&provider));
    let mut running = place.massgen(["--stream-events", "--config", "team.yaml", "How far is it?"]).start();
    running.until(|view| view.answers.len() >= 3);
    running.signal(rustix::process::Signal::INT);
    running.finish().expect(4);
    let before = place.log().records();
    assert_eq!(told(&before).end, Some(RunEnd::Cancelled));

    let name = place.log().session().file_name().unwrap().to_str().unwrap().to_owned();
    let finished = place.massgen(["resume", "--automation", &name]).run().expect(0);
    assert!(finished.stderr.contains("3 answers"), "{finished}");
    let attempt = place.log().session().join("turn_1/attempt_2/events.jsonl");
    let after: Vec<Record> = massgen_records(&std::fs::read_to_string(attempt).unwrap().lines().collect::<Vec<_>>());
    assert_eq!(told(&after).end, Some(RunEnd::Consensus));
    assert_eq!(told(&after).winner.unwrap().to_string(), "agent2.2");
    let resumed = after.iter().position(|record| matches!(record.event, Event::Activity(Activity::RunResumed { .. })));
    assert_eq!(repeated(&told(&before), &after[resumed.unwrap()..]), 0);
    assert_eq!(place.log().records(), before, "the attempt that was stopped stays as it was");

    let again = place.massgen(["resume", &name]).run().expect(1);
    assert!(again.stderr.contains("came to its end"), "{again}");
}

#[test]
fn what_is_not_there_is_not_resumed() {
    let place = Place::new();
    let finished = place.massgen(["resume"]).run().expect(1);
    assert!(finished.stderr.contains("is unfinished"), "{finished}");
    let finished = place.massgen(["resume", "log_1"]).run().expect(1);
    assert!(finished.stderr.contains("there is no run `log_1`"), "{finished}");
}

/// A small file system, unmounted with this value.
#[cfg(target_os = "linux")]
struct Mounted(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl Mounted {
    fn mount(&self, options: &str) -> bool {
        let mut command = std::process::Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "none"]).arg(&self.0);
        command.output().is_ok_and(|output| output.status.success())
    }
}

#[cfg(target_os = "linux")]
impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).output();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn on_a_full_disk_a_run_ends_and_what_was_written_is_gone_on_with() {
    let provider = quasar();
    for size in ["16k", "32k", "48k", "64k"] {
        let place = Place::new();
        place.write("team.yaml", &team(&provider));
        let disk = Mounted(place.path().join("disk"));
        std::fs::create_dir(&disk.0).unwrap();
        if !disk.mount(&format!("size={size}")) {
            state!("skipped: no file system can be mounted here");
            return;
        }
        let base = disk.0.to_str().unwrap();
        let finished = place.massgen(ASK).env("MASSGEN_LOG_BASE_DIR", base).run();
        if !finished.stderr.contains("the journal of this run is not complete") {
            state!("{size}: there was no room for the log at all, or enough for all of it");
            continue;
        }
        let finished = finished.expect(0);
        assert!(finished.stdout.contains("WINNER: claude-sonnet-4-5"), "{finished}");
        assert!(disk.mount("remount,size=8m"), "{size}");
        let session = std::fs::read_dir(&disk.0).unwrap().next().unwrap().unwrap().path();
        let journal = session.join("turn_1/attempt_1/events.jsonl");
        let before = massgen_journal::read(&journal).unwrap().records;
        let resumed = place.massgen(["resume", "--automation"]).env("MASSGEN_LOG_BASE_DIR", base).run();
        if told(&before).end.is_some() {
            continue;
        }
        resumed.expect(0);
        let records = massgen_journal::read(&journal).unwrap().records;
        assert_eq!(told(&records).winner.unwrap().to_string(), "agent2.2", "{size}");
        assert_eq!(repeated(&told(&before), &records[before.len()..]), 0, "{size}");
        state!("{size}: the journal had {} records when the disk was full; no call repeated", before.len());
    }
}
