//! What must hold of every simulation.

mod calls;
mod repeats;
mod spending;
mod turns;
mod votes;

use std::collections::BTreeMap;

use massgen_coordination::Coordinator;
use massgen_journal::Tail;
use massgen_orchestrator::{Outcome, verify};
use massgen_protocol::{Activity, Event, Fact, Input, Record, RunView};

use crate::life::{Life, Remains};
use crate::plan::Plan;
use crate::simulation::Legacy;

/// A law that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach(pub(crate) String);

pub(crate) fn law(holds: bool, breach: impl FnOnce() -> String) -> Result<(), Breach> {
    if holds { Ok(()) } else { Err(Breach(breach())) }
}

/// What happened, counted: what never happened was not checked.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) records: u64,
    pub(crate) counts: BTreeMap<&'static str, u64>,
}

impl Figures {
    pub(crate) fn count(&mut self, what: &'static str, more: u64) {
        *self.counts.entry(what).or_default() += more;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.records += other.records;
        for (what, count) in &other.counts {
            self.count(what, *count);
        }
    }
}

/// What a death leaves is what was shown: nothing else, and nothing less that counts.
pub(crate) fn at_death(records: &[Record], shown: &[Record], remains: &Remains) -> Result<(), Breach> {
    same_beginning(records, shown)?;
    let counts = |record: &&Record| {
        matches!(
            record.event,
            Event::Fact(_)
                | Event::Activity(
                    Activity::CallStarted { .. }
                        | Activity::CallEnded { .. }
                        | Activity::ToolCalled { .. }
                        | Activity::ToolEnded { .. }
                )
        )
    };
    let lost = shown.iter().skip(records.len()).find(counts);
    law(remains.is_torn || lost.is_none(), || format!("it was shown and is lost: {lost:?}"))
}

/// A run that came to its end tells what its journal tells.
pub(crate) fn at_end(shown: &[Record], outcome: &Outcome, life: &Life) -> Result<(), Breach> {
    law(RunView::replay(shown) == outcome.view, || "the view is not that of the records".to_owned())?;
    let reading =
        massgen_journal::read(life.journal()).map_err(|error| Breach(format!("the journal after the end: {error}")))?;
    law(reading.tail == Tail::Clean, || format!("the journal is torn after the end: {:?}", reading.tail))?;
    same_beginning(&reading.records, shown)?;
    let is_whole = reading.records.len() == shown.len();
    law(is_whole || life.disk_is_full(), || "the journal lacks records although the disk has room".to_owned())?;
    law(is_whole == outcome.journal_error.is_none(), || {
        format!(
            "{} of {} records were kept, and the error is {:?}",
            reading.records.len(),
            shown.len(),
            outcome.journal_error
        )
    })
}

/// A run that is taken up again keeps what came before its stop.
pub(crate) fn taken_up(stopped: &[Record], kept: &[Record]) -> Result<(), Breach> {
    let answers = |records: &[Record]| records.iter().filter_map(published).collect::<Vec<_>>().join("\n");
    let before_stop = stopped.iter().take_while(|record| {
        !matches!(
            &record.event,
            Event::Fact(
                Fact::CancelRequested
                    | Fact::BudgetSpent { .. }
                    | Fact::DeadlinePassed { timer: massgen_protocol::Timer::Coordination }
            )
        )
    });
    let before_stop: Vec<Record> = before_stop.cloned().collect();
    law(answers(&before_stop) == answers(kept), || "an answer from before the stop is lost".to_owned())
}

/// Everything that follows from all lives together.
pub(crate) fn of_everything(plan: &Plan, legacies: &[Legacy]) -> Result<Figures, Breach> {
    let mut figures = Figures::default();
    for pair in legacies.windows(2) {
        let [before, after] = pair else { continue };
        if !after.is_taken_up {
            let is_there = after.records.get(..before.records.len()) == Some(&before.records);
            law(is_there, || "what a death left is not in the journal afterwards".to_owned())?;
        }
        repeats::after_death(before, after)?;
    }
    let ended = |legacy: &&Legacy| RunView::replay(&legacy.records).end.is_some();
    let first_taken_up = legacies.iter().position(|legacy| legacy.is_taken_up).unwrap_or(legacies.len());
    for (place, legacy) in legacies.iter().enumerate().filter(|(_, legacy)| ended(legacy)) {
        of_a_run(plan, &legacy.records)?;
        if place < first_taken_up {
            // What was told after the stop is left out of a journal that is taken up, though not what it followed from.
            calls::are_heard(&legacy.records)?;
        }
    }
    let last = legacies.last().ok_or_else(|| Breach("there was no life".to_owned()))?;
    law(ended(&last), || "the run has not ended".to_owned())?;
    repeats::altogether(&last.memory)?;
    let leak = last.memory.leaks.first();
    law(leak.is_none(), || format!("a model learns who its peers are: {leak:?}"))?;
    if !legacies.iter().any(|legacy| legacy.is_taken_up) {
        spending::of_the_world(&plan.budget, &last.memory)?;
    }
    tell(&last.records, &mut figures);
    figures.count("calls asked again in flight", repeats::asked_again(&last.memory));
    Ok(figures)
}

/// What holds of the journal of one run.
fn of_a_run(plan: &Plan, records: &[Record]) -> Result<(), Breach> {
    turns::hold(&plan.rules, records)?;
    calls::hold(records)?;
    votes::hold(records)?;
    spending::hold(&plan.budget, records)?;
    decisions(records)?;
    let verified = verify(records).map_err(|error| Breach(format!("it cannot be verified: {error}")))?;
    law(verified.has_ended, || "verified, it has not ended".to_owned())
}

/// A fresh coordination makes of the inputs the facts that are there.
fn decisions(records: &[Record]) -> Result<(), Breach> {
    let started = records.iter().find_map(|record| match &record.event {
        Event::Fact(Fact::TeamStarted { size, seed, rules }) => Some((*size, *seed, rules.clone())),
        _ => None,
    });
    let Some((size, seed, rules)) = started else { return Err(Breach("the team never started".to_owned())) };
    let mut coordinator = Coordinator::new(size, seed, rules);
    let inputs = records.iter().filter_map(|record| match &record.event {
        Event::Input(input) => Some(input.clone()),
        _ => None,
    });
    let decided: Vec<Fact> = inputs.flat_map(|input: Input| coordinator.handle(input).facts).collect();
    let facts = records.iter().filter_map(|record| match &record.event {
        Event::Fact(fact) => Some(fact),
        _ => None,
    });
    law(facts.eq(&decided), || "the facts do not follow from the inputs".to_owned())
}

fn same_beginning(one: &[Record], other: &[Record]) -> Result<(), Breach> {
    let differs = one.iter().zip(other).find(|(one, other)| one != other);
    law(differs.is_none(), || format!("what is in the file is not what was shown: {differs:?}"))
}

fn published(record: &Record) -> Option<String> {
    match &record.event {
        Event::Fact(Fact::AnswerPublished { revision, content, .. }) => Some(format!("{revision} {content}")),
        _ => None,
    }
}

fn tell(records: &[Record], figures: &mut Figures) {
    figures.records += records.len() as u64;
    let view = RunView::replay(records);
    figures.count("virtual seconds", view.duration_ms() / 1000);
    for record in records {
        let what = match &record.event {
            Event::Fact(fact) => of_fact(fact),
            Event::Activity(activity) => of_activity(activity),
            Event::Input(_) => continue,
        };
        if let Some(what) = what {
            figures.count(what, 1);
        }
    }
}

fn of_fact(fact: &Fact) -> Option<&'static str> {
    use massgen_protocol::{CutReason, PresentationSource, RunEnd, TurnOutcome};
    Some(match fact {
        Fact::AnswerPublished { .. } => "answers",
        Fact::VoteCast { .. } => "votes",
        Fact::VotesVoided { .. } => "votes voided",
        Fact::VoteArrivedVoid { .. } => "votes that arrived void",
        Fact::TurnRefreshed { .. } => "turns told of news",
        Fact::DecisionRejected { .. } => "rejections",
        Fact::AgentOut { .. } => "agents out",
        Fact::TurnCut { reason: CutReason::Outdated, .. } => "cuts: outdated",
        Fact::TurnCut { reason: CutReason::TimedOut, .. } => "cuts: timed out",
        Fact::TurnCut { reason: CutReason::CoordinationOver, .. } => "cuts: coordination over",
        Fact::TurnCut { reason: CutReason::Cancelled, .. } => "cuts: cancelled",
        Fact::TurnEnded { outcome: TurnOutcome::Failed { retryable: true, .. }, .. } => "turns failed",
        Fact::TurnEnded { outcome: TurnOutcome::Failed { retryable: false, .. }, .. } => "turns failed for good",
        Fact::TurnEnded { outcome: TurnOutcome::Abstained, .. } => "abstentions",
        Fact::FinalAnswer { source: PresentationSource::Presented, .. } => "presentations",
        Fact::FinalAnswer { source: PresentationSource::Stored { .. }, .. } => "stored answers",
        Fact::RunEnded { end } => match end {
            RunEnd::Consensus => "ends: consensus",
            RunEnd::SingleAnswer => "ends: single answer",
            RunEnd::WithoutConsensus => "ends: without consensus",
            RunEnd::TimedOutWithAnswer => "ends: timed out with an answer",
            RunEnd::TimedOut => "ends: timed out",
            RunEnd::BudgetSpentWithAnswer { .. } => "ends: budget spent with an answer",
            RunEnd::BudgetSpent { .. } => "ends: budget spent",
            RunEnd::NoAnswer { .. } => "ends: no answer",
            RunEnd::Cancelled => "ends: cancelled",
        },
        _ => return None,
    })
}

fn of_activity(activity: &Activity) -> Option<&'static str> {
    use massgen_protocol::ToolEnd;
    Some(match activity {
        Activity::CallStarted { .. } => "model calls",
        Activity::CallRetried { .. } => "retries",
        Activity::ToolEnded { end: ToolEnd::Done, .. } => "tool calls done",
        Activity::ToolEnded { end: ToolEnd::Stopped, .. } => "tool calls stopped",
        Activity::ToolEnded { result, .. } if result.starts_with("massgen was interrupted") => {
            "tool calls told as unknown"
        }
        Activity::ToolEnded { .. } => "tool calls failed",
        Activity::RunResumed { .. } => "resumptions",
        _ => return None,
    })
}
