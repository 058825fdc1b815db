//! Changes to a user's files, made in an isolated copy, reviewed, and applied as one.
//!
//! What a user allows agents to change is never written directly. [`Isolated`] makes a copy (a git worktree where the
//! path is in a repository); [`Isolated::changes`] tells what was changed in it, by file and hunk; a [`Selection`] says
//! what of it is accepted (a [`Review`] asks the user); [`apply`] writes it, after checking that nothing changed
//! underneath; [`recover`] finishes or rolls back what a killed process left behind.
//!
//! Invariants:
//! - Nothing is written or deleted outside the context path, through a symlink, at a protected path, or under a name
//!   that is never applied (see [`Refusal`]). Checks are made again when applying, on open folders, not on path names.
//! - Each file is at any time wholly old or wholly new: new contents are staged and replace the old in one rename.
//! - Once the intent of an apply is on the storage device, it is carried to its end by whoever finds it.
//! - What is applied is what was reviewed: contents come from the reviewed hunks, or are checked against their digest.
//!
//! Calls block; whoever needs them in an async program runs them on a thread of their own.

mod apply;
mod base;
mod beneath;
mod change_set;
mod compare;
mod context;
mod display;
mod entry;
mod git;
mod hunk;
mod ignored;
mod isolated;
mod lock;
mod merge;
mod names;
mod path_text;
mod recover;
mod refusal;
mod review;
mod selection;
mod survey;
mod unified;

pub use apply::{Applied, ApplyError, Drift, Overwritten, SkipReason, Skipped, apply};
#[doc(hidden)]
pub use apply::{Observer, apply_observed};
pub use change_set::{ChangeKind, ChangeSet, FileChange, FileMode, Stats};
pub use compare::ChangesError;
pub use context::{ContextKind, ContextPath, ContextPathError};
pub use entry::Digest;
pub use git::GitError;
pub use hunk::{Hunk, Line, LineKind};
pub use isolated::{CopyMode, IsolateError, Isolated, LeftOut, Limits};
pub use names::{is_never_applied, is_secret};
#[doc(hidden)]
pub use recover::recover_observed;
pub use recover::{RecoverError, Recovered, recover};
pub use refusal::Refusal;
pub use review::{Review, Step, Verdict};
pub use selection::{FileSelection, Selection};
