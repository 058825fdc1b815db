//! What the drivers tell the helper, and what it answers.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::groups::Groups;
use crate::{Ending, Invocation};

/// The first stage: a process outside the box that looks after the job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Supervision {
    /// The program, with its arguments, that makes the box and starts the second stage in it.
    pub(crate) starter: Vec<OsString>,
    /// Options that it reads from the descriptor that its first option `--args` names, since they can be more than
    /// fit into a command line.
    pub(crate) options: Vec<OsString>,
    /// What the second stage does.
    pub(crate) confinement: Confinement,
    /// The control groups that the job is put into.
    pub(crate) groups: Groups,
    /// What is measured while the job runs.
    pub(crate) watch: Watch,
    /// A folder of the job alone, that is removed with it.
    pub(crate) private: Option<PathBuf>,
    /// Whether the job gets a signal domain, so that one call reaches all of its processes and nothing else.
    pub(crate) signal_domain: bool,
}

/// The second stage: inside the box, it gives up what the job must not have, and becomes or starts the job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Confinement {
    pub(crate) program: Program,
    pub(crate) cwd: PathBuf,
    pub(crate) env: BTreeMap<String, String>,
    /// Whether it starts the job and waits for it, as the first process of a process namespace must, or becomes it.
    pub(crate) stays: bool,
    pub(crate) terminal: bool,
    pub(crate) resources: Resources,
    /// Files that must be what they were when the box was planned.
    pub(crate) identities: Vec<(PathBuf, Identity)>,
    /// Paths over which there must be a mask.
    pub(crate) masks: Vec<(PathBuf, HiddenKind)>,
    /// Gives up the rights of root, and new privileges for good.
    pub(crate) drop_privileges: bool,
    /// What Landlock allows.
    pub(crate) landlock: Option<LandlockPlan>,
    /// Which system calls are refused.
    pub(crate) filter: Option<Filter>,
}

/// What is started.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Program {
    Shell(String),
    Arguments(Vec<OsString>),
}

impl From<Invocation> for Program {
    fn from(invocation: Invocation) -> Self {
        match invocation {
            Invocation::Shell(line) => Self::Shell(line),
            Invocation::Program(arguments) => Self::Arguments(arguments),
        }
    }
}

/// Limits of each process, and of all of a user.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resources {
    pub(crate) data_bytes: Option<u64>,
    pub(crate) processes: Option<u64>,
    pub(crate) file_bytes: Option<u64>,
    pub(crate) cpu_seconds: Option<u64>,
    pub(crate) open_files: Option<u64>,
}

/// What is hidden at a path, and so which mask is put over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum HiddenKind {
    /// Anything but a directory. Its mask is the null device, mounted so that no device can be opened.
    File,
    /// Its mask is an empty directory, read-only and on a file system of its own.
    Directory,
}

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// What is measured while a job runs, because the system cannot limit it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Watch {
    /// Bytes by which these trees may grow together.
    pub(crate) disk: Option<(u64, Vec<PathBuf>)>,
    /// Bytes of memory of all processes together.
    pub(crate) memory: Option<u64>,
}

/// What Landlock allows a job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LandlockPlan {
    /// Paths, with what may be done beneath them. `None` stands for everything: only signals and sockets are kept in.
    pub(crate) paths: Option<Vec<LandlockPath>>,
    /// Whether TCP is allowed.
    pub(crate) tcp: bool,
    /// Whether a missing feature of the system is an error.
    pub(crate) required: bool,
}

/// A path that Landlock allows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LandlockPath {
    pub(crate) path: PathBuf,
    pub(crate) access: LandlockAccess,
    /// What it must be; unset for parts of the system.
    pub(crate) identity: Option<Identity>,
    /// Left out, and not an error, when it is gone or replaced by then.
    pub(crate) optional: bool,
}

/// What may be done with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LandlockAccess {
    Read,
    /// Listing folders, and nothing of what is in their files.
    List,
    Write,
    Device,
    Connect,
}

/// Which system calls are refused, besides those that no job needs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Filter {
    /// Sockets of the internet families, and questions about its interfaces.
    pub(crate) internet: bool,
    /// Unix sockets. Pairs of connected ones are always allowed.
    pub(crate) unix: bool,
    /// Shared memory and queues of System V and POSIX, which have no path.
    pub(crate) shared_memory: bool,
}

/// What the first stage tells the main program.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// It runs, and waits for its plan.
    Ready,
    /// The job runs.
    Started,
    /// The job was not started.
    Failed(Failure),
    /// The job is over and nothing of it runs.
    Ended { code: Option<i32>, signal: Option<i32>, ending: EndingWord },
}

/// `Ending`, as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EndingWord {
    Itself,
    Killed,
    OutOfMemory,
    OutOfDisk,
}

impl From<EndingWord> for Ending {
    fn from(word: EndingWord) -> Self {
        match word {
            EndingWord::Itself => Self::Itself,
            EndingWord::Killed => Self::Killed,
            EndingWord::OutOfMemory => Self::OutOfMemory,
            EndingWord::OutOfDisk => Self::OutOfDisk,
        }
    }
}

/// Why a job was not started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// Which step failed.
    pub(crate) step: String,
    /// Why.
    pub(crate) problem: String,
    /// The system's number for it, if it has one.
    pub(crate) os_error: Option<i32>,
}

impl Failure {
    pub(crate) fn new(step: impl Into<String>, error: &(dyn std::error::Error + 'static)) -> Self {
        let os_error = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
        let mut problem = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            problem = format!("{problem}: {cause}");
            source = cause.source();
        }
        Self { step: step.into(), problem, os_error }
    }
}

/// What the second stage tells the first.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Notice {
    /// The box is closed; the program starts now, or has started where the second stage stays.
    Confined,
    Failed(Failure),
    /// The job is over. Only where the second stage stays.
    Exited {
        code: Option<i32>,
        signal: Option<i32>,
    },
}
