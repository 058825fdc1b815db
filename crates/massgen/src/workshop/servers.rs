//! The MCP servers of a config.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use massgen_config::{
    McpEndpoint, McpOAuth, McpServerConfig, McpSharing, McpTransport, Secret, Text as ConfigText, ToolsConfig,
};
use massgen_mcp::{
    AgentPlace, HttpSettings, OAuthGrant, OAuthSettings, Security, SecurityLevel, ServerSettings, ServerSource,
    Servers, Sharing, StdioSettings, Text, Transport,
};

/// The sources of an agent's servers, in the order of the config. Servers whose variables are not set are left out: the
/// user was warned of them when the config was read.
pub(crate) fn sources(
    hub: &Servers,
    tools: &ToolsConfig,
    workspace: &Path,
    place: &AgentPlace,
) -> Vec<(String, Arc<ServerSource>)> {
    let complete = tools.mcp_servers.iter().filter(|server| server.missing_variables.is_empty());
    let source = |server: &McpServerConfig| {
        let settings = settings(&server.in_workspace(workspace), tools, server.depends_on_the_workspace());
        (server.name.clone(), hub.source(&settings, place))
    };
    complete.map(source).collect()
}

fn settings(server: &McpServerConfig, tools: &ToolsConfig, is_private: bool) -> ServerSettings {
    let prefix = format!("mcp__{}__", server.name);
    let names = |list: &[ConfigText]| -> BTreeSet<String> {
        list.iter().map(|name| name.strip_prefix(&prefix).unwrap_or(name).to_owned()).collect()
    };
    let mut settings = ServerSettings::new(&server.name, transport(&server.transport));
    settings.call_timeout = seconds(server.timeout_seconds);
    settings.start_timeout = seconds(server.timeout_seconds);
    settings.allowed_tools = server.allowed_tools.as_deref().or(tools.allowed_tools.as_deref()).map(names);
    settings.exclude_tools = names(&tools.exclude_tools);
    settings.exclude_tools.extend(names(&server.exclude_tools));
    settings.security = security(server);
    settings.sharing = match server.sharing {
        McpSharing::Run if !is_private => Sharing::PerRun,
        McpSharing::Run | McpSharing::Agent => Sharing::PerAgent,
    };
    settings
}

fn transport(transport: &McpTransport) -> Transport {
    match transport {
        McpTransport::Stdio(program) => {
            let mut words = program.words().into_iter().map(Text::from);
            Transport::Stdio(StdioSettings {
                command: words.next().into_iter().collect(),
                args: words.collect(),
                environment: secrets(&program.env),
                cwd: program.cwd.as_ref().map(|cwd| cwd.as_str().into()),
            })
        }
        McpTransport::StreamableHttp(endpoint) => Transport::StreamableHttp(http(endpoint)),
        McpTransport::Sse(endpoint) => Transport::Sse(http(endpoint)),
    }
}

fn http(endpoint: &McpEndpoint) -> HttpSettings {
    HttpSettings {
        url: endpoint.url.as_str().into(),
        headers: secrets(&endpoint.headers),
        read_timeout: seconds(endpoint.read_timeout_seconds),
        // A header that brings a token is the user's own way.
        oauth: (!endpoint.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")))
            .then(|| endpoint.oauth.as_ref().map(oauth).unwrap_or_default()),
    }
}

fn oauth(oauth: &McpOAuth) -> OAuthSettings {
    OAuthSettings {
        client_id: oauth.client_id.as_ref().map(|id| id.as_str().into()),
        client_secret: oauth.client_secret.as_ref().map(|secret| Text::substituted(secret.expose())),
        scopes: oauth.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        grant: if oauth.is_without_user { OAuthGrant::ClientCredentials } else { OAuthGrant::AuthorizationCode },
        redirect_port: oauth.redirect_port.and_then(|port| u16::try_from(port).ok()),
        ..OAuthSettings::default()
    }
}

/// Values that may hold keys: they do not print.
fn secrets(values: &[(String, Secret)]) -> BTreeMap<String, Text> {
    values.iter().map(|(name, value)| (name.clone(), Text::substituted(value.expose()))).collect()
}

/// Programs and addresses that the config itself names are the user's own choice: only what the config forbids is
/// forbidden.
fn security(server: &McpServerConfig) -> Security {
    let given = &server.security;
    let set = |list: &Option<Vec<ConfigText>>| {
        list.as_ref().map(|list| list.iter().map(|name| name.as_str().to_owned()).collect())
    };
    let program = match &server.transport {
        McpTransport::Stdio(program) => program.words().into_iter().next(),
        McpTransport::StreamableHttp(_) | McpTransport::Sse(_) => None,
    };
    let named =
        program.map(|program| BTreeSet::from([program.rsplit('/').next().unwrap_or(&program).to_owned(), program]));
    Security {
        allow_localhost: given.allow_localhost.unwrap_or(true),
        allow_private_ips: given.allow_private_ips.unwrap_or(true),
        allowed_executables: set(&given.allowed_executables).or(named),
        allowed_hostnames: set(&given.allowed_hostnames),
        level: SecurityLevel::Permissive,
        resolve_dns: false,
    }
}

fn seconds(seconds: f64) -> Duration {
    // What is too large for the clock is no limit that anybody would notice.
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(u64::from(u32::MAX)))
}
