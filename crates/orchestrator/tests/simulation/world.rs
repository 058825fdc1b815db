//! What is outside of the process: it remembers what models were asked and what tools did, whatever dies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use massgen_protocol::{AgentIndex, CallKey, ToolCall, TurnId, Usage};

/// The outside world of one simulation.
#[derive(Debug, Default)]
pub(crate) struct World {
    memory: Mutex<Memory>,
}

/// What the world remembers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Memory {
    /// How often each agent's model was asked what; with the turn, where it was told.
    pub(crate) asked: BTreeMap<(AgentIndex, Option<TurnId>, CallKey), u64>,
    /// What models would put on the bill.
    pub(crate) billed: BTreeMap<AgentIndex, Bill>,
    /// How often each tool call had its effect.
    pub(crate) effects: BTreeMap<ToolCallName, Effects>,
    /// Model and tool calls that have not ended.
    pub(crate) under_way: u64,
    /// What a model was shown that it must not see.
    pub(crate) leaks: BTreeSet<String>,
}

/// Names a tool call of a run. Ids alone do not: a model may use one again in its next reply.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ToolCallName {
    turn: TurnId,
    id: String,
    arguments: String,
}

impl ToolCallName {
    pub(crate) fn of(turn: TurnId, call: &ToolCall) -> Self {
        Self::new(turn, &call.id, &call.arguments)
    }

    pub(crate) fn new(turn: TurnId, id: &str, arguments: &str) -> Self {
        Self { turn, id: id.to_owned(), arguments: arguments.to_owned() }
    }

    /// Whether an end of the call `id` of `turn` can be its end.
    pub(crate) fn is(&self, turn: TurnId, id: &str) -> bool {
        self.turn == turn && self.id == id
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Bill {
    pub(crate) calls: u64,
    pub(crate) tokens: u64,
    pub(crate) usd: f64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    pub(crate) count: u64,
    /// Whether once more would do harm.
    pub(crate) may_repeat: bool,
}

impl World {
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a model is asked; how often it was asked the same before is the result.
    pub(crate) fn ask(&self, agent: AgentIndex, turn: Option<TurnId>, key: CallKey) -> u64 {
        let mut memory = self.memory();
        memory.billed.entry(agent).or_default().calls += 1;
        let asked = memory.asked.entry((agent, turn, key)).or_default();
        *asked += 1;
        *asked - 1
    }

    pub(crate) fn bill(&self, agent: AgentIndex, usage: &Usage, usd: Option<f64>) {
        let mut memory = self.memory();
        let bill = memory.billed.entry(agent).or_default();
        bill.tokens += usage.input_tokens + usage.output_tokens;
        bill.usd += usd.unwrap_or_default();
    }

    pub(crate) fn effect(&self, call: ToolCallName, may_repeat: bool) {
        let mut memory = self.memory();
        let effects = memory.effects.entry(call).or_default();
        *effects = Effects { count: effects.count + 1, may_repeat };
    }
}
