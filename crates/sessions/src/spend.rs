//! What agents took and cost in a turn.

use massgen_protocol::{Cost, RunView};
use serde_json::{Value, json};

/// What one agent took and cost in one turn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AgentSpend {
    /// Its id in the config.
    pub id: String,
    /// Its backend type, such as `openai`.
    pub backend: String,
    /// Its model as the provider names it.
    pub model: String,
    /// US dollars, and the calls without a known price.
    pub cost: Cost,
    /// Input tokens.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
}

impl AgentSpend {
    /// What every agent of a run has taken, in the order of the team.
    #[must_use]
    pub fn of_run(view: &RunView) -> Vec<Self> {
        let agents = view.agents.iter().map(|agent| Self {
            id: agent.profile.id.to_string(),
            backend: agent.profile.backend.clone(),
            model: agent.profile.model.clone(),
            cost: agent.cost,
            input_tokens: agent.usage.input_tokens,
            output_tokens: agent.usage.output_tokens,
        });
        agents.collect()
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "backend": self.backend,
            "model": self.model,
            "cost_usd": usd(self.cost),
            "unpriced_calls": self.cost.unpriced_calls,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
        })
    }

    /// `None` for what is not even an object; odd fields cost only themselves.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        value.is_object().then(|| Self {
            id: text("id"),
            backend: text("backend"),
            model: text("model"),
            cost: cost(value).unwrap_or_default(),
            input_tokens: number(value, "input_tokens"),
            output_tokens: number(value, "output_tokens"),
        })
    }
}

/// The sum of costs.
pub(crate) fn sum(costs: impl IntoIterator<Item = Cost>) -> Cost {
    let mut total = Cost::default();
    costs.into_iter().for_each(|cost| total += cost);
    total
}

/// US dollars as metadata write them: `null` when no price at all is known.
pub(crate) fn usd(cost: Cost) -> Value {
    if cost.known_usd == 0.0 && cost.unpriced_calls > 0 { Value::Null } else { json!(cost.known_usd) }
}

/// The cost that metadata tell of; `None` when they do not.
pub(crate) fn cost(value: &Value) -> Option<Cost> {
    let usd = value.get("cost_usd")?;
    let known = usd.as_f64().filter(|usd| usd.is_finite() && *usd >= 0.0);
    let unpriced = u32::try_from(number(value, "unpriced_calls")).unwrap_or(u32::MAX);
    // Whoever wrote `null` without a number had at least one call whose price is not known.
    let unpriced_calls = if known.is_none() { unpriced.max(1) } else { unpriced };
    Some(Cost { known_usd: known.unwrap_or(0.0), unpriced_calls })
}

/// A count that metadata tell of; 0 when they do not.
pub(crate) fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_price_is_not_zero() {
        let spend = AgentSpend { cost: Cost { known_usd: 0.0, unpriced_calls: 3 }, ..AgentSpend::default() };
        assert_eq!(spend.to_json()["cost_usd"], Value::Null);
        assert_eq!(AgentSpend::from_json(&spend.to_json()), Some(spend));

        assert_eq!(cost(&json!({"cost_usd": null})), Some(Cost { known_usd: 0.0, unpriced_calls: 1 }));
        assert_eq!(cost(&json!({"cost_usd": 0.25})), Some(Cost { known_usd: 0.25, unpriced_calls: 0 }));
        assert_eq!(cost(&json!({"cost_usd": -1})), Some(Cost { known_usd: 0.0, unpriced_calls: 1 }));
        assert_eq!(cost(&json!({})), None);
    }
}
