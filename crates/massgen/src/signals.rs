//! Ctrl-C and its relatives: once stops the run and keeps what is there, twice leaves at once.

use tokio_util::sync::CancellationToken;

use crate::failure::FailureKind;
use crate::terminal;

/// Waits for signals as long as it is polled; cancels `cancel` at the first and leaves at the second.
pub(crate) async fn watch(cancel: CancellationToken) {
    interrupted().await;
    terminal::tell("\nstopping: what is finished is kept (once more leaves at once)");
    cancel.cancel();
    interrupted().await;
    leave();
}

#[expect(clippy::exit, reason = "the user asked twice: nothing may hold the program back")]
fn leave() {
    std::process::exit(i32::from(FailureKind::Interrupted.exit_code()));
}

#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [interrupt, terminate, hangup] = kinds.map(signal);
    match (interrupt, terminate, hangup) {
        (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) => tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        },
        // Without handlers, signals do what they always do.
        _ => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
