//! Runs jobs in containers of Docker or of Podman.
//!
//! [`Docker`] is the driver of one agent. It keeps one container, made when the first job needs it, kept across turns,
//! and replaced when what is granted changes. What is granted stands in it under the same paths as outside. A job is
//! an `exec` in it: as the user's own id without capabilities, ended with everything that it started.

mod container;
mod credentials;
mod docker;
mod engine;
mod error;
mod hijack;
mod job;
mod mounts;
mod owner;
mod scripts;
mod settings;

pub use credentials::{AdditionalMount, Credentials};
pub use docker::Docker;
pub use error::DockerError;
pub use settings::{DEFAULT_IMAGE, DEFAULT_SUDO_IMAGE, DockerSettings, NetworkMode, Packages, memory_bytes};
