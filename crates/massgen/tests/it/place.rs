//! A directory of its own for every test: home and current directory in one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::log::Log;
use crate::program::{Finished, Program};

pub(crate) struct Place {
    dir: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// `massgen` with these arguments, and nothing of the surroundings of the tests.
    pub(crate) fn massgen<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_massgen"));
        command.args(args);
        self.alone(command)
    }

    /// A shell script that finds the program in `$0`.
    #[cfg(target_os = "linux")]
    pub(crate) fn shell(&self, script: &str) -> Program {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_massgen")]);
        self.alone(command)
    }

    fn alone(&self, mut command: Command) -> Program {
        command.current_dir(self.path()).env_clear().env("HOME", self.path()).env("PATH", "/usr/bin:/bin");
        // Without it, Windows programs cannot open a socket.
        command.envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)));
        Program::new(command)
    }

    /// Asks the team of `config` with these further arguments.
    pub(crate) fn ask(&self, config: &str, args: &[&str]) -> Program {
        self.write("team.yaml", config);
        self.massgen(["--config", "team.yaml"].into_iter().chain(args.iter().copied()).chain(["What is 6 x 7?"]))
    }

    /// The one log folder that a run has left here.
    pub(crate) fn log(&self) -> Log {
        self.log_so_far().expect("there is a log folder")
    }

    /// The log folder, if there is one yet.
    pub(crate) fn log_so_far(&self) -> Option<Log> {
        let sessions = fs::read_dir(self.path().join(".massgen/massgen_logs")).ok()?;
        let sessions: Vec<PathBuf> = sessions.map(|entry| entry.unwrap().path()).collect();
        assert!(sessions.len() < 2, "{sessions:?}");
        sessions.into_iter().next().map(Log::new)
    }

    /// Output without what differs from run to run: this directory and ports.
    pub(crate) fn redacted(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for dir in [self.path().canonicalize().unwrap().as_path(), self.path()] {
            text = text.replace(&dir.display().to_string(), "[DIR]");
        }
        let mut redacted = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("127.0.0.1:") {
            redacted.push_str(before);
            redacted.push_str("127.0.0.1:[PORT]");
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        }
        redacted + rest
    }

    /// What a user sees of a program that ends at once: exit code and messages.
    pub(crate) fn message(&self, finished: &Finished) -> String {
        let Finished { status, stdout, stderr, .. } = finished;
        let code = status.code().map_or_else(|| status.to_string(), |code| code.to_string());
        self.redacted(&format!("exit code {code}\n--- stdout\n{stdout}--- stderr\n{stderr}"))
    }
}
