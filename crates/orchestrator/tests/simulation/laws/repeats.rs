//! Nothing that is finished is done again, and nothing that does harm is done twice.

use std::collections::{BTreeMap, BTreeSet};

use massgen_protocol::{Activity, CallKey, Event, Record, ToolEnd, TurnId};

use super::{Breach, law};
use crate::simulation::Legacy;
use crate::world::{Memory, ToolCallName};

/// What a journal has of calls.
#[derive(Default)]
struct Known {
    /// Model calls with their replies.
    replied: BTreeMap<(TurnId, u32), CallKey>,
    /// Tool calls that came to their end.
    ended: BTreeSet<ToolCallName>,
    /// Tool calls without any end.
    begun: Vec<ToolCallName>,
}

/// What was finished before is not done again after.
pub(super) fn after_death(before: &Legacy, after: &Legacy) -> Result<(), Breach> {
    let mut known = Known::of(&before.records);
    let new = after.records.iter().skip(before.records.len());
    let new = if after.is_taken_up { new.take(0) } else { new.take(usize::MAX) };
    for record in new {
        match &record.event {
            Event::Activity(Activity::CallStarted { turn, call, .. }) => {
                let is_known = known.replied.contains_key(&(*turn, *call));
                law(!is_known, || format!("call {call} of {turn} was answered and is asked again"))?;
            }
            Event::Activity(Activity::ToolEnded { turn, id, end, result, .. }) => {
                let Some(begun) = known.begun.iter().position(|call| call.is(*turn, id)) else { continue };
                let begun = known.begun.remove(begun);
                let may_repeat = before.memory.effects.get(&begun).is_none_or(|effects| effects.may_repeat);
                let is_told = *end == ToolEnd::Stopped || result.contains("not known");
                law(may_repeat || is_told, || format!("it is not told that the end of {begun:?} is unknown"))?;
            }
            _ => {}
        }
    }
    for (turn, key) in known.replied.iter().map(|((turn, _), key)| (turn, key)) {
        let place = (turn.agent, Some(*turn), key.clone());
        let asked = |memory: &Memory| memory.asked.get(&place).copied();
        law(asked(&before.memory) == asked(&after.memory), || format!("the model of {turn} was asked {key:?} again"))?;
    }
    for call in &known.ended {
        let effects = |memory: &Memory| memory.effects.get(call).copied();
        law(effects(&before.memory) == effects(&after.memory), || format!("{call:?} had ended and was run again"))?;
    }
    Ok(())
}

/// What cannot be taken back happens once.
pub(super) fn altogether(memory: &Memory) -> Result<(), Breach> {
    let twice = memory.effects.iter().find(|(_, effects)| effects.count > 1 && !effects.may_repeat);
    law(twice.is_none(), || format!("an effect came about twice: {twice:?}"))
}

/// How often a model was asked what it had been asked in the same turn, because its reply had not come yet.
pub(super) fn asked_again(memory: &Memory) -> u64 {
    let of_turns = memory.asked.iter().filter(|((_, turn, _), _)| turn.is_some());
    of_turns.map(|(_, asked)| asked - 1).sum()
}

impl Known {
    fn of(records: &[Record]) -> Self {
        let mut known = Self::default();
        let mut asked: BTreeMap<(TurnId, u32), CallKey> = BTreeMap::new();
        for record in records {
            let Event::Activity(activity) = &record.event else { continue };
            match activity {
                Activity::CallStarted { turn, call, key: Some(key), .. } => {
                    asked.insert((*turn, *call), key.clone());
                }
                Activity::CallEnded { turn, call, reply: Some(_), .. } => {
                    known.replied.extend(asked.remove_entry(&(*turn, *call)));
                }
                Activity::ToolCalled { turn, id, arguments, .. } => {
                    known.begun.push(ToolCallName::new(*turn, id, arguments));
                }
                Activity::ToolEnded { turn, id, end, .. } => {
                    let Some(begun) = known.begun.iter().position(|call| call.is(*turn, id)) else { continue };
                    let call = known.begun.remove(begun);
                    if *end != ToolEnd::Stopped {
                        known.ended.insert(call);
                    }
                }
                _ => {}
            }
        }
        known
    }
}
