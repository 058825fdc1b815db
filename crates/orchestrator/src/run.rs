//! The run: one owner of the coordination, the journal and the clocks.

mod play;
mod relive;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use massgen_backends::{Message, Model, ModelRequest, ToolChoice};
use massgen_coordination::{Command, Coordinator, Input, News, Step, TurnBrief};
use massgen_journal::{Journal, JournalError};
use massgen_protocol::{
    Activity, AgentIndex, AgentProfile, Choices, Event, Fact, Record, Rules, RunView, TurnId, TurnKind, View, Violation,
};
use massgen_tool::Toolbox;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::clock::Clock;
use crate::desk::Desk;
use crate::past::{self, PastTurn, ResumeError};
use crate::preparation::Preparation;
use crate::prompts::{EarlierTurn, Prompter, SystemPrompt};
use crate::purse::Purse;
use crate::run::play::Playing;
use crate::run::relive::Reliving;
use crate::tape::Tape;
use crate::timers::Timers;
use crate::turn::{Instruction, PeerFiles, Report, Turn};
use crate::workflow;

/// One agent of a run.
#[derive(Debug, Clone)]
pub struct AgentSetup {
    /// What users are told about it.
    pub profile: AgentProfile,
    /// What it thinks with.
    pub backend: Arc<dyn Model>,
    /// What the config tells it to be.
    pub role: Option<String>,
    /// What it can do besides talking.
    pub tools: Toolbox,
    /// Where it works; `None`: it has no files.
    pub desk: Option<Desk>,
    /// What it should know of its tools and of what it is given, for its system prompt.
    pub briefing: Option<String>,
    /// Makes things ready before its turns.
    pub preparation: Option<Arc<dyn Preparation>>,
}

impl AgentSetup {
    /// An agent that only talks.
    #[must_use]
    pub fn new(profile: AgentProfile, backend: Arc<dyn Model>) -> Self {
        let tools = Toolbox::default();
        Self { profile, backend, role: None, tools, desk: None, briefing: None, preparation: None }
    }
}

/// Everything that a run is made of.
#[derive(Debug, Clone)]
pub struct RunSetup {
    /// Names the run.
    pub run_id: String,
    /// The task.
    pub question: String,
    /// What was asked and answered in earlier turns of the session, in order. A run that goes on needs the same.
    pub earlier: Vec<EarlierTurn>,
    /// The team, in order. At least one.
    pub agents: Vec<AgentSetup>,
    /// What it plays by.
    pub rules: Rules,
    /// Decides in which order voters see answers.
    pub seed: u64,
    /// The program's version, for the journal.
    pub version: String,
    /// Whether the answers are scripted.
    pub rehearsal: bool,
    /// A recorded run whose replies are given, instead of asking anybody.
    pub tape: Option<Tape>,
    /// What it may spend.
    pub budget: Budget,
    /// The wall clock.
    pub clock: Clock,
    /// What the journal has of the run when it was interrupted; empty for a run that begins.
    pub past: Vec<Record>,
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// The run as it stands at its end.
    pub view: RunView,
    /// Why the journal is not complete, when it could not be written to its end.
    pub journal_error: Option<JournalError>,
}

/// Runs a team to its end. `observe` is called with every record, in order, after it was written.
///
/// A run with a past goes on where it was interrupted: `observe` is called with the past records first. What was
/// answered is not asked again.
///
/// Cancelling `cancel` stops the agents, keeps what is there and ends the run; when this returns,
/// nothing of it is left running.
///
/// # Errors
/// When the run cannot go on from its past. Nothing has been asked or written then.
pub async fn run<Observe: FnMut(&Arc<Record>)>(
    mut setup: RunSetup,
    journal: Journal,
    announcements: Announcements,
    observe: Observe,
    cancel: CancellationToken,
) -> Result<Ended<Observe>, ResumeError> {
    let Announcements { sender: reports, receiver: mut inbox } = announcements;
    let desks = setup.agents.iter().map(|agent| agent.desk.clone()).collect();
    let size = u16::try_from(setup.agents.len()).unwrap_or(u16::MAX);
    let past = std::mem::take(&mut setup.past);
    if let Some((seed, rules)) = past::began_with(&past) {
        (setup.seed, setup.rules) = (seed, rules.clone());
    }
    let coordinator = Coordinator::new(size, setup.seed, setup.rules.clone());
    let playing = setup.tape.clone().map(Playing::new);
    let purse = Arc::new(Purse::new(setup.budget.clone()));
    let mut run = Run {
        setup,
        desks,
        coordinator,
        journal,
        journal_error: None,
        view: RunView::default(),
        observe,
        reports,
        open: BTreeMap::new(),
        timers: Timers::default(),
        tasks: JoinSet::new(),
        task_turns: BTreeMap::new(),
        reliving: None,
        playing,
        purse,
    };
    if past.is_empty() {
        run.open();
    } else {
        run.relive(past)?;
    }
    run.drive(&mut inbox, cancel).await;
    // All turns have ended; their tasks are on their last line.
    run.open.clear();
    run.tasks.shutdown().await;
    Ok(Ended { run, announced: inbox })
}

/// A run that is over, with its journal and its agents' tools still there for what is done with its results.
pub struct Ended<Observe> {
    run: Run<Observe>,
    /// What gates and servers tell after the end.
    announced: UnboundedReceiver<Report>,
}

impl<Observe: FnMut(&Arc<Record>)> Ended<Observe> {
    /// The run as it stands.
    pub fn view(&self) -> &RunView {
        &self.run.view
    }

    /// Puts something that follows the end into the journal.
    pub fn record(&mut self, activity: Activity) {
        self.run.record(activity);
    }

    /// Asks whoever presented to change something in what it made, and waits until it has.
    ///
    /// # Errors
    /// When there was no presenter, or it could not do it, in words for the user.
    pub async fn ask_presenter(&mut self, request: &str, cancel: &CancellationToken) -> Result<(), String> {
        self.run.ask_presenter(request, &mut self.announced, cancel).await
    }

    /// Ends what the agents' tools have started, and closes the journal.
    pub async fn close(mut self) -> Outcome {
        close(&self.run.setup.agents).await;
        if let Err(error) = self.run.journal.flush() {
            self.run.journal_error.get_or_insert(error);
        }
        Outcome { view: self.run.view, journal_error: self.run.journal_error }
    }
}

/// What parts of a run that are not turns tell of it: a gate's decisions, a server's trouble.
#[derive(Debug)]
pub struct Announcements {
    /// The same that turns report by: what is told in one order is recorded in that order.
    sender: UnboundedSender<Report>,
    receiver: UnboundedReceiver<Report>,
}

/// Where they tell it.
#[derive(Debug, Clone)]
pub struct Announcer {
    sender: UnboundedSender<Report>,
}

impl Announcer {
    /// Puts something into the journal of the run; after the end of the run, nothing happens.
    pub fn tell(&self, activity: Activity) {
        let _ = self.sender.send(Report::Activity(activity));
    }
}

/// A way into the journal for parts that are made before the run is.
#[must_use]
pub fn announcements() -> (Announcer, Announcements) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Announcer { sender: sender.clone() }, Announcements { sender, receiver })
}

/// Ends what agents' tools have started. Whatever does not end in time is left to be killed with its owner.
async fn close(agents: &[AgentSetup]) {
    const TIME_MAX: Duration = Duration::from_secs(15);
    let closing = futures_util::future::join_all(agents.iter().map(|agent| agent.tools.close()));
    let _ = tokio::time::timeout(TIME_MAX, closing).await;
}

struct Run<Observe> {
    setup: RunSetup,
    desks: Vec<Option<Desk>>,
    coordinator: Coordinator,
    journal: Journal,
    journal_error: Option<JournalError>,
    view: RunView,
    observe: Observe,
    reports: UnboundedSender<Report>,
    open: BTreeMap<TurnId, OpenTurn>,
    timers: Timers,
    tasks: JoinSet<()>,
    task_turns: BTreeMap<tokio::task::Id, TurnId>,
    /// While the past is gone through: nothing is asked.
    reliving: Option<Reliving>,
    purse: Arc<Purse>,
    /// While a recording is played.
    playing: Option<Playing>,
}

/// The run's end of a turn at work.
struct OpenTurn {
    instructions: UnboundedSender<Instruction>,
    stop: CancellationToken,
    kind: TurnKind,
    choices: Choices,
}

impl<Observe: FnMut(&Arc<Record>)> Run<Observe> {
    fn open(&mut self) {
        let opened = Activity::RunOpened {
            run_id: self.setup.run_id.clone(),
            question: self.setup.question.clone(),
            agents: self.setup.agents.iter().map(|agent| agent.profile.clone()).collect(),
            version: self.setup.version.clone(),
            rehearsal: self.setup.rehearsal,
        };
        self.record(opened);
        self.begin();
    }

    /// Tells what is to be known of the agents, and starts the team.
    fn begin(&mut self) {
        for (index, agent) in (0_u16..).zip(&self.setup.agents.clone()) {
            for notice in agent.backend.notices() {
                let agent = Some(massgen_protocol::AgentIndex(index));
                self.record(Activity::Notice { agent, text: notice.clone() });
            }
        }
        self.handle(Input::Begin);
        self.play_on();
    }

    async fn drive(&mut self, inbox: &mut UnboundedReceiver<Report>, cancel: CancellationToken) {
        let mut cancelled = false;
        while !self.coordinator.is_over() {
            tokio::select! {
                // Chance has no say, so that a simulation repeats. Reports come last but one: there may always be another.
                biased;
                () = cancel.cancelled(), if !cancelled => {
                    cancelled = true;
                    self.handle(Input::Cancel);
                }
                timer = self.timers.next() => self.handle(Input::TimerFired { timer }),
                // `self` holds a sender: the channel cannot close.
                Some(report) = inbox.recv() => self.receive(report),
                Some(joined) = self.tasks.join_next_with_id() => self.joined(joined),
            }
        }
        // What was reported before the end belongs to the run.
        while let Ok(report) = inbox.try_recv() {
            if let Report::Activity(activity) = report {
                self.record(activity);
            }
        }
    }

    fn receive(&mut self, report: Report) {
        match report {
            Report::Activity(activity) => self.record(activity),
            Report::Beforehand(activity, written) => {
                self.record(activity);
                // A turn that was stopped meanwhile does not listen any more.
                let _ = written.send(());
            }
            Report::Input(input) => self.play(input),
        }
    }

    /// A task that ended in a panic has not reported the end of its turn.
    fn joined(&mut self, joined: Result<(tokio::task::Id, ()), tokio::task::JoinError>) {
        let (id, panicked) = match joined {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), Some(error)),
        };
        let turn = self.task_turns.remove(&id);
        if let (Some(turn), Some(error)) = (turn, panicked) {
            let message = format!("an internal error ended the turn, please report it: {error}");
            self.handle(Input::TurnFailed { turn, message, retryable: false });
        }
    }

    /// Feeds the coordination, writes what it decided, then does what it says.
    fn handle(&mut self, input: Input) {
        let step = self.coordinator.handle(input.clone());
        let facts = step.facts.iter().cloned().map(Event::Fact);
        let events: Vec<Event> = std::iter::once(Event::Input(input)).chain(facts).collect();
        let written = self.journal.append_together(self.setup.clock.now_ms(), events.clone());
        self.show(written, events);
        self.follow(step);
    }

    /// Does what a step says, when its facts are written.
    fn follow(&mut self, step: Step) {
        for fact in &step.facts {
            if let Fact::TurnEnded { turn, .. } = fact {
                // Closes its instructions, which lets its task end.
                self.open.remove(turn);
            }
        }
        for command in step.commands {
            self.perform(command);
        }
    }

    fn record(&mut self, activity: Activity) {
        let event = Event::Activity(activity);
        let written = self.journal.append(self.setup.clock.now_ms(), event.clone());
        self.show(written.map(|record| vec![record]), vec![event]);
    }

    /// Takes in and shows what was written. A run is worth more than its journal: where that cannot be
    /// written, the run goes on without, and its user is told.
    fn show(&mut self, written: Result<Vec<Record>, JournalError>, events: Vec<Event>) {
        let records = written.unwrap_or_else(|error| {
            self.journal_error.get_or_insert(error);
            self.journal.give_up();
            self.journal.append_together(self.setup.clock.now_ms(), events).unwrap_or_default()
        });
        for record in records {
            self.view.apply(&record);
            (self.observe)(&Arc::new(record));
        }
    }

    fn perform(&mut self, command: Command) {
        match command {
            Command::StartTurn(brief) => self.start(&brief),
            Command::Reject { turn, violation, news, .. } => self.reject(turn, &violation, news),
            Command::Continue { turn, news } => self.go_on(turn, news),
            Command::Finish => {}
            Command::CutTurn { turn } => match (&mut self.reliving, self.open.get(&turn)) {
                (Some(reliving), _) => reliving.cut(turn),
                (None, Some(open)) => {
                    if self.playing.as_mut().is_none_or(|playing| playing.cuts_now(turn)) {
                        open.stop.cancel();
                    }
                }
                (None, None) => {}
            },
            Command::SetTimer { timer, after_ms } => match &mut self.reliving {
                Some(reliving) => reliving.set(timer, after_ms),
                // A recording brings its own.
                None if self.playing.is_some() => {}
                None => self.timers.set(timer, Duration::from_millis(after_ms)),
            },
        }
    }

    fn start(&mut self, brief: &TurnBrief) {
        let decisions = match brief.kind {
            TurnKind::Solo | TurnKind::Present => Vec::new(),
            TurnKind::FirstAnswer | TurnKind::Decide => workflow::tools(&brief.choices),
        };
        let opening = self.prompter(brief.turn.agent).opening(brief, self.setup.rules.strategy);
        let (instructions, received) = mpsc::unbounded_channel();
        let reports = self.reports.clone();
        let Some(turn) = self.turn(brief.turn, brief.kind, opening, decisions, &brief.view, reports, received) else {
            return;
        };
        let open = OpenTurn { instructions, stop: turn.stop.clone(), kind: brief.kind, choices: brief.choices.clone() };
        self.open.insert(brief.turn, open);
        match &mut self.reliving {
            Some(reliving) => reliving.keep(turn),
            None => self.spawn(turn),
        }
    }

    fn spawn(&mut self, turn: Turn) {
        let id = turn.id;
        let task = self.tasks.spawn(turn.work());
        self.task_turns.insert(task.id(), id);
    }

    #[expect(clippy::too_many_arguments, reason = "these are the parts of a turn, and one place puts them together")]
    fn turn(
        &self,
        id: TurnId,
        kind: TurnKind,
        opening: String,
        decisions: Vec<massgen_protocol::ToolSpec>,
        view: &View,
        reports: UnboundedSender<Report>,
        instructions: UnboundedReceiver<Instruction>,
    ) -> Option<Turn> {
        let agent = self.setup.agents.get(id.agent.position())?;
        let system = self.prompter(id.agent).system(&SystemPrompt {
            kind,
            role: agent.role.as_deref(),
            briefing: agent.briefing.as_deref(),
            is_alone: self.setup.agents.len() == 1,
            rules: &self.setup.rules,
        });
        Some(Turn {
            id,
            kind,
            backend: agent.backend.clone(),
            request: ModelRequest {
                system,
                messages: vec![Message::User(opening)],
                tools: Vec::new(),
                tool_choice: ToolChoice::Auto,
                max_output_tokens: None,
            },
            decisions,
            tools: agent.tools.clone(),
            desk: agent.desk.clone(),
            files: self.files(view),
            preparation: agent.preparation.clone(),
            presenting: matches!(kind, TurnKind::Solo | TurnKind::Present),
            sight: 0,
            reports,
            instructions,
            stop: CancellationToken::new(),
            decided: None,
            past: PastTurn::default(),
            purse: Arc::clone(&self.purse),
            tape: self.setup.tape.clone(),
        })
    }

    /// A turn after the end: no decision comes of it, only what it does.
    async fn ask_presenter(
        &mut self,
        request: &str,
        announced: &mut UnboundedReceiver<Report>,
        cancel: &CancellationToken,
    ) -> Result<(), String> {
        let Some((revision, answer, _)) = &self.view.final_answer else { return Err("there is no answer".to_owned()) };
        let turns = self.view.agent(revision.agent).map_or(0, |agent| agent.turns);
        let id = TurnId { agent: revision.agent, number: turns.saturating_add(1) };
        let opening = self.prompter(id.agent).afterthought(answer, request);
        let view = View { vector: self.coordinator.vector().clone(), order: Vec::new() };
        let (reports, mut inbox) = mpsc::unbounded_channel();
        let (instructions, received) = mpsc::unbounded_channel();
        let turn = self
            .turn(id, TurnKind::Present, opening, Vec::new(), &view, reports, received)
            .ok_or("the presenter is not there any more")?;
        let stop = turn.stop.clone();
        self.tasks.spawn(turn.work());
        let mut result = Err("the presenter stopped".to_owned());
        let limit = tokio::time::sleep(Duration::from_millis(self.setup.rules.presentation_ms));
        tokio::pin!(limit);
        loop {
            let report = tokio::select! {
                biased;
                report = announced.recv() => {
                    if let Some(Report::Activity(activity)) = report {
                        self.record(activity);
                    }
                    continue;
                }
                report = inbox.recv() => report,
                () = &mut limit, if !stop.is_cancelled() => {
                    result = Err("it took too long".to_owned());
                    stop.cancel();
                    continue;
                }
                () = cancel.cancelled(), if !stop.is_cancelled() => { stop.cancel(); continue }
            };
            match report {
                None => return result,
                Some(report @ (Report::Activity(_) | Report::Beforehand(..))) => self.receive(report),
                Some(Report::Input(Input::SafePoint { .. })) => {
                    let _ = instructions.send(Instruction::Continue { news: None, files: None });
                }
                Some(Report::Input(Input::Replied { .. })) => {
                    result = Ok(());
                    stop.cancel();
                }
                // Its tools may hold on to their way of reporting: the turn itself is over.
                Some(Report::Input(Input::TurnStopped { .. })) => return result,
                Some(Report::Input(Input::TurnFailed { message, .. })) => return Err(message),
                Some(Report::Input(_)) => {}
            }
        }
    }

    fn prompter(&self, reader: AgentIndex) -> Prompter<'_> {
        Prompter { run: &self.view, earlier: &self.setup.earlier, desks: &self.desks, reader }
    }

    /// The files that go with the answers of a view.
    fn files(&self, view: &View) -> Vec<PeerFiles> {
        let files = |revision| {
            let snapshot = self.view.answer(revision)?.snapshot.clone()?;
            Some(PeerFiles { revision, snapshot })
        };
        view.vector.revisions().filter_map(files).collect()
    }

    /// Lets a turn at a safe point go on, with what is new.
    fn go_on(&mut self, turn: TurnId, news: Option<News>) {
        let files = news.as_ref().map(|news| self.files(&news.view));
        let news = self.take_news(turn, news);
        let Some(open) = self.open.get(&turn) else { return };
        let news = news.map(|told| (told, workflow::tools(&open.choices)));
        let _ = open.instructions.send(Instruction::Continue { news, files });
    }

    /// Notes what a turn may decide from now on, and puts what is new into words.
    fn take_news(&mut self, turn: TurnId, news: Option<News>) -> Option<String> {
        let news = news?;
        let told = self.prompter(turn.agent).news(&news.view, &news.choices);
        self.open.get_mut(&turn)?.choices = news.choices;
        Some(told)
    }

    fn reject(&mut self, turn: TurnId, violation: &Violation, news: Option<News>) {
        let files = news.as_ref().map(|news| self.files(&news.view));
        let told = self.take_news(turn, news);
        let Some(open) = self.open.get(&turn) else { return };
        let again = if open.kind == TurnKind::Solo {
            let text = "Your reply was empty. Please answer.".to_owned();
            Instruction::Again { text, decisions: Vec::new(), tool_choice: ToolChoice::Auto, files }
        } else {
            let mut text = workflow::rejection(violation, &open.choices);
            if let Some(told) = told {
                text = format!("{text}\n\n{told}");
            }
            let decisions = workflow::tools(&open.choices);
            // Asked once in words, a model that only talks is now made to call a tool, where that can be demanded.
            let tool_choice = if decisions.is_empty() { ToolChoice::Auto } else { ToolChoice::Required };
            Instruction::Again { text, decisions, tool_choice, files }
        };
        // A turn that has just been stopped does not listen any more.
        let _ = open.instructions.send(again);
    }
}
