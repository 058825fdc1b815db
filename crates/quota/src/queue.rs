//! Who is next.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use serde::{Deserialize, Serialize};

/// A place is lost if nobody asks for it for so long: its process may have died.
const LEASE_MS: u64 = 3000;
/// How often a place has to be asked for. Well within the lease.
pub(crate) const ASK_AGAIN_MS: u64 = 1000;

/// A place among those that wait for one account and model, across processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ticket(u64);

impl Ticket {
    /// A ticket with a number of the caller's choice. Two that wait at the same time must not have the same.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// A ticket that nobody else has.
    pub(crate) fn unique() -> Self {
        // The state is seeded by the system, so that processes that start together differ.
        Self(RandomState::new().hash_one(std::process::id()))
    }
}

/// Those who wait, in order of arrival.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Queue {
    /// Each with the time until which its place is kept.
    waiting: Vec<(Ticket, u64)>,
}

impl Queue {
    /// Forgets places that nobody asked for.
    pub(crate) fn forget(&mut self, now_ms: u64) {
        // A lease that ends later than it could shows a clock that was put back.
        self.waiting.retain(|(_, until)| *until > now_ms && *until <= now_ms.saturating_add(LEASE_MS));
    }

    /// Whether somebody else is first.
    pub(crate) fn is_behind(&self, ticket: Ticket) -> bool {
        self.waiting.first().is_some_and(|(first, _)| *first != ticket)
    }

    /// Takes the last place, or keeps the one it has.
    pub(crate) fn join(&mut self, ticket: Ticket, now_ms: u64) {
        let until = now_ms.saturating_add(LEASE_MS);
        match self.waiting.iter_mut().find(|(known, _)| *known == ticket) {
            Some((_, lease)) => *lease = until,
            None => self.waiting.push((ticket, until)),
        }
    }

    pub(crate) fn leave(&mut self, ticket: Ticket) {
        self.waiting.retain(|(known, _)| *known != ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_kept_in_order_and_only_while_somebody_asks() {
        let [a, b, c] = [1, 2, 3].map(Ticket::new);
        let mut queue = Queue::default();
        for (ticket, now) in [(a, 0), (b, 1), (c, 2), (b, 2000), (c, 2000)] {
            queue.join(ticket, now);
        }
        assert!(!queue.is_behind(a) && queue.is_behind(b) && queue.is_behind(Ticket::new(9)));
        queue.forget(LEASE_MS);
        assert!(!queue.is_behind(b) && queue.is_behind(c), "the first is gone");
        queue.leave(b);
        assert!(!queue.is_behind(c));
    }
}
