//! Calls of models and tools: each that began has one end, within its turn.

use std::collections::{BTreeMap, BTreeSet};

use massgen_protocol::{Activity, Event, Fact, Input, Record, ToolEnd, TurnId};

use super::{Breach, law};
use crate::world::ToolCallName;

#[derive(Default)]
struct Ledger {
    open_turns: BTreeSet<TurnId>,
    open_calls: BTreeSet<(TurnId, u32)>,
    open_tools: Vec<ToolCallName>,
    /// How each tool call ended that was not stopped.
    ended_tools: BTreeMap<ToolCallName, ToolEnd>,
}

/// Checks a run that has ended.
pub(super) fn hold(records: &[Record]) -> Result<(), Breach> {
    let mut ledger = Ledger::default();
    for record in records {
        match &record.event {
            Event::Fact(Fact::TurnStarted { turn, .. }) => drop(ledger.open_turns.insert(*turn)),
            Event::Fact(Fact::TurnEnded { turn, .. }) => drop(ledger.open_turns.remove(turn)),
            Event::Activity(activity) => {
                ledger.take(activity).map_err(|Breach(why)| Breach(format!("record {}: {why}", record.seq)))?;
            }
            _ => {}
        }
    }
    law(ledger.open_calls.is_empty(), || format!("model calls have no end: {:?}", ledger.open_calls))?;
    law(ledger.open_tools.is_empty(), || format!("tool calls have no end: {:?}", ledger.open_tools))
}

/// Every reply is heard: what a turn tells next is what was said to it, and it does not ask before.
pub(super) fn are_heard(records: &[Record]) -> Result<(), Breach> {
    let mut unheard: BTreeMap<TurnId, String> = BTreeMap::new();
    for record in records {
        match &record.event {
            Event::Activity(Activity::CallStarted { turn, .. }) => {
                law(!unheard.contains_key(turn), || format!("{turn} asks although it has a reply"))?;
            }
            Event::Activity(Activity::CallEnded { turn, reply: Some(reply), .. }) => {
                unheard.insert(*turn, reply.text.clone());
            }
            Event::Input(Input::Replied { turn, reply }) => {
                // Beside tools that ran, it was heard when those were told of.
                let said = unheard.remove(turn).unwrap_or_else(|| reply.text.clone());
                law(said == reply.text, || format!("{turn} was told `{said}` and tells `{}`", reply.text))?;
            }
            Event::Input(Input::ToolRan { turn, .. } | Input::TurnStopped { turn }) => {
                unheard.remove(turn);
            }
            _ => {}
        }
    }
    Ok(())
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
            Activity::ToolCalled { turn, id, arguments, .. } => {
                law(self.open_turns.contains(turn), || format!("{turn} calls a tool although it is not open"))?;
                // One that was stopped and changes nothing may be made again.
                let name = ToolCallName::new(*turn, id, arguments);
                let ended = self.ended_tools.get(&name);
                law(ended.is_none(), || format!("{name:?} began after its end: {ended:?}"))?;
                law(!self.open_tools.contains(&name), || format!("{name:?} began twice"))?;
                self.open_tools.push(name);
                Ok(())
            }
            Activity::ToolEnded { turn, id, end, .. } => {
                let Some(place) = self.open_tools.iter().position(|call| call.is(*turn, id)) else {
                    return Err(Breach(format!("tool call {id} of {turn} ended twice")));
                };
                let name = self.open_tools.remove(place);
                if *end != ToolEnd::Stopped {
                    self.ended_tools.insert(name, *end);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
