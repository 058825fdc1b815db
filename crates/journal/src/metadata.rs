//! `execution_metadata.yaml`: how a run was started.

use std::path::PathBuf;

use massgen_protocol::redact;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a run was started, as `execution_metadata.yaml` tells it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunMetadata {
    /// The task.
    pub query: String,
    /// When, in ISO 8601, see [`Stamps::iso`](crate::Stamps::iso).
    pub timestamp: String,
    /// The config file, if there is one.
    pub config_path: Option<PathBuf>,
    /// The config as it was written, references such as `${KEY}` not resolved.
    pub config: Value,
    /// The arguments of the command line.
    pub cli_args: Value,
    /// The program's version.
    pub version: String,
    /// Where it was started.
    pub cwd: PathBuf,
}

impl RunMetadata {
    /// The file's name in the log folder of an attempt.
    pub const FILE_NAME: &str = "execution_metadata.yaml";

    /// Reads back what [`to_yaml`](Self::to_yaml) has written.
    ///
    /// # Errors
    /// When it is not that.
    pub fn from_yaml(text: &str) -> Result<Self, serde_saphyr::Error> {
        serde_saphyr::from_str(text)
    }

    /// The YAML text. What looks like a secret is left out, wherever it is.
    ///
    /// # Errors
    /// When the values cannot be written as YAML.
    pub fn to_yaml(&self) -> Result<String, serde_saphyr::SerializeError> {
        let mut metadata = self.clone();
        redact(&mut metadata.config);
        redact(&mut metadata.cli_args);
        serde_saphyr::to_string(&metadata)
    }
}
