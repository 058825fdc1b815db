//! A child process with all of its descendants.

use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// A child that leads a process group of its own. Dropped, the whole group is killed.
pub(super) struct Group {
    child: Child,
    leader: Option<Pid>,
}

impl Group {
    /// Takes over a child that was started with `process_group(0)`.
    pub(super) fn new(child: Child) -> Self {
        let leader = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Self { child, leader }
    }

    pub(super) async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Kills all of the group and waits for its leader.
    pub(super) async fn kill(&mut self) {
        self.kill_group();
        let _ = self.child.wait().await;
    }

    /// While a member of the group lives, its number is not given to another one. When none does, the call fails, or, after
    /// the numbers have gone around, could in theory meet another group: so it is made at most once.
    fn kill_group(&mut self) {
        if let Some(leader) = self.leader.take() {
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// How a process ended, in words.
pub(super) fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(11)) => "signal 11, a memory fault".to_owned(),
        (None, Some(9)) => "signal 9, killed".to_owned(),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown cause".to_owned(),
    }
}
