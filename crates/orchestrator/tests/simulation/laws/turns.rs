//! Turns: one outcome each, in time; and one end of the run.

use std::collections::{BTreeMap, BTreeSet};

use massgen_protocol::{Activity, Event, Fact, Record, Rules, TurnId, TurnKind, TurnOutcome};

use super::{Breach, law};

/// Timers fire within the millisecond that they are set for, and again after each interruption.
const SLACK_MS: u64 = 5;

struct Open {
    kind: TurnKind,
    since_ms: u64,
}

/// Checks a run that has ended.
pub(super) fn hold(rules: &Rules, records: &[Record]) -> Result<(), Breach> {
    let mut open: BTreeMap<TurnId, Open> = BTreeMap::new();
    let mut ended: BTreeSet<TurnId> = BTreeSet::new();
    let mut clock = RunClock::default();
    let mut is_over = false;
    let (mut published, mut finals) = (0, 0);
    for record in records {
        let now_ms = clock.tick(record)?;
        let Event::Fact(fact) = &record.event else {
            let is_fine = !is_over || matches!(record.event, Event::Activity(_));
            law(is_fine, || format!("something was told after the end: {record:?}"))?;
            continue;
        };
        law(!is_over, || format!("something was decided after the end: {fact:?}"))?;
        match fact {
            Fact::TurnStarted { turn, kind, .. } => {
                law(!ended.contains(turn), || format!("{turn} began after its end"))?;
                let before = open.insert(*turn, Open { kind: *kind, since_ms: now_ms });
                law(before.is_none(), || format!("{turn} began twice"))?;
            }
            Fact::TurnEnded { turn, outcome } => {
                let Some(was) = open.remove(turn) else { return Err(Breach(format!("{turn} ended and was not open"))) };
                ended.insert(*turn);
                let limit = match was.kind {
                    TurnKind::Present => Some(rules.presentation_ms),
                    TurnKind::Solo | TurnKind::FirstAnswer => rules.first_turn_ms,
                    TurnKind::Decide => rules.later_turn_ms,
                };
                let took = now_ms - was.since_ms;
                law(limit.is_none_or(|limit| took <= limit + SLACK_MS), || {
                    format!("{turn} took {took} ms of {limit:?}")
                })?;
                if let TurnOutcome::Failed { message, .. } = outcome {
                    law(!message.contains("internal error"), || format!("{turn} ended in a panic: {message}"))?;
                }
            }
            Fact::AnswerPublished { .. } => published += 1,
            Fact::FinalAnswer { content, .. } => {
                finals += 1;
                law(!content.trim().is_empty(), || "the final answer is empty".to_owned())?;
            }
            Fact::RunEnded { .. } => {
                is_over = true;
                law(open.is_empty(), || format!("it ended while {:?} were open", open.keys()))?;
                let limit = rules.coordination_ms.map(|limit| limit + rules.presentation_ms + 2 * SLACK_MS);
                law(limit.is_none_or(|limit| now_ms <= limit), || format!("it took {now_ms} ms of {limit:?}"))?;
            }
            _ => {}
        }
    }
    law(is_over, || "it has no end".to_owned())?;
    law(finals == u64::from(published > 0), || format!("{published} answers were published, {finals} are final"))
}

/// How long a run has run: interruptions do not count.
#[derive(Default)]
struct RunClock {
    run_ms: u64,
    last_at_ms: Option<u64>,
}

impl RunClock {
    fn tick(&mut self, record: &Record) -> Result<u64, Breach> {
        let last = self.last_at_ms.replace(record.at_ms).unwrap_or(record.at_ms);
        law(last <= record.at_ms, || format!("record {} is older than the one before it", record.seq))?;
        if !matches!(record.event, Event::Activity(Activity::RunResumed { .. })) {
            self.run_ms += record.at_ms - last;
        }
        Ok(self.run_ms)
    }
}
