//! Coding agents that are installed on this machine.

use std::path::{Path, PathBuf};

use massgen_config::Environment;

/// A coding agent that is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Program {
    /// The name of its command.
    pub(crate) command: &'static str,
    /// The name that users know it by.
    pub(crate) name: &'static str,
    /// Whether there are files of a login. Where a login is kept in the system's keychain, there are none.
    pub(crate) logged_in: bool,
}

impl Program {
    /// Its command, and whether there is a login.
    pub(crate) fn in_words(&self) -> String {
        let login = if self.logged_in { "logged in" } else { "no login found" };
        format!("{} ({login})", self.command)
    }
}

struct Known {
    command: &'static str,
    name: &'static str,
    /// Files of a login, in the home directory.
    logins: &'static [&'static str],
}

const KNOWN: &[Known] = &[
    Known { command: "claude", name: "Claude Code", logins: &[".claude/.credentials.json"] },
    Known { command: "codex", name: "OpenAI Codex CLI", logins: &[".codex/auth.json"] },
    Known { command: "gemini", name: "Gemini CLI", logins: &[".gemini/oauth_creds.json"] },
];

/// The coding agents that are installed.
pub(crate) fn programs(environment: &Environment) -> Vec<Program> {
    let found = KNOWN.iter().filter(|known| on_path(known.command, environment).is_some());
    found
        .map(|known| Program {
            command: known.command,
            name: known.name,
            logged_in: known.logins.iter().any(|file| is_in_home(file, environment)),
        })
        .collect()
}

/// Where a command is, as a shell would find it.
pub(crate) fn on_path(command: &str, environment: &Environment) -> Option<PathBuf> {
    let file = format!("{command}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(environment.var("PATH")?).map(|folder| folder.join(&file)).find(|path| is_executable(path))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

fn is_in_home(file: &str, environment: &Environment) -> bool {
    // Only whether it is there: what is in it is nobody's business here.
    environment.home.as_ref().is_some_and(|home| home.join(file).is_file())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_program_counts_when_it_can_be_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().to_owned();
        for (name, mode) in [("codex", 0o755), ("claude", 0o644)] {
            let path = home.join(name);
            std::fs::write(&path, "").expect("written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
        }
        let path = ("PATH".to_owned(), home.display().to_string());
        let environment = Environment { vars: [path].into(), home: Some(home.clone()), cwd: home.clone() };
        let found = || programs(&environment).iter().map(|one| (one.command, one.logged_in)).collect::<Vec<_>>();
        assert_eq!(found(), [("codex", false)], "`claude` is no program");
        std::fs::create_dir(home.join(".codex")).expect("made");
        std::fs::write(home.join(".codex/auth.json"), "{}").expect("written");
        assert_eq!(found(), [("codex", true)]);
    }
}
