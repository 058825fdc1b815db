//! The container that an agent's commands run in.

use crate::{ByteCount, Text, Written};

/// The container that an agent's commands run in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DockerConfig {
    /// The image; see [`image`](Self::image) for the one when none is named.
    pub image: Option<Text>,
    /// Which network it has.
    pub network: DockerNetwork,
    /// How much memory it has. `None`: no limit of its own.
    pub memory_limit: Option<ByteCount>,
    /// How many processors it has. `None`: no limit of its own.
    pub cpu_limit: Option<f64>,
    /// Whether commands may become root in it.
    pub enable_sudo: bool,
    /// What it sees of the user's keys and logins.
    pub credentials: DockerCredentials,
    /// What is installed before the first command.
    pub packages: DockerPackages,
}

impl DockerConfig {
    /// The image when the config names none.
    pub const IMAGE: &str = "ghcr.io/massgen/mcp-runtime:latest";

    /// The image with `sudo` when the config names none.
    pub const SUDO_IMAGE: &str = "ghcr.io/massgen/mcp-runtime-sudo:latest";

    /// The image to start. With `enable_sudo`, the usual image is replaced by the usual one with `sudo`, as the
    /// reference does.
    #[must_use]
    pub fn image(&self) -> &str {
        match self.image.as_deref() {
            Some(image) if !self.enable_sudo || image != Self::IMAGE => image,
            Some(_) => Self::SUDO_IMAGE,
            None if self.enable_sudo => Self::SUDO_IMAGE,
            None => Self::IMAGE,
        }
    }
}

/// Which network a container has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DockerNetwork {
    /// None.
    #[default]
    None,
    /// Docker's own, which leads outside.
    Bridge,
    /// That of this machine.
    Host,
}

impl DockerNetwork {
    /// Every network and its name, which Docker gives it, too.
    pub const NAMES: &[(&str, Self)] = &[("none", Self::None), ("bridge", Self::Bridge), ("host", Self::Host)];
}

/// What a container sees of the user's keys and logins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DockerCredentials {
    /// Logins of the user that it may read.
    pub mount: Vec<CredentialMount>,
    /// More files and directories of the user.
    pub additional_mounts: Vec<DockerMount>,
    /// A file of variables, as written.
    pub env_file: Option<Text>,
    /// The names of the user's variables that it sees.
    pub env_vars: Vec<Text>,
    /// The names of the variables of `env_file` that it sees. `None`: all of them.
    pub env_vars_from_file: Option<Vec<Text>>,
    /// Whether it sees all variables of the user.
    pub pass_all_env: bool,
}

/// A login of the user, by the reference's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialMount {
    /// `~/.ssh`.
    SshKeys,
    /// `~/.gitconfig`.
    GitConfig,
    /// `~/.config/gh`.
    GhConfig,
    /// `~/.npmrc`.
    NpmConfig,
    /// `~/.pypirc`.
    PypiConfig,
    /// `~/.claude`.
    ClaudeConfig,
    /// `~/.codex`.
    CodexConfig,
}

impl CredentialMount {
    /// Every login and its name in configs.
    pub const NAMES: &[(&str, Self)] = &[
        ("ssh_keys", Self::SshKeys),
        ("git_config", Self::GitConfig),
        ("gh_config", Self::GhConfig),
        ("npm_config", Self::NpmConfig),
        ("pypi_config", Self::PypiConfig),
        ("claude_config", Self::ClaudeConfig),
        ("codex_config", Self::CodexConfig),
    ];

    /// Where it is below a home directory, the user's and the container's.
    #[must_use]
    pub fn path_in_home(self) -> &'static str {
        match self {
            Self::SshKeys => ".ssh",
            Self::GitConfig => ".gitconfig",
            Self::GhConfig => ".config/gh",
            Self::NpmConfig => ".npmrc",
            Self::PypiConfig => ".pypirc",
            Self::ClaudeConfig => ".claude",
            Self::CodexConfig => ".codex",
        }
    }
}

/// A file or directory of the user in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerMount {
    /// Where it is on this machine, as written.
    pub host: String,
    /// Where it is in the container.
    pub bind: Text,
    /// Whether commands may change it.
    pub is_writable: bool,
}

/// What is installed in a container before the first command.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DockerPackages {
    /// With `pip`.
    pub python: Vec<Text>,
    /// With `npm`.
    pub npm: Vec<Text>,
    /// With the system's package manager, which needs root.
    pub system: Vec<Text>,
    /// Options that are known but not acted upon, as written.
    pub unbuilt: Written,
}
