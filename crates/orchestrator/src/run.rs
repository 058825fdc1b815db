//! The run: one owner of the coordination, the journal and the clocks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use massgen_backends::{Backend, Message, ModelRequest, ToolChoice};
use massgen_coordination::{Command, Coordinator, Input, News, TurnBrief};
use massgen_journal::{Journal, JournalError};
use massgen_protocol::{
    Activity, AgentProfile, Choices, Event, Fact, Record, Rules, RunView, TurnId, TurnKind, Violation,
};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::timers::Timers;
use crate::turn::{Instruction, Report, Turn};
use crate::{clock, prompts, workflow};

/// One agent of a run.
#[derive(Debug, Clone)]
pub struct AgentSetup {
    /// What users are told about it.
    pub profile: AgentProfile,
    /// What it thinks with.
    pub backend: Backend,
    /// What the config tells it to be.
    pub role: Option<String>,
}

/// Everything that a run is made of.
#[derive(Debug, Clone)]
pub struct RunSetup {
    /// Names the run.
    pub run_id: String,
    /// The task.
    pub question: String,
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
/// Cancelling `cancel` stops the agents, keeps what is there and ends the run; when this returns,
/// nothing of it is left running.
pub async fn run(
    setup: RunSetup,
    journal: Journal,
    observe: impl FnMut(&Arc<Record>),
    cancel: CancellationToken,
) -> Outcome {
    let (reports, inbox) = mpsc::unbounded_channel();
    let size = u16::try_from(setup.agents.len()).unwrap_or(u16::MAX);
    let coordinator = Coordinator::new(size, setup.seed, setup.rules.clone());
    let mut run = Run {
        setup,
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
    };
    run.open();
    run.drive(inbox, cancel).await;
    // All turns have ended; their tasks are on their last line.
    run.open.clear();
    run.tasks.shutdown().await;
    if let Err(error) = run.journal.flush() {
        run.journal_error.get_or_insert(error);
    }
    Outcome { view: run.view, journal_error: run.journal_error }
}

struct Run<Observe> {
    setup: RunSetup,
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
        for (index, agent) in (0_u16..).zip(&self.setup.agents.clone()) {
            for notice in agent.backend.notices() {
                let agent = Some(massgen_protocol::AgentIndex(index));
                self.record(Activity::Notice { agent, text: notice.clone() });
            }
        }
        self.handle(Input::Begin);
    }

    async fn drive(&mut self, mut inbox: UnboundedReceiver<Report>, cancel: CancellationToken) {
        let mut cancelled = false;
        while !self.coordinator.is_over() {
            tokio::select! {
                // `self` holds a sender: the channel cannot close.
                Some(report) = inbox.recv() => self.receive(report),
                timer = self.timers.next() => self.handle(Input::TimerFired(timer)),
                Some(joined) = self.tasks.join_next_with_id() => self.joined(joined),
                () = cancel.cancelled(), if !cancelled => {
                    cancelled = true;
                    self.handle(Input::Cancel);
                }
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
            Report::Input(input) => self.handle(input),
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
        let step = self.coordinator.handle(input);
        let ended = step.facts.iter().filter_map(|fact| match fact {
            Fact::TurnEnded { turn, .. } => Some(*turn),
            _ => None,
        });
        let ended: Vec<TurnId> = ended.collect();
        let facts: Vec<Event> = step.facts.into_iter().map(Event::Fact).collect();
        let written = self.journal.append_together(clock::now_ms(), facts.clone());
        self.show(written, facts);
        // Closes their instructions, which lets their tasks end.
        ended.iter().for_each(|turn| drop(self.open.remove(turn)));
        for command in step.commands {
            self.perform(command);
        }
    }

    fn record(&mut self, activity: Activity) {
        let event = Event::Activity(activity);
        let written = self.journal.append(clock::now_ms(), event.clone());
        self.show(written.map(|record| vec![record]), vec![event]);
    }

    /// Takes in and shows what was written. A run is worth more than its journal: where that cannot be
    /// written, the run goes on without, and its user is told.
    fn show(&mut self, written: Result<Vec<Record>, JournalError>, events: Vec<Event>) {
        let records = written.unwrap_or_else(|error| {
            self.journal_error.get_or_insert(error);
            self.journal.give_up();
            self.journal.append_together(clock::now_ms(), events).unwrap_or_default()
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
            // No tool of ours runs yet, so no turn stands at a safe point but after a rejection.
            Command::Continue { .. } | Command::Finish => {}
            Command::CutTurn { turn } => {
                if let Some(open) = self.open.get(&turn) {
                    open.stop.cancel();
                }
            }
            Command::SetTimer { timer, after_ms } => self.timers.set(timer, Duration::from_millis(after_ms)),
        }
    }

    fn start(&mut self, brief: &TurnBrief) {
        let Some(agent) = self.setup.agents.get(brief.turn.agent.position()) else { return };
        let rules = &self.setup.rules;
        let request = ModelRequest {
            system: prompts::system(brief.kind, agent.role.as_deref(), rules.sensitivity, rules.novelty),
            messages: vec![Message::User(prompts::opening(brief, &self.view, rules.strategy))],
            tools: match brief.kind {
                TurnKind::Solo | TurnKind::Present => Vec::new(),
                TurnKind::FirstAnswer | TurnKind::Decide => workflow::tools(&brief.choices),
            },
            tool_choice: ToolChoice::Auto,
        };
        let (instructions, received) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let turn = Turn {
            id: brief.turn,
            backend: agent.backend.clone(),
            request,
            reports: self.reports.clone(),
            instructions: received,
            stop: stop.clone(),
        };
        self.open.insert(brief.turn, OpenTurn { instructions, stop, kind: brief.kind, choices: brief.choices.clone() });
        let task = self.tasks.spawn(turn.work());
        self.task_turns.insert(task.id(), brief.turn);
    }

    fn reject(&mut self, turn: TurnId, violation: &Violation, news: Option<News>) {
        let Some(open) = self.open.get_mut(&turn) else { return };
        let told = news.map(|news| {
            open.choices = news.choices;
            prompts::news(&news.view, &open.choices, &self.view)
        });
        if open.kind == TurnKind::Solo {
            let text = "Your reply was empty. Please answer.".to_owned();
            let again = Instruction { text, tools: Vec::new(), tool_choice: ToolChoice::Auto };
            let _ = open.instructions.send(again);
            return;
        }
        let mut text = workflow::rejection(violation, &open.choices);
        if let Some(told) = told {
            text = format!("{text}\n\n{told}");
        }
        let tools = workflow::tools(&open.choices);
        // Asked once in words, a model that only talks is now made to call a tool, where that can be demanded.
        let tool_choice = if tools.is_empty() { ToolChoice::Auto } else { ToolChoice::Required };
        // A turn that has just been stopped does not listen any more.
        let _ = open.instructions.send(Instruction { text, tools, tool_choice });
    }
}
