//! Chooses the winner: among the current answers, and those that votes stand for.

use std::cmp::Reverse;

use massgen_protocol::{AnswerRevision, SelectionRule, TallyLine};

use crate::team::Team;

/// The winning answer, the tally and the rule that decided; `None` when nobody has answered.
pub(crate) fn select(team: &Team) -> Option<(AnswerRevision, Vec<TallyLine>, SelectionRule)> {
    // In order of publication, so that "earlier" is the place in the list.
    let mut tally: Vec<TallyLine> = team
        .answers
        .iter()
        .map(|answer| answer.revision)
        .filter(|revision| {
            // An answer that came when the time was over does not push out the one that was voted for.
            let voted_for = || team.votes().any(|vote| vote.target == *revision);
            team.vector.revision(revision.agent) == Some(*revision) || voted_for()
        })
        .map(|revision| {
            let votes = || team.votes().filter(move |vote| vote.target == revision);
            let count = |votes: usize| u32::try_from(votes).unwrap_or(u32::MAX);
            TallyLine {
                revision,
                votes: count(votes().count()),
                votes_of_others: count(votes().filter(|vote| vote.voter != revision.agent).count()),
            }
        })
        .collect();
    if tally.iter().all(|line| line.votes == 0) {
        let rule = if tally.len() == 1 { SelectionRule::OnlyAnswer } else { SelectionRule::NoVotesBestInformed };
        // Of equals, the last one counts.
        let best = tally.iter().max_by_key(|line| team.seen_by(line.revision))?.revision;
        return Some((best, tally, rule));
    }
    // A stable sort: what is equal in votes stays in order of publication.
    tally.sort_by_key(|line| Reverse((line.votes, line.votes_of_others)));
    let rule = match tally.as_slice() {
        [_] => SelectionRule::OnlyAnswer,
        [first, second, ..] if first.votes > second.votes => SelectionRule::MostVotes,
        [first, second, ..] if first.votes_of_others > second.votes_of_others => SelectionRule::TieMoreVotesOfOthers,
        _ => SelectionRule::TiePublishedEarlier,
    };
    Some((tally.first()?.revision, tally, rule))
}
