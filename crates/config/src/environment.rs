//! What the process knows of its surroundings, as a value.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Variables and directories that a config may refer to. Its `Debug` form shows no values.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// The variables.
    pub vars: BTreeMap<String, String>,
    /// The user's home directory, if there is one.
    pub home: Option<PathBuf>,
    /// Where relative paths start.
    pub cwd: PathBuf,
}

impl Environment {
    /// The surroundings of this process. Variables that are not UTF-8 are left out.
    ///
    /// # Errors
    /// When the current directory cannot be read.
    pub fn of_process() -> std::io::Result<Self> {
        let vars =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Ok(Self { vars: vars.collect(), home: std::env::home_dir(), cwd: std::env::current_dir()? })
    }

    /// The value of a variable; one that is set but empty counts as unset.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `path` as an absolute path: `~` is the home directory, relative paths start at `cwd`.
    #[must_use]
    pub fn absolute(&self, path: &str) -> PathBuf {
        let path = match (path.strip_prefix('~'), &self.home) {
            (Some(""), Some(home)) => home.clone(),
            (Some(rest), Some(home)) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
            _ => self.cwd.join(path),
        };
        without_dots(&path)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("vars", &self.vars.keys().collect::<Vec<_>>())
            .field("home", &self.home)
            .field("cwd", &self.cwd)
            .finish()
    }
}

/// Drops `.` and resolves `..` by the words alone, as a shell's `cd` does.
fn without_dots(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part @ (Component::Prefix(_) | Component::RootDir | Component::Normal(_)) => plain.push(part),
        }
    }
    plain
}
