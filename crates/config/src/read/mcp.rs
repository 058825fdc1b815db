//! MCP servers: a list of maps with names, or a map from names.

use std::collections::BTreeMap;

use super::options::Options;
use super::{as_text, unbuilt};
use crate::check::Explained;
use crate::fields::{MCP_SECURITY, MCP_SERVER};
use crate::keys::{host_of, is_on_this_machine};
use crate::node::{Node, NodeValue, path_of_item, path_of_key};
use crate::team::split_words;
use crate::words::{MCP_TRANSPORT, Transport};
use crate::{
    Diagnostic, Diagnostics, McpCommand, McpEndpoint, McpOAuth, McpProgram, McpSecurity, McpServerConfig, McpSharing,
    McpTransport, Secret, Span, Text, Written,
};

/// The two names of the option.
const KEYS: [&str; 2] = ["mcp_servers", "mcpServers"];

/// The longest name of a server: providers take names of tools of up to 64 characters.
const NAME_CHARS_MAX: usize = 40;

/// One server before it is read.
struct Given<'a> {
    name: String,
    path: String,
    span: Span,
    name_span: Span,
    node: &'a Node,
}

pub(super) fn servers(options: Options<'_>, explained: &Explained, found: &mut Diagnostics) -> Vec<McpServerConfig> {
    let mut given = Vec::new();
    for key in KEYS {
        collect(options, key, &mut given, found);
    }
    let mut taken: BTreeMap<String, u32> = BTreeMap::new();
    let servers = given.into_iter().filter_map(|one| {
        check_name(&one, &mut taken, found);
        let options = Options { node: one.node, path: &one.path, span: one.span };
        server(one.name, options, explained, found)
    });
    servers.collect()
}

fn collect<'a>(options: Options<'a>, key: &str, given: &mut Vec<Given<'a>>, found: &mut Diagnostics) {
    let Some(node) = options.node.get(key) else { return };
    let place = path_of_key(options.path, key);
    for (index, item) in node.items().unwrap_or_default().iter().enumerate().filter(|(_, item)| is_map(item)) {
        let path = path_of_item(&place, index);
        match item.entry("name").and_then(|entry| Some((entry.node.text()?, entry.node.span))) {
            Some((name, name_span)) => {
                given.push(Given { name: name.to_owned(), path, span: item.span, name_span, node: item });
            }
            None if item.get("name").is_some() => {}
            None => {
                let hint = "its tools are named after it: give it a `name`";
                let place = path_of_key(&path, "name");
                found.push(Diagnostic::error(place, Some(item.span), "a server without a `name`").hint(hint));
            }
        }
    }
    for entry in node.entries().unwrap_or_default().iter().filter(|entry| is_map(&entry.node)) {
        let path = path_of_key(&place, &entry.key);
        let inner = entry.node.entry("name").filter(|name| name.node.text().is_some_and(|name| name != entry.key));
        if let Some(inner) = inner {
            let message = format!("no effect: the server is named `{}` by its key", entry.key);
            let warning = Diagnostic::warning(path_of_key(&path, "name"), Some(inner.span), message);
            found.push(warning.hint("remove the `name`"));
        }
        let (span, node) = (entry.span, &entry.node);
        given.push(Given { name: entry.key.clone(), path, span, name_span: span, node });
    }
}

fn is_map(node: &Node) -> bool {
    node.entries().is_some()
}

fn check_name(given: &Given<'_>, taken: &mut BTreeMap<String, u32>, found: &mut Diagnostics) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name = &given.name;
    let wrong = if name.is_empty() || !name.chars().all(is_plain) || name.len() > NAME_CHARS_MAX {
        let hint = format!("use up to {NAME_CHARS_MAX} letters, digits, `_` and `-`");
        Some((format!("the name `{name}` cannot be part of the name of a tool"), hint))
    } else if let Some(line) = taken.insert(name.clone(), given.name_span.line) {
        let hint = format!("by the server of line {line}: give this one another");
        Some((format!("the name `{name}` is taken"), hint))
    } else {
        None
    };
    if let Some((message, hint)) = wrong {
        found.push(Diagnostic::error(given.path.as_str(), Some(given.name_span), message).hint(hint));
    }
}

fn server(
    name: String,
    options: Options<'_>,
    explained: &Explained,
    found: &mut Diagnostics,
) -> Option<McpServerConfig> {
    let mut unbuilt = unbuilt(options.node, &MCP_SERVER, &[]);
    let security = options.map("security", security).unwrap_or_default();
    let transport = transport(&name, options, &mut unbuilt, found)?;
    let missing_variables = explained.missing_variables(options.path);
    // A server that is not started breaks no rule, and what is not known cannot be judged.
    if missing_variables.is_empty() {
        check_security(&security, &transport, options, found);
    }
    let server = McpServerConfig {
        name,
        transport,
        timeout_seconds: options.seconds("timeout").unwrap_or(McpServerConfig::TIMEOUT_SECONDS),
        allowed_tools: options.texts("allowed_tools"),
        exclude_tools: options.texts("exclude_tools").unwrap_or_default(),
        sharing: options.choice("sharing", McpSharing::NAMES).unwrap_or_default(),
        security,
        description: options.text("description"),
        missing_variables,
        unbuilt,
    };
    if server.sharing == McpSharing::Run && server.depends_on_the_workspace() {
        let message = "a server that is told of `${cwd}` cannot be shared: each agent has a workspace of its own";
        found.push(options.error("sharing", message).hint("write `sharing: agent`, or leave it out"));
    }
    Some(server)
}

fn transport(name: &str, options: Options<'_>, kept: &mut Written, found: &mut Diagnostics) -> Option<McpTransport> {
    let is_program = options.has("command");
    let is_endpoint = options.has("url");
    let given = options.choice("type", MCP_TRANSPORT);
    let hint = "give the `command` of a program, or the `url` of a server that runs already";
    let key = match (is_program, is_endpoint, given) {
        (true, true, _) => {
            let message = format!("the server `{name}` has both a `command` and a `url`");
            found.push(options.error("url", message).hint("remove one of the two"));
            return None;
        }
        (false, false, None) => {
            let message = format!("the server `{name}` has neither a `command` nor a `url`");
            found.push(options.error("command", message).hint(hint));
            return None;
        }
        (false, _, Some(Transport::Stdio)) => "command",
        (_, false, Some(Transport::Http | Transport::Sse)) => "url",
        (true, ..) => {
            keep(options, &["headers", "http_read_timeout", "oauth"], "the server is a program", kept, found);
            return Some(McpTransport::Stdio(program(options, found)?));
        }
        (false, true, other) => {
            keep(options, &["args", "env", "cwd"], "the server is not started by massgen", kept, found);
            let endpoint = endpoint(options, found)?;
            let is_old = matches!(other, Some(Transport::Sse));
            return Some(if is_old { McpTransport::Sse(endpoint) } else { McpTransport::StreamableHttp(endpoint) });
        }
    };
    let type_ = options.node.get("type").and_then(Node::text).unwrap_or_default();
    let message = format!("the server `{name}` is of the type `{type_}` and has no `{key}`");
    found.push(options.error("type", message).hint(hint));
    None
}

/// Options that the transport does not have.
fn keep(options: Options<'_>, keys: &[&str], why: &str, kept: &mut Written, found: &mut Diagnostics) {
    for key in keys {
        let Some(node) = options.node.get(key) else { continue };
        found.push(options.warning(key, format!("no effect: {why}")).hint("remove it"));
        kept.0.insert((*key).to_owned(), node.to_written());
    }
}

fn program(options: Options<'_>, found: &mut Diagnostics) -> Option<McpProgram> {
    let command = match (options.text("command"), options.texts("command")) {
        (Some(line), _) => McpCommand::Line(line),
        (None, Some(words)) => McpCommand::Words(words),
        (None, None) => return None,
    };
    let wrong = match &command {
        McpCommand::Line(line) if line.trim().is_empty() => Some("an empty command"),
        McpCommand::Line(line) if split_words(line).is_none() => Some("a command with a quote that does not end"),
        McpCommand::Words(words) if words.first().is_none_or(|program| program.trim().is_empty()) => {
            Some("a command without a program")
        }
        McpCommand::Line(_) | McpCommand::Words(_) => None,
    };
    if let Some(wrong) = wrong {
        found.push(options.error("command", wrong).hint("give the program, and its arguments as `args`"));
        return None;
    }
    let mut args = Vec::new();
    for (place, item) in options.items("args") {
        match scalar(item) {
            Some(arg) => args.push(arg),
            None => {
                let message = format!("expected text or a number, found {}", item.found());
                found.push(Diagnostic::error(place, Some(item.span), message));
            }
        }
    }
    let env = secrets(options, "env", |name| !name.is_empty() && !name.contains(['=', '\0']), found);
    Some(McpProgram { command, args, env, cwd: options.text("cwd") })
}

fn endpoint(options: Options<'_>, found: &mut Diagnostics) -> Option<McpEndpoint> {
    let url = options.text("url")?;
    let is_url = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) && !host_of(&url).is_empty();
    // A variable that is not set has been reported.
    if !is_url && !url.starts_with("${") {
        let message = format!("no address of a server: `{}`", url.written());
        found.push(options.error("url", message).hint("it begins with `http://` or `https://`"));
    }
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let headers = secrets(options, "headers", |name| !name.is_empty() && name.chars().all(is_token), found);
    let read_timeout_seconds = options.seconds("http_read_timeout").unwrap_or(McpEndpoint::READ_TIMEOUT_SECONDS);
    let oauth = options.map("oauth", oauth);
    if oauth
        .as_ref()
        .is_some_and(|oauth| oauth.is_without_user && (oauth.client_id.is_none() || oauth.client_secret.is_none()))
    {
        let message = "`grant: client_credentials` needs a `client_id` and a `client_secret`";
        found.push(options.error("oauth", message));
    }
    Some(McpEndpoint { url, headers, read_timeout_seconds, oauth })
}

fn oauth(options: Options<'_>) -> McpOAuth {
    McpOAuth {
        client_id: options.text("client_id"),
        client_secret: options.text("client_secret").as_ref().map(secret),
        scopes: options.texts("scopes").unwrap_or_default(),
        is_without_user: options.choice("grant", McpOAuth::GRANTS).unwrap_or_default(),
        redirect_port: options.count("redirect_port"),
    }
}

/// The entries of `env` or `headers`, whose values may be secrets.
fn secrets(
    options: Options<'_>,
    key: &str,
    is_name: impl Fn(&str) -> bool,
    found: &mut Diagnostics,
) -> Vec<(String, Secret)> {
    let entries = options.node.get(key).and_then(Node::entries).unwrap_or_default().iter();
    let mut secrets = Vec::new();
    for entry in entries.filter(|entry| entry.node.value != NodeValue::Null) {
        let place = path_of_key(&path_of_key(options.path, key), &entry.key);
        let value = scalar(&entry.node);
        let message = match &value {
            None => format!("expected text or a number, found {}", entry.node.found()),
            Some(_) if !is_name(&entry.key) => format!("`{}` cannot be a name here", entry.key),
            Some(value) if value.contains(['\n', '\r', '\0']) && key == "headers" => {
                "a header of more than one line".to_owned()
            }
            Some(value) => {
                secrets.push((entry.key.clone(), secret(value)));
                continue;
            }
        };
        found.push(Diagnostic::error(place, Some(entry.span), message));
    }
    secrets
}

fn secret(text: &Text) -> Secret {
    if text.written() == text.as_str() {
        Secret::new(text.as_str())
    } else {
        Secret::of_reference(text.as_str(), text.written())
    }
}

/// A text, or a number or boolean as one.
fn scalar(node: &Node) -> Option<Text> {
    match &node.value {
        NodeValue::Text(_) => as_text(node),
        NodeValue::Number(number) => Some(Text::new(number.to_string())),
        NodeValue::Bool(value) => Some(Text::new(value.to_string())),
        NodeValue::Null | NodeValue::List(_) | NodeValue::Map(_) => None,
    }
}

fn security(options: Options<'_>) -> McpSecurity {
    McpSecurity {
        allow_localhost: options.flag("allow_localhost"),
        allow_private_ips: options.flag("allow_private_ips"),
        allowed_executables: options.texts("allowed_executables"),
        allowed_hostnames: options.texts("allowed_hostnames"),
        unbuilt: unbuilt(options.node, &MCP_SECURITY, &[]),
    }
}

/// What the config itself says is judged here; where a server leads on to, whoever speaks to it must judge.
fn check_security(security: &McpSecurity, transport: &McpTransport, options: Options<'_>, found: &mut Diagnostics) {
    match transport {
        McpTransport::Stdio(program) => {
            let words = program.words();
            let first = words.first().map(String::as_str).unwrap_or_default();
            let name = first.rsplit('/').next().unwrap_or(first);
            let is_allowed = |list: &Vec<Text>| list.iter().any(|one| one.as_str() == first || one.as_str() == name);
            if security.allowed_executables.as_ref().is_some_and(|list| !is_allowed(list)) {
                let error = options.error("command", "the program is not among the `allowed_executables`");
                found.push(error.hint("add it to the server's `security.allowed_executables`"));
            }
        }
        McpTransport::StreamableHttp(endpoint) | McpTransport::Sse(endpoint) => {
            let host = host_of(&endpoint.url);
            let is_listed = |list: &Vec<Text>| list.iter().any(|one| one.eq_ignore_ascii_case(host));
            let (what, key) = if security.allowed_hostnames.as_ref().is_some_and(|list| !is_listed(list)) {
                ("is not among the `allowed_hostnames`", "allowed_hostnames")
            } else if security.allow_localhost == Some(false) && is_on_this_machine(&endpoint.url) {
                ("is this machine", "allow_localhost")
            } else if security.allow_private_ips == Some(false) && is_private(host) {
                ("is in a private network", "allow_private_ips")
            } else {
                return;
            };
            let error = options.error("url", format!("the host of `{}` {what}", endpoint.url.written()));
            found.push(error.hint(format!("change the server's `security.{key}`")));
        }
    }
}

fn is_private(host: &str) -> bool {
    match host.parse() {
        Ok(std::net::IpAddr::V4(address)) => {
            address.is_private() || address.is_link_local() || address.is_loopback() || address.is_unspecified()
        }
        Ok(std::net::IpAddr::V6(address)) => {
            address.is_unique_local() || address.is_unicast_link_local() || address.is_loopback()
        }
        Err(_) => false,
    }
}
