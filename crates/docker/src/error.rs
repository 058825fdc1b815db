//! What can go wrong before a job runs.

use std::error::Error as _;
use std::path::PathBuf;

use massgen_sandbox::StartError;

/// Why containers cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DockerError {
    /// Nothing answers at the engine's address.
    #[error(
        "no container engine answers at `{host}`: {problem}; start Docker (`sudo systemctl start docker`) or Podman's \
         service (`systemctl --user start podman.socket`), see that you may use its socket (`sudo usermod -aG docker \
         $USER`, then log in again), or say with DOCKER_HOST where it is"
    )]
    NoEngine {
        /// Its address.
        host: String,
        /// What happened.
        problem: String,
    },
    /// The engine's address is not a socket of this machine.
    #[error(
        "the container engine `{host}` cannot be used: what agents work on is on this machine, so its engine must be, \
         too; give a Unix socket, as in `unix:///var/run/docker.sock`"
    )]
    NotLocal {
        /// Its address.
        host: String,
    },
    /// The image is neither there nor to be had.
    #[error(
        "the image `{image}` is not on this machine and cannot be pulled: {problem}; pull or build it, or name another \
         one with `command_line_docker_image`"
    )]
    NoImage {
        /// Its name.
        image: String,
        /// What the engine says.
        problem: String,
    },
    /// The image lacks what every container needs.
    #[error("the image `{image}` cannot be used: {problem}")]
    UnfitImage {
        /// Its name.
        image: String,
        /// What is missing.
        problem: String,
    },
    /// A setting makes no sense.
    #[error("`{key}` cannot be used: {problem}")]
    Setting {
        /// Which.
        key: &'static str,
        /// Why, and what to write instead.
        problem: String,
    },
    /// A path that the settings or a job name cannot be mounted.
    #[error("`{}` cannot be mounted into a container: {problem}", path.display())]
    Mount {
        /// Which.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// The engine refused.
    #[error("{what}: {problem}")]
    Engine {
        /// Which step failed.
        what: String,
        /// Its words.
        problem: String,
    },
}

impl DockerError {
    /// A step that the engine refused.
    pub(crate) fn engine(what: impl Into<String>, error: &bollard::errors::Error) -> Self {
        Self::Engine { what: what.into(), problem: said(error) }
    }
}

impl From<DockerError> for StartError {
    fn from(error: DockerError) -> Self {
        match error {
            DockerError::Mount { path, problem } => Self::Grant { path, problem },
            DockerError::Engine { what, problem } => Self::Engine { what, problem },
            other => Self::CannotEnforce { driver: "docker", missing: other.to_string() },
        }
    }
}

/// What an engine said, or why it could not.
pub(crate) fn said(error: &bollard::errors::Error) -> String {
    if let bollard::errors::Error::DockerResponseServerError { message, .. } = error {
        return message.trim().to_owned();
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Whether the engine said that there is no such thing.
pub(crate) fn is_absent(error: &bollard::errors::Error) -> bool {
    matches!(error, bollard::errors::Error::DockerResponseServerError { status_code: 404, .. })
}
