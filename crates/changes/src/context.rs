//! What a user allows to be changed.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::names::{has_excluded_name, is_plain};
use crate::refusal::Refusal;

/// A folder or a file of the user that may be changed, through an isolated copy only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextPath {
    path: PathBuf,
    kind: ContextKind,
    protected: Vec<PathBuf>,
    not_inside: Vec<PathBuf>,
}

/// What a context path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextKind {
    /// A folder, with all that is in it.
    Folder,
    /// Exactly one file.
    File,
}

/// Why something cannot be a context path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextPathError {
    /// It is not there, or cannot be reached.
    #[error("cannot use the context path {}: name a folder or a file that exists", path.display())]
    Unreachable {
        /// As given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A device, a pipe, a socket.
    #[error("the context path {} is neither a folder nor a file", .0.display())]
    NeitherFolderNorFile(PathBuf),
    /// The root of the file system, or a path without a name.
    #[error("the context path {} is too wide: name a folder in it", .0.display())]
    TooWide(PathBuf),
}

impl ContextPath {
    /// Looks at `path` and keeps it in its canonical form. `protected` paths, relative to the context path or absolute,
    /// are never written or deleted, nor is anything below them; they need not exist. One that is not inside the context
    /// path has no effect, see [`ContextPath::not_inside`].
    ///
    /// # Errors
    ///
    /// The path is not there, or is neither folder nor file.
    pub fn new(path: &Path, protected: &[PathBuf]) -> Result<Self, ContextPathError> {
        let unreachable = |source| ContextPathError::Unreachable { path: path.to_owned(), source };
        let canonical = path.canonicalize().map_err(unreachable)?;
        let metadata = canonical.metadata().map_err(unreachable)?;
        let kind = match (metadata.is_dir(), metadata.is_file()) {
            (true, _) => ContextKind::Folder,
            (_, true) => ContextKind::File,
            _ => return Err(ContextPathError::NeitherFolderNorFile(path.to_owned())),
        };
        if canonical.file_name().is_none() {
            return Err(ContextPathError::TooWide(path.to_owned()));
        }
        let mut context = Self { path: canonical, kind, protected: Vec::new(), not_inside: Vec::new() };
        for path in protected {
            context.protect(path);
        }
        Ok(context)
    }

    /// The canonical path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Folder or file.
    #[must_use]
    pub fn kind(&self) -> ContextKind {
        self.kind
    }

    /// The protected paths, relative to [`ContextPath::root`].
    #[must_use]
    pub fn protected(&self) -> &[PathBuf] {
        &self.protected
    }

    /// Protected paths that have no effect because they are not inside the context path: worth a warning.
    #[must_use]
    pub fn not_inside(&self) -> &[PathBuf] {
        &self.not_inside
    }

    /// The folder that paths of changes are relative to: the context path, or the folder that holds the file.
    #[must_use]
    pub fn root(&self) -> &Path {
        match self.kind {
            ContextKind::Folder => &self.path,
            ContextKind::File => self.path.parent().unwrap_or(&self.path),
        }
    }

    /// Why the path, relative to the root, must not be changed, if so. Says nothing of what is there.
    #[must_use]
    pub fn refuses(&self, path: &Path) -> Option<Refusal> {
        if !is_plain(path) {
            return Some(Refusal::OutsideContextPath);
        }
        if self.protected.iter().any(|protected| path.starts_with(protected)) {
            return Some(Refusal::Protected);
        }
        match self.kind {
            ContextKind::File if self.path.file_name().is_none_or(|name| Path::new(name) != path) => {
                Some(Refusal::OutsideContextPath)
            }
            // The user granted exactly this file, whatever its name.
            ContextKind::File => None,
            ContextKind::Folder => has_excluded_name(path).then_some(Refusal::Excluded),
        }
    }

    fn protect(&mut self, path: &Path) {
        let absolute = if path.is_absolute() { path.to_owned() } else { self.root().join(path) };
        let ways = [plain_way(&absolute), canonical_way(&absolute)];
        let inside: Vec<PathBuf> =
            ways.iter().flatten().filter_map(|way| way.strip_prefix(self.root()).ok()).map(Path::to_owned).collect();
        if inside.is_empty() {
            self.not_inside.push(path.to_owned());
        }
        for way in inside {
            if !self.protected.contains(&way) {
                self.protected.push(way);
            }
        }
    }
}

/// The path without `.` and `..`, by its text.
fn plain_way(path: &Path) -> Option<PathBuf> {
    use std::path::Component;
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    Some(plain)
}

/// The path with the symlinks of what exists of it followed: what is protected through a symlink is protected itself.
fn canonical_way(path: &Path) -> Option<PathBuf> {
    let existing = path.ancestors().find(|ancestor| ancestor.exists())?;
    let rest = path.strip_prefix(existing).ok()?;
    let canonical = existing.canonicalize().ok()?;
    Some(if rest.as_os_str().is_empty() { canonical } else { plain_way(&canonical.join(rest))? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protection_covers_what_is_below_and_behind_symlinks() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", folder.path().join("link")).unwrap();
        let protected = ["link".into(), "later/x".into(), folder.path().join("a/../b"), "/etc".into(), "../x".into()];
        let context = ContextPath::new(folder.path(), &protected).unwrap();
        for path in ["link", "real", "real/deep/file", "later/x", "later/x/y", "b"] {
            assert_eq!(context.refuses(Path::new(path)), Some(Refusal::Protected), "{path}");
        }
        assert_eq!(context.refuses(Path::new("later/y")), None);
        assert_eq!(context.refuses(Path::new("c/.env")), Some(Refusal::Excluded));
        assert_eq!(context.refuses(Path::new("c/../../x")), Some(Refusal::OutsideContextPath));
        assert_eq!(context.not_inside(), [PathBuf::from("/etc"), PathBuf::from("../x")]);
    }

    #[test]
    fn a_file_grants_exactly_itself() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("one"), "").unwrap();
        let context = ContextPath::new(&folder.path().join("one"), &[]).unwrap();
        assert_eq!(context.kind(), ContextKind::File);
        assert_eq!(context.refuses(Path::new("one")), None);
        assert_eq!(context.refuses(Path::new("two")), Some(Refusal::OutsideContextPath));
        assert!(ContextPath::new(&folder.path().join("none"), &[]).is_err());
        assert!(matches!(ContextPath::new(Path::new("/"), &[]), Err(ContextPathError::TooWide(_))));
    }
}
