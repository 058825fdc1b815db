//! What is written loads as what was written.

use massgen_config::{Colour, Environment, Format, SourceText, TeamConfig, load};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::corpus;

/// Writes the config in both notations and loads it again.
fn check(config: &TeamConfig, environment: &Environment) {
    for (format, text) in [(Format::Yaml, config.to_yaml()), (Format::Json, config.to_json())] {
        let again = load(&SourceText::new("again", text.as_str(), format), environment);
        match again.config {
            Some(again) => assert_eq!(&again, config, "{text}"),
            None => panic!("{text}\n{}", again.diagnostics.render(Colour::Plain)),
        }
    }
}

#[test]
fn the_configs_of_the_reference() {
    let environment = Environment::default();
    for (name, text) in corpus() {
        if let Some(config) = load(&SourceText::new(name, text, Format::Yaml), &environment).config {
            check(&config, &environment);
        }
    }
}

#[test]
fn a_team_of_one() {
    let config = TeamConfig::single(None, Some("claude-sonnet-4-5"), None, Some("be\nbrief: yes")).unwrap();
    check(&config, &Environment::default());
    insta::assert_snapshot!(config.to_yaml(), @r"
    agents:
      - id: agent1
        system_message: |-
          be
          brief: yes
        backend:
          type: claude
          model: claude-sonnet-4-5
    ");
}

/// Texts that have tripped writers of YAML.
fn text() -> impl Strategy<Value = String> {
    let words = [
        "yes",
        "null",
        "~",
        "1",
        "1.0",
        "0x10",
        "-",
        "- a",
        "a: b",
        "a #b",
        "#a",
        "'",
        "\"",
        "\\",
        "{a}",
        "[a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a`",
        "|",
        ">",
        "",
        " ",
        " a ",
        "\n",
        "a\nb",
        "a\n b\n",
        "\n\na\n\n",
        "a\tb",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "é",
        "日本",
        "<<",
        "1:30",
        "012",
        "---",
        "...",
        "? a",
        "a:",
        "$${A}",
        "${A}",
        "${B:-x}",
        "2024-01-01",
        "=",
        ".",
        "\r\n",
        "\u{0}",
    ];
    prop_oneof![prop::sample::select(words.to_vec()).prop_map(str::to_owned), "\\PC{0,20}", any::<String>()]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![any::<bool>().prop_map(Value::from), number(), text().prop_map(Value::from)];
    leaf.prop_recursive(3, 20, 4, |inside| {
        prop_oneof![
            prop::collection::vec(inside.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((text(), inside), 0..4)
                .prop_map(|entries| Value::from(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn agent(index: usize) -> impl Strategy<Value = Value> {
    let kinds = ["openai", "claude", "gemini", "grok"];
    let params = prop::collection::vec(("[a-z]{12}_param", value()), 0..4);
    (prop::sample::select(kinds.to_vec()), text(), params, any::<[bool; 3]>(), prop::option::of(text())).prop_map(
        move |(kind, message, params, [web, code, named], key)| {
            let mut backend: Map<String, Value> = params.into_iter().collect();
            backend.insert("type".to_owned(), json!(kind));
            backend.insert("model".to_owned(), json!("a model"));
            backend.insert("enable_web_search".to_owned(), json!(web));
            backend.insert("enable_code_execution".to_owned(), json!(code));
            backend.insert("mcp_servers".to_owned(), json!([{"name": message}]));
            if let Some(key) = key {
                backend.insert("api_key".to_owned(), json!(key));
            }
            let id = named.then(|| format!("agent of {index}"));
            json!({"id": id, "system_message": message, "backend": backend})
        },
    )
}

fn document() -> impl Strategy<Value = Value> {
    let agents = (agent(1), agent(2), agent(3)).prop_map(|(one, two, three)| json!([one, two, three]));
    let orchestrator = (any::<[bool; 4]>(), 1..9_u32, prop::option::of(any::<bool>()), text()).prop_map(
        |([fairness, skip, planning, strict], count, defer, path)| {
            json!({
                "fairness_enabled": fairness,
                "skip_final_presentation": skip,
                "voting_sensitivity": if strict { "strict" } else { "lenient" },
                "answer_novelty_requirement": if skip { "balanced" } else { "strict" },
                "max_new_answers_per_agent": count,
                "fairness_lead_cap_answers": count,
                "defer_voting_until_all_answered": defer,
                "final_answer_strategy": if planning { json!("synthesize") } else { Value::Null },
                "context_paths": [{"path": path, "permission": "write", "protected_paths": [path]}, path],
                "snapshot_storage": path,
                "coordination": {"enable_planning_mode": planning},
            })
        },
    );
    (agents, orchestrator, 0.001..1e6_f64, text(), value()).prop_map(|(agents, orchestrator, seconds, prompt, memory)| {
        json!({
            "agents": agents,
            "orchestrator": orchestrator,
            "timeout_settings": {"orchestrator_timeout_seconds": seconds, "initial_round_timeout_seconds": seconds.round() + 1.0, "stall_timeout_seconds": seconds + 2.0},
            "ui": {"display_type": "silent", "logging_enabled": false, "theme": prompt},
            "prompt": prompt,
            "checkpoint": {"it": memory},
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_config(document in document()) {
        let vars = [("A", "value of a")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = Environment { vars: vars.into(), ..Environment::default() };
        let text = document.to_string();
        let loaded = load(&SourceText::new("first.json", text.as_str(), Format::Json), &environment);
        match loaded.config {
            Some(config) => check(&config, &environment),
            None => panic!("{}", loaded.diagnostics.render(Colour::Plain)),
        }
    }
}
