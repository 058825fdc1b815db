//! What a run may spend.

use super::options::Options;
use crate::{BudgetConfig, BudgetLimits, Diagnostics};

/// Reads `budget`.
pub(super) fn budget(top: Options<'_>, found: &mut Diagnostics) -> BudgetConfig {
    let read = |inside: Options<'_>| {
        let direct = limits(inside);
        let named = inside.map("run", limits).unwrap_or_default();
        for (key, is_twice) in [
            ("usd", direct.usd.is_some() && named.usd.is_some()),
            ("tokens", direct.tokens.is_some() && named.tokens.is_some()),
            ("calls", direct.calls.is_some() && named.calls.is_some()),
            ("seconds", direct.seconds.is_some() && named.seconds.is_some()),
        ] {
            if is_twice {
                let message = format!("no effect: `budget.run.{key}` counts");
                found.push(inside.warning(key, message).hint("remove one of the two"));
            }
        }
        BudgetConfig {
            run: BudgetLimits {
                usd: named.usd.or(direct.usd),
                tokens: named.tokens.or(direct.tokens),
                calls: named.calls.or(direct.calls),
                seconds: named.seconds.or(direct.seconds),
            },
            agent: inside.map("agent", limits).unwrap_or_default(),
            turn: inside.map("turn", limits).unwrap_or_default(),
        }
    };
    top.map("budget", read).unwrap_or_default()
}

fn limits(options: Options<'_>) -> BudgetLimits {
    BudgetLimits {
        usd: options.number("usd"),
        tokens: options.count("tokens"),
        calls: options.count("calls"),
        seconds: options.seconds("seconds"),
    }
}
