//! MCP servers, custom tools and permissions in the typed config.

use massgen_config::{
    AutomationDefault, BackendConfig, Environment, Format, McpServerConfig, McpSharing, McpTransport, PermissionAction,
    PermissionRole, SourceText, load,
};

fn backend(options: &str) -> BackendConfig {
    let text = format!("agent:\n  backend:\n    model: gpt-5\n    cwd: w\n{options}");
    let vars = [("TOKEN", "value of token")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = Environment { vars: vars.into(), ..Environment::default() };
    let loaded = load(&SourceText::new("team.yaml", text.as_str(), Format::Yaml), &environment);
    let config =
        loaded.config.unwrap_or_else(|| panic!("{}", loaded.diagnostics.render(massgen_config::Colour::Plain)));
    config.agents.into_iter().next().unwrap().backend
}

fn words(server: &McpServerConfig) -> Vec<String> {
    match &server.transport {
        McpTransport::Stdio(program) => program.words(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn servers_are_given_as_a_list_or_a_map() {
    let list = backend(
        "    mcp_servers:\n      - name: git\n        command: [uvx, mcp-server-git]\n        args: [--port, 80, -v]\n      \
         - {name: web, url: 'https://h/mcp', headers: {Authorization: 'Bearer ${TOKEN}'}}\n      - {name: old, type: sse, \
         url: 'http://h/sse', sharing: run}\n",
    );
    let [git, web, old] = list.tools.mcp_servers.as_slice() else { panic!("{:?}", list.tools.mcp_servers) };
    assert_eq!(words(git), ["uvx", "mcp-server-git", "--port", "80", "-v"]);
    assert_eq!((git.timeout_seconds, git.sharing), (30.0, McpSharing::Agent));
    let McpTransport::StreamableHttp(endpoint) = &web.transport else { panic!("{:?}", web.transport) };
    assert_eq!(endpoint.headers[0].1.expose(), "Bearer value of token");
    assert_eq!(endpoint.headers[0].1.reference(), Some("Bearer ${TOKEN}"));
    assert!(matches!(old.transport, McpTransport::Sse(_)));
    assert_eq!(old.sharing, McpSharing::Run);

    let map = backend(
        "    mcpServers:\n      files: {command: 'npx -y \"a b\"', args: ['${cwd}'], env: {TOKEN: '${TOKEN}', N: 5, NONE: null}}\n      \
         other: {type: http, url: 'http://h'}\n",
    );
    let [files, other] = map.tools.mcp_servers.as_slice() else { panic!("{:?}", map.tools.mcp_servers) };
    assert_eq!((files.name.as_str(), other.name.as_str()), ("files", "other"));
    assert_eq!(words(&files.in_workspace("/w".as_ref())), ["npx", "-y", "a b", "/w"]);
    let McpTransport::Stdio(program) = &files.transport else { panic!("{:?}", files.transport) };
    let env: Vec<(&str, &str)> = program.env.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(env, [("TOKEN", "value of token"), ("N", "5")]);
}

#[test]
fn a_server_whose_variables_are_not_set_says_which() {
    let backend = backend(
        "    mcp_servers:\n      a: {command: x, args: ['${TWO}', '${TOKEN}', '${cwd}'], env: {K: '${ONE}', L: '${TWO}'}}\n      \
         b: {command: x, args: ['${THREE:-3}', '$${FOUR}']}\n      c: {url: '${WHERE}'}\n",
    );
    let missing: Vec<Vec<&str>> = backend
        .tools
        .mcp_servers
        .iter()
        .map(|server| server.missing_variables.iter().map(String::as_str).collect())
        .collect();
    assert_eq!(missing, [vec!["ONE", "TWO"], vec![], vec!["WHERE"]]);
    assert_eq!(words(&backend.tools.mcp_servers[1]), ["x", "3", "${FOUR}"]);
}

#[test]
fn custom_tools_come_one_by_one() {
    let backend = backend(
        "    custom_tools:\n      - {name: [add, sub], function: [two_num_add, two_num_sub], description: [sum, difference], \
         path: t.py, category: math, preset_args: [{a: 1}, {}]}\n      - {function: look, description: looks, \
         default_params: {dir: '${cwd}/d', key: '${TOKEN}'}}\n      - {name: one, func: two}\n",
    );
    let tools = &backend.tools.custom_tools;
    let shown: Vec<(&str, &str, Option<&str>)> =
        tools.iter().map(|tool| (tool.name.as_str(), tool.function.as_str(), tool.description.as_deref())).collect();
    let expected = [
        ("add", "two_num_add", Some("sum")),
        ("sub", "two_num_sub", Some("difference")),
        ("look", "look", Some("looks")),
        ("one", "two", None),
    ];
    assert_eq!(shown, expected);
    assert_eq!(tools[0].preset_args["a"], 1);
    assert!(tools[1].preset_args.is_empty());
    assert_eq!(tools[1].path.as_deref(), Some("t.py"));
    let args = tools[2].preset_args_in("/w".as_ref());
    assert_eq!((args["dir"].as_str(), args["key"].as_str()), (Some("/w/d"), Some("value of token")));
}

#[test]
fn a_program_has_its_own_lists_of_tools() {
    let text = "agent:\n  backend: {type: claude_code, model: m, cwd: w, allowed_tools: [Read], exclude_tools: [Bash], \
                mcp_servers: {a: {command: x}}}\n";
    let config = crate::load_yaml(text).config.unwrap();
    let backend = &config.agents[0].backend;
    assert_eq!((&backend.tools.allowed_tools, backend.tools.exclude_tools.len()), (&None, 0));
    assert_eq!(backend.unbuilt.keys().collect::<Vec<_>>(), ["allowed_tools", "exclude_tools"]);
    assert!(backend.tools.takes(&backend.tools.mcp_servers[0], "Write"));
}

#[test]
fn permissions_count_when_they_are_enabled() {
    let rules = "role: read-only, automation_default: Risk-Based, rules: {deny: ['command(git push --force*)', '*(x)'], \
                 ask: ['read_url(*)'], allow: ['mcp(git(1))']}";
    let backend_with = |enabled: &str| backend(&format!("    permissions: {{enabled: {enabled}, {rules}}}\n"));
    assert_eq!(backend_with("false").permissions, None);
    let permissions = backend_with("true").permissions.unwrap();
    assert_eq!(permissions.role, PermissionRole::ReadOnly);
    assert_eq!(permissions.automation_default, AutomationDefault::RiskBased);
    let parts = |rule: &massgen_config::PermissionRule| (rule.action, rule.glob.clone());
    let deny: Vec<_> = permissions.rules.deny.iter().map(parts).collect();
    let expected = [(PermissionAction::Command, "git push --force*"), (PermissionAction::Any, "x")];
    assert_eq!(deny, expected.map(|(action, glob)| (action, glob.to_owned())));
    assert_eq!(permissions.rules.allow[0].glob, "git(1)");
    assert_eq!(permissions.rules.ask[0].to_string(), "read_url(*)");
    assert_eq!(backend("").permissions, None);
}
