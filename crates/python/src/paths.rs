//! Where tools that take paths may go.

use std::path::{Component, Path, PathBuf};

use massgen_tool::CallContext;

/// What a tool wants with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathIntent {
    /// To read it.
    Read,
    /// To create or change it.
    Write,
}

/// Says where a path of a model leads, and whether it may go there.
pub trait ToolPaths: Send + Sync {
    /// The real, absolute path of `path`; the file itself need not exist when the intent is to write.
    ///
    /// # Errors
    ///
    /// A refusal, in words for the model.
    fn resolve(&self, path: &str, intent: PathIntent, context: &CallContext) -> Result<PathBuf, String>;
}

/// Only what lies in some directories, after all links are followed.
#[derive(Debug, Clone)]
pub struct ConfinedPaths {
    base: PathBuf,
    readable: Vec<PathBuf>,
}

impl ConfinedPaths {
    /// Relative paths start in `base`, which can be read and written; what is in `readable` can be read as well.
    #[must_use]
    pub fn new(base: impl Into<PathBuf>, readable: Vec<PathBuf>) -> Self {
        Self { base: base.into(), readable }
    }
}

impl ToolPaths for ConfinedPaths {
    fn resolve(&self, path: &str, intent: PathIntent, _: &CallContext) -> Result<PathBuf, String> {
        let wanted = self.base.join(path);
        let real = canonical(&wanted, intent).map_err(|error| format!("`{path}`: {error}"))?;
        let readable = self.readable.iter().filter(|_| intent == PathIntent::Read);
        let allowed = std::iter::once(&self.base).chain(readable);
        let inside = allowed.filter_map(|root| root.canonicalize().ok()).any(|root| real.starts_with(root));
        if inside { Ok(real) } else { Err(format!("`{path}` is outside of the folders that you may use")) }
    }
}

/// The real path. What does not exist yet may only be the tail of a path to write.
fn canonical(path: &Path, intent: PathIntent) -> std::io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && intent == PathIntent::Write => {
            // A link that leads nowhere would be followed when the file is created.
            if path.symlink_metadata().is_ok() {
                return Err(error);
            }
            let (Some(parent), Some(Component::Normal(name))) = (path.parent(), path.components().next_back()) else {
                return Err(error);
            };
            Ok(canonical(parent, intent)?.join(name))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use massgen_protocol::{AgentIndex, TurnId};
    use massgen_tool::Caller;
    use tokio_util::sync::CancellationToken;

    use super::*;

    #[test]
    fn what_leads_out_is_refused() {
        let context = CallContext {
            caller: Caller { turn: TurnId { agent: AgentIndex(0), number: 1 }, presenting: false, sight: 0 },
            cancel: CancellationToken::new(),
            progress: Arc::new(|_| {}),
        };
        let dir = tempfile::tempdir().unwrap();
        let (base, other) = (dir.path().join("base"), dir.path().join("other"));
        std::fs::create_dir_all(&base).unwrap();
        std::fs::create_dir_all(&other).unwrap();
        std::fs::write(base.join("a"), "a").unwrap();
        std::fs::write(other.join("b"), "b").unwrap();
        std::os::unix::fs::symlink(other.join("b"), base.join("link")).unwrap();
        std::os::unix::fs::symlink(other.join("new"), base.join("dangling")).unwrap();
        let paths = ConfinedPaths::new(&base, Vec::new());
        let ok = |path: &str, intent| paths.resolve(path, intent, &context).is_ok();
        assert!(ok("a", PathIntent::Read));
        assert!(ok("new/deep/file", PathIntent::Write));
        assert!(!ok("new", PathIntent::Read));
        for (path, intent) in [
            ("../other/b", PathIntent::Read),
            ("link", PathIntent::Read),
            ("link", PathIntent::Write),
            ("dangling", PathIntent::Write),
            ("new/../../other/x", PathIntent::Write),
            ("/etc/passwd", PathIntent::Read),
        ] {
            assert!(!ok(path, intent), "{path}");
        }
        let wider = ConfinedPaths::new(&base, vec![other.clone()]);
        assert!(wider.resolve("link", PathIntent::Read, &context).is_ok());
        assert!(wider.resolve("link", PathIntent::Write, &context).is_err());
    }
}
