//! Goes through the past of an interrupted run, and goes on with it.
//!
//! What the coordination was told is told it again, in the same order; it decides the same, and the journal proves it.
//! Turns are made as they were, with everything they were told, but nobody is asked until the past is over. Then the
//! turns that were open do again what they did: what the journal has is recalled, the rest is asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use massgen_coordination::{Input, Step};
use massgen_protocol::{Activity, Cost, Event, Fact, Record, Timer, TurnId, Usage};

use super::Run;
use crate::past::{self, Past, ResumeError};
use crate::turn::Turn;

/// What is gathered while the past is gone through.
#[derive(Default)]
pub(super) struct Reliving {
    turns: BTreeMap<TurnId, Turn>,
    past: Past,
    /// When each timer fires, on the run's own clock.
    due: BTreeMap<Timer, u64>,
    /// How long the run has run, in milliseconds. Interruptions do not count.
    run_ms: u64,
    last_at_ms: Option<u64>,
}

impl Reliving {
    /// Keeps a turn until it can work.
    pub(super) fn keep(&mut self, turn: Turn) {
        self.turns.insert(turn.id, turn);
    }

    pub(super) fn cut(&mut self, turn: TurnId) {
        if let Some(turn) = self.turns.get_mut(&turn) {
            turn.past.is_cut = true;
        }
    }

    pub(super) fn set(&mut self, timer: Timer, after_ms: u64) {
        self.due.insert(timer, self.run_ms.saturating_add(after_ms));
    }

    fn note(&mut self, record: &Record) {
        let is_new_start = matches!(record.event, Event::Activity(Activity::RunResumed { .. }));
        if let (Some(last), false) = (self.last_at_ms, is_new_start) {
            self.run_ms = self.run_ms.saturating_add(record.at_ms.saturating_sub(last));
        }
        self.last_at_ms = Some(record.at_ms);
        self.note_event(&record.event);
    }

    fn note_event(&mut self, event: &Event) {
        self.past.note(event);
        match event {
            Event::Input(Input::TimerFired { timer }) => drop(self.due.remove(timer)),
            Event::Fact(Fact::TurnEnded { turn, .. }) => drop(self.turns.remove(turn)),
            _ => {}
        }
    }
}

impl<Observe: FnMut(&Arc<Record>)> Run<Observe> {
    /// Goes through the past, and lets the turns work that were open at its end.
    pub(super) fn relive(&mut self, past: Vec<Record>) -> Result<(), ResumeError> {
        self.same_team(&past)?;
        self.reliving = Some(Reliving::default());
        let has_begun = past::began_with(&past).is_some();
        let unfinished = self.go_through(past)?;
        self.record(Activity::RunResumed { version: self.setup.version.clone() });
        if let Some((missing, step)) = unfinished {
            if let Some(reliving) = &mut self.reliving {
                missing.iter().for_each(|event| reliving.note_event(event));
            }
            let written = self.journal.append_together(self.setup.clock.now_ms(), missing.clone());
            self.show(written, missing);
            self.follow(step);
        } else if !has_begun {
            self.begin();
        }
        let Some(mut reliving) = self.reliving.take() else { return Ok(()) };
        for orphan in reliving.past.orphans() {
            // Nobody knows what it came to: what was kept back for it counts as spent.
            let ended = Activity::CallEnded {
                turn: orphan.turn,
                call: orphan.call,
                finish: None,
                usage: Usage {
                    input_tokens: orphan.reserved.map_or(0, |reserved| reserved.tokens),
                    estimated: true,
                    ..Usage::default()
                },
                cost: orphan.reserved.map_or_else(Cost::default, |reserved| Cost::of_call(reserved.usd)),
                first_chunk_ms: None,
                duration_ms: 0,
                reply: None,
            };
            self.purse.note(&Event::Activity(ended.clone()));
            self.record(ended);
        }
        for (timer, due) in reliving.due {
            self.timers.set(timer, Duration::from_millis(due.saturating_sub(reliving.run_ms)));
        }
        for (id, mut turn) in reliving.turns {
            let is_cut = turn.past.is_cut;
            turn.past = reliving.past.take(id);
            turn.past.is_cut = is_cut;
            self.spawn(turn);
        }
        Ok(())
    }

    /// Tells the coordination what it was told, and follows what it decided. A last step whose writing was interrupted is
    /// handed back, with the facts that it lacks in the journal.
    fn go_through(&mut self, past: Vec<Record>) -> Result<Option<(Vec<Event>, Step)>, ResumeError> {
        let mut records = past.into_iter().peekable();
        while let Some(record) = records.next() {
            let seq = record.seq;
            let input = match &record.event {
                Event::Input(input) => Some(input.clone()),
                Event::Fact(_) => return Err(ResumeError::Diverged { seq }),
                Event::Activity(_) => None,
            };
            self.see(record);
            let Some(input) = input else { continue };
            let step = self.coordinator.handle(input);
            let mut decided = step.facts.iter().peekable();
            // What an interrupted step lacked was written when the run went on, after it was said that it does.
            while decided.peek().is_some()
                && let Some(record) = records.next_if(|record| !matches!(record.event, Event::Input(_)))
            {
                let is_same = match &record.event {
                    Event::Fact(fact) => decided.next() == Some(fact),
                    Event::Input(_) | Event::Activity(_) => true,
                };
                if !is_same {
                    return Err(ResumeError::Diverged { seq: record.seq });
                }
                self.see(record);
            }
            let missing: Vec<Event> = decided.cloned().map(Event::Fact).collect();
            if missing.is_empty() {
                self.follow(step);
            } else if let Some(next) = records.peek() {
                return Err(ResumeError::Diverged { seq: next.seq });
            } else {
                return Ok(Some((missing, step)));
            }
        }
        Ok(None)
    }

    /// Takes in a record of the past.
    fn see(&mut self, record: Record) {
        if let Some(reliving) = &mut self.reliving {
            reliving.note(&record);
        }
        self.purse.note(&record.event);
        self.view.apply(&record);
        (self.observe)(&Arc::new(record));
    }

    fn same_team(&self, past: &[Record]) -> Result<(), ResumeError> {
        let opened = past.iter().find_map(|record| match &record.event {
            Event::Activity(Activity::RunOpened { agents, .. }) => Some(agents),
            _ => None,
        });
        let now = self.setup.agents.iter().map(|agent| &agent.profile);
        let Some(then) = opened else { return Ok(()) };
        if then.iter().eq(now.clone()) {
            return Ok(());
        }
        let told = |profiles: &mut dyn Iterator<Item = &massgen_protocol::AgentProfile>| {
            let told: Vec<String> =
                profiles.map(|profile| format!("{} ({} {})", profile.id, profile.backend, profile.model)).collect();
            told.join(", ")
        };
        Err(ResumeError::OtherTeam(format!("it was {}, and is {}", told(&mut then.iter()), told(&mut now.into_iter()))))
    }
}
