//! The clocks that the coordination asked for.

use std::collections::BTreeMap;

use massgen_protocol::Timer;
use tokio::time::{Duration, Instant};

/// Timers that have been set and have not fired.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeMap<Timer, Instant>,
}

/// A deadline further off than this is never reached.
const FAR_OFF: Duration = Duration::from_secs(60 * 60 * 24 * 365);

impl Timers {
    /// Sets a timer, or sets it anew.
    pub(crate) fn set(&mut self, timer: Timer, after: Duration) {
        self.due.insert(timer, Instant::now() + after.min(FAR_OFF));
    }

    /// Takes the next timer, when it is due. Never returns while none is set.
    ///
    /// Safe to drop and call again: a timer is taken only when it is returned.
    pub(crate) async fn next(&mut self) -> Timer {
        let Some((timer, at)) = self.due.iter().min_by_key(|(_, at)| **at).map(|(timer, at)| (*timer, *at)) else {
            return std::future::pending().await;
        };
        tokio::time::sleep_until(at).await;
        self.due.remove(&timer);
        timer
    }
}
