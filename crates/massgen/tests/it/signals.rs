//! How a run is stopped from outside.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use massgen_protocol::{AgentState, RunEnd};
use rustix::process::{Signal, test_kill_process_group};
use serde_json::Value;

use crate::log::Log;
use crate::place::Place;
use crate::program::{Finished, Running};
use crate::provider::Provider;

/// A run that was stopped ends within this time.
const BOUND: Duration = Duration::from_secs(20);

/// A run of two agents that have answered and one that never will.
fn waiting_run(place: &Place, provider: &Provider) -> Running {
    let team = provider.team(&[("openai", "one"), ("claude", "two"), ("gemini", "silent")]);
    let mut program = place.ask(&team, &["--stream-events"]).start();
    program.until(|view| view.answers.len() == 2 && view.agents[2].state == AgentState::Thinking);
    program
}

fn provider() -> Provider {
    Provider::agreeable_but("  silent: [{fault: hang}]\n")
}

/// Waits for the end, of which not even a child may be left.
fn end(program: Running) -> Finished {
    let (group, stopped) = (program.group(), Instant::now());
    let finished = program.finish();
    assert!(stopped.elapsed() < BOUND, "took {:?} to stop", stopped.elapsed());
    assert!(test_kill_process_group(group).is_err(), "a child is left");
    finished
}

/// Waits until the log folder says so.
fn await_status(place: &Place, program: &Running, wanted: impl Fn(&Value) -> bool) -> Log {
    loop {
        assert!(program.is_patient(), "the status never comes to be");
        if let Some(log) = place.log_so_far()
            && log.status_so_far().is_some_and(|status| wanted(&status))
        {
            return log;
        }
        std::thread::yield_now();
    }
}

#[test]
fn one_signal_stops_the_run_and_keeps_the_best_answer() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let (place, provider) = (Place::new(), provider());
        let program = waiting_run(&place, &provider);
        program.signal(signal);
        let finished = end(program).expect(4);
        assert!(
            finished.stderr.contains("\nstopping: what is finished is kept (once more leaves at once)\n"),
            "{finished}"
        );
        assert!(finished.stderr.ends_with("error: the user stopped the run\n"), "{finished}");
        let log = place.log();
        assert_eq!(finished.stdout, log.streamed());
        let view = log.view();
        assert_eq!(view.end, Some(RunEnd::Cancelled));
        let (winner, answer, _) = view.final_answer.clone().unwrap();
        assert_eq!(answer, "6 x 7 = 42");
        let status = log.json("status.json");
        assert_eq!((&status["is_complete"], &status["finish_reason"]), (&true.into(), &"cancelled".into()));
        assert_eq!(log.text(&format!("final/{}/answer.txt", view.name(winner.agent))), answer);
        assert_whole(&log);
    }
}

#[test]
fn a_stopped_run_without_an_answer_is_cancelled_too() {
    let (place, provider) = (Place::new(), provider());
    let mut program = place.ask(&provider.team(&[("gemini", "silent")]), &["--stream-events"]).start();
    program.until(|view| view.agents.first().is_some_and(|agent| agent.state == AgentState::Thinking));
    program.signal(Signal::INT);
    end(program).expect(4);
    assert_eq!(place.log().json("status.json")["finish_reason"], "cancelled");
    assert_whole(&place.log());
}

#[test]
fn two_signals_leave_although_nobody_reads_the_output() {
    // More than a pipe holds: the display cannot go on, but the run can.
    let provider = Provider::agreeable_but(
        "  one:\n    - {when: {answers: 0}, fault: {bulk_mb: 1}, say: x, new_answer: '6 x 7 = 42'}\n",
    );
    let place = Place::new();
    let team = provider.team(&[("openai", "one"), ("claude", "two")]);
    let (mut program, unread) = place.ask(&team, &[]).start_unread();
    await_status(&place, &program, |status| status["is_complete"] == true);
    program.signal(Signal::INT);
    program.told("stopping: ");
    program.signal(Signal::INT);
    end(program).expect(4);
    drop(unread);
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_is_to_be_ignored_is_ignored() {
    let (place, provider) = (Place::new(), provider());
    place.write("team.yaml", &provider.team(&[("openai", "one"), ("claude", "two"), ("gemini", "silent")]));
    // As `nohup` does, and a shell that starts something in the background.
    let script = r#"trap "" HUP INT; exec "$0" --config team.yaml --stream-events "What is 6 x 7?""#;
    let mut program = place.shell(script).start();
    program.until(|view| view.answers.len() == 2 && view.agents[2].state == AgentState::Thinking);
    program.signal(Signal::HUP);
    program.signal(Signal::INT);
    program.signal(Signal::TERM);
    // The second signal that counts would have cut the run short.
    let finished = end(program).expect(4);
    assert!(finished.stderr.ends_with("error: the user stopped the run\n"), "{finished}");
    assert_eq!(place.log().view().end, Some(RunEnd::Cancelled));
}

#[test]
fn a_signal_stops_the_wait_for_a_reader_of_the_answer() {
    let (place, provider) = (Place::new(), Provider::agreeable_but(""));
    let fifo = place.path().join("answer.fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let team = provider.team(&[("openai", "one")]);
    let program = place.ask(&team, &["--automation", "--output-file", "answer.fifo"]).start();
    await_status(&place, &program, |status| status["is_complete"] == true);
    program.signal(Signal::TERM);
    let finished = end(program).expect(4);
    assert!(finished.stdout.contains("The answer is 42.\n"), "{finished}");
}

#[test]
fn a_killed_run_leaves_whole_files_and_no_child() {
    let (place, provider) = (Place::new(), provider());
    let mut program = waiting_run(&place, &provider);
    // Then the log folder tells all that has happened, and nothing more will happen.
    let log = await_status(&place, &program, |status| status["rounds"]["by_outcome"]["answer"] == 2);
    program.kill();
    let finished = end(program);
    assert_eq!(finished.status.code(), None, "{finished}");
    assert_whole(&log);
    assert_eq!(log.view().answers.len(), 2);
    assert_eq!(log.json("status.json")["finish_reason"], "in_progress");
}

#[test]
fn a_rehearsal_that_is_stopped_or_killed_frees_its_port() {
    for signal in [Signal::KILL, Signal::INT, Signal::TERM] {
        let place = Place::new();
        let mut program = place.massgen(["rehearse", "any", "--serve"]).start();
        let url = program.line(|line| line.starts_with("URL: "));
        let address = url.trim().strip_prefix("URL: http://").unwrap().to_owned();
        assert!(TcpStream::connect(&address).is_ok(), "{address}");
        program.signal(signal);
        let finished = end(program);
        assert_eq!(finished.status.code(), (signal != Signal::KILL).then_some(0), "{finished}");
        assert!(TcpStream::connect(&address).is_err(), "{signal:?}: somebody listens on {address}");
    }
}

/// Every file can be read, and none is a piece of one.
fn assert_whole(log: &Log) {
    for file in log.files() {
        assert!(!file.ends_with(".tmp") && !file.contains("/."), "{file}");
        let text = std::fs::read_to_string(log.session().join(&file)).unwrap();
        if file.ends_with(".json") {
            assert!(serde_json::from_str::<Value>(&text).is_ok(), "{file}: {text}");
        }
        if file.ends_with(".jsonl") {
            assert!(text.ends_with('\n'), "{file}");
        }
    }
    assert!(!log.records().is_empty());
}
