//! Workspaces of agents, and immutable snapshots of them.
//!
//! Each agent has one [`Workspace`], which only it writes. With every answer its content is published into a
//! [`SnapshotStore`]: content-addressed, so that equal files are stored once and equal workspaces have equal names.
//! At the start of a turn [`PeerViews`] gives an agent a private, writable copy of what the others published.
//!
//! Everything here blocks; async callers use a blocking thread. All paths below a workspace or a view are taken one
//! component at a time from open directories, without following symbolic links: whoever owns such a tree may be
//! running programs in it at the same time, and must not be able to lead a reader or a writer out of it.

mod at;
mod bytes;
mod hash;
mod jobs;
mod limits;
mod links;
mod lock;
mod peer_views;
mod remove;
mod stamp;
mod stat_cache;
mod store;
mod tree;
mod workspace;

pub use hash::ContentHash;
pub use limits::{EXCLUDED_NAMES, GENERATED_MARK, StoreSettings};
pub use peer_views::{PeerViews, Prepared, ViewError};
pub use store::{
    Entry, EntryKind, Materialised, Published, Removed, Sharing, Skipped, SnapshotStore, StoreError, WhySkipped,
};
pub use workspace::{Workspace, WorkspaceError};
