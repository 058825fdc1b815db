//! One turn of one agent: model calls until the coordination says that the turn is over.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use massgen_backends::{
    AssistantTurn, Backend, CallError, Message, ModelRequest, Reply, ToolChoice, ToolResult, ToolSpec,
};
use massgen_coordination::Input;
use massgen_protocol::{Activity, Cost, FinishReason, TurnId, Usage};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio_util::sync::CancellationToken;

use crate::batch::{Batch, WAIT_MAX};
use crate::workflow;

/// What a turn reports to the run.
#[derive(Debug)]
pub(crate) enum Report {
    /// For the journal.
    Activity(Activity),
    /// For the coordination.
    Input(Input),
}

/// How a turn goes on after a reply that was not accepted.
#[derive(Debug)]
pub(crate) struct Instruction {
    /// What the model is told.
    pub(crate) text: String,
    /// What it may call now.
    pub(crate) tools: Vec<ToolSpec>,
    /// Whether it must call something.
    pub(crate) tool_choice: ToolChoice,
}

/// One turn at work.
pub(crate) struct Turn {
    pub(crate) id: TurnId,
    pub(crate) backend: Backend,
    pub(crate) request: ModelRequest,
    pub(crate) reports: UnboundedSender<Report>,
    pub(crate) instructions: UnboundedReceiver<Instruction>,
    pub(crate) stop: CancellationToken,
}

impl Turn {
    /// Works until the turn is over or stopped. The last report of a turn that was stopped is
    /// `TurnStopped`: nothing of it runs any more by then.
    pub(crate) async fn work(mut self) {
        let (stop, reports, turn) = (self.stop.clone(), self.reports.clone(), self.id);
        if stop.run_until_cancelled(self.converse()).await.is_none() {
            // The run may be gone already: then nobody needs to know.
            let _ = reports.send(Report::Input(Input::TurnStopped { turn }));
        }
    }

    async fn converse(&mut self) {
        for number in 1.. {
            let reply = match self.call(number).await {
                Ok(reply) => reply,
                Err(error) => {
                    let (message, retryable) = (error.to_string(), error.is_retryable());
                    return self.report(Input::TurnFailed { turn: self.id, message, retryable });
                }
            };
            let decision = workflow::reply(&reply.turn, &reply.finish);
            self.report(Input::Replied { turn: self.id, reply: decision });
            // The run closes the channel when the turn is over.
            let Some(instruction) = self.instructions.recv().await else { return };
            self.go_on(reply.turn, instruction);
        }
    }

    /// Continues the conversation: every tool call gets exactly one result.
    fn go_on(&mut self, said: AssistantTurn, instruction: Instruction) {
        let mut text = Some(instruction.text);
        let results: Vec<ToolResult> = said
            .tool_calls
            .iter()
            .map(|call| ToolResult {
                call_id: call.id.clone(),
                name: call.name.clone(),
                content: text.take().unwrap_or_else(|| "Not accepted: see the first result.".to_owned()),
                is_error: true,
            })
            .collect();
        let messages = &mut self.request.messages;
        // Silence is not a message that any provider takes back.
        if !said.text.is_empty() || !said.tool_calls.is_empty() || said.echo.is_some() {
            messages.push(Message::Assistant(said));
        }
        messages.push(match text {
            None => Message::ToolResults(results),
            Some(text) => Message::User(text),
        });
        self.request.tools = instruction.tools;
        self.request.tool_choice = instruction.tool_choice;
    }

    async fn call(&self, number: u32) -> Result<Reply, CallError> {
        self.activity(Activity::CallStarted { turn: self.id, call: number });
        let mut open = OpenCall::new(self, number);
        let batch = &open.batch;
        let mut on = |event| lock(batch).push(event);
        let reply = {
            let mut call = std::pin::pin!(self.backend.call(&self.request, &mut on));
            let mut pulse = tokio::time::interval(WAIT_MAX);
            pulse.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    reply = &mut call => break reply?,
                    _ = pulse.tick() => lock(batch).flush_if_due(),
                }
            }
        };
        let first_chunk_ms = reply.time_to_first_chunk.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        open.end(Some(reply.finish.clone()), reply.usage, first_chunk_ms);
        if let Some(text) = caution(&reply.finish) {
            self.activity(Activity::Notice { agent: Some(self.id.agent), text });
        }
        Ok(reply)
    }

    fn report(&self, input: Input) {
        let _ = self.reports.send(Report::Input(input));
    }

    fn activity(&self, activity: Activity) {
        let _ = self.reports.send(Report::Activity(activity));
    }
}

/// A model call that has not ended. Dropped without an end, it reports what it can estimate, so that
/// a call that was stopped is not taken for free.
struct OpenCall<'a, Send: FnMut(Activity)> {
    turn: &'a Turn,
    number: u32,
    started: Instant,
    batch: Mutex<Batch<Send>>,
    ended: bool,
}

impl<'a> OpenCall<'a, Box<dyn FnMut(Activity) + Send + 'a>> {
    fn new(turn: &'a Turn, number: u32) -> Self {
        let send: Box<dyn FnMut(Activity) + Send + 'a> = Box::new(|activity| turn.activity(activity));
        Self { turn, number, started: Instant::now(), batch: Mutex::new(Batch::new(turn.id, send)), ended: false }
    }
}

impl<Send: FnMut(Activity)> OpenCall<'_, Send> {
    fn end(&mut self, finish: Option<FinishReason>, usage: Usage, first_chunk_ms: Option<u64>) {
        self.ended = true;
        lock(&self.batch).flush();
        let nothing = usage == Usage::default();
        let cost = if nothing { Cost::default() } else { Cost::of_call(self.turn.backend.price(&usage)) };
        self.turn.activity(Activity::CallEnded {
            turn: self.turn.id,
            call: self.number,
            finish,
            usage,
            cost,
            first_chunk_ms,
            duration_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
    }
}

impl<Send: FnMut(Activity)> Drop for OpenCall<'_, Send> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let streamed = lock(&self.batch).streamed_bytes();
        // A call that failed before it said anything is not billed.
        let usage = if streamed == 0 { Usage::default() } else { estimate(&self.turn.request, streamed) };
        self.end(None, usage, None);
    }
}

/// What the user should know of a reply that did not come to its own end.
fn caution(finish: &FinishReason) -> Option<String> {
    match finish {
        FinishReason::Stop | FinishReason::ToolCalls => None,
        FinishReason::Length => Some("the reply was cut at the limit of output tokens (`max_tokens`)".to_owned()),
        FinishReason::Refusal => Some("the model or its provider refused to reply".to_owned()),
        FinishReason::Other(reason) => Some(format!("the reply ended with `{reason}`")),
    }
}

/// Tokens at four bytes each, the usual rule of thumb for English text.
fn estimate(request: &ModelRequest, streamed_bytes: u64) -> Usage {
    let messages = request.messages.iter().map(|message| match message {
        Message::User(text) => text.len(),
        Message::Assistant(turn) => {
            turn.text.len() + turn.tool_calls.iter().map(|call| call.arguments.len()).sum::<usize>()
        }
        Message::ToolResults(results) => results.iter().map(|result| result.content.len()).sum(),
    });
    let asked = request.system.len() + messages.sum::<usize>();
    Usage {
        input_tokens: asked as u64 / 4,
        output_tokens: streamed_bytes.div_ceil(4),
        estimated: true,
        ..Usage::default()
    }
}

/// The lock is held for one push only; a panic inside leaves text, not a broken invariant.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
