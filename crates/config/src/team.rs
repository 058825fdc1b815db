//! The typed config: what the rest of massgen sees.

use massgen_protocol::{AgentId, Novelty, Rules, Sensitivity, Strategy};
use massgen_providers::{Capability, Provider};

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
    /// How the run is shown.
    pub ui: UiConfig,
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
    /// What goes to the provider as it is. `null`s are left out.
    pub params: Params,
    /// Options that are known but not acted upon, as written.
    pub unbuilt: Written,
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
}

/// How the agents work together.
#[derive(Debug, Clone, PartialEq)]
pub struct OrchestratorConfig {
    /// How high the bar is before an agent should vote instead of improving.
    pub voting_sensitivity: Sensitivity,
    /// How many answers one agent may publish.
    pub max_new_answers_per_agent: Option<u32>,
    /// How many answers the team may publish in all.
    pub max_new_answers_global: Option<u32>,
    /// How different a new answer must be.
    pub answer_novelty_requirement: Novelty,
    /// Whether fast agents wait for slow ones.
    pub fairness_enabled: bool,
    /// How many answers an agent may be ahead of the slowest.
    pub fairness_lead_cap_answers: u32,
    /// Whether agents that have answered wait for the first answers of all others. `None`: for a
    /// while, see [`Rules::first_answers_wait_ms`].
    pub defer_voting_until_all_answered: Option<bool>,
    /// What happens with the winning answer. `None`: the usual.
    pub final_answer_strategy: Option<Strategy>,
    /// Whether the winning answer is the final answer as it stands.
    pub skip_final_presentation: bool,
    /// Files and directories outside the workspaces that the agents may use.
    pub context_paths: Vec<ContextPath>,
    /// Where snapshots of workspaces are kept, as written.
    pub snapshot_storage: Option<Text>,
    /// Where agents see each other's snapshots, as written.
    pub agent_temporary_workspace: Option<Text>,
    /// Options that are known but not acted upon, as written.
    pub unbuilt: Written,
}

impl Default for OrchestratorConfig {
    fn default() -> Self {
        let rules = Rules::default();
        Self {
            voting_sensitivity: rules.sensitivity,
            max_new_answers_per_agent: None,
            max_new_answers_global: None,
            answer_novelty_requirement: rules.novelty,
            fairness_enabled: true,
            fairness_lead_cap_answers: rules.lead_max.unwrap_or(2),
            defer_voting_until_all_answered: None,
            final_answer_strategy: None,
            skip_final_presentation: false,
            context_paths: Vec::new(),
            snapshot_storage: None,
            agent_temporary_workspace: None,
            unbuilt: Written::default(),
        }
    }
}

/// A file or directory outside the workspaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextPath {
    /// The path as written.
    pub path: Text,
    /// What the agents may do there.
    pub permission: Permission,
    /// Parts of it, relative to it, that must not be changed.
    pub protected_paths: Vec<Text>,
    /// What it is, for the agents to read.
    pub description: Option<Text>,
}

/// What agents may do with a context path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Look.
    Read,
    /// Look and change.
    Write,
}

/// How long the team may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeoutConfig {
    /// How long the whole run may take.
    pub orchestrator_timeout_seconds: f64,
    /// How long a turn may take on a first answer. `None`: the usual, see [`Rules::first_turn_ms`].
    pub initial_round_timeout_seconds: Option<f64>,
    /// How long a later turn may take. `None`: the usual, see [`Rules::later_turn_ms`].
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
