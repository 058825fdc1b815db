//! The order in which a voter sees the answers.

use massgen_protocol::{AgentIndex, AnswerRevision, RevisionVector};

/// Orders the answers of `vector` for one agent, so that a place in the list decides nothing: each
/// agent sees another order, the same seed always gives the same one, and the same agent sees the
/// same answers in the same order.
pub(crate) fn order(seed: u64, agent: AgentIndex, vector: &RevisionVector) -> Vec<AnswerRevision> {
    let mut answers: Vec<_> = vector.revisions().collect();
    let mut state = vector.revisions().fold(mix(seed ^ mix(u64::from(agent.0))), |state, answer| {
        mix(state ^ (u64::from(answer.agent.0) << 32 | u64::from(answer.number)))
    });
    for last in (1..answers.len()).rev() {
        state = mix(state);
        let other = usize::try_from(state % (last as u64 + 1)).unwrap_or(0);
        answers.swap(last, other);
    }
    answers
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_first_about_as_often_as_any_other() {
        let mut vector = RevisionVector::empty(4);
        for agent in AgentIndex::all(4) {
            let _ = vector.publish(agent);
        }
        let mut first = [0_u32; 4];
        for seed in 0..4000 {
            first[order(seed, AgentIndex(1), &vector)[0].agent.position()] += 1;
        }
        assert!(first.iter().all(|count| (850..1150).contains(count)), "{first:?}");
    }

    #[test]
    fn the_order_is_recorded_by_the_seed_and_differs_between_voters() {
        let mut vector = RevisionVector::empty(5);
        for agent in AgentIndex::all(5) {
            let _ = vector.publish(agent);
        }
        let orders: Vec<_> = AgentIndex::all(5).map(|agent| order(7, agent, &vector)).collect();
        assert_eq!(orders[0], order(7, AgentIndex(0), &vector));
        assert!(orders.iter().any(|order| *order != orders[0]));
    }
}
