//! What is known of a view that is shown.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use massgen_protocol::SnapshotId;

use crate::at;
use crate::hash::ContentHash;
use crate::stamp::{Stamp, since_epoch_ns};
use crate::stat_cache::StatCache;
use crate::store::{SnapshotStore, StoreError};
use crate::tree::{Node, Tree};

/// The longest wait for a clock: on a file system that counts in seconds.
const SETTLING_MAX: Duration = Duration::from_millis(2_500);

/// What one view was made from, and what its files looked like then.
pub(super) struct Record {
    pub(super) snapshot: SnapshotId,
    pub(super) stamps: StatCache,
    /// The directory that was shown: its device and inode.
    place: (u64, u64),
    /// The running kernel: what was not synced when the power went is not what was recorded.
    boot: String,
}

impl Record {
    pub(super) fn new(snapshot: SnapshotId, folder: &OwnedFd, stamps: StatCache) -> io::Result<Self> {
        Ok(Self { snapshot, stamps, place: place_of(folder)?, boot: boot() })
    }

    pub(super) fn load(state: &OwnedFd, name: &OsStr) -> Option<Self> {
        let mut bytes = Vec::new();
        std::fs::File::from(at::open_file_at(state, name).ok()?).read_to_end(&mut bytes).ok()?;
        let stamps = StatCache::decode(&bytes)?;
        let subject = std::str::from_utf8(&stamps.subject).ok()?;
        let mut words = subject.split(' ');
        let snapshot = words.next()?.parse().ok()?;
        let place = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let boot = words.next()?.to_owned();
        Some(Self { snapshot, stamps, place, boot })
    }

    /// Whether this is what is known of the directory `folder`.
    pub(super) fn is_of(&self, folder: &OwnedFd) -> bool {
        place_of(folder).is_ok_and(|place| place == self.place) && self.boot == boot()
    }

    pub(super) fn save(mut self, state: &OwnedFd, staging: &OwnedFd, name: &OsStr) -> io::Result<()> {
        let (device, inode) = self.place;
        self.stamps.subject = format!("{} {device} {inode} {}", self.snapshot, self.boot).into_bytes();
        let staged = OsString::from("record");
        let mut file = std::fs::File::from(at::create_file_at(staging, &staged, 0o600)?);
        file.write_all(&self.stamps.encode())?;
        Ok(rustix::fs::renameat(staging, &staged, state, name)?)
    }
}

/// A file of a view, as it was written.
pub(super) struct StampedFile {
    path: PathBuf,
    pub(super) hash: ContentHash,
    pub(super) stamp: Stamp,
}

impl StampedFile {
    /// Its stamp now, if it is still there.
    pub(super) fn stamp_now(&self, root: &OwnedFd) -> Option<Stamp> {
        stamp_of(root, self.path.as_os_str())
    }
}

/// Looks at every file that was written for `top` into `root`, which nobody else can reach.
pub(super) fn stamp_files(store: &SnapshotStore, root: &OwnedFd, top: Tree) -> Result<Vec<StampedFile>, StoreError> {
    let mut files = Vec::new();
    let mut left = vec![(PathBuf::new(), top)];
    while let Some((folder, tree)) = left.pop() {
        for (name, node) in tree.entries {
            let path = folder.join(name);
            match node {
                Node::File { hash, .. } => {
                    if let Some(stamp) = stamp_of(root, path.as_os_str()) {
                        files.push(StampedFile { path, hash, stamp });
                    }
                }
                Node::Directory(hash) => left.push((path, store.tree(&hash)?)),
                Node::Symlink(_) => {}
            }
        }
    }
    Ok(files)
}

/// Waits, some milliseconds at most, until any change of a file with one of these stamps would change the stamp.
pub(super) fn wait_until_settled(stamps: impl Iterator<Item = Stamp>) {
    let Some(last) = stamps.map(|stamp| stamp.settles_at()).max() else { return };
    let left = u64::try_from(last.saturating_sub(since_epoch_ns(SystemTime::now()))).unwrap_or(0);
    if left > 0 {
        std::thread::sleep(Duration::from_nanos(left).min(SETTLING_MAX));
    }
}

fn stamp_of(root: &OwnedFd, path: &OsStr) -> Option<Stamp> {
    at::stat_at(root, path).ok().flatten().map(|stat| Stamp::of(&stat))
}

fn place_of(folder: &OwnedFd) -> io::Result<(u64, u64)> {
    let stamp = Stamp::of(&rustix::fs::fstat(folder)?);
    Ok((stamp.device, stamp.inode))
}

fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}
