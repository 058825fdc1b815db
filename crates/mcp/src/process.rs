//! A server's process, and everything that it starts.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

mod guard;

pub(crate) use guard::Guard;

/// The variable by which descendants are found that left their server's process group.
const MARK: &str = "MASSGEN_MCP_SERVER";
/// How long a server may take to end after its input was closed.
const POLITE: Duration = Duration::from_secs(2);
/// How long it may take after `SIGTERM`.
const FIRM: Duration = Duration::from_millis(500);

/// What to run.
#[derive(Debug)]
pub(crate) struct ProcessSettings {
    pub program: OsString,
    pub args: Vec<OsString>,
    pub environment: BTreeMap<OsString, OsString>,
    pub cwd: Option<PathBuf>,
}

/// Starts processes such that none of them outlives massgen.
#[derive(Debug)]
pub(crate) struct Launcher {
    guard: Guard,
    run: String,
    started: AtomicU64,
}

/// A process that was started, and its ends of the pipes.
#[derive(Debug)]
pub(crate) struct Launched {
    pub process: ServerProcess,
    pub stdin: ChildStdin,
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
}

/// A running server. Dropping it kills its process group at once; [`end`](Self::end) is polite first, and thorough.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    group: Pid,
    mark: String,
    launcher: Arc<Launcher>,
    is_over: bool,
}

impl Launcher {
    pub(crate) fn new() -> Self {
        static LAUNCHERS: AtomicU64 = AtomicU64::new(0);
        let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let run = format!("{}-{time:x}-{}", std::process::id(), LAUNCHERS.fetch_add(1, Ordering::Relaxed));
        Self { guard: Guard::new(format!("{MARK}={run}.")), run, started: AtomicU64::new(0) }
    }

    /// Starts a process in a group of its own.
    ///
    /// # Errors
    /// When the program cannot be run, or the guard cannot.
    pub(crate) async fn launch(self: &Arc<Self>, settings: &ProcessSettings) -> std::io::Result<Launched> {
        self.guard.start().await?;
        let mark = format!("{}.{}", self.run, self.started.fetch_add(1, Ordering::Relaxed));
        let mut command = Command::new(&settings.program);
        command
            .args(&settings.args)
            .env_clear()
            .envs(&settings.environment)
            .env(MARK, &mark)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(cwd) = &settings.cwd {
            command.current_dir(cwd);
        }
        let mut child = command.spawn()?;
        let missing = || std::io::Error::other("the process has no pipes");
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).ok_or_else(missing)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let process = ServerProcess { child, group, mark, launcher: Arc::clone(self), is_over: false };
        self.guard.add(group).await?;
        let stdin = stdin.ok_or_else(missing)?;
        let stdout = stdout.ok_or_else(missing)?;
        let stderr = stderr.ok_or_else(missing)?;
        Ok(Launched { process, stdin, stdout, stderr })
    }

    /// Ends the guard. Everything that still runs is killed.
    pub(crate) async fn close(&self) {
        self.guard.close().await;
    }
}

impl ServerProcess {
    pub(crate) fn id(&self) -> u32 {
        self.group.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits until it has ended; how, in words. May be dropped and called again.
    pub(crate) async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => described(status),
            Err(error) => format!("it cannot be waited for: {error}"),
        }
    }

    /// Ends it and everything that it started. Its standard input must have been closed: a server that heeds the
    /// protocol ends by itself then.
    pub(crate) async fn end(mut self) {
        if tokio::time::timeout(POLITE, self.child.wait()).await.is_err() {
            let _ = kill_process_group(self.group, Signal::TERM);
            let _ = tokio::time::timeout(FIRM, self.child.wait()).await;
        }
        self.kill();
        let _ = self.child.wait().await;
        let mark = format!("{MARK}={}", self.mark);
        let _ = tokio::task::spawn_blocking(move || kill_marked(&mark)).await;
        self.launcher.guard.remove(self.group).await;
    }

    fn kill(&mut self) {
        if !self.is_over {
            self.is_over = true;
            let _ = kill_process_group(self.group, Signal::KILL);
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

fn described(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("its process ended with exit code {code}"),
        (None, Some(signal)) => format!("its process was ended by signal {signal}"),
        (None, None) => "its process ended".to_owned(),
    }
}

/// Kills the processes whose environment holds `mark`. A process may leave its group, but it takes its environment
/// along.
fn kill_marked(mark: &str) {
    // Those killed may have started others meanwhile.
    for _ in 0..3 {
        let found = marked(mark);
        for pid in &found {
            let _ = kill_process(*pid, Signal::KILL);
        }
        if found.is_empty() {
            return;
        }
    }
}

/// The processes whose environment holds `mark`; none where there is no `/proc`.
fn marked(mark: &str) -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let holds_mark = |pid: &i32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(holds_mark).filter_map(Pid::from_raw).collect()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, BufReader};

    use super::*;

    fn shell(script: &str) -> ProcessSettings {
        let path = std::env::var_os("PATH").unwrap();
        ProcessSettings {
            program: "sh".into(),
            args: vec!["-c".into(), script.into()],
            environment: BTreeMap::from([("PATH".into(), path)]),
            cwd: None,
        }
    }

    async fn first_number(stdout: ChildStdout) -> i32 {
        let line = BufReader::new(stdout).lines().next_line().await.unwrap().unwrap();
        line.trim().parse().unwrap()
    }

    /// Neither running nor a zombie that is ours.
    fn is_gone(pid: i32) -> bool {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
    }

    async fn until_gone(pid: i32) {
        while !is_gone(pid) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn children_that_leave_the_group_and_ignore_signals_end_too() {
        let launcher = Arc::new(Launcher::new());
        let script = "trap '' TERM; setsid sh -c 'trap \"\" TERM HUP; echo $$; sleep 1000' & wait";
        let Launched { process, stdin, stdout, .. } = launcher.launch(&shell(script)).await.unwrap();
        let child = first_number(stdout).await;
        assert!(!is_gone(child));
        drop(stdin);
        let server = i32::try_from(process.id()).unwrap();
        process.end().await;
        assert!(is_gone(server));
        until_gone(child).await;
        launcher.close().await;
    }

    #[tokio::test]
    async fn the_guard_kills_what_still_runs_when_massgen_is_gone() {
        let launcher = Arc::new(Launcher::new());
        let script = "setsid sh -c 'echo $$; sleep 1000' & wait";
        let Launched { mut process, stdout, stdin, .. } = launcher.launch(&shell(script)).await.unwrap();
        let child = first_number(stdout).await;
        // What the guard sees when massgen is killed: the end of its input.
        launcher.guard.close().await;
        until_gone(child).await;
        assert!(process.ended().await.contains("signal 9"));
        drop(stdin);
    }

    #[tokio::test]
    async fn the_environment_is_what_was_given() {
        let launcher = Arc::new(Launcher::new());
        let Launched { process, stdin, mut stdout, .. } = launcher.launch(&shell("env; exec 1>&-; cat")).await.unwrap();
        let mut text = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stdout, &mut text).await.unwrap();
        let mut names: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        names.retain(|name| !["PWD", "_", "SHLVL", "OLDPWD"].contains(name));
        names.sort_unstable();
        assert_eq!(names, [MARK, "PATH"]);
        drop(stdin);
        process.end().await;
        launcher.close().await;
    }
}
