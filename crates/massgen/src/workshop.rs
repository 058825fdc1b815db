//! Where the agents of a run work and what they can do: directories, tools, servers, the user's files.

mod approvals;
mod asking;
mod claim;
mod commands;
mod contexts;
mod delivery;
mod form;
mod functions;
mod media;
mod only;
mod room;
mod secrets;
mod servers;
mod settlement;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use massgen_changes::Recovered;
use massgen_config::{AgentConfig, Environment, InstanceSuffix, McpServerConfig, TeamConfig, Verification};
use massgen_mcp::{AgentPlace, HubSettings, Servers, base_environment};
use massgen_orchestrator::{AgentSetup, Announcer, Ended, Preparation};
use massgen_protocol::{Activity, AgentIndex, PresentationSource, Record, Rules, RunEnd, RunView, SnapshotId};
use massgen_rehearsal::RehearsalServer;
use massgen_sandbox::Driver;
use massgen_sessions::SessionStore;
use massgen_tool::{ToolSource, Toolbox, ToolboxSettings};
use massgen_tools::files::{FilePlaces, FileSettings, FileTools};
use massgen_tools::skills::{Skills, project_notes, usual_folders};
use massgen_workspace::SnapshotStore;
use tokio_util::sync::CancellationToken;

use crate::failure::{Failure, with_causes};
use crate::private_directory::private_directory;
use asking::User;
use claim::Claim;
use commands::Shell;
use contexts::{Contexts, ForPresenter, drift};
use functions::{AboutAgent, All, Code, Modules};
use media::Means;
use only::Only;
use room::Room;
use settlement::{Settled, Settlement};

pub(crate) use delivery::AnswerFiles;

/// The file tools that are left to agents which do the rest by commands: what is hard to write in a shell.
const WRITING: [&str; 2] = ["mcp__filesystem__write_file", "mcp__filesystem__edit_file"];

/// How long a presentation may take that changes files or acts outside, in milliseconds: as long as a later turn.
const ACTING_MS: u64 = 600_000;

/// What a workshop is made for.
pub(crate) struct Order<'a> {
    pub(crate) config: &'a TeamConfig,
    pub(crate) environment: &'a Environment,
    pub(crate) question: &'a str,
    /// The config's file.
    pub(crate) config_file: Option<PathBuf>,
    /// Where the run leaves its log.
    pub(crate) logs: Option<PathBuf>,
    /// Where every provider is, in a rehearsal.
    pub(crate) rehearsal: Option<&'a RehearsalServer>,
    /// Whether programs that the config names are started: servers, functions. Not in a rehearsal of any question,
    /// which would never call them.
    pub(crate) starts_programs: bool,
    /// Whether there is somebody to ask.
    pub(crate) can_ask: bool,
    /// The same for a run that goes on: its agents find their directories again.
    pub(crate) seed: u64,
}

/// Where the agents of one run work. Close it: what it has started does not end by itself.
pub(crate) struct Workshop {
    store: Option<Arc<SnapshotStore>>,
    servers: Servers,
    rooms: Vec<Arc<Room>>,
    codes: Vec<Arc<Code>>,
    drivers: Vec<Arc<dyn Driver>>,
    contexts: Vec<Arc<Contexts>>,
    settlement: Settlement,
}

impl Workshop {
    /// Makes the directories, connects the tools, and hands each agent its own.
    pub(crate) async fn open(
        order: &Order<'_>,
        agents: &mut [AgentSetup],
        announcer: &Announcer,
    ) -> Result<Self, Failure> {
        Builder::new(order, announcer)?.build(agents).await
    }

    /// Where snapshots of workspaces are; `None`: no agent has a workspace.
    pub(crate) fn store(&self) -> Option<&Arc<SnapshotStore>> {
        self.store.as_ref()
    }

    /// What the team plays by, with what follows from its tools.
    pub(crate) fn rules(&self, config: &TeamConfig, agents: &[AgentSetup]) -> Rules {
        let plans = config.orchestrator.coordination.enable_planning_mode;
        let cannot_verify = (0_u16..).map(AgentIndex).zip(agents).filter(|(_, agent)| agent.desk.is_none());
        let usual = config.rules();
        let acts = self.contexts.iter().any(|contexts| contexts.has_writable()) || plans;
        Rules {
            // Whoever changes files needs as long as for any other work.
            presentation_ms: if acts { usual.presentation_ms.max(ACTING_MS) } else { usual.presentation_ms },
            presentation_acts: acts,
            verification: match config.verification() {
                Verification::Required => massgen_protocol::Verification::Required,
                Verification::Marked => massgen_protocol::Verification::Marked,
                Verification::Off | Verification::Auto => massgen_protocol::Verification::Off,
            },
            cannot_verify: cannot_verify.map(|(index, _)| index).collect(),
            ..usual
        }
    }

    /// Offers the user what the presenter changed in the user's own files.
    pub(crate) async fn settle<Observe: FnMut(&Arc<Record>)>(
        &self,
        ended: &mut Ended<Observe>,
        cancel: &CancellationToken,
        catch_up: impl Fn(),
    ) {
        /// Whoever asks for changes again and again may as well make them.
        const ROUNDS_MAX: usize = 20;
        for round in 1.. {
            let mut request = None;
            let copies = self
                .contexts
                .iter()
                .flat_map(|contexts| contexts.take_copies().into_iter().map(move |copy| (contexts, copy)));
            for (contexts, copy) in copies.collect::<Vec<_>>() {
                catch_up();
                match self.settlement.settle(&copy, broken_off(ended.view()), cancel).await {
                    Settled::Unchanged => settlement::discard(copy),
                    Settled::Done(activity) => {
                        ended.record(activity);
                        settlement::discard(copy);
                    }
                    Settled::AskedFor(words) => {
                        request = Some(words);
                        contexts.put_back(copy);
                    }
                }
            }
            let Some(words) = request.filter(|_| round < ROUNDS_MAX && !cancel.is_cancelled()) else { return };
            if let Err(problem) = ended.ask_presenter(&words, cancel).await {
                let text = format!("the presenter could not change it: {problem}");
                ended.record(Activity::Notice { agent: None, text });
            }
        }
    }

    /// Ends everything that was started, and removes what nobody needs any more. `in_use` tells what other runs still
    /// need of the store.
    pub(crate) async fn close(self, in_use: impl FnOnce() -> Vec<SnapshotId> + Send + 'static) {
        self.end().await;
        let (rooms, store) = (self.rooms, self.store);
        let tidied = tokio::task::spawn_blocking(move || {
            rooms.iter().for_each(|room| room.tidy());
            // Snapshots of runs that are over: what they were for is in those runs' logs.
            let _ = store.map(|store| store.remove_unused(&in_use()));
        });
        // What could not be removed is tried again by the next run.
        let _ = tidied.await;
    }

    /// Ends everything that was started for a run that does not begin.
    async fn abandon(self) {
        self.end().await;
        let rooms = self.rooms;
        let _ = tokio::task::spawn_blocking(move || rooms.iter().for_each(|room| room.tidy())).await;
    }

    async fn end(&self) {
        /// Whatever does not end in time is left to be killed with this process.
        const TIME_MAX: Duration = Duration::from_secs(30);
        let ending = async {
            for code in &self.codes {
                code.close().await;
            }
            self.servers.close().await;
            for driver in &self.drivers {
                driver.close().await;
            }
        };
        let _ = tokio::time::timeout(TIME_MAX, ending).await;
    }
}

/// Why the changes in copies may be half done; `None`: whoever made them came to an end.
fn broken_off(view: &RunView) -> Option<&'static str> {
    let is_stored = matches!(view.final_answer, Some((_, _, PresentationSource::Stored { .. })));
    match view.end {
        Some(RunEnd::Cancelled) => Some("the run was stopped"),
        // An agent alone has no presentation: its answer is stored as it is.
        _ if is_stored && view.agents.len() > 1 => Some("the presentation broke off"),
        _ => None,
    }
}

/// `path` without links, as far as it exists.
fn without_links(path: &Path) -> PathBuf {
    let real = |there: &Path| Some(std::fs::canonicalize(there).ok()?.join(path.strip_prefix(there).ok()?));
    path.ancestors().find_map(real).unwrap_or_else(|| path.to_owned())
}

/// Spreads every bit of a number over all of another: the last steps of SplitMix64 (Steele, Lea, Flood 2014).
fn scramble(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// Keeps what runs leave out of the user's repository. A config in the same folder stays in.
fn keep_out_of_repositories(own: &Path) {
    const NAMES: &str = "# Written by massgen: what runs leave.\n/.gitignore\n/changes/\n/massgen_logs/\n/patches/\n/sessions/\n\
                         /snapshots/\n/temp_workspaces/\n/workspaces/\n";
    let path = own.join(".gitignore");
    if own.is_dir() && !path.exists() {
        // Nobody depends on it.
        let _ = std::fs::write(path, NAMES);
    }
}

/// Brings to an end what a killed run has left: changes that were being written back, copies of the user's files.
fn recover(state: &Path, announcer: &Announcer) {
    if !state.exists() {
        return;
    }
    let tell = |text: String| announcer.tell(Activity::Notice { agent: None, text });
    match massgen_changes::recover(state) {
        Ok(recovered) => recovered.iter().filter_map(in_words).for_each(tell),
        Err(error) => {
            tell(format!("what an earlier run has left could not be brought to an end: {}", with_causes(&error)));
        }
    }
}

fn in_words(recovered: &Recovered) -> Option<String> {
    match recovered {
        Recovered::Finished { path, .. } => {
            Some(format!("changes to {} that an earlier run was writing back are now complete", path.display()))
        }
        Recovered::Undone { path, .. } => {
            Some(format!("changes to {} that an earlier run was writing back were undone", path.display()))
        }
        _ => None,
    }
}

/// A rehearsal of any question is one of the team, not of what is around it.
fn tell_what_is_left_out(order: &Order<'_>, announcer: &Announcer) {
    let has = |has: fn(&AgentConfig) -> bool| order.config.agents.iter().any(has);
    let parts = [
        ("commands", has(|agent| agent.backend.commands.is_some())),
        ("MCP servers", has(|agent| !agent.backend.tools.mcp_servers.is_empty())),
        ("functions of yours", has(|agent| !agent.backend.tools.custom_tools.is_empty())),
    ];
    let left_out: Vec<&str> = parts.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name).collect();
    if !left_out.is_empty() {
        let text = format!("left out of this rehearsal: {}", left_out.join(", "));
        announcer.tell(Activity::Notice { agent: None, text });
    }
}

/// What an agent has from outside, each by the name of its server.
type Outside = Vec<(String, Arc<dyn ToolSource>)>;

struct Builder<'a> {
    order: &'a Order<'a>,
    announcer: &'a Announcer,
    user: Option<User>,
    store: Option<Arc<SnapshotStore>>,
    servers: Servers,
    rooms: Vec<Arc<Room>>,
    codes: Vec<Arc<Code>>,
    drivers: Vec<Arc<dyn Driver>>,
    /// The user's files, for each agent.
    contexts: Vec<Arc<Contexts>>,
    /// Tells this run's directories from those of others.
    number: u32,
}

impl<'a> Builder<'a> {
    fn new(order: &'a Order<'a>, announcer: &'a Announcer) -> Result<Self, Failure> {
        let config = order.config;
        let coordination = &config.orchestrator.coordination;
        let state = order.environment.absolute(".massgen/changes");
        recover(&state, announcer);
        Claim::clear_abandoned(&order.environment.cwd.join(config.orchestrator.temporary_workspace()));
        if !order.starts_programs {
            tell_what_is_left_out(order, announcer);
        }
        keep_out_of_repositories(&order.environment.absolute(".massgen"));
        let contexts = |agent: &AgentConfig| {
            let mut entries = config.orchestrator.context_paths_of(agent, order.environment);
            // What is not there was an error of the config, except where nothing comes of it.
            entries.retain(|entry| order.starts_programs || entry.path.exists());
            for path in entries.iter().flat_map(|entry| &entry.protected).filter(|path| !path.exists()) {
                let text = format!(
                    "`protected_paths` names {}, which does not exist: nothing is protected by it",
                    path.display()
                );
                announcer.tell(Activity::Notice { agent: None, text });
            }
            Contexts::new(entries, state.clone(), coordination.write_mode).map(Arc::new)
        };
        let contexts = config.agents.iter().map(contexts).collect::<Result<Vec<_>, _>>()?;
        for contexts in &contexts {
            // Keys may be in it, and it tells who is who. So does the log.
            order.config_file.iter().chain(&order.logs).for_each(|path| contexts.hide(path));
        }
        let names = config.agents.iter().map(|agent| agent.id.to_string()).collect();
        let user = order.can_ask.then(|| User::new(names));
        let elicitor = user.clone().map(|user| Arc::new(user) as Arc<dyn massgen_mcp::Elicitor>);
        let servers = Servers::new(HubSettings {
            log_directory: order.logs.clone(),
            credentials_directory: order.environment.home.as_ref().map(|home| home.join(".massgen/mcp")),
            environment: base_environment(std::env::vars_os()),
            elicitor,
            authorizer: user.clone().map(|user| Arc::new(user) as Arc<dyn massgen_mcp::Authorizer>),
            ..HubSettings::default()
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            order,
            announcer,
            user,
            store: None,
            servers,
            rooms: Vec::new(),
            codes: Vec::new(),
            drivers: Vec::new(),
            contexts,
            number: now.subsec_nanos() ^ std::process::id().rotate_left(16),
        })
    }

    async fn build(mut self, agents: &mut [AgentSetup]) -> Result<Workshop, Failure> {
        let order = self.order;
        let skills = self.skills();
        let mut shell = Shell {
            environment: order.environment,
            logs: order.logs.clone(),
            instance: format!("{:08x}", self.number),
            sandbox: None,
        };
        let mut furnished = Ok(());
        for ((index, setup), config) in (0_u16..).zip(agents.iter_mut()).zip(&order.config.agents) {
            furnished = self.furnish(AgentIndex(index), config, setup, &mut shell, skills.as_ref()).await;
            if furnished.is_err() {
                break;
            }
        }
        let settlement = Settlement {
            apply: order.config.orchestrator.apply_when(order.can_ask),
            drift: drift(order.config.orchestrator.coordination.drift_conflict_policy),
            patches: order.logs.clone().unwrap_or_else(|| order.environment.absolute(".massgen/patches")),
        };
        let workshop = Workshop {
            store: self.store,
            servers: self.servers,
            rooms: self.rooms,
            codes: self.codes,
            drivers: self.drivers,
            contexts: self.contexts,
            settlement,
        };
        match furnished {
            Ok(()) => Ok(workshop),
            Err(failure) => {
                // It has not begun: nothing of others is touched.
                workshop.abandon().await;
                Err(failure)
            }
        }
    }

    /// Gives one agent its directories and tools.
    async fn furnish(
        &mut self,
        index: AgentIndex,
        config: &AgentConfig,
        setup: &mut AgentSetup,
        shell: &mut Shell<'_>,
        skills: Option<&Arc<Skills>>,
    ) -> Result<(), Failure> {
        let tools = &config.backend.tools;
        let mut room = self.room(index, config)?;
        let as_code = tools.enable_code_based_tools && room.is_some() && config.backend.commands.is_some();
        let is_coded =
            |server: &String| as_code && !tools.direct_mcp_servers.iter().any(|name| name.as_str() == server);
        let modules = match &mut room {
            Some(room) if as_code => {
                let shared = tools.shared_tools().map(|path| self.order.environment.cwd.join(path));
                Some(Modules::new(room, shared)?)
            }
            _ => None,
        };
        let room = room.map(Arc::new);
        let outside = self.outside(index, config, room.as_ref())?;
        let (coded, direct): (Vec<_>, Vec<_>) = outside.into_iter().partition(|(server, _)| is_coded(server));
        // The user's own tools come first: they may take the place of ours.
        let mut sources: Vec<Arc<dyn ToolSource>> = direct.into_iter().map(|(_, source)| source).collect();
        let gate = self.gate(index, config, room.as_ref())?;
        let settings = self.toolbox_settings(config);
        let mut preparations: Vec<Arc<dyn Preparation>> = Vec::new();
        if let Some(room) = &room {
            let read_before_delete = config.backend.files.enforce_read_before_delete;
            let file_settings = FileSettings { read_before_delete, ..FileSettings::default() };
            let files = FileTools::new(Arc::clone(room) as _, file_settings);
            sources.push(if config.backend.files.exclude_file_operation_mcps {
                Arc::new(Only::new(files, &WRITING))
            } else {
                Arc::new(files)
            });
            if let Some(commands) = config.backend.commands.as_ref().filter(|_| self.order.starts_programs) {
                let variables = modules.as_ref().map(Modules::variables).unwrap_or_default();
                let commands = shell.commands(commands, room, &self.suffix(index).to_string(), variables).await?;
                commands::check_enforceable(&*commands.driver, &commands.tools, room, as_code).await?;
                sources.push(commands.tools);
                if !self.drivers.iter().any(|known| Arc::ptr_eq(known, &commands.driver)) {
                    self.drivers.push(commands.driver);
                }
            }
            if let Some(modules) = modules {
                let toolbox = Toolbox::new(coded.into_iter().map(|(_, source)| source).collect())
                    .with_gate(Arc::clone(&gate))
                    .with_settings(settings);
                let files = tools.custom_tools_path.iter().map(|path| self.order.environment.absolute(path)).collect();
                let exclude = tools.exclude_custom_tools.iter().map(|name| name.as_str().to_owned()).collect();
                let code = Arc::new(Code::new(toolbox, modules, (files, exclude), self.announcer.clone()));
                self.codes.push(Arc::clone(&code));
                preparations.push(code);
            }
            let (contexts, announcer) = (Arc::clone(&room.contexts), self.announcer.clone());
            preparations.push(Arc::new(ForPresenter { contexts, announcer }));
            setup.desk = Some(room.desk(&self.open_store()?));
            self.rooms.push(Arc::clone(room));
        }
        sources.extend(skills.map(|skills| Arc::clone(skills) as Arc<dyn ToolSource>));
        setup.briefing = self.briefing(config, room.as_ref().map(|room| &*room.contexts), skills);
        setup.tools = Toolbox::new(sources).with_gate(gate).with_settings(settings);
        setup.preparation = (!preparations.is_empty()).then(|| Arc::new(All(preparations)) as Arc<dyn Preparation>);
        Ok(())
    }

    /// The directories of an agent that works with files: one with a `cwd`, and every one when there are files of the
    /// user to look at.
    fn room(&mut self, index: AgentIndex, config: &AgentConfig) -> Result<Option<Room>, Failure> {
        let (environment, suffix) = (self.order.environment, self.suffix(index));
        let Some(contexts) = self.contexts.get(index.position()).cloned() else { return Ok(None) };
        let workspace = match config.backend.workspace_of_run(suffix) {
            Some(workspace) => workspace,
            None if !contexts.paths().is_empty() => PathBuf::from(format!(".massgen/workspaces/workspace_{suffix}")),
            None => return Ok(None),
        };
        let absolute = |path: PathBuf| environment.cwd.join(path);
        let temporary = absolute(self.order.config.orchestrator.temporary_workspace());
        let (read, sockets) = commands::grants(config.backend.commands.as_ref(), environment);
        let cannot_make = |path: &Path, error: &std::io::Error| {
            Failure::execution(format!("the directory {} cannot be made: {error}", path.display()))
        };
        let workspace = absolute(workspace);
        self.check_apart(&workspace, &temporary)?;
        // Named after nobody: an agent that knew its number would know which answer is its own.
        let claim = Claim::new(&temporary, suffix.to_string()).map_err(|error| cannot_make(&temporary, &error))?;
        private_directory(&workspace).map_err(|error| cannot_make(&workspace, &error))?;
        let room =
            Room { workspace, claim, sockets, readable: self.skill_folders(), readable_by_commands: read, contexts };
        Ok(Some(room))
    }

    /// Refuses places where agents would see each other's work before it is published.
    fn check_apart(&self, workspace: &Path, temporary: &Path) -> Result<(), Failure> {
        let store = self.order.environment.cwd.join(self.order.config.orchestrator.snapshot_directory());
        let places = [("cwd", workspace), ("agent_temporary_workspace", temporary), ("snapshot_storage", &store)];
        for (key, place) in places {
            let place = without_links(place);
            if let Some(context) = self.contexts.iter().find_map(|contexts| contexts.around(&place)) {
                let (place, context) = (place.display(), context.display());
                let problem = format!(
                    "`{key}` puts {place} into the context path {context}, where all agents would see each other's work"
                );
                return Err(Failure::configuration(problem)
                    .hint(format!("a relative `{key}` lies in `.massgen`, which is not part of context paths")));
            }
        }
        Ok(())
    }

    /// What the agent has from outside: its MCP servers and the user's functions, each by the name of the server.
    fn outside(&self, index: AgentIndex, config: &AgentConfig, room: Option<&Arc<Room>>) -> Result<Outside, Failure> {
        let (order, tools) = (self.order, &config.backend.tools);
        if !order.starts_programs {
            return Ok(Vec::new());
        }
        let workspace = room.map(|room| room.workspace.clone());
        let place = match &workspace {
            Some(workspace) => AgentPlace::new(index, workspace),
            None => AgentPlace::without_workspace(index),
        };
        let here = workspace.clone().unwrap_or_else(|| order.environment.cwd.clone());
        let servers = servers::sources(&self.servers, tools, &here, &place);
        let mut sources: Outside =
            servers.into_iter().map(|(name, source)| (name, source as Arc<dyn ToolSource>)).collect();
        let media = config.backend.media.within(&order.config.orchestrator.media);
        if workspace.is_none() && media::is_switched_on(&media) {
            let text =
                "the tools for media are left out: the agent has no workspace; give it one with `cwd`".to_owned();
            self.announcer.tell(Activity::Notice { agent: Some(index), text });
        }
        if functions::has_any(tools) || (workspace.is_some() && media::is_switched_on(&media)) {
            let provider = media::media(&config.backend, &media, order.environment, order.rehearsal)?;
            let means = Means { provider, config: media, room: room.map(Arc::clone) };
            let about = AboutAgent {
                id: config.id.to_string(),
                backend: config.backend.kind.kind.to_owned(),
                question: order.question.to_owned(),
                workspace,
            };
            let log = order.logs.as_ref().map(|logs| logs.join(format!("custom_tools_{index}.log")));
            let folder = order.config_file.as_deref().and_then(Path::parent);
            let functions = functions::custom_tools(tools, &means, about, folder, order.environment, log);
            sources.push((functions::GROUP.to_owned(), Arc::new(functions)));
        }
        Ok(sources)
    }

    fn gate(
        &self,
        index: AgentIndex,
        config: &AgentConfig,
        room: Option<&Arc<Room>>,
    ) -> Result<Arc<dyn massgen_tool::Gate>, Failure> {
        let places: Arc<dyn massgen_tools::files::Places> = match room {
            Some(room) => Arc::clone(room) as _,
            None => Arc::new(|_: &massgen_tool::Caller| FilePlaces::default()),
        };
        let permissions = config.backend.permissions.as_ref();
        let approvals = approvals::gate(index, permissions, places, self.user.as_ref(), self.announcer.clone())?;
        Ok(Arc::new(approvals))
    }

    fn toolbox_settings(&self, config: &AgentConfig) -> ToolboxSettings {
        let tools = &config.backend.tools;
        let usual = ToolboxSettings::default();
        let asked = tools.max_concurrent_tools.and_then(|count| usize::try_from(count).ok());
        ToolboxSettings {
            planning: self.order.config.orchestrator.coordination.enable_planning_mode,
            concurrent_calls_max: asked.unwrap_or(usual.concurrent_calls_max),
            concurrent_changes: tools.concurrent_tool_execution,
            ..usual
        }
    }

    /// What an agent is told of its surroundings, besides where it works.
    fn briefing(
        &self,
        config: &AgentConfig,
        contexts: Option<&Contexts>,
        skills: Option<&Arc<Skills>>,
    ) -> Option<String> {
        let coordination = &self.order.config.orchestrator.coordination;
        let mut parts = Vec::new();
        if let Some(contexts) = contexts {
            parts.extend(contexts.briefing());
            // What goes with earlier answers is material, whatever its files are called.
            let earlier = self.order.environment.absolute(SessionStore::DEFAULT_BASE);
            let own: Vec<PathBuf> = contexts.paths().into_iter().filter(|path| !path.starts_with(&earlier)).collect();
            for (path, text) in project_notes(&own) {
                parts.push(format!("What {} says to agents that work there:\n\n{}", path.display(), text.trim()));
            }
        }
        let about =
            |server: &McpServerConfig| Some(format!("- {}: {}", server.name, server.description.as_ref()?.trim()));
        let servers: Vec<String> = config.backend.tools.mcp_servers.iter().filter_map(about).collect();
        if !servers.is_empty() && self.order.starts_programs {
            parts.push(format!("What the tools of these servers are for:\n{}", servers.join("\n")));
        }
        parts.extend(skills.map(|skills| skills.listing()));
        if coordination.enable_planning_mode {
            let usual = "The team is planning. Only the final presenter carries out what cannot be taken back; until then, \
                         describe it.";
            let text = coordination.planning_mode_instruction.as_ref().map_or(usual, |text| text.as_str());
            parts.push(text.to_owned());
        }
        parts.retain(|part| !part.trim().is_empty());
        (!parts.is_empty()).then(|| parts.join("\n\n"))
    }

    /// Where skills are; none when agents have none.
    fn skill_folders(&self) -> Vec<PathBuf> {
        let (coordination, environment) = (&self.order.config.orchestrator.coordination, self.order.environment);
        if !coordination.use_skills {
            return Vec::new();
        }
        let configured = environment.absolute(coordination.skills_directory());
        let mut folders = usual_folders(&environment.cwd, environment.home.as_deref(), None);
        if !folders.contains(&configured) {
            folders.push(configured);
        }
        folders.into_iter().filter(|folder| folder.is_dir()).collect()
    }

    /// The skills of this project and of this user.
    fn skills(&self) -> Option<Arc<Skills>> {
        if !self.order.config.orchestrator.coordination.use_skills {
            return None;
        }
        let folders = self.skill_folders();
        let (skills, notices) = Skills::discover(&folders);
        for text in notices {
            self.announcer.tell(Activity::Notice { agent: None, text });
        }
        Some(Arc::new(skills))
    }

    /// The store of snapshots, opened when the first agent with a workspace needs it.
    fn open_store(&mut self) -> Result<Arc<SnapshotStore>, Failure> {
        if let Some(store) = &self.store {
            return Ok(Arc::clone(store));
        }
        let folder = self.order.environment.cwd.join(self.order.config.orchestrator.snapshot_directory());
        let store = SnapshotStore::open(&folder).map_err(|error| Failure::execution(with_causes(&error)))?;
        Ok(Arc::clone(self.store.insert(Arc::new(store))))
    }

    /// Tells an agent's directories in this run from all others.
    fn suffix(&self, index: AgentIndex) -> InstanceSuffix {
        // Who does not know the seed cannot tell the number of an agent from that of another.
        let tag = |index: u16| scramble(self.order.seed ^ u64::from(index).wrapping_mul(0x9E37_79B9_7F4A_7C15)) >> 32;
        let own = tag(index.0);
        // Two in one run that are alike are kept apart by those before.
        let alike = (0..index.0).filter(|before| tag(*before) == own).count();
        InstanceSuffix(u32::try_from(own).unwrap_or_default().wrapping_add(u32::try_from(alike).unwrap_or_default()))
    }
}
