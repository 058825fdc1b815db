//! What is configured of a server.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use massgen_tool::Effect;

use crate::OAuthSettings;

/// One server, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// Its name. Tools are called `mcp__<name>__<tool>`.
    pub name: String,
    /// How it is reached.
    pub transport: Transport,
    /// How long a call may take without a sign of life. Progress that the server tells of, and a question that waits
    /// for the user, start it anew.
    pub call_timeout: Duration,
    /// How long the server may take from its start to the list of its tools.
    pub start_timeout: Duration,
    /// The tools that are offered, by the server's own names; `None` for all.
    pub allowed_tools: Option<BTreeSet<String>>,
    /// The tools that are not offered, by the server's own names.
    pub exclude_tools: BTreeSet<String>,
    /// What the server's settings may contain.
    pub security: Security,
    /// What calls can change, where the server's own annotations are not to be followed.
    pub effects: Effects,
    /// Who shares one connection.
    pub sharing: Sharing,
    /// Whether the server is told of the agent's workspace as a root. Servers that are, such as the official one for
    /// files, take it in the place of the folders that they were started with.
    pub tells_workspace: bool,
    /// Whether resources and prompts are offered as tools, where the server has any.
    pub has_resource_tools: bool,
    /// How many characters of one result are shown to a model. What is beyond goes to a file.
    pub result_chars_max: usize,
}

impl ServerSettings {
    /// A server with the usual limits.
    #[must_use]
    pub fn new(name: impl Into<String>, transport: Transport) -> Self {
        Self {
            name: name.into(),
            transport,
            call_timeout: Duration::from_secs(30),
            start_timeout: Duration::from_secs(30),
            allowed_tools: None,
            exclude_tools: BTreeSet::new(),
            security: Security::default(),
            effects: Effects::default(),
            sharing: Sharing::PerAgent,
            tells_workspace: false,
            has_resource_tools: true,
            result_chars_max: 40_000,
        }
    }

    /// Whether the tool that the server calls `name` is offered.
    pub(crate) fn offers(&self, name: &str) -> bool {
        !self.exclude_tools.contains(name) && self.allowed_tools.as_ref().is_none_or(|allowed| allowed.contains(name))
    }
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A process of ours that speaks over its standard input and output.
    Stdio(StdioSettings),
    /// HTTP, as MCP has it since 2025-03-26.
    StreamableHttp(HttpSettings),
    /// The HTTP+SSE transport of MCP 2024-11-05, for older servers.
    Sse(HttpSettings),
}

/// A server that is a process of ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StdioSettings {
    /// The program, and its first arguments where the config gives the command as a list.
    pub command: Vec<Text>,
    /// Its arguments.
    pub args: Vec<Text>,
    /// What is added to the minimal environment.
    pub environment: BTreeMap<String, Text>,
    /// Its working folder; `None` for massgen's.
    pub cwd: Option<PathBuf>,
}

/// What names of variables and headers with keys have in them.
const KEY_NAMES: [&str; 8] = ["AUTH", "COOKIE", "CREDENTIAL", "KEY", "PASS", "PWD", "SECRET", "TOKEN"];

impl Transport {
    /// What was given to the server and must not be repeated.
    pub(crate) fn secrets(&self) -> Vec<String> {
        /// Shorter ones are words.
        const BYTES_MIN: usize = 8;
        let named = match self {
            Self::Stdio(stdio) => &stdio.environment,
            Self::StreamableHttp(http) | Self::Sse(http) => &http.headers,
        };
        let is_key = |name: &str| {
            let name = name.to_ascii_uppercase();
            KEY_NAMES.iter().any(|part| name.contains(part))
        };
        let values = named.iter().filter(|(name, _)| is_key(name)).map(|(_, value)| value.as_str());
        // `Bearer x` is often repeated as `x`.
        let words = values.flat_map(|value| std::iter::once(value).chain(value.split_whitespace()));
        words.filter(|value| value.len() >= BYTES_MIN).map(str::to_owned).collect()
    }
}

/// A server behind an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// Its endpoint.
    pub url: Text,
    /// What is sent with each request.
    pub headers: BTreeMap<String, Text>,
    /// How long the server may be silent within an answer.
    pub read_timeout: Duration,
    /// How to get a token when the server wants one.
    pub oauth: Option<OAuthSettings>,
}

impl HttpSettings {
    /// A server at `url`, without headers.
    #[must_use]
    pub fn new(url: impl Into<Text>) -> Self {
        Self { url: url.into(), headers: BTreeMap::new(), read_timeout: Duration::from_secs(300), oauth: None }
    }
}

/// A text of the config. Texts that hold the value of a `${VARIABLE}` are not judged by their content, and do not
/// print it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text {
    text: String,
    is_substituted: bool,
}

impl Text {
    /// A text in which a variable was replaced by its value.
    #[must_use]
    pub fn substituted(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_substituted: true }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it holds the value of a variable.
    #[must_use]
    pub fn is_substituted(&self) -> bool {
        self.is_substituted
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_substituted { f.write_str("[from a variable]") } else { self.text.fmt(f) }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { text, is_substituted: false }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// Who shares one connection to a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sharing {
    /// Each agent has its own: right for every server.
    #[default]
    PerAgent,
    /// One for the whole run: right for servers that keep nothing of their callers.
    PerRun,
}

/// What calls can change, where the server's annotations are not to be followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// For tools, by the server's own names.
    pub tools: BTreeMap<String, Effect>,
    /// For all others.
    pub all: Option<Effect>,
}

impl Effects {
    /// What is configured for the tool `name`.
    pub(crate) fn of(&self, name: &str) -> Option<Effect> {
        self.tools.get(name).copied().or(self.all)
    }
}

/// How strictly the settings of a server are judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Security {
    /// The level. The reference takes a level that it does not know for the strictest.
    pub level: SecurityLevel,
    /// Whether an address may be this machine's.
    pub allow_localhost: bool,
    /// Whether an address may be of a private network, this machine included.
    pub allow_private_ips: bool,
    /// The only programs that may run, in place of the level's list.
    pub allowed_executables: Option<BTreeSet<String>>,
    /// The only hosts that may be reached; `None` for all.
    pub allowed_hostnames: Option<BTreeSet<String>>,
    /// Whether the addresses behind a host's name are judged too, each time that it is reached.
    pub resolve_dns: bool,
}

/// See [`Security::level`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecurityLevel {
    /// Interpreters and package runners only.
    #[default]
    Strict,
    /// `git` too, and more of the environment may be set.
    Moderate,
    /// Downloaders too.
    Permissive,
}

impl SecurityLevel {
    /// The level of this name; the strictest for any other name, such as `high`.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "moderate" => Self::Moderate,
            "permissive" => Self::Permissive,
            _ => Self::Strict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_variables_do_not_print() {
        let text = Text::substituted("hunter2");
        assert_eq!(format!("{text:?}"), "[from a variable]");
        assert_eq!(format!("{:?}", Text::from("npx")), "\"npx\"");
    }

    #[test]
    fn exclusion_wins_over_permission() {
        let mut settings = ServerSettings::new("s", Transport::Stdio(StdioSettings::default()));
        assert!(settings.offers("a"));
        settings.allowed_tools = Some(BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        settings.exclude_tools = BTreeSet::from(["b".to_owned()]);
        assert_eq!(["a", "b", "c"].map(|name| settings.offers(name)), [true, false, false]);
    }
}
