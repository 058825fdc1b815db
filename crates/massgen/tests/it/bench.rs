//! `massgen bench`: that everything can be measured. How fast it is depends on the machine.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use massgen_rehearsal::{RehearsalServer, Scenario, Wire};
use serde_json::{Value, json};

fn massgen(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_massgen"));
    command.arg("bench").args(arguments).stdin(Stdio::null());
    command
}

fn child(job: &Value) -> Output {
    massgen(&["--child", &job.to_string()]).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_figure_can_be_measured() {
    let output = massgen(&["--small"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let page = String::from_utf8(output.stdout).unwrap();
    let verdict = |line: &&str| ["met", "missed", "Linux only"].iter().any(|verdict| line.ends_with(verdict));
    // Startup, a stream on each of the four protocols, memory, latency.
    assert_eq!(page.lines().filter(verdict).count(), 7, "{page}");
}

#[test]
fn only_what_is_named_is_measured() {
    let output = massgen(&["--small", "latency"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains("last vote to presentation") && !page.contains("startup"), "{page}");
}

#[tokio::test]
async fn a_run_that_brought_too_little_is_no_measurement() {
    let server = RehearsalServer::start(Scenario::builtin("any").unwrap()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let backend = json!({"type": "openai", "model": "m", "base_url": server.base_url(Wire::Responses), "api_key": "k"});
    let config = folder.path().join("team.json");
    std::fs::write(&config, json!({"agents": [{"id": "a", "backend": backend}]}).to_string()).unwrap();
    let job = |bytes: usize, logs: &Path| json!({"Team": {"config": config, "logs": logs, "text_bytes_min": bytes}});

    let (few, many) = (job(10, &folder.path().join("1")), job(1_000_000, &folder.path().join("2")));
    let [few, many] = tokio::task::spawn_blocking(move || [child(&few), child(&many)]).await.unwrap();
    assert!(few.status.success(), "{}", stderr(&few));
    assert_eq!(many.status.code(), Some(2));
    assert!(stderr(&many).contains("bytes of text instead of 1000000"), "{}", stderr(&many));
}

#[test]
fn a_bare_client_without_a_provider_is_an_error() {
    // Port 1 of the loopback address is nobody's.
    let job = json!({"Bare": {"url": "http://127.0.0.1:1/", "body": null, "requests": 1, "events_min": 1}});
    let output = child(&job);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("the bare client failed"), "{}", stderr(&output));
}
