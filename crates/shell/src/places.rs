//! Where an agent's commands run, and what they may reach.

use std::io;
use std::path::{Path, PathBuf};

use massgen_sandbox::{Grants, Network};
use massgen_tool::Caller;

/// Where the commands of one call may run and what they may reach. All paths are absolute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandPlaces {
    /// The agent's workspace: writable, and where commands run unless they say otherwise.
    pub workspace: PathBuf,
    /// Where the agent's copies of its peers' answers are: readable, and writable if it is in `writable`. What a
    /// command touches in it is noted.
    pub view: Option<PathBuf>,
    /// A writable directory of the agent's own outside the workspace: `HOME` is there, and `TMPDIR`, so that caches
    /// and temporary files are not published with the workspace. It must exist. Without it, `HOME` is the workspace
    /// and `TMPDIR` is `/tmp`.
    pub scratch: Option<PathBuf>,
    /// What else commands may read.
    pub readable: Vec<PathBuf>,
    /// What else commands may read and change.
    pub writable: Vec<PathBuf>,
    /// Parts of the above that are only readable.
    pub protected: Vec<PathBuf>,
    /// Files and directories inside of the above that commands neither read nor write, such as files with keys.
    pub hidden: Vec<PathBuf>,
    /// Unix sockets that commands may connect to.
    pub sockets: Vec<PathBuf>,
}

/// Says before each call what it may reach, so that grants can change while an agent works: its peers' copies with
/// each turn, the user's files when it presents. A command that runs in the background keeps what it started with.
pub trait Places: Send + Sync {
    /// The places for a call of `caller`.
    fn for_call(&self, caller: &Caller) -> CommandPlaces;
}

impl<F: Fn(&Caller) -> CommandPlaces + Send + Sync> Places for F {
    fn for_call(&self, caller: &Caller) -> CommandPlaces {
        self(caller)
    }
}

impl CommandPlaces {
    /// What a command is granted.
    pub(crate) fn grants(&self, network: Network) -> Grants {
        let mut write = vec![self.workspace.clone()];
        write.extend(self.scratch.clone());
        write.extend(self.writable.iter().cloned());
        let mut read = self.readable.clone();
        read.extend(self.view.clone().filter(|view| !write.contains(view)));
        let (protected, hidden, sockets) = (self.protected.clone(), self.hidden.clone(), self.sockets.clone());
        Grants { read, write, protected, hidden, sockets, network }
    }

    /// Everything that a command may have as its working directory.
    fn roots(&self) -> impl Iterator<Item = &PathBuf> {
        let own = std::iter::once(&self.workspace).chain(&self.view).chain(&self.scratch);
        own.chain(&self.writable).chain(&self.readable)
    }

    /// The directory that `asked` means, with all symbolic links followed: inside something granted, and named as it
    /// is granted.
    pub(crate) fn work_dir(&self, asked: Option<&str>) -> Result<PathBuf, WorkDirError> {
        let asked = asked.map(str::trim).filter(|asked| !asked.is_empty()).unwrap_or(".");
        let path = self.workspace.join(asked);
        let real =
            std::fs::canonicalize(&path).map_err(|source| WorkDirError::Missing { path: path.clone(), source })?;
        if !real.is_dir() {
            return Err(WorkDirError::NoDirectory { path });
        }
        self.roots().find_map(|root| within(root, &real)).ok_or_else(|| WorkDirError::Outside {
            path,
            workspace: self.workspace.clone(),
            view: self.view.clone(),
        })
    }
}

/// `real`, which has no symbolic links in it, as a path below `root` by the name that `root` has; `None` if it is
/// elsewhere.
pub(crate) fn within(root: &Path, real: &Path) -> Option<PathBuf> {
    let real_root = std::fs::canonicalize(root).ok()?;
    let inside = real.strip_prefix(&real_root).ok()?;
    Some(if inside.as_os_str().is_empty() { root.to_owned() } else { root.join(inside) })
}

/// Why a command cannot run where it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkDirError {
    #[error("the work_dir `{}` cannot be used: {source}", path.display())]
    Missing { path: PathBuf, source: io::Error },
    #[error("the work_dir `{}` is not a directory", path.display())]
    NoDirectory { path: PathBuf },
    #[error(
        "the work_dir `{}` is outside of what commands may use: run in your workspace `{}`{}",
        path.display(), workspace.display(),
        view.as_ref().map(|view| format!(", or below `{}`", view.display())).unwrap_or_default()
    )]
    Outside { path: PathBuf, workspace: PathBuf, view: Option<PathBuf> },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_work_dir_is_inside_something_granted_whatever_it_is_called() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["workspace/sub", "view/agent1", "elsewhere", "workspacex"] {
            std::fs::create_dir_all(at(name)).unwrap();
        }
        std::fs::write(at("workspace/file"), "").unwrap();
        std::os::unix::fs::symlink(at("elsewhere"), at("workspace/out")).unwrap();
        std::os::unix::fs::symlink(at("view/agent1"), at("workspace/peer")).unwrap();
        std::os::unix::fs::symlink(at("workspace"), at("alias")).unwrap();
        let places = CommandPlaces { workspace: at("workspace"), view: Some(at("view")), ..CommandPlaces::default() };
        let ok = |asked: &str| places.work_dir(Some(asked)).unwrap();
        assert_eq!(places.work_dir(None).unwrap(), at("workspace"));
        assert_eq!(ok(" "), at("workspace"));
        assert_eq!(ok("sub/../sub"), at("workspace/sub"));
        assert_eq!(ok("peer"), at("view/agent1"));
        assert_eq!(ok("../view/agent1"), at("view/agent1"));
        assert_eq!(ok(at("alias/sub").to_str().unwrap()), at("workspace/sub"));
        for outside in ["out", "..", "/", "../workspacex", "../elsewhere"] {
            let error = places.work_dir(Some(outside)).unwrap_err();
            assert!(matches!(error, WorkDirError::Outside { .. }), "{outside}: {error}");
        }
        assert!(matches!(places.work_dir(Some("absent")), Err(WorkDirError::Missing { .. })));
        assert!(matches!(places.work_dir(Some("file")), Err(WorkDirError::NoDirectory { .. })));
        // A workspace that is reached by a link keeps the name by which it is granted.
        let aliased = CommandPlaces { workspace: at("alias"), ..CommandPlaces::default() };
        assert_eq!(aliased.work_dir(Some("sub")).unwrap(), at("alias/sub"));
    }
}
