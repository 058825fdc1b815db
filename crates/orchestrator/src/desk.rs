//! Where an agent works, and where it sees what its peers have made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use massgen_protocol::{AgentIndex, SnapshotId};
use massgen_workspace::{PeerViews, Prepared, Published, SnapshotStore};

/// The directories of one agent.
#[derive(Debug, Clone)]
pub struct Desk {
    workspace: PathBuf,
    peers: PathBuf,
    views: Arc<PeerViews>,
    store: Arc<SnapshotStore>,
}

impl Desk {
    /// A desk at `workspace`, which only this agent writes. Under `peers` it gets copies of what goes with the current
    /// answers. Both are absolute.
    #[must_use]
    pub fn new(workspace: PathBuf, peers: PathBuf, store: Arc<SnapshotStore>) -> Self {
        let views = Arc::new(PeerViews::new(&peers));
        Self { workspace, peers, views, store }
    }

    /// The agent's own directory.
    #[must_use]
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// Where it sees its peers' files.
    #[must_use]
    pub fn peers(&self) -> &Path {
        &self.peers
    }

    /// Takes the workspace as it is into the store; `None` when there is nothing in it.
    ///
    /// # Errors
    /// When it cannot be read or stored, in words for the user.
    pub(crate) async fn snapshot(&self) -> Result<Option<Published>, String> {
        let (store, workspace) = (Arc::clone(&self.store), self.workspace.clone());
        let published = off_the_loop(move || store.publish(&workspace)).await?;
        Ok((published.files > 0).then_some(published))
    }

    /// Shows exactly these snapshots, each under its author's anonymous name.
    ///
    /// # Errors
    /// When the copies cannot be made, in words for the user.
    pub(crate) async fn show(&self, snapshots: Vec<(AgentIndex, SnapshotId)>) -> Result<Prepared, String> {
        let (views, store) = (Arc::clone(&self.views), Arc::clone(&self.store));
        off_the_loop(move || views.show(&store, &snapshots)).await
    }

    /// Where the files of `author` are, as this agent sees them.
    #[must_use]
    pub fn files_of(&self, author: AgentIndex) -> PathBuf {
        self.peers.join(author.to_string())
    }

    /// Whose files `path` is among, and where there.
    pub(crate) fn author_of<'a>(&self, path: &'a Path) -> Option<(AgentIndex, &'a Path)> {
        let inside = path.strip_prefix(&self.peers).ok()?;
        let first = inside.components().next()?;
        let author = first.as_os_str().to_str()?.parse().ok()?;
        Some((author, inside.strip_prefix(first).unwrap_or(inside)))
    }
}

/// Work that waits for the disk, away from the threads that keep everything else going.
async fn off_the_loop<T: Send + 'static, E: std::error::Error + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(|error| crate::words::with_causes(&error)),
        Err(error) => Err(format!("an internal error, please report it: {error}")),
    }
}
