//! How the limits of a job are enforced on this machine.

use std::fs;
use std::path::PathBuf;

use crate::groups::{Groups, Wanted};
use crate::plan::{Resources, Watch};
use crate::{Limits, StartError};

/// The means by which a job's limits are enforced.
#[derive(Debug)]
pub(crate) struct Allowance {
    pub(crate) groups: Groups,
    pub(crate) resources: Resources,
    pub(crate) watch: Watch,
}

/// What the system counts when it limits the processes of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Those in the job's own user namespace: Linux 5.14.
    Job,
    /// All of the user, on the whole machine.
    User,
}

/// Processes of the box itself: the program that makes it, the helper's second stage, and, while it starts, the first.
const OF_THE_BOX: u64 = 3;

impl Allowance {
    /// Finds the means.
    ///
    /// # Errors
    /// When a limit cannot be enforced here.
    pub(crate) fn find(
        driver: &'static str,
        limits: &Limits,
        counted: Counted,
        trees: Vec<PathBuf>,
    ) -> Result<Self, StartError> {
        let wanted = Wanted {
            memory_bytes: limits.memory_bytes,
            processes: limits.processes.map(|count| u64::from(count) + OF_THE_BOX),
        };
        let mut resources = Resources {
            file_bytes: limits.file_bytes,
            cpu_seconds: limits.cpu_seconds,
            open_files: limits.open_files,
            ..Resources::default()
        };
        let mut watch = Watch { disk: limits.disk_bytes.map(|bytes| (bytes, trees)), memory: None };
        let user_limits = user_limits_apply();
        let (groups, limited) = Groups::create(wanted);
        if let Some(bytes) = limits.memory_bytes.filter(|_| !limited.memory) {
            resources.data_bytes = Some(bytes);
            watch.memory = Some(bytes);
        }
        if let Some(count) = limits.processes.filter(|_| !limited.processes) {
            if !user_limits {
                groups.remove();
                let missing = "the number of processes cannot be limited for root without control groups: run as an \
                               ordinary user, or make the `pids` controller of /sys/fs/cgroup writable, or set no \
                               limit on processes";
                return Err(StartError::CannotEnforce { driver, missing: missing.to_owned() });
            }
            let others = if counted == Counted::User { threads_of_user() } else { 0 };
            resources.processes = Some(others + u64::from(count) + 1);
        }
        Ok(Self { groups, resources, watch })
    }
}

/// The system limits the processes of users, but not those of the machine's own root, whatever it has given up.
fn user_limits_apply() -> bool {
    let ids = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let outside = ids.lines().find_map(|line| {
        let mut numbers = line.split_whitespace();
        (numbers.next()? == "0").then(|| numbers.next().map(str::to_owned))?
    });
    !rustix::process::getuid().is_root() || outside.is_some_and(|outside| outside != "0")
}

/// How many threads this user has on the machine.
fn threads_of_user() -> u64 {
    let own = rustix::process::getuid().as_raw().to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let threads = processes.filter_map(|process| {
        let status = fs::read_to_string(process.path().join("status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        (field("Uid:")?.split_whitespace().next()? == own).then(|| field("Threads:")?.trim().parse::<u64>().ok())?
    });
    threads.sum()
}
