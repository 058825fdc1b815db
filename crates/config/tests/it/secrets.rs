//! Values of variables and literal keys stay where they belong.

use massgen_config::{Colour, Environment, Format, SourceText, load};

const VALUE: &str = "sk-value-of-the-variable";
const LITERAL: &str = "sk-literal-in-the-file";

fn environment() -> Environment {
    let vars = ["KEY", "MODEL", "COUNT", "TYPE", "WORDS"].map(|name| (name.to_owned(), VALUE.to_owned()));
    Environment { vars: vars.into(), ..Environment::default() }
}

/// All that anybody could print of what was loaded.
fn everything(text: &str) -> String {
    let source = SourceText::new("team.yaml", text, Format::Yaml);
    let environment = environment();
    let mut loaded = load(&source, &environment);
    loaded.check_context_paths(&environment, |_| false);
    let found = &loaded.diagnostics;
    format!(
        "{loaded:?} {:?} {source:?} {environment:?} {} {} {}",
        loaded.config,
        found.render(Colour::Ansi),
        found.to_json(),
        loaded.document_for_logs(),
    )
}

#[test]
fn a_good_config_shows_no_values() {
    let text = format!(
        "agents:\n  - id: a\n    system_message: 'hi ${{MODEL}}'\n    backend:\n      type: openai\n      model: x-${{MODEL}}\n      \
         api_key: ${{KEY}}\n      extra_headers: {{X: '${{KEY}}', Authorization: {LITERAL}, X-Tenant: {LITERAL}}}\n  - id: b\n    backend:\n      \
         type: openai\n      model: m\n      api_key: {LITERAL}\nprompt: '${{WORDS}}'\n"
    );
    let config = load(&SourceText::new("team.yaml", text.as_str(), Format::Yaml), &environment()).config.unwrap();
    assert_eq!(config.agents[0].backend.api_key.as_ref().map(massgen_config::Secret::expose), Some(VALUE));
    assert_eq!(config.agents[0].backend.params["extra_headers"]["X"], VALUE);
    assert_eq!(config.agents[0].backend.model.as_str(), format!("x-{VALUE}"));
    let shown = everything(&text);
    assert!(!shown.contains(VALUE), "{shown}");
    assert!(!shown.contains(LITERAL), "{shown}");
    assert!(shown.contains("${KEY}"), "{shown}");
}

#[test]
fn a_team_without_a_file_shows_no_values() {
    let text = format!(
        "agents:\n  - id: a\n    backend:\n      type: openai\n      model: m\n      api_key: {LITERAL}\n      \
         extra_headers: {{X-Tenant: {LITERAL}, Y: '${{KEY}}'}}\n"
    );
    let config = load(&SourceText::new("team.yaml", text.as_str(), Format::Yaml), &environment()).config.unwrap();
    let shown = config.document_for_logs();
    assert_eq!(shown["agents"][0]["backend"]["api_key"], "[redacted]");
    assert_eq!(shown["agents"][0]["backend"]["extra_headers"]["X-Tenant"], "[redacted]");
    assert_eq!(shown["agents"][0]["backend"]["extra_headers"]["Y"], "${KEY}");
}

#[test]
fn a_bad_config_shows_no_values() {
    for text in [
        format!("agent:\n  backend: {{type: '${{TYPE}}', model: m, api_key: {LITERAL}}}\n"),
        format!("agent:\n  backend:\n    model: ${{MODEL}}\n    api_key: {LITERAL}\n    api_key: {LITERAL}\n"),
        format!("agent:\n  backend:\n    model: m\n    api_key: [{LITERAL}]\n"),
        format!("agent:\n  backend:\n    model: m\n    apikey: {LITERAL}\n   api_key: '{LITERAL}'\n"),
        "agent: {backend: {model: gpt-5}}\norchestrator: {max_new_answers_per_agent: '${COUNT}', voting_sensitivity: '${WORDS}'}\n"
            .to_owned(),
        "agent: {backend: {model: gpt-5}}\norchestrator: {context_paths: ['${WORDS}'], fairness_enabled: '${WORDS}'}\n".to_owned(),
        "agent: {id: '${WORDS}/', backend: {model: gpt-5}}\n".to_owned(),
        "agents: [{id: '${WORDS}', backend: {model: gpt-5}}, {id: '${WORDS}', backend: {model: gpt-5}}]\n".to_owned(),
        "agents: [{id: '${WORDS}'}]\n".to_owned(),
        format!("agent: {{backend: {{model: gpt-5, cwd: w, mcp_servers: {{a: {{url: h, headers: {{X Y: {LITERAL}}}}}}}}}}}\n"),
        format!("agent: {{backend: {{model: gpt-5, cwd: w, mcp_servers: {{a: {{command: x, env: {{A: [{LITERAL}]}}}}}}}}}}\n"),
        format!(
            "agent:\n  backend:\n    model: gpt-5\n    cwd: w\n    enable_mcp_command_line: true\n    command_line_env: [A_TOKEN={LITERAL}]\n"
        ),
        "agent: {backend: {model: gpt-5, cwd: w, enable_mcp_command_line: true, command_line_env: ['${WORDS}'], \
         command_line_blocked_commands: ['(${WORDS}'], command_line_memory_limit: '${WORDS}', permissions: {enabled: true, \
         rules: {deny: ['${WORDS}', 'x(${WORDS})']}}, custom_tools: [{function: '${WORDS}!'}], mcp_servers: {a: {url: '${WORDS}'}, \
         b: {command: '${WORDS}', security: {allowed_executables: [x]}}, c: {url: 'http://${WORDS}', security: {allowed_hostnames: [x]}}}}}\n"
            .to_owned(),
    ] {
        let shown = everything(&text);
        assert!(!shown.contains(VALUE), "{shown}");
        assert!(!shown.contains(LITERAL), "{shown}");
    }
}

#[test]
fn what_tools_are_given_shows_no_values() {
    let text = format!(
        "agent:\n  backend:\n    model: gpt-5\n    cwd: w\n    mcp_servers:\n      a:\n        command: [x, --token, {LITERAL}]\n        args: \
         ['--api-key', {LITERAL}, '--x=${{KEY}}', 'TOKEN={LITERAL}']\n        env: {{A: {LITERAL}, B: '${{KEY}}', C: 'x ${{KEY}}'}}\n      \
         b:\n        url: 'https://u:{LITERAL}@h/${{KEY}}'\n        headers: {{X: {LITERAL}, Y: 'Bearer ${{KEY}}'}}\n    custom_tools:\n      \
         - {{function: f, preset_args: {{api_key: {LITERAL}, x: '${{KEY}}'}}}}\n    enable_mcp_command_line: true\n    \
         command_line_allowed_commands: ['x${{KEY}}']\n    permissions: {{enabled: true, rules: {{allow: ['read_url(${{KEY}})']}}}}\n"
    );
    let config = load(&SourceText::new("team.yaml", text.as_str(), Format::Yaml), &environment()).config.unwrap();
    let backend = &config.agents[0].backend;
    assert_eq!(backend.permissions.as_ref().unwrap().rules.allow[0].glob, VALUE);
    assert_eq!(backend.tools.custom_tools[0].preset_args["x"], VALUE);
    let shown = everything(&text);
    assert!(!shown.contains(VALUE), "{shown}");
    assert_eq!(shown.matches(LITERAL).count(), 0, "{shown}");
}
