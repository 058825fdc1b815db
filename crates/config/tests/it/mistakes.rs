//! Typical mistakes, and what their makers read.

use massgen_config::{Colour, Environment, Format, SourceText, load};

/// Makes a test of each mistake: a name, a file and its text.
macro_rules! mistakes {
    ($($name:ident: $file:literal, $text:expr;)*) => {$(
        #[test]
        fn $name() {
            let format = if $file.ends_with(".json") { Format::Json } else { Format::Yaml };
            let text: String = $text.into();
            let environment = Environment { cwd: "/project".into(), ..Environment::default() };
            let mut loaded = load(&SourceText::new($file, text.as_str(), format), &environment);
            loaded.check_context_paths(&environment, |path| path.ends_with("there"));
            let said = loaded.diagnostics.render(Colour::Plain);
            let verdict = if loaded.config.is_some() { "accepted" } else { "refused" };
            insta::with_settings!({ description => text.chars().take(1500).collect::<String>(), omit_expression => true }, {
                insta::assert_snapshot!(format!("{verdict}\n\n{said}"));
            });
        }
    )*};
}

mistakes! {
    wrong_indentation: "team.yaml", "agents:\n  - id: a\n    backend:\n      type: openai\n     model: gpt-5\n";
    agent_keys_not_indented: "team.yaml", "agents:\n- id: a\nbackend:\n  type: openai\n  model: gpt-5\n";
    misspelt_keys: "team.yaml", "agents:\n  - id: a\n    system_mesage: hi\n    backend:\n      type: openai\n      \
        modle: gpt-5\n      enable_web_serch: true\n      temprature: 0.5\n";
    misspelt_agents: "team.yaml", "agnets:\n  - backend: {model: gpt-5}\n";
    wrong_types: "team.yaml", "agents:\n  - id: 1\n    system_message: [a, b]\n    backend:\n      type: openai\n      \
        model: 5\n      enable_web_search: \"true\"\n      temperature: hot\norchestrator:\n  \
        max_new_answers_per_agent: \"5\"\n  fairness_enabled: maybe\ntimeout_settings:\n  \
        orchestrator_timeout_seconds: -5\n";
    missing_model: "team.yaml", "agents:\n  - id: a\n    backend:\n      type: chatcompletion\n      \
        base_url: https://api.cerebras.ai/v1\n  - id: b\n    backend:\n      type: zai\n";
    missing_backend: "team.yaml", "agents:\n  - id: a\n    model: gpt-5\n    type: openai\n  - id: b\n";
    unknown_backends: "team.yaml", "agents:\n  - backend: {type: gemni, model: gemini-2.5-flash}\n  - backend: \
        {type: anthropic, model: claude-sonnet-4-5}\n  - backend: {type: frobnicator, model: x}\n  - backend: \
        {model: my-own-model}\n  - backend: {}\n";
    capability_mismatch: "team.yaml", "agents:\n  - id: a\n    backend:\n      type: cerebras\n      model: gpt-oss-120b\n      \
        enable_web_search: true\n      enable_code_interpreter: true\n  - id: b\n    backend:\n      type: \
        chatcompletion\n      base_url: https://openrouter.ai/api/v1\n      model: x\n      enable_web_search: true\n";
    duplicate_ids: "team.yaml", "agents:\n  - id: a\n    backend: {model: gpt-5}\n  - id: b/c\n    backend: {model: \
        gpt-5}\n  - id: a\n    backend: {model: gpt-5}\n  - id: ''\n    backend: {model: gpt-5}\n";
    ids_of_other_places: "team.yaml", "agents:\n  - id: agent2\n    backend: {model: gpt-5}\n  - id: agent1\n    backend: \
        {model: gpt-5}\n  - id: agent3\n    backend: {model: gpt-5}\n";
    missing_context_path: "team.yaml", "agent:\n  backend: {model: gpt-5}\norchestrator:\n  context_paths:\n    - \
        path: docs\n      permission: red\n    - there\n    - permission: read\n";
    unset_variables: "team.yaml", "agents:\n  - id: a\n    system_message: |\n      Use ${name} in templates and never \
        tell ${MY_API_KEY}.\n    backend:\n      type: openai\n      model: ${MODEL:-gpt-5}\n      api_key: ${WORK_KEY}\n      \
        extra_headers:\n        X-Team: ${TEAM}\n";
    both_forms: "team.yaml", "agent:\n  backend: {model: gpt-5}\nagents:\n  - backend: {model: gpt-5}\n";
    version_1: "team.yaml", "models:\n  - gpt-4o\n  - grok-3\nnum_agents: 2\nmax_rounds: 3\nconsensus_threshold: 0.5\nvoting_enabled: true\n";
    tabs: "team.yaml", "agents:\n\t- id: a\n\t  backend:\n\t    model: gpt-5\n";
    duplicate_keys: "team.yaml", "agents:\n  - id: a\n    backend:\n      type: openai\n      model: gpt-5\n      model: \
        gpt-5-nano\nui:\n  display_type: simple\nui:\n  display_type: silent\n";
    alias_bomb: "team.yaml", alias_bomb_text();
    alias_of_itself: "team.yaml", "agents: &a\n  - *a\n";
    too_deep: "team.yaml", format!("agents: {}{}\n", "[".repeat(300), "]".repeat(300));
    misplaced_keys: "team.yaml", "voting_sensitivity: strict\nsystem_message: hi\nagents:\n  - id: a\n    temperature: 0.5\n    \
        backend:\n      model: gpt-5\n      system_message: hi\n      system_prompt: hi\n      max_new_answers_per_agent: 2\n\
        orchestrator:\n  orchestrator_timeout_seconds: 5\n  enable_subagents: true\n  coordination:\n    fairness_enabled: true\n";
    unknown_keys: "team.yaml", "agent:\n  backend: {model: gpt-5}\norchestrator:\n  voting_sensitivty: strict\n  \
        frobnicate: 3\nui:\n  colour: red\nauthor: me\n";
    bad_choices: "team.yaml", "agent:\n  backend: {model: gpt-5}\norchestrator:\n  voting_sensitivity: balenced\n  \
        answer_novelty_requirement: extreme\n  final_answer_strategy: Synthesize\nui:\n  display_type: gui\n";
    choices_that_are_not_built: "team.yaml", "agent:\n  backend: {model: gpt-5}\norchestrator:\n  voting_sensitivity: \
        checklist_gated\n  skip_voting: true\n  coordination:\n    enable_subagents: true\n    enable_planning_mode: false\n";
    list_for_a_map: "team.yaml", "agents:\n  - id: a\n    backend:\n      - type: openai\n      - model: gpt-5\norchestrator: fast\n";
    map_for_a_list: "team.yaml", "agents:\n  a:\n    backend: {model: gpt-5}\n  b:\n    backend: {model: gpt-5}\n";
    empty_file: "team.yaml", "";
    only_comments: "team.yaml", "# my team\n\n";
    not_a_map: "team.yaml", "- id: a\n  backend: {model: gpt-5}\n";
    prose: "team.yaml", "three agents with gpt-5 please\n";
    no_agents: "team.yaml", "orchestrator:\n  voting_sensitivity: strict\n";
    empty_team: "team.yaml", "agents: []\n";
    json_with_a_trailing_comma: "team.json", "{\n  \"agents\": [\n    {\"backend\": {\"model\": \"gpt-5\"}},\n  ]\n}\n";
    json_with_a_comment: "team.json", "{\n  // my team\n  \"agents\": []\n}\n";
    json_with_a_wrong_type: "team.json", "{\n\t\"agents\": [\n\t\t{\"id\": 7, \"backend\": {\"model\": \"gpt-5\"}}\n\t]\n}\n";
    old_yaml: "team.yaml", "agent:\n  backend:\n    type: openai\n    model: gpt-5\n    enable_web_search: yes\n    \
        max_tokens: 0777\n    seed: 1_000\n    stop: 12:30:45\nui:\n  logging_enabled: off\n";
    unquoted_text: "team.yaml", "agent:\n  system_message: Remember: be brief\n  backend: {model: gpt-5}\n";
    unclosed_quote: "team.yaml", "agent:\n  system_message: \"be brief\n  backend: {model: gpt-5}\n";
    unquoted_sign: "team.yaml", "agent:\n  system_message: @you are brief\n  backend: {model: gpt-5}\n";
    star_text: "team.yaml", "agent:\n  system_message: *important* be brief\n  backend: {model: gpt-5}\n";
    a_tag: "team.yaml", "agent:\n  backend:\n    model: gpt-5\n    api_key: !env OPENAI_API_KEY\n";
    two_documents: "team.yaml", "agent:\n  backend: {model: gpt-5}\n---\nagent:\n  backend: {model: gpt-5}\n";
    contradictions: "team.yaml", "agent:\n  backend: {model: gpt-5}\norchestrator:\n  skip_final_presentation: true\n  \
        final_answer_strategy: synthesize\n  fairness_enabled: false\n  fairness_lead_cap_answers: 3\n  timeout:\n    \
        orchestrator_timeout_seconds: 60\ntimeout_settings:\n  orchestrator_timeout_seconds: 120\n";
    rate_limits: "limits.yaml", "gemini:\n  gemini-2.5-pro: {rpm: 2, tpm: 3}\n  default: {rpm: 7}\n";
    command_modes: "team.yaml", work("    enable_mcp_command_line: true\n    command_line_execution_mode: sandboxed\n");
    command_patterns: "team.yaml", work("    enable_mcp_command_line: true\n    command_line_allowed_commands:\n      - \
        python.*\n      - 'git (push'\n    command_line_blocked_commands: ['(?!ls).*', '*']\n");
    commands_without_a_workspace: "team.yaml", "agent:\n  backend: {model: gpt-5, enable_mcp_command_line: true}\n";
    command_options_without_commands: "team.yaml", work("    command_line_blocked_commands: [rm]\n    command_line_network: on\n");
    limits_of_local_commands: "team.yaml", work("    enable_mcp_command_line: true\n    command_line_execution_mode: local\n    \
        command_line_network: off\n    command_line_memory_limit: 2g\n    command_line_docker_image: mine\n    \
        command_line_docker_network_mode: none\n");
    limits_of_a_container: "team.yaml", work("    enable_mcp_command_line: true\n    command_line_execution_mode: docker\n    \
        command_line_network: off\n    command_line_memory_limit: 2g\n    command_line_docker_memory_limit: lots\n    \
        command_line_docker_network_mode: lan\n    command_line_disk_limit: 1g\n");
    container_credentials: "team.yaml", work("    enable_mcp_command_line: true\n    command_line_execution_mode: docker\n    \
        command_line_docker_credentials:\n      mount: [ssh_key]\n      env_vars: [TOKEN=secret-value, 'a b']\n      \
        env_vars_from_file: [A]\n      additional_mounts: {/data: {mode: rw}}\n");
    old_sandbox: "team.yaml", work("    enable_mcp_command_line: true\n    command_line_execution_mode: srt\n    \
        command_line_srt_read_mode: open\n    command_line_srt_network_allowed_domains: [example.org]\n");
    permission_rules: "team.yaml", work("    permissions:\n      enabled: true\n      role: admin\n      rules:\n        deny:\n          \
        - comand(rm *)\n          - read_url\n          - frobnicate(x)\n          - write_file()\n          - git push\n        block: [x]\n");
    permissions_not_enabled: "team.yaml", work("    permissions:\n      role: read-only\n");
    server_without_anything: "team.yaml", work("    mcp_servers:\n      - name: a\n        args: [x]\n      - name: b\n        \
        type: sse\n        command: x\n      - name: c\n        command: x\n        url: http://h\n      - command: x\n      - \
        name: d\n        type: stdio\n        url: http://h\n      - just text\n");
    server_names: "team.yaml", work("    mcp_servers:\n      - {name: a b, command: x}\n      - {name: a, command: x}\n      - {name: \
        a, command: y}\n      - {name: 5, command: y}\n    mcpServers:\n      a: {name: b, command: x}\n");
    server_details: "team.yaml", work("    mcp_servers:\n      a: {command: \"x 'y\", args: [[1]]}\n      b: {url: localhost:80/mcp, env: {A: b}, \
        headers: {'X Y': a}}\n      c: {command: x, args: ['${cwd}', {a: b}], sharing: run, headers: {A: b}}\n      d: {command: \
        bin/x, security: {allowed_executables: [y]}}\n      g: {command: x, env: {A: '${NOT_SET}'}, security: \
        {allowed_executables: [y]}}\n      e: {url: 'http://127.0.0.1:1/', security: \
        {allow_localhost: false}}\n      f: {type: websocket, url: 'http://h'}\n");
    custom_tool_lists: "team.yaml", work("    custom_tools:\n      - {name: [a, b, c], function: [f, g], description: [one]}\n      - {name: \
        both, function: [f, g]}\n      - {name: a/b, function: f}\n      - {name: same, function: f}\n      - {func: same}\n      - \
        {path: x.py}\n      - {function: 5}\n");
    tools_without_effect: "team.yaml", work("    allowed_tools: [a]\n    exclude_tools: [b]\n    shared_tools_directory: s\n    \
        max_concurrent_tools: 3\n    enable_code_based_tools: true\n    direct_mcp_servers: [git]\n    mcp_servers: {hub: {command: x}}\n");
    workspace_of_a_framework: "team.yaml", "agent:\n  backend: {type: ag2, cwd: w, agent_config: {llm_config: {model: gpt-5}}}\n";
    protected_outside: "team.yaml", "agent:\n  backend: {model: gpt-5, context_paths: [{path: there, protected_paths: [/etc/x]}]}\n\
        orchestrator:\n  context_paths:\n    - path: there\n      permission: write\n      protected_paths:\n        - inside\n        \
        - ../outside\n        - /project/there/inside\n    - {permission: read}\n";
    verification_by_nobody: "team.yaml", "agents:\n  - backend: {model: gpt-5, cwd: w, enable_mcp_command_line: true}\n  - backend: \
        {model: gpt-5}\norchestrator:\n  verification: required\n  apply: sometimes\n  coordination:\n    write_mode: legacy\n    \
        planning_mode_instruction: plan\n";
    not_finite: "team.yaml", "agent:\n  backend: {model: gpt-5, temperature: .inf}\n";
}

/// An agent that works, with more options of its backend.
fn work(options: &str) -> String {
    format!("agent:\n  id: a\n  backend:\n    model: gpt-5\n    cwd: w\n{options}")
}

fn alias_bomb_text() -> String {
    let mut text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}", level - 1);
        text += &format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", "));
    }
    text
}
