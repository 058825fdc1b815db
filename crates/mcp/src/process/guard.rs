//! A tiny process that outlives massgen by a moment, to kill the servers that it left behind.
//!
//! A killed massgen cannot end anything. A server that ignores the end of its input would then run for ever, and so
//! would what it started. One shell per run waits for the end of its own input, which massgen holds.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Mutex;

/// Keeps the list of process groups, and kills what is on it when its input ends. Descendants that left their group
/// are found by the mark in their environment, where there is a `/proc`.
const SCRIPT: &str = r#"
groups=
while read -r verb group; do
  case $verb in
    add) groups="$groups $group" ;;
    remove)
      kept=
      for each in $groups; do [ "$each" = "$group" ] || kept="$kept $each"; done
      groups=$kept ;;
  esac
done
for each in $groups; do kill -KILL "-$each"; done
[ -d /proc/self ] || exit 0
for file in $(grep -lsaF "$1" /proc/[0-9]*/environ); do
  pid=${file#/proc/}
  kill -KILL "${pid%/environ}"
done
"#;

/// See the module.
#[derive(Debug)]
pub(crate) struct Guard {
    mark: String,
    shell: Mutex<Option<Shell>>,
}

#[derive(Debug)]
struct Shell {
    child: Child,
    stdin: ChildStdin,
}

impl Guard {
    /// A guard that knows its servers' descendants by `mark`. It runs from the first server on.
    pub(crate) fn new(mark: String) -> Self {
        Self { mark, shell: Mutex::new(None) }
    }

    pub(crate) async fn start(&self) -> std::io::Result<()> {
        let mut shell = self.shell.lock().await;
        if shell.is_some() {
            return Ok(());
        }
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "massgen-mcp-guard", &self.mark])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // The signals of a terminal must not reach it.
            .process_group(0);
        let mut child = command.spawn()?;
        let stdin = child.stdin.take().ok_or_else(|| std::io::Error::other("the guard has no input"))?;
        *shell = Some(Shell { child, stdin });
        Ok(())
    }

    pub(crate) async fn add(&self, group: Pid) -> std::io::Result<()> {
        self.tell("add", group).await
    }

    /// Takes a group off the list, so that its number may be used again.
    pub(crate) async fn remove(&self, group: Pid) {
        // When the guard is gone it has killed everything, or there is nobody left to tell.
        let _ = self.tell("remove", group).await;
    }

    /// Ends it, as massgen's end would.
    pub(crate) async fn close(&self) {
        let Some(Shell { mut child, stdin }) = self.shell.lock().await.take() else { return };
        drop(stdin);
        if tokio::time::timeout(Duration::from_secs(10), child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    }

    async fn tell(&self, verb: &str, group: Pid) -> std::io::Result<()> {
        match self.shell.lock().await.as_mut() {
            Some(shell) => shell.stdin.write_all(format!("{verb} {group}\n").as_bytes()).await,
            None => Err(std::io::Error::other("the guard of the servers' processes is not running")),
        }
    }
}
