//! A recorded run as a tape: the same questions get the same replies, in the same order, and nobody is asked.
//!
//! A journal is a tape as it is. What was asked is known by its key; the order is that of the coordination's inputs: a
//! reply is given out when the coordination has been told as much as it had been told before it heard of this reply.
//! So every decision is made on the same knowledge as then, however fast or slow this machine is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use massgen_backends::Reply;
use massgen_protocol::{
    Activity, AgentIndex, AssistantTurn, CallKey, Event, FinishReason, Input, Record, TurnId, Usage,
};
use tokio::sync::Notify;

use crate::past::reporter;

/// The replies of a recorded run.
#[derive(Debug, Clone, Default)]
pub struct Tape {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    calls: Mutex<Vec<Taped>>,
    inputs: AtomicUsize,
    told: Notify,
}

#[derive(Debug)]
struct Taped {
    turn: TurnId,
    key: CallKey,
    /// `None`: its turn was cut before the reply was there.
    said: Option<Said>,
    /// How many inputs the coordination had before the first that followed from this reply.
    after_inputs: usize,
    is_taken: bool,
}

#[derive(Debug)]
struct Said {
    reply: AssistantTurn,
    finish: FinishReason,
    usage: Usage,
    usd: Option<f64>,
}

impl Tape {
    /// The tape of a journal's records.
    #[must_use]
    pub fn of(records: &[Record]) -> Self {
        let mut calls: Vec<Taped> = Vec::new();
        let mut numbers: Vec<u32> = Vec::new();
        let mut waiting: Vec<usize> = Vec::new();
        let mut inputs = 0;
        for record in records {
            match &record.event {
                Event::Activity(Activity::CallStarted { turn, call, key: Some(key), .. }) => {
                    numbers.push(*call);
                    calls.push(Taped { turn: *turn, key: key.clone(), said: None, after_inputs: 0, is_taken: false });
                }
                Event::Activity(Activity::CallEnded {
                    turn,
                    call,
                    finish: Some(finish),
                    reply: Some(reply),
                    usage,
                    cost,
                    ..
                }) => {
                    let is_it = |(taped, number): (&Taped, &u32)| taped.turn == *turn && number == call;
                    let Some(place) = calls.iter().zip(&numbers).rposition(is_it) else { continue };
                    let Some(taped) = calls.get_mut(place) else { continue };
                    waiting.push(place);
                    taped.after_inputs = inputs;
                    taped.said = Some(Said {
                        reply: (**reply).clone(),
                        finish: finish.clone(),
                        usage: *usage,
                        usd: (cost.unpriced_calls == 0).then_some(cost.known_usd),
                    });
                }
                Event::Input(input) => {
                    note(input, inputs, &mut calls, &mut waiting);
                    inputs += 1;
                }
                _ => {}
            }
        }
        let shared = Shared { calls: Mutex::new(calls), ..Shared::default() };
        Self { shared: Arc::new(shared) }
    }

    /// The coordination has been told one thing more.
    pub(crate) fn tell(&self) {
        self.shared.inputs.fetch_add(1, Ordering::SeqCst);
        self.shared.told.notify_waiters();
    }

    /// The reply to what `agent` asks, when its time has come; `Err`: it is not on the tape, in words for the user.
    pub(crate) async fn reply(&self, turn: TurnId, key: &CallKey) -> Result<Reply, String> {
        let Some((reply, after_inputs)) = self.take(turn, key)? else {
            // Then, too, the turn was cut while it waited.
            return std::future::pending().await;
        };
        loop {
            let mut told = std::pin::pin!(self.shared.told.notified());
            told.as_mut().enable();
            if self.shared.inputs.load(Ordering::SeqCst) >= after_inputs {
                return Ok(reply);
            }
            told.await;
        }
    }

    fn take(&self, turn: TurnId, key: &CallKey) -> Result<Option<(Reply, usize)>, String> {
        let mut calls = self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let of_agent = |taped: &&mut Taped| taped.turn.agent == turn.agent && !taped.is_taken;
        let Some(taped) = calls.iter_mut().filter(of_agent).find(|taped| taped.key == *key) else {
            return Err(not_on_tape(&calls, turn.agent, key));
        };
        taped.is_taken = true;
        let reply = |said: &Said| Reply {
            turn: said.reply.clone(),
            finish: said.finish.clone(),
            usage: said.usage,
            time_to_first_chunk: None,
            usd: said.usd,
        };
        Ok(taped.said.as_ref().map(|said| (reply(said), taped.after_inputs)))
    }
}

/// Finds the call that an input followed from.
fn note(input: &Input, inputs: usize, calls: &mut [Taped], waiting: &mut Vec<usize>) {
    let Some(turn) = reporter(input) else { return };
    waiting.retain(|place| match calls.get_mut(*place) {
        Some(taped) if taped.turn == turn => {
            taped.after_inputs = inputs;
            false
        }
        _ => true,
    });
}

fn not_on_tape(calls: &[Taped], agent: AgentIndex, key: &CallKey) -> String {
    let left = calls.iter().filter(|taped| taped.turn.agent == agent && !taped.is_taken).count();
    let all = calls.iter().filter(|taped| taped.turn.agent == agent).count();
    let key = key.as_str();
    format!(
        "what it asks (key {key}) is not on the tape, which has {left} of {all} replies left for it: the question, the \
         team, its prompts or its tools' results differ from those of the recording; record it anew"
    )
}
