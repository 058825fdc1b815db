//! What a run may spend.

use super::Kind::{Number, Seconds, Section as Map};
use super::{Field, Others, Section, at_least, on};

/// `budget`. What stands in it directly is for the whole run.
pub(crate) static BUDGET: Section = Section {
    name: "budget",
    fields: &[
        USD,
        TOKENS,
        CALLS,
        SECONDS,
        on("run", Map(&RUN), "", "what the whole run may spend"),
        on("agent", Map(&AGENT_LIMITS), "", "what each agent may spend"),
        on("turn", Map(&TURN), "", "what each turn of an agent may spend"),
    ],
    others: Others::Reported,
};

const USD: Field = on("usd", Number { min: 1e-6, max: 1e9 }, "", "US dollars; every model needs a known price");
const TOKENS: Field = on("tokens", at_least(1), "", "tokens, in and out");
const CALLS: Field = on("calls", at_least(1), "", "model calls");
const SECONDS: Field = on("seconds", Seconds, "", "time");

static RUN: Section =
    Section { name: "budget of a run", fields: &[USD, TOKENS, CALLS, SECONDS], others: Others::Reported };

static AGENT_LIMITS: Section =
    Section { name: "budget of an agent", fields: &[USD, TOKENS, CALLS], others: Others::Reported };

static TURN: Section =
    Section { name: "budget of a turn", fields: &[USD, TOKENS, CALLS, SECONDS], others: Others::Reported };
