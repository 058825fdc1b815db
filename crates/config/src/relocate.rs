//! Where the directories that a config names are: all that massgen makes is under `.massgen`.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::{BackendConfig, CustomToolConfig, OrchestratorConfig, Params, ToolsConfig};

/// The directory for everything that massgen makes in a project.
const OWN: &str = ".massgen";

/// The reference that stands for an agent's workspace.
const WORKSPACE: &str = "${cwd}";

impl OrchestratorConfig {
    /// Where snapshots of workspaces are kept, relative to the project or absolute; `.massgen/snapshots` when the
    /// config does not say.
    #[must_use]
    pub fn snapshot_directory(&self) -> PathBuf {
        relocated(self.snapshot_storage.as_deref().unwrap_or("snapshots"), OWN)
    }

    /// Where agents see each other's snapshots, relative to the project or absolute; `.massgen/temp_workspaces`
    /// when the config does not say.
    #[must_use]
    pub fn temporary_workspace(&self) -> PathBuf {
        relocated(self.agent_temporary_workspace.as_deref().unwrap_or("temp_workspaces"), OWN)
    }
}

impl BackendConfig {
    /// Where the agent's workspace is, relative to the project or absolute. Two agents may name
    /// the same: whoever makes the workspaces keeps them apart.
    #[must_use]
    pub fn workspace(&self) -> Option<PathBuf> {
        self.cwd.as_deref().map(|path| relocated(path, ".massgen/workspaces"))
    }

    /// The same for one run: the suffix keeps workspaces of the same name apart. A leaf such as `workspace2` becomes
    /// `workspace`, so that its number does not tell the agent which of the team it is. Each agent needs a suffix
    /// of its own.
    #[must_use]
    pub fn workspace_of_run(&self, suffix: InstanceSuffix) -> Option<PathBuf> {
        let path = self.workspace()?;
        let leaf = path.file_name().map_or_else(|| "workspace".into(), |leaf| leaf.to_string_lossy());
        let is_numbered = leaf
            .strip_prefix("workspace")
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        let leaf = if is_numbered { "workspace" } else { &*leaf };
        Some(path.with_file_name(format!("{leaf}_{suffix}")))
    }

    /// What goes to the provider, with the workspace in the place of `${cwd}`.
    #[must_use]
    pub fn params_in(&self, workspace: &Path) -> Map<String, Value> {
        values_in(&self.params, workspace)
    }
}

impl ToolsConfig {
    /// Where code finds the tools for all agents, relative to the project or absolute; `None`: each workspace has a
    /// copy.
    #[must_use]
    pub fn shared_tools(&self) -> Option<PathBuf> {
        self.shared_tools_directory.as_deref().map(|path| relocated(path, OWN))
    }
}

impl CustomToolConfig {
    /// The arguments that the model does not choose, with the workspace in the place of `${cwd}`.
    #[must_use]
    pub fn preset_args_in(&self, workspace: &Path) -> Map<String, Value> {
        values_in(&self.preset_args, workspace)
    }
}

fn values_in(params: &Params, workspace: &Path) -> Map<String, Value> {
    let mut values = Value::Object(params.values.clone());
    replace_workspace(&mut values, &workspace.to_string_lossy());
    match values {
        Value::Object(values) => values,
        _ => Map::new(),
    }
}

/// What keeps the workspaces of runs and agents apart: eight hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InstanceSuffix(pub u32);

impl fmt::Display for InstanceSuffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// A text with the workspace in the place of `${cwd}`.
pub(crate) fn in_workspace(text: &str, workspace: &str) -> String {
    text.replace(WORKSPACE, workspace)
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
        Value::String(text) if text.contains(WORKSPACE) => *text = in_workspace(text, workspace),
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

    #[test]
    fn a_workspace_of_a_run_does_not_tell_whose_it_is() {
        let mut config = crate::TeamConfig::single(None, Some("gpt-5"), None, None).expect("a team");
        let backend = &mut config.agents[0].backend;
        assert_eq!(backend.workspace_of_run(InstanceSuffix(1)), None, "an agent without `cwd` has no workspace");
        for (written, place) in [
            ("workspace2", ".massgen/workspaces/workspace_0000a1b2"),
            ("workspace", ".massgen/workspaces/workspace_0000a1b2"),
            ("team/workspace12", ".massgen/workspaces/team/workspace_0000a1b2"),
            ("workspace_b", ".massgen/workspaces/workspace_b_0000a1b2"),
            ("/srv/mine", "/srv/mine_0000a1b2"),
        ] {
            backend.cwd = Some(written.into());
            assert_eq!(backend.workspace_of_run(InstanceSuffix(0xa1b2)), Some(place.into()), "{written}");
        }
    }

    #[test]
    fn directories_have_places_without_being_named() {
        let usual = OrchestratorConfig::default();
        assert_eq!(usual.snapshot_directory(), Path::new(".massgen/snapshots"));
        assert_eq!(usual.temporary_workspace(), Path::new(".massgen/temp_workspaces"));
        let tools = ToolsConfig { shared_tools_directory: Some("shared_tools".into()), ..ToolsConfig::default() };
        assert_eq!(tools.shared_tools(), Some(".massgen/shared_tools".into()));
    }
}
