//! How the agents work together.

use massgen_protocol::{Novelty, Rules, Sensitivity, Strategy};

use crate::{ContextPath, MediaConfig, TeamConfig, Text, Written};

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
    /// Whether agents check each other's work before they vote; see
    /// [`TeamConfig::verification`] for what `auto` comes to.
    pub verification: Verification,
    /// What happens to changes in context paths; see [`apply_when`](Self::apply_when). `None`: they are asked about
    /// where somebody can be.
    pub apply: Option<Apply>,
    /// Files and directories outside the workspaces that the agents may use.
    pub context_paths: Vec<ContextPath>,
    /// Where snapshots of workspaces are kept, as written; see
    /// [`snapshot_directory`](Self::snapshot_directory).
    pub snapshot_storage: Option<Text>,
    /// Where agents see each other's snapshots, as written; see
    /// [`temporary_workspace`](Self::temporary_workspace).
    pub agent_temporary_workspace: Option<Text>,
    /// What agents can do with pictures, sound and films when their own backends say nothing of it.
    pub media: MediaConfig,
    /// Planning, skills and how changes are kept apart.
    pub coordination: CoordinationConfig,
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
            verification: Verification::Auto,
            apply: None,
            context_paths: Vec::new(),
            snapshot_storage: None,
            agent_temporary_workspace: None,
            media: MediaConfig::default(),
            coordination: CoordinationConfig::default(),
            unbuilt: Written::default(),
        }
    }
}

impl OrchestratorConfig {
    /// What happens to changes in context paths. `can_ask`: whether there is somebody to ask. Where there is
    /// nobody, changes that were to be asked about stay in the log as a patch.
    #[must_use]
    pub fn apply_when(&self, can_ask: bool) -> Apply {
        match self.apply.unwrap_or(Apply::Ask) {
            Apply::Ask if !can_ask => Apply::Never,
            apply => apply,
        }
    }
}

/// `orchestrator.coordination`, as far as it is acted upon.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CoordinationConfig {
    /// Whether nothing that cannot be undone happens before the final presentation.
    pub enable_planning_mode: bool,
    /// What agents are told then, instead of the usual.
    pub planning_mode_instruction: Option<Text>,
    /// Whether agents have skills.
    pub use_skills: bool,
    /// Where skills are looked for besides the usual places, as written; see
    /// [`skills_directory`](Self::skills_directory).
    pub skills_directory: Option<Text>,
    /// How changes in context paths are kept apart until they are applied.
    pub write_mode: WriteMode,
    /// What happens when a file to be changed has changed meanwhile.
    pub drift_conflict_policy: DriftConflictPolicy,
    /// Options that are known but not acted upon, as written.
    pub unbuilt: Written,
}

impl CoordinationConfig {
    /// Where skills are looked for when the config does not say.
    pub const SKILLS_DIRECTORY: &str = ".agent/skills";

    /// Where skills are looked for besides the usual places, relative to the project or absolute.
    #[must_use]
    pub fn skills_directory(&self) -> &str {
        self.skills_directory.as_deref().unwrap_or(Self::SKILLS_DIRECTORY)
    }
}

/// Whether agents check each other's work before they vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Verification {
    /// As [`TeamConfig::verification`] finds fit for the team.
    #[default]
    Auto,
    /// A vote must rest on a check.
    Required,
    /// Votes are marked as checked or not.
    Marked,
    /// No.
    Off,
}

impl Verification {
    /// All and their names in configs.
    pub const NAMES: &[(&str, Self)] =
        &[("auto", Self::Auto), ("required", Self::Required), ("marked", Self::Marked), ("off", Self::Off)];
}

impl TeamConfig {
    /// Whether agents check each other's work before they vote; never [`Verification::Auto`]. That is required
    /// when all agents have workspaces and run commands, marked when some do, and off when none does.
    #[must_use]
    pub fn verification(&self) -> Verification {
        let count = self.agents.iter().filter(|agent| agent.backend.can_verify()).count();
        match self.orchestrator.verification {
            Verification::Auto if count == 0 => Verification::Off,
            Verification::Auto if count < self.agents.len() => Verification::Marked,
            Verification::Auto => Verification::Required,
            given => given,
        }
    }
}

/// What happens to the changes that the final presentation makes in context paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Apply {
    /// The user is asked, change by change.
    Ask,
    /// They are made.
    Always,
    /// They stay in the log as a patch.
    Never,
}

impl Apply {
    /// All and their names in configs.
    pub const NAMES: &[(&str, Self)] = &[("ask", Self::Ask), ("always", Self::Always), ("never", Self::Never)];
}

/// How changes in context paths are kept apart until they are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum WriteMode {
    /// In a git worktree where the path is a repository, else in a copy.
    #[default]
    Auto,
    /// In a git worktree.
    Worktree,
    /// In a copy.
    Isolated,
}

impl WriteMode {
    /// All and their names in configs. `legacy`, which wrote to the paths themselves, is read as `auto`.
    pub const NAMES: &[(&str, Self)] =
        &[("auto", Self::Auto), ("worktree", Self::Worktree), ("isolated", Self::Isolated)];
}

/// What happens when a file to be changed has changed meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DriftConflictPolicy {
    /// It stays as it is.
    #[default]
    Skip,
    /// The presenter's version counts.
    PreferPresenter,
    /// Nothing is applied.
    Fail,
}

impl DriftConflictPolicy {
    /// All and their names in configs.
    pub const NAMES: &[(&str, Self)] =
        &[("skip", Self::Skip), ("prefer_presenter", Self::PreferPresenter), ("fail", Self::Fail)];
}
