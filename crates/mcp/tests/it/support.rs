//! What the tests have in common.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "clippy exempts tests from these, but not their helpers"
)]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use massgen_mcp::{
    AgentPlace, HttpSettings, HubSettings, Security, ServerSettings, ServerSource, Servers, StdioSettings, Text,
    Transport, base_environment,
};
use massgen_protocol::{AgentIndex, ToolCall, TurnId};
use massgen_tool::{CallContext, Caller, Progress, ToolOutcome, ToolSource as _};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

/// The name of what these tests need that may be missing.
const PART: &str = "mcp";
/// Far more than anything takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A hub, agents with workspaces, and what calls tell.
pub(crate) struct Bench {
    pub servers: Servers,
    pub folder: TempDir,
    pub notes: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut HubSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = HubSettings {
            log_directory: Some(folder.path().join("logs")),
            environment: base_environment(std::env::vars_os()),
            ..HubSettings::default()
        };
        change(&mut settings);
        Self { servers: Servers::new(settings), folder, notes: Arc::default() }
    }

    pub(crate) fn place(&self, agent: u16) -> AgentPlace {
        let agent = AgentIndex(agent);
        let workspace = self.folder.path().join(agent.to_string());
        std::fs::create_dir_all(&workspace).unwrap();
        AgentPlace::new(agent, workspace)
    }

    /// The first agent's source, which must start.
    pub(crate) async fn started(&self, settings: &ServerSettings) -> Arc<ServerSource> {
        let source = self.servers.source(settings, &self.place(0));
        assert_eq!(source.ready().await, Vec::<String>::new());
        source
    }

    pub(crate) fn context(&self) -> CallContext {
        let notes = Arc::clone(&self.notes);
        CallContext {
            caller: Caller { turn: TurnId { agent: AgentIndex(0), number: 1 }, presenting: true, sight: 0 },
            cancel: CancellationToken::new(),
            progress: Arc::new(move |progress| {
                if let Progress::Note(note) = progress {
                    notes.lock().unwrap().push(note);
                }
            }),
        }
    }

    /// Calls the tool whose name ends in `__<tool>`.
    pub(crate) async fn call(&self, source: &ServerSource, tool: &str, arguments: Value) -> ToolOutcome {
        source.call(&tool_call(source, tool, &arguments), &self.context()).await
    }

    /// The text of a call that must succeed.
    pub(crate) async fn text(&self, source: &ServerSource, tool: &str, arguments: Value) -> String {
        let outcome = self.call(source, tool, arguments).await;
        assert!(!outcome.is_error && !outcome.is_unknown, "{tool}: {outcome:?}");
        outcome.content
    }

    /// Calls a tool until it gives this text.
    pub(crate) async fn until_text(&self, source: &ServerSource, tool: &str, expected: &str) {
        let start = Instant::now();
        while self.text(source, tool, Value::Object(serde_json::Map::new())).await != expected {
            assert!(start.elapsed() < PATIENCE, "`{tool}` does not give {expected}");
        }
    }

    pub(crate) fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join("logs").join(name)).unwrap_or_default()
    }
}

pub(crate) fn tool_call(source: &ServerSource, tool: &str, arguments: &Value) -> ToolCall {
    let names: Vec<String> = source.tools().into_iter().map(|tool| tool.spec.name).collect();
    let ending = format!("__{tool}");
    let name = names.iter().find(|name| name.ends_with(&ending));
    let name = name.unwrap_or_else(|| panic!("no tool `{tool}` among {names:?}")).clone();
    ToolCall { id: "1".to_owned(), name, arguments: arguments.to_string() }
}

pub(crate) fn stdio(name: &str, program: impl AsRef<Path>, args: &[&str]) -> ServerSettings {
    let settings = StdioSettings {
        command: vec![program.as_ref().to_str().unwrap().into()],
        args: args.iter().map(|arg| Text::from(*arg)).collect(),
        ..StdioSettings::default()
    };
    // Machines that run tests may be slow.
    let start_timeout = Duration::from_secs(120);
    ServerSettings { start_timeout, ..ServerSettings::new(name, Transport::Stdio(settings)) }
}

pub(crate) fn http(name: &str, transport: fn(HttpSettings) -> Transport, url: &str) -> ServerSettings {
    let security = Security { allow_localhost: true, ..Security::default() };
    ServerSettings { security, ..ServerSettings::new(name, transport(HttpSettings::new(url))) }
}

/// A file of the repository that tests use.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/mcp").join(name).canonicalize().unwrap()
}

/// The odd server, behaving by `words`.
pub(crate) fn odd(words: &[&str]) -> ServerSettings {
    let script = fixture("odd_server.py");
    stdio("odd", "python3", &[&[script.to_str().unwrap()], words].concat())
}

/// Where the real servers are; `None` when they are not and need not be.
pub(crate) fn real_servers(test: &str) -> Option<PathBuf> {
    let found = std::env::var_os("MASSGEN_TEST_MCP_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    if found.is_none() {
        let parts = std::env::var("MASSGEN_TEST_PARTS").unwrap_or_default();
        let is_wanted = parts.split(',').any(|part| part.trim() == PART);
        assert!(!is_wanted, "MASSGEN_TEST_MCP_DIR must name the folder where .ci/mcp has installed the servers");
        eprintln!("SKIPPED {test}: MASSGEN_TEST_MCP_DIR is not set; run .ci/mcp");
    }
    found
}

/// A program that npm has installed there.
pub(crate) fn npm(folder: &Path, name: &str) -> PathBuf {
    folder.join("node_modules/.bin").join(name)
}

/// A program that pip has installed there.
pub(crate) fn pip(folder: &Path, name: &str) -> PathBuf {
    folder.join("venv/bin").join(name)
}

/// A port that nobody uses now.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server of its own, which is reached at a port. It ends with this.
pub(crate) struct Service {
    _child: Child,
    pub port: u16,
}

impl Service {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(program: &Path, args: impl Fn(u16) -> Vec<String>) -> Self {
        Self::start_at(program, args, free_port()).await
    }

    /// The same at a port of one's choice.
    pub(crate) async fn start_at(program: &Path, args: impl Fn(u16) -> Vec<String>, port: u16) -> Self {
        let mut command = Command::new(program);
        command.args(args(port)).env("PORT", port.to_string()).stdin(Stdio::null()).kill_on_drop(true);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(child.try_wait().unwrap().is_none(), "{} ended", program.display());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { _child: child, port }
    }
}

/// Neither running nor a zombie.
pub(crate) fn is_gone(process: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else { return true };
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}

/// Whether not even a zombie is left.
pub(crate) fn is_reaped(process: u32) -> bool {
    !Path::new(&format!("/proc/{process}")).exists()
}

/// Waits for what must come about, but not for ever: a failure is to be seen.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "what was waited for does not come about");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
