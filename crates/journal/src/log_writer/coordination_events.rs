//! `coordination_events.json`, in the reference's words.

use std::collections::HashSet;

use massgen_protocol::{
    Activity, AgentIndex, AnswerRevision, CutReason, Event, Fact, Phase, Record, RunView, Timer, TurnOutcome, Vote,
};
use serde_json::{Map, Value, json};

use crate::narrate::narrate;
use crate::status::{seconds, votes_by_label, winner};

/// The events so far. Types that the reference does not have: `decision_rejected`, `votes_voided`,
/// `agent_out`, `cancel_requested`.
#[derive(Debug, Default)]
pub(super) struct CoordinationEvents {
    events: Vec<Value>,
    /// Turns that were started: what comes nearest to the reference's iteration.
    iteration: u64,
    /// Agents whose next turn starts over.
    superseded: HashSet<AgentIndex>,
}

impl CoordinationEvents {
    pub(super) fn iteration(&self) -> u64 {
        self.iteration
    }

    /// Takes in the next record; `view` has taken it in already.
    pub(super) fn apply(&mut self, record: &Record, view: &RunView) {
        let Event::Fact(fact) = &record.event else {
            if let Event::Activity(Activity::CallRetried { turn, error, .. }) = &record.event {
                self.add(record, view, "agent_error", Some(turn.agent), json!({ "error": error, "will_retry": true }));
            }
            return;
        };
        match fact {
            Fact::TeamStarted { seed, rules, .. } => {
                self.add(record, view, "session_start", None, json!({ "seed": seed, "rules": rules }));
            }
            Fact::PhaseEntered { phase: Phase::Presenting } => {
                let author = winner(view).map(|revision| revision.agent);
                self.add(record, view, "final_round_start", author, json!({ "vote_summary": votes_by_label(view) }));
            }
            Fact::PhaseEntered { phase } => self.add(record, view, "status_change", None, json!({ "phase": phase })),
            Fact::TurnStarted { turn, kind, view: shown, choices } => {
                self.iteration += 1;
                if self.superseded.remove(&turn.agent) {
                    self.add(record, view, "restart_completed", Some(turn.agent), json!({ "turn": turn.number }));
                }
                let mut context = shown_answers(&shown.order);
                context.insert("turn".to_owned(), turn.number.into());
                context.insert("kind".to_owned(), json!(kind));
                context.insert("may_vote_for".to_owned(), json!(choices.votes));
                self.add(record, view, "context_received", Some(turn.agent), Value::Object(context));
            }
            Fact::TurnRefreshed { turn, view: shown, .. } => {
                let context = Value::Object(shown_answers(&shown.order));
                self.add(record, view, "update_injected", Some(turn.agent), context);
            }
            Fact::TurnInvested { .. } => {}
            Fact::DecisionRejected { turn, violation, chances_left, .. } => {
                let context = json!({ "violation": violation, "chances_left": chances_left });
                self.add(record, view, "decision_rejected", Some(turn.agent), context);
            }
            Fact::TurnCut { turn, reason: CutReason::Outdated } => {
                let by = view.answers.last().map(|answer| view.name(answer.revision.agent));
                let context = json!({ "affected_agents": [view.name(turn.agent)], "triggering_agent": by });
                self.add(record, view, "restart_triggered", Some(turn.agent), context);
            }
            Fact::TurnCut { turn, reason } => {
                self.add(record, view, "status_change", Some(turn.agent), json!({ "cut": reason }));
            }
            Fact::AnswerPublished { revision, source, .. } => {
                let context = json!({ "label": revision, "source": source });
                self.add(record, view, "new_answer", Some(revision.agent), context);
            }
            Fact::AnswerChecked { turn, revision, check } => {
                let context = json!({ "label": revision, "check": check });
                self.add(record, view, "answer_checked", Some(turn.agent), context);
            }
            Fact::VotesVoided { by, votes } => {
                let votes: Vec<Value> = votes
                    .iter()
                    .map(|vote| json!({ "agent_id": view.name(vote.voter), "voted_for_label": vote.target }))
                    .collect();
                self.add(record, view, "votes_voided", Some(by.agent), json!({ "by": by, "votes": votes }));
            }
            Fact::VoteCast { vote, .. } => {
                self.add(record, view, "vote_cast", Some(vote.voter), vote_context(vote, view));
            }
            Fact::VoteArrivedVoid { vote, .. } => {
                self.add(record, view, "vote_ignored", Some(vote.voter), vote_context(vote, view));
            }
            Fact::TurnEnded { turn, outcome } => {
                let (event_type, context) = match outcome {
                    TurnOutcome::Failed { message, retryable } => {
                        ("agent_error", json!({ "error": message, "will_retry": retryable }))
                    }
                    TurnOutcome::TimedOut => ("agent_timeout", json!({})),
                    TurnOutcome::BudgetSpent => ("agent_cancelled", json!({ "reason": "the budget is spent" })),
                    TurnOutcome::Cancelled => ("agent_cancelled", json!({})),
                    TurnOutcome::Abstained => ("status_change", json!({ "status": "abstained" })),
                    TurnOutcome::Superseded => {
                        self.superseded.insert(turn.agent);
                        return;
                    }
                    // Told by the facts that brought them about.
                    TurnOutcome::Answered | TurnOutcome::Voted | TurnOutcome::Presented => return,
                };
                self.add(record, view, event_type, Some(turn.agent), context);
            }
            Fact::AgentOut { agent, reason } => {
                self.add(record, view, "agent_out", Some(*agent), json!({ "reason": reason }));
            }
            Fact::DeadlinePassed { timer: Timer::Coordination } => {
                self.add(record, view, "orchestrator_timeout", None, json!({}));
            }
            Fact::DeadlinePassed { timer } => {
                self.add(record, view, "status_change", None, json!({ "deadline": timer }));
            }
            Fact::BudgetSpent { limit } => self.add(record, view, "budget_spent", None, json!({ "limit": limit })),
            Fact::CancelRequested => self.add(record, view, "cancel_requested", None, json!({})),
            Fact::WinnerSelected { revision, tally, rule } => {
                let mut context = answers_context(view);
                context.insert("label".to_owned(), json!(revision));
                context.insert("tally".to_owned(), json!(tally));
                context.insert("rule".to_owned(), json!(rule));
                self.add(record, view, "final_agent_selected", Some(revision.agent), Value::Object(context));
            }
            Fact::FinalAnswer { revision, source, .. } => {
                let mut context = answers_context(view);
                context.insert("label".to_owned(), json!(format!("{}.final", revision.agent)));
                context.insert("source".to_owned(), json!(source));
                self.add(record, view, "final_answer", Some(revision.agent), Value::Object(context));
            }
            Fact::RunEnded { end } => self.add(record, view, "session_end", None, json!({ "end": end })),
        }
    }

    /// The whole file.
    pub(super) fn document(&self, view: &RunView) -> Value {
        let ids: Vec<&str> = view.agents.iter().map(|agent| agent.profile.id.as_str()).collect();
        json!({
            "session_metadata": {
                "user_prompt": view.question,
                "agent_ids": ids,
                "start_time": seconds(view.started_at_ms),
                "end_time": view.end.as_ref().map(|_| seconds(view.updated_at_ms)),
                "final_winner": winner(view).map(|revision| view.name(revision.agent)),
            },
            "events": self.events,
        })
    }

    fn add(&mut self, record: &Record, view: &RunView, event_type: &str, agent: Option<AgentIndex>, context: Value) {
        let round = match agent {
            Some(agent) => view.agent(agent).map_or(0, |agent| agent.turns),
            None => view.agents.iter().map(|agent| agent.turns).max().unwrap_or(0),
        };
        let mut with_place = Map::new();
        with_place.insert("iteration".to_owned(), self.iteration.into());
        with_place.insert("round".to_owned(), round.into());
        if let Value::Object(context) = context {
            with_place.extend(context);
        }
        self.events.push(json!({
            "timestamp": seconds(record.at_ms),
            "event_type": event_type,
            "agent_id": agent.map(|agent| view.name(agent)),
            "details": narrate(record, view).map_or_else(String::new, |line| line.text),
            "context": with_place,
        }));
    }
}

fn shown_answers(order: &[AnswerRevision]) -> Map<String, Value> {
    let mut context = Map::new();
    let anonymous: Vec<String> = order.iter().map(|revision| revision.agent.to_string()).collect();
    context.insert("available_answers".to_owned(), anonymous.into());
    context.insert("available_answer_labels".to_owned(), json!(order));
    context.insert("answer_count".to_owned(), order.len().into());
    context
}

fn vote_context(vote: &Vote, view: &RunView) -> Value {
    json!({
        "voted_for": view.name(vote.target.agent),
        "voted_for_label": vote.target,
        "reason": vote.reason,
        "available_answers": vote.seen.revisions().collect::<Vec<_>>(),
    })
}

fn answers_context(view: &RunView) -> Map<String, Value> {
    let current: Vec<AnswerRevision> = view.current_answers().map(|answer| answer.revision).collect();
    let mut context = Map::new();
    context.insert("vote_summary".to_owned(), votes_by_label(view).into());
    context.insert("all_answers".to_owned(), json!(view.answers.iter().map(|a| a.revision).collect::<Vec<_>>()));
    context.insert("answers_for_context".to_owned(), json!(current));
    context
}
