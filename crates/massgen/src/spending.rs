//! From the config's limits to those that a run keeps to.

use std::path::{Path, PathBuf};

use massgen_backends::ModelRequest;
use massgen_config::{BudgetConfig, BudgetLimits, Environment};
use massgen_orchestrator::{AgentSetup, Budget, Limits};
use massgen_protocol::Rules;
use massgen_providers::Prices;
use massgen_quota::LimitsTable;

use crate::failure::{Failure, with_causes};

/// The part of a run's time that is kept for the presentation.
const PRESENTATION_SHARE: f64 = 0.2;

/// What a run may spend, without its time, which is a matter of [`in_time`].
pub(crate) fn budget(config: &BudgetConfig) -> Budget {
    let limits = |limits: BudgetLimits| Limits {
        usd: limits.usd,
        tokens: limits.tokens.map(u64::from),
        calls: limits.calls.map(u64::from),
    };
    Budget { run: limits(config.run), agent: limits(config.agent), turn: limits(config.turn) }
}

/// The rules with the deadlines that follow from the budget.
pub(crate) fn in_time(rules: Rules, config: &BudgetConfig) -> Rules {
    let least = |usual: Option<u64>, ms: u64| Some(usual.map_or(ms, |usual| usual.min(ms)));
    let mut rules = rules;
    if let Some(seconds) = config.run.seconds {
        let presentation = milliseconds(seconds * PRESENTATION_SHARE).min(rules.presentation_ms);
        rules.presentation_ms = presentation.max(1);
        rules.coordination_ms = least(rules.coordination_ms, milliseconds(seconds).saturating_sub(presentation).max(1));
    }
    if let Some(seconds) = config.turn.seconds {
        rules.first_turn_ms = least(rules.first_turn_ms, milliseconds(seconds));
        rules.later_turn_ms = least(rules.later_turn_ms, milliseconds(seconds));
        rules.presentation_ms = rules.presentation_ms.min(milliseconds(seconds));
    }
    rules
}

fn milliseconds(seconds: f64) -> u64 {
    // A float too large for the type becomes its largest value.
    ((seconds * 1000.0).round() as u64).max(1)
}

/// A limit in money holds only where the price of every model is known.
pub(crate) fn check_prices(config: &BudgetConfig, agents: &[AgentSetup]) -> Result<(), Failure> {
    if !budget(config).limits_money() {
        return Ok(());
    }
    let is_unknown = |agent: &&AgentSetup| agent.backend.bounds(&ModelRequest::default()).price.is_none();
    let unknown: Vec<String> = agents
        .iter()
        .filter(is_unknown)
        .map(|agent| format!("agent `{}`: the price of `{}` is not known", agent.profile.id, agent.profile.model))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Failure::configuration(format!("the budget in US dollars cannot hold\n       {}", unknown.join("\n       ")))
        .hint("give the price in the agent's backend: `price: {input: 1.25, output: 10}`, in US dollars for a million tokens")
        .hint("or once for all teams in ~/.config/massgen/prices.json, or limit `tokens` or `calls` instead"))
}

/// The prices that the user has put in the place of those that come with massgen.
pub(crate) fn prices(environment: &Environment) -> Result<Prices, Failure> {
    let Some(path) = places(environment, "prices.json").into_iter().find(|path| path.is_file()) else {
        return Ok(Prices::default());
    };
    let unreadable = |why: String| {
        Failure::configuration(format!("the prices in {} cannot be read: {why}", path.display())).hint(
            "a list is {\"models\": {\"openai\": {\"gpt-5\": {\"input\": 1.25, \"cached_input\": 0.125, \
             \"cache_write\": 1.25, \"output\": 10}}}}, in US dollars for a million tokens",
        )
    };
    let text = std::fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
    Prices::parse(&text).map_err(|error| unreadable(error.to_string()))
}

/// The user's own rate limits: of the file that is named, or of the usual one.
pub(crate) fn rate_limits(file: Option<&Path>, environment: &Environment) -> Result<LimitsTable, Failure> {
    let usual = || places(environment, "rate_limits.yaml");
    let path = match file {
        Some(file) => environment.cwd.join(file),
        None => usual().into_iter().find(|path| path.is_file()).ok_or_else(|| {
            let places: Vec<String> = usual().iter().map(|path| path.display().to_string()).collect();
            Failure::configuration(format!("`--rate-limit` finds no file: neither {}", places.join(" nor ")))
                .hint("write limits such as `gemini: {gemini-2.5-flash: {rpm: 9, tpm: 240000}, default: {rpm: 7}}`")
                .hint("without the flag, limits are learned from what providers send with their replies")
        })?,
    };
    LimitsTable::read(&path).map_err(|error| Failure::configuration(with_causes(&error)))
}

/// Where a file of the user's may be: with the project, or for all of them.
fn places(environment: &Environment, name: &str) -> Vec<PathBuf> {
    let own = environment.cwd.join(".massgen").join(name);
    let common = environment.home.as_ref().map(|home| home.join(".config/massgen").join(name));
    std::iter::once(own).chain(common).collect()
}
