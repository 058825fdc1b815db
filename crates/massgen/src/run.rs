//! One run from the edge: log folder, displays, signals, result.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use massgen_config::{DisplayType, Environment};
use massgen_journal::{Journal, LogFolder, LogWriter, RunMetadata, Stamps, end_in_words};
use massgen_orchestrator::{AgentSetup, Announcements, Clock, EarlierTurn, RunSetup, Tape, began_with};
use massgen_protocol::{AgentState, Record, Rules, RunEnd, RunView};
use massgen_rehearsal::RehearsalServer;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::agents;
use crate::args::OutputArgs;
use crate::cassette;
use crate::conversation::{About, Conversation};
use crate::delivery;
use crate::display::{Channel, Debug, Events, Nothing, Observer, Observing, OutputFile, Places, Simple, StatusLines};
use crate::failure::{Failure, FailureKind, with_causes};
use crate::first_use::Dialogue;
use crate::signals;
use crate::spending;
use crate::team::Team;
use crate::terminal;
use crate::workshop::{AnswerFiles, Order, Workshop};

/// A run that only has to be started.
pub(crate) struct RunPlan<'a> {
    pub(crate) team: Team,
    pub(crate) question: String,
    pub(crate) output: &'a OutputArgs,
    pub(crate) environment: &'a Environment,
    /// Where every backend is sent, in a rehearsal.
    pub(crate) rehearsal: Option<RehearsalServer>,
    /// Whether programs that the config names are started: MCP servers, functions of the user.
    pub(crate) starts_programs: bool,
    /// What it goes on from, if it was interrupted.
    pub(crate) past: Option<Past>,
}

/// What an interrupted run has left.
pub(crate) struct Past {
    /// Its log folder.
    pub(crate) logs: LogFolder,
    /// Its journal, opened to go on.
    pub(crate) journal: Journal,
    /// What the journal has.
    pub(crate) records: Vec<Record>,
}

/// The runtime of the program.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::execution(format!("the program cannot start its threads: {error}")))
}

/// Runs a team to its end and tells the user what it came to.
pub(crate) async fn run(mut plan: RunPlan<'_>, conversation: &mut Conversation) -> Result<(), Failure> {
    let mut agents = agents::agents(&plan.team.config, plan.environment, plan.rehearsal.as_ref(), &plan.team.limits)?;
    if let Some(path) = &plan.output.output_file {
        delivery::check_output_file(path)?;
    }
    let past = plan.past.take();
    let earlier = conversation.earlier()?;
    let logs = match &past {
        Some(past) => Some(past.logs.clone()),
        None => logs(&plan, conversation)?,
    };
    let places = Places { logs };
    let taped = plan.team.config.cassette.as_ref().map(|path| cassette::records(path, plan.environment)).transpose()?;
    // The seed names directories and orders answers: a recording is repeated with its own.
    let known = past.as_ref().map(|past| &past.records).or(taped.as_ref());
    let seed = known.and_then(|records| began_with(records)).map_or_else(new_seed, |(seed, _)| seed);
    let cancel = CancellationToken::new();
    // A task, and to the end, so that signals count as well while a display or a file waits for its reader.
    let mut signals = JoinSet::new();
    signals.spawn(signals::watch(cancel.clone()));
    let (announcer, announcements) = massgen_orchestrator::announcements();
    let workshop = Workshop::open(&order(&plan, &places, seed), &mut agents, &announcer).await?;
    let tape = taped.as_deref().map(Tape::of);
    let started = Started { agents, announcements, seed, earlier, past, tape };
    let observed = observed(&plan, started, &workshop, &places, conversation, &cancel).await;
    let base = crate::commands::resume::log_base(plan.environment);
    workshop.close(move || massgen_journal::snapshots_in_use(&base)).await;
    let (view, delivered) = observed?;
    if let Some(server) = plan.rehearsal {
        server.stop().await;
    }
    match (delivered, conclude(&view)) {
        (Err(undelivered), Err(end)) => {
            terminal::tell(&undelivered.to_string());
            Err(end)
        }
        (delivered, end) => delivered.and(end),
    }
}

fn logs(plan: &RunPlan<'_>, conversation: &mut Conversation) -> Result<Option<LogFolder>, Failure> {
    if plan.output.no_logs || !plan.team.config.ui.logging_enabled {
        return Ok(None);
    }
    let base = plan.environment.var("MASSGEN_LOG_BASE_DIR").unwrap_or(LogFolder::DEFAULT_BASE);
    conversation
        .next_logs(&plan.environment.absolute(base))
        .map(Some)
        .map_err(|error| Failure::execution(with_causes(&error)))
}

/// What a run is started with.
struct Started {
    agents: Vec<AgentSetup>,
    announcements: Announcements,
    seed: u64,
    earlier: Vec<EarlierTurn>,
    past: Option<Past>,
    tape: Option<Tape>,
}

/// Runs the team with everybody watching who is to watch, and hands over the answer: the second result tells how
/// that went.
async fn observed(
    plan: &RunPlan<'_>,
    started: Started,
    workshop: &Workshop,
    places: &Places,
    conversation: &mut Conversation,
    cancel: &CancellationToken,
) -> Result<(RunView, Result<(), Failure>), Failure> {
    let Started { agents, announcements, seed, earlier, past, tape } = started;
    let (journal, past) = match (past, &places.logs) {
        (Some(past), _) => (past.journal, past.records),
        (None, None) => (Journal::discard(), Vec::new()),
        (None, Some(logs)) => {
            (Journal::create(&logs.journal()).map_err(|error| Failure::execution(with_causes(&error)))?, Vec::new())
        }
    };
    // From here on, the session knows of the run, whatever becomes of this process.
    let turn = places.logs.as_ref().map(|logs| conversation.begin(&plan.question, logs, about(plan))).transpose()?;
    let desks: Vec<_> =
        agents.iter().map(|agent| agent.desk.as_ref().map(|desk| desk.workspace().to_owned())).collect();
    let past_seq = past.last().map_or(0, |record| record.seq);
    let (shown, output_file) = (Shown::of(plan), OutputFile::default());
    let display = display(shown, places, &output_file)?;
    let mut observers = Vec::new();
    if let Some(logs) = &places.logs {
        observers.push(start("log", LogFiles::new(logs, plan))?);
    }
    if let (Some(logs), Some(store)) = (&places.logs, workshop.store()) {
        observers.push(start("files", AnswerFiles::new(Arc::clone(store), logs.clone()))?);
    }
    if plan.output.debug {
        observers.push(start("debug", Debug)?);
    }
    let rules = spending::in_time(workshop.rules(&plan.team.config, &agents), &plan.team.config.budget);
    let setup = RunSetup { earlier, past, tape, ..setup(plan, agents, rules, seed, places) };
    let observe = |record: &Arc<Record>| {
        let is_past = record.seq <= past_seq;
        observers.iter().chain([&display]).for_each(|observer| observer.send(record, is_past));
    };
    let run = massgen_orchestrator::run(setup, journal, announcements, observe, cancel.clone()).await;
    let mut ended = run.map_err(|error| Failure::execution(error.to_string()))?;
    workshop.settle(&mut ended, cancel, || display.catch_up()).await;
    let outcome = ended.close().await;
    observers.into_iter().for_each(Observing::finish);
    match turn {
        Some(turn) => drop(turn.finish(&outcome.view, places.logs.as_ref(), &desks)),
        None => conversation.remember(&outcome.view),
    }
    // The display tells of the file when the answer is in it.
    let written = output(plan, &outcome.view, &output_file, cancel).await;
    display.finish();
    let delivered = hand_over(written, shown, &outcome.view, places);
    if let Some(error) = &outcome.journal_error {
        terminal::warn(&format!("the journal of this run is not complete: {}", with_causes(error)));
    }
    Ok((outcome.view, delivered))
}

/// Writes the answer to the file that was asked for; `false`: none was.
async fn output(
    plan: &RunPlan<'_>,
    view: &RunView,
    output_file: &OutputFile,
    cancel: &CancellationToken,
) -> Result<bool, Failure> {
    let (Some(path), Some((_, answer, _))) = (&plan.output.output_file, &view.final_answer) else { return Ok(false) };
    // Whoever has stopped the run still wants what it came to.
    let stop = (view.end != Some(RunEnd::Cancelled)).then_some(cancel);
    delivery::write_output_file(path, answer, stop).await?;
    output_file.get_or_init(|| path.clone());
    Ok(true)
}

/// Sees to it that the answer is somewhere, now that everything is shown and `written`.
fn hand_over(written: Result<bool, Failure>, shown: Shown, view: &RunView, places: &Places) -> Result<(), Failure> {
    let Some((revision, answer, _)) = &view.final_answer else { return Ok(()) };
    let kept = places.answer_file(view, revision.agent);
    match written {
        Ok(true) => Ok(()),
        Ok(false) => delivery::check_stdout(kept.as_deref()),
        Err(failure) => {
            if !shown.has_whole_answer() {
                delivery::print(&format!("\n{}\n", terminal::harmless(answer.trim_end())));
            }
            Err(delivery::with_copy(failure, kept.as_deref()))
        }
    }
}

fn order<'a>(plan: &'a RunPlan<'_>, places: &Places, seed: u64) -> Order<'a> {
    let is_watched = matches!(Shown::of(plan), Shown::PlainLines) && Dialogue::is_possible();
    Order {
        config: &plan.team.config,
        environment: plan.environment,
        question: &plan.question,
        config_file: plan.team.path.clone(),
        logs: places.logs.as_ref().map(LogFolder::attempt_dir),
        rehearsal: plan.rehearsal.as_ref(),
        starts_programs: plan.starts_programs,
        can_ask: is_watched,
        seed,
    }
}

/// Any number will do: it is recorded, and it only decides who sees which answer first, and how directories are called.
/// Readers of JSON that count in floating point know whole numbers up to 2^53.
fn new_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    u64::try_from(now & ((1 << 53) - 1)).unwrap_or(0)
}

/// What others are told of the session that the run belongs to.
fn about<'a>(plan: &'a RunPlan<'_>) -> About<'a> {
    let models: BTreeSet<&str> = plan.team.config.agents.iter().map(|agent| agent.backend.model.as_str()).collect();
    About { config_path: plan.team.path.as_deref(), models: Some(models.into_iter().collect::<Vec<_>>().join(", ")) }
}

fn setup(plan: &RunPlan<'_>, agents: Vec<AgentSetup>, rules: Rules, seed: u64, places: &Places) -> RunSetup {
    RunSetup {
        run_id: places.logs.as_ref().map_or_else(|| "unlogged".to_owned(), LogFolder::session_id),
        question: plan.question.clone(),
        earlier: Vec::new(),
        agents,
        rules,
        seed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rehearsal: plan.rehearsal.is_some(),
        tape: None,
        budget: spending::budget(&plan.team.config.budget),
        clock: Clock::default(),
        past: Vec::new(),
    }
}

/// What a run shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Events,
    StatusLines,
    PlainLines,
    Nothing,
}

impl Shown {
    fn of(plan: &RunPlan<'_>) -> Self {
        Self::by(plan.output, plan.team.config.ui.display_type)
    }

    /// What flags ask for, or else the config.
    pub(crate) fn by(output: &OutputArgs, display_type: DisplayType) -> Self {
        match display_type {
            _ if output.stream_events => Self::Events,
            _ if output.automation => Self::StatusLines,
            _ if output.no_display => Self::PlainLines,
            DisplayType::Silent => Self::StatusLines,
            DisplayType::None => Self::Nothing,
            // The full-screen terminal and the browser are shown as plain lines until they are built.
            DisplayType::Simple | DisplayType::RichTerminal | DisplayType::TextualTerminal | DisplayType::Web => {
                Self::PlainLines
            }
        }
    }

    /// Whether standard output has the answer as it is, not only its start.
    fn has_whole_answer(self) -> bool {
        match self {
            Self::Events | Self::PlainLines => true,
            Self::StatusLines | Self::Nothing => false,
        }
    }
}

/// A display at work.
pub(crate) fn display(shown: Shown, places: &Places, output_file: &OutputFile) -> Result<Observing, Failure> {
    let status = |channel| StatusLines::new(places.clone(), Arc::clone(output_file), channel);
    match shown {
        Shown::Events => start("display", Events::new(status(Channel::Stderr))),
        Shown::StatusLines => start("display", status(Channel::Stdout)),
        Shown::PlainLines => start("display", Simple::new(places.clone())),
        Shown::Nothing => start("display", Nothing),
    }
}

fn start(name: &str, observer: impl Observer) -> Result<Observing, Failure> {
    Observing::start(name, observer)
        .map_err(|error| Failure::execution(format!("the program cannot start its {name} thread: {error}")))
}

/// The log folder's files, as an observer.
struct LogFiles {
    writer: LogWriter,
}

impl LogFiles {
    fn new(logs: &LogFolder, plan: &RunPlan<'_>) -> Self {
        let stamps = Stamps::local();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let timestamp = stamps.iso(u64::try_from(now).unwrap_or(0));
        let mut writer = LogWriter::new(logs, stamps);
        writer.write_metadata(&RunMetadata {
            query: plan.question.clone(),
            timestamp,
            config_path: plan.team.path.clone(),
            config: plan.team.document.clone(),
            cli_args: cli_args(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cwd: plan.environment.cwd.clone(),
        });
        Self { writer }
    }
}

impl Observer for LogFiles {
    fn recall(&mut self, record: &Record, view: &RunView) {
        self.observe(record, view);
    }

    fn observe(&mut self, record: &Record, view: &RunView) {
        self.writer.observe(record, view);
    }

    fn finish(&mut self, view: &RunView) {
        if let Some(warning) = self.writer.finish(view) {
            terminal::warn(&warning.to_string());
        }
    }
}

fn cli_args() -> Value {
    json!(std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect::<Vec<_>>())
}

/// The exit code says whether there is an answer.
fn conclude(view: &RunView) -> Result<(), Failure> {
    let end = view.end.clone().unwrap_or(RunEnd::Cancelled);
    let kind = match (&end, &view.final_answer) {
        (RunEnd::Cancelled, _) => FailureKind::Interrupted,
        (_, Some(_)) => return Ok(()),
        (RunEnd::TimedOut | RunEnd::BudgetSpent { .. }, None) => FailureKind::Timeout,
        (_, None) => FailureKind::Execution,
    };
    if !matches!(end, RunEnd::NoAnswer { .. }) {
        return Err(Failure::new(kind, end_in_words(&end)));
    }
    let reasons: Vec<String> = view
        .agents
        .iter()
        .filter_map(|agent| match &agent.state {
            AgentState::Failed { reason } => Some(format!("agent `{}`: {reason}", agent.profile.id)),
            _ => None,
        })
        .collect();
    Err(Failure::new(kind, format!("no agent could answer\n       {}", reasons.join("\n       "))))
}
