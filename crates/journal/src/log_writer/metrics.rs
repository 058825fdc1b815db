//! `metrics_summary.json`.

use massgen_protocol::{Cost, RunView, Usage};
use serde_json::{Map, Value, json};

use crate::counters::{AgentCounters, Counters};
use crate::log_folder::LogFolder;
use crate::stamps::Stamps;
use crate::status::{dollars, indexed, rounds, seconds, tools, winner};

/// What the run took and cost, in all and for each agent.
pub(super) fn metrics(view: &RunView, counters: &Counters, folder: &LogFolder, stamps: &Stamps) -> Value {
    let none = AgentCounters::default();
    let agents: Map<String, Value> = indexed(view)
        .map(|(index, agent)| {
            let counted = counters.agent(index).unwrap_or(&none);
            let rounds: Map<String, Value> =
                counted.rounds.by_outcome().into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
            let metrics = json!({
                "backend": agent.profile.backend,
                "model": agent.profile.model,
                "answers": agent.answers,
                "rounds": { "total": counted.rounds.total, "by_outcome": rounds },
                "tools": counted.tools,
                "totals": totals(agent.usage, agent.cost),
                "api_timing": timing(std::iter::once(counted)),
            });
            (agent.profile.id.to_string(), metrics)
        })
        .collect();
    let counted = indexed(view).map(|(index, _)| counters.agent(index).unwrap_or(&none));
    json!({
        "meta": {
            "generated_at": stamps.iso(view.updated_at_ms),
            "session_id": folder.session_id(),
            "question": view.question,
            "num_agents": view.agents.len(),
            "winner": winner(view).map(|revision| view.name(revision.agent)),
            "elapsed_seconds": seconds(view.duration_ms()),
        },
        "totals": totals(view.usage(), view.cost()),
        "tools": tools(counters),
        "rounds": rounds(counters),
        "api_timing": timing(counted),
        "agents": agents,
    })
}

fn totals(usage: Usage, cost: Cost) -> Value {
    json!({
        "estimated_cost": dollars(cost.known_usd),
        "unpriced_calls": cost.unpriced_calls,
        "input_tokens": usage.input_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "estimated_tokens": usage.estimated,
    })
}

fn timing<'a>(agents: impl Iterator<Item = &'a AgentCounters>) -> Value {
    let (mut calls, mut calls_ms, mut first_chunks, mut first_chunks_ms, mut retries) = (0, 0, 0_u64, 0_u64, 0);
    for agent in agents {
        calls += agent.calls_ended;
        calls_ms += agent.calls_ms;
        first_chunks += agent.first_chunks;
        first_chunks_ms += agent.first_chunks_ms;
        retries += agent.retries;
    }
    json!({
        "total_calls": calls,
        "total_time_ms": calls_ms,
        "avg_ttft_ms": first_chunks_ms.checked_div(first_chunks),
        "retries": retries,
    })
}
