//! Deciding what is done to each file, without changing anything.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::content::{Content, Target, target};
use super::{Applied, ApplyError, Drift, SkipReason, Skipped};
use crate::beneath::{Folder, Seen};
use crate::change_set::{ChangeSet, FileChange, Wanted};
use crate::entry::{Digest, Entry, with_executable};
use crate::hunk::{Hunk, TEXT_BYTES_MAX, as_text};
use crate::isolated::Isolated;
use crate::merge::merged;
use crate::refusal::Refusal;
use crate::selection::Selection;

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub(super) deletions: BTreeMap<PathBuf, Deletion>,
    /// Folders to remove with their modes, the deepest first.
    pub(super) removed: Vec<(PathBuf, u32)>,
    /// Folders to make, the highest first.
    pub(super) made: BTreeSet<PathBuf>,
    pub(super) puts: Vec<Put>,
    /// What is known of the result; `written`, `deleted` and `overwritten` follow from the steps.
    pub(super) applied: Applied,
}

#[derive(Debug)]
pub(super) struct Deletion {
    pub(super) old: Entry,
    pub(super) drifted: bool,
}

#[derive(Debug)]
pub(super) struct Put {
    pub(super) path: PathBuf,
    pub(super) old: Option<Entry>,
    pub(super) new: Entry,
    pub(super) content: Option<Content>,
    pub(super) drifted: bool,
}

/// Decides for all accepted changes.
pub(super) fn decide(
    isolated: &Isolated,
    root: &Folder,
    changes: &ChangeSet,
    selection: &Selection,
    drift: Drift,
) -> Result<Decided, ApplyError> {
    let mut planner = Planner { isolated, root, drift, decided: Decided::default(), drifted: Vec::new() };
    let mut accepted = Vec::new();
    let mut seen = BTreeSet::new();
    for change in changes.files.iter().filter(|change| seen.insert(&change.path)) {
        let wanted = change.wanted(selection);
        if wanted == Wanted::Nothing {
            continue;
        }
        if let Some(refusal) = planner.refusal(change)? {
            planner.skip(&change.path, SkipReason::Refused(refusal));
        } else if let Some(target) = target(isolated.base(), change, &wanted)? {
            accepted.push((change, wanted, target));
        }
    }
    // What goes makes room for what comes.
    for (change, ..) in accepted.iter().filter(|(.., target)| *target == Target::Absent) {
        planner.deletion(change)?;
    }
    let comes = accepted.iter().filter(|(.., target)| *target != Target::Absent);
    planner.emptied(comes.map(|(change, ..)| change.path.as_path()))?;
    for (change, wanted, target) in accepted {
        if target != Target::Absent {
            planner.put(change, &wanted, target)?;
        }
    }
    planner.ways()?;
    if planner.drifted.is_empty() { Ok(planner.decided) } else { Err(ApplyError::Drifted(planner.drifted)) }
}

struct Planner<'a> {
    isolated: &'a Isolated,
    root: &'a Folder,
    drift: Drift,
    decided: Decided,
    /// Files that make the whole apply fail.
    drifted: Vec<PathBuf>,
}

impl Planner<'_> {
    /// Checks again what the change set says: its fields can be written by anybody.
    fn refusal(&self, change: &FileChange) -> Result<Option<Refusal>, ApplyError> {
        let path = &change.path;
        if let Some(refusal) = self.isolated.context().refuses(path).or(change.refused) {
            return Ok(Some(refusal));
        }
        let left_out = self.isolated.left_out().iter().find(|left| path.starts_with(&left.path));
        if let Some(left) = left_out {
            return Ok(Some(left.why));
        }
        if let Some(Entry::Link { target }) = &change.new
            && self.root.leads_outside(path, target).map_err(|source| self.unreadable(path, source))?
        {
            return Ok(Some(Refusal::LeadsOutside));
        }
        Ok(None)
    }

    fn deletion(&mut self, change: &FileChange) -> Result<(), ApplyError> {
        let path = &change.path;
        match self.look(path)? {
            // A folder in its place, or a file in that of its folder, means that it is gone.
            Seen::Absent | Seen::Blocked | Seen::Entry(Entry::Folder { .. }) => {
                self.decided.applied.already.push(path.clone());
            }
            Seen::Entry(Entry::Other) => self.conflict(path, SkipReason::Blocked),
            Seen::Entry(old) => {
                let drifted = !change.old.as_ref().is_some_and(|base| base.same_content(&old));
                if drifted && self.drift != Drift::PreferPresenter {
                    self.conflict(path, SkipReason::Drifted);
                } else {
                    self.decided.deletions.insert(path.clone(), Deletion { old, drifted });
                }
            }
        }
        Ok(())
    }

    /// Finds the folders that deletions leave empty, or that are empty in the place of what comes, and that the presenter
    /// removed too.
    fn emptied<'p>(&mut self, comes: impl Iterator<Item = &'p Path>) -> Result<(), ApplyError> {
        let copy = Folder::open(self.isolated.directory());
        let copy = copy.map_err(|source| self.unreadable(Path::new(""), source))?;
        let mut folders: Vec<PathBuf> = Vec::new();
        for path in self.decided.deletions.keys() {
            folders.extend(path.ancestors().skip(1).filter(|way| !way.as_os_str().is_empty()).map(Path::to_owned));
        }
        for path in comes {
            self.folders_at(path, &mut folders)?;
        }
        folders.sort();
        folders.dedup();
        folders.sort_by_key(|folder| std::cmp::Reverse(folder.components().count()));
        for folder in folders {
            let stays = copy.look_at(&folder).map_err(|source| self.unreadable(&folder, source))?;
            if matches!(stays, Seen::Entry(Entry::Folder { .. })) || self.is_removed(&folder) {
                continue;
            }
            if let Seen::Entry(Entry::Folder { mode }) = self.look(&folder)?
                && self.will_be_empty(&folder)?
            {
                self.decided.removed.push((folder, mode));
            }
        }
        Ok(())
    }

    /// Adds the folder at the path, if there is one, and those in it.
    fn folders_at(&self, path: &Path, folders: &mut Vec<PathBuf>) -> Result<(), ApplyError> {
        let mut below = vec![path.to_owned()];
        while let Some(path) = below.pop() {
            if !matches!(self.look(&path)?, Seen::Entry(Entry::Folder { .. })) {
                continue;
            }
            let entries = self.root.descend(&path).and_then(|open| open.entries());
            let entries = entries.map_err(|source| self.unreadable(&path, source))?;
            let inside = entries.into_iter().filter(|(_, kind)| *kind == FileType::Directory);
            below.extend(inside.map(|(name, _)| path.join(name)));
            folders.push(path);
        }
        Ok(())
    }

    fn will_be_empty(&self, folder: &Path) -> Result<bool, ApplyError> {
        let entries = self.root.descend(folder).and_then(|open| open.entries());
        let entries = entries.map_err(|source| self.unreadable(folder, source))?;
        Ok(entries.iter().all(|(name, _)| {
            let path = folder.join(name);
            self.decided.deletions.contains_key(&path) || self.is_removed(&path)
        }))
    }

    fn is_removed(&self, folder: &Path) -> bool {
        self.decided.removed.iter().any(|(removed, _)| removed == folder)
    }

    fn put(&mut self, change: &FileChange, wanted: &Wanted, target: Target) -> Result<(), ApplyError> {
        let path = &change.path;
        let seen = match self.look(path)? {
            // What is in the way now may be gone by then.
            Seen::Blocked if path.ancestors().skip(1).any(|way| self.decided.deletions.contains_key(way)) => {
                Seen::Absent
            }
            Seen::Entry(Entry::Folder { .. }) if self.is_removed(path) => Seen::Absent,
            seen => seen,
        };
        let current = match seen {
            Seen::Blocked | Seen::Entry(Entry::Folder { .. } | Entry::Other) => {
                if self.is_blocked_by_choice(path) {
                    self.skip(path, SkipReason::Blocked);
                } else {
                    self.conflict(path, SkipReason::Blocked);
                }
                return Ok(());
            }
            Seen::Absent => None,
            Seen::Entry(entry) => Some(entry),
        };
        if current.as_ref().is_some_and(|current| is_there(current, &target)) {
            self.decided.applied.already.push(path.clone());
            return Ok(());
        }
        let stands = match (&change.old, &current) {
            (None, None) => true,
            (Some(base), Some(current)) => base.same_content(current),
            _ => false,
        };
        if stands {
            self.plan(path, current, target, false);
        } else if self.drift == Drift::Fail {
            self.drifted.push(path.clone());
        } else if let Some(merged) = self.merge(change, wanted, current.as_ref(), &target)? {
            self.decided.applied.merged.push(path.clone());
            self.plan(path, current, merged, false);
        } else if self.drift == Drift::PreferPresenter && !matches!(target, Target::File { content: Content::Kept, .. })
        {
            self.plan(path, current, target, true);
        } else {
            self.skip(path, SkipReason::Drifted);
        }
        Ok(())
    }

    /// Whether what is in the way was there from the start, and its deletion was not accepted.
    fn is_blocked_by_choice(&self, path: &Path) -> bool {
        let base = self.isolated.base();
        let was_folder = base.get(path).is_none() && base.reaches(path);
        was_folder || path.ancestors().skip(1).any(|way| base.get(way).is_some())
    }

    fn plan(&mut self, path: &Path, old: Option<Entry>, target: Target, drifted: bool) {
        let (new, content) = match target {
            Target::Absent => return,
            Target::Link(target) => (Entry::Link { target }, None),
            Target::File { content, digest, executable } => {
                let mode = match &old {
                    // The file stays the user's file; the rights to become somebody else end, as with any write.
                    Some(Entry::File { mode, .. }) if *mode & 0o100 != 0 && executable => mode & 0o1777,
                    Some(Entry::File { mode, .. }) if *mode & 0o100 == 0 && !executable => mode & 0o1777,
                    Some(Entry::File { mode, .. }) => with_executable(mode & 0o1777, executable),
                    _ => with_executable(0o644, executable),
                };
                (Entry::File { digest, mode }, Some(content))
            }
        };
        // A file that had gone is not overwritten but restored.
        let drifted = drifted && old.is_some();
        self.decided.puts.push(Put { path: path.to_owned(), old, new, content, drifted });
    }

    /// The accepted hunks on top of what the user has now, if they do not touch each other.
    fn merge(
        &self,
        change: &FileChange,
        wanted: &Wanted,
        current: Option<&Entry>,
        target: &Target,
    ) -> Result<Option<Target>, ApplyError> {
        let (Some(Entry::File { digest, .. }), Some(Entry::File { digest: base, .. })) = (current, &change.old) else {
            return Ok(None);
        };
        let Target::File { content, executable, .. } = target else { return Ok(None) };
        if *content == Content::Kept {
            let target = Target::File { content: Content::Kept, digest: digest.clone(), executable: *executable };
            return Ok(Some(target));
        }
        if !change.by_hunk() {
            return Ok(None);
        }
        let chosen: Vec<&Hunk> = match wanted {
            Wanted::Nothing => return Ok(None),
            Wanted::Whole => change.hunks.iter().collect(),
            Wanted::Part { hunks, .. } => hunks.iter().filter_map(|index| change.hunks.get(*index)).collect(),
        };
        let path = &change.path;
        let old = self.isolated.base().text(base).map_err(|source| self.unreadable(path, source))?;
        let now = self.text(path).map_err(|source| self.unreadable(path, source))?;
        let (Some(old), Some(now)) = (old, now) else { return Ok(None) };
        if Digest::of(now.as_bytes()) != *digest {
            return Ok(None);
        }
        Ok(merged(&old, &now, &chosen).map(|text| Target::File {
            digest: Digest::of(text.as_bytes()),
            content: Content::Text(text),
            executable: *executable,
        }))
    }

    fn text(&self, path: &Path) -> io::Result<Option<String>> {
        let (folder, name) = self.root.parent_of(path)?;
        let mut content = Vec::new();
        folder.file(name)?.take(TEXT_BYTES_MAX + 1).read_to_end(&mut content)?;
        Ok(as_text(&content).map(str::to_owned))
    }

    /// Finds the folders that must be made.
    fn ways(&mut self) -> Result<(), ApplyError> {
        let mut made = BTreeSet::new();
        for put in &self.decided.puts {
            for way in put.path.ancestors().skip(1).filter(|way| !way.as_os_str().is_empty()) {
                if !matches!(self.look(way)?, Seen::Entry(Entry::Folder { .. })) || self.is_removed(way) {
                    made.insert(way.to_owned());
                }
            }
        }
        self.decided.made = made;
        Ok(())
    }

    fn conflict(&mut self, path: &Path, why: SkipReason) {
        if self.drift == Drift::Fail {
            self.drifted.push(path.to_owned());
        } else {
            self.skip(path, why);
        }
    }

    fn skip(&mut self, path: &Path, why: SkipReason) {
        self.decided.applied.skipped.push(Skipped { path: path.to_owned(), why });
    }

    fn look(&self, path: &Path) -> Result<Seen, ApplyError> {
        self.root.look_at(path).map_err(|source| self.unreadable(path, source))
    }

    fn unreadable(&self, path: &Path, source: io::Error) -> ApplyError {
        ApplyError::Prepare { doing: "read", path: self.isolated.context().root().join(path), source }
    }
}

/// Whether the target is there already.
fn is_there(current: &Entry, target: &Target) -> bool {
    match (current, target) {
        (Entry::Link { target: one }, Target::Link(two)) => one == two,
        (Entry::File { digest: one, .. }, Target::File { digest: two, executable, .. }) => {
            one == two && current.executable() == Some(*executable)
        }
        _ => false,
    }
}

/// The folder, of those above `path` that are there and will stay, that is closest to it: what waits there can be
/// renamed to the path.
pub(super) fn waiting_folder(root: &Folder, path: &Path, removed: &[(PathBuf, u32)]) -> io::Result<PathBuf> {
    for way in path.ancestors().skip(1) {
        let stays = !removed.iter().any(|(removed, _)| removed == way);
        let is_root = way.as_os_str() == OsStr::new("");
        if is_root || (stays && matches!(root.look_at(way)?, Seen::Entry(Entry::Folder { .. }))) {
            return Ok(way.to_owned());
        }
    }
    Ok(PathBuf::new())
}
