//! One turn of one agent: model calls and tool calls until the coordination says that the turn is over.

mod model_call;
mod prepare;
mod tool_calls;

use std::sync::Arc;
use std::time::Duration;

use massgen_backends::{AssistantTurn, CallError, Message, Model, ModelRequest, Reply, ToolChoice, ToolResult};
use massgen_coordination::{Checked, Input};
use massgen_protocol::{Activity, CallKey, SnapshotId, ToolCall, ToolSpec, TurnId, TurnKind};
use massgen_tool::Toolbox;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::budget::Scope;
use crate::desk::Desk;
use crate::past::PastTurn;
use crate::preparation::Preparation;
use crate::purse::{Purse, Spent};
use crate::tape::Tape;
use crate::workflow;
use tool_calls::Ran;

/// How many replies with tool calls a turn may give before it is made to decide.
const TOOL_REPLIES_MAX: u32 = 150;

/// How many more replies may call tools, in vain, before the turn has failed.
const REFUSED_REPLIES_MAX: u32 = 5;

/// What a turn reports to the run.
#[derive(Debug)]
pub(crate) enum Report {
    /// For the journal.
    Activity(Activity),
    /// For the journal, before it happens: it does once it is said that this is written.
    Beforehand(Activity, oneshot::Sender<()>),
    /// For the coordination.
    Input(Input),
}

/// How a turn goes on.
#[derive(Debug)]
pub(crate) enum Instruction {
    /// The reply was not accepted.
    Again {
        /// What the model is told.
        text: String,
        /// By which tools it may decide now.
        decisions: Vec<ToolSpec>,
        /// Whether it must call something.
        tool_choice: ToolChoice,
        /// Newer files of peers.
        files: Option<Vec<PeerFiles>>,
    },
    /// It stood at a safe point.
    Continue {
        /// What is new, and by which tools it may decide now.
        news: Option<(String, Vec<ToolSpec>)>,
        /// Newer files of peers.
        files: Option<Vec<PeerFiles>>,
    },
}

/// The files that go with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PeerFiles {
    pub(crate) revision: massgen_protocol::AnswerRevision,
    pub(crate) snapshot: SnapshotId,
}

/// One turn at work.
pub(crate) struct Turn {
    pub(crate) id: TurnId,
    pub(crate) kind: TurnKind,
    pub(crate) backend: Arc<dyn Model>,
    pub(crate) request: ModelRequest,
    /// The tools by which it may decide.
    pub(crate) decisions: Vec<ToolSpec>,
    /// What else it can do.
    pub(crate) tools: Toolbox,
    pub(crate) desk: Option<Desk>,
    pub(crate) files: Vec<PeerFiles>,
    pub(crate) preparation: Option<Arc<dyn Preparation>>,
    /// Whether it may do what cannot be taken back.
    pub(crate) presenting: bool,
    /// How often its copies of peers' files were renewed.
    pub(crate) sight: u32,
    pub(crate) reports: UnboundedSender<Report>,
    pub(crate) instructions: UnboundedReceiver<Instruction>,
    pub(crate) stop: CancellationToken,
    /// A reply that the run has not heard of yet, because the workspace is still being stored.
    pub(crate) decided: Option<massgen_coordination::Reply>,
    /// What it did before the run was interrupted.
    pub(crate) past: PastTurn,
    /// What the run may spend.
    pub(crate) purse: Arc<Purse>,
    /// A recorded run whose replies are given instead.
    pub(crate) tape: Option<Tape>,
}

/// Why there is no reply.
enum Unanswered {
    Failed(CallError),
    /// Nobody was asked.
    Spent(Spent),
    /// Nobody is asked, and it was not recorded; in words for the user.
    NotOnTape(String),
}

impl Turn {
    /// Works until the turn is over or stopped. The last report of a turn that was stopped is
    /// `TurnStopped`: nothing of it runs any more by then.
    pub(crate) async fn work(mut self) {
        let (stop, reports, turn) = (self.stop.clone(), self.reports.clone(), self.id);
        let is_stopped = stop.run_until_cancelled(self.converse()).await.is_none();
        self.tell_untold();
        if is_stopped {
            // What was decided is finished work, even if its files could not be stored any more.
            if let Some(reply) = self.decided.take() {
                let _ = reports.send(Report::Input(Input::Replied { turn, reply }));
            }
            // The run may be gone already: then nobody needs to know.
            let _ = reports.send(Report::Input(Input::TurnStopped { turn }));
        }
    }

    async fn converse(&mut self) {
        self.prepare().await;
        let mut tool_replies = 0;
        for number in 1.. {
            let may_use_tools = tool_replies < TOOL_REPLIES_MAX;
            self.offer_tools(may_use_tools);
            let reply = match self.ask(number).await {
                Ok(reply) => reply,
                Err(Unanswered::Failed(error)) => {
                    let (message, retryable) = (error.to_string(), error.is_retryable());
                    return self.report(Input::TurnFailed { turn: self.id, message, retryable });
                }
                Err(Unanswered::Spent(spent)) => return self.stop_spending(spent),
                Err(Unanswered::NotOnTape(message)) => {
                    return self.report(Input::TurnFailed { turn: self.id, message, retryable: false });
                }
            };
            let tools = self.tool_calls(&reply.turn);
            if tools.is_empty() {
                if !self.decide(reply, Vec::new()).await {
                    return;
                }
                continue;
            }
            tool_replies += 1;
            if tool_replies > TOOL_REPLIES_MAX + REFUSED_REPLIES_MAX {
                let message = format!("it went on to call tools after {TOOL_REPLIES_MAX} replies with tool calls");
                return self.report(Input::TurnFailed { turn: self.id, message, retryable: false });
            }
            let ran = if may_use_tools { self.run_tools(&tools).await } else { self.refuse_tools(&tools) };
            self.report_tools(&ran);
            // A decision beside tool calls relies on them: when one failed, its agent must know first.
            let decides = tools.len() < reply.turn.tool_calls.len();
            let went_well = ran.iter().all(|ran| !ran.outcome.is_error);
            let goes_on =
                if decides && went_well { self.decide(reply, ran).await } else { self.rest(reply, ran).await };
            if !goes_on {
                return;
            }
        }
    }

    /// What the model may call next.
    fn offer_tools(&mut self, may_use_tools: bool) {
        // Providers refuse a conversation with tool calls in it that comes without tools.
        let has_tools = may_use_tools || self.decisions.is_empty();
        self.request.tools = if has_tools { self.tools.specs() } else { Vec::new() };
        // What changes comes last, so that providers' caches hold for the rest.
        self.request.tools.extend(self.decisions.iter().cloned());
        if !may_use_tools && !self.decisions.is_empty() {
            self.request.tool_choice = ToolChoice::Required;
        }
    }

    /// The calls of a reply that are not decisions. Where there are no tools at all, they are all taken for decisions,
    /// and judged as such.
    fn tool_calls(&self, said: &AssistantTurn) -> Vec<ToolCall> {
        if self.tools.is_empty() {
            return Vec::new();
        }
        said.tool_calls.iter().filter(|call| !workflow::is_decision(&call.name)).cloned().collect()
    }

    fn report_tools(&mut self, ran: &[Ran]) {
        let mut checked: Vec<Checked> = Vec::new();
        for found in ran.iter().flat_map(|ran| &ran.checked) {
            if !checked.contains(found) {
                checked.push(found.clone());
            }
        }
        self.report(Input::ToolRan { turn: self.id, checked });
    }

    /// The reply that was given before the run was interrupted, or a new one.
    async fn ask(&mut self, number: u32) -> Result<Reply, Unanswered> {
        let key = self.key();
        if let Some(reply) = self.past.reply(&key) {
            return Ok(reply);
        }
        self.leave_past().await;
        if let Some(tape) = self.tape.clone() {
            return self.play(number, key, &tape).await.map_err(Unanswered::NotOnTape);
        }
        let bounds = self.backend.bounds(&self.request);
        let grant = self.purse.admit(self.id, &bounds).await.map_err(Unanswered::Spent)?;
        self.request.max_output_tokens =
            (grant.max_output_tokens < bounds.output_tokens).then_some(grant.max_output_tokens);
        let reply = self.call(number, key, grant.reserved).await;
        self.request.max_output_tokens = None;
        reply.map_err(Unanswered::Failed)
    }

    /// Names what is asked. Where this agent works is no part of it: the same is asked in another place, too.
    fn key(&self) -> CallKey {
        let Some(desk) = &self.desk else { return self.backend.key(&self.request) };
        let places = [(desk.peers(), "{peers}"), (desk.workspace(), "{workspace}")];
        let places = places.map(|(path, name)| (path.display().to_string(), name));
        self.backend.key(
            &self
                .request
                .with_texts(|text| places.iter().fold(text.to_owned(), |text, (path, name)| text.replace(path, name))),
        )
    }

    /// Ends the turn, and whatever else the limit is one of.
    fn stop_spending(&mut self, spent: Spent) {
        let (turn, message) = (self.id, format!("the budget is spent: {}", spent.limit));
        self.report(match spent.scope {
            Scope::Run => Input::BudgetSpent { turn, limit: spent.limit },
            Scope::Agent(_) => Input::TurnFailed { turn, message, retryable: false },
            Scope::Turn(_) => Input::TurnFailed { turn, message, retryable: true },
        });
    }

    /// From here on, everything is new. A turn that had been told to stop stops here.
    async fn leave_past(&mut self) {
        if self.past.is_cut {
            self.stop_as_told().await;
        }
        if !self.past.leave() {
            return;
        }
        // Something is asked that was not asked then. What the turn was told meanwhile, it has to know all the same.
        while let Ok(instruction) = self.instructions.try_recv() {
            let (text, files) = match instruction {
                Instruction::Continue { news, files } => (self.take_news(news), files),
                Instruction::Again { text, decisions, files, .. } => {
                    self.decisions = decisions;
                    (Some(text), files)
                }
            };
            self.show(files).await;
            self.request.messages.extend(text.map(Message::User));
        }
        self.offer_tools(true);
    }

    /// Stops as the run had told the turn before the run was interrupted. Does not return.
    async fn stop_as_told(&self) {
        self.stop.cancel();
        std::future::pending::<()>().await;
    }

    /// Reports a reply without tool calls that are still to run, and waits for what the run makes of it; `false`: the
    /// turn is over.
    async fn decide(&mut self, reply: Reply, ran: Vec<Ran>) -> bool {
        let decision = workflow::reply(&reply.turn, &reply.finish, !self.tools.is_empty());
        let has_files = workflow::may_be_an_answer(&decision);
        self.decided = Some(decision);
        // What the coordination has had already was stored then.
        let is_new = !self.past.will_have_reported();
        let snapshot = if has_files && is_new { self.snapshot().await } else { None };
        if let Some(reply) = self.decided.take() {
            self.report(Input::Replied { turn: self.id, reply: massgen_coordination::Reply { snapshot, ..reply } });
        }
        // The run closes the channel when the turn is over.
        let Some(instruction) = self.instructions.recv().await else { return false };
        let (text, files) = match instruction {
            Instruction::Again { text, decisions, tool_choice, files } => {
                self.decisions = decisions;
                self.request.tool_choice = tool_choice;
                (Some(text), files)
            }
            Instruction::Continue { news, files } => (self.take_news(news), files),
        };
        self.show(files).await;
        self.go_on(reply.turn, ran, text);
        true
    }

    /// Stands at a safe point until the run lets it go on; `false`: the turn is over.
    async fn rest(&mut self, reply: Reply, ran: Vec<Ran>) -> bool {
        // Who had been told to stop is not told to go on.
        if self.past.is_cut && self.instructions.is_empty() {
            self.stop_as_told().await;
        }
        self.report(Input::SafePoint { turn: self.id });
        let Some(instruction) = self.instructions.recv().await else { return false };
        let (text, files) = match instruction {
            Instruction::Continue { news, files } => (self.take_news(news), files),
            Instruction::Again { text, decisions, files, .. } => {
                self.decisions = decisions;
                (Some(text), files)
            }
        };
        self.show(files).await;
        self.request.tool_choice = ToolChoice::Auto;
        let said = reply.turn;
        let results = self.results(
            &said,
            ran,
            "Not taken: a tool call of the same reply failed. Look at its result, then decide again.",
        );
        self.request.messages.push(Message::Assistant(said));
        self.request.messages.push(Message::ToolResults(results));
        self.request.messages.extend(text.map(Message::User));
        true
    }

    fn take_news(&mut self, news: Option<(String, Vec<ToolSpec>)>) -> Option<String> {
        let (text, decisions) = news?;
        self.decisions = decisions;
        Some(text)
    }

    /// Continues the conversation after a decision that was not accepted: every tool call gets exactly one result.
    fn go_on(&mut self, said: AssistantTurn, ran: Vec<Ran>, text: Option<String>) {
        let text = text.unwrap_or_default();
        let has_decisions = said.tool_calls.len() > ran.len();
        let results = self.results(&said, ran, &text);
        let messages = &mut self.request.messages;
        // Silence is not a message that any provider takes back.
        if !said.text.is_empty() || !said.tool_calls.is_empty() || said.echo.is_some() {
            messages.push(Message::Assistant(said));
        }
        if !results.is_empty() {
            messages.push(Message::ToolResults(results));
        }
        if !has_decisions {
            messages.push(Message::User(text));
        }
    }

    /// The results of all calls of a reply, in its order: those that ran, and for the first of the others `text`.
    fn results(&self, said: &AssistantTurn, ran: Vec<Ran>, text: &str) -> Vec<ToolResult> {
        let mut text = Some(text.to_owned());
        let mut ran = ran.into_iter().map(|ran| ran.result).peekable();
        let mut results = Vec::with_capacity(said.tool_calls.len());
        for call in &said.tool_calls {
            let is_next = ran.peek().is_some_and(|result| result.call_id == call.id && result.name == call.name);
            results.push(ran.next_if(|_| is_next).unwrap_or_else(|| ToolResult {
                call_id: call.id.clone(),
                name: call.name.clone(),
                content: text.take().unwrap_or_else(|| "Not accepted: see the first result.".to_owned()),
                is_error: true,
            }));
        }
        results
    }

    /// The workspace as it is now, in the store. A workspace that cannot be stored costs its files, not the answer.
    async fn snapshot(&self) -> Option<SnapshotId> {
        let published = match self.desk.as_ref()?.snapshot().await {
            Ok(published) => published?,
            Err(problem) => {
                let text =
                    format!("the workspace could not be published, so its files do not go with the answer: {problem}");
                self.activity(Activity::Notice { agent: Some(self.id.agent), text });
                return None;
            }
        };
        self.activity(Activity::SnapshotTaken {
            turn: self.id,
            snapshot: published.id.clone(),
            files: published.files,
            bytes: published.bytes,
            stored_bytes: published.stored_bytes,
            duration_ms: millis(published.duration),
        });
        for skipped in published.skipped.iter().take(5) {
            let text = format!("{} does not go with the answer: {}", skipped.path.display(), skipped.why);
            self.activity(Activity::Notice { agent: Some(self.id.agent), text });
        }
        Some(published.id)
    }

    fn report(&mut self, input: Input) {
        if self.past.has_reported() {
            return;
        }
        let _ = self.reports.send(Report::Input(input));
    }

    fn activity(&self, activity: Activity) {
        let _ = self.reports.send(Report::Activity(activity));
    }

    /// Tells of something that must not happen before the journal has it, and returns when it may.
    async fn activity_to_come(&self, activity: Activity) {
        let (written, is_written) = oneshot::channel();
        let _ = self.reports.send(Report::Beforehand(activity, written));
        if is_written.await.is_err() {
            // Nobody is left to write it: the run is over, and with it this turn.
            std::future::pending::<()>().await;
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
