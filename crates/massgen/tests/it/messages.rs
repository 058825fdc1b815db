//! What users are told when something is wrong, word for word.

use crate::place::Place;
use crate::program::Finished;
use crate::provider::Provider;

/// What a user sees of `massgen` with these arguments in an empty directory.
fn told<'a>(args: impl IntoIterator<Item = &'a str>) -> String {
    let place = Place::new();
    let finished = place.massgen(args).run();
    place.message(&finished)
}

/// What a user sees of a run with this config.
fn told_of(config: &str, args: &[&str]) -> String {
    let place = Place::new();
    let finished = place.ask(config, args).run();
    place.message(&without_measures(finished))
}

/// Without durations, token counts and prices, which say nothing about the message.
fn without_measures(mut finished: Finished) -> Finished {
    let is_measure = |line: &&str| {
        ["Took", "Logs", "DURATION", "COMPLETED", "LOG_DIR", "STATUS"].iter().any(|name| line.starts_with(name))
    };
    finished.stdout =
        finished.stdout.lines().filter(|line| !is_measure(line)).map(|line| format!("{line}\n")).collect();
    finished
}

#[test]
fn a_wrong_key() {
    let provider = Provider::play("title: test\nquestion: q\nkey: right\nmodels: {'*': [{say: '42'}]}");
    insta::assert_snapshot!(told_of(&provider.team(&[("claude", "claude-sonnet-4-5")]), &[]));
}

#[test]
fn an_unknown_model() {
    let provider = Provider::play("title: test\nquestion: q\nmodels: {known: [{say: '42'}]}");
    insta::assert_snapshot!(told_of(&provider.team(&[("openai", "gpt-unknown")]), &[]));
}

#[test]
fn a_host_that_cannot_be_reached() {
    // Port 1 of the own machine: nobody listens there, and the refusal is immediate.
    let config = "agents: [{id: one, backend: {type: chatcompletion, model: m, base_url: 'http://127.0.0.1:1/v1', api_key: key-of-tests}}]\n";
    let place = Place::new();
    let finished = place.ask(config, &["--orchestrator-timeout", "1", "--debug"]).run().expect(3);
    let shown = format!("{}{}", finished.stdout, finished.stderr);
    assert!(shown.contains("cannot be reached"), "{finished}");
    assert!(shown.contains("check `base_url` and the network"), "{finished}");
}

#[test]
fn a_missing_key() {
    let config = "agents:
  - {id: one, backend: {type: openai, model: gpt-5-nano}}
  - {id: two, backend: {type: claude, model: claude-sonnet-4-5}}
  - {id: three, backend: {type: gemini, model: gemini-2.5-flash}}
";
    insta::assert_snapshot!(told_of(config, &[]));
}

#[test]
fn a_missing_key_of_one_model() {
    insta::assert_snapshot!(told(["--model", "gpt-5-nano", "What is 6 x 7?"]));
}

#[test]
fn a_broken_config() {
    let config = "agents:
  - id: one
    backend: {type: opnai, model: gpt-5-nano}
  - id: one
    backend: {type: claude, modell: claude-sonnet-4-5}
orchestrator:
  voting_sensitivity: sharp
";
    insta::assert_snapshot!(told_of(config, &[]));
}

#[test]
fn a_config_that_is_no_yaml() {
    insta::assert_snapshot!(told_of("agents: [{id: one\n", &[]));
}

#[test]
fn warnings_that_count() {
    let config = "agents: [{id: one, backend: {type: openai, model: gpt-5-nano, api_key: key-of-tests}}]\nmodles: []\n";
    insta::assert_snapshot!(told_of(config, &["--strict-validation"]));
}

#[test]
fn a_config_that_is_not_there() {
    insta::assert_snapshot!(told(["--config", "teem.yaml", "What is 6 x 7?"]));
}

#[test]
fn no_question() {
    let place = Place::new();
    place
        .write("team.yaml", "agents: [{id: one, backend: {type: openai, model: gpt-5-nano, api_key: key-of-tests}}]\n");
    let finished = place.massgen(["--config", "team.yaml"]).run();
    insta::assert_snapshot!(place.message(&finished));
}

#[test]
fn no_team() {
    insta::assert_snapshot!(told(["What is 6 x 7?"]));
}

#[test]
fn an_unknown_flag() {
    insta::assert_snapshot!(told(["--confg", "team.yaml", "What is 6 x 7?"]));
}

#[test]
fn a_question_without_quotes() {
    insta::assert_snapshot!(told(["--model", "gpt-5-nano", "What", "is", "6 x 7?"]));
}

#[test]
fn a_scenario_without_its_equals_sign() {
    insta::assert_snapshot!(told(["--rehearse", "quasar", "What is 6 x 7?"]));
}

#[test]
fn a_flag_that_is_not_built_yet() {
    insta::assert_snapshot!(told(["--plan-and-execute", "What is 6 x 7?"]));
}

#[test]
fn a_model_that_nobody_serves() {
    insta::assert_snapshot!(told(["--model", "no-such-model", "What is 6 x 7?"]));
}

#[test]
fn a_backend_that_does_not_exist() {
    insta::assert_snapshot!(told(["--backend", "opnai", "--model", "gpt-5-nano", "What is 6 x 7?"]));
}

#[test]
fn a_config_and_a_backend() {
    insta::assert_snapshot!(told(["--config", "team.yaml", "--backend", "openai", "What is 6 x 7?"]));
}

#[test]
fn a_scenario_that_is_not_there() {
    insta::assert_snapshot!(told(["rehearse", "quaser"]));
}

#[test]
fn a_log_folder_that_cannot_be_made() {
    let place = Place::new();
    place.write(".massgen", "a file, not a directory");
    let finished = place.massgen(["demo"]).run();
    insta::assert_snapshot!(place.message(&finished));
}
