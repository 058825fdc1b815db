//! `status.json` as a pure function of the run.

use massgen_protocol::{AgentIndex, AgentState, AgentView, AnswerRevision, Phase, RunEnd, RunView, TurnOutcome};
use serde_json::{Map, Value, json};

use crate::counters::{AgentCounters, Counters};
use crate::log_folder::LogFolder;
use crate::narrate::{check_in_words, end_in_words};
use crate::text::head;

/// How many characters of a vote's reason are shown.
const REASON_CHARS_MAX: usize = 100;

/// How many characters of the final answer are shown.
const ANSWER_CHARS_MAX: usize = 200;

/// The content of `status.json`, with the fields of MassGen 0.1.97 that this program has a meaning for.
///
/// `counters` is the fold of the same records as `view`. Votes are those that count now.
#[must_use]
pub fn status(view: &RunView, counters: &Counters, folder: &LogFolder) -> Value {
    let (finish_reason, finish_details) = finish(view);
    let is_presented = matches!(view.phase, Phase::Presenting)
        || (view.phase == Phase::Ended && (view.selection.is_some() || view.final_answer.is_some()));
    let mut costs = costs(view.cost(), view.usage());
    costs.insert("estimated_tokens".to_owned(), view.usage().estimated.into());
    json!({
        "finish_reason": finish_reason,
        "finish_reason_details": finish_details,
        "is_complete": view.end.is_some(),
        "meta": {
            "last_updated": seconds(view.updated_at_ms),
            "session_id": folder.session_id(),
            "log_dir": folder.attempt_dir().to_string_lossy(),
            "question": view.question,
            "start_time": seconds(view.started_at_ms),
            "elapsed_seconds": seconds(view.duration_ms()),
            "rehearsal": view.rehearsal,
        },
        "costs": costs,
        "tools": tools(counters),
        "coordination": {
            "phase": phase(view, is_presented),
            "active_agent": active_agent(view),
            "completion_percentage": completion_percentage(view),
            "is_final_presentation": is_presented,
        },
        "agents": agents(view, counters),
        "rounds": rounds(counters),
        "results": results(view),
    })
}

/// Seconds with three decimals, as Python writes moments and durations.
pub(crate) fn seconds(ms: u64) -> f64 {
    // Exact up to the year 287396.
    ms as f64 / 1000.0
}

/// Sums of prices without the noise of adding them up.
pub(crate) fn dollars(usd: f64) -> f64 {
    (usd * 1e6).round() / 1e6
}

/// Turns by how they ended.
pub(crate) fn rounds(counters: &Counters) -> Value {
    let rounds = counters.rounds();
    let by_outcome: Map<String, Value> =
        rounds.by_outcome().into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
    json!({ "total": rounds.total, "by_outcome": by_outcome })
}

/// Tool calls by name.
pub(crate) fn tools(counters: &Counters) -> Value {
    let by_tool = counters.tools();
    json!({ "total_calls": by_tool.values().sum::<u64>(), "by_tool": by_tool })
}

/// The label of an agent's current answer.
pub(crate) fn latest_label(index: AgentIndex, agent: &AgentView) -> Option<AnswerRevision> {
    (agent.answers > 0).then_some(AnswerRevision { agent: index, number: agent.answers })
}

/// Who won, as far as it is known.
pub(crate) fn winner(view: &RunView) -> Option<AnswerRevision> {
    view.final_answer
        .as_ref()
        .map(|(revision, ..)| *revision)
        .or(view.selection.as_ref().map(|(revision, ..)| *revision))
}

/// The agents with their places in the team.
pub(crate) fn indexed(view: &RunView) -> impl Iterator<Item = (AgentIndex, &AgentView)> {
    (0_u16..).map(AgentIndex).zip(&view.agents)
}

fn finish(view: &RunView) -> (&'static str, String) {
    let Some(end) = &view.end else { return ("in_progress", String::new()) };
    let reason = match end {
        RunEnd::Consensus | RunEnd::SingleAnswer | RunEnd::WithoutConsensus => "completed",
        RunEnd::TimedOutWithAnswer | RunEnd::TimedOut => "timeout",
        RunEnd::BudgetSpentWithAnswer { .. } | RunEnd::BudgetSpent { .. } => "budget",
        RunEnd::NoAnswer { .. } => "error",
        RunEnd::Cancelled => "cancelled",
    };
    (reason, end_in_words(end))
}

fn costs(cost: massgen_protocol::Cost, usage: massgen_protocol::Usage) -> Map<String, Value> {
    let mut costs = Map::new();
    costs.insert("total_estimated_cost".to_owned(), dollars(cost.known_usd).into());
    costs.insert("total_input_tokens".to_owned(), usage.input_tokens.into());
    costs.insert("total_output_tokens".to_owned(), usage.output_tokens.into());
    costs.insert("unpriced_calls".to_owned(), cost.unpriced_calls.into());
    costs
}

fn phase(view: &RunView, is_presented: bool) -> &'static str {
    match view.phase {
        _ if is_presented => "presentation",
        Phase::FirstAnswers => "initial_answer",
        Phase::Ended if view.answers.is_empty() => "initial_answer",
        Phase::Deciding | Phase::Presenting | Phase::Ended => "enforcement",
    }
}

/// Whoever was heard of last among those at work.
fn active_agent(view: &RunView) -> Option<&str> {
    let is_at_work = |agent: &&AgentView| {
        matches!(
            agent.state,
            AgentState::Thinking | AgentState::Streaming | AgentState::UsingTool { .. } | AgentState::Presenting
        )
    };
    let agents = view.agents.iter().filter(is_at_work);
    view.end
        .is_none()
        .then(|| agents.max_by_key(|agent| agent.active_at_ms))
        .flatten()
        .map(|agent| agent.profile.id.as_str())
}

/// How far the run is. An answer that makes votes void moves it back, and only the end is 100: the
/// team's answers and standing decisions make up 90, and the presentation the rest.
fn completion_percentage(view: &RunView) -> u64 {
    if view.end.is_some() {
        return 100;
    }
    if view.final_answer.is_some() {
        return 99;
    }
    if view.selection.is_some() || view.phase == Phase::Presenting {
        return 95;
    }
    let is_live = |agent: &AgentView| !matches!(agent.state, AgentState::Failed { .. });
    let live: Vec<_> = indexed(view).filter(|(_, agent)| is_live(agent)).collect();
    let answered = live.iter().filter(|(_, agent)| agent.answers > 0).count();
    let decided = live
        .iter()
        .filter(|(index, agent)| {
            agent.state == AgentState::Abstained || view.valid_votes().any(|vote| vote.voter == *index)
        })
        .count();
    let steps = 2 * live.len().max(1);
    ((answered + decided) * 90 / steps) as u64
}

fn agents(view: &RunView, counters: &Counters) -> Map<String, Value> {
    let none = AgentCounters::default();
    indexed(view)
        .map(|(index, agent)| {
            let counters = counters.agent(index).unwrap_or(&none);
            (agent.profile.id.to_string(), agent_status(view, index, agent, counters))
        })
        .collect()
}

fn agent_status(view: &RunView, index: AgentIndex, agent: &AgentView, counters: &AgentCounters) -> Value {
    let vote = view.valid_votes().find(|vote| vote.voter == index).map(|vote| {
        json!({
            "voted_for_agent": view.name(vote.target.agent),
            "voted_for_label": vote.target,
            "reason_preview": head(&vote.reason, REASON_CHARS_MAX),
            "checks": vote.checks.iter().map(check_in_words).collect::<Vec<_>>(),
        })
    });
    let is_in_trouble = match agent.state {
        AgentState::Failed { .. } | AgentState::Retrying { .. } => true,
        AgentState::Waiting => counters.last_outcome == Some(TurnOutcome::TimedOut),
        _ => false,
    };
    let error = counters.last_error.as_ref().filter(|_| is_in_trouble).map(
        |error| json!({ "type": error.kind.as_str(), "message": error.message, "timestamp": seconds(error.at_ms) }),
    );
    json!({
        "status": agent_word(view, index, agent, counters),
        "answer_count": agent.answers,
        "latest_answer_label": latest_label(index, agent),
        "vote_cast": vote,
        "times_restarted": agent.restarts,
        "last_activity": seconds(agent.active_at_ms),
        "error": error,
        "rounds": agent.turns,
        "failures": agent.failures,
        "rejections": agent.rejections,
        "tool_calls": agent.tool_calls,
        "token_usage": {
            "input_tokens": agent.usage.input_tokens,
            "cached_input_tokens": agent.usage.cached_input_tokens,
            "output_tokens": agent.usage.output_tokens,
            "reasoning_tokens": agent.usage.reasoning_tokens,
            "estimated_cost": dollars(agent.cost.known_usd),
            "unpriced_calls": agent.cost.unpriced_calls,
        },
    })
}

/// The reference's word for what an agent is doing. `cancelled` is ours.
fn agent_word(view: &RunView, index: AgentIndex, agent: &AgentView, counters: &AgentCounters) -> &'static str {
    let is_timed_out = counters.last_outcome == Some(TurnOutcome::TimedOut);
    match &agent.state {
        AgentState::Failed { .. } if is_timed_out => "timeout",
        AgentState::Failed { .. } => "error",
        AgentState::Stopped => "cancelled",
        AgentState::Abstained => "completed",
        AgentState::Voted { .. } if view.valid_votes().any(|vote| vote.voter == index) => "voted",
        AgentState::Answered { .. } => "answered",
        // The run is over, whatever the agent was about to do.
        _ if view.end.is_some() => "completed",
        AgentState::Voted { .. } | AgentState::Retrying { .. } => "restarting",
        AgentState::Waiting if agent.turns > 0 => "restarting",
        AgentState::Waiting => "waiting",
        AgentState::Thinking | AgentState::Streaming | AgentState::UsingTool { .. } | AgentState::Presenting => {
            "streaming"
        }
    }
}

fn results(view: &RunView) -> Value {
    let winner = winner(view);
    let failures = |answer: &massgen_protocol::AnswerView| {
        let failed: Vec<String> = answer.failures().map(check_in_words).collect();
        (!failed.is_empty()).then(|| (answer.revision.to_string(), json!(failed)))
    };
    let failed: Map<String, Value> = view.answers.iter().filter_map(failures).collect();
    json!({
        "failed_checks": failed,
        "votes": votes_by_label(view),
        "winner": winner.map(|revision| view.name(revision.agent)),
        "winner_label": winner,
        "selection_rule": view.selection.as_ref().map(|(.., rule)| rule),
        "final_answer_preview": view.final_answer.as_ref().map(|(_, content, _)| head(content, ANSWER_CHARS_MAX)),
    })
}

/// Valid votes by label, in the order of the answers.
pub(crate) fn votes_by_label(view: &RunView) -> Map<String, Value> {
    let mut votes = Map::new();
    for answer in &view.answers {
        let count = view.valid_votes().filter(|vote| vote.target == answer.revision).count();
        if count > 0 {
            votes.insert(answer.revision.to_string(), count.into());
        }
    }
    votes
}
