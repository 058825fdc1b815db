//! Where measurements are made: a temporary folder, and the processes that work in it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use massgen_rehearsal::Wire;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::child::{Figures, Job};
use crate::failure::Failure;

/// The model that plays in a team.
pub(super) const TEAM_MODEL: &str = "bench-team";

/// The model that only talks.
pub(super) const BARE_MODEL: &str = "bench-bare";

/// One chunk of a bulk reply: as long as a few tokens are.
pub(super) const CHUNK: &str = "rehearsal ";

/// What the teams are asked.
pub(super) const QUESTION: &str = "How fast can a stream be read?";

/// No process of a measurement takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// A folder to measure in, gone when dropped.
#[derive(Debug)]
pub(super) struct Site {
    folder: TempDir,
    program: PathBuf,
    serial: AtomicU32,
}

impl Site {
    /// A site for measurements of `program`, which is this program's file.
    pub(super) fn new(program: PathBuf) -> Result<Self, Failure> {
        let folder = TempDir::with_prefix("massgen-bench-")
            .map_err(|error| Failure::execution(format!("there is no temporary folder to measure in: {error}")))?;
        Ok(Self { folder, program, serial: AtomicU32::new(0) })
    }

    /// A folder for the logs of one run.
    pub(super) fn logs(&self) -> PathBuf {
        self.path("logs", "")
    }

    /// Writes the config of a team with one agent on each of `wires`.
    pub(super) fn config(&self, model: &str, wires: &[(Wire, String)]) -> Result<PathBuf, Failure> {
        let agents: Vec<Value> = wires.iter().enumerate().map(|(place, wire)| agent(place, model, wire)).collect();
        let config = json!({ "agents": agents, "ui": { "display_type": "none" } });
        self.write("team", ".json", &config.to_string())
    }

    /// Serves bulk replies of so many chunks in a process of its own.
    pub(super) async fn serve(&self, chunks: u32) -> Result<Provider, Failure> {
        let scenario = self.write("bulk", ".yaml", &bulk_scenario(chunks))?;
        let mut command = self.command();
        command.arg("rehearse").arg(scenario).arg("--serve").stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| not_started(&error))?;
        let lines = process.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        let mut lines = lines.ok_or_else(|| Failure::execution("the provider's process has no output"))?;
        let address = timeout(PATIENCE, address(&mut lines)).await.ok().flatten();
        let address = address.ok_or_else(|| Failure::execution("the provider's process does not tell its address"))?;
        Ok(Provider { address, _process: process, _lines: lines })
    }

    /// Does a job in a process of its own.
    pub(super) async fn measure(&self, job: &Job) -> Result<Figures, Failure> {
        let mut command = self.command();
        command.arg("bench").arg("--child").arg(job.to_text());
        let text = finished(command).await?;
        text.lines().rev().find_map(Figures::from_text).ok_or_else(|| Failure::execution("a process told no figures"))
    }

    /// The program as a user would start it, to be given its arguments.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(self.folder.path())
            .env_remove("MASSGEN_LOG_BASE_DIR")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    fn write(&self, name: &str, extension: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.path(name, extension);
        std::fs::write(&path, text)
            .map_err(|error| Failure::execution(format!("{} cannot be written: {error}", path.display())))?;
        Ok(path)
    }

    fn path(&self, name: &str, extension: &str) -> PathBuf {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("{name}-{serial}{extension}"))
    }
}

/// A rehearsal provider in its own process, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Provider {
    /// Its host and port.
    pub(super) address: String,
    _process: Child,
    /// Kept open: a process whose output nobody reads may end.
    _lines: Lines<BufReader<ChildStdout>>,
}

impl Provider {
    /// The base URL as configs are given it.
    pub(super) fn base_url(&self, wire: Wire) -> String {
        match wire {
            Wire::Responses | Wire::ChatCompletions => format!("http://{}/v1", self.address),
            Wire::Messages | Wire::Gemini => format!("http://{}", self.address),
        }
    }
}

/// Waits for a process and returns its standard output.
pub(super) async fn finished(mut command: Command) -> Result<String, Failure> {
    command.stdout(Stdio::piped());
    let process = command.spawn().map_err(|error| not_started(&error))?;
    let output = timeout(PATIENCE, process.wait_with_output()).await;
    let output = output.map_err(|_| Failure::execution(format!("a process took longer than {PATIENCE:?}")))?;
    let output = output.map_err(|error| Failure::execution(format!("a process was lost: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Failure::execution(format!("a process ended with {}: {said}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The backend type of configs that speaks this protocol.
pub(super) fn backend_type(wire: Wire) -> &'static str {
    match wire {
        Wire::Responses => "openai",
        Wire::ChatCompletions => "chatcompletion",
        Wire::Messages => "claude",
        Wire::Gemini => "gemini",
    }
}

fn not_started(error: &std::io::Error) -> Failure {
    Failure::execution(format!("a process of this program cannot be started: {error}"))
}

async fn address(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<String> {
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(address) = line.strip_prefix("URL: http://") {
            return Some(address.trim().to_owned());
        }
    }
    None
}

fn agent(place: usize, model: &str, (wire, base_url): &(Wire, String)) -> Value {
    json!({
        "id": format!("bench{}", place + 1),
        "backend": { "type": backend_type(*wire), "model": model, "base_url": base_url, "api_key": "bench" },
    })
}

/// A team's first replies are long, its other ones short, so that the run's chunks are those of its agents.
fn bulk_scenario(chunks: u32) -> String {
    let bulk = json!({ "text": CHUNK, "times": chunks });
    let team = json!([
        { "when": { "answers": 0 }, "repeat": bulk, "new_answer": "[bench] Answer ${call}." },
        { "vote": { "for": "[bench]", "reason": "[bench] They are all alike." } },
        { "say": "[bench] The final answer." },
    ]);
    let models = json!({ TEAM_MODEL: team, BARE_MODEL: [{ "repeat": bulk }] });
    json!({ "title": "Bulk for measurements", "question": QUESTION, "key_needed": false, "models": models }).to_string()
}

/// The journals anywhere under `folder`.
pub(super) fn journals(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() && entry.file_name() == "events.jsonl" => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found
}
