//! Who uses a server, and where that agent's files are.

use std::path::PathBuf;

use massgen_protocol::AgentIndex;

/// An agent, and where results for it may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPlace {
    /// Which agent.
    pub agent: AgentIndex,
    /// Its workspace, absolute. It is the root that a server of this agent's own is told of. Without one, images and
    /// other media in results are dropped, and long results are cut.
    pub workspace: Option<PathBuf>,
    /// The folder for media and long results, relative to the workspace.
    pub media: PathBuf,
}

impl AgentPlace {
    /// An agent with a workspace; media go to its folder `mcp_results`.
    #[must_use]
    pub fn new(agent: AgentIndex, workspace: impl Into<PathBuf>) -> Self {
        Self { agent, workspace: Some(workspace.into()), media: PathBuf::from("mcp_results") }
    }

    /// An agent without a workspace.
    #[must_use]
    pub fn without_workspace(agent: AgentIndex) -> Self {
        Self { agent, workspace: None, media: PathBuf::new() }
    }
}
