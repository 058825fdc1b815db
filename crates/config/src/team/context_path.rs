//! Files and directories outside the workspaces.

use std::path::PathBuf;

use crate::{AgentConfig, Environment, OrchestratorConfig, Text};

/// A file or directory outside the workspaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextPath {
    /// The path as written.
    pub path: Text,
    /// What the agents may do there.
    pub permission: Permission,
    /// Parts of it, relative to it, that must not be changed.
    pub protected_paths: Vec<Text>,
    /// What it is, for the agents to read.
    pub description: Option<Text>,
}

/// What agents may do with a context path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Look.
    Read,
    /// Look and change.
    Write,
}

/// A context path as it is on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedContextPath {
    /// The file or directory, absolute.
    pub path: PathBuf,
    /// What the agents may do there.
    pub permission: Permission,
    /// Parts of it that must not be changed, absolute and inside of it.
    pub protected: Vec<PathBuf>,
    /// What it is, for the agents to read.
    pub description: Option<Text>,
}

impl ContextPath {
    /// Where it is. Symbolic links are not looked at. Protected parts outside of it, which
    /// [`load`](crate::load) refuses, are left out.
    #[must_use]
    pub fn resolved(&self, environment: &Environment) -> ResolvedContextPath {
        let path = environment.absolute(&self.path);
        let inside = Environment { cwd: path.clone(), ..Environment::default() };
        let protected = self.protected_paths.iter().map(|part| inside.absolute(part));
        ResolvedContextPath {
            protected: protected.filter(|part| part.starts_with(&path)).collect(),
            permission: self.permission,
            description: self.description.clone(),
            path,
        }
    }
}

impl OrchestratorConfig {
    /// The context paths of an agent: the team's, then the agent's own. Where both name the same path, the
    /// team's entry counts.
    #[must_use]
    pub fn context_paths_of(&self, agent: &AgentConfig, environment: &Environment) -> Vec<ResolvedContextPath> {
        let mut paths: Vec<ResolvedContextPath> = Vec::new();
        for context in self.context_paths.iter().chain(&agent.backend.files.context_paths) {
            let resolved = context.resolved(environment);
            if !paths.iter().any(|known| known.path == resolved.path) {
                paths.push(resolved);
            }
        }
        paths
    }
}
