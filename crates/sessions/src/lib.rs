//! Sessions: turns that follow each other, kept in folders, and an index over them.
//!
//! The folders of a [`SessionStore`] are the truth. The [`Index`] only makes them quick to list, to search and
//! to add up: it can be deleted at any time and is built again from the folders. The [`Registry`] is a
//! list of sessions that other programs read too.

mod error;
mod export;
mod files;
mod history;
mod id;
mod index;
mod lock;
mod moment;
mod open_turn;
mod registry;
mod session;
mod session_files;
mod spend;
mod store;
mod text;
mod turn;

pub use error::SessionError;
pub use export::{Course, SessionDocument, TimelineEntry, TimelineKind, TurnDocument, export_html, export_markdown};
pub use history::Exchange;
pub use id::SessionId;
pub use index::{
    CostBy, CostLine, CostReport, Filter, Hit, Index, IndexError, Opened, Page, Piece, Range, Refreshed, SessionLine,
    SessionStanding,
};
pub use open_turn::{OpenTurnFolder, TurnEnd, TurnResult};
pub use registry::{Registration, Registry, RegistryEntry, RegistryError, SetAside};
pub use session::Session;
pub use spend::AgentSpend;
pub use store::{Found, PruneRule, Pruned, Removed, SessionStore, Spared};
pub use turn::{Partial, TurnRecord, TurnStatus};
