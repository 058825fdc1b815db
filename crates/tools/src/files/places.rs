//! Where an agent may read and write.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use massgen_tool::Caller;

/// Decides where a call may reach. Asked anew for each call: who presents may write where others only read.
pub trait Places: Send + Sync {
    /// What the call of `caller` may reach.
    fn for_call(&self, caller: &Caller) -> FilePlaces;
}

impl<F: Fn(&Caller) -> FilePlaces + Send + Sync> Places for F {
    fn for_call(&self, caller: &Caller) -> FilePlaces {
        self(caller)
    }
}

/// What one call may reach; everything else is refused. Where two places overlap, the deeper one decides.
///
/// All paths are absolute. A place that does not exist grants nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilePlaces {
    /// The agent's own folder: read and written. Relative paths start here.
    pub workspace: PathBuf,
    /// The agent's own copies of its peers' work, as `agent1/`, `agent2/`: read and written.
    pub views: PathBuf,
    /// Only read. An entry that is a file grants that file alone.
    pub readable: Vec<PathBuf>,
    /// Read and written: isolated copies of a user's files, for the presenter. An entry that is a file grants that
    /// file alone.
    pub writable: Vec<PathBuf>,
    /// Never written, moved or deleted, whatever else says so.
    pub protected: Vec<PathBuf>,
    /// Of the readable and writable ones what may not even be read, besides what names say.
    pub hidden: Vec<PathBuf>,
}

/// Names whose content is generated, a repository's own, or massgen's own: outside a workspace they are never written.
const KEPT: [&str; 13] = [
    ".massgen",
    ".env",
    ".git",
    "node_modules",
    "__pycache__",
    ".venv",
    "venv",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".DS_Store",
    "massgen_logs",
    ".cache",
];

/// Files that hold keys.
const KEY_FILES: [&str; 11] = [
    ".netrc",
    ".pgpass",
    ".git-credentials",
    ".pypirc",
    ".npmrc",
    ".htpasswd",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "credentials.json",
];

/// Folders that hold keys, or what other agents did.
const KEY_FOLDERS: [&str; 6] = [".massgen", "massgen_logs", ".ssh", ".aws", ".gnupg", ".kube"];

/// Endings of `.env.<ending>` files that show which keys there are, not the keys.
const ENV_SAMPLES: [&str; 5] = ["example", "sample", "template", "dist", "defaults"];

/// Whether a part of a path, counted from its place, is never written outside a workspace.
#[must_use]
pub fn is_kept(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    KEPT.iter().any(|kept| name.eq_ignore_ascii_case(kept)) || is_env_file(name)
}

/// Whether a path below a user's folder likely holds keys, or tells of other agents: then it must not reach a
/// model.
#[must_use]
pub fn is_secret(below_place: &Path) -> bool {
    let names: Vec<_> = below_place.iter().map(|name| name.to_string_lossy().to_lowercase()).collect();
    let is_git_config = names.iter().rev().take(2).map(String::as_str).eq(["config", ".git"]);
    is_git_config
        || names.iter().any(|name| is_env_file(name) || KEY_FOLDERS.contains(&name.as_str()))
        || names.last().is_some_and(|name| KEY_FILES.contains(&name.as_str()))
}

fn is_env_file(name: &str) -> bool {
    let name = name.to_lowercase();
    name == ".env"
        || name == ".envrc"
        || name.strip_prefix(".env.").is_some_and(|ending| !ENV_SAMPLES.contains(&ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_their_names() {
        for path in [
            ".env",
            "a/.env.local",
            "a/.ENV",
            ".git/config",
            "sub/.git/config",
            "home/.ssh/known",
            ".massgen/x",
            "id_rsa",
        ] {
            assert!(is_secret(Path::new(path)), "{path}");
        }
        for path in ["env", ".env.example", ".git/HEAD", "config", "src/.gitignore", "id_rsa.pub", "environment.md"] {
            assert!(!is_secret(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn kept_names_are_whole_names() {
        assert!(is_kept(OsStr::new(".git")) && is_kept(OsStr::new("node_modules")) && is_kept(OsStr::new(".env.prod")));
        assert!(!is_kept(OsStr::new(".gitignore")) && !is_kept(OsStr::new("my_node_modules")));
    }
}
