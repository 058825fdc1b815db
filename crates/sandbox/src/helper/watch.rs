//! Measures what the system cannot limit: the growth of trees on disk, and the memory of all processes together where
//! there are no control groups.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::helper::descendants;
use crate::plan::{EndingWord, Watch};

/// How fast a job can write at most, for the time until it has to be looked at again. Bytes in a second.
const WRITES_PER_SECOND: u64 = 2_000_000_000;

/// How fast a job can use memory at most. Bytes in a second.
const TOUCHES_PER_SECOND: u64 = 4_000_000_000;

const LOOK_AGAIN_MIN: Duration = Duration::from_millis(20);
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(1);

/// After how long trees are walked although the file systems did not fill up: somebody else may have freed as much.
const WALK_AGAIN: Duration = Duration::from_secs(5);

/// How many times longer than a walk takes is the time until the next one.
const WALK_SHARE: u32 = 20;

/// The size of a block in `st_blocks`, whatever the file system: stat(2).
const BLOCK_BYTES: u64 = 512;

/// What there was when the job started.
pub(super) struct Baseline {
    disk: Option<Disk>,
    memory: Option<u64>,
}

struct Disk {
    limit: u64,
    trees: Vec<PathBuf>,
    /// What was used on the file systems of the trees.
    used: u64,
    devices: BTreeSet<u64>,
}

impl Baseline {
    /// Looks at what there is; `None` when nothing is to be watched.
    pub(super) fn take(watch: Watch) -> Option<Self> {
        let disk = watch.disk.map(|(limit, trees)| Disk::new(limit, outermost(trees)));
        (disk.is_some() || watch.memory.is_some()).then_some(Self { disk, memory: watch.memory })
    }

    /// Watches until something is used up. It does not return before.
    pub(super) fn await_breach(self) -> EndingWord {
        let Self { disk, memory } = self;
        let mut disk = disk.map(Growth::new);
        loop {
            let mut pause = LOOK_AGAIN_MAX;
            if let Some(growth) = &mut disk {
                match growth.until_next() {
                    Some(next) => pause = pause.min(next),
                    None => return EndingWord::OutOfDisk,
                }
            }
            if let Some(limit) = memory {
                let used = memory_of_all(limit);
                match limit.checked_sub(used) {
                    Some(left) => pause = pause.min(time_for(left, TOUCHES_PER_SECOND)),
                    None => return EndingWord::OutOfMemory,
                }
            }
            thread::sleep(pause);
        }
    }
}

fn time_for(bytes: u64, per_second: u64) -> Duration {
    let milliseconds = bytes.saturating_mul(1000) / per_second;
    Duration::from_millis(milliseconds).clamp(LOOK_AGAIN_MIN, LOOK_AGAIN_MAX)
}

impl Disk {
    fn new(limit: u64, trees: Vec<PathBuf>) -> Self {
        let devices = trees.iter().filter_map(|tree| fs::metadata(tree).ok()).map(|tree| tree.dev()).collect();
        let mut disk = Self { limit, trees, used: 0, devices };
        disk.used = disk.used_now();
        disk
    }

    /// What is used on the file systems of the trees, by anybody.
    fn used_now(&self) -> u64 {
        let mut seen = BTreeSet::new();
        let mut used = 0;
        for tree in &self.trees {
            let (Ok(metadata), Ok(space)) = (fs::metadata(tree), rustix::fs::statvfs(tree)) else { continue };
            if seen.insert(metadata.dev()) {
                used += space.f_blocks.saturating_sub(space.f_bfree) * space.f_frsize;
            }
        }
        used
    }

    /// What the trees take up, with files that are deleted but that processes of the job hold open.
    fn size(&self) -> u64 {
        let mut sizes = Sizes::default();
        for tree in &self.trees {
            sizes.walk(tree);
        }
        for pid in descendants::list() {
            for open in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
                let deleted = fs::metadata(open.path()).ok().filter(|file| file.is_file() && file.nlink() == 0);
                if let Some(file) = deleted.filter(|file| self.devices.contains(&file.dev())) {
                    sizes.add(&file, true);
                }
            }
        }
        sizes.bytes
    }
}

#[derive(Default)]
struct Sizes {
    bytes: u64,
    /// Files with several names.
    counted: BTreeSet<(u64, u64)>,
}

impl Sizes {
    fn add(&mut self, file: &Metadata, shared: bool) {
        if !shared || self.counted.insert((file.dev(), file.ino())) {
            self.bytes += file.blocks() * BLOCK_BYTES;
        }
    }

    fn walk(&mut self, tree: &Path) {
        let mut open = vec![tree.to_path_buf()];
        while let Some(path) = open.pop() {
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            self.add(&metadata, metadata.nlink() > 1 && !metadata.is_dir());
            if metadata.is_dir() {
                open.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
            }
        }
    }
}

/// By how much a job's trees have grown. Walking them is dear and asking a file system how full it is is not, so they
/// are walked only when the file systems have filled up by as much as the job may still write.
struct Growth {
    disk: Disk,
    /// What the trees took up when the job started.
    start: Option<u64>,
    /// The growth that was last measured, with what was used on the file systems then.
    measured: (u64, u64),
    walked: Instant,
    walk_again: Duration,
}

impl Growth {
    fn new(disk: Disk) -> Self {
        let measured = (0, disk.used);
        Self { disk, start: None, measured, walked: Instant::now(), walk_again: Duration::ZERO }
    }

    /// How long to wait until it has to be looked at again; `None` when it is too much.
    fn until_next(&mut self) -> Option<Duration> {
        let (growth, used_then) = self.measured;
        let used = self.disk.used_now();
        let most = growth.saturating_add(used.saturating_sub(used_then));
        let due = self.walked.elapsed() >= self.walk_again;
        if self.start.is_none() || most > self.disk.limit || due {
            let begun = Instant::now();
            let size = self.disk.size();
            // What was written while the first walk was going on counts as written by the job.
            let start = *self
                .start
                .get_or_insert_with(|| size.saturating_sub(self.disk.used_now().saturating_sub(self.disk.used)));
            self.measured = (size.saturating_sub(start), used);
            self.walked = Instant::now();
            self.walk_again = WALK_AGAIN.max(begun.elapsed() * WALK_SHARE);
        }
        let left = self.disk.limit.checked_sub(self.measured.0)?;
        Some(time_for(left, WRITES_PER_SECOND))
    }
}

/// Those paths that are not beneath another one.
fn outermost(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort();
    let mut kept: Vec<PathBuf> = Vec::new();
    for path in paths {
        if !kept.iter().any(|above| path.starts_with(above)) {
            kept.push(path);
        }
    }
    kept
}

/// The memory of all processes of the job, in bytes. What they share is counted once, which is dear to find out, so
/// that is done only when it matters.
fn memory_of_all(limit: u64) -> u64 {
    let processes = descendants::list();
    let kibibytes = |text: &str| text.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok();
    let resident = |pid: &i32| -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        Some(kibibytes(status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?)? * 1024)
    };
    let nameless = nameless_files(&processes);
    let simple = processes.iter().filter_map(resident).sum::<u64>().saturating_add(nameless);
    if simple <= limit {
        return simple;
    }
    // What is mapped of files in memory is counted with the files.
    let mut mapped = 0;
    let mut fair = |pid: &i32| -> Option<u64> {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let field = |name: &str| kibibytes(rollup.lines().find_map(|line| line.strip_prefix(name))?);
        mapped += field("Pss_Shmem:").unwrap_or_default() * 1024;
        Some((field("Pss:")? + field("SwapPss:").unwrap_or_default()) * 1024)
    };
    // Where only the simple count can be had, it stands.
    let sum: u64 = processes.iter().map(|pid| fair(pid).or_else(|| resident(pid)).unwrap_or_default()).sum();
    sum + nameless.saturating_sub(mapped)
}

/// The size of files that are in memory and have no name anywhere, memfd_create(2): they need not be mapped.
fn nameless_files(processes: &[i32]) -> u64 {
    let mut sizes = Sizes::default();
    for pid in processes {
        for open in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
            let target = fs::read_link(open.path()).unwrap_or_default();
            let nameless = target.as_os_str().as_encoded_bytes().starts_with(b"/memfd:");
            if let Some(file) = nameless.then(|| fs::metadata(open.path()).ok()).flatten() {
                sizes.add(&file, true);
            }
        }
    }
    sizes.bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_what_was_added_and_not_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("old"), vec![1; 1 << 20]).unwrap();
        let mut growth = Growth::new(Disk::new(1 << 20, vec![folder.path().to_path_buf()]));
        assert!(growth.until_next().is_some());
        fs::write(folder.path().join("new"), vec![1; 2 << 20]).unwrap();
        growth.walk_again = Duration::ZERO;
        // Files are counted once however many names they have.
        fs::hard_link(folder.path().join("old"), folder.path().join("name")).unwrap();
        assert_eq!(growth.until_next(), None);
    }

    #[test]
    fn trees_beneath_others_are_left_out() {
        let paths = ["/a/b", "/a", "/ab", "/a/c/d"].map(PathBuf::from).to_vec();
        assert_eq!(outermost(paths), ["/a", "/ab"].map(PathBuf::from));
    }
}
