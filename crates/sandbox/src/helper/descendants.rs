//! The processes that this one has started, directly or not.

use std::collections::BTreeMap;
use std::fs;

use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};

/// All living descendants of this process. As it adopts orphans, nothing that was started below it gets away, whatever
/// its session and process group.
pub(super) fn list() -> Vec<i32> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for pid in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = pid.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut open = vec![getpid().as_raw_nonzero().get()];
    while let Some(pid) = open.pop() {
        let below = children.remove(&pid).unwrap_or_default();
        found.extend(&below);
        open.extend(below);
    }
    found
}

/// Kills a process if it still is a descendant. The process is held while that is checked, so that its number cannot
/// have gone to another one.
pub(super) fn kill(pid: i32) {
    let Some(handle) = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else { return };
    if is_descendant(pid) {
        let _ = pidfd_send_signal(handle, Signal::KILL);
    }
}

fn is_descendant(pid: i32) -> bool {
    let own = getpid().as_raw_nonzero().get();
    let mut pid = pid;
    while let Some(above) = parent(pid) {
        if above == own {
            return true;
        }
        pid = above;
    }
    false
}

fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets can contain anything, brackets included.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok().filter(|parent| *parent > 0)
}
