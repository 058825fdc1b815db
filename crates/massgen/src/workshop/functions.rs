//! Functions of the user, and tools that are called from code.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures_util::future::BoxFuture;
use massgen_config::{Environment, ToolsConfig};
use massgen_orchestrator::{Announcer, Preparation};
use massgen_protocol::{Activity, ToolEnd, TurnId, TurnKind};
use massgen_python::{
    BUILTIN_FUNCTIONS, CodeSettings, CodeTools, ContextValues, CustomSettings, CustomToolSpec, CustomTools, Dispatch,
    InterpreterSearch, Presence, ToolboxDispatch, group_by_server,
};
use massgen_tool::{CallContext, Caller, Tool, ToolOutcome, Toolbox};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::media::{self, Means, RoomPaths};
use super::room::Room;
use crate::failure::{Failure, with_causes};
use crate::private_directory::private_directory;

/// The group that the user's functions make up, beside the servers.
pub(crate) const GROUP: &str = "custom_tools";

/// What functions can learn of the agent that calls them.
#[derive(Debug)]
pub(crate) struct AboutAgent {
    pub(crate) id: String,
    pub(crate) backend: String,
    pub(crate) question: String,
    pub(crate) workspace: Option<PathBuf>,
}

impl ContextValues for AboutAgent {
    fn values(&self, names: &[String], _: &CallContext) -> Map<String, Value> {
        let value = |name: &str| match name {
            "agent_id" => Some(json!(self.id)),
            "backend_name" => Some(json!(self.backend)),
            "prompt" => Some(json!(self.question)),
            "messages" => Some(json!([{"role": "user", "content": self.question}])),
            "agent_cwd" => self.workspace.as_ref().map(|path| json!(path.display().to_string())),
            _ => None,
        };
        names.iter().filter_map(|name| Some((name.clone(), value(name)?))).collect()
    }

    fn workspace(&self, _: &CallContext) -> Option<PathBuf> {
        self.workspace.clone()
    }
}

/// The user's functions as tools of an agent.
pub(crate) fn custom_tools(
    tools: &ToolsConfig,
    means: &Means,
    about: AboutAgent,
    config_folder: Option<&Path>,
    environment: &Environment,
    log: Option<PathBuf>,
) -> CustomTools {
    let workspace = about.workspace.clone();
    let variables: BTreeMap<OsString, OsString> = std::env::vars_os()
        .chain(
            // A `.env` file of the user counts for the user's functions as well.
            environment.vars.iter().map(|(name, value)| (name.into(), value.into())),
        )
        .collect();
    let search = InterpreterSearch { explicit: None, folders: vec![environment.cwd.clone()], environment: variables };
    let mut settings = CustomSettings::new(&environment.cwd, search);
    settings.roots = config_folder
        .map(Path::to_owned)
        .into_iter()
        .chain([environment.cwd.clone()])
        .chain(workspace.clone())
        .collect();
    if let Some(workspace) = &workspace {
        settings.working_directory.clone_from(workspace);
    }
    if let Some(room) = &means.room {
        settings.paths = Arc::new(RoomPaths(Arc::clone(room)));
    }
    settings.media = Some(Arc::clone(&means.provider));
    settings.context = Arc::new(about);
    settings.log = log;
    let here = workspace.unwrap_or_else(|| environment.cwd.clone());
    let own = tools.custom_tools.iter();
    let mut specs: Vec<CustomToolSpec> = own
        .map(|tool| CustomToolSpec {
            functions: vec![tool.function.as_str().to_owned()],
            names: vec![tool.name.as_str().to_owned()],
            descriptions: tool.description.iter().map(|text| text.as_str().to_owned()).collect(),
            path: tool.path.as_ref().map(|path| path.as_str().to_owned()),
            category: tool.category.as_ref().map(|category| category.as_str().to_owned()),
            preset_args: vec![tool.preset_args_in(&here)],
            ..CustomToolSpec::default()
        })
        .chain(discovered(tools))
        .collect();
    if means.room.is_some() {
        specs.extend(media::switched_on(&means.config, &specs));
    }
    CustomTools::new(settings, &specs)
}

/// Whether the agent has functions at all.
pub(crate) fn has_any(tools: &ToolsConfig) -> bool {
    !tools.custom_tools.is_empty() || discovered(tools).next().is_some()
}

/// The functions that come with massgen, where the config asks for all of them.
fn discovered(tools: &ToolsConfig) -> impl Iterator<Item = CustomToolSpec> + '_ {
    let is_wanted = |name: &str| {
        tools.auto_discover_custom_tools
            && !tools.custom_tools.iter().any(|tool| tool.function.as_str() == name)
            && !tools.exclude_custom_tools.iter().any(|part| name.contains(part.trim_start_matches('_')))
    };
    let built = BUILTIN_FUNCTIONS.iter().filter(|known| matches!(known.presence, Presence::Built(_)));
    built
        .filter(move |known| is_wanted(known.name))
        .map(|known| CustomToolSpec { functions: vec![known.name.to_owned()], ..CustomToolSpec::default() })
}

/// Where the modules of an agent's tools are, and the socket behind them.
#[derive(Debug)]
pub(crate) struct Modules {
    workspace: PathBuf,
    socket_folder: tempfile::TempDir,
    shared: Option<PathBuf>,
}

impl Modules {
    /// Makes what is needed, and lets the commands of `room` see it.
    pub(crate) fn new(room: &mut Room, shared: Option<PathBuf>) -> Result<Self, Failure> {
        // In the folder for temporary files: the path of a socket must be short.
        let socket_folder = tempfile::Builder::new().prefix("massgen-").tempdir();
        let socket_folder = socket_folder
            .map_err(|error| Failure::execution(format!("no directory for a socket can be made: {error}")))?;
        if let Some(shared) = &shared {
            private_directory(shared).map_err(|error| {
                Failure::execution(format!("the directory {} cannot be made: {error}", shared.display()))
            })?;
        }
        let modules = Self { workspace: room.workspace.clone(), socket_folder, shared };
        room.sockets.push(modules.socket());
        room.readable_by_commands.push(modules.socket_folder.path().to_owned());
        room.readable.extend(modules.shared.clone());
        Ok(modules)
    }

    /// What commands need to find them.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        [("PYTHONPATH", self.workspace.clone()), ("MASSGEN_TOOLS_SOCKET", self.socket())]
            .map(|(name, path)| (name.to_owned(), path.display().to_string()))
            .into()
    }

    fn socket(&self) -> PathBuf {
        self.socket_folder.path().join("tools.sock")
    }
}

/// Tools as code for one agent: written before its first turn, when its servers are known.
pub(crate) struct Code {
    toolbox: Toolbox,
    modules: Modules,
    /// Files of the user that are copied as they are, and what of them is not.
    files: Vec<PathBuf>,
    exclude: Vec<String>,
    announcer: Announcer,
    open: Mutex<Option<Open>>,
}

#[derive(Clone)]
struct Open {
    tools: Arc<CodeTools>,
    dispatch: Arc<Told>,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Code").field("modules", &self.modules).finish_non_exhaustive()
    }
}

impl Code {
    pub(crate) fn new(
        toolbox: Toolbox,
        modules: Modules,
        (files, exclude): (Vec<PathBuf>, Vec<String>),
        announcer: Announcer,
    ) -> Self {
        Self { toolbox, modules, files, exclude, announcer, open: Mutex::default() }
    }

    /// Ends all calls, and the servers behind them.
    pub(crate) async fn close(&self) {
        let open = self.opened();
        if let Some(open) = open {
            open.tools.close().await;
        }
        self.toolbox.close().await;
    }

    fn opened(&self) -> Option<Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes the modules when the servers are there, or anew when what they offer has changed.
    async fn ready(&self, turn: TurnId) -> Result<Open, String> {
        for text in self.toolbox.ready().await {
            self.announcer.tell(Activity::Notice { agent: Some(turn.agent), text });
        }
        let tools: Vec<Tool> = self.toolbox.sources().flat_map(|source| source.tools()).collect();
        let servers = group_by_server(&tools);
        if let Some(open) = self.opened() {
            open.tools.update(servers).await.map_err(|error| with_causes(&error))?;
            return Ok(open);
        }
        let dispatch = Arc::new(Told::new(self.toolbox.clone(), self.announcer.clone()));
        let mut settings = CodeSettings::new(&self.modules.workspace);
        settings.socket_directory = Some(self.modules.socket_folder.path().to_owned());
        settings.shared_directory.clone_from(&self.modules.shared);
        settings.custom_tool_files.clone_from(&self.files);
        settings.exclude.clone_from(&self.exclude);
        let told = massgen_python::token_cost(&tools);
        let tools = CodeTools::open(settings, servers, Arc::clone(&dispatch) as _).await;
        let tools = Arc::new(tools.map_err(|error| with_causes(&error))?);
        let open = Open { tools, dispatch };
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(open.clone());
        let text = format!(
            "{} tools are code: their schemas would cost about {} tokens in each call, the listing costs about {}",
            told.tools,
            told.plain_tokens(),
            told.code_tokens()
        );
        self.announcer.tell(Activity::Notice { agent: Some(turn.agent), text });
        Ok(open)
    }
}

impl Preparation for Code {
    fn prepare(&self, turn: TurnId, kind: TurnKind) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async move {
            match self.ready(turn).await {
                Ok(open) => {
                    open.dispatch.begin(turn, matches!(kind, TurnKind::Solo | TurnKind::Present));
                    vec![open.tools.listing().trim_end().to_owned()]
                }
                Err(problem) => {
                    let text = format!("tools cannot be called from code: {problem}");
                    self.announcer.tell(Activity::Notice { agent: Some(turn.agent), text });
                    Vec::new()
                }
            }
        })
    }
}

/// Makes the calls of programs, and tells the journal of them as of those that models make.
struct Told {
    inner: ToolboxDispatch,
    announcer: Announcer,
    turn: Mutex<Option<TurnId>>,
    number: AtomicU64,
}

impl Told {
    fn new(toolbox: Toolbox, announcer: Announcer) -> Self {
        Self { inner: ToolboxDispatch::new(toolbox), announcer, turn: Mutex::default(), number: AtomicU64::new(1) }
    }

    /// From now on calls are made in this turn.
    fn begin(&self, turn: TurnId, presenting: bool) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = Some(turn);
        self.inner.set_context(Some(CallContext {
            caller: Caller { turn, presenting, sight: 0 },
            cancel: CancellationToken::new(),
            progress: Arc::new(|_| {}),
        }));
    }
}

impl Dispatch for Told {
    fn dispatch<'a>(&'a self, name: &'a str, arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            let turn = *self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            let open =
                turn.map(|turn| OpenCall::new(&self.announcer, turn, format!("program-{number}"), name, &arguments));
            let outcome = self.inner.dispatch(name, arguments).await;
            if let Some(open) = open {
                open.end(&outcome);
            }
            outcome
        })
    }
}

/// A call of a program that has not ended. Dropped without an end, it was stopped with its program.
struct OpenCall<'a> {
    announcer: &'a Announcer,
    turn: TurnId,
    id: String,
    name: String,
    started: Instant,
    is_over: bool,
}

impl<'a> OpenCall<'a> {
    fn new(announcer: &'a Announcer, turn: TurnId, id: String, name: &str, arguments: &Value) -> Self {
        let (name, arguments) = (name.to_owned(), arguments.to_string());
        announcer.tell(Activity::ToolCalled { turn, id: id.clone(), name: name.clone(), arguments });
        Self { announcer, turn, id, name, started: Instant::now(), is_over: false }
    }

    fn end(mut self, outcome: &ToolOutcome) {
        self.is_over = true;
        self.tell(if outcome.is_error { ToolEnd::Failed } else { ToolEnd::Done }, &outcome.content);
    }

    fn tell(&self, end: ToolEnd, result: &str) {
        const RESULT_BYTES_MAX: usize = 4 * 1024;
        let cut = result.floor_char_boundary(RESULT_BYTES_MAX);
        self.announcer.tell(Activity::ToolEnded {
            turn: self.turn,
            id: self.id.clone(),
            name: self.name.clone(),
            end,
            // It is part of a call whose whole result is kept.
            content: None,
            checked: Vec::new(),
            result: result.get(..cut).unwrap_or_default().to_owned(),
            duration_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.tell(ToolEnd::Stopped, "");
        }
    }
}

/// Several preparations, one after the other.
#[derive(Debug)]
pub(crate) struct All(pub(crate) Vec<Arc<dyn Preparation>>);

impl Preparation for All {
    fn prepare(&self, turn: TurnId, kind: TurnKind) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async move {
            let mut paragraphs = Vec::new();
            for one in &self.0 {
                paragraphs.extend(one.prepare(turn, kind).await);
            }
            paragraphs
        })
    }
}
