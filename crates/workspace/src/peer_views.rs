//! What an agent sees of its peers' work.

mod record;
mod repair;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use massgen_protocol::{AgentIndex, SnapshotId};
use rustix::fs::RenameFlags;
use rustix::io::Errno;

use self::record::{Record, StampedFile, stamp_files, wait_until_settled};
use self::repair::Repair;
use crate::lock::Lock;
use crate::stat_cache::StatCache;
use crate::store::{Materialised, Reuse, Sharing, SnapshotStore, StoreError, Writer};
use crate::tree::Tree;
use crate::{at, remove};

/// The private directory in which one agent sees what the agents of its team published: `agent1`, `agent2` and so
/// on, each a writable copy of a snapshot.
///
/// Beside the directory, out of the agent's reach, stands a folder `.<name>.views` with what is needed to make the
/// copies appear whole, and to see which of them were changed since.
#[derive(Debug, Clone)]
pub struct PeerViews {
    directory: PathBuf,
}

/// What [`PeerViews::show`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prepared {
    /// How many files the agent sees.
    pub files: u64,
    /// How many bytes they hold together.
    pub bytes: u64,
    /// How many of those bytes were written by this call without copying them: reflinks, and files of the view
    /// before that are the same in this one.
    pub shared_bytes: u64,
    /// How many of those bytes were copied by this call.
    pub copied_bytes: u64,
    /// How many views were left as they were.
    pub unchanged: usize,
    /// How many views showed the right snapshot but had been changed by the agent, and were restored in place.
    pub restored: usize,
    /// How many views are new or show another snapshot than before.
    pub replaced: usize,
    /// How long it took.
    pub duration: Duration,
}

/// Why [`PeerViews`] could not be prepared or cleared.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The snapshot could not be written.
    #[error("could not write what a peer published to {path}")]
    Store {
        /// The view.
        path: PathBuf,
        /// What went wrong.
        source: StoreError,
    },
    /// The system refused.
    #[error("could not {doing} {path}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl PeerViews {
    /// The views in `directory`, which [`Self::show`] makes when there is none. Its parent must be writable.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Where the views are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes exactly these snapshots visible, each under its author's anonymous name, and nothing else.
    ///
    /// A view that shows another snapshot than before is replaced in one step, so that whoever looks sees the one or
    /// the other, whole. One that shows the right snapshot is left alone where it is untouched; what its owner
    /// changed, added or removed in it is restored in place.
    ///
    /// # Errors
    /// [`ViewError`]; then each view is as it was, or as it was to be.
    pub fn show(&self, store: &SnapshotStore, shown: &[(AgentIndex, SnapshotId)]) -> Result<Prepared, ViewError> {
        let started = Instant::now();
        let place = Place::open(&self.directory)?;
        let _in_use = store.in_use().map_err(|error| place.store_failed(None, error))?;
        let shown: BTreeMap<AgentIndex, &SnapshotId> = shown.iter().map(|(agent, id)| (*agent, id)).collect();
        place.take_away_others(&shown)?;

        let mut prepared = Prepared::default();
        let mut staged = Vec::new();
        for (agent, id) in shown {
            let top = store.top(id).map_err(|error| place.store_failed(Some(agent), error))?;
            let current = place.current(agent);
            if let Some((folder, record)) = &current
                && record.snapshot == *id
            {
                place.restore(store, agent, folder, record, top, &mut prepared)?;
            } else {
                staged.push(place.stage(store, agent, id, top, current.as_ref(), &mut prepared)?);
            }
        }
        place.settle(&mut staged);
        for staged in &staged {
            place.switch(staged)?;
        }
        place.empty_staging()?;
        for staged in staged {
            place.record(staged)?;
            prepared.replaced += 1;
        }
        prepared.duration = started.elapsed();
        Ok(prepared)
    }

    /// Removes the directory and all that belongs to it.
    ///
    /// # Errors
    /// [`ViewError::Io`] when something cannot be removed.
    pub fn clear(&self) -> Result<(), ViewError> {
        let Ok(parent) = self.directory.parent().map_or(Err(io::Error::other("")), at::open_directory) else {
            return Ok(());
        };
        let name = self.directory.file_name().unwrap_or_default();
        let failed = |error| ViewError::Io { doing: "remove", path: self.directory.clone(), source: error };
        if at::stat_at(&parent, name).map_err(failed)?.is_none() && !state_directory(&self.directory).exists() {
            return Ok(());
        }
        let place = Place::open(&self.directory)?;
        // The records go first: what is removed in part must not pass for whole.
        remove::empty(&place.state, |name| name == "lock").map_err(failed)?;
        remove::remove_at(&parent, name).map_err(failed)?;
        remove::remove_at(&parent, state_directory(&self.directory).file_name().unwrap_or_default()).map_err(failed)
    }
}

/// The directories of a [`PeerViews`], open and locked.
struct Place {
    path: PathBuf,
    views: OwnedFd,
    state_path: PathBuf,
    state: OwnedFd,
    /// Where views are written before they are shown, and where they go after.
    staging: OwnedFd,
    _alone: Lock,
}

/// A view that is ready to be shown.
struct Staged {
    agent: AgentIndex,
    snapshot: SnapshotId,
    folder: OwnedFd,
    tree: Vec<StampedFile>,
    stamps: StatCache,
    /// Whether files of the view before are files of this one too.
    reused: bool,
}

impl Place {
    fn open(path: &Path) -> Result<Self, ViewError> {
        let failed = |error: io::Error| ViewError::Io { doing: "use", path: path.to_path_buf(), source: error };
        let missing = || failed(io::Error::from(io::ErrorKind::InvalidFilename));
        let (Some(parent_path), Some(name)) = (path.parent(), path.file_name()) else { return Err(missing()) };
        let parent_path = if parent_path == Path::new("") { Path::new(".") } else { parent_path };
        std::fs::create_dir_all(parent_path).map_err(failed)?;
        let parent = at::open_directory(parent_path).map_err(failed)?;
        let state_path = state_directory(path);
        let state_name = state_path.file_name().unwrap_or_default();
        at::ensure_directory_at(&parent, state_name).map_err(failed)?;
        let state = at::open_directory_at(&parent, state_name).map_err(failed)?;
        let alone = Lock::alone(&state_path.join("lock")).map_err(failed)?;
        at::ensure_directory_at(&state, OsStr::new("staging")).map_err(failed)?;
        let staging = at::open_directory_at(&state, OsStr::new("staging")).map_err(failed)?;
        remove::empty(&staging, |_| false).map_err(failed)?;
        at::ensure_directory_at(&parent, name).map_err(failed)?;
        let views = remove::open_again(&parent, name).map_err(failed)?;
        Ok(Self { path: path.to_path_buf(), views, state_path, state, staging, _alone: alone })
    }

    /// Takes everything out of sight that is no view to be shown.
    fn take_away_others(&self, shown: &BTreeMap<AgentIndex, &SnapshotId>) -> Result<(), ViewError> {
        let names: Vec<OsString> = shown.keys().map(|agent| name_of(*agent)).collect();
        let failed = |error: io::Error| self.failed("clean up", "", error);
        for (number, name) in at::names(&self.views).map_err(failed)?.into_iter().enumerate() {
            if !names.contains(&name) {
                self.make_movable(&name);
                let away = OsString::from(format!("away-{number}"));
                rustix::fs::renameat(&self.views, &name, &self.staging, &away).map_err(|error| failed(error.into()))?;
            }
        }
        for name in at::names(&self.state).map_err(failed)? {
            if !names.contains(&name) && name != "lock" && name != "staging" {
                remove::remove_at(&self.state, &name).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// The view of `agent` that is shown now, if it is known what it was made from.
    fn current(&self, agent: AgentIndex) -> Option<(OwnedFd, Record)> {
        let name = name_of(agent);
        let record = Record::load(&self.state, &name)?;
        let folder = remove::open_again(&self.views, &name).ok()?;
        record.is_of(&folder).then_some((folder, record))
    }

    fn restore(
        &self,
        store: &SnapshotStore,
        agent: AgentIndex,
        folder: &OwnedFd,
        record: &Record,
        top: Tree,
        prepared: &mut Prepared,
    ) -> Result<(), ViewError> {
        let path = self.path.join(agent.to_string());
        let failed = |error| self.store_failed(Some(agent), error);
        let repair = Repair::new(store, &path, &self.staging, &record.stamps).of(folder, top).map_err(failed)?;
        prepared.files += repair.files;
        prepared.bytes += repair.bytes;
        prepared.shared_bytes += repair.written.reflinked_bytes;
        prepared.copied_bytes += repair.written.copied_bytes;
        if !repair.changed {
            prepared.unchanged += 1;
            return Ok(());
        }
        prepared.restored += 1;
        let record = Record::new(record.snapshot.clone(), folder, repair.stamps);
        self.save(agent, record)
    }

    /// Writes a view out of sight, taking over what is the same in the one before.
    fn stage(
        &self,
        store: &SnapshotStore,
        agent: AgentIndex,
        id: &SnapshotId,
        top: Tree,
        current: Option<&(OwnedFd, Record)>,
        prepared: &mut Prepared,
    ) -> Result<Staged, ViewError> {
        let name = name_of(agent);
        let path = self.state_path.join("staging").join(&name);
        let failed = |error: io::Error| self.failed("write", &name, error);
        at::ensure_directory_at(&self.staging, &name).map_err(failed)?;
        let folder = at::open_directory_at(&self.staging, &name).map_err(failed)?;
        let reuse = current.map(|(folder, record)| Reuse { directory: folder, stamps: &record.stamps });
        let writer = Writer::new(store, &folder, &path, Sharing::Private, reuse);
        let failed = |error| self.store_failed(Some(agent), error);
        let written: Materialised = writer.folder(Path::new(""), top.clone()).map_err(failed)?;
        prepared.files += written.files;
        prepared.bytes += written.bytes;
        prepared.shared_bytes += written.reflinked_bytes + written.linked_bytes;
        prepared.copied_bytes += written.copied_bytes;
        let tree = stamp_files(store, &folder, top).map_err(failed)?;
        let reused = written.linked_bytes > 0;
        Ok(Staged { agent, snapshot: id.clone(), folder, tree, stamps: StatCache::default(), reused })
    }

    /// Waits until any change of the staged files would be seen, and notes what they are.
    fn settle(&self, staged: &mut [Staged]) {
        wait_until_settled(staged.iter().flat_map(|staged| staged.tree.iter().map(|file| file.stamp)));
        let now = SystemTime::now();
        for staged in staged {
            for file in &staged.tree {
                staged.stamps.note(file.stamp, file.hash, now);
            }
        }
    }

    /// Shows a staged view in the place of what is there; that goes to the staging folder.
    fn switch(&self, staged: &Staged) -> Result<(), ViewError> {
        let name = name_of(staged.agent);
        let failed = |error: Errno| self.failed("replace", &name, error);
        let (staging, views) = (self.staging.as_fd(), self.views.as_fd());
        self.make_movable(&name);
        match rustix::fs::renameat_with(staging, &name, views, &name, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(()),
            Err(Errno::NOENT) => rustix::fs::renameat(staging, &name, views, &name).map_err(failed),
            // A file system that cannot exchange: for a moment nothing is there, but never a part.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                rustix::fs::renameat(views, &name, staging, "before").map_err(failed)?;
                rustix::fs::renameat(staging, &name, views, &name).map_err(failed)?;
                remove::remove_at(staging, OsStr::new("before")).map_err(|error| self.failed("remove", &name, error))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// A folder that its owner made read-only cannot be moved to another folder. That it stays so is an error then.
    fn make_movable(&self, name: &OsStr) {
        let _ = remove::open_again(&self.views, name);
    }

    fn empty_staging(&self) -> Result<(), ViewError> {
        remove::empty(&self.staging, |_| false).map_err(|error| self.failed("clean up", "", error))
    }

    /// Notes what is shown now. Without that the view is written anew the next time.
    fn record(&self, staged: Staged) -> Result<(), ViewError> {
        let mut stamps = staged.stamps;
        if staged.reused {
            // Removing the view before changed the number of links, and so the stamps, of the files taken over.
            let mut moved = StatCache::default();
            let now = SystemTime::now();
            for file in &staged.tree {
                if let Some(stamp) = file.stamp_now(&staged.folder)
                    && let Some(hash) = known_still(&stamps, &stamp, file)
                {
                    moved.note_moved(stamp, hash, now);
                }
            }
            stamps = moved;
        }
        let record = Record::new(staged.snapshot, &staged.folder, stamps);
        self.save(staged.agent, record)
    }

    fn save(&self, agent: AgentIndex, record: std::io::Result<Record>) -> Result<(), ViewError> {
        let name = name_of(agent);
        let saved = record.and_then(|record| record.save(&self.state, &self.staging, &name));
        saved.map_err(|error| self.failed("note what is in", &name, error))
    }

    fn failed(&self, doing: &'static str, name: impl AsRef<OsStr>, error: impl Into<io::Error>) -> ViewError {
        ViewError::Io { doing, path: self.path.join(name.as_ref()), source: error.into() }
    }

    fn store_failed(&self, agent: Option<AgentIndex>, source: StoreError) -> ViewError {
        ViewError::Store { path: agent.map_or(self.path.clone(), |agent| self.path.join(agent.to_string())), source }
    }
}

fn known_still(stamps: &StatCache, stamp: &crate::stamp::Stamp, file: &StampedFile) -> Option<crate::ContentHash> {
    stamps.known_moved(stamp).filter(|hash| *hash == file.hash)
}

fn name_of(agent: AgentIndex) -> OsString {
    OsString::from(agent.to_string())
}

/// Where a [`PeerViews`] keeps what the agent must not reach.
fn state_directory(views: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(views.file_name().unwrap_or_default());
    name.push(".views");
    views.with_file_name(name)
}
