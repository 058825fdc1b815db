//! Control groups: memory and processes of all of a job together. Both versions of the interface are known, and any
//! mixture, since systems with the first one still run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// The groups of one job.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Groups(Vec<Group>);

/// One group in one hierarchy.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Group {
    directory: PathBuf,
    /// The group that its creator is in, for those who leave.
    home: PathBuf,
    memory: bool,
}

/// What is to be limited.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) processes: Option<u64>,
}

/// What could be limited.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Limited {
    pub(crate) memory: bool,
    pub(crate) processes: bool,
}

/// Keeps the groups of one process apart.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Groups {
    /// Makes groups for what is wanted, as far as this process may.
    pub(crate) fn create(wanted: Wanted) -> (Self, Limited) {
        let mut groups = Self::default();
        let mut limited = Limited::default();
        if wanted.memory_bytes.is_none() && wanted.processes.is_none() {
            return (groups, limited);
        }
        let memberships = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        for home in unified_homes(&memberships, &mounts) {
            let Some((group, got)) = create_unified(&home, &own_unified(&memberships, &mounts), wanted) else {
                continue;
            };
            limited = got;
            groups.0.push(group);
            break;
        }
        if let Some(bytes) = wanted.memory_bytes.filter(|_| !limited.memory) {
            let settings = [("memory.limit_in_bytes", bytes, true), ("memory.memsw.limit_in_bytes", bytes, false)];
            limited.memory = groups.add_first_version(&memberships, &mounts, "memory", &settings);
        }
        if let Some(count) = wanted.processes.filter(|_| !limited.processes) {
            let settings = [("pids.max", count, true)];
            limited.processes = groups.add_first_version(&memberships, &mounts, "pids", &settings);
        }
        (groups, limited)
    }

    fn add_first_version(
        &mut self,
        memberships: &str,
        mounts: &str,
        controller: &str,
        settings: &[(&str, u64, bool)],
    ) -> bool {
        let Some(home) = first_version_home(memberships, mounts, controller) else { return false };
        let Some(directory) = make(&home) else { return false };
        let group = Group { directory, home, memory: controller == "memory" };
        let set = settings.iter().all(|(file, value, required)| {
            fs::write(group.directory.join(file), value.to_string()).is_ok() || !required
        });
        if set {
            self.0.push(group);
        } else {
            let _ = fs::remove_dir(&group.directory);
        }
        set
    }

    /// Puts this process, and those it starts from now on, into the groups.
    pub(crate) fn join(&self) -> io::Result<()> {
        self.0.iter().try_for_each(|group| fs::write(group.directory.join("cgroup.procs"), "0"))
    }

    /// Puts this process back where it came from. What it has started stays.
    pub(crate) fn leave(&self) -> io::Result<()> {
        let left = self.0.iter().map(|group| fs::write(group.home.join("cgroup.procs"), "0"));
        // All of them, also when one fails.
        let all: Vec<io::Result<()>> = left.collect();
        all.into_iter().collect()
    }

    /// The processes that are in any of the groups.
    pub(crate) fn members(&self) -> Vec<i32> {
        let lists = self.0.iter().filter_map(|group| fs::read_to_string(group.directory.join("cgroup.procs")).ok());
        let mut members: Vec<i32> =
            lists.flat_map(|list| list.lines().filter_map(|line| line.parse().ok()).collect::<Vec<_>>()).collect();
        members.sort_unstable();
        members.dedup();
        // 0 stands for processes that cannot be seen from here.
        members.retain(|pid| *pid > 0);
        members
    }

    /// Kills what is in the groups in one step, where the system can.
    pub(crate) fn kill(&self) {
        for group in &self.0 {
            let _ = fs::write(group.directory.join("cgroup.kill"), "1");
        }
    }

    /// Whether something was killed because the memory was used up.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        let memory = self.0.iter().filter(|group| group.memory);
        let mut events = memory.flat_map(|group| {
            let read = |file: &str| fs::read_to_string(group.directory.join(file)).unwrap_or_default();
            [read("memory.oom_control"), read("memory.events")]
        });
        events.any(|text| text.lines().any(|line| line.starts_with("oom_kill ") && !line.ends_with(" 0")))
    }

    /// Removes the groups. What is not empty stays.
    pub(crate) fn remove(&self) {
        for group in &self.0 {
            let _ = fs::remove_dir(&group.directory);
        }
    }
}

/// Makes a group with a name that nobody uses.
fn make(home: &Path) -> Option<PathBuf> {
    for _ in 0..100 {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = home.join(format!("massgen-{}-{number}", std::process::id()));
        match fs::create_dir(&directory) {
            Ok(()) => return Some(directory),
            // A group of a program that was killed, whose number was given out again. It is empty or not ours.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(_) => return None,
        }
    }
    None
}

/// Where a group of the second version can be made: in ours, or, since a group with processes may not hand on its
/// controllers, beside it.
fn unified_homes(memberships: &str, mounts: &str) -> Vec<PathBuf> {
    let own = own_unified(memberships, mounts);
    let beside = own.parent().map(Path::to_path_buf);
    [Some(own.clone()), beside]
        .into_iter()
        .flatten()
        .filter(|home| home.is_absolute() && home.join("cgroup.procs").exists())
        .collect()
}

fn own_unified(memberships: &str, mounts: &str) -> PathBuf {
    let own = memberships.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    mount_points(mounts).find(|(kind, _, _)| *kind == "cgroup2").map_or_else(PathBuf::new, |(_, root, point)| {
        let below = own.strip_prefix(root.trim_end_matches('/')).unwrap_or(own);
        Path::new(point).join(below.trim_start_matches('/'))
    })
}

fn create_unified(home: &Path, own: &Path, wanted: Wanted) -> Option<(Group, Limited)> {
    let controllers = fs::read_to_string(home.join("cgroup.subtree_control")).ok()?;
    let has = |name: &str| controllers.split_whitespace().any(|controller| controller == name);
    let (memory, pids) = (has("memory"), has("pids"));
    if !(memory && wanted.memory_bytes.is_some() || pids && wanted.processes.is_some()) {
        return None;
    }
    let directory = make(home)?;
    let set = |file: &str, value: u64| fs::write(directory.join(file), value.to_string()).is_ok();
    let limited = Limited {
        memory: memory && wanted.memory_bytes.is_some_and(|bytes| set("memory.max", bytes)),
        processes: pids && wanted.processes.is_some_and(|count| set("pids.max", count)),
    };
    if limited.memory {
        let _ = set("memory.swap.max", 0);
        let _ = set("memory.oom.group", 1);
    }
    // Whoever may make a group need not be allowed to move processes into it.
    let movable = rustix::fs::access(home.join("cgroup.procs"), rustix::fs::Access::WRITE_OK).is_ok()
        && rustix::fs::access(directory.join("cgroup.procs"), rustix::fs::Access::WRITE_OK).is_ok();
    if !movable || !(limited.memory || limited.processes) {
        let _ = fs::remove_dir(&directory);
        return None;
    }
    Some((Group { directory, home: own.to_path_buf(), memory: limited.memory }, limited))
}

/// The group that this process is in, in the hierarchy of a controller of the first version.
fn first_version_home(memberships: &str, mounts: &str, controller: &str) -> Option<PathBuf> {
    let own = memberships.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let controllers = parts.next()?;
        let path = parts.next()?;
        controllers.split(',').any(|name| name == controller).then_some(path)
    })?;
    let (_, root, point) = mount_points(mounts).find(|(kind, _, point)| {
        *kind == "cgroup" && Path::new(point).file_name().is_some_and(|name| serves(name, controller))
    })?;
    let below = own.strip_prefix(root.trim_end_matches('/')).unwrap_or(own);
    Some(Path::new(point).join(below.trim_start_matches('/')))
}

/// Hierarchies with several controllers are mounted under all of their names: `cpu,cpuacct`.
fn serves(name: &std::ffi::OsStr, controller: &str) -> bool {
    name.to_str().is_some_and(|name| name.split(',').any(|part| part == controller))
}

/// Kind, root and place of each mount, as proc_pid_mountinfo(5) lists them.
fn mount_points(mounts: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    mounts.lines().filter_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut fields = place.split(' ').skip(3);
        Some((kind.split(' ').next()?, fields.next()?, fields.next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
31 26 0:27 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw
32 26 0:28 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
33 26 0:29 /docker/1 /sys/fs/cgroup/cpu,pids rw - cgroup cgroup rw,cpu,pids
";

    #[test]
    fn finds_the_own_group_in_each_hierarchy() {
        let memberships = "8:cpu,pids:/docker/1/a\n4:memory:/user\n0::/user.slice/x.scope\n";
        assert_eq!(first_version_home(memberships, MOUNTS, "memory"), Some("/sys/fs/cgroup/memory/user".into()));
        assert_eq!(first_version_home(memberships, MOUNTS, "pids"), Some("/sys/fs/cgroup/cpu,pids/a".into()));
        assert_eq!(first_version_home(memberships, MOUNTS, "freezer"), None);
        assert_eq!(own_unified(memberships, MOUNTS), PathBuf::from("/sys/fs/cgroup/unified/user.slice/x.scope"));
    }

    #[test]
    fn nothing_wanted_makes_nothing() {
        let (groups, limited) = Groups::create(Wanted::default());
        assert!(groups.0.is_empty() && !limited.memory && !limited.processes);
    }
}
