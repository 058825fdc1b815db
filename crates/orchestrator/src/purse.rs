//! The budget as the turns of a run share it.

use std::sync::{Mutex, PoisonError};

use massgen_backends::Bounds;
use massgen_protocol::{Event, Reserved, TurnId, Usage};
use tokio::sync::Notify;

use crate::budget::{Admission, Budget, Ledger, Scope};

/// One ledger for all turns at work.
#[derive(Debug, Default)]
pub(crate) struct Purse {
    ledger: Mutex<Ledger>,
    settled: Notify,
}

/// A call that may be made.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) reserved: Reserved,
    pub(crate) max_output_tokens: u64,
}

/// There is not enough left for a call.
#[derive(Debug)]
pub(crate) struct Spent {
    pub(crate) scope: Scope,
    pub(crate) limit: String,
}

impl Purse {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { ledger: Mutex::new(Ledger::new(budget)), settled: Notify::new() }
    }

    /// Waits until a call may be made, or it is known that it may not.
    pub(crate) async fn admit(&self, turn: TurnId, bounds: &Bounds) -> Result<Grant, Spent> {
        loop {
            // Before the ledger is asked, so that no end in between is missed.
            let mut settled = std::pin::pin!(self.settled.notified());
            settled.as_mut().enable();
            match self.with(|ledger| ledger.admit(turn, bounds)) {
                Admission::Go { reserved, max_output_tokens } => return Ok(Grant { reserved, max_output_tokens }),
                Admission::Spent { scope, limit } => return Err(Spent { scope, limit }),
                Admission::Wait => settled.await,
            }
        }
    }

    /// Puts what a call took in the place of what was kept back for it; what the user should be warned of is the result.
    pub(crate) fn settle(&self, turn: TurnId, reserved: &Reserved, usage: &Usage, usd: f64) -> Vec<String> {
        let warnings = self.with(|ledger| ledger.settle(turn, reserved, usage, usd));
        self.settled.notify_waiters();
        warnings
    }

    /// Takes in what the journal says was spent.
    pub(crate) fn note(&self, event: &Event) {
        self.with(|ledger| ledger.note(event));
    }

    /// A panic inside leaves numbers, not a broken invariant.
    fn with<T>(&self, change: impl FnOnce(&mut Ledger) -> T) -> T {
        change(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
