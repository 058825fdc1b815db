//! A user's folder, a state folder, and what tests do with them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use massgen_changes::{
    Applied, ApplyError, ChangeSet, ContextPath, CopyMode, Drift, FileChange, Isolated, Selection, apply,
};
use proptest::prelude::ProptestConfig;
use tempfile::TempDir;

pub(crate) struct Bench {
    pub(crate) folder: TempDir,
}

/// What is at a path: all that counts of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Thing {
    File(Vec<u8>, u32),
    Link(PathBuf),
    Folder,
}

pub(crate) type Tree = BTreeMap<PathBuf, Thing>;

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self { folder: TempDir::new().unwrap() };
        std::fs::create_dir(bench.user()).unwrap();
        bench
    }

    /// A bench whose user folder is a git repository with these files committed.
    pub(crate) fn repository(files: &[(&str, &str)]) -> Self {
        let bench = Self::new();
        git(&bench.user(), &["init", "-q", "-b", "main"]);
        for (path, text) in files {
            bench.write(path, text);
        }
        bench.commit();
        bench
    }

    pub(crate) fn commit(&self) {
        git(&self.user(), &["add", "-A"]);
        git(&self.user(), &["commit", "-q", "--allow-empty", "-m", "state"]);
    }

    pub(crate) fn user(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("user")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("state")
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        write(&self.user(), path, content);
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.user().join(path)).unwrap()
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.user().join(path).symlink_metadata().is_ok()
    }

    pub(crate) fn context(&self) -> ContextPath {
        ContextPath::new(&self.user(), &[]).unwrap()
    }

    pub(crate) fn isolate(&self, mode: CopyMode) -> Isolated {
        Isolated::create(&self.state(), &self.context(), mode).unwrap()
    }

    pub(crate) fn tree(&self) -> Tree {
        tree(&self.user())
    }

    /// That nothing waits in the user's folder and no journal or copy is left.
    pub(crate) fn assert_clean(&self) {
        for path in self.tree().keys() {
            assert!(!path.to_string_lossy().contains(".massgen-apply-"), "left behind: {}", path.display());
        }
        for kind in ["applies", "copies"] {
            let Ok(entries) = std::fs::read_dir(self.state().join(kind)) else { continue };
            let left: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
            assert!(left.is_empty(), "left behind: {left:?}");
        }
    }
}

pub(crate) fn write(folder: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

/// All below a folder, without git's data.
pub(crate) fn tree(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name() == Some(OsStr::new(".git")) {
                continue;
            }
            let metadata = path.symlink_metadata().unwrap();
            let thing = if metadata.is_dir() {
                folders.push(path.clone());
                Thing::Folder
            } else if metadata.is_symlink() {
                Thing::Link(std::fs::read_link(&path).unwrap())
            } else {
                Thing::File(std::fs::read(&path).unwrap(), metadata.permissions().mode() & 0o7777)
            };
            tree.insert(path.strip_prefix(folder).unwrap().to_owned(), thing);
        }
    }
    tree
}

/// Runs git as a user does, with a configuration of its own.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = git_command(folder, arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn git_command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "safe.directory=*", "-c", "protocol.file.allow=always"]).args(arguments);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for name in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{name}_NAME"), "a").env(format!("GIT_{name}_EMAIL"), "a@example.org");
    }
    command.stdin(Stdio::null());
    command
}

pub(crate) fn apply_all(isolated: &Isolated) -> Result<Applied, ApplyError> {
    let changes = isolated.changes().unwrap();
    apply(isolated, &changes, &Selection::all(), Drift::Fail)
}

pub(crate) fn change<'a>(changes: &'a ChangeSet, path: &str) -> &'a FileChange {
    let found = changes.files.iter().find(|file| file.path == Path::new(path));
    found.unwrap_or_else(|| panic!("no change of {path} in {:?}", paths(changes)))
}

pub(crate) fn paths(changes: &ChangeSet) -> Vec<&str> {
    changes.files.iter().map(|file| file.path.to_str().unwrap()).collect()
}

/// This many random cases, or as many as PROPTEST_CASES says.
pub(crate) fn cases(usual: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(usual), failure_persistence: None, ..ProptestConfig::default() }
}

/// Whether the test goes on. What is missing is told, and fails where it was asked for.
pub(crate) fn part_is_there(part: &str, test: &str, missing: Option<String>) -> bool {
    let Some(reason) = missing else { return true };
    let asked = std::env::var("MASSGEN_TEST_PARTS").unwrap_or_default();
    assert!(!asked.split(',').any(|name| name == part), "{test} needs {part}: {reason}");
    eprintln!("SKIPPED {test}: {reason}");
    false
}
