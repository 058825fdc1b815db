//! Looking around: backends, schema, doctor, help.

use serde_json::Value;

use crate::newcomer::Newcomer;

#[test]
fn a_key_that_is_set_is_named_and_never_shown() {
    let newcomer = Newcomer::new();
    newcomer.write(".env", "GEMINI_API_KEY=never-show-this\n");
    for arguments in
        [&["--list-backends"][..], &["--list-backends", "--json"], &["doctor"], &["hello"], &["--debug", "hello"]]
    {
        let said = newcomer.run_with(arguments, &[("OPENAI_API_KEY", "nor-this")], "");
        let text = said.stdout + &said.stderr;
        assert!(!text.contains("never-show-this") && !text.contains("nor-this"), "{text}");
    }
    let listed = newcomer.run(&["--list-backends"]).ended_with(0).stdout;
    assert!(listed.contains("GOOGLE_API_KEY or GEMINI_API_KEY: GEMINI_API_KEY is set"), "{listed}");
    assert!(listed.contains("ANTHROPIC_API_KEY: not set"), "{listed}");
}

#[test]
fn the_list_of_backends_is_there_for_programs() {
    let newcomer = Newcomer::new();
    let listed = newcomer.run_with(&["--list-backends", "--json"], &[("XAI_API_KEY", "x")], "").ended_with(0).stdout;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let of = |kind: &str| {
        let all = listed["backends"].as_array().expect("a list");
        all.iter().find(|one| one["type"] == kind).cloned().unwrap_or_default()
    };
    assert_eq!((&of("grok")["key_set"], &of("openai")["key_set"]), (&Value::from(true), &Value::from(false)));
    assert_eq!((&of("openai")["built"], &of("claude_code")["built"]), (&Value::from(true), &Value::from(false)));
    assert_eq!(of("ollama")["key_needed"], false);
}

#[test]
fn the_schema_can_be_read_and_used() {
    let newcomer = Newcomer::new();
    let schema: Value =
        serde_json::from_str(&newcomer.run(&["--show-schema", "--json"]).ended_with(0).stdout).expect("JSON");
    assert!(schema["$defs"]["backend"]["properties"]["model"].is_object());
    let page = newcomer.run(&["--show-schema"]).ended_with(0).stdout;
    assert!(page.contains("voting_sensitivity") && page.contains("lenient when not given"), "{page}");
    let gemini = newcomer.run(&["--show-schema", "--schema-backend", "gemini", "--with-examples"]).ended_with(0).stdout;
    assert!(gemini.contains("enable_web_search") && !gemini.contains("enable_x_search"), "{gemini}");
    assert!(gemini.contains("type: gemini"), "{gemini}");
    let unknown = newcomer.run(&["--show-schema", "--schema-backend", "gemni"]).ended_with(1).stderr;
    assert!(unknown.contains("unknown backend type `gemni`"), "{unknown}");
}

#[test]
fn the_doctor_says_what_stands_in_the_way() {
    let newcomer = Newcomer::new();
    let page = newcomer.run(&["doctor"]).ended_with(0).stdout;
    assert!(page.contains("no config") && page.contains("Nothing stands in the way."), "{page}");
    newcomer.write(".massgen/config.yaml", "agents: [{backend: {type: openai}}, {backend: {type: claude}}]\n");
    let page = newcomer.run_with(&["doctor"], &[("OPENAI_API_KEY", "x")], "").ended_with(1).stdout;
    assert!(page.contains("!!  agent2 (Anthropic Claude): no key"), "{page}");
    assert!(page.contains("do: massgen --setup ANTHROPIC_API_KEY"), "{page}");
    assert!(page.contains("OPENAI_API_KEY (OpenAI): from the environment"), "{page}");
    newcomer.write(".massgen/config.yaml", "agents: [{backend: {type: opnai}}]\n");
    let page = newcomer.run(&["doctor"]).ended_with(1).stdout;
    assert!(page.contains("massgen --validate .massgen/config.yaml"), "{page}");
    let left: Vec<_> = std::fs::read_dir(newcomer.path("")).expect("a folder").collect();
    assert_eq!(left.len(), 1, "it leaves nothing behind: {left:?}");
}

#[test]
fn help_is_short_and_then_long() {
    let newcomer = Newcomer::new();
    let short = newcomer.run(&["-h"]).ended_with(0).stdout;
    let long = newcomer.run(&["--help"]).ended_with(0).stdout;
    assert!(short.lines().count() < 75, "{}", short.lines().count());
    for heading in ["Team:", "Output:", "Look around:", "Set up:", "Examples:"] {
        assert!(short.contains(heading) && long.contains(heading), "{heading}");
    }
    assert!(!short.contains("--config-backend") && long.contains("--config-backend"));
    let last = short.trim_end().lines().last().unwrap_or_default();
    assert!(last.starts_with("  massgen"), "the examples come last: {last}");
}

#[test]
fn shells_and_man_are_served() {
    let newcomer = Newcomer::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = newcomer.run(&["completions", shell]).ended_with(0).stdout;
        assert!(script.contains("quickstart") && script.contains("doctor"), "{shell}");
    }
    newcomer.run(&["completions", "tcsh"]).ended_with(2);
    let page = newcomer.run(&["man"]).ended_with(0).stdout;
    assert!(page.contains(".TH massgen 1") && page.contains("quickstart"), "{page}");
}

#[test]
fn what_is_not_built_says_so() {
    let newcomer = Newcomer::new();
    let viewer = newcomer.run(&["viewer"]).ended_with(2).stderr;
    assert!(viewer.contains("`massgen viewer` is not supported yet"), "{viewer}");
    let logs = newcomer.run(&["logs", "list"]).ended_with(2).stderr;
    assert!(logs.contains("`massgen logs` is not supported yet"), "{logs}");
    let docker = newcomer.run(&["--generate-config", "a.yaml", "--config-docker"]).ended_with(2).stderr;
    assert!(docker.contains("`--config-docker` is not supported yet"), "{docker}");
}
