//! MCP servers whose tools an agent has.

use std::fmt;
use std::path::Path;

use massgen_protocol::redact;
use serde_json::json;

use crate::relocate::in_workspace;
use crate::{Secret, Text, Written};

/// One MCP server.
#[derive(Debug, Clone, PartialEq)]
pub struct McpServerConfig {
    /// What its tools are named after: letters, digits, `_` and `-`. Unique among an agent's servers.
    pub name: String,
    /// How it is spoken to.
    pub transport: McpTransport,
    /// How long it may take to start, and how long a call may take.
    pub timeout_seconds: f64,
    /// The only tools that are taken from it, with or without the prefix `mcp__<name>__`.
    pub allowed_tools: Option<Vec<Text>>,
    /// Tools that are not taken from it, with or without the prefix.
    pub exclude_tools: Vec<Text>,
    /// Who shares one connection to it.
    pub sharing: McpSharing,
    /// What it may be. What the config itself can break of it, [`load`](crate::load) has refused.
    pub security: McpSecurity,
    /// What it is for, for the agents to read.
    pub description: Option<Text>,
    /// Variables that the config refers to and that are not set: with any, the server cannot be started. The
    /// user has been warned.
    pub missing_variables: Vec<String>,
    /// Options that are known but not acted upon, as written.
    pub unbuilt: Written,
}

impl McpServerConfig {
    /// How long a server may take to start and a call may take when the config does not say.
    pub const TIMEOUT_SECONDS: f64 = 30.0;

    /// The same with the workspace in the place of `${cwd}`.
    #[must_use]
    pub fn in_workspace(&self, workspace: &Path) -> Self {
        let workspace = workspace.to_string_lossy();
        let text = |text: &Text| text.map(|value| in_workspace(value, &workspace));
        let secrets = |secrets: &[(String, Secret)]| {
            let replaced = |secret: &Secret| secret.map(|value| in_workspace(value, &workspace));
            secrets.iter().map(|(name, secret)| (name.clone(), replaced(secret))).collect()
        };
        let endpoint = |endpoint: &McpEndpoint| McpEndpoint {
            url: text(&endpoint.url),
            headers: secrets(&endpoint.headers),
            read_timeout_seconds: endpoint.read_timeout_seconds,
            oauth: endpoint.oauth.clone(),
        };
        let transport = match &self.transport {
            McpTransport::Stdio(program) => McpTransport::Stdio(McpProgram {
                command: match &program.command {
                    McpCommand::Line(line) => McpCommand::Line(text(line)),
                    McpCommand::Words(words) => McpCommand::Words(words.iter().map(text).collect()),
                },
                args: program.args.iter().map(text).collect(),
                env: secrets(&program.env),
                cwd: program.cwd.as_ref().map(text),
            }),
            McpTransport::StreamableHttp(one) => McpTransport::StreamableHttp(endpoint(one)),
            McpTransport::Sse(one) => McpTransport::Sse(endpoint(one)),
        };
        Self { transport, ..self.clone() }
    }

    /// Whether it is told of a workspace, and so is not the same for two agents.
    #[must_use]
    pub fn depends_on_the_workspace(&self) -> bool {
        self.in_workspace(Path::new("a")).transport != self.in_workspace(Path::new("b")).transport
    }
}

/// How a server is spoken to.
#[derive(Debug, Clone, PartialEq)]
pub enum McpTransport {
    /// Through the standard streams of a program that is started for it.
    Stdio(McpProgram),
    /// Over HTTP.
    StreamableHttp(McpEndpoint),
    /// Over HTTP as older servers do it.
    Sse(McpEndpoint),
}

/// A program that is an MCP server. Its `Debug` form shows what the user wrote, without literal keys.
#[derive(Clone, PartialEq, Eq)]
pub struct McpProgram {
    /// The program. See [`words`](Self::words).
    pub command: McpCommand,
    /// Its arguments.
    pub args: Vec<Text>,
    /// Its variables, besides the few that every program needs.
    pub env: Vec<(String, Secret)>,
    /// Its directory, as written.
    pub cwd: Option<Text>,
}

impl McpProgram {
    /// The program and all its arguments.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let command = match &self.command {
            // An unclosed quote has been refused: then the text is the program's name.
            McpCommand::Line(line) => split_words(line).unwrap_or_else(|| vec![line.as_str().to_owned()]),
            McpCommand::Words(words) => words.iter().map(|word| word.as_str().to_owned()).collect(),
        };
        command.into_iter().chain(self.args.iter().map(|word| word.as_str().to_owned())).collect()
    }
}

/// A program, and perhaps its first arguments.
#[derive(Clone, PartialEq, Eq)]
pub enum McpCommand {
    /// In one text, as a shell would split it.
    Line(Text),
    /// Word by word; at least one.
    Words(Vec<Text>),
}

impl fmt::Debug for McpProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = match &self.command {
            McpCommand::Line(line) => std::slice::from_ref(line),
            McpCommand::Words(words) => words,
        };
        let words: Vec<&str> = command.iter().chain(&self.args).map(Text::written).collect();
        let mut shown = json!({"command": words, "cwd": self.cwd.as_ref().map(Text::written)});
        redact(&mut shown);
        f.debug_struct("McpProgram").field("program", &shown).field("env", &self.env).finish()
    }
}

/// An MCP server somewhere else. Its `Debug` form shows what the user wrote, without literal keys.
#[derive(Clone, PartialEq)]
pub struct McpEndpoint {
    /// Where it is.
    pub url: Text,
    /// Headers of the requests to it.
    pub headers: Vec<(String, Secret)>,
    /// How long it may be silent.
    pub read_timeout_seconds: f64,
    /// How a token is got when the server wants one. `None`: the usual way, unless a header brings one.
    pub oauth: Option<McpOAuth>,
}

/// How a token for a server is got, by OAuth.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct McpOAuth {
    /// How massgen is known to the authorization server; where there is none, it registers itself.
    pub client_id: Option<Text>,
    /// The secret that belongs to the id.
    pub client_secret: Option<Secret>,
    /// What to ask for. Empty: what the server proposes.
    pub scopes: Vec<Text>,
    /// Whether the id and the secret suffice, so that no user is asked.
    pub is_without_user: bool,
    /// The port of this machine that the user's browser comes back to. `None`: any.
    pub redirect_port: Option<u32>,
}

impl McpOAuth {
    /// Both ways to be granted access, and their names in configs.
    pub(crate) const GRANTS: &[(&str, bool)] = &[("authorization_code", false), ("client_credentials", true)];
}

impl fmt::Debug for McpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = json!(self.url.written());
        redact(&mut url);
        f.debug_struct("McpEndpoint")
            .field("url", &url)
            .field("headers", &self.headers)
            .field("read_timeout_seconds", &self.read_timeout_seconds)
            .finish()
    }
}

impl McpEndpoint {
    /// How long a server may be silent when the config does not say.
    pub const READ_TIMEOUT_SECONDS: f64 = 300.0;
}

/// Who shares one connection to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum McpSharing {
    /// Nobody: each agent has its own.
    #[default]
    Agent,
    /// All agents of the run whose configs of the server are the same: for servers that keep nothing between
    /// calls.
    Run,
}

impl McpSharing {
    /// Both and their names in configs.
    pub const NAMES: &[(&str, Self)] = &[("agent", Self::Agent), ("run", Self::Run)];
}

/// What a server may be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct McpSecurity {
    /// Whether it may be on this machine; `None`: yes, as its address is in the config.
    pub allow_localhost: Option<bool>,
    /// Whether it may be in this network; `None`: yes.
    pub allow_private_ips: Option<bool>,
    /// The only programs that may be started for it.
    pub allowed_executables: Option<Vec<Text>>,
    /// The only hosts that it may be on.
    pub allowed_hostnames: Option<Vec<Text>>,
    /// Options that are known but not acted upon, as written.
    pub unbuilt: Written,
}

/// Splits a command as a shell would, without looking at anything but spaces, quotes and backslashes. `None`: a
/// quote is not closed, or there is no word.
pub(crate) fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"'), '\\') => {
                let next = chars.next()?;
                let word = word.get_or_insert_default();
                if !matches!(next, '"' | '\\') {
                    word.push('\\');
                }
                word.push(next);
            }
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().push(chars.next()?),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (quote.is_none() && !words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_does() {
        for (text, words) in [
            ("npx", Some(vec!["npx"])),
            (" npx  -y\tfoo ", Some(vec!["npx", "-y", "foo"])),
            (r#""/my programs/x" 'a "b' c\ d"#, Some(vec!["/my programs/x", "a \"b", "c d"])),
            (r#"x "a\"b\n" """#, Some(vec!["x", "a\"b\\n", ""])),
            ("a\"b c\"d", Some(vec!["ab cd"])),
            ("'open", None),
            ("\\", None),
            ("  ", None),
        ] {
            let split = split_words(text);
            assert_eq!(split.as_deref().map(|words| words.iter().map(String::as_str).collect()), words, "{text}");
        }
    }

    #[test]
    fn the_workspace_replaces_its_reference() {
        let server = McpServerConfig {
            name: "s".to_owned(),
            transport: McpTransport::Stdio(McpProgram {
                command: McpCommand::Line("x".into()),
                args: vec!["--dir=${cwd}/d".into()],
                env: vec![("W".to_owned(), Secret::new("${cwd}"))],
                cwd: None,
            }),
            timeout_seconds: 1.0,
            allowed_tools: None,
            exclude_tools: Vec::new(),
            sharing: McpSharing::Agent,
            security: McpSecurity::default(),
            description: None,
            missing_variables: Vec::new(),
            unbuilt: Written::default(),
        };
        assert!(server.depends_on_the_workspace());
        let McpTransport::Stdio(program) = server.in_workspace(Path::new("/w")).transport else { panic!("a program") };
        assert_eq!(program.words(), ["x", "--dir=/w/d"]);
        assert_eq!(program.env[0].1.expose(), "/w");
    }
}
