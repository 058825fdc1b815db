//! One model call of a turn, as the journal tells of it.

use std::sync::{Mutex, PoisonError};

use massgen_backends::{CallError, CallEvent, Message, ModelRequest, Reply};
use massgen_protocol::{Activity, AssistantTurn, CallKey, Cost, FinishReason, Reserved, StreamChunk, Usage};

use super::{Turn, millis};
use crate::batch::{Batch, WAIT_MAX};
use crate::tape::Tape;
use tokio::time::Instant;

impl Turn {
    /// Asks the model and tells of what it streams.
    pub(super) async fn call(&self, number: u32, key: CallKey, reserved: Reserved) -> Result<Reply, CallError> {
        let mut open = OpenCall::new(self, number, reserved);
        let started = Activity::CallStarted { turn: self.id, call: number, key: Some(key), reserved: Some(reserved) };
        self.activity_to_come(started).await;
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
        let first_chunk_ms = reply.time_to_first_chunk.map(millis);
        open.end(Some((reply.finish.clone(), reply.turn.clone())), reply.usage, reply.usd, first_chunk_ms);
        if let Some(text) = caution(&reply.finish) {
            self.activity(Activity::Notice { agent: Some(self.id.agent), text });
        }
        Ok(reply)
    }
}

impl Turn {
    /// Gives the recorded reply, and tells of it as of a call.
    pub(super) async fn play(&self, number: u32, key: CallKey, tape: &Tape) -> Result<Reply, String> {
        let Some(reply) = tape.reply(self.id, &key)? else {
            // Then, too, it was cut while it waited.
            return std::future::pending().await;
        };
        let nothing = Reserved { tokens: 0, usd: None };
        self.activity(Activity::CallStarted { turn: self.id, call: number, key: Some(key), reserved: None });
        let mut open = OpenCall::new(self, number, nothing);
        if !reply.turn.text.is_empty() {
            lock(&open.batch).push(CallEvent::Chunk(StreamChunk::Text { delta: reply.turn.text.clone() }));
        }
        open.end(Some((reply.finish.clone(), reply.turn.clone())), reply.usage, reply.usd, None);
        Ok(reply)
    }
}

/// A model call that has not ended. Dropped without an end, it reports what it can estimate, so that
/// a call that was stopped is not taken for free.
struct OpenCall<'a, Send: FnMut(Activity)> {
    turn: &'a Turn,
    number: u32,
    reserved: Reserved,
    started: Instant,
    batch: Mutex<Batch<Send>>,
    ended: bool,
}

impl<'a> OpenCall<'a, Box<dyn FnMut(Activity) + Send + 'a>> {
    fn new(turn: &'a Turn, number: u32, reserved: Reserved) -> Self {
        let send: Box<dyn FnMut(Activity) + Send + 'a> = Box::new(|activity| turn.activity(activity));
        Self {
            turn,
            number,
            reserved,
            started: Instant::now(),
            batch: Mutex::new(Batch::new(turn.id, send)),
            ended: false,
        }
    }
}

impl<Send: FnMut(Activity)> OpenCall<'_, Send> {
    fn end(
        &mut self,
        reply: Option<(FinishReason, AssistantTurn)>,
        usage: Usage,
        usd: Option<f64>,
        first_chunk_ms: Option<u64>,
    ) {
        self.ended = true;
        lock(&self.batch).flush();
        let nothing = usage == Usage::default();
        let cost = if nothing { Cost::default() } else { Cost::of_call(usd) };
        let (finish, reply) = reply.unzip();
        self.turn.activity(Activity::CallEnded {
            turn: self.turn.id,
            call: self.number,
            finish,
            usage,
            cost,
            first_chunk_ms,
            duration_ms: millis(self.started.elapsed()),
            reply: reply.map(Box::new),
        });
        for text in self.turn.purse.settle(self.turn.id, &self.reserved, &usage, cost.known_usd) {
            self.turn.activity(Activity::Notice { agent: None, text });
        }
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
        self.end(None, usage, self.turn.backend.price(&usage), None);
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
