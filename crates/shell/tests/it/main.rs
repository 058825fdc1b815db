//! The command tools over real shells.

#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy exempts tests from these, but not their helpers"
)]

mod background;
mod bare;
mod boxed;
mod foreground;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bare::Bare;
use massgen_protocol::{AgentIndex, ToolCall, TurnId};
use massgen_sandbox::Driver;
use massgen_shell::{CommandPlaces, CommandSettings, CommandTools, clean_environment};
use massgen_tool::{CallContext, Caller, Progress, ToolOutcome, ToolSource as _};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The tools of one agent in a directory of its own.
struct Bench {
    directory: TempDir,
    tools: Arc<CommandTools>,
    context: CallContext,
    progress: Arc<Mutex<Vec<Progress>>>,
}

impl Bench {
    fn new() -> Self {
        Self::with("box", |_| ())
    }

    fn with(driver: &'static str, change: impl FnOnce(&mut CommandSettings)) -> Self {
        Self::over(Arc::new(Bare(driver)), change)
    }

    fn over(driver: Arc<dyn Driver>, change: impl FnOnce(&mut CommandSettings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(directory.path()).unwrap();
        for name in ["workspace", "view/agent1", "view/agent2", "elsewhere"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        let logs = root.join("logs");
        let places = move |_: &Caller| CommandPlaces {
            workspace: root.join("workspace"),
            view: Some(root.join("view")),
            ..CommandPlaces::default()
        };
        let mut settings = CommandSettings::new(driver, Arc::new(places));
        settings.environment = clean_environment(std::env::vars(), &[]);
        settings.log_directory = Some(logs);
        change(&mut settings);
        let progress = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&progress);
        let context = CallContext {
            caller: Caller { turn: TurnId { agent: AgentIndex(1), number: 1 }, presenting: false, sight: 0 },
            cancel: CancellationToken::new(),
            progress: Arc::new(move |told| heard.lock().unwrap().push(told)),
        };
        Self { directory, tools: Arc::new(CommandTools::new(settings)), context, progress }
    }

    fn path(&self, name: &str) -> PathBuf {
        std::fs::canonicalize(self.directory.path()).unwrap().join(name)
    }

    async fn call(&self, tool: &str, arguments: Value) -> ToolOutcome {
        call(&self.tools, &self.context, tool, &arguments).await
    }

    /// Calls and reads the reply.
    async fn reply(&self, tool: &str, arguments: Value) -> Value {
        let outcome = self.call(tool, arguments).await;
        serde_json::from_str(&outcome.content).unwrap_or_else(|_| Value::String(outcome.content))
    }
}

async fn call(tools: &CommandTools, context: &CallContext, tool: &str, arguments: &Value) -> ToolOutcome {
    let name = format!("mcp__command_line__{tool}");
    tools.call(&ToolCall { id: "1".into(), name, arguments: arguments.to_string() }, context).await
}

/// Waits until `condition` holds: for what other processes do, which nothing tells of.
async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// A number of seconds for `sleep` by which the processes of this run of a test are known.
fn long(number: u32) -> String {
    format!("{number}.{}", std::process::id())
}

/// The processes whose command line holds `text`, as the system lists them.
fn processes_with(text: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(text)).count()
}

/// The memory that this process has in use, in bytes.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn exists(path: &Path) -> bool {
    path.exists()
}
