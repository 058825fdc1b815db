//! The calls of one account to one model: where they wait, and what they share.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turnstile, Notify};
use tokio::time::{sleep, timeout};

use crate::bucket::{Admission, Bound, Bucket, Reservation, Rules};
use crate::limits::Limits;
use crate::queue::{ASK_AGAIN_MS, Ticket};
use crate::store::{LockedState, StateFile};
use crate::warning::Warnings;

/// Tells milliseconds since 1970.
pub(crate) type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The calls of one account to one model.
///
/// Within the process, they pass a turnstile in order of arrival; only who has passed it asks the bucket.
/// So a process has one place in the bucket's queue, and whoever gives up waiting leaves nothing behind.
pub(crate) struct Lane {
    rules: Rules,
    file: Option<StateFile>,
    /// The bucket as this process knows it: all there is without a file, and what holds while the file
    /// cannot be used.
    known: Mutex<Bucket>,
    /// Set while the file is behind what is known, because it could not be written.
    unwritten: AtomicBool,
    turnstile: Turnstile<()>,
    /// Tells who waits for the bucket that it has changed.
    changed: Notify,
    clock: Clock,
    warnings: Arc<Warnings>,
}

/// A call that may go.
#[derive(Debug)]
pub(crate) struct Granted {
    /// `None` if there is no limit.
    pub(crate) reservation: Option<Reservation>,
    /// How long it waited.
    pub(crate) waited: Duration,
}

/// A call that would have to wait for too long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Late {
    /// When it could go at the earliest.
    pub(crate) until_ms: u64,
    pub(crate) because: Bound,
}

impl Lane {
    pub(crate) fn new(rules: Rules, file: Option<StateFile>, clock: Clock, warnings: Arc<Warnings>) -> Self {
        Self {
            rules,
            file,
            known: Mutex::default(),
            unwritten: AtomicBool::new(false),
            turnstile: Turnstile::new(()),
            changed: Notify::new(),
            clock,
            warnings,
        }
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What holds: the user's limits and what the provider told.
    pub(crate) fn limits(&self) -> Limits {
        self.rules.limits.and(self.known().learned())
    }

    /// Waits until a call may go, or for `wait_max`.
    pub(crate) async fn admit(&self, tokens: u64, wait_max: Option<Duration>) -> Result<Granted, Late> {
        let asked_at = (self.clock)();
        if self.is_open(asked_at) {
            return Ok(Granted { reservation: None, waited: Duration::ZERO });
        }
        let latest = wait_max
            .map_or(u64::MAX, |wait| asked_at.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)));
        let _passed = match wait_max {
            None => self.turnstile.lock().await,
            Some(wait_max) => match timeout(wait_max, self.turnstile.lock()).await {
                Ok(passed) => passed,
                Err(_) => return Err(Late { until_ms: latest, because: Bound::Turn }),
            },
        };
        let mut place = Place { lane: self, ticket: Ticket::unique(), taken: false };
        loop {
            let ticket = place.ticket;
            let ask = |bucket: &mut Bucket, now_ms| (bucket.admit(now_ms, &self.rules, tokens, ticket), now_ms);
            // Nothing is awaited between the booking and the return, so that no booking is lost by a caller
            // that gives up.
            let (admission, now_ms) = self.change(ask).await;
            let (at_ms, because) = match admission {
                Admission::Admitted(reservation) => {
                    place.taken = false;
                    let waited = Duration::from_millis(now_ms.saturating_sub(asked_at));
                    return Ok(Granted { reservation: Some(reservation), waited });
                }
                Admission::NotBefore { at_ms, because } => (at_ms, because),
            };
            place.taken = true;
            // Whose turn it is says nothing of the time: that is known only to who is first.
            if (because != Bound::Turn && at_ms > latest) || now_ms > latest {
                return Err(Late { until_ms: at_ms, because });
            }
            let longest = if self.file.is_some() { ASK_AGAIN_MS } else { u64::MAX };
            let pause = Duration::from_millis(at_ms.saturating_sub(now_ms).clamp(1, longest));
            tokio::select! {
                () = sleep(pause) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// Changes the bucket, in the file if there is one and nothing is wrong with it.
    pub(crate) async fn change<T>(&self, change: impl FnOnce(&mut Bucket, u64) -> T) -> T {
        let Some(file) = &self.file else { return self.change_known(change) };
        match file.lock().await {
            Ok(locked) => self.change_locked(&locked, change),
            Err(warning) => {
                self.warnings.tell(warning);
                self.change_known(change)
            }
        }
    }

    /// Tells who waits that the bucket has changed.
    pub(crate) fn tell_change(&self) {
        self.changed.notify_one();
    }

    /// Whether nothing is limited.
    pub(crate) fn is_open(&self, now_ms: u64) -> bool {
        self.known().is_open(now_ms, self.rules.limits)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        (self.clock)()
    }

    fn change_known<T>(&self, change: impl FnOnce(&mut Bucket, u64) -> T) -> T {
        change(&mut self.known(), (self.clock)())
    }

    fn change_locked<T>(&self, locked: &LockedState<'_>, change: impl FnOnce(&mut Bucket, u64) -> T) -> T {
        let read = locked.read().unwrap_or_else(|warning| {
            self.warnings.tell(warning);
            None
        });
        let mut known = self.known();
        // A file that could not be written does not know what this process has used since.
        if !self.unwritten.load(Ordering::Relaxed)
            && let Some(read) = read
        {
            *known = read;
        }
        let before = known.clone();
        let result = change(&mut known, (self.clock)());
        if *known != before || self.unwritten.load(Ordering::Relaxed) {
            let written = locked.write(&known);
            self.unwritten.store(written.is_err(), Ordering::Relaxed);
            if let Err(warning) = written {
                self.warnings.tell(warning);
            }
        }
        result
    }

    fn known(&self) -> MutexGuard<'_, Bucket> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("rules", &self.rules).field("file", &self.file).finish_non_exhaustive()
    }
}

/// A place in the bucket's queue, given back by who does not wait any longer.
struct Place<'a> {
    lane: &'a Lane,
    ticket: Ticket,
    taken: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.taken {
            return;
        }
        let ticket = self.ticket;
        let leave = |bucket: &mut Bucket, _now_ms| bucket.leave(ticket);
        match self.lane.file.as_ref().map(StateFile::lock_briefly) {
            Some(Ok(locked)) => self.lane.change_locked(&locked, leave),
            // The place in the file is lost when its lease ends.
            Some(Err(_)) | None => self.lane.change_known(leave),
        }
    }
}
