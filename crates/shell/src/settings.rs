//! How the command tools of an agent work.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use massgen_sandbox::{Driver, Limits, Network};

use crate::{CommandRules, Places};

/// How the command tools of one agent work.
#[derive(Clone)]
pub struct CommandSettings {
    /// What runs the commands.
    pub driver: Arc<dyn Driver>,
    /// Where they run and what they may reach.
    pub places: Arc<dyn Places>,
    /// Which network they have.
    pub network: Network,
    /// What each of them may use up.
    pub limits: Limits,
    /// All of their variables except `HOME` and `TMPDIR`, which follow from the places: see [`clean_environment`].
    pub environment: BTreeMap<String, String>,
    /// Which commands are refused.
    pub rules: CommandRules,
    /// How long a command may take when its call does not say. The reference's: 60 s.
    pub timeout_default: Duration,
    /// How long a command may take at most. A call that asks for more gets this.
    pub timeout_max: Duration,
    /// How many commands of the background may run at once.
    pub shells_max: usize,
    /// How much of their output is kept and shown.
    pub output: OutputLimits,
    /// Where output that does not fit in memory is written, in files of its own: created when needed.
    pub log_directory: Option<PathBuf>,
}

impl CommandSettings {
    /// The usual settings: no network, no variables.
    #[must_use]
    pub fn new(driver: Arc<dyn Driver>, places: Arc<dyn Places>) -> Self {
        Self {
            driver,
            places,
            network: Network::Off,
            limits: Limits::default(),
            environment: BTreeMap::new(),
            rules: CommandRules::default(),
            timeout_default: Duration::from_secs(60),
            timeout_max: Duration::from_secs(570),
            shells_max: 8,
            output: OutputLimits::default(),
            log_directory: None,
        }
    }

    /// Whether commands run in a box that the system enforces.
    pub(crate) fn is_boxed(&self) -> bool {
        self.driver.name() != "local"
    }
}

impl fmt::Debug for CommandSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values of variables may be keys.
        let variables: Vec<_> = self.environment.keys().collect();
        f.debug_struct("CommandSettings")
            .field("driver", &self.driver)
            .field("network", &self.network)
            .field("environment", &variables)
            .finish_non_exhaustive()
    }
}

/// How much output of commands is kept and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputLimits {
    /// How much of the beginning of each stream is kept in memory, in bytes.
    pub head_bytes: usize,
    /// How much of the end of each stream is kept in memory, in bytes.
    pub tail_bytes: usize,
    /// How much of both streams together a result shows, in bytes.
    pub result_bytes: usize,
    /// How much of each stream is written to its file, in bytes.
    pub file_bytes: u64,
    /// How much all files of the agent may take together, in bytes.
    pub files_bytes: u64,
    /// How much of one command's output is told as progress while it runs, in bytes.
    pub progress_bytes: usize,
}

impl Default for OutputLimits {
    fn default() -> Self {
        Self {
            head_bytes: 64 << 10,
            tail_bytes: 64 << 10,
            result_bytes: 30_000,
            file_bytes: 64 << 20,
            files_bytes: 1 << 30,
            progress_bytes: 256 << 10,
        }
    }
}

/// What commands inherit from the environment of massgen by default: how the user's programs are found and how text
/// looks, and nothing that could be a key.
const INHERITED: [&str; 8] = ["PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "USER", "LOGNAME"];

/// The variables for commands: those of `host` that are harmless, and those that are granted by name.
///
/// Nothing else passes: neither the keys of providers nor variables that load code into programs.
pub fn clean_environment(
    host: impl IntoIterator<Item = (String, String)>,
    granted: &[String],
) -> BTreeMap<String, String> {
    let passes = |name: &str| INHERITED.contains(&name) || granted.iter().any(|granted| granted == name);
    let mut environment: BTreeMap<_, _> = host.into_iter().filter(|(name, _)| passes(name)).collect();
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    environment.entry("PATH".to_owned()).or_insert_with(|| path.to_owned());
    environment.entry("LANG".to_owned()).or_insert_with(|| "C.UTF-8".to_owned());
    environment.entry("TERM".to_owned()).or_insert_with(|| "dumb".to_owned());
    // Nobody is there to answer, and pages are made elsewhere.
    for (name, value) in [("PAGER", "cat"), ("GIT_PAGER", "cat"), ("GIT_TERMINAL_PROMPT", "0")] {
        environment.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_pass_only_by_name() {
        let host = [("PATH", "/bin"), ("OPENAI_API_KEY", "sk-1"), ("LD_PRELOAD", "x.so"), ("GITHUB_TOKEN", "t")];
        let host = host.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = clean_environment(host.clone(), &["GITHUB_TOKEN".to_owned()]);
        assert_eq!(environment["PATH"], "/bin");
        assert_eq!(environment["GITHUB_TOKEN"], "t");
        assert_eq!(environment["LANG"], "C.UTF-8");
        assert!(!environment.contains_key("OPENAI_API_KEY") && !environment.contains_key("LD_PRELOAD"));
        assert!(clean_environment(host, &[])["PATH"] == "/bin");
    }
}
