//! The user's Python: found, never bundled.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// A Python that runs, in a version that is new enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// Its program, absolute.
    pub executable: PathBuf,
    /// Major and minor version.
    pub version: (u16, u16),
    /// Why this one, for messages: `$VIRTUAL_ENV`.
    pub origin: String,
}

/// Where to look for Python.
#[derive(Debug, Clone, Default)]
pub struct InterpreterSearch {
    /// What the user says: a program, the folder of a virtual environment, or a name to be found on `PATH`. Nothing else
    /// is tried then.
    pub explicit: Option<String>,
    /// Folders in which a `.venv` or a uv project would be the user's, such as the working folder and the
    /// configuration's.
    pub folders: Vec<PathBuf>,
    /// The whole environment. `PATH` and `VIRTUAL_ENV` are looked at; Python gets all of it.
    pub environment: BTreeMap<OsString, OsString>,
}

/// Why there is no Python to use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterpreterError {
    /// Nothing that was tried is a Python of version 3.9 or later.
    #[error(
        "no Python of version 3.9 or later was found; tried:{tried}\ninstall Python, activate a virtual environment, or \
         name the interpreter in the configuration"
    )]
    NotFound {
        /// A line for each attempt.
        tried: String,
    },
}

const OLDEST: (u16, u16) = (3, 9);
const PROBE: &str = "import sys; print('massgen-python', *sys.version_info[:2], sys.executable)";
/// `uv run` may first have to build the environment.
const PROBE_LIMIT: Duration = Duration::from_secs(120);

struct Candidate {
    origin: String,
    program: PathBuf,
    arguments: Vec<OsString>,
    folder: Option<PathBuf>,
}

impl InterpreterSearch {
    /// Finds the interpreter: the explicit one, or else the first that runs of `$VIRTUAL_ENV`, `.venv`, `uv run python`
    /// where a folder is a uv project, and `python3` and `python` on `PATH`.
    pub async fn find(&self) -> Result<Interpreter, InterpreterError> {
        let mut tried = String::new();
        for candidate in self.candidates() {
            match self.probe(&candidate).await {
                Ok(found) => return Ok(found),
                Err(reason) => {
                    let _ = write!(tried, "\n  {} ({}): {reason}", candidate.origin, candidate.program.display());
                }
            }
        }
        if tried.is_empty() {
            tried.push_str("\n  nothing: neither a virtual environment nor `python3` or `python` on PATH");
        }
        Err(InterpreterError::NotFound { tried })
    }

    fn candidates(&self) -> Vec<Candidate> {
        if let Some(explicit) = &self.explicit {
            return vec![self.explicit_candidate(explicit)];
        }
        let mut candidates = Vec::new();
        let plain = |origin: &str, program: PathBuf| Candidate {
            origin: origin.to_owned(),
            program,
            arguments: Vec::new(),
            folder: None,
        };
        if let Some(folder) = self.environment.get(&OsString::from("VIRTUAL_ENV")).filter(|folder| !folder.is_empty()) {
            candidates.push(plain("$VIRTUAL_ENV", Path::new(folder).join("bin/python")));
        }
        for folder in &self.folders {
            let program = folder.join(".venv/bin/python");
            if program.exists() {
                candidates.push(plain(".venv", program));
            }
        }
        for folder in self.folders.iter().filter(|folder| is_uv_project(folder)) {
            if let Some(program) = self.on_path("uv") {
                let arguments = ["run", "--quiet", "python"].map(OsString::from).to_vec();
                candidates.push(Candidate {
                    origin: "uv run python".to_owned(),
                    program,
                    arguments,
                    folder: Some(folder.clone()),
                });
            }
        }
        for name in ["python3", "python"] {
            candidates.extend(self.on_path(name).map(|program| plain(&format!("{name} on PATH"), program)));
        }
        candidates
    }

    fn explicit_candidate(&self, explicit: &str) -> Candidate {
        let named = Path::new(explicit);
        let given = if named.components().count() > 1 { Some(self.in_folders(named)) } else { self.on_path(explicit) };
        let mut program = given.unwrap_or_else(|| self.in_folders(named));
        if program.is_dir() {
            program = program.join("bin/python");
        }
        Candidate { origin: "as configured".to_owned(), program, arguments: Vec::new(), folder: None }
    }

    fn in_folders(&self, path: &Path) -> PathBuf {
        let mut places = self.folders.iter().map(|folder| folder.join(path));
        places.find(|place| place.exists()).unwrap_or_else(|| path.to_path_buf())
    }

    fn on_path(&self, name: &str) -> Option<PathBuf> {
        let path = self.environment.get(&OsString::from("PATH"))?;
        std::env::split_paths(path).map(|folder| folder.join(name)).find(|program| program.is_file())
    }

    async fn probe(&self, candidate: &Candidate) -> Result<Interpreter, String> {
        let mut command = Command::new(&candidate.program);
        command.args(&candidate.arguments).args(["-c", PROBE]);
        command.env_clear().envs(&self.environment).stdin(Stdio::null()).kill_on_drop(true);
        if let Some(folder) = &candidate.folder {
            command.current_dir(folder);
        }
        let output = match tokio::time::timeout(PROBE_LIMIT, command.output()).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err(format!("did not answer within {} s", PROBE_LIMIT.as_secs())),
        };
        let said = String::from_utf8_lossy(&output.stdout);
        let Some((version, executable)) = said.lines().find_map(read_probe) else {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let complaint = crate::text::first_line(&complaint, 200);
            return Err(format!("does not run Python ({}) {complaint}", output.status));
        };
        if version < OLDEST {
            return Err(format!("is Python {}.{}, and 3.9 or later is needed", version.0, version.1));
        }
        Ok(Interpreter { executable, version, origin: candidate.origin.clone() })
    }
}

fn is_uv_project(folder: &Path) -> bool {
    folder.join("uv.lock").is_file()
        || std::fs::read_to_string(folder.join("pyproject.toml")).is_ok_and(|text| text.contains("[tool.uv"))
}

fn read_probe(line: &str) -> Option<((u16, u16), PathBuf)> {
    // The path may have spaces in it.
    let mut words = line.strip_prefix("massgen-python ")?.splitn(3, ' ');
    let version = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let executable = PathBuf::from(words.next()?.trim());
    executable.is_absolute().then_some((version, executable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_python_are_read() {
        assert_eq!(read_probe("massgen-python 3 12 /a b/python"), Some(((3, 12), PathBuf::from("/a b/python"))));
        assert_eq!(read_probe("massgen-python 3 12 "), None);
        assert_eq!(read_probe("hello"), None);
    }

    #[tokio::test]
    async fn what_was_tried_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut search = InterpreterSearch { folders: vec![dir.path().to_path_buf()], ..InterpreterSearch::default() };
        search.environment.insert("VIRTUAL_ENV".into(), dir.path().join("gone").into());
        let error = search.find().await.unwrap_err().to_string();
        assert!(error.contains("$VIRTUAL_ENV") && error.contains("gone/bin/python"), "{error}");
        search.explicit = Some("sh".to_owned());
        search.environment.insert("PATH".into(), "/bin:/usr/bin".into());
        let error = search.find().await.unwrap_err().to_string();
        assert!(error.contains("does not run Python") && !error.contains("VIRTUAL_ENV"), "{error}");
    }

    #[test]
    fn the_order_is_explicit_venv_project_path() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for file in ["p/.venv/bin/python", "bin/uv", "bin/python3", "bin/python"] {
            std::fs::create_dir_all(at(file).parent().unwrap()).unwrap();
            std::fs::write(at(file), "").unwrap();
        }
        std::fs::write(at("p/uv.lock"), "").unwrap();
        let mut search = InterpreterSearch { folders: vec![at("p")], ..InterpreterSearch::default() };
        search.environment.insert("VIRTUAL_ENV".into(), at("v").into());
        search.environment.insert("PATH".into(), at("bin").into());
        let origins: Vec<_> = search.candidates().into_iter().map(|candidate| candidate.origin).collect();
        assert_eq!(origins, ["$VIRTUAL_ENV", ".venv", "uv run python", "python3 on PATH", "python on PATH"]);
        search.explicit = Some(".venv".to_owned());
        let candidates = search.candidates();
        assert_eq!(candidates.len(), 1);
        assert!(
            candidates[0].program.ends_with("p/.venv/bin/python"),
            "a bare name is looked up on PATH, then in the folders"
        );
    }
}
