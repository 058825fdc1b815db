//! Keys and configs by flags and by questions.

use crate::newcomer::{Newcomer, read};

const KEY: &str = "sk-proj-abc_DEF-123";

#[test]
fn a_key_is_saved_for_its_owner_alone_and_found_again() {
    let newcomer = Newcomer::new();
    let said = newcomer.run_with(&["--setup", "OPENAI_API_KEY"], &[], &format!("{KEY}\n")).ended_with(0);
    assert!(!(said.stdout + &said.stderr).contains(KEY));
    let path = newcomer.at_home(".massgen/.env");
    assert_eq!(read(&path), format!("OPENAI_API_KEY={KEY}\n"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    }
    let listed = newcomer.run(&["--list-backends"]).ended_with(0).stdout;
    assert!(listed.contains("OPENAI_API_KEY: OPENAI_API_KEY is set"), "{listed}");
}

#[test]
fn what_is_no_key_is_refused() {
    let newcomer = Newcomer::new();
    newcomer.run_with(&["--setup", "OPENAI_API_KEY"], &[], "\n").ended_with(1);
    let spaces = newcomer.run_with(&["--setup", "OPENAI_API_KEY"], &[], "not a key\n").ended_with(1).stderr;
    assert!(!spaces.contains("not a key"), "{spaces}");
    let swapped = newcomer.run_with(&["--setup", KEY], &[], "\n").ended_with(1).stderr;
    assert!(!swapped.contains(KEY), "a key in the place of its name is not repeated: {swapped}");
    assert!(!newcomer.at_home(".massgen").exists());
    let unknown = newcomer.run_with(&["--setup", "OPENAPI_API_KEY"], &[], "k\n").ended_with(0).stderr;
    assert!(unknown.contains("no backend type looks at OPENAPI_API_KEY"), "{unknown}");
}

#[test]
fn keys_can_be_given_one_after_the_other() {
    let newcomer = Newcomer::new();
    newcomer.run_with(&["--setup"], &[], "claude\nfirst\n3\nsecond\n\n").ended_with(0);
    assert_eq!(read(&newcomer.at_home(".massgen/.env")), "ANTHROPIC_API_KEY=first\nGOOGLE_API_KEY=second\n");
}

#[test]
fn a_config_is_made_by_flags_alone() {
    let newcomer = Newcomer::new();
    let flags = ["--config-backend", "gemini", "--config-model", "gemini-2.5-flash", "--config-agents", "2"];
    newcomer.run(&[&["--generate-config", "deep/team.yaml"][..], &flags].concat()).ended_with(0);
    let text = newcomer.read("deep/team.yaml");
    assert!(text.contains("id: gemini-1") && text.contains("id: gemini-2"), "{text}");
    newcomer.run(&["--config", "deep/team.yaml", "--rehearse", "--automation", "hello"]).ended_with(0);

    let again = newcomer.run(&[&["--generate-config", "deep/team.yaml"][..], &flags].concat()).ended_with(1).stderr;
    assert!(again.contains("there is a config already") && again.contains("--force"), "{again}");
    newcomer.run(&[&["--generate-config", "deep/team.yaml", "--force"][..], &flags].concat()).ended_with(0);
    newcomer.run(&[&["--generate-config", "team.toml"][..], &flags].concat()).ended_with(1);
    newcomer.run(&[&["--generate-config", "team.json"][..], &flags].concat()).ended_with(0);
    newcomer.run(&["--validate", "team.json", "--strict"]).ended_with(0);
}

#[test]
fn every_rule_of_the_builder_has_a_flag() {
    let newcomer = Newcomer::new();
    newcomer
        .run(&[
            "--init",
            "--headless",
            "--quickstart-agent",
            "backend=openai,model=gpt-5-mini,id=searcher,web_search=true,system_message=You search.",
            "--quickstart-agent",
            "backend=chatcompletion,model=m,base_url=http://localhost:9/v1",
            "--config-sensitivity",
            "strict",
            "--config-max-answers",
            "2",
            "--config-final-answer",
            "synthesize",
        ])
        .ended_with(0);
    let text = newcomer.read(".massgen/config.yaml");
    for part in [
        "# yaml-language-server: $schema=massgen.schema.json",
        "id: searcher",
        "system_message: You search.",
        "enable_web_search: true",
        "base_url: http://localhost:9/v1",
        "voting_sensitivity: strict",
        "max_new_answers_per_agent: 2",
        "final_answer_strategy: synthesize",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(newcomer.path(".massgen/massgen.schema.json").is_file());
    newcomer.run(&["--rehearse", "--automation", "hello"]).ended_with(0);
}

#[test]
fn without_flags_the_keys_make_the_team() {
    let newcomer = Newcomer::new();
    let nothing = newcomer.run(&["--quickstart", "--headless"]).ended_with(1).stderr;
    assert!(nothing.contains("--config-backend TYPE"), "{nothing}");
    let keys = [("ANTHROPIC_API_KEY", "a"), ("GOOGLE_API_KEY", "b")];
    newcomer.run_with(&["--quickstart", "--headless", "--config-agents", "3"], &keys, "").ended_with(0);
    let text = newcomer.read(".massgen/config.yaml");
    assert_eq!((text.matches("type: claude").count(), text.matches("type: gemini").count()), (2, 1), "{text}");
}

#[test]
fn flags_that_make_no_sense_are_errors_of_usage() {
    let newcomer = Newcomer::new();
    for arguments in [
        &["--headless", "hello"][..],
        &["--config-backend", "openai"],
        &["--quickstart", "--init"],
        &["--quickstart", "--quickstart-agent", "openai"],
        &["--quickstart", "--quickstart-agent", "backend=openai", "--config-agents", "2"],
        &["--quickstart", "--config-agents", "0"],
        &["--setup", "--quickstart"],
        &["--select", "--config", "x.yaml"],
    ] {
        newcomer.run(arguments).ended_with(2);
    }
    let unknown = newcomer.run(&["--quickstart", "--headless", "--config-backend", "opnai"]).ended_with(1).stderr;
    assert!(unknown.contains("unknown backend type `opnai`"), "{unknown}");
    let program = newcomer.run(&["--quickstart", "--headless", "--config-backend", "claude_code"]).ended_with(1).stderr;
    assert!(program.contains("not built yet"), "{program}");
}

#[test]
fn the_quickstart_takes_its_answers_from_a_pipe_too() {
    let newcomer = Newcomer::new();
    // The backend, its key, the model (Enter: the usual), the number.
    newcomer.run_with(&["--quickstart"], &[], "gemini\nmy-key\n\n2\n").ended_with(0);
    let text = newcomer.read(".massgen/config.yaml");
    assert_eq!(text.matches("type: gemini").count(), 2, "{text}");
    assert_eq!(read(&newcomer.at_home(".massgen/.env")), "GOOGLE_API_KEY=my-key\n");
    let other = ["--quickstart", "--config-agents", "1", "--generate-config", "one.yaml"];
    newcomer.run_with(&other, &[("GOOGLE_API_KEY", "k")], "gemini\n\n").ended_with(0);
    assert_eq!(newcomer.read("one.yaml").matches("type: gemini").count(), 1, "a flag answers a question");
    // It asks before it replaces, and no is the usual answer.
    newcomer.run_with(&["--quickstart"], &[], "\n").ended_with(0);
    assert_eq!(newcomer.read(".massgen/config.yaml"), text);
    newcomer.run_with(&["--quickstart"], &[], "y\n\n").ended_with(0);
    assert_eq!(newcomer.read(".massgen/config.yaml").matches("type: gemini").count(), 3, "the proposal of one key");
}

#[test]
fn the_builder_asks_for_everything() {
    let newcomer = Newcomer::new();
    // Two agents; each: backend, (key), model, name, role, web search; then bar, answers, final answer.
    let answers = "2\nopenai\n\ngpt-5-mini\nthinker\nYou think.\ny\nollama\nllama3.1\n\n\n3\n4\n2\n";
    newcomer.run_with(&["--init", "--generate-config", "team.yaml"], &[], answers).ended_with(0);
    let text = newcomer.read("team.yaml");
    for part in [
        "id: thinker",
        "system_message: You think.",
        "enable_web_search: true",
        "id: ollama",
        "model: llama3.1",
        "voting_sensitivity: strict",
        "max_new_answers_per_agent: 4",
        "final_answer_strategy: winner_reuse",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    newcomer.run(&["--config", "team.yaml", "--rehearse", "--automation", "hello"]).ended_with(0);
}

#[test]
fn questions_that_nobody_answers_end_the_program() {
    let newcomer = Newcomer::new();
    let ended = newcomer.run(&["--quickstart"]).ended_with(2).stderr;
    assert!(ended.contains("no answer to") && ended.contains("--headless"), "{ended}");
    let select = newcomer.run(&["--select", "hello"]).ended_with(2).stderr;
    assert!(select.contains("there is no terminal to ask on") && select.contains("--list-examples"), "{select}");
}

#[test]
fn a_script_without_a_team_is_told_how_to_get_one() {
    let newcomer = Newcomer::new();
    let none = newcomer.run(&["hello"]).ended_with(1).stderr;
    assert!(none.contains("there is no team to ask") && none.contains("massgen demo"), "{none}");
    let key = newcomer.run_with(&["hello"], &[("XAI_API_KEY", "x")], "").ended_with(1).stderr;
    assert!(key.contains("`massgen --quickstart --headless` makes one of grok-"), "{key}");
    let rehearsal = newcomer.run(&["--rehearse", "--automation", "hello"]).ended_with(0).stdout;
    assert!(rehearsal.contains("WINNER: gpt"), "a rehearsal needs no team: {rehearsal}");
}
