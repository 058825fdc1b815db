//! What of the host stands in a container.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bollard::models::{Mount, MountBindOptions, MountBindOptionsPropagationEnum, MountType};
use massgen_sandbox::Grants;

use crate::{AdditionalMount, DockerError};

/// A path of the host in a container, and which file it was when the container was made: one that was deleted and made
/// anew since is another, and the container would show the old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bound {
    source: PathBuf,
    target: PathBuf,
    shown: Shown,
    device: u64,
    inode: u64,
}

/// What a container gets of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    ReadOnly,
    Writable,
    /// The null device in the place of a file.
    HiddenFile,
    /// An empty directory in the place of one.
    HiddenDirectory,
}

/// The mounts that `grants` come to, parents before children. What is inside something of the same kind needs no mount
/// of its own.
pub(crate) fn granted(grants: &Grants) -> Result<Vec<Bound>, DockerError> {
    let mut wanted = BTreeMap::new();
    let readable = grants.read.iter().map(|path| (path, Shown::ReadOnly));
    let writable = grants.write.iter().map(|path| (path, Shown::Writable));
    let protected = grants.protected.iter().map(|path| (path, Shown::ReadOnly));
    let sockets = grants.sockets.iter().map(|path| (path, Shown::Writable));
    let hidden = grants.hidden.iter().filter_map(|path| Some((path, hiding(path)?)));
    for (path, shown) in readable.chain(writable).chain(protected).chain(sockets).chain(hidden) {
        wanted.insert(path.as_path(), shown);
    }
    // A directory on the way to what is hidden could be moved away with it. What something is mounted on cannot.
    let mut ways = BTreeSet::new();
    for (path, _) in wanted.iter().filter(|(_, shown)| shown.is_hidden()) {
        if let Some((writable, Shown::Writable)) = around(&wanted, path) {
            ways.extend(path.ancestors().skip(1).take_while(|way| *way != writable));
        }
    }
    let needed = wanted.iter().filter(|(path, shown)| match around(&wanted, path) {
        Some((_, around)) => around != **shown && !(around.is_hidden() && shown.is_hidden()),
        None => !shown.is_hidden(),
    });
    let mut mounts: BTreeMap<&Path, Shown> = needed.map(|(path, shown)| (*path, *shown)).collect();
    mounts.extend(ways.into_iter().map(|way| (way, Shown::Writable)));
    mounts.into_iter().map(|(path, shown)| bound(path, path, shown)).collect()
}

/// The nearest path around another one, and what a container gets of it.
fn around<'path>(wanted: &BTreeMap<&Path, Shown>, path: &'path Path) -> Option<(&'path Path, Shown)> {
    path.ancestors().skip(1).find_map(|ancestor| Some((ancestor, *wanted.get(ancestor)?)))
}

/// How to hide a path; `None` when it is not there. A symbolic link is not hidden: it leads where the container lets
/// it.
fn hiding(path: &Path) -> Option<Shown> {
    let file_type = match path.symlink_metadata() {
        Ok(metadata) => metadata.file_type(),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return None,
        // The mount says why it is impossible.
        Err(_) => return Some(Shown::HiddenFile),
    };
    let shown = if file_type.is_dir() { Shown::HiddenDirectory } else { Shown::HiddenFile };
    (!file_type.is_symlink()).then_some(shown)
}

impl Shown {
    fn is_hidden(self) -> bool {
        matches!(self, Self::HiddenFile | Self::HiddenDirectory)
    }
}

/// The mounts that the settings name.
pub(crate) fn additional(mounts: &[AdditionalMount]) -> Result<Vec<Bound>, DockerError> {
    let bounds = mounts.iter().map(|mount| {
        let shown = if mount.is_writable { Shown::Writable } else { Shown::ReadOnly };
        bound(&mount.source, &mount.bind, shown)
    });
    bounds.collect()
}

fn bound(source: &Path, target: &Path, shown: Shown) -> Result<Bound, DockerError> {
    let refuse = |problem: &str| DockerError::Mount { path: source.to_owned(), problem: problem.to_owned() };
    if !source.is_absolute() || source.parent().is_none() {
        return Err(refuse("only an absolute path below the root can be"));
    }
    // Podman builds a list with commas of these.
    let is_plain = |path: &Path| path.to_str().is_some_and(|text| !text.contains([',', '"', '\n']));
    if !is_plain(source) || !is_plain(target) {
        return Err(refuse("engines cannot take a path with commas, quotes, line ends or bytes that are not UTF-8"));
    }
    // Podman's list has colons between a path and its options.
    if shown == Shown::HiddenDirectory && target.to_string_lossy().contains(':') {
        return Err(refuse("a directory with a colon in its path cannot be hidden in a container"));
    }
    let metadata = std::fs::metadata(source).map_err(|error| refuse(&error.to_string()))?;
    Ok(Bound {
        source: source.to_owned(),
        target: target.to_owned(),
        shown,
        device: metadata.dev(),
        inode: metadata.ino(),
    })
}

impl Bound {
    /// A hidden directory in Podman's own words: into the file systems in memory that it mounts it copies what was
    /// there, unless it is told otherwise, which only this list of options can.
    pub(crate) fn podman_tmpfs(&self) -> Option<(String, String)> {
        let target = self.target.to_string_lossy().into_owned();
        (self.shown == Shown::HiddenDirectory).then(|| (target, "ro,notmpcopyup".to_owned()))
    }

    /// For the engine.
    pub(crate) fn mount(&self) -> Mount {
        let text = |path: &Path| Some(path.to_string_lossy().into_owned());
        let source = match self.shown {
            Shown::HiddenDirectory => {
                return Mount {
                    target: text(&self.target),
                    typ: Some(MountType::TMPFS),
                    read_only: Some(true),
                    ..Mount::default()
                };
            }
            Shown::HiddenFile => Path::new("/dev/null"),
            Shown::ReadOnly | Shown::Writable => &self.source,
        };
        let is_writable = self.shown == Shown::Writable;
        Mount {
            source: text(source),
            target: text(&self.target),
            typ: Some(MountType::BIND),
            read_only: Some(!is_writable),
            bind_options: Some(MountBindOptions {
                propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
                // What is mounted below a path is not read-only with it: it is left out.
                non_recursive: (!is_writable).then_some(true),
                ..MountBindOptions::default()
            }),
            ..Mount::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_from_what_is_around_it_is_mounted() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::create_dir_all(at("work/git/deep")).unwrap();
        std::fs::create_dir_all(at("peers/agent1")).unwrap();
        std::fs::write(at("work/tools.sock"), "").unwrap();
        let grants = Grants {
            read: vec![at("peers"), at("peers/agent1"), at("work/git/deep")],
            write: vec![at("work"), at("work/git/deep")],
            protected: vec![at("work/git")],
            sockets: vec![at("work/tools.sock")],
            ..Grants::default()
        };
        let mounts = granted(&grants).unwrap();
        let shown: Vec<_> = mounts.iter().map(|bound| (bound.target.clone(), bound.shown == Shown::Writable)).collect();
        let expected = [("peers", false), ("work", true), ("work/git", false), ("work/git/deep", true)];
        assert_eq!(shown, expected.map(|(name, is_writable)| (at(name), is_writable)));
        assert_eq!(granted(&grants).unwrap(), mounts);
        // The same name, another directory.
        std::fs::rename(at("peers"), at("old")).unwrap();
        std::fs::create_dir(at("peers")).unwrap();
        std::fs::create_dir(at("peers/agent1")).unwrap();
        assert_ne!(granted(&grants).unwrap(), mounts);
    }

    #[test]
    fn hidden_paths_are_covered_and_directories_on_the_way_to_them_stay() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::create_dir_all(at("work/way/on/keys/open")).unwrap();
        std::fs::create_dir_all(at("elsewhere")).unwrap();
        for name in ["work/way/on/file", "work/way/on/keys/key"] {
            std::fs::write(at(name), "").unwrap();
        }
        std::os::unix::fs::symlink(at("elsewhere"), at("work/link")).unwrap();
        let hidden = ["work/way/on/keys", "work/way/on/keys/key", "work/way/on/file", "work/absent", "work/link"];
        let grants = Grants {
            read: vec![at("work/way/on/keys/open")],
            write: vec![at("work")],
            hidden: hidden.into_iter().chain(["elsewhere"]).map(at).collect(),
            ..Grants::default()
        };
        let mounts = granted(&grants).unwrap();
        let shown: Vec<_> = mounts.iter().map(|bound| (bound.target.clone(), bound.shown)).collect();
        let expected = [
            ("work", Shown::Writable),
            ("work/way", Shown::Writable),
            ("work/way/on", Shown::Writable),
            ("work/way/on/file", Shown::HiddenFile),
            ("work/way/on/keys", Shown::HiddenDirectory),
            ("work/way/on/keys/open", Shown::ReadOnly),
        ];
        assert_eq!(shown, expected.map(|(name, shown)| (at(name), shown)));
        let sources: Vec<_> = mounts.iter().map(|bound| bound.mount().source).collect();
        assert_eq!(sources[3].as_deref(), Some("/dev/null"));
        assert_eq!(sources[4], None);
    }

    #[test]
    fn what_cannot_be_mounted_is_refused() {
        for path in ["/", "relative", "/absent/path", "/tmp/a,ro=false"] {
            let grants = Grants { read: vec![path.into()], ..Grants::default() };
            assert!(matches!(granted(&grants), Err(DockerError::Mount { .. })), "{path}");
        }
    }
}
