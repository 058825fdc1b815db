//! A run by a recording: the coordination is told everything in the order of then.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use massgen_coordination::Input;
use massgen_protocol::{Record, TurnId};

use super::Run;
use crate::past::reporter;
use crate::tape::{Expected, Tape};

/// A tape, and what came before its time.
#[derive(Default)]
pub(super) struct Playing {
    pub(super) tape: Tape,
    early: BTreeMap<TurnId, VecDeque<Input>>,
    /// Turns that were told to stop, and had something to say first.
    cut: Vec<TurnId>,
}

impl Playing {
    pub(super) fn new(tape: Tape) -> Self {
        Self { tape, ..Self::default() }
    }

    /// What a turn has reported, if it is what is awaited of it.
    fn report(&mut self, turn: TurnId, is_stop: bool) -> Option<Input> {
        let early = self.early.get_mut(&turn)?;
        if is_stop {
            // What it still said then came too late to be heard.
            early.retain(|input| matches!(input, Input::TurnStopped { .. }));
        }
        early.pop_front()
    }

    /// Whether a turn that is to stop does so at once.
    pub(super) fn cuts_now(&mut self, turn: TurnId) -> bool {
        let now = self.tape.stops_next(turn);
        if !now {
            self.cut.push(turn);
        }
        now
    }
}

impl<Observe: FnMut(&Arc<Record>)> Run<Observe> {
    /// Takes in what a turn reports when its time has come.
    pub(super) fn play(&mut self, input: Input) {
        let (Some(playing), Some(turn)) = (&mut self.playing, reporter(&input)) else { return self.handle(input) };
        playing.early.entry(turn).or_default().push_back(input);
        self.play_on();
    }

    /// Tells the coordination whatever is due.
    pub(super) fn play_on(&mut self) {
        while !self.coordinator.is_over() {
            let Some(playing) = &mut self.playing else { return };
            if let Some(Expected::Report { turn, .. }) = playing.tape.expected()
                && !self.open.contains_key(turn)
            {
                // Its turn was over by then: it changed nothing.
                playing.tape.go_on();
                continue;
            }
            let due = match playing.tape.expected().cloned() {
                Some(Expected::Told(input)) => Some((input, None)),
                Some(Expected::Report { turn, is_stop }) => {
                    playing.report(turn, is_stop).map(|input| (input, Some(turn)))
                }
                None => None,
            };
            let Some((input, turn)) = due else { return self.give_up_if_lost() };
            playing.tape.go_on();
            self.handle(input);
            if let Some(turn) = turn {
                self.stop_after(turn);
            }
        }
    }

    /// Stops a turn that had something to say first, when it has said it.
    fn stop_after(&mut self, turn: TurnId) {
        let Some(playing) = &mut self.playing else { return };
        if playing.cut.contains(&turn)
            && playing.tape.stops_next(turn)
            && let Some(open) = self.open.get(&turn)
        {
            open.stop.cancel();
        }
    }

    /// Where the run has gone another way than the recording, nobody waits for what will not come.
    fn give_up_if_lost(&mut self) {
        let Some(playing) = &self.playing else { return };
        if playing.tape.expected().is_some() {
            return;
        }
        self.playing = None;
        let open: Vec<TurnId> = self.open.keys().copied().collect();
        for turn in open {
            let message = "the run goes another way than its recording, which has nothing more for it; record it anew";
            self.handle(Input::TurnFailed { turn, message: message.to_owned(), retryable: false });
        }
    }
}
