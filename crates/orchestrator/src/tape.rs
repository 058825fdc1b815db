//! A recorded run as a tape: the same questions get the same replies, in the same order, and nobody is asked.
//!
//! A journal is a tape as it is. What was asked is known by its key. The order is that of the coordination's inputs: what
//! turns report is taken in when it is their turn in the recording, and timers fire where they fired then. So every
//! decision is made on the same knowledge as then, however fast or slow this machine is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use massgen_backends::Reply;
use massgen_protocol::{Activity, AssistantTurn, CallKey, Event, FinishReason, Input, Record, TurnId, Usage};

use crate::past::reporter;

/// The replies and the order of a recorded run.
#[derive(Debug, Clone, Default)]
pub struct Tape {
    calls: Arc<Mutex<Vec<Taped>>>,
    order: VecDeque<Expected>,
}

/// What the coordination was told next.
#[derive(Debug, Clone)]
pub(crate) enum Expected {
    /// What a turn reports; whether it was that it had stopped.
    Report { turn: TurnId, is_stop: bool },
    /// What no turn reports: it is told as it was.
    Told(Input),
}

#[derive(Debug)]
struct Taped {
    turn: TurnId,
    key: CallKey,
    /// `None`: its turn was cut before the reply was there.
    said: Option<Said>,
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
        let mut order = VecDeque::new();
        for record in records {
            match &record.event {
                Event::Activity(Activity::CallStarted { turn, call, key: Some(key), .. }) => {
                    numbers.push(*call);
                    calls.push(Taped { turn: *turn, key: key.clone(), said: None, is_taken: false });
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
                    taped.said = Some(Said {
                        reply: (**reply).clone(),
                        finish: finish.clone(),
                        usage: *usage,
                        usd: (cost.unpriced_calls == 0).then_some(cost.known_usd),
                    });
                }
                // Every run begins by itself.
                Event::Input(Input::Begin) => {}
                Event::Input(input) => order.push_back(match reporter(input) {
                    Some(turn) => Expected::Report { turn, is_stop: matches!(input, Input::TurnStopped { .. }) },
                    None => Expected::Told(input.clone()),
                }),
                _ => {}
            }
        }
        Self { calls: Arc::new(Mutex::new(calls)), order }
    }

    /// What the coordination is told next; `None`: the recording ends here.
    pub(crate) fn expected(&self) -> Option<&Expected> {
        self.order.front()
    }

    /// It has been told.
    pub(crate) fn go_on(&mut self) {
        self.order.pop_front();
    }

    /// Whether the next that a turn reports is that it has stopped.
    pub(crate) fn stops_next(&self, of: TurnId) -> bool {
        let next = self.order.iter().find_map(|expected| match expected {
            Expected::Report { turn, is_stop } if *turn == of => Some(*is_stop),
            _ => None,
        });
        next.unwrap_or(true)
    }

    /// The reply to what a turn asks; `Ok(None)`: none had come when the turn was cut. `Err`: it is not on the tape, in
    /// words for the user.
    pub(crate) fn reply(&self, turn: TurnId, key: &CallKey) -> Result<Option<Reply>, String> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let of_agent = |taped: &&mut Taped| taped.turn.agent == turn.agent && !taped.is_taken;
        let Some(taped) = calls.iter_mut().filter(of_agent).find(|taped| taped.key == *key) else {
            let of_agent = calls.iter().filter(|taped| taped.turn.agent == turn.agent);
            let (all, left) =
                of_agent.fold((0, 0), |(all, left), taped| (all + 1, left + usize::from(!taped.is_taken)));
            return Err(format!(
                "what it asks (key {}) is not on the tape, which has {left} of {all} replies left for it: the question, \
                 the team, its prompts or its tools' results differ from those of the recording; record it anew",
                key.as_str()
            ));
        };
        taped.is_taken = true;
        Ok(taped.said.as_ref().map(|said| Reply {
            turn: said.reply.clone(),
            finish: said.finish.clone(),
            usage: said.usage,
            time_to_first_chunk: None,
            usd: said.usd,
        }))
    }
}
