//! Proves that the facts of a journal follow from its inputs.

use massgen_coordination::Coordinator;
use massgen_protocol::{Event, Fact, Record};

use crate::past::ResumeError;

/// What a verified journal holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    /// What the coordination was told.
    pub inputs: usize,
    /// What it decided, each time the same.
    pub facts: usize,
    /// Whether the run came to its end.
    pub has_ended: bool,
}

/// Tells a new coordination what that of the journal was told, and compares what it decides.
///
/// # Errors
/// [`ResumeError::Diverged`] with the first record that does not follow.
pub fn verify(records: &[Record]) -> Result<Verified, ResumeError> {
    let start = records.iter().find_map(|record| match &record.event {
        Event::Fact(Fact::TeamStarted { size, seed, rules }) => Some((*size, *seed, rules.clone())),
        _ => None,
    });
    let mut verified = Verified::default();
    let Some((size, seed, rules)) = start else { return Ok(verified) };
    let mut coordinator = Coordinator::new(size, seed, rules);
    let mut decided: std::vec::IntoIter<Fact> = Vec::new().into_iter();
    let mut last = 0;
    for record in records {
        match &record.event {
            Event::Input(input) => {
                if decided.next().is_some() {
                    return Err(ResumeError::Diverged { seq: record.seq });
                }
                decided = coordinator.handle(input.clone()).facts.into_iter();
                verified.inputs += 1;
            }
            Event::Fact(fact) => {
                if decided.next().as_ref() != Some(fact) {
                    return Err(ResumeError::Diverged { seq: record.seq });
                }
                verified.facts += 1;
            }
            Event::Activity(_) => continue,
        }
        last = record.seq;
    }
    // A run that was interrupted may lack the end of its last step; one that has ended lacks nothing.
    verified.has_ended = coordinator.is_over();
    if verified.has_ended && decided.next().is_some() {
        return Err(ResumeError::Diverged { seq: last + 1 });
    }
    Ok(verified)
}
