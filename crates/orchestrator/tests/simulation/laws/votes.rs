//! Votes: counted once, while they are valid, and by what their voters were shown.

use massgen_protocol::{AgentIndex, AnswerRevision, Event, Fact, Record, RevisionVector, RunView, Timer, Vote};

use super::{Breach, law};

/// Checks a run that has ended.
pub(super) fn hold(records: &[Record]) -> Result<(), Breach> {
    let mut count = Count { vector: RevisionVector::empty(0), votes: Vec::new(), stands: false, winners: 0 };
    for record in records {
        if let Event::Fact(fact) = &record.event {
            count.take(fact)?;
        }
    }
    let by_voter = |mut votes: Vec<Vote>| {
        votes.sort_by_key(|vote| vote.voter);
        votes
    };
    let shown = by_voter(RunView::replay(records).valid_votes().cloned().collect());
    let valid = by_voter(count.votes);
    law(shown == valid, || format!("{shown:?} are shown as valid, but {valid:?} are"))
}

struct Count {
    vector: RevisionVector,
    votes: Vec<Vote>,
    /// Whether the time is over: from then on votes stand as they are.
    stands: bool,
    winners: u64,
}

impl Count {
    fn take(&mut self, fact: &Fact) -> Result<(), Breach> {
        match fact {
            Fact::TeamStarted { size, .. } => self.vector = RevisionVector::empty(*size),
            Fact::AnswerPublished { revision, .. } => {
                let published = self.vector.publish(revision.agent);
                law(published == *revision, || format!("{revision} was published as {published}"))?;
                if !self.stands {
                    self.votes.clear();
                }
            }
            Fact::VoteCast { vote, .. } => {
                law(vote.seen == self.vector, || format!("{vote:?} counts, but the answers are {:?}", self.vector))?;
                law(self.vector.revision(vote.target.agent) == Some(vote.target), || {
                    format!("{vote:?} is for an answer that is not current")
                })?;
                law(!self.has_voted(vote.voter), || format!("{vote:?} is a second vote"))?;
                self.votes.push(vote.clone());
            }
            Fact::VoteArrivedVoid { vote, .. } => {
                law(vote.seen != self.vector, || format!("{vote:?} is void, but what it saw is current"))?;
            }
            Fact::CancelRequested | Fact::BudgetSpent { .. } | Fact::DeadlinePassed { timer: Timer::Coordination } => {
                self.stands = true;
            }
            Fact::WinnerSelected { revision, tally, .. } => {
                self.winners += 1;
                law(self.winners == 1, || "there are two winners".to_owned())?;
                let counted: u64 = tally.iter().map(|line| u64::from(line.votes)).sum();
                law(counted == self.votes.len() as u64, || {
                    format!("{counted} votes were counted, {} are valid", self.votes.len())
                })?;
                let wrong = tally.iter().find(|line| u64::from(line.votes) != self.votes_for(line.revision));
                law(wrong.is_none(), || format!("the tally is wrong: {wrong:?}"))?;
                let better = tally.iter().find(|line| self.votes_for(line.revision) > self.votes_for(*revision));
                law(better.is_none(), || format!("{better:?} has more votes than {revision}"))?;
            }
            _ => {}
        }
        Ok(())
    }

    fn has_voted(&self, agent: AgentIndex) -> bool {
        self.votes.iter().any(|vote| vote.voter == agent)
    }

    fn votes_for(&self, answer: AnswerRevision) -> u64 {
        self.votes.iter().filter(|vote| vote.target == answer).count() as u64
    }
}
