//! What a path is granted.

use std::path::{Path, PathBuf};

use super::places::{FilePlaces, is_kept, is_secret};

/// The places of a call, as they are on disk.
#[derive(Debug)]
pub(super) struct Grants {
    grants: Vec<Grant>,
    protected: Vec<PathBuf>,
    hidden: Vec<PathBuf>,
}

/// One place.
#[derive(Debug)]
pub(super) struct Grant {
    /// As it was given: the form that models know.
    pub(super) given: PathBuf,
    /// Without links.
    pub(super) real: PathBuf,
    pub(super) kind: PlaceKind,
    pub(super) is_file: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlaceKind {
    Workspace,
    Views,
    Readable,
    Writable,
}

/// What may be done with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Nobody granted it.
    None,
    /// It likely holds keys, or tells of other agents.
    Secret,
    /// It may be read; and why not written.
    Read(ReadOnly),
    /// It may be read and written.
    Write,
}

/// Why a path is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadOnly {
    Place,
    Protected,
    Kept,
}

impl Grants {
    pub(super) fn new(places: &FilePlaces) -> Self {
        let one = |path, kind| [(path, kind)].into_iter();
        let many = |paths, kind| std::iter::repeat(kind).zip(paths).map(|(kind, path)| (path, kind));
        let places_of_kinds = one(&places.workspace, PlaceKind::Workspace)
            .chain(one(&places.views, PlaceKind::Views))
            .chain(many(places.writable.iter(), PlaceKind::Writable))
            .chain(many(places.readable.iter(), PlaceKind::Readable));
        let grants = places_of_kinds.filter_map(|(given, kind)| Grant::new(given, kind)).collect();
        let protected = places.protected.iter().map(|path| real_path(path)).collect();
        let hidden = places.hidden.iter().map(|path| real_path(path)).collect();
        Self { grants, protected, hidden }
    }

    pub(super) fn workspace(&self) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.kind == PlaceKind::Workspace)
    }

    pub(super) fn views(&self) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.kind == PlaceKind::Views)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Grant> {
        self.grants.iter()
    }

    /// What may be done with `path`, which is without links.
    pub(super) fn access(&self, path: &Path) -> Access {
        let Some(grant) = self.grant_of(path) else { return Access::None };
        let below = grant.below(path);
        let is_users = matches!(grant.kind, PlaceKind::Readable | PlaceKind::Writable);
        if is_users && (is_secret(&below) || self.hidden.iter().any(|hidden| path.starts_with(hidden))) {
            return Access::Secret;
        }
        if grant.kind == PlaceKind::Readable {
            return Access::Read(ReadOnly::Place);
        }
        let depth = grant.depth();
        if self.protected.iter().any(|kept| path.starts_with(kept) && kept.components().count() >= depth) {
            return Access::Read(ReadOnly::Protected);
        }
        if grant.kind != PlaceKind::Workspace && below.iter().any(is_kept) {
            return Access::Read(ReadOnly::Kept);
        }
        Access::Write
    }

    /// Whether a walk may pass through `path`: to it or to a place beneath it.
    pub(super) fn may_pass(&self, path: &Path) -> bool {
        matches!(self.access(path), Access::Read(_) | Access::Write)
            || self.grants.iter().any(|grant| grant.real.starts_with(path))
    }

    /// Whether a place or a protected path lies at or beneath `path`: then it cannot go.
    pub(super) fn holds_place(&self, path: &Path) -> bool {
        let mut places = self.grants.iter().map(|grant| &grant.real).chain(&self.protected);
        places.any(|place| place.starts_with(path))
    }

    /// The place that decides about `path`: the deepest, and of equally deep ones the earliest.
    pub(super) fn grant_of(&self, path: &Path) -> Option<&Grant> {
        let granting = self.grants.iter().rev().filter(|grant| grant.covers(path));
        granting.max_by_key(|grant| grant.depth())
    }

    /// `path`, which is without links, in the form that the model knows: relative to its workspace where it can be.
    pub(super) fn shown(&self, path: &Path) -> String {
        let Some(grant) = self.grant_of(path) else { return path.display().to_string() };
        let below = path.strip_prefix(&grant.real).unwrap_or(Path::new(""));
        let shown = match grant.kind {
            PlaceKind::Workspace if below.as_os_str().is_empty() => PathBuf::from("."),
            PlaceKind::Workspace => below.to_owned(),
            _ if below.as_os_str().is_empty() => grant.given.clone(),
            _ => grant.given.join(below),
        };
        shown.display().to_string()
    }
}

impl Grant {
    fn new(given: &Path, kind: PlaceKind) -> Option<Self> {
        if !given.is_absolute() {
            return None;
        }
        let real = std::fs::canonicalize(given).ok()?;
        let metadata = std::fs::symlink_metadata(&real).ok()?;
        Some(Self { given: given.to_owned(), real, kind, is_file: !metadata.is_dir() })
    }

    fn covers(&self, path: &Path) -> bool {
        if self.is_file { path == self.real } else { path.starts_with(&self.real) }
    }

    /// The part of `path` below it; of a file its name, for that says what it is.
    fn below(&self, path: &Path) -> PathBuf {
        if self.is_file {
            return self.real.file_name().map(PathBuf::from).unwrap_or_default();
        }
        path.strip_prefix(&self.real).map(Path::to_owned).unwrap_or_default()
    }

    fn depth(&self) -> usize {
        // A file's grant is about one name in its folder, and decides over the folder's.
        self.real.components().count() + usize::from(self.is_file)
    }
}

/// `path` without links, as far as it exists.
fn real_path(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    let mut existing = path;
    loop {
        if let Ok(real) = std::fs::canonicalize(existing) {
            return missing.iter().rev().fold(real, |path, name| path.join(name));
        }
        match (existing.parent(), existing.file_name()) {
            (Some(parent), Some(name)) => {
                missing.push(name);
                existing = parent;
            }
            _ => return path.to_owned(),
        }
    }
}
