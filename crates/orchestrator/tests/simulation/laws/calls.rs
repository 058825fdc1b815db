//! Calls of models and tools: each that began has one end, within its turn.

use std::collections::{BTreeMap, BTreeSet};

use massgen_protocol::{Activity, Event, Fact, Record, ToolEnd, TurnId};

use super::{Breach, law};

#[derive(Default)]
struct Ledger {
    open_turns: BTreeSet<TurnId>,
    open_calls: BTreeSet<(TurnId, u32)>,
    open_tools: BTreeSet<(TurnId, String)>,
    /// How each tool call ended that was not stopped.
    ended_tools: BTreeMap<(TurnId, String), ToolEnd>,
}

/// Checks a run that has ended.
pub(super) fn hold(records: &[Record]) -> Result<(), Breach> {
    let mut ledger = Ledger::default();
    for record in records {
        match &record.event {
            Event::Fact(Fact::TurnStarted { turn, .. }) => drop(ledger.open_turns.insert(*turn)),
            Event::Fact(Fact::TurnEnded { turn, .. }) => drop(ledger.open_turns.remove(turn)),
            Event::Activity(activity) => {
                ledger.take(activity).map_err(|Breach(why)| Breach(format!("record {}: {why}", record.seq)))?
            }
            _ => {}
        }
    }
    law(ledger.open_calls.is_empty(), || format!("model calls have no end: {:?}", ledger.open_calls))?;
    law(ledger.open_tools.is_empty(), || format!("tool calls have no end: {:?}", ledger.open_tools))
}

impl Ledger {
    fn take(&mut self, activity: &Activity) -> Result<(), Breach> {
        match activity {
            Activity::CallStarted { turn, call, .. } => {
                law(self.open_turns.contains(turn), || format!("{turn} asks although it is not open"))?;
                law(self.open_calls.insert((*turn, *call)), || format!("call {call} of {turn} began twice"))
            }
            Activity::CallEnded { turn, call, .. } => {
                law(self.open_calls.remove(&(*turn, *call)), || format!("call {call} of {turn} ended twice"))
            }
            Activity::ToolCalled { turn, id, .. } => {
                law(self.open_turns.contains(turn), || format!("{turn} calls a tool although it is not open"))?;
                // One that was stopped and changes nothing may be made again.
                let ended = self.ended_tools.get(&(*turn, id.clone()));
                law(ended.is_none(), || format!("tool call {id} of {turn} began after its end: {ended:?}"))?;
                law(self.open_tools.insert((*turn, id.clone())), || format!("tool call {id} of {turn} began twice"))
            }
            Activity::ToolEnded { turn, id, end, .. } => {
                if *end != ToolEnd::Stopped {
                    self.ended_tools.insert((*turn, id.clone()), *end);
                }
                law(self.open_tools.remove(&(*turn, id.clone())), || format!("tool call {id} of {turn} ended twice"))
            }
            _ => Ok(()),
        }
    }
}
