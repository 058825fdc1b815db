//! Why a file tool did not do what it was asked, in words that let a model go on.

use std::io;

/// Why a file tool failed. Paths are in the form that the model knows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Nobody granted the path. Whether it exists is not told.
    #[error("`{path}` is outside the places you may use; call list_allowed_directories to see them")]
    NotGranted {
        /// The path.
        path: String,
    },
    /// It may hold keys or tell of other agents.
    #[error("`{path}` is not shown: files of this name hold keys or private data")]
    Secret {
        /// The path.
        path: String,
    },
    /// It is not written.
    #[error("`{path}` cannot be changed: {why}")]
    ReadOnly {
        /// The path.
        path: String,
        /// Why.
        why: &'static str,
    },
    /// A link leads from one place into another.
    #[error("`{path}` leads through a symbolic link into another place; to change the file there, name it directly")]
    LinkAcross {
        /// The path.
        path: String,
    },
    /// It does not exist.
    #[error("there is no `{path}`{}", did_you_mean(nearest))]
    Missing {
        /// The path.
        path: String,
        /// What exists and is near to it.
        nearest: Vec<String>,
    },
    /// A folder was wanted.
    #[error("`{path}` is not a folder")]
    NotAFolder {
        /// The path.
        path: String,
    },
    /// A file was wanted.
    #[error("`{path}` is {what}, not a file{hint}")]
    NotAFile {
        /// The path.
        path: String,
        /// What it is.
        what: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// Something is there already.
    #[error("`{path}` exists already{hint}")]
    Exists {
        /// The path.
        path: String,
        /// What to do.
        hint: &'static str,
    },
    /// A text was wanted.
    #[error("`{path}` is not text but {kind}, {size}; text tools cannot show or change it")]
    Binary {
        /// The path.
        path: String,
        /// What it is.
        kind: &'static str,
        /// How large.
        size: String,
    },
    /// Text that is not UTF-8 cannot be changed without damage.
    #[error("`{path}` is not valid UTF-8 (first at byte {at}), so editing would damage it; rewrite it as a whole")]
    NotUtf8 {
        /// The path.
        path: String,
        /// The first byte that is not.
        at: usize,
    },
    /// It is too large for this.
    #[error("`{path}` is too large for this ({size}; at most {max})")]
    TooLarge {
        /// The path.
        path: String,
        /// How large.
        size: String,
        /// The limit.
        max: String,
    },
    /// It changed between reading and writing.
    #[error("`{path}` was changed by somebody else meanwhile; nothing was written: read it again")]
    Changed {
        /// The path.
        path: String,
    },
    /// Links lead in circles.
    #[error("`{path}` leads through too many symbolic links")]
    Links {
        /// The path.
        path: String,
    },
    /// An edit does not fit.
    #[error("edit {number} of {count} does not fit `{path}`, so nothing was changed: {why}")]
    Edit {
        /// The path.
        path: String,
        /// Which, from 1.
        number: usize,
        /// Of how many.
        count: usize,
        /// Why.
        why: String,
    },
    /// What was never read is not deleted.
    #[error(
        "nothing was deleted: you have neither read nor made {}; look at {} first",
        examples(.files, *.count),
        if *.count == 1 { "it" } else { "them" }
    )]
    Unread {
        /// Up to three of them.
        files: Vec<String>,
        /// How many there are.
        count: usize,
    },
    /// The turn is over.
    #[error("stopped: the call was cancelled")]
    Cancelled,
    /// The arguments do not fit.
    #[error("{0}")]
    Arguments(String),
    /// The system refused.
    #[error("could not {doing} `{path}`: {source}")]
    Io {
        /// What was being done: `read`, `write`.
        doing: &'static str,
        /// The path.
        path: String,
        /// Why not.
        source: io::Error,
    },
}

fn did_you_mean(nearest: &[String]) -> String {
    if nearest.is_empty() {
        return String::new();
    }
    let names: Vec<_> = nearest.iter().map(|name| format!("`{name}`")).collect();
    format!("; did you mean {}?", names.join(" or "))
}

fn examples(files: &[String], count: usize) -> String {
    let names: Vec<_> = files.iter().take(3).map(|file| format!("`{file}`")).collect();
    match count.saturating_sub(names.len()) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// A size in words.
pub(super) fn size_text(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut size = bytes as f64;
    let mut unit = "";
    for next in UNITS {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = next;
    }
    format!("{size:.1} {unit}")
}
