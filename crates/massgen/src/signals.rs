//! Ctrl-C and its relatives: once stops the run and keeps what is there, twice leaves at once.

use std::time::Duration;

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
struct Signals(Option<[tokio::signal::unix::Signal; 3]>);

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        // Without handlers, signals do what they always do.
        Self((|| Some([interrupt.ok()?, terminate.ok()?, hangup.ok()?]))())
    }

    async fn next(&mut self) {
        let Some([interrupt, terminate, hangup]) = &mut self.0 else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
