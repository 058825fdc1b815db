//! The command line.

mod sessions;
mod tasks;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

pub(crate) use sessions::{
    CostsArgs, CostsBy, DeleteArgs, ExportArgs, ListArgs, PruneArgs, SearchArgs, SessionArgs, SessionsArgs,
    SessionsCommand, ShowArgs,
};
pub(crate) use tasks::{DiscoveryArgs, SetupArgs, Task};

const EXAMPLES: &str = "\
Examples:
  massgen                                               start here: proposes a team
  massgen demo                                          see a team at work, without keys
  massgen --model gemini-2.5-flash \"What is 2 + 2?\"     ask one model
  massgen --config team.yaml \"Compare these designs\"    ask a team
  git diff | massgen --config @examples/code-reviewers  a team that comes with massgen
  massgen --example code-reviewers > team.yaml          the same as a file, to change it
  massgen --rehearse --config team.yaml \"...\"           try it without paying
  massgen --automation --config team.yaml \"...\"         few lines, for scripts
  massgen doctor                                        what works on this machine";

/// One task, a team of models: they answer in parallel, check each other and vote.
#[derive(Debug, Parser)]
#[command(
    name = "massgen",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<CliCommand>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    #[command(flatten)]
    pub(crate) discovery: DiscoveryArgs,
    #[command(flatten)]
    pub(crate) setup: SetupArgs,
}

impl Cli {
    /// What the flags ask for, if not for a run.
    pub(crate) fn task(&self) -> Option<Task<'_>> {
        tasks::task(&self.discovery, &self.setup)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// Show a team at work: a scripted team of four, without keys or cost
    Demo(DemoArgs),
    /// Try a scenario or a config against the scripted provider
    Rehearse(RehearseArgs),
    /// Go on with a run that was interrupted, without paying for anything twice
    Resume(ResumeArgs),
    /// Look through earlier sessions: list, show, search, delete, prune, export
    Sessions(SessionsArgs),
    /// Add up what sessions have cost
    Costs(CostsArgs),
    /// Show a run again as it happened, or prove that its decisions are sound; nobody is asked
    Replay(ReplayArgs),
    /// Make a recording of a run that can be repeated offline, or a scenario of it
    Record(RecordArgs),
    /// Tell what works on this machine, and what to do about what does not
    Doctor,
    /// Measure this program against a bare client, on this machine
    Bench(BenchArgs),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, for `man -l`
    Man,
}

#[derive(Debug, Args, Clone)]
pub(crate) struct RunArgs {
    /// The task; what is piped in is added to it, except with --automation. Without it: what is piped in, else
    /// `prompt` of the config
    pub(crate) question: Option<String>,
    #[command(flatten)]
    pub(crate) team: TeamArgs,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Stop coordinating after so many seconds and take the best answer so far
    #[arg(long, value_name = "SECONDS", help_heading = "Limits", hide_short_help = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) orchestrator_timeout: Option<u64>,
    /// Give the replies of a recorded run instead of asking anybody: a file, or a log folder's name
    #[arg(long, value_name = "RUN", help_heading = "Team", hide_short_help = true, conflicts_with = "rehearse")]
    pub(crate) cassette: Option<String>,
    /// Spend at most so many US dollars; then the best answer so far is presented
    #[arg(long, value_name = "USD", help_heading = "Limits", value_parser = dollars)]
    pub(crate) budget: Option<f64>,
    /// Tell what the run may cost, and ask nobody
    #[arg(long, help_heading = "Limits")]
    pub(crate) estimate: bool,
    /// Keep to the rate limits of a file, by default .massgen/rate_limits.yaml or the one in ~/.config/massgen
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, help_heading = "Limits", hide_short_help = true)]
    pub(crate) rate_limit: Option<Option<PathBuf>>,
    /// Let the team use the directory massgen is started in: `ro` to read, `rw` to change with your consent
    #[arg(long, value_name = "ACCESS", help_heading = "Team", hide_short_help = true)]
    pub(crate) cwd_context: Option<CwdContext>,
    /// Send every backend to the scripted provider instead: nothing is paid
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, default_missing_value = "any", require_equals = true, help_heading = "Team")]
    pub(crate) rehearse: Option<String>,
}

/// An amount of money that can be spent.
fn dollars(text: &str) -> Result<f64, String> {
    let amount: f64 = text.trim_start_matches('$').parse().map_err(|_| "not an amount, such as 0.50".to_owned())?;
    if amount.is_finite() && amount > 0.0 { Ok(amount) } else { Err("an amount above zero, such as 0.50".to_owned()) }
}

/// What the team may do in the directory massgen is started in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CwdContext {
    /// Look.
    Ro,
    /// Look and, with the user's consent, change.
    Rw,
    /// As `ro`.
    Read,
    /// As `rw`.
    Write,
}

#[derive(Debug, Args, Clone, Default)]
pub(crate) struct TeamArgs {
    /// The team's config: a file, a name in ~/.config/massgen/agents, or @examples/NAME
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Team", conflicts_with_all = ["backend"])]
    pub(crate) config: Option<String>,
    /// Choose the team's config from a list
    #[arg(long, help_heading = "Team", conflicts_with_all = ["config", "backend", "model"])]
    pub(crate) select: bool,
    /// Ask one agent of this backend type
    #[arg(long, value_name = "TYPE", help_heading = "Team")]
    pub(crate) backend: Option<String>,
    /// Ask one agent with this model; its name alone finds the backend
    #[arg(long, value_name = "MODEL", help_heading = "Team", conflicts_with = "config")]
    pub(crate) model: Option<String>,
    /// Where the model is served
    #[arg(long, value_name = "URL", help_heading = "Team", hide_short_help = true, conflicts_with = "config")]
    pub(crate) base_url: Option<String>,
    /// What the agent is told to be
    #[arg(long, value_name = "TEXT", help_heading = "Team", hide_short_help = true, conflicts_with = "config")]
    pub(crate) system_message: Option<String>,
    /// Do not report warnings about the config; errors still stop the run
    #[arg(long, help_heading = "Team", hide_short_help = true, conflicts_with = "strict_validation")]
    pub(crate) skip_validation: bool,
    /// Do not run when the config has warnings
    #[arg(long, help_heading = "Team", hide_short_help = true)]
    pub(crate) strict_validation: bool,
}

#[derive(Debug, Args, Clone, Default)]
pub(crate) struct OutputArgs {
    /// Plain lines instead of a full-screen display
    #[arg(long, help_heading = "Output")]
    pub(crate) no_display: bool,
    /// Leave no log folder
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub(crate) no_logs: bool,
    /// Tell more about what happens, on standard error
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub(crate) debug: bool,
    /// Few lines with fixed names, no questions asked: for scripts and other agents
    #[arg(long, help_heading = "Output")]
    pub(crate) automation: bool,
    /// Write the final answer to this file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output_file: Option<PathBuf>,
    /// Every event as a line of JSON on standard output; implies --automation
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub(crate) stream_events: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Which case: `quasar` ends well, `analysis` has agents run each other's programs, `spectrograph` shows how a vote goes wrong
    #[arg(default_value = "quasar", value_parser = ["quasar", "analysis", "spectrograph"])]
    pub(crate) scenario: String,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Which run: its log folder's name, log_…; without it, the newest
    pub(crate) id: Option<String>,
    /// How many times as fast as it happened; 0 shows it at once
    #[arg(long, value_name = "N", value_parser = speed)]
    pub(crate) speed: Option<f64>,
    /// Show the run as it stood after this event, by its `seq`
    #[arg(long, value_name = "EVENT")]
    pub(crate) at: Option<u64>,
    /// Show nothing: check every record and prove that the same inputs lead to the same decisions
    #[arg(long, conflicts_with_all = ["speed", "at"])]
    pub(crate) verify: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// A factor of time.
fn speed(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| "not a number, such as 10".to_owned())?;
    if factor.is_finite() && factor >= 0.0 { Ok(factor) } else { Err("a number from 0 up".to_owned()) }
}

#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// Which run: its log folder's name, log_…; without it, the newest
    pub(crate) id: Option<String>,
    /// Where to write it
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// A scenario for `massgen rehearse` instead, to be changed by hand
    #[arg(long)]
    pub(crate) scenario: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// Which run: its log folder's name, log_…, or its session's, for the newest turn of that; without it, the newest run
    /// that has not ended
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args, Clone)]
pub(crate) struct RehearseArgs {
    /// A scenario file, or a built-in one: any, quasar, analysis, spectrograph, bulk
    pub(crate) scenario: String,
    /// The task, when it is not the scenario's
    pub(crate) question: Option<String>,
    /// The team, when it is not the scenario's
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<String>,
    /// Serve the scenario until Ctrl-C, for clients of your own
    #[arg(long, conflicts_with_all = ["config", "question"])]
    pub(crate) serve: bool,
    /// The port to serve on; 0 takes a free one
    #[arg(long, default_value_t = 0, requires = "serve")]
    pub(crate) port: u16,
    /// With --serve: write every request that comes in to this file, one line of JSON each
    #[arg(long, value_name = "FILE", requires = "serve")]
    pub(crate) record: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// What to measure; everything when nothing is named
    #[arg(value_parser = ["startup", "stream", "memory", "latency"])]
    pub(crate) what: Vec<String>,
    /// Exit with 2 when a target is missed
    #[arg(long)]
    pub(crate) check: bool,
    /// Only show that everything can be measured
    #[arg(long, hide = true)]
    pub(crate) small: bool,
    /// One measurement in a process of its own
    #[arg(long, hide = true, value_name = "JOB")]
    pub(crate) child: Option<String>,
}
