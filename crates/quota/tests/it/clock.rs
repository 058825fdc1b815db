//! A clock that stands still while nobody waits.

use tokio::time::Instant;

/// A time in 2025, so that nothing rests on the time being small.
pub(crate) const EPOCH_MS: u64 = 1_750_000_000_000;

/// Milliseconds since 1970 by the clock of tokio, which a test has paused.
pub(crate) fn paused_clock() -> impl Fn() -> u64 + Send + Sync + Clone + 'static {
    let start = Instant::now();
    move || EPOCH_MS + u64::try_from(start.elapsed().as_millis()).unwrap()
}

/// A small generator of numbers from 0 up to and without `below`: the same on every machine.
pub(crate) fn random(mut state: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}
