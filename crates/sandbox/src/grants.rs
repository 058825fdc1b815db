//! Granted paths: what they really are, and which of them decides about a file.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, openat2};
use rustix::io::Errno;

use crate::plan::{HiddenKind, Identity};
use crate::{Grants, StartError, system};

/// How many symbolic links one path may go through: as many as the kernel follows.
const LINKS_MAX: usize = 40;

/// Parts of the system that are made anew for each job, or that would open the box.
const NEVER: [&str; 4] = ["/proc", "/sys", "/dev", "/run/massgen-sandbox"];

/// The trees that jobs of a driver were ever allowed to write to. What is found there may have been planted.
#[derive(Debug, Default)]
pub(crate) struct WrittenTrees(Mutex<BTreeSet<PathBuf>>);

/// A granted path, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Without symbolic links.
    pub(crate) path: PathBuf,
    pub(crate) access: Access,
    pub(crate) identity: Identity,
}

/// What a grant allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    Read,
    Write,
    Connect,
    Protected,
    Hidden(HiddenKind),
}

impl WrittenTrees {
    /// Resolves the grants of a job. Shallower paths come first, and of the same path there is one grant: what is
    /// hidden is nothing else, what is protected is not written, what is written is also read. Hidden paths are left
    /// out where there is nothing to hide.
    ///
    /// A symbolic link in a tree that a job may write to, now or earlier, is not followed: it could lead anywhere.
    pub(crate) fn resolve(&self, grants: &Grants) -> Result<Vec<Grant>, StartError> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut resolved = Vec::new();
        let mut writes: Vec<&PathBuf> = grants.write.iter().collect();
        // Shallower ones first, so that the deeper ones are seen to lie within them.
        writes.sort_by_key(|path| path.components().count());
        for path in writes {
            let grant = resolve(path, Access::Write, &written)?;
            written.insert(grant.path.clone());
            resolved.push(grant);
        }
        let others =
            [(&grants.read, Access::Read), (&grants.protected, Access::Protected), (&grants.sockets, Access::Connect)];
        for (paths, access) in others {
            for path in paths {
                resolved.push(resolve(path, access, &written)?);
            }
        }
        let mut hidden = Vec::new();
        for path in &grants.hidden {
            let found = resolve_hidden(path, &written)?;
            let is_seen = |path: &Path| resolved.iter().any(|grant| path.starts_with(&grant.path));
            hidden.extend(found.filter(|hidden| system::contains(&hidden.path) || is_seen(&hidden.path)));
        }
        resolved.append(&mut hidden);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(written);
        resolved.sort_by(|one, other| {
            let key = |grant: &Grant| (grant.path.components().count(), grant.path.clone(), grant.access);
            key(one).cmp(&key(other))
        });
        // The strongest word on a path comes last.
        resolved.reverse();
        resolved.dedup_by(|weaker, stronger| weaker.path == stronger.path);
        resolved.reverse();
        let mut kept: Vec<Grant> = Vec::new();
        for grant in resolved {
            let above = grant.path.parent().and_then(|parent| deciding(&kept, parent));
            if !(grant.is_hidden() && above.is_some_and(Grant::is_hidden)) {
                kept.push(grant);
            }
        }
        Ok(kept)
    }
}

impl Grant {
    pub(crate) fn is_hidden(&self) -> bool {
        matches!(self.access, Access::Hidden(_))
    }
}

impl WrittenTrees {
    /// Where a job works, without symbolic links: that is how the box knows it. A link that a job could have planted
    /// stays as it is, and leads where the box lets it.
    pub(crate) fn working_directory(&self, cwd: &Path) -> Result<PathBuf, StartError> {
        let refused = |problem: &str| StartError::Grant { path: cwd.to_path_buf(), problem: problem.to_owned() };
        if !cwd.is_absolute() {
            return Err(refused("the working directory is not absolute"));
        }
        if cwd.components().any(|component| component == Component::ParentDir) {
            return Err(refused("the working directory contains `..`"));
        }
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(real_path(cwd, &written).unwrap_or_else(|_| cwd.to_path_buf()))
    }
}

/// The grant that decides about a path.
pub(crate) fn deciding<'grants>(grants: &'grants [Grant], path: &Path) -> Option<&'grants Grant> {
    grants.iter().rev().find(|grant| path.starts_with(&grant.path))
}

/// Whether a job may work in a folder: it belongs to the system or to what is granted, and is not hidden.
pub(crate) fn contain(grants: &[Grant], folder: &Path) -> bool {
    deciding(grants, folder).map_or_else(|| system::contains(folder), |grant| !grant.is_hidden())
}

fn resolve(path: &Path, access: Access, written: &BTreeSet<PathBuf>) -> Result<Grant, StartError> {
    let refused = |problem: String| StartError::Grant { path: path.to_path_buf(), problem };
    let real = real_path(path, written).map_err(|unresolved| refused(unresolved.to_string()))?;
    if real.parent().is_none() || NEVER.iter().any(|never| real.starts_with(never) && !real.starts_with("/dev/shm/")) {
        return Err(refused("it is a part of the system that no command gets".to_owned()));
    }
    let opened = open(&real, true).and_then(|file| Ok(rustix::fs::fstat(file)?));
    let metadata = opened.map_err(|error| refused(format!("it cannot be opened ({error})")))?;
    if access == Access::Connect && !real.symlink_metadata().is_ok_and(|file| file.file_type().is_socket()) {
        return Err(refused("it is not a socket".to_owned()));
    }
    Ok(Grant { path: real, access, identity: identity_of(&metadata) })
}

/// What is really hidden by a path; `None` when there is nothing.
fn resolve_hidden(path: &Path, written: &BTreeSet<PathBuf>) -> Result<Option<Grant>, StartError> {
    let refused = |problem: String| StartError::Grant { path: path.to_path_buf(), problem };
    let unseen =
        |error: &dyn std::fmt::Display| refused(format!("whether there is something to hide is unknown ({error})"));
    let absent = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP];
    let real = match walk(path, written, true) {
        Ok(real) => real,
        Err(Unresolved::TooManyLinks | Unresolved::Planted(_)) => return Ok(None),
        Err(Unresolved::System(_, error))
            if Errno::from_io_error(&error).is_some_and(|error| absent.contains(&error)) =>
        {
            return Ok(None);
        }
        Err(unresolved @ Unresolved::System(..)) => return Err(unseen(&unresolved)),
        Err(unresolved) => return Err(refused(unresolved.to_string())),
    };
    if real.parent().is_none() || NEVER.iter().any(|never| real.starts_with(never) && !real.starts_with("/dev/shm/")) {
        return Err(refused("it is a part of the system that cannot be hidden".to_owned()));
    }
    let metadata = match open(&real, true).and_then(|file| Ok(rustix::fs::fstat(file)?)) {
        Ok(metadata) => metadata,
        // It was there a moment ago; a symbolic link in its place is none that was to be hidden.
        Err(error) if Errno::from_io_error(&error).is_some_and(|error| absent.contains(&error)) => return Ok(None),
        Err(error) => return Err(unseen(&error)),
    };
    let is_directory = FileType::from_raw_mode(metadata.st_mode).is_dir();
    let kind = if is_directory { HiddenKind::Directory } else { HiddenKind::File };
    Ok(Some(Grant { path: real, access: Access::Hidden(kind), identity: identity_of(&metadata) }))
}

/// Why it is not known what a path leads to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unresolved {
    #[error("it is not absolute")]
    Relative,
    #[error("it contains `..`")]
    Upwards,
    #[error("`{}` is a symbolic link in a folder that commands may write to", _0.display())]
    Planted(PathBuf),
    #[error("it goes through too many symbolic links")]
    TooManyLinks,
    #[error("`{}`: {_1}", _0.display())]
    System(PathBuf, io::Error),
}

/// The path with its symbolic links followed, but for those in trees that jobs write to.
pub(crate) fn real_path(path: &Path, written: &BTreeSet<PathBuf>) -> Result<PathBuf, Unresolved> {
    walk(path, written, false)
}

/// Follows symbolic links. Those in a tree that jobs write to are followed if so asked, but must not lead out of it.
fn walk(path: &Path, written: &BTreeSet<PathBuf>, within_trees: bool) -> Result<PathBuf, Unresolved> {
    if !path.is_absolute() {
        return Err(Unresolved::Relative);
    }
    let mut bounds: Vec<(PathBuf, &PathBuf)> = Vec::new();
    let mut real = PathBuf::from("/");
    let mut open: Vec<OsString> = parts(path)?;
    let mut links = 0;
    while let Some(name) = open.pop() {
        if name == ".." {
            real.pop();
            continue;
        }
        let next = real.join(&name);
        let metadata = next.symlink_metadata().map_err(|error| Unresolved::System(next.clone(), error))?;
        if !metadata.is_symlink() {
            real = next;
            continue;
        }
        // The set is in order: the last one is the deepest.
        if let Some(tree) = written.iter().rev().find(|tree| real.starts_with(tree)) {
            if !within_trees {
                return Err(Unresolved::Planted(next));
            }
            bounds.push((next.clone(), tree));
        }
        links += 1;
        if links > LINKS_MAX {
            return Err(Unresolved::TooManyLinks);
        }
        let target = next.read_link().map_err(|error| Unresolved::System(next.clone(), error))?;
        if target.is_absolute() {
            real = PathBuf::from("/");
        }
        open.extend(link_parts(&target));
    }
    if let Some((link, _)) = bounds.into_iter().find(|(_, tree)| !real.starts_with(tree)) {
        return Err(Unresolved::Planted(link));
    }
    Ok(real)
}

/// The parts of a path that was asked for, last one first. Nobody grants with `..`.
fn parts(path: &Path) -> Result<Vec<OsString>, Unresolved> {
    if path.components().any(|component| component == Component::ParentDir) {
        return Err(Unresolved::Upwards);
    }
    Ok(link_parts(path))
}

fn link_parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter(|component| matches!(component, Component::Normal(_) | Component::ParentDir));
    parts.map(|component| component.as_os_str().to_owned()).rev().collect()
}

/// Opens a path as a place, without following symbolic links if so asked.
pub(crate) fn open(path: &Path, strict: bool) -> io::Result<OwnedFd> {
    let resolve = if strict { ResolveFlags::NO_SYMLINKS } else { ResolveFlags::empty() };
    Ok(openat2(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)?)
}

/// Which file a path leads to. Symbolic links are not followed.
pub(crate) fn identity(path: &Path) -> io::Result<Identity> {
    Ok(identity_of(&rustix::fs::fstat(open(path, true)?)?))
}

pub(crate) fn identity_of(metadata: &Stat) -> Identity {
    Identity { device: metadata.st_dev, inode: metadata.st_ino }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["own", "own/deep", "peer", "secret"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        (folder, root)
    }

    #[test]
    fn links_are_followed_only_where_no_job_can_plant_them() {
        let (_folder, root) = folder();
        symlink(root.join("own"), root.join("link")).unwrap();
        let trees = WrittenTrees::default();
        let grants = Grants { write: vec![root.join("link/deep")], ..Grants::default() };
        assert_eq!(trees.resolve(&grants).unwrap()[0].path, root.join("own/deep"));

        // One job's tree is closed to links for all later jobs.
        let peer = Grants { write: vec![root.join("peer")], ..Grants::default() };
        trees.resolve(&peer).unwrap();
        symlink(root.join("secret"), root.join("peer/out")).unwrap();
        let through = Grants { read: vec![root.join("peer/out")], ..Grants::default() };
        let error = trees.resolve(&through).unwrap_err().to_string();
        assert!(error.contains("symbolic link"), "{error}");

        let own = Grants { write: vec![root.join("own")], protected: vec![root.join("own/git")], ..Grants::default() };
        symlink("../secret", root.join("own/git")).unwrap();
        assert!(trees.resolve(&own).is_err());
    }

    #[test]
    fn deeper_and_stronger_grants_win() {
        let (_folder, root) = folder();
        let grants = Grants {
            read: vec![root.clone(), root.join("own/deep"), root.join("own")],
            write: vec![root.join("own"), root.join("peer")],
            protected: vec![root.join("peer")],
            ..Grants::default()
        };
        let resolved = WrittenTrees::default().resolve(&grants).unwrap();
        let access = |path: &str| deciding(&resolved, &root.join(path)).map(|grant| grant.access);
        assert_eq!(access("own/file"), Some(Access::Write));
        assert_eq!(access("own/deep/file"), Some(Access::Read));
        assert_eq!(access("peer"), Some(Access::Protected));
        assert_eq!(access("other"), Some(Access::Read));
        assert_eq!(deciding(&resolved, Path::new("/etc")), None);
        assert_eq!(resolved.len(), 4);
    }

    #[test]
    fn what_is_hidden_is_what_a_path_leads_to_unless_a_job_decided_that() {
        let (_folder, root) = folder();
        for name in ["own/key", "own/deep/key", "peer/key", "secret/key"] {
            fs::write(root.join(name), "").unwrap();
        }
        // Of the user, in a folder that no job writes to.
        symlink("secret", root.join("trusted")).unwrap();
        // In folders that jobs write to: within the tree, and out of it.
        symlink("deep/key", root.join("own/inward")).unwrap();
        symlink(root.join("peer"), root.join("own/outward")).unwrap();
        symlink("loop", root.join("own/loop")).unwrap();
        let resolved = |hidden: &[&str]| {
            let grants = Grants {
                read: vec![root.join("secret"), root.join("peer")],
                write: vec![root.join("own")],
                hidden: hidden.iter().map(|name| root.join(name)).collect(),
                ..Grants::default()
            };
            let resolved = WrittenTrees::default().resolve(&grants).unwrap();
            let hidden = resolved.into_iter().filter(Grant::is_hidden).map(|grant| grant.path);
            hidden.map(|path| path.strip_prefix(&root).unwrap().to_path_buf()).collect::<Vec<_>>()
        };
        assert_eq!(resolved(&["trusted/key"]), [PathBuf::from("secret/key")]);
        assert_eq!(resolved(&["own/inward"]), [PathBuf::from("own/deep/key")]);
        for nothing in ["own/outward", "own/outward/key", "own/loop", "own/absent", "own/key/absent", "elsewhere"] {
            assert_eq!(resolved(&[nothing]), Vec::<PathBuf>::new(), "{nothing}");
        }
        // What is in a hidden folder needs no mask of its own.
        assert_eq!(resolved(&["own/deep/key", "own/deep"]), [PathBuf::from("own/deep")]);
        for path in ["/", "/proc/1", "relative", "/usr/../etc"] {
            let grants = Grants { hidden: vec![path.into()], ..Grants::default() };
            assert!(WrittenTrees::default().resolve(&grants).is_err(), "{path}");
        }
    }

    #[test]
    fn what_would_open_the_box_is_refused() {
        for path in ["/", "/proc", "/proc/1/root", "/dev", "relative", "/usr/../root", "/does/not/exist"] {
            let grants = Grants { read: vec![path.into()], ..Grants::default() };
            assert!(WrittenTrees::default().resolve(&grants).is_err(), "{path}");
        }
    }
}
