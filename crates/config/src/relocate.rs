//! Where the directories that a config names are: all that massgen makes is under `.massgen`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::{BackendConfig, OrchestratorConfig};

/// The directory for everything that massgen makes in a project.
const OWN: &str = ".massgen";

/// The reference that stands for an agent's workspace.
const WORKSPACE: &str = "${cwd}";

impl OrchestratorConfig {
    /// Where snapshots of workspaces are kept, relative to the project or absolute.
    #[must_use]
    pub fn snapshot_directory(&self) -> Option<PathBuf> {
        self.snapshot_storage.as_deref().map(|path| relocated(path, OWN))
    }

    /// Where agents see each other's snapshots, relative to the project or absolute.
    #[must_use]
    pub fn temporary_workspace(&self) -> Option<PathBuf> {
        self.agent_temporary_workspace.as_deref().map(|path| relocated(path, OWN))
    }
}

impl BackendConfig {
    /// Where the agent's workspace is, relative to the project or absolute. Two agents may name
    /// the same: whoever makes the workspaces keeps them apart.
    #[must_use]
    pub fn workspace(&self) -> Option<PathBuf> {
        self.cwd.as_deref().map(|path| relocated(path, ".massgen/workspaces"))
    }

    /// What goes to the provider, with the workspace in the place of `${cwd}`.
    #[must_use]
    pub fn params_in(&self, workspace: &Path) -> Map<String, Value> {
        let mut params = Value::Object(self.params.values.clone());
        replace_workspace(&mut params, &workspace.to_string_lossy());
        match params {
            Value::Object(params) => params,
            _ => Map::new(),
        }
    }
}

/// An absolute path and one that is under `.massgen` stay; others go under `base`.
fn relocated(path: &str, base: &str) -> PathBuf {
    let plain = path.trim_start_matches("./");
    let is_own = plain == OWN || plain.strip_prefix(OWN).is_some_and(|rest| rest.starts_with('/'));
    match Path::new(path) {
        absolute if absolute.is_absolute() => absolute.to_owned(),
        _ if is_own => plain.into(),
        _ => Path::new(base).join(plain),
    }
}

fn replace_workspace(value: &mut Value, workspace: &str) {
    match value {
        Value::String(text) if text.contains(WORKSPACE) => *text = text.replace(WORKSPACE, workspace),
        Value::Array(items) => items.iter_mut().for_each(|item| replace_workspace(item, workspace)),
        Value::Object(map) => map.values_mut().for_each(|value| replace_workspace(value, workspace)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_go_under_the_own_directory() {
        for (written, place) in [
            ("snapshots", ".massgen/snapshots"),
            ("./snapshots", ".massgen/snapshots"),
            (".massgen/snapshots", ".massgen/snapshots"),
            ("./.massgen/snapshots", ".massgen/snapshots"),
            (".massgenerous", ".massgen/.massgenerous"),
            ("/tmp/snapshots", "/tmp/snapshots"),
        ] {
            assert_eq!(relocated(written, OWN), Path::new(place), "{written}");
        }
        assert_eq!(relocated("workspace1", ".massgen/workspaces"), Path::new(".massgen/workspaces/workspace1"));
    }

    #[test]
    fn the_workspace_replaces_its_reference_everywhere() {
        let mut value = serde_json::json!({"args": ["--dir=${cwd}/p", 1], "n": {"x": "${cwd}"}});
        replace_workspace(&mut value, "/w");
        assert_eq!(value, serde_json::json!({"args": ["--dir=/w/p", 1], "n": {"x": "/w"}}));
    }
}
