//! `--validate`.

use serde_json::Value;

use crate::newcomer::Newcomer;

const GOOD: &str = "agents:\n  - id: a\n    backend: {type: openai, model: gpt-5-mini}\n";
const WARNED: &str = "agents:\n  - id: a\n    backend: {type: openai, model: gpt-5-mini}\nui: {colour: blue}\n";
const WRONG: &str = "agents:\n  - id: a\n    backend: {type: opnai, model: gpt-5-mini}\n";

#[test]
fn the_exit_code_is_the_verdict() {
    let newcomer = Newcomer::new();
    for (text, flags, code) in [
        (GOOD, &[][..], 0),
        (GOOD, &["--strict"], 0),
        (WARNED, &[], 0),
        (WARNED, &["--strict"], 1),
        (WARNED, &["--strict", "--json"], 1),
        (WARNED, &["--json"], 0),
        (WRONG, &[], 1),
        (WRONG, &["--json"], 1),
        ("agents: [", &[], 1),
        ("", &["--json"], 1),
    ] {
        newcomer.write("team.yaml", text);
        let said = newcomer.run(&[&["--validate", "team.yaml"], flags].concat()).ended_with(code);
        assert_eq!(said.stderr.is_empty(), flags.contains(&"--json") || text == GOOD, "{}", said.stderr);
    }
    newcomer.run(&["--validate", "nowhere.yaml"]).ended_with(1);
    newcomer.run(&["--validate", "team.yaml", "--rehearse", "--list-backends"]).ended_with(2);
    newcomer.run(&["--strict"]).ended_with(2);
    newcomer.run(&["--json"]).ended_with(2);
}

#[test]
fn the_report_for_programs_has_the_form_of_the_reference() {
    let newcomer = Newcomer::new();
    newcomer.write("team.yaml", WRONG);
    let report: Value =
        serde_json::from_str(&newcomer.run(&["--validate", "team.yaml", "--json"]).ended_with(1).stdout).expect("JSON");
    assert_eq!(report["valid"], false);
    assert_eq!((&report["error_count"], &report["warning_count"]), (&Value::from(1), &Value::from(0)));
    let error = &report["errors"][0];
    assert_eq!(error["location"], "agents[0].backend.type");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("opnai")), "{error}");
    assert!(error["suggestion"].as_str().is_some_and(|text| text.contains("openai")), "{error}");

    newcomer.write("team.yaml", WARNED);
    let strict = newcomer.run(&["--validate", "team.yaml", "--json", "--strict"]).ended_with(1).stdout;
    let report: Value = serde_json::from_str(&strict).expect("JSON");
    assert_eq!((&report["valid"], &report["warning_count"]), (&Value::from(false), &Value::from(1)));

    let missing = newcomer.run(&["--validate", "nowhere.yaml", "--json"]).ended_with(1).stdout;
    let report: Value = serde_json::from_str(&missing).expect("JSON");
    assert!(report["errors"][0]["message"].as_str().is_some_and(|text| text.contains("nowhere.yaml")), "{report}");
}

#[test]
fn a_default_config_with_mistakes_does_not_run() {
    let newcomer = Newcomer::new();
    newcomer.write(".massgen/config.yaml", WARNED);
    newcomer.run(&["--rehearse", "--strict-validation", "hello"]).ended_with(1);
    let warned = newcomer.run(&["--rehearse", "--no-display", "hello"]).ended_with(0);
    assert!(warned.stderr.contains("colour"), "{}", warned.stderr);
    let quiet = newcomer.run(&["--rehearse", "--no-display", "--skip-validation", "hello"]).ended_with(0);
    assert!(!quiet.stderr.contains("colour"), "{}", quiet.stderr);
    newcomer.write(".massgen/config.yaml", WRONG);
    newcomer.run(&["--rehearse", "--skip-validation", "hello"]).ended_with(1);
}
