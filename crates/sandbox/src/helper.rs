//! The helper: this program, started again in another role.
//!
//! A job has two stages of it. The *supervisor* stands outside the box: it starts the box, adopts whatever the job
//! leaves behind, measures, and kills all of it when told to or when the main program is gone. The *confiner* stands
//! inside: it gives up what the job must not have and then becomes the job, or starts it.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod confine;
mod descendants;
mod descriptors;
mod filter;
mod masks;
mod restrict;
mod supervise;
mod watch;

pub(crate) use restrict::{connecting_can_be_limited, missing as landlock_missing};

/// The first argument of the first stage.
pub(crate) const SUPERVISE: &str = "__sandbox-supervise";

/// The first argument of the second stage.
pub(crate) const CONFINE: &str = "__sandbox-confine";

/// A program that calls [`helper_main_if_asked`] first thing in `main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    program: PathBuf,
}

impl Helper {
    /// This very program.
    ///
    /// # Errors
    /// When the system does not say where it is.
    pub fn current() -> io::Result<Self> {
        Ok(Self { program: std::env::current_exe()? })
    }

    /// Another program.
    #[must_use]
    pub fn at(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }
}

/// Does the work of the helper when this process was started for it. A program that uses the drivers with
/// [`Helper::current`] calls this before anything else, in particular before it starts threads, and ends with the code
/// if there is one.
#[must_use]
pub fn helper_main_if_asked() -> Option<ExitCode> {
    match std::env::args_os().nth(1).as_deref().and_then(OsStr::to_str)? {
        SUPERVISE => Some(supervise::main()),
        CONFINE => Some(confine::main()),
        _ => None,
    }
}
