//! Flags that do something else than run a team: look around, and set up.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use massgen_protocol::{Sensitivity, Strategy};

use crate::first_use::AgentSpec;

const DISCOVERY: &str = "Look around";
const SET_UP: &str = "Set up";

/// The group of flags of which only one can be given.
const TASK: &str = "task";

/// The group of flags whose result can also be had as JSON.
const REPORT: &str = "report";

/// What can be asked for instead of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task<'a> {
    /// Checks a config.
    Validate(&'a str),
    /// Lists the backend types.
    ListBackends,
    /// Shows the options of a config.
    ShowSchema,
    /// Lists sessions: the newest, or all.
    ListSessions { all: bool },
    /// Lists the examples.
    ListExamples,
    /// Prints an example.
    Example(&'a str),
    /// Saves keys: this one, or those that the user chooses.
    Setup(Option<&'a str>),
    /// Makes a config by a few questions, or by none.
    Quickstart,
    /// Makes a config by many questions.
    Init,
    /// Makes a config by flags alone.
    Generate,
}

#[derive(Debug, Args, Clone, Default)]
pub(crate) struct DiscoveryArgs {
    /// Check a config without running it; exit code 1 when it has errors
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = DISCOVERY, groups = [TASK, REPORT])]
    validate: Option<String>,
    /// With --validate: warnings count as errors
    #[arg(long, requires = "validate", help_heading = DISCOVERY, hide_short_help = true)]
    pub(crate) strict: bool,
    /// List the backend types: what they can do, which key they need, and whether it is set
    #[arg(long, help_heading = DISCOVERY, groups = [TASK, REPORT])]
    list_backends: bool,
    /// Show every option of a config
    #[arg(long, help_heading = DISCOVERY, groups = [TASK, REPORT])]
    show_schema: bool,
    /// With --show-schema: what a backend of this type takes
    #[arg(long, value_name = "TYPE", requires = "show_schema", help_heading = DISCOVERY, hide_short_help = true)]
    pub(crate) schema_backend: Option<String>,
    /// With --show-schema: with a config that uses it
    #[arg(long, requires = "show_schema", help_heading = DISCOVERY, hide_short_help = true)]
    pub(crate) with_examples: bool,
    /// With --validate, --list-backends, --list-sessions, --show-schema: as JSON; the schema as a JSON Schema for editors
    #[arg(long, requires = REPORT, help_heading = DISCOVERY, hide_short_help = true)]
    pub(crate) json: bool,
    /// List the ten newest sessions; `massgen sessions` does more
    #[arg(long, help_heading = DISCOVERY, hide_short_help = true, groups = [TASK, REPORT])]
    list_sessions: bool,
    /// With --list-sessions: all of them
    #[arg(long, requires = "list_sessions", help_heading = DISCOVERY, hide_short_help = true)]
    all: bool,
    /// List the configs that come with massgen
    #[arg(long, help_heading = DISCOVERY, groups = [TASK])]
    list_examples: bool,
    /// Print one of them
    #[arg(long, value_name = "NAME", help_heading = DISCOVERY, groups = [TASK])]
    example: Option<String>,
}

#[derive(Debug, Args, Clone, Default)]
pub(crate) struct SetupArgs {
    /// Make a config: two or three questions, Enter takes the proposal
    #[arg(long, help_heading = SET_UP, groups = [TASK])]
    quickstart: bool,
    /// Save API keys for all projects; with a NAME, the key is read from standard input
    #[arg(long, value_name = "NAME", num_args = 0..=1, help_heading = SET_UP, groups = [TASK])]
    setup: Option<Option<String>>,
    /// Make a config: every agent, its role, the vote
    #[arg(long, help_heading = SET_UP, groups = [TASK])]
    init: bool,
    /// Write the config to this file, and ask nothing unless with --quickstart or --init
    #[arg(
        long,
        value_name = "FILE",
        help_heading = SET_UP,
        hide_short_help = true,
        conflicts_with_all = ["validate", "list_backends", "list_sessions", "show_schema", "list_examples", "example", "setup"]
    )]
    pub(crate) generate_config: Option<PathBuf>,
    /// With --quickstart or --init: ask nothing, take what the flags and the keys that are set give
    #[arg(long, help_heading = SET_UP, hide_short_help = true)]
    pub(crate) headless: bool,
    /// How many agents the config has
    #[arg(
        long,
        value_name = "NUMBER",
        help_heading = SET_UP,
        hide_short_help = true,
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    pub(crate) config_agents: Option<u16>,
    /// Their backend type
    #[arg(long, value_name = "TYPE", help_heading = SET_UP, hide_short_help = true)]
    pub(crate) config_backend: Option<String>,
    /// Their model
    #[arg(long, value_name = "MODEL", help_heading = SET_UP, hide_short_help = true)]
    pub(crate) config_model: Option<String>,
    /// Their name; several are numbered
    #[arg(long, value_name = "NAME", help_heading = SET_UP, hide_short_help = true)]
    pub(crate) config_agent_id: Option<String>,
    /// One agent as backend=TYPE,model=MODEL,id=NAME,base_url=URL,web_search=true; once for each
    #[arg(
        long,
        value_name = "KEY=VALUE,...",
        help_heading = SET_UP,
        hide_short_help = true,
        conflicts_with_all = ["config_agents", "config_backend", "config_model", "config_agent_id"]
    )]
    pub(crate) quickstart_agent: Vec<AgentSpec>,
    /// How high its bar is before an agent votes
    #[arg(long, value_name = "WORD", help_heading = SET_UP, hide_short_help = true)]
    pub(crate) config_sensitivity: Option<SensitivityWord>,
    /// How many answers one agent may publish
    #[arg(
        long,
        value_name = "NUMBER",
        help_heading = SET_UP,
        hide_short_help = true,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) config_max_answers: Option<u32>,
    /// What becomes of the winning answer
    #[arg(long, value_name = "WORD", help_heading = SET_UP, hide_short_help = true)]
    pub(crate) config_final_answer: Option<StrategyWord>,
    /// Replace a config that is there
    #[arg(long, help_heading = SET_UP, hide_short_help = true)]
    pub(crate) force: bool,
}

/// `orchestrator.voting_sensitivity` as a flag.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum SensitivityWord {
    Lenient,
    Balanced,
    Strict,
}

impl From<SensitivityWord> for Sensitivity {
    fn from(word: SensitivityWord) -> Self {
        match word {
            SensitivityWord::Lenient => Self::Lenient,
            SensitivityWord::Balanced => Self::Balanced,
            SensitivityWord::Strict => Self::Strict,
        }
    }
}

/// `orchestrator.final_answer_strategy` as a flag.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum StrategyWord {
    WinnerPresent,
    WinnerReuse,
    Synthesize,
}

impl From<StrategyWord> for Strategy {
    fn from(word: StrategyWord) -> Self {
        match word {
            StrategyWord::WinnerPresent => Self::WinnerPresents,
            StrategyWord::WinnerReuse => Self::WinnerReuse,
            StrategyWord::Synthesize => Self::Synthesize,
        }
    }
}

/// What the flags ask for, if not for a run.
pub(crate) fn task<'a>(discovery: &'a DiscoveryArgs, setup: &'a SetupArgs) -> Option<Task<'a>> {
    let given = [
        discovery.validate.as_deref().map(Task::Validate),
        discovery.list_backends.then_some(Task::ListBackends),
        discovery.show_schema.then_some(Task::ShowSchema),
        discovery.list_sessions.then_some(Task::ListSessions { all: discovery.all }),
        discovery.list_examples.then_some(Task::ListExamples),
        discovery.example.as_deref().map(Task::Example),
        setup.setup.as_ref().map(|name| Task::Setup(name.as_deref())),
        setup.quickstart.then_some(Task::Quickstart),
        setup.init.then_some(Task::Init),
        setup.generate_config.as_ref().map(|_| Task::Generate),
    ];
    given.into_iter().flatten().next()
}

impl SetupArgs {
    /// A flag that says how the config is to be, although none asks for a config.
    pub(crate) fn stray_flag(&self) -> Option<&'static str> {
        let given = [
            (self.headless, "--headless"),
            (self.config_agents.is_some(), "--config-agents"),
            (self.config_backend.is_some(), "--config-backend"),
            (self.config_model.is_some(), "--config-model"),
            (self.config_agent_id.is_some(), "--config-agent-id"),
            (!self.quickstart_agent.is_empty(), "--quickstart-agent"),
            (self.config_sensitivity.is_some(), "--config-sensitivity"),
            (self.config_max_answers.is_some(), "--config-max-answers"),
            (self.config_final_answer.is_some(), "--config-final-answer"),
            (self.force, "--force"),
        ];
        given.into_iter().find_map(|(is_given, flag)| is_given.then_some(flag))
    }
}
