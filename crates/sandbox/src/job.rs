//! What is to run, and what it is granted.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// One program to run.
#[derive(Debug, Clone)]
pub struct Job {
    /// What to start.
    pub invocation: Invocation,
    /// Where: absolute, and inside something granted.
    pub cwd: PathBuf,
    /// All of its variables: nothing is inherited.
    pub env: BTreeMap<String, String>,
    /// A terminal instead of pipes, for programs that want one.
    pub terminal: Option<TerminalSize>,
    /// What it may see and change.
    pub grants: Grants,
    /// What it may use up.
    pub limits: Limits,
}

/// What to start.
#[derive(Debug, Clone)]
pub enum Invocation {
    /// A command line for the shell: `bash` where there is one, else `sh`.
    Shell(String),
    /// A program and its arguments.
    Program(Vec<OsString>),
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
}

/// What a job may see and change. The system's programs and libraries are always readable; the rest of the file
/// system is not there.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    /// Files and directories that it may read.
    pub read: Vec<PathBuf>,
    /// Files and directories that it may read and change.
    pub write: Vec<PathBuf>,
    /// Parts of the above that are only readable. A deeper path wins over a shallower one.
    pub protected: Vec<PathBuf>,
    /// Files and directories inside of what is granted, or of the system, that it neither reads nor writes: files
    /// with keys, what other agents do. A deeper path wins over a shallower one here too, so that parts of a hidden
    /// directory can be granted.
    ///
    /// - One that does not exist is ignored, because it may come and go; so is one in nothing that is granted.
    /// - A path is hidden, not a content: other hard links to it, other mounts of it and copies are not looked for. A
    ///   symbolic link is not hidden itself, but what it leads to is; where a job could have planted the link, only if
    ///   that lies in the same tree, since a job must not decide what is hidden from others.
    /// - What is put at the path by others while the job runs is hidden only by drivers that say so.
    pub hidden: Vec<PathBuf>,
    /// Unix sockets that it may connect to, such as the one for tools that are called from code.
    pub sockets: Vec<PathBuf>,
    /// Which network it has.
    pub network: Network,
}

/// Which network a job has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// None, loopback of the host included.
    #[default]
    Off,
    /// That of the host.
    On,
}

/// What a job may use up. `None`: no limit is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory of all its processes together, or of each where the system can only count so; bytes.
    pub memory_bytes: Option<u64>,
    /// Processes and threads at one time.
    pub processes: Option<u32>,
    /// The largest file it may write, in bytes.
    pub file_bytes: Option<u64>,
    /// By how much what it may write to may grow, in bytes.
    pub disk_bytes: Option<u64>,
    /// Processor time of each process, in seconds.
    pub cpu_seconds: Option<u64>,
    /// Open files of each process.
    pub open_files: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: Some(4 << 30),
            processes: Some(512),
            file_bytes: Some(4 << 30),
            disk_bytes: Some(8 << 30),
            cpu_seconds: None,
            open_files: Some(4096),
        }
    }
}
