//! The tools.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use massgen_protocol::{AgentIndex, ToolCall, ToolSpec, TurnId};
use massgen_sandbox::{Invocation, Job, Network, Process, StartError, TerminalSize};
use massgen_tool::{CallContext, Caller, Effect, Tool, ToolOutcome, ToolSource};
use serde_json::{Map, Value, json};

use crate::arguments::{Input, Named, Page, Run, StreamName, read};
use crate::background::{Shell, Shells};
use crate::places::within;
use crate::recording::{Recorder, Recording};
use crate::spill::SpillSpace;
use crate::{CommandPlaces, CommandSettings, foreground, reply, touched};

/// The server that the reference has these tools from: a part of their names.
const PREFIX: &str = "mcp__command_line__";

/// The terminal that a command gets when it asks for one.
const TERMINAL: TerminalSize = TerminalSize { rows: 40, columns: 120 };

/// Runs commands for one agent.
#[derive(Debug)]
pub struct CommandTools {
    settings: CommandSettings,
    shells: Shells,
    space: Arc<SpillSpace>,
    count: AtomicU32,
}

/// A job that has started.
struct Started {
    process: Process,
    recording: Arc<Recording>,
    recorder: Recorder,
}

impl CommandTools {
    /// The tools of one agent.
    #[must_use]
    pub fn new(settings: CommandSettings) -> Self {
        let space = SpillSpace {
            directory: settings.log_directory.clone(),
            file_max: settings.output.file_bytes,
            left: AtomicU64::new(settings.output.files_bytes),
        };
        let shells = Shells::new(settings.shells_max);
        Self { settings, shells, space: Arc::new(space), count: AtomicU32::new(0) }
    }

    /// Starts a command that does nothing, to see whether commands can be run with what is granted.
    ///
    /// # Errors
    /// When they cannot.
    pub async fn try_out(&self) -> Result<(), StartError> {
        let turn = TurnId { agent: AgentIndex(0), number: 0 };
        let places = self.settings.places.for_call(&Caller { turn, presenting: false, sight: 0 });
        let job = Job {
            invocation: Invocation::Shell("true".to_owned()),
            cwd: places.workspace.clone(),
            env: self.environment(&places),
            terminal: None,
            grants: places.grants(self.settings.network),
            limits: self.settings.limits,
        };
        self.settings.driver.start(job).await.map(drop)
    }

    async fn dispatch(&self, call: &ToolCall, context: &CallContext) -> Result<ToolOutcome, ToolOutcome> {
        let arguments = call.arguments.as_str();
        match call.name.strip_prefix(PREFIX).unwrap_or(&call.name) {
            "execute_command" => self.execute(arguments, context).await,
            "start_background_shell" => self.start_background(arguments, context).await,
            "get_background_shell_output" => self.output(arguments, context).await,
            "get_background_shell_status" => {
                let shell = self.shell(&read_arguments::<Named>(arguments)?.shell_id)?;
                Ok(told(&shell, reply::status(&shell.recording), context))
            }
            "send_background_shell_input" => self.input(arguments),
            "kill_background_shell" => {
                let shell = self.shell(&read_arguments::<Named>(arguments)?.shell_id)?;
                if !shell.kill().await {
                    return Err(ToolOutcome::failed(format!("{} could not be stopped", shell.recording.id)));
                }
                Ok(told(&shell, reply::status(&shell.recording), context))
            }
            "list_background_shells" => {
                let shells: Vec<_> = self.shells.list().iter().map(|shell| reply::status(&shell.recording)).collect();
                Ok(ToolOutcome::done(json!({"success": true, "count": shells.len(), "shells": shells}).to_string()))
            }
            other => Err(ToolOutcome::failed(format!("there is no tool `{other}`"))),
        }
    }

    async fn execute(&self, arguments: &str, context: &CallContext) -> Result<ToolOutcome, ToolOutcome> {
        let run: Run = read_arguments(arguments)?;
        let timeout = run.timeout.filter(|timeout| *timeout > 0.0).map(Duration::try_from_secs_f64);
        let timeout = match timeout {
            Some(timeout) => timeout.unwrap_or(Duration::MAX),
            None => self.settings.timeout_default,
        };
        let Started { process, recording, recorder } = self.start("command", &run, context).await?;
        let (timeout, output) = (timeout.min(self.settings.timeout_max), &self.settings.output);
        let ended = foreground::wait(process, recorder, timeout, output.progress_bytes, context).await;
        if !foreground::fits(&recording, output.result_bytes) {
            self.shells.remember(Arc::clone(&recording));
        }
        Ok(reply::finished(&recording, ended.exit, ended.trouble, output.result_bytes))
    }

    async fn start_background(&self, arguments: &str, context: &CallContext) -> Result<ToolOutcome, ToolOutcome> {
        let run: Run = read_arguments(arguments)?;
        let slot = self.shells.slot().ok_or_else(|| {
            let max = self.settings.shells_max;
            ToolOutcome::failed(format!("{max} background shells run already, and no more may: kill one of them first"))
        })?;
        let Started { process, recording, recorder } = self.start("shell", &run, context).await?;
        let reply = reply::status(&recording);
        self.shells.adopt(process, recording, recorder, slot);
        Ok(ToolOutcome::done(Value::Object(reply).to_string()))
    }

    /// Starts a command after all that may stand against it.
    async fn start(&self, kind: &str, run: &Run, context: &CallContext) -> Result<Started, ToolOutcome> {
        if run.command.trim().is_empty() {
            return Err(ToolOutcome::failed("there is no command"));
        }
        if run.command.contains('\0') {
            return Err(ToolOutcome::failed("a command cannot contain a NUL character"));
        }
        if let Some(refusal) = self.settings.rules.refuses(&run.command, self.settings.is_boxed()) {
            return Err(ToolOutcome::failed(refusal));
        }
        let places = self.settings.places.for_call(&context.caller);
        let asked = run.work_dir.clone();
        let command = run.command.clone();
        // Paths are looked up on the disk, which may be slow.
        let looked_up = tokio::task::spawn_blocking(move || {
            let work_dir = places.work_dir(asked.as_deref())?;
            let touched = touched_in(&places, &command, &work_dir);
            Ok::<_, crate::places::WorkDirError>((places, work_dir, touched))
        });
        let (places, work_dir, touched) = match looked_up.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(ToolOutcome::failed(error.to_string())),
            Err(_) => return Err(ToolOutcome::failed("the work_dir could not be looked up")),
        };
        let job = Job {
            invocation: Invocation::Shell(run.command.clone()),
            cwd: work_dir.clone(),
            env: self.environment(&places),
            terminal: run.terminal.then_some(TERMINAL),
            grants: places.grants(self.settings.network),
            limits: self.settings.limits,
        };
        let process = self.settings.driver.start(job).await.map_err(|error| reply::not_started(&error))?;
        let id = format!("{kind}_{}", self.count.fetch_add(1, Ordering::Relaxed) + 1);
        let (command, caller) = (run.command.clone(), context.caller);
        let recording = Arc::new(Recording::new(id, command, work_dir, caller, touched, &self.settings.output));
        let recorder = Recorder::new(Arc::clone(&recording), &self.space);
        Ok(Started { process, recording, recorder })
    }

    fn environment(&self, places: &CommandPlaces) -> std::collections::BTreeMap<String, String> {
        let mut environment = self.settings.environment.clone();
        let home = places.scratch.as_ref().unwrap_or(&places.workspace);
        let temporary = places.scratch.clone().unwrap_or_else(|| PathBuf::from("/tmp"));
        for (name, path) in [("HOME", home), ("TMPDIR", &temporary)] {
            environment.entry(name.to_owned()).or_insert_with(|| path.to_string_lossy().into_owned());
        }
        environment
    }

    async fn output(&self, arguments: &str, context: &CallContext) -> Result<ToolOutcome, ToolOutcome> {
        let asked: Page = read_arguments(arguments)?;
        let shell = self.shell(&asked.shell_id)?;
        let recording = &shell.recording;
        let bytes = self.settings.output.result_bytes;
        let stream = asked.stream.unwrap_or(StreamName::Stdout);
        let reply = match (asked.offset, asked.tail) {
            (Some(offset), _) => {
                let page = recording.page(stream, whole(offset), bytes).await;
                let page = page.map_err(|error| ToolOutcome::failed(format!("the output cannot be read: {error}")))?;
                reply::page(recording, stream, &page)
            }
            (None, Some(lines)) => {
                let lines = usize::try_from(whole(lines)).unwrap_or(usize::MAX);
                let mut reply = reply::status(recording);
                let text = recording.last_lines(stream, lines, bytes);
                reply.insert(reply::name(stream).to_owned(), json!(text));
                reply
            }
            (None, None) => reply::output(recording, bytes),
        };
        Ok(told(&shell, reply, context))
    }

    fn input(&self, arguments: &str) -> Result<ToolOutcome, ToolOutcome> {
        let Input { shell_id, input, end } = read_arguments(arguments)?;
        let shell = self.shell(&shell_id)?;
        let took = (input.is_empty() || shell.input(input)) && (!end || shell.end_input());
        if !took || shell.recording.end().is_some() {
            return Err(ToolOutcome::failed(format!("{shell_id} has ended and takes no input")));
        }
        Ok(ToolOutcome::done(Value::Object(reply::status(&shell.recording)).to_string()))
    }

    fn shell(&self, id: &str) -> Result<Arc<Shell>, ToolOutcome> {
        self.shells.find(id).ok_or_else(|| {
            let known = self.shells.list();
            let known: Vec<_> = known.iter().map(|shell| shell.recording.id.as_str()).collect();
            let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
            ToolOutcome::failed(format!("there is no shell `{id}`; the background shells: {known}"))
        })
    }

    /// What a command can change: inside a box without network, only what it is granted.
    fn effect(&self) -> Effect {
        if self.settings.is_boxed() && self.settings.network == Network::Off { Effect::Own } else { Effect::Outside }
    }
}

impl ToolSource for CommandTools {
    fn name(&self) -> &str {
        "command_line"
    }

    fn tools(&self) -> Vec<Tool> {
        let run = self.effect();
        let (default, max) = (self.settings.timeout_default.as_secs(), self.settings.timeout_max.as_secs());
        let command = json!({"type": "string", "description": "A command line for the shell."});
        let work_dir = json!({
            "type": "string",
            "description": "Where it runs: your workspace unless given; relative to your workspace, or absolute.",
        });
        let terminal = json!({
            "type": "boolean",
            "description": "Whether it gets a terminal. Only for programs that do not work without one.",
        });
        let timeout = json!({
            "type": "number",
            "description": format!("After how many seconds it is stopped: {default} unless given, at most {max}."),
        });
        let shell_id = json!({"type": "string", "description": "The shell_id that was given when it was started."});
        vec![
            tool(
                "execute_command",
                run,
                "Runs a command and waits for its end. Gives its exit code, stdout and stderr. What it leaves running \
                 is stopped; for servers and long work use start_background_shell.",
                &[("command", &command), ("timeout", &timeout), ("work_dir", &work_dir), ("terminal", &terminal)],
                &["command"],
            ),
            tool(
                "start_background_shell",
                run,
                "Starts a command in the background and gives its shell_id at once.",
                &[("command", &command), ("work_dir", &work_dir), ("terminal", &terminal)],
                &["command"],
            ),
            tool(
                "get_background_shell_output",
                Effect::None,
                "Gives what a background shell printed so far, or pages through long output of any command: with \
                 offset, from there on; with tail, the last lines.",
                &[
                    ("shell_id", &shell_id),
                    (
                        "stream",
                        &json!({"type": "string", "enum": ["stdout", "stderr"],
                        "description": "Which stream offset and tail are about: stdout unless given."}),
                    ),
                    (
                        "offset",
                        &json!({"type": "integer", "minimum": 0,
                        "description": "Where the page begins, in bytes: the next_offset of the page before."}),
                    ),
                    ("tail", &json!({"type": "integer", "minimum": 1, "description": "How many of the last lines."})),
                ],
                &["shell_id"],
            ),
            tool(
                "get_background_shell_status",
                Effect::None,
                "Tells whether a background shell still runs, or how it ended.",
                &[("shell_id", &shell_id)],
                &["shell_id"],
            ),
            tool(
                "send_background_shell_input",
                run,
                "Writes to the input of a background shell.",
                &[
                    ("shell_id", &shell_id),
                    (
                        "input",
                        &json!({"type": "string", "description": "The text, with the line end if one is meant."}),
                    ),
                    ("end", &json!({"type": "boolean", "description": "Whether the input ends after it."})),
                ],
                &["shell_id"],
            ),
            tool(
                "kill_background_shell",
                Effect::Own,
                "Stops a background shell and everything it started.",
                &[("shell_id", &shell_id)],
                &["shell_id"],
            ),
            tool("list_background_shells", Effect::None, "Lists the background shells and how they stand.", &[], &[]),
        ]
    }

    fn call<'a>(&'a self, call: &'a ToolCall, context: &'a CallContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async { self.dispatch(call, context).await.unwrap_or_else(|refusal| refusal) })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.shells.close())
    }
}

fn tool(name: &str, effect: Effect, description: &str, parameters: &[(&str, &Value)], required: &[&str]) -> Tool {
    let properties: Map<_, _> =
        parameters.iter().map(|(name, schema)| ((*name).to_owned(), (*schema).clone())).collect();
    let parameters = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    Tool { spec: ToolSpec { name: format!("{PREFIX}{name}"), description: description.to_owned(), parameters }, effect }
}

fn read_arguments<'a, T: serde::Deserialize<'a>>(arguments: &'a str) -> Result<T, ToolOutcome> {
    read(arguments).map_err(ToolOutcome::failed)
}

/// A reply about a shell. Once it has ended, what it looked at counts for the turn that started it, unless its copies
/// of peers' work were renewed meanwhile.
fn told(shell: &Shell, reply: Map<String, Value>, context: &CallContext) -> ToolOutcome {
    let touches = if shell.recording.caller == context.caller { shell.recording.touches() } else { Vec::new() };
    ToolOutcome::done(Value::Object(reply).to_string()).touching(touches)
}

/// What of the peers' answers a command looks at.
fn touched_in(places: &CommandPlaces, command: &str, work_dir: &Path) -> Vec<PathBuf> {
    let Some(view) = &places.view else { return Vec::new() };
    touched(command, work_dir, view, &|path| within(view, &std::fs::canonicalize(path).ok()?))
}

/// A number of the model as a count: what is too large is as large as can be.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate, as wanted")]
fn whole(number: f64) -> u64 {
    number as u64
}
