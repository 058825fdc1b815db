//! Money, tokens and calls: never more than the budget allows, with all that is kept back.

use std::collections::BTreeMap;

use massgen_orchestrator::{Budget, Limits};
use massgen_protocol::{Activity, AgentIndex, Event, Record, Reserved, TurnId};

use super::{Breach, law};
use crate::world::Memory;

/// Sums of floating point leave dust.
const DUST_USD: f64 = 1e-9;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Run,
    Agent(AgentIndex),
    Turn(TurnId),
}

/// What was spent, with what is kept back.
#[derive(Debug, Clone, Copy, Default)]
struct Account {
    usd: f64,
    tokens: u64,
    calls: u64,
}

/// Checks every record of a journal.
pub(super) fn hold(budget: &Budget, records: &[Record]) -> Result<(), Breach> {
    let mut spent: BTreeMap<Scope, Account> = BTreeMap::new();
    let mut kept: BTreeMap<(TurnId, u32), Reserved> = BTreeMap::new();
    for record in records {
        let turn = match &record.event {
            Event::Activity(Activity::CallStarted { turn, call, reserved, .. }) => {
                kept.insert((*turn, *call), reserved.unwrap_or(Reserved { tokens: 0, usd: None }));
                for (scope, _) in scopes(budget, *turn) {
                    spent.entry(scope).or_default().calls += 1;
                }
                *turn
            }
            Event::Activity(Activity::CallEnded { turn, call, usage, cost, .. }) => {
                let was = kept.remove(&(*turn, *call));
                let tokens = usage.input_tokens + usage.output_tokens;
                let kept = was.map_or(0, |was| was.tokens);
                law(tokens <= kept, || format!("call {call} of {turn} took {tokens} tokens of {kept} kept back"))?;
                for (scope, _) in scopes(budget, *turn) {
                    let account = spent.entry(scope).or_default();
                    account.tokens += tokens;
                    account.usd += cost.known_usd;
                }
                *turn
            }
            _ => continue,
        };
        for (scope, limits) in scopes(budget, turn) {
            let mut account = spent.get(&scope).copied().unwrap_or_default();
            for ((turn, _), reserved) in &kept {
                if scopes(budget, *turn).iter().any(|(other, _)| *other == scope) {
                    account.tokens += reserved.tokens;
                    account.usd += reserved.usd.unwrap_or_default();
                }
            }
            within(&limits, &account, || format!("of {scope:?} at record {}", record.seq))?;
        }
    }
    Ok(())
}

/// What models have put on the bill is within the budget, too, whatever the journal says.
pub(super) fn of_the_world(budget: &Budget, memory: &Memory) -> Result<(), Breach> {
    let mut run = Account::default();
    for (agent, bill) in &memory.billed {
        let account = Account { usd: bill.usd, tokens: bill.tokens, calls: bill.calls };
        within(&budget.agent, &account, || format!("on the bill of {agent}"))?;
        run.usd += bill.usd;
        run.tokens += bill.tokens;
        run.calls += bill.calls;
    }
    within(&budget.run, &run, || "on the bill".to_owned())
}

fn within(limits: &Limits, account: &Account, whose: impl Fn() -> String) -> Result<(), Breach> {
    let is_within = limits.calls.is_none_or(|max| account.calls <= max)
        && limits.tokens.is_none_or(|max| account.tokens <= max)
        && limits.usd.is_none_or(|max| account.usd <= max + DUST_USD);
    law(is_within, || format!("the budget is exceeded {}: {account:?} of {limits:?}", whose()))
}

fn scopes(budget: &Budget, turn: TurnId) -> [(Scope, Limits); 3] {
    [(Scope::Run, budget.run), (Scope::Agent(turn.agent), budget.agent), (Scope::Turn(turn), budget.turn)]
}
