//! A call that may go.

use std::sync::Arc;
use std::time::Duration;

use crate::bucket::{Bucket, Reservation, Rules};
use crate::headers::Report;
use crate::lane::{Granted, Lane};

/// The right to make one call. What the call may use is booked; whoever knows what it did use says so with
/// [`settle`](Self::settle).
///
/// Dropping it leaves the booking as it is: the call may have been made and paid.
#[derive(Debug)]
#[must_use = "a permit stands for a call: settle it, or give it back if no call is made"]
pub struct Permit {
    lane: Arc<Lane>,
    granted: Granted,
}

impl Permit {
    pub(crate) fn new(lane: Arc<Lane>, granted: Granted) -> Self {
        Self { lane, granted }
    }

    /// How long the call had to wait.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.granted.waited
    }

    /// The headers of the reply have come, long before its end perhaps: what they tell counts from now.
    pub fn heard<'a>(&self, headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> impl Future<Output = ()> + Send {
        let report = Report::read(headers);
        let lane = Arc::clone(&self.lane);
        async move {
            if !report.is_empty() {
                note(&lane, |bucket, now_ms, rules| bucket.learn(now_ms, rules, &report)).await;
            }
        }
    }

    /// The call has ended and used so many tokens. `headers` are those of the reply; if they were
    /// [`heard`](Self::heard) when they came, give none.
    pub fn settle<'a>(
        self,
        tokens_used: u64,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> impl Future<Output = ()> + Send {
        let report = Report::read(headers);
        async move { self.end(tokens_used, &report, None).await }
    }

    /// The provider refused the call for its limits and asked for a pause: nothing goes before it is over.
    /// The call stays counted, for some providers count what they refuse; its tokens do not.
    pub fn refused<'a>(
        self,
        pause: Duration,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> impl Future<Output = ()> + Send {
        let report = Report::read(headers);
        async move { self.end(0, &report, Some(pause)).await }
    }

    /// The call was never sent: its tokens are free again, and its turn if no other call has been let go since.
    pub async fn give_back(self) {
        if let Some(reservation) = self.granted.reservation {
            note(&self.lane, |bucket, now_ms, rules| bucket.give_back(now_ms, rules, reservation)).await;
        }
    }

    async fn end(self, tokens_used: u64, report: &Report, pause: Option<Duration>) {
        let reservation = self.granted.reservation;
        // Without limits there is nothing to write down.
        if reservation.is_none() && report.is_empty() && pause.is_none() && self.lane.is_open(self.lane.now_ms()) {
            return;
        }
        note(&self.lane, |bucket, now_ms, rules| {
            settle(bucket, now_ms, rules, reservation, tokens_used);
            if !report.is_empty() {
                bucket.learn(now_ms, rules, report);
            }
            if let Some(pause) = pause {
                bucket.pause(now_ms, pause);
            }
        })
        .await;
    }
}

/// A call that went before there was a limit was not booked, and what it used before is past.
fn settle(bucket: &mut Bucket, now_ms: u64, rules: &Rules, reservation: Option<Reservation>, tokens_used: u64) {
    if let Some(reservation) = reservation {
        bucket.settle(now_ms, rules, reservation, tokens_used);
    }
}

async fn note(lane: &Lane, change: impl FnOnce(&mut Bucket, u64, &Rules)) {
    lane.change(|bucket, now_ms| change(bucket, now_ms, lane.rules())).await;
    lane.tell_change();
}
