//! Functions of the user as tools.
//!
//! [`CustomTools`] sorts the configuration's entries: functions of massgen run here, all others in a sidecar, a process of
//! the user's Python. The sidecar is started when the tools are first asked for, and again when it has ended or a call would not stop.

mod assets;
mod log;
mod process;
mod sidecar;
mod sources;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use massgen_protocol::ToolCall;
use massgen_tool::{CallContext, Tool, ToolOutcome, ToolSource};
use serde_json::{Map, Value};
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;

use crate::builtin::Surroundings;
use crate::interpreter::{Interpreter, InterpreterSearch};
use crate::media::MediaProvider;
use crate::paths::{ConfinedPaths, ToolPaths};
use crate::spec::CustomToolSpec;
use assets::Home;
pub(crate) use assets::{STAND_IN, write_all};
use log::BoundedLog;
use sidecar::{Launch, Sidecar};
use sources::{Loaded, Plan};

/// What functions can learn of their surroundings.
pub trait ContextValues: Send + Sync {
    /// Values for those of `names` that are known: `messages`, `agent_id`, `prompt`, `backend_name` and the like.
    fn values(&self, names: &[String], context: &CallContext) -> Map<String, Value>;

    /// The workspace of the agent that calls: what a parameter `agent_cwd` gets.
    fn workspace(&self, context: &CallContext) -> Option<PathBuf>;
}

/// No surroundings.
#[derive(Debug, Clone, Copy, Default)]
struct Nothing;

impl ContextValues for Nothing {
    fn values(&self, _: &[String], _: &CallContext) -> Map<String, Value> {
        Map::new()
    }

    fn workspace(&self, _: &CallContext) -> Option<PathBuf> {
        None
    }
}

/// How custom tools are found and run.
#[derive(Clone)]
pub struct CustomSettings {
    /// Where Python is, and its whole environment.
    pub python: InterpreterSearch,
    /// Where relative paths of tools are looked up, in this order: the folder of the configuration, the working folder,
    /// the workspace.
    pub roots: Vec<PathBuf>,
    /// The working folder of the functions.
    pub working_directory: PathBuf,
    /// What `@context_params` are filled from.
    pub context: Arc<dyn ContextValues>,
    /// Where functions of massgen itself may read and write.
    pub paths: Arc<dyn ToolPaths>,
    /// Who looks at pictures for them.
    pub media: Option<Arc<dyn MediaProvider>>,
    /// A folder inside of the agent's workspace that takes images and sound of results; without it they are not kept.
    pub media_folder: Option<String>,
    /// What the functions print outside of calls, and to standard error, goes here.
    pub log: Option<PathBuf>,
    /// How much of that, in bytes.
    pub log_bytes_max: u64,
    /// How long a result may be, in bytes. Of a longer one, the beginning and the end are kept.
    pub output_bytes_max: usize,
    /// How much one call may print, in bytes.
    pub progress_bytes_max: usize,
    /// How many calls run at once; more wait.
    pub calls_max: usize,
    /// How long Python may take to start, and to import a file.
    pub load_timeout: Duration,
    /// How long a cancelled call may take to stop; after that the sidecar is given up.
    pub cancel_grace: Duration,
    /// How long the sidecar may take to end by itself.
    pub close_grace: Duration,
}

impl CustomSettings {
    /// The usual settings, with everything found from `working_directory`, and confined to it.
    #[must_use]
    pub fn new(working_directory: impl Into<PathBuf>, python: InterpreterSearch) -> Self {
        let working_directory = working_directory.into();
        Self {
            python,
            roots: vec![working_directory.clone()],
            context: Arc::new(Nothing),
            paths: Arc::new(ConfinedPaths::new(&working_directory, Vec::new())),
            working_directory,
            media: None,
            media_folder: Some("tool_media".to_owned()),
            log: None,
            log_bytes_max: 1 << 20,
            output_bytes_max: 100_000,
            progress_bytes_max: 256 << 10,
            calls_max: 16,
            load_timeout: Duration::from_secs(60),
            cancel_grace: Duration::from_secs(2),
            close_grace: Duration::from_secs(2),
        }
    }
}

impl std::fmt::Debug for CustomSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CustomSettings").field("roots", &self.roots).finish_non_exhaustive()
    }
}

/// The custom tools of one agent, or of several that share a sidecar.
pub struct CustomTools {
    settings: CustomSettings,
    plan: Plan,
    home: OnceCell<Result<(Interpreter, Home), String>>,
    log: Arc<BoundedLog>,
    permits: Semaphore,
    state: Mutex<State>,
}

/// What changes.
struct State {
    generation: Arc<Generation>,
    loaded: Arc<Loaded>,
    actors: JoinSet<()>,
    closed: bool,
}

/// One start of the sidecar, shared by all who wait for it.
#[derive(Default)]
struct Generation {
    started: OnceCell<Result<Sidecar, String>>,
}

impl std::fmt::Debug for CustomTools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CustomTools").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl CustomTools {
    /// The tools of `specs`. Nothing is started yet, and what is wrong with a spec is told by
    /// [`ready`](ToolSource::ready).
    #[must_use]
    pub fn new(settings: CustomSettings, specs: &[CustomToolSpec]) -> Self {
        let plan = Plan::new(specs, &settings.roots, settings.media.is_some());
        let log = Arc::new(BoundedLog::new(settings.log.clone(), settings.log_bytes_max));
        let state = State {
            generation: Arc::default(),
            loaded: Arc::new(plan.without_sidecar()),
            actors: JoinSet::new(),
            closed: false,
        };
        Self {
            permits: Semaphore::new(settings.calls_max.max(1)),
            settings,
            plan,
            home: OnceCell::new(),
            log,
            state: Mutex::new(state),
        }
    }

    /// Which Python runs the functions: known once [`ready`](ToolSource::ready) has returned, if one is needed and found.
    #[must_use]
    pub fn interpreter(&self) -> Option<&Interpreter> {
        self.home.get()?.as_ref().ok().map(|(interpreter, _)| interpreter)
    }

    /// The category that the configuration gives a tool.
    #[must_use]
    pub fn category(&self, tool_name: &str) -> Option<String> {
        self.loaded().category(tool_name)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // The state is whole at every unlock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.state().loaded)
    }

    /// A sidecar that takes calls.
    async fn sidecar(&self) -> Result<Sidecar, String> {
        // The second start may meet the end of the first one; more would be a loop.
        for _ in 0..3 {
            let generation = {
                let state = self.state();
                if state.closed {
                    return Err("the tools are closed".to_owned());
                }
                Arc::clone(&state.generation)
            };
            let sidecar = generation.started.get_or_init(|| self.start()).await.clone();
            match sidecar {
                Ok(sidecar) if !sidecar.is_gone() => return Ok(sidecar),
                Ok(_) => self.next_generation(&generation),
                Err(reason) => {
                    self.next_generation(&generation);
                    return Err(reason);
                }
            }
        }
        Err("the Python process ends as soon as it is started".to_owned())
    }

    fn next_generation(&self, ended: &Arc<Generation>) {
        let mut state = self.state();
        if Arc::ptr_eq(&state.generation, ended) {
            state.generation = Arc::default();
        }
    }

    async fn home(&self) -> Result<&(Interpreter, Home), String> {
        let found = self.home.get_or_init(|| async {
            let interpreter = self.settings.python.find().await.map_err(|error| error.to_string())?;
            let home = Home::create().map_err(|error| format!("cannot set up the Python process: {error}"))?;
            Ok((interpreter, home))
        });
        found.await.as_ref().map_err(Clone::clone)
    }

    /// Starts a sidecar and has it load everything. A file at which it dies or hangs is left out of the next attempt.
    async fn start(&self) -> Result<Sidecar, String> {
        let (interpreter, home) = self.home().await?;
        let launch = Launch { settings: &self.settings, interpreter, home, log: &self.log };
        let mut broken = Map::new();
        loop {
            let (sidecar, actor) = launch.spawn()?;
            {
                let mut state = self.state();
                if state.closed {
                    return Err("the tools are closed".to_owned());
                }
                while state.actors.try_join_next().is_some() {}
                state.actors.spawn(actor);
            }
            // Dropped in the middle, the sidecar must not stay.
            let guard = sidecar.close_guard();
            let limit = self.settings.load_timeout;
            if tokio::time::timeout(limit, sidecar.ready()).await.is_err() {
                return Err(format!("Python did not start within {} s", limit.as_secs()));
            }
            match self.plan.load(&sidecar, limit, &broken).await {
                Ok(loaded) => {
                    guard.disarm();
                    self.state().loaded = Arc::new(loaded);
                    return Ok(sidecar);
                }
                Err((source, reason)) => {
                    if broken.contains_key(&source) || source.is_empty() {
                        return Err(reason);
                    }
                    broken.insert(source, Value::String(reason));
                }
            }
        }
    }

    async fn run(&self, call: &ToolCall, context: &CallContext) -> ToolOutcome {
        let arguments = match read_arguments(&call.arguments) {
            Ok(arguments) => arguments,
            Err(reason) => return ToolOutcome::failed(reason),
        };
        let loaded = self.loaded();
        if let Some(builtin) = loaded.builtin(&call.name) {
            let surroundings = Surroundings {
                paths: Arc::clone(&self.settings.paths),
                media: self.settings.media.clone(),
                output_bytes_max: self.settings.output_bytes_max,
            };
            return builtin.call(arguments, context, &surroundings).await;
        }
        let Some(function) = loaded.function(&call.name) else {
            return ToolOutcome::failed(format!("there is no tool `{}`", call.name));
        };
        let Ok(_permit) = self.permits.acquire().await else {
            return ToolOutcome::failed("the tools are closed");
        };
        let values = self.settings.context.values(&function.context, context);
        let workspace = self.settings.context.workspace(context);
        let order = serde_json::json!({
            "tool": function.index, "arguments": arguments, "context": values, "workspace": workspace,
        });
        match self.sidecar().await {
            Ok(sidecar) => sidecar.call(order, context, self.settings.cancel_grace).await,
            Err(reason) => ToolOutcome::failed(format!("the tool cannot run: {reason}")),
        }
    }
}

impl ToolSource for CustomTools {
    fn name(&self) -> &str {
        "custom tools"
    }

    fn tools(&self) -> Vec<Tool> {
        self.loaded().tools()
    }

    fn call<'a>(&'a self, call: &'a ToolCall, context: &'a CallContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(self.run(call, context))
    }

    fn ready(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async {
            let mut notices = self.plan.notices.clone();
            if self.plan.needs_sidecar() {
                match self.sidecar().await {
                    Ok(_) => notices.extend(self.loaded().notices.iter().cloned()),
                    Err(reason) => notices.extend(self.plan.notices_without_sidecar(&reason)),
                }
            }
            notices
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.permits.close();
            let (generation, mut actors) = {
                let mut state = self.state();
                // Whoever is about to start a process sees this, or has handed it over.
                state.closed = true;
                (Arc::clone(&state.generation), std::mem::take(&mut state.actors))
            };
            if let Some(Ok(sidecar)) = generation.started.get() {
                sidecar.close();
            }
            // Those that were given up end by themselves or not at all: the actors end them when dropped.
            let limit = self.settings.close_grace + Duration::from_secs(1);
            let all = async { while actors.join_next().await.is_some() {} };
            if tokio::time::timeout(limit, all).await.is_err() {
                actors.shutdown().await;
            }
        })
    }
}

/// The arguments of a call. No arguments at all are an empty object.
fn read_arguments(text: &str) -> Result<Map<String, Value>, String> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err("the arguments must be a JSON object".to_owned()),
        Err(error) => Err(format!("the arguments are not JSON: {error}")),
    }
}
