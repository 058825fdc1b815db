//! The typed config: what the rest of massgen sees.

mod budget;
mod commands;
mod context_path;
mod docker;
mod mcp;
mod media;
mod orchestrator;
mod permissions;
mod tools;

pub use budget::{BudgetConfig, BudgetLimits};
pub use commands::{ByteCount, CommandConfig, CommandLimits, CommandMode, SandboxConfig};
pub use context_path::{ContextPath, Permission, ResolvedContextPath};
pub use docker::{CredentialMount, DockerConfig, DockerCredentials, DockerMount, DockerNetwork, DockerPackages};
pub(crate) use mcp::split_words;
pub use mcp::{McpCommand, McpEndpoint, McpOAuth, McpProgram, McpSecurity, McpServerConfig, McpSharing, McpTransport};
pub use media::{MediaChoice, MediaConfig, MediaKindConfig};
pub use orchestrator::{Apply, CoordinationConfig, DriftConflictPolicy, OrchestratorConfig, Verification, WriteMode};
pub use permissions::{
    AutomationDefault, PermissionAction, PermissionConfig, PermissionRole, PermissionRule, PermissionRules,
};
pub use tools::{CustomToolConfig, ToolsConfig};

use massgen_protocol::AgentId;
use massgen_providers::{Capability, Price, Provider};

use crate::{Params, Secret, Text, Written};

/// A whole config: the team, and how it works.
///
/// Its `Debug` form shows no secret and no value of a variable.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamConfig {
    /// The agents, in the order of the config; at least one.
    pub agents: Vec<AgentConfig>,
    /// How they work together.
    pub orchestrator: OrchestratorConfig,
    /// How long they may take.
    pub timeouts: TimeoutConfig,
    /// What it may spend.
    pub budget: BudgetConfig,
    /// How the run is shown.
    pub ui: UiConfig,
    /// A recorded run whose replies are given, instead of asking anybody: a file, or a run's name.
    pub cassette: Option<Text>,
    /// The question when the command line gives none.
    pub prompt: Option<Text>,
    /// The session to resume.
    pub session_id: Option<Text>,
    /// Options that are known but not acted upon, as written.
    pub unbuilt: Written,
}

/// One agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentConfig {
    /// Its id, unique in the team.
    pub id: AgentId,
    /// What it is told to be.
    pub system_message: Option<Text>,
    /// What it thinks with.
    pub backend: BackendConfig,
    /// Options that are known but not acted upon, as written.
    pub unbuilt: Written,
}

/// What an agent thinks with.
#[derive(Debug, Clone, PartialEq)]
pub struct BackendConfig {
    /// The backend type.
    pub kind: &'static Provider,
    /// The model as the provider names it. An AG2 backend that names none at its top has the
    /// model of its `llm_config`, or else `ag2`.
    pub model: Text,
    /// Where the provider is, when not where it usually is.
    pub base_url: Option<Text>,
    /// The key, when the config gives it; else see [`KeySource`](crate::KeySource).
    pub api_key: Option<Secret>,
    /// Whether the provider searches the web.
    pub web_search: bool,
    /// Whether the provider searches X.
    pub x_search: bool,
    /// Whether the provider runs code.
    pub code_execution: bool,
    /// The agent's workspace as written; `${cwd}` in other options stands for it.
    pub cwd: Option<Text>,
    /// The files that the agent works with, besides its workspace.
    pub files: FilesConfig,
    /// How the agent runs commands; `None`: it runs none.
    pub commands: Option<CommandConfig>,
    /// The tools of the agent that do not come with massgen.
    pub tools: ToolsConfig,
    /// What the agent can do with pictures, sound and films; see [`MediaConfig::within`].
    pub media: MediaConfig,
    /// What the agent may do without asking; `None`: the config leaves that to the usual rules.
    pub permissions: Option<PermissionConfig>,
    /// Whom to ask while the provider is in trouble.
    pub fallback: Vec<FallbackConfig>,
    /// What the model costs, when the config says so: US dollars for a million tokens.
    pub price: Option<Price>,
    /// What goes to the provider as it is. `null`s are left out.
    pub params: Params,
    /// Options that are known but not acted upon, as written.
    pub unbuilt: Written,
}

/// A model to ask while another provider is in trouble.
#[derive(Debug, Clone, PartialEq)]
pub struct FallbackConfig {
    /// The backend type.
    pub kind: &'static Provider,
    /// The model as the provider names it.
    pub model: Text,
    /// Where the provider is, when not where it usually is.
    pub base_url: Option<Text>,
    /// The key, when the config gives it.
    pub api_key: Option<Secret>,
    /// What the model costs, when the config says so.
    pub price: Option<Price>,
    /// What goes to the provider as it is.
    pub params: Params,
}

impl BackendConfig {
    /// The provider's tools that are switched on.
    #[must_use]
    pub fn enabled(&self) -> Vec<Capability> {
        [
            (self.web_search, Capability::WebSearch),
            (self.x_search, Capability::XSearch),
            (self.code_execution, Capability::CodeExecution),
        ]
        .into_iter()
        .filter_map(|(enabled, capability)| enabled.then_some(capability))
        .collect()
    }

    /// Whether the agent can run its peers' work.
    pub(crate) fn can_verify(&self) -> bool {
        self.cwd.is_some() && self.commands.is_some()
    }
}

/// The files that an agent works with, besides its workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesConfig {
    /// Files and directories outside the workspaces, for this agent alone; see
    /// [`OrchestratorConfig::context_paths_of`].
    pub context_paths: Vec<ContextPath>,
    /// Whether only what was read may be deleted.
    pub enforce_read_before_delete: bool,
    /// Whether most file tools are left out, in favour of commands.
    pub exclude_file_operation_mcps: bool,
}

impl Default for FilesConfig {
    fn default() -> Self {
        Self { context_paths: Vec::new(), enforce_read_before_delete: true, exclude_file_operation_mcps: false }
    }
}

/// How long the team may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeoutConfig {
    /// How long the whole run may take.
    pub orchestrator_timeout_seconds: f64,
    /// How long a turn may take on a first answer. `None`: the usual, see [`Rules::first_turn_ms`](massgen_protocol::Rules::first_turn_ms).
    pub initial_round_timeout_seconds: Option<f64>,
    /// How long a later turn may take. `None`: the usual, see [`Rules::later_turn_ms`](massgen_protocol::Rules::later_turn_ms).
    pub subsequent_round_timeout_seconds: Option<f64>,
    /// How long a provider may send nothing before the call is tried again. `None`: the usual.
    pub stall_timeout_seconds: Option<f64>,
}

impl Default for TimeoutConfig {
    fn default() -> Self {
        Self {
            orchestrator_timeout_seconds: 1800.0,
            initial_round_timeout_seconds: None,
            subsequent_round_timeout_seconds: None,
            stall_timeout_seconds: None,
        }
    }
}

/// How the run is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct UiConfig {
    /// What it is shown on.
    pub display_type: DisplayType,
    /// Whether the run leaves a log folder.
    pub logging_enabled: bool,
    /// Options that are known but not acted upon, as written.
    pub unbuilt: Written,
}

impl Default for UiConfig {
    fn default() -> Self {
        Self { display_type: DisplayType::RichTerminal, logging_enabled: true, unbuilt: Written::default() }
    }
}

/// What a run is shown on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisplayType {
    /// The full-screen terminal. `terminal` means the same.
    RichTerminal,
    /// The full-screen terminal by the name of the reference's newer one.
    TextualTerminal,
    /// Plain lines.
    Simple,
    /// Status lines for programs.
    Silent,
    /// Nothing.
    None,
    /// The browser.
    Web,
}

impl DisplayType {
    /// Every display and its name in configs.
    pub const NAMES: &[(&str, Self)] = &[
        ("rich_terminal", Self::RichTerminal),
        ("textual_terminal", Self::TextualTerminal),
        ("terminal", Self::RichTerminal),
        ("simple", Self::Simple),
        ("silent", Self::Silent),
        ("none", Self::None),
        ("web", Self::Web),
    ];
}
