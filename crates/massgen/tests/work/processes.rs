//! The processes of a run, from outside.

use std::fs;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// No process takes longer than this to go once it must.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process that runs, and stays known when its number goes to another one.
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) command: String,
    handle: OwnedFd,
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.pid, self.command)
    }
}

impl Process {
    fn open(pid: i32) -> Option<Self> {
        let handle = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        Some(Self { pid, command: command(pid), handle })
    }

    /// Whether it ends before the deadline.
    fn ends_before(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        let mut polled = [PollFd::new(&self.handle, PollFlags::IN)];
        poll(&mut polled, Some(&timeout)).unwrap() > 0
    }
}

/// All processes that come from this one.
pub(crate) fn descendants(of: Pid) -> Vec<Process> {
    let parents: Vec<(i32, i32)> = pids().filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found = vec![of.as_raw_nonzero().get()];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.into_iter().skip(1).filter_map(Process::open).collect()
}

/// All processes with this text in their command line, environment or working directory, but for this one.
pub(crate) fn marked(text: &str) -> Vec<Process> {
    let own = std::process::id().cast_signed();
    pids().filter(|pid| *pid != own && is_marked(*pid, text)).filter_map(Process::open).collect()
}

/// Fails unless these end.
#[track_caller]
pub(crate) fn assert_end(processes: &[Process]) {
    let deadline = Instant::now() + PATIENCE;
    let left: Vec<&Process> = processes.iter().filter(|process| !process.ends_before(deadline)).collect();
    assert!(left.is_empty(), "still running: {left:?}");
}

/// The largest memory that a process has used, in kilobytes.
pub(crate) fn peak_kb(pid: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

fn is_marked(pid: i32, text: &str) -> bool {
    let has = |file: &str| {
        let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(text)
    };
    let works_there =
        || fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.to_string_lossy().contains(text));
    has("cmdline") || has("environ") || works_there()
}

fn pids() -> impl Iterator<Item = i32> {
    let names = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    names.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Zombies count as gone: nothing of them runs.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (state != "Z").then(|| fields.next()?.parse().ok()).flatten()
}

fn command(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ").chars().take(200).collect()
}
