//! How containers are made.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::{Credentials, DockerError};

/// The reference's image.
pub const DEFAULT_IMAGE: &str = "ghcr.io/massgen/mcp-runtime:latest";

/// The reference's image with `sudo`.
pub const DEFAULT_SUDO_IMAGE: &str = "ghcr.io/massgen/mcp-runtime-sudo:latest";

/// How the containers of one agent are made: the reference's keys `command_line_docker_*`.
#[derive(Clone, Default)]
pub struct DockerSettings {
    /// Where the engine is, as in `DOCKER_HOST`; by default `unix:///var/run/docker.sock`.
    pub host: Option<String>,
    /// The image; by default the reference's.
    pub image: Option<String>,
    /// Which network containers have, for jobs that are granted one.
    pub network: NetworkMode,
    /// The memory of the container in bytes; by default what its jobs are granted.
    pub memory_limit: Option<u64>,
    /// How many processors it may use.
    pub cpu_limit: Option<f64>,
    /// Whether jobs may become root with `sudo`. Then they keep the engine's usual capabilities.
    pub enable_sudo: bool,
    /// What of the user's credentials jobs get.
    pub credentials: Credentials,
    /// What is installed when a container is made.
    pub packages: Packages,
    /// The user's home directory, where their credentials are.
    pub home: Option<PathBuf>,
    /// The environment of massgen, of which jobs get what the credentials name.
    pub environment: BTreeMap<String, String>,
    /// What tells the containers of this run from those of others.
    pub instance: String,
    /// What tells this agent's containers from its peers'.
    pub agent: String,
}

/// Which network a container has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetworkMode {
    /// None.
    #[default]
    None,
    /// The engine's.
    Bridge,
    /// That of the host.
    Host,
}

/// What is installed when a container is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packages {
    /// By `pip`.
    pub python: Vec<String>,
    /// By `npm`, globally.
    pub npm: Vec<String>,
    /// By the package manager of the image's system: apt, apk or dnf.
    pub system: Vec<String>,
}

impl DockerSettings {
    /// The image, with the reference's rule: who asks for `sudo` and names no image of their own gets the one that has
    /// it.
    #[must_use]
    pub fn image(&self) -> &str {
        match self.image.as_deref() {
            None | Some(DEFAULT_IMAGE) if self.enable_sudo => DEFAULT_SUDO_IMAGE,
            None => DEFAULT_IMAGE,
            Some(image) => image,
        }
    }

    /// Whether the settings go together.
    pub(crate) fn check(&self) -> Result<(), DockerError> {
        if !self.packages.is_empty() && self.network == NetworkMode::None {
            return Err(DockerError::Setting {
                key: "command_line_docker_packages.preinstall",
                problem: "installing needs a network; set `command_line_docker_network_mode: bridge`".to_owned(),
            });
        }
        Ok(())
    }
}

impl fmt::Debug for DockerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the environment nor what follows from it: they hold keys.
        f.debug_struct("DockerSettings")
            .field("host", &self.host)
            .field("image", &self.image())
            .field("network", &self.network)
            .field("instance", &self.instance)
            .field("agent", &self.agent)
            .finish_non_exhaustive()
    }
}

impl NetworkMode {
    /// Its name in the configuration and for the engine.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bridge => "bridge",
            Self::Host => "host",
        }
    }

    /// The mode of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::Bridge, Self::Host].into_iter().find(|mode| mode.name() == name)
    }
}

impl Packages {
    pub(crate) fn is_empty(&self) -> bool {
        self.python.is_empty() && self.npm.is_empty() && self.system.is_empty()
    }
}

/// Reads an amount of memory as Docker writes it: a number with one of the units `b`, `k`, `m`, `g`.
///
/// # Errors
/// When it is something else.
pub fn memory_bytes(text: &str) -> Result<u64, DockerError> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit: u64 = match lower.strip_prefix(digits).unwrap_or_default() {
        "" | "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        _ => 0,
    };
    let bytes = digits.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    // The engines refuse less than this.
    bytes.filter(|bytes| *bytes >= 6 << 20).ok_or_else(|| DockerError::Setting {
        key: "command_line_docker_memory_limit",
        problem: format!("`{text}` is not an amount of memory of at least 6m, such as `512m` or `2g`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_docker_writes_it() {
        for (text, bytes) in [("2g", 2 << 30), ("512M", 512 << 20), ("10485760", 10 << 20), (" 64mb ", 64 << 20)] {
            assert_eq!(memory_bytes(text).unwrap(), bytes);
        }
        for text in ["", "g", "2t", "1k", "-1g", "99999999999g", "1.5g"] {
            assert!(memory_bytes(text).unwrap_err().to_string().contains("such as `512m`"), "{text}");
        }
    }

    #[test]
    fn who_asks_for_sudo_gets_an_image_that_has_it() {
        let image = |image: Option<&str>, enable_sudo| {
            let settings = DockerSettings { image: image.map(str::to_owned), enable_sudo, ..Default::default() };
            settings.image().to_owned()
        };
        assert_eq!(image(None, false), DEFAULT_IMAGE);
        assert_eq!(image(None, true), DEFAULT_SUDO_IMAGE);
        assert_eq!(image(Some(DEFAULT_IMAGE), true), DEFAULT_SUDO_IMAGE);
        assert_eq!(image(Some("mine:1"), true), "mine:1");
    }
}
