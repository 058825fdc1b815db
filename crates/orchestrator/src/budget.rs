//! What a run may spend: checked before each call, with the most that the call can take kept back until it has ended.
//!
//! So agents that work side by side cannot overshoot together. A call that does not fit only because others are under
//! way waits for them; one that would not fit even then ends its turn.

use std::collections::BTreeMap;

use massgen_backends::Bounds;
use massgen_protocol::{Activity, AgentIndex, Event, Reserved, TurnId, Usage};

/// Limits of a run, of each agent and of each turn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Budget {
    /// Of the whole run.
    pub run: Limits,
    /// Of each agent in the run.
    pub agent: Limits,
    /// Of each turn of an agent.
    pub turn: Limits,
}

/// Limits; what is `None` is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// US dollars.
    pub usd: Option<f64>,
    /// Tokens, in and out.
    pub tokens: Option<u64>,
    /// Model calls.
    pub calls: Option<u64>,
}

impl Budget {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [self.run, self.agent, self.turn].iter().all(|limits| *limits == Limits::default())
    }

    /// Whether money is limited: then every model needs a price.
    #[must_use]
    pub fn limits_money(&self) -> bool {
        [self.run, self.agent, self.turn].iter().any(|limits| limits.usd.is_some())
    }
}

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scope {
    Run,
    Agent(AgentIndex),
    Turn(TurnId),
}

/// Whether a call may be made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Admission {
    /// It may, with at most so many tokens in reply; so much is kept back for it.
    Go { reserved: Reserved, max_output_tokens: u64 },
    /// It may when others have ended.
    Wait,
    /// There is not enough left, whoever ends.
    Spent { scope: Scope, limit: String },
}

/// What was spent, and what is kept back.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Account {
    usd: f64,
    tokens: u64,
    calls: u64,
    reserved_usd: f64,
    reserved_tokens: u64,
    under_way: u64,
    /// The highest threshold that was told of, in per cent.
    warned: u8,
}

/// A reply shorter than this is of no use: nobody pays for the question.
const OUTPUT_TOKENS_MIN: u64 = 256;

/// A reply that is cut shorter than this is rather waited for.
const OUTPUT_TOKENS_PATIENT: u64 = 4096;

const WARNINGS_PERCENT: [u8; 3] = [50, 75, 90];

/// Keeps the accounts of one run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    budget: Budget,
    accounts: BTreeMap<Scope, Account>,
}

impl Ledger {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { budget, accounts: BTreeMap::new() }
    }

    /// Decides on a call, and keeps back what it can take.
    pub(crate) fn admit(&mut self, turn: TurnId, bounds: &Bounds) -> Admission {
        let mut output = bounds.output_tokens;
        for (scope, limits) in self.scopes(turn) {
            let account = self.accounts.get(&scope).copied().unwrap_or_default();
            match room(&limits, &account, bounds) {
                Room::Output(fits) => output = output.min(fits),
                Room::Wait => return Admission::Wait,
                Room::None(limit) => return Admission::Spent { scope, limit: told(scope, &limit) },
            }
        }
        let reserved = Reserved { tokens: bounds.input_tokens.saturating_add(output), usd: bounds.usd(output) };
        for (scope, _) in self.scopes(turn) {
            let account = self.accounts.entry(scope).or_default();
            account.calls += 1;
            account.under_way += 1;
            account.reserved_tokens = account.reserved_tokens.saturating_add(reserved.tokens);
            account.reserved_usd += reserved.usd.unwrap_or_default();
        }
        Admission::Go { reserved, max_output_tokens: output }
    }

    /// Puts what a call took in the place of what was kept back. Hands back what the user should be warned of.
    pub(crate) fn settle(&mut self, turn: TurnId, reserved: &Reserved, usage: &Usage, usd: f64) -> Vec<String> {
        let mut warnings = Vec::new();
        for (scope, limits) in self.scopes(turn) {
            let account = self.accounts.entry(scope).or_default();
            account.under_way = account.under_way.saturating_sub(1);
            account.reserved_tokens = account.reserved_tokens.saturating_sub(reserved.tokens);
            // Sums of floating point leave dust.
            account.reserved_usd = if account.under_way == 0 {
                0.0
            } else {
                (account.reserved_usd - reserved.usd.unwrap_or_default()).max(0.0)
            };
            account.spend(usage, usd);
            if scope == Scope::Run {
                warnings.extend(account.warning(&limits));
            }
        }
        warnings
    }

    /// Takes in what the journal says was spent before the run was interrupted.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::Activity(Activity::CallStarted { turn, .. }) => {
                for (scope, _) in self.scopes(*turn) {
                    self.accounts.entry(scope).or_default().calls += 1;
                }
            }
            Event::Activity(Activity::CallEnded { turn, usage, cost, .. }) => {
                for (scope, limits) in self.scopes(*turn) {
                    let account = self.accounts.entry(scope).or_default();
                    account.spend(usage, cost.known_usd);
                    // It was told of then.
                    let _ = account.warning(&limits);
                }
            }
            _ => {}
        }
    }

    fn scopes(&self, turn: TurnId) -> [(Scope, Limits); 3] {
        [
            (Scope::Turn(turn), self.budget.turn),
            (Scope::Agent(turn.agent), self.budget.agent),
            (Scope::Run, self.budget.run),
        ]
    }
}

impl Account {
    fn spend(&mut self, usage: &Usage, usd: f64) {
        self.tokens = self.tokens.saturating_add(usage.input_tokens.saturating_add(usage.output_tokens));
        self.usd += usd;
    }

    /// What share of its limit is spent, in per cent, and of which.
    fn share(&self, limits: &Limits) -> Option<(f64, String)> {
        let money = limits.usd.map(|max| (100.0 * self.usd / max, format!("${:.4} of ${max:.4}", self.usd)));
        let tokens = limits.tokens.map(|max| (percent(self.tokens, max), format!("{} of {max} tokens", self.tokens)));
        let calls = limits.calls.map(|max| (percent(self.calls, max), format!("{} of {max} calls", self.calls)));
        [money, tokens, calls].into_iter().flatten().max_by(|one, other| one.0.total_cmp(&other.0))
    }

    fn warning(&mut self, limits: &Limits) -> Option<String> {
        let (share, words) = self.share(limits)?;
        let passed = WARNINGS_PERCENT.into_iter().rfind(|threshold| share >= f64::from(*threshold))?;
        if passed <= self.warned {
            return None;
        }
        self.warned = passed;
        Some(format!("{passed} % of the budget is spent: {words}"))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share, for words")]
fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// What is left for a call.
enum Room {
    /// A reply of so many tokens.
    Output(u64),
    /// Enough, when others have ended.
    Wait,
    /// Not enough: the limit in words.
    None(String),
}

fn room(limits: &Limits, account: &Account, bounds: &Bounds) -> Room {
    if let Some(max) = limits.calls
        && account.calls >= max
    {
        return Room::None(format!("{} of {max} calls were made", account.calls));
    }
    let wanted = bounds.output_tokens;
    let mut fits = wanted;
    let mut fits_alone = wanted;
    let mut why = String::new();
    if let Some(max) = limits.tokens {
        let left = |taken: u64| max.saturating_sub(taken).saturating_sub(bounds.input_tokens);
        fits = fits.min(left(account.tokens.saturating_add(account.reserved_tokens)));
        let alone = left(account.tokens);
        if alone < fits_alone {
            (fits_alone, why) = (alone, format!("{} of {max} tokens are spent", account.tokens));
        }
    }
    if let Some(max) = limits.usd {
        // A model without a price was refused before the run; nothing is asked blindly.
        fits = fits.min(bounds.output_for(max - account.usd - account.reserved_usd).unwrap_or(0));
        let alone = bounds.output_for(max - account.usd).unwrap_or(0);
        if alone < fits_alone {
            (fits_alone, why) = (alone, format!("${:.4} of ${max:.4} are spent", account.usd));
        }
    }
    if fits >= wanted.min(OUTPUT_TOKENS_PATIENT) {
        return Room::Output(fits);
    }
    if account.under_way > 0 && fits_alone > fits {
        return Room::Wait;
    }
    if fits >= OUTPUT_TOKENS_MIN.min(wanted) {
        return Room::Output(fits);
    }
    Room::None(format!("{why}, and the next call could take more than is left"))
}

fn told(scope: Scope, limit: &str) -> String {
    match scope {
        Scope::Run => limit.to_owned(),
        Scope::Agent(_) => format!("of this agent's budget, {limit}"),
        Scope::Turn(_) => format!("of this turn's budget, {limit}"),
    }
}

#[cfg(test)]
mod tests {
    use massgen_backends::Bounds;
    use massgen_protocol::{AgentIndex, Reserved, TurnId, Usage};
    use proptest::prelude::*;

    use super::*;

    fn bounds(input_tokens: u64, output_tokens: u64) -> Bounds {
        let price = massgen_providers::Price { input: 1.0, cached_input: 0.1, cache_write: 1.25, output: 10.0 };
        Bounds { input_tokens, output_tokens, price: Some(price) }
    }

    fn turn(agent: u16, number: u32) -> TurnId {
        TurnId { agent: AgentIndex(agent), number }
    }

    #[test]
    fn a_call_waits_for_others_and_is_refused_when_waiting_would_not_help() {
        let run = Limits { tokens: Some(10_000), ..Limits::default() };
        let mut ledger = Ledger::new(Budget { run, ..Budget::default() });
        let Admission::Go { reserved, max_output_tokens: 5000 } = ledger.admit(turn(0, 1), &bounds(1000, 5000)) else {
            panic!("there is room");
        };
        assert_eq!(reserved.tokens, 6000);
        assert_eq!(ledger.admit(turn(1, 1), &bounds(1000, 5000)), Admission::Wait);
        let usage = Usage { input_tokens: 900, output_tokens: 100, ..Usage::default() };
        assert!(ledger.settle(turn(0, 1), &reserved, &usage, 0.0).is_empty());
        assert!(matches!(ledger.admit(turn(1, 1), &bounds(1000, 5000)), Admission::Go { .. }));

        let mut ledger = Ledger::new(Budget { run, ..Budget::default() });
        let Admission::Spent { scope: Scope::Run, limit } = ledger.admit(turn(0, 1), &bounds(9_900, 5000)) else {
            panic!("100 tokens are no reply");
        };
        assert_eq!(limit, "0 of 10000 tokens are spent, and the next call could take more than is left");
    }

    #[test]
    fn every_scope_has_its_limit() {
        let calls = |max| Limits { calls: Some(max), ..Limits::default() };
        let mut ledger = Ledger::new(Budget { run: calls(4), agent: calls(3), turn: calls(2) });
        let mut admit = |turn| match ledger.admit(turn, &bounds(1, 1)) {
            Admission::Go { .. } => "go".to_owned(),
            Admission::Wait => "wait".to_owned(),
            Admission::Spent { limit, .. } => limit,
        };
        assert_eq!(admit(turn(0, 1)), "go");
        assert_eq!(admit(turn(0, 1)), "go");
        assert_eq!(admit(turn(0, 1)), "of this turn's budget, 2 of 2 calls were made");
        assert_eq!(admit(turn(0, 2)), "go");
        assert_eq!(admit(turn(0, 2)), "of this agent's budget, 3 of 3 calls were made");
        assert_eq!(admit(turn(1, 1)), "go");
        assert_eq!(admit(turn(1, 1)), "4 of 4 calls were made");
    }

    #[test]
    fn thresholds_are_told_of_once() {
        let run = Limits { usd: Some(1.0), ..Limits::default() };
        let mut ledger = Ledger::new(Budget { run, ..Budget::default() });
        let mut spend = |usd| ledger.settle(turn(0, 1), &Reserved { tokens: 0, usd: None }, &Usage::default(), usd);
        assert!(spend(0.4).is_empty());
        assert_eq!(spend(0.2), ["50 % of the budget is spent: $0.6000 of $1.0000"]);
        assert!(spend(0.1).is_empty());
        assert_eq!(spend(0.3), ["90 % of the budget is spent: $1.0000 of $1.0000"]);
    }

    /// What eight agents do: a call of some size, which takes some part of what was kept back for it.
    fn calls() -> impl Strategy<Value = Vec<(u16, u64, u64, f64)>> {
        proptest::collection::vec((0..8_u16, 1..3000_u64, 1..20_000_u64, 0.0..=1.0), 1..200)
    }

    proptest! {
        #[test]
        fn no_limit_is_passed_by_one_token(calls in calls(), tokens in 1_000..200_000_u64, usd in 0.001..2.0) {
            let run = Limits { tokens: Some(tokens), usd: Some(usd), calls: None };
            let mut ledger = Ledger::new(Budget { run, ..Budget::default() });
            let (mut open, mut spent_tokens, mut spent_usd) = (Vec::new(), 0, 0.0);
            for (agent, input, output, part) in calls {
                match ledger.admit(turn(agent, 1), &bounds(input, output)) {
                    Admission::Go { reserved, max_output_tokens } => {
                        prop_assert!(max_output_tokens <= output);
                        open.push((agent, input, max_output_tokens, part, reserved));
                    }
                    Admission::Wait => prop_assert!(!open.is_empty(), "it waits for nobody"),
                    Admission::Spent { .. } => {}
                }
                let kept_tokens: u64 = open.iter().map(|call| call.4.tokens).sum();
                let kept_usd: f64 = open.iter().filter_map(|call| call.4.usd).sum();
                prop_assert!(spent_tokens + kept_tokens <= tokens);
                prop_assert!(spent_usd + kept_usd <= usd + 1e-9);
                {
                    let is_time = open.len() > 5 || part < 0.3;
                    if let Some((agent, input, most, part, reserved)) = open.pop_if(|_| is_time) {
                        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
                        let written = (most as f64 * part) as u64;
                        let usage = Usage { input_tokens: input, output_tokens: written, ..Usage::default() };
                        let cost = bounds(input, written).usd(written).unwrap();
                        spent_tokens += input + written;
                        spent_usd += cost;
                        ledger.settle(turn(agent, 1), &reserved, &usage, cost);
                    }
                }
            }
        }
    }
}
