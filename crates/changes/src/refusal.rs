//! Why a path is not changed.

use serde::Serialize;

/// Why a path was not copied, or a change is not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// The user protected the path, or a folder above it.
    #[error("the path is protected")]
    Protected,
    /// A name that is never applied: keys, version control, caches.
    #[error("files of this name are never applied")]
    Excluded,
    /// Only one file was granted, and this is another one.
    #[error("the path is outside the file that was granted")]
    OutsideContextPath,
    /// A symlink whose way leaves the context path.
    #[error("the symlink leads outside the context path")]
    LeadsOutside,
    /// A device, a pipe, a socket.
    #[error("it is neither a file nor a symlink")]
    NotAFile,
    /// Git ignores the path, so that it was not copied; the user's own file of that name stays.
    #[error("git ignores the path, so it was not part of the copy")]
    Ignored,
    /// A repository inside the repository.
    #[error("it belongs to another repository: name that one as a context path of its own")]
    OtherRepository,
    /// The file could not be read when the copy was made.
    #[error("the file cannot be read")]
    Unreadable,
}
