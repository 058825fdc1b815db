//! What of the user's credentials jobs get: only what the configuration names.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::{DockerError, DockerSettings};

/// What of the user's credentials jobs get: the reference's `command_line_docker_credentials`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Files and directories of the user's home directory, such as `.ssh`, by their path in it; only readable.
    pub mount: Vec<PathBuf>,
    /// Other files and directories.
    pub additional_mounts: Vec<AdditionalMount>,
    /// A file of lines `NAME=value`.
    pub env_file: Option<PathBuf>,
    /// Variables of massgen's environment, by name.
    pub env_vars: Vec<String>,
    /// Which variables of the file are passed; empty: all.
    pub env_vars_from_file: Vec<String>,
    /// Whether all of massgen's environment is passed.
    pub pass_all_env: bool,
}

/// A file or directory of the host that is mounted at a place of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdditionalMount {
    /// On the host: absolute.
    pub source: PathBuf,
    /// In the container: absolute.
    pub bind: PathBuf,
    /// Whether jobs may change it.
    pub is_writable: bool,
}

/// The home directory of jobs in every container: its own, so that what is cached there stays while it does.
pub(crate) const HOME: &str = "/home/massgen";

/// Variables that are about the host and would break programs of the image.
const ABOUT_THE_HOST: [&str; 8] = ["PATH", "HOME", "SHELL", "USER", "LOGNAME", "PWD", "OLDPWD", "LD_LIBRARY_PATH"];

impl Credentials {
    /// The mounts: those of credentials that the user does not have are left out.
    pub(crate) fn mounts(&self, home: Option<&Path>) -> Result<Vec<AdditionalMount>, DockerError> {
        let well_known = self.mount.iter().filter_map(|mount| {
            let source = home?.join(mount);
            let bind = Path::new(HOME).join(mount);
            source.exists().then_some(AdditionalMount { source, bind, is_writable: false })
        });
        let mounts: Vec<_> = well_known.chain(self.additional_mounts.iter().cloned()).collect();
        for mount in &mounts {
            if !mount.source.exists() {
                return Err(DockerError::Mount { path: mount.source.clone(), problem: "it does not exist".to_owned() });
            }
            if !mount.bind.is_absolute() {
                let problem = format!("its place `{}` in the container is not absolute", mount.bind.display());
                return Err(DockerError::Mount { path: mount.source.clone(), problem });
            }
        }
        Ok(mounts)
    }

    /// The variables: later sources win over earlier ones, the file over all.
    pub(crate) fn variables(
        &self,
        environment: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, DockerError> {
        let is_passed = |name: &str| {
            self.env_vars.iter().any(|passed| passed == name) || (self.pass_all_env && !ABOUT_THE_HOST.contains(&name))
        };
        let own = environment.iter().filter(|(name, _)| is_passed(name));
        let mut variables: BTreeMap<_, _> = own.map(|(name, value)| (name.clone(), value.clone())).collect();
        let Some(path) = &self.env_file else { return Ok(variables) };
        let text = std::fs::read_to_string(path).map_err(|error| DockerError::Setting {
            key: "command_line_docker_credentials.env_file",
            problem: format!("`{}`: {error}", path.display()),
        })?;
        let is_wanted = |name: &str| {
            self.env_vars_from_file.is_empty() || self.env_vars_from_file.iter().any(|wanted| wanted == name)
        };
        variables.extend(text.lines().filter_map(assignment).filter(|(name, _)| is_wanted(name)));
        Ok(variables)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("mount", &self.mount)
            .field("env_vars", &self.env_vars)
            .finish_non_exhaustive()
    }
}

impl DockerSettings {
    /// The variables that every job gets beside its own.
    pub(crate) fn variables(&self) -> Result<BTreeMap<String, String>, DockerError> {
        self.credentials.variables(&self.environment)
    }
}

/// A line of an environment file: `NAME=value`, with an `export` before it and quotes around the value if so liked.
fn assignment(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
    let (name, value) = (name.trim(), value.trim());
    let unquoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    let value = unquoted.unwrap_or_else(|| value.split(" #").next().unwrap_or(value).trim_end());
    (!name.is_empty() && !name.contains(char::is_whitespace)).then(|| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_passed() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(".env");
        std::fs::write(&file, "# keys\nexport A_KEY=\"a b\"\nB_KEY='x#y'\nC_KEY=c # note\n\nbroken\n =x\n").unwrap();
        let environment = [("OPENAI_API_KEY", "sk"), ("OTHER", "o"), ("PATH", "/host")]
            .map(|(name, value)| (name.into(), value.into()));
        let environment = BTreeMap::from(environment);
        let read = |credentials: &Credentials| {
            let variables = credentials.variables(&environment).unwrap();
            variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
        };
        let mut credentials = Credentials::default();
        assert_eq!(read(&credentials), "");
        credentials.env_vars = vec!["OPENAI_API_KEY".into(), "ABSENT".into()];
        assert_eq!(read(&credentials), "OPENAI_API_KEY=sk");
        credentials.env_file = Some(file);
        assert_eq!(read(&credentials), "A_KEY=a b,B_KEY=x#y,C_KEY=c,OPENAI_API_KEY=sk");
        credentials.env_vars_from_file = vec!["C_KEY".into()];
        assert_eq!(read(&credentials), "C_KEY=c,OPENAI_API_KEY=sk");
        let all = Credentials { pass_all_env: true, ..Credentials::default() };
        assert_eq!(read(&all), "OPENAI_API_KEY=sk,OTHER=o");
        assert!(!format!("{credentials:?} {all:?}").contains("sk"));
    }

    #[test]
    fn credentials_that_are_not_there_are_left_out() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join(".config/gh")).unwrap();
        let mount = vec![".ssh".into(), ".config/gh".into()];
        let mounts = Credentials { mount, ..Credentials::default() }.mounts(Some(home.path())).unwrap();
        let [gh] = mounts.as_slice() else { panic!("{mounts:?}") };
        assert_eq!(gh.bind, Path::new("/home/massgen/.config/gh"));
        assert!(!gh.is_writable);
    }
}
