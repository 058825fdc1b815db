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
    (prop::sample::select(kinds.to_vec()), text(), params, any::<[bool; 3]>(), prop::option::of(text()), work())
        .prop_map(move |(kind, message, params, [web, code, named], key, work)| {
            let mut backend: Map<String, Value> = params.into_iter().collect();
            backend.insert("type".to_owned(), json!(kind));
            backend.insert("model".to_owned(), json!("a model"));
            backend.insert("enable_web_search".to_owned(), json!(web));
            backend.insert("enable_code_execution".to_owned(), json!(code));
            backend.extend(work);
            if let Some(key) = key {
                backend.insert("api_key".to_owned(), json!(key));
            }
            let id = named.then(|| format!("agent of {index}"));
            json!({"id": id, "system_message": message, "backend": backend})
        })
}

/// The options of files, commands, tools and permissions.
fn work() -> impl Strategy<Value = Map<String, Value>> {
    (text(), value(), 0..4_usize, any::<[bool; 6]>(), 0.5..1e4_f64).prop_map(
        |(text, value, mode, [files, own, shared, open, rules, strict], seconds)| {
            let mut map = Map::new();
            let mut put = |part: Value| map.extend(part.as_object().cloned().unwrap_or_default());
            put(json!({"cwd": format!("w{text}"), "custom_tools_path": text, "exclude_tools": [text, "b"]}));
            put(json!({
                "context_paths": [{"path": text, "description": text}],
                "enforce_read_before_delete": files,
                "exclude_file_operation_mcps": files,
                "concurrent_tool_execution": files,
                "max_concurrent_tools": files.then_some(3),
                "allowed_tools": strict.then(|| json!([text])),
                "enable_code_based_tools": own,
                "shared_tools_directory": own.then_some(&text),
                "direct_mcp_servers": own.then(|| json!(["one"])),
                "auto_discover_custom_tools": own,
                "exclude_custom_tools": [text],
            }));
            put(json!({"custom_tools": [
                {"function": ["a", "b"], "name": ["x", "y"], "description": text, "path": text, "strict": strict},
                {"func": "c", "preset_args": {"k": value, "w": "${cwd}"}, "category": text},
            ]}));
            put(json!({"mcp_servers": [
                {"name": "one", "command": ["p", text], "args": [1, true, text], "env": {"V": text, "N": 5}, "timeout": seconds,
                 "cwd": text, "exclude_tools": [text], "security": {"level": text, "allowed_executables": ["p"]}},
                {"name": "two", "command": "a 'b c'", "sharing": if shared { "run" } else { "agent" }, "allowed_tools": []},
                {"name": "three", "url": "https://h/${UNSET}", "headers": {"X-One": "${A}", "Y": "two"}, "description": text},
                {"name": "four", "type": "sse", "url": "http://h", "http_read_timeout": seconds, "strict": strict},
            ]}));
            put(json!({"permissions": {"enabled": rules, "role": "researcher", "automation_default": "allow",
                "rules": {"deny": ["command(rm *)", "*(${A})"], "ask": ["mcp(a(b)c)"], "allow": []}}}));
            put(json!({"enable_mcp_command_line": open, "command_line_env": ["A", "B_1"], "command_line_timeout": seconds,
                "command_line_allowed_commands": if strict { json!([]) } else { Value::Null },
                "command_line_blocked_commands": ["git push( --force)?", "(?i)rm"]}));
            put(match mode {
                0 => json!({"command_line_network": "on", "command_line_memory_limit": "2g", "command_line_disk_limit": "7",
                            "command_line_process_limit": 9, "command_line_cpu_seconds": 5, "command_line_srt_allow_read": [text],
                            "command_line_srt_allow_unix_sockets": [text], "command_line_docker_image": text}),
                1 => json!({"command_line_execution_mode": "local", "command_line_docker_credentials": {"mount": ["ssh_keys"]}}),
                2 => json!({"command_line_execution_mode": "docker", "command_line_docker_image": text,
                            "command_line_docker_network_mode": "bridge", "command_line_docker_memory_limit": "3MB",
                            "command_line_docker_cpu_limit": seconds.min(64.0), "command_line_docker_enable_sudo": strict,
                            "command_line_docker_credentials": {
                                "mount": ["gh_config", "git_config"], "additional_mounts": {text.as_str(): {"bind": "/b", "mode": "rw"}},
                                "env_file": text, "env_vars": ["A"], "env_vars_from_file": ["B"], "pass_all_env": strict},
                            "command_line_docker_packages": {"preinstall": {"python": [text], "npm": ["x"], "system": [text]},
                                "auto_install_deps": strict}}),
                _ => json!({"command_line_execution_mode": "srt", "command_line_network": false}),
            });
            map
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
                "context_paths": [{"path": path, "permission": "write", "protected_paths": ["sub/../x", "."]}, path],
                "snapshot_storage": path,
                "verification": if strict { "off" } else { "marked" },
                "apply": if skip { json!("always") } else { Value::Null },
                "coordination": {"enable_planning_mode": planning, "planning_mode_instruction": path, "use_skills": skip,
                    "skills_directory": path, "write_mode": if skip { "isolated" } else { "legacy" },
                    "drift_conflict_policy": "fail", "broadcast": "agents"},
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
