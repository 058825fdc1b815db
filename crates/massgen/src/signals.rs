//! Ctrl-C and its relatives: once stops the run and keeps what is there, twice leaves at once.

#[cfg(unix)]
use std::task::Poll;
use std::time::Duration;

#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::FailureKind;
use crate::terminal;

/// How long a message may take to be read before the program goes on without its reader.
const TELL_MAX: Duration = Duration::from_millis(200);

/// Takes signals from now on. The future cancels `cancel` at the first and leaves at the second.
pub(crate) fn watch(cancel: CancellationToken) -> impl Future<Output = ()> + Send {
    let mut signals = Signals::new();
    async move {
        signals.next().await;
        tell_briefly("\nstopping: what is finished is kept (once more leaves at once)").await;
        cancel.cancel();
        signals.next().await;
        leave();
    }
}

/// Leaves as soon as the program is told to end, for the time in which nothing is at work that could be stopped. Ctrl-C is
/// for whoever reads the terminal. `before` is done first.
pub(crate) async fn leave_when_told(before: impl FnOnce() + Send) {
    Signals::without_interrupts().next().await;
    before();
    leave();
}

/// Tells the user something, unless nobody reads it: that must not keep the program from stopping.
async fn tell_briefly(text: &'static str) {
    let (told, done) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        terminal::tell(text);
        // Nobody waits any more when it took long.
        let _ = told.send(());
    });
    let _ = tokio::time::timeout(TELL_MAX, done).await;
}

#[expect(clippy::exit, reason = "the user asked twice: nothing may hold the program back")]
fn leave() {
    std::process::exit(i32::from(FailureKind::Interrupted.exit_code()));
}

/// The signals that ask the program to stop. One that comes while nobody waits for it is not lost.
#[cfg(unix)]
struct Signals(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        Self::of(&[SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()])
    }

    fn without_interrupts() -> Self {
        Self::of(&[SignalKind::terminate(), SignalKind::hangup()])
    }

    fn of(kinds: &[SignalKind]) -> Self {
        let ignored = ignored();
        let is_ignored = |kind: &SignalKind| ignored >> (kind.as_raw_value() - 1) & 1 == 1;
        // Without handlers, signals do what they always do.
        Self(kinds.iter().filter(|kind| !is_ignored(kind)).filter_map(|kind| signal(*kind).ok()).collect())
    }

    async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let came = self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if came { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// The signals that whoever started the program wants it to ignore, as `nohup` does with hang-ups and a shell without
/// job control with the Ctrl-C of what runs in the background. Bit 0 is signal 1. See proc_pid_status(5).
#[cfg(target_os = "linux")]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Elsewhere, only unsafe calls tell.
#[cfg(all(unix, not(target_os = "linux")))]
fn ignored() -> u64 {
    0
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    fn without_interrupts() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
