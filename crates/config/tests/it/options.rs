//! What options do to the typed config and the rules.

use massgen_config::{DisplayType, TeamConfig};
use massgen_protocol::{Novelty, Rules, Sensitivity, Strategy};

use crate::load_yaml;

fn config(options: &str) -> TeamConfig {
    let loaded = load_yaml(&format!("agents: [{{backend: {{model: gpt-5}}}}]\n{options}"));
    loaded.config.unwrap_or_else(|| panic!("{}", loaded.diagnostics.render(massgen_config::Colour::Plain)))
}

fn rules(orchestrator: &str) -> Rules {
    config(&format!("orchestrator: {{{orchestrator}}}")).rules()
}

#[test]
fn without_options_the_rules_are_the_usual_ones() {
    assert_eq!(config("").rules(), Rules::default());
}

#[test]
fn options_become_rules() {
    assert_eq!(rules("voting_sensitivity: strict").sensitivity, Sensitivity::Strict);
    assert_eq!(rules("voting_sensitivity: roi_aggressive").sensitivity, Sensitivity::Lenient);
    assert_eq!(rules("answer_novelty_requirement: balanced").novelty, Novelty::Balanced);
    assert_eq!(rules("max_new_answers_per_agent: 2").answers_per_agent_max, 2);
    assert_eq!(rules("max_new_answers_per_agent: null").answers_per_agent_max, 5);
    assert_eq!(rules("max_new_answers_global: 9").answers_total_max, Some(9));
    assert_eq!(rules("fairness_lead_cap_answers: 4").lead_max, Some(4));
    assert_eq!(rules("fairness_enabled: false").lead_max, None);
    assert_eq!(rules("defer_voting_until_all_answered: true").first_answers_wait_ms, None);
    assert_eq!(rules("defer_voting_until_all_answered: false").first_answers_wait_ms, Some(0));
    assert_eq!(rules("final_answer_strategy: synthesize").strategy, Strategy::Synthesize);
    assert_eq!(rules("final_answer_strategy: winner_reuse").strategy, Strategy::WinnerReuse);
    assert_eq!(rules("skip_final_presentation: true").strategy, Strategy::WinnerReuse);
}

#[test]
fn the_presentation_gets_a_part_of_the_time() {
    let times = |seconds: &str| {
        let rules = config(&format!("timeout_settings: {{orchestrator_timeout_seconds: {seconds}}}")).rules();
        (rules.coordination_ms, rules.presentation_ms)
    };
    assert_eq!(times("1800"), (Some(1_680_000), 120_000));
    assert_eq!(times("100"), (Some(80_000), 20_000));
    assert_eq!(times("0.5"), (Some(400), 100));
    assert_eq!(times("0.0001"), (Some(1), 1));
}

#[test]
fn timeouts_are_read_wherever_they_are() {
    let rules = config(
        "timeout: {initial_round_timeout_seconds: 7}\norchestrator: {timeout: {subsequent_round_timeout_seconds: 8}}",
    );
    assert_eq!((rules.rules().first_turn_ms, rules.rules().later_turn_ms), (Some(7000), Some(8000)));
}

#[test]
fn a_display_has_several_names() {
    let display = |name: &str| config(&format!("ui: {{display_type: {name}}}")).ui.display_type;
    assert_eq!(display("terminal"), DisplayType::RichTerminal);
    assert_eq!(display("silent"), DisplayType::Silent);
    assert_eq!(config("").ui.display_type, DisplayType::RichTerminal);
}

#[test]
fn parameters_go_to_the_provider_as_they_are() {
    let text = "agent:\n  id: a\n  backend:\n    type: OpenAI\n    model: gpt-5\n    temperature: 0.25\n    reasoning: \
                {effort: low}\n    my_own: [1, {x: null}]\n    nothing: null\n    cwd: w\n    mcp_servers: {}\n    \
                command_line_new_thing: 3\n    voting_sensitivity: strict\n    enable_web_search: true\n";
    let config = load_yaml(text).config.unwrap();
    let backend = &config.agents[0].backend;
    assert_eq!(backend.kind.kind, "openai");
    assert_eq!(
        serde_json::Value::Object((*backend.params).clone()),
        serde_json::json!({"temperature": 0.25, "reasoning": {"effort": "low"}, "my_own": [1, {"x": null}]})
    );
    assert!(backend.web_search);
    assert_eq!(backend.workspace(), Some(".massgen/workspaces/w".into()));
    assert_eq!(backend.unbuilt.keys().collect::<Vec<_>>(), ["command_line_new_thing", "voting_sensitivity"]);
}

#[test]
fn ids_follow_from_the_place() {
    let text = "agents:\n  - backend: {model: gpt-5}\n  - {id: agent3, backend: {model: gpt-5}}\n  - backend: {model: gpt-5}\n  \
                - backend: {model: gpt-5}\n";
    let config = load_yaml(text).config.unwrap();
    let ids: Vec<&str> = config.agents.iter().map(|agent| agent.id.as_str()).collect();
    assert_eq!(ids, ["agent1", "agent3", "agent2", "agent4"]);
}

#[test]
fn a_merge_key_brings_what_is_not_there() {
    let text = "agents:\n  - &first\n    id: a\n    system_message: hi\n    backend: &backend {model: gpt-5, temperature: 1}\n  \
                - <<: *first\n    id: b\n    backend:\n      <<: [*backend, {model: no, top_p: 0.5}]\n      temperature: 0\n";
    let loaded = load_yaml(text);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let config = loaded.config.unwrap();
    let second = &config.agents[1];
    assert_eq!(second.system_message.as_deref(), Some("hi"));
    assert_eq!(second.backend.model.as_str(), "gpt-5");
    assert_eq!(
        serde_json::Value::Object((*second.backend.params).clone()),
        serde_json::json!({"temperature": 0, "top_p": 0.5})
    );
}
