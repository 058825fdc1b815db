//! The tools and permissions of an agent, as options of its backend.

use serde_json::{Map, Value, json};

use super::{list, put_if, put_list, put_map, put_number, put_text, seconds};
use crate::words::word_for;
use crate::{
    AutomationDefault, CustomToolConfig, McpCommand, McpEndpoint, McpOAuth, McpProgram, McpSecurity, McpServerConfig,
    McpSharing, McpTransport, PermissionConfig, PermissionRole, PermissionRule, Secret, ToolsConfig,
};

/// Adds the options to those of the backend.
pub(super) fn put_tools(map: &mut Map<String, Value>, tools: &ToolsConfig) {
    if !tools.mcp_servers.is_empty() {
        map.insert("mcp_servers".to_owned(), tools.mcp_servers.iter().map(server).collect());
    }
    put_list(map, "direct_mcp_servers", &tools.direct_mcp_servers);
    if let Some(allowed) = &tools.allowed_tools {
        map.insert("allowed_tools".to_owned(), list(allowed));
    }
    put_list(map, "exclude_tools", &tools.exclude_tools);
    if !tools.custom_tools.is_empty() {
        map.insert("custom_tools".to_owned(), tools.custom_tools.iter().map(custom_tool).collect());
    }
    put_text(map, "custom_tools_path", tools.custom_tools_path.as_ref());
    put_if(map, "auto_discover_custom_tools", tools.auto_discover_custom_tools, true);
    put_list(map, "exclude_custom_tools", &tools.exclude_custom_tools);
    put_if(map, "enable_code_based_tools", tools.enable_code_based_tools, true);
    put_text(map, "shared_tools_directory", tools.shared_tools_directory.as_ref());
    put_if(map, "concurrent_tool_execution", tools.concurrent_tool_execution, true);
    put_number(map, "max_concurrent_tools", tools.max_concurrent_tools);
}

fn server(server: &McpServerConfig) -> Value {
    let mut map = Map::new();
    map.insert("name".to_owned(), json!(server.name));
    match &server.transport {
        McpTransport::Stdio(program) => put_program(&mut map, program),
        McpTransport::StreamableHttp(endpoint) => put_endpoint(&mut map, "streamable-http", endpoint),
        McpTransport::Sse(endpoint) => put_endpoint(&mut map, "sse", endpoint),
    }
    if server.timeout_seconds != McpServerConfig::TIMEOUT_SECONDS {
        map.insert("timeout".to_owned(), seconds(server.timeout_seconds));
    }
    if let Some(allowed) = &server.allowed_tools {
        map.insert("allowed_tools".to_owned(), list(allowed));
    }
    put_list(&mut map, "exclude_tools", &server.exclude_tools);
    if server.sharing != McpSharing::default() {
        map.insert("sharing".to_owned(), json!(word_for(McpSharing::NAMES, &server.sharing)));
    }
    put_map(&mut map, "security", security(&server.security));
    put_text(&mut map, "description", server.description.as_ref());
    map.extend(server.unbuilt.0.clone());
    Value::Object(map)
}

fn put_program(map: &mut Map<String, Value>, program: &McpProgram) {
    map.insert("type".to_owned(), json!("stdio"));
    match &program.command {
        McpCommand::Line(line) => put_text(map, "command", Some(line)),
        McpCommand::Words(words) => {
            map.insert("command".to_owned(), list(words));
        }
    }
    put_list(map, "args", &program.args);
    put_secrets(map, "env", &program.env);
    put_text(map, "cwd", program.cwd.as_ref());
}

fn put_endpoint(map: &mut Map<String, Value>, kind: &str, endpoint: &McpEndpoint) {
    map.insert("type".to_owned(), json!(kind));
    put_text(map, "url", Some(&endpoint.url));
    put_secrets(map, "headers", &endpoint.headers);
    if endpoint.read_timeout_seconds != McpEndpoint::READ_TIMEOUT_SECONDS {
        map.insert("http_read_timeout".to_owned(), seconds(endpoint.read_timeout_seconds));
    }
    if let Some(one) = &endpoint.oauth {
        map.insert("oauth".to_owned(), Value::Object(oauth(one)));
    }
}

fn oauth(oauth: &McpOAuth) -> Map<String, Value> {
    let mut map = Map::new();
    put_text(&mut map, "client_id", oauth.client_id.as_ref());
    if let Some(secret) = &oauth.client_secret {
        map.insert("client_secret".to_owned(), json!(secret.written()));
    }
    put_list(&mut map, "scopes", &oauth.scopes);
    if oauth.is_without_user {
        map.insert("grant".to_owned(), json!("client_credentials"));
    }
    if let Some(port) = oauth.redirect_port {
        map.insert("redirect_port".to_owned(), json!(port));
    }
    map
}

fn put_secrets(map: &mut Map<String, Value>, key: &str, secrets: &[(String, Secret)]) {
    put_map(map, key, secrets.iter().map(|(name, secret)| (name.clone(), json!(secret.written()))).collect());
}

fn security(security: &McpSecurity) -> Map<String, Value> {
    let mut map = Map::new();
    for (key, flag) in
        [("allow_localhost", security.allow_localhost), ("allow_private_ips", security.allow_private_ips)]
    {
        if let Some(flag) = flag {
            map.insert(key.to_owned(), json!(flag));
        }
    }
    for (key, names) in
        [("allowed_executables", &security.allowed_executables), ("allowed_hostnames", &security.allowed_hostnames)]
    {
        if let Some(names) = names {
            map.insert(key.to_owned(), list(names));
        }
    }
    map.extend(security.unbuilt.0.clone());
    map
}

fn custom_tool(tool: &CustomToolConfig) -> Value {
    let mut map = Map::new();
    put_text(&mut map, "name", Some(&tool.name));
    put_text(&mut map, "function", Some(&tool.function));
    put_text(&mut map, "description", tool.description.as_ref());
    put_text(&mut map, "path", tool.path.as_ref());
    put_text(&mut map, "category", tool.category.as_ref());
    put_map(&mut map, "preset_args", tool.preset_args.written.clone());
    map.extend(tool.unbuilt.0.clone());
    Value::Object(map)
}

/// The permissions of an agent.
pub(super) fn permissions(config: &PermissionConfig) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("enabled".to_owned(), json!(true));
    if config.role != PermissionRole::default() {
        map.insert("role".to_owned(), json!(word_for(PermissionRole::NAMES, &config.role)));
    }
    if config.automation_default != AutomationDefault::default() {
        let word = word_for(AutomationDefault::NAMES, &config.automation_default);
        map.insert("automation_default".to_owned(), json!(word));
    }
    let mut rules = Map::new();
    for (key, list) in [("deny", &config.rules.deny), ("ask", &config.rules.ask), ("allow", &config.rules.allow)] {
        if !list.is_empty() {
            rules.insert(key.to_owned(), list.iter().map(|rule: &PermissionRule| json!(rule.text.written())).collect());
        }
    }
    put_map(&mut map, "rules", rules);
    map
}
