//! The drivers that run on this machine.

use std::path::PathBuf;
use std::sync::Arc;

use massgen_sandbox::{
    Bubblewrap, Driver, Exit, Grants, Helper, Invocation, Job, Landlock, Limits, Local, OutputStream, Process, probe,
};

/// The helper: another one where the test runs as another user.
pub(crate) fn helper() -> Helper {
    let other = std::env::var_os("MASSGEN_TEST_HELPER").map(PathBuf::from);
    Helper::at(other.unwrap_or_else(|| env!("CARGO_BIN_EXE_massgen-sandbox-helper").into()))
}

/// Enough for what tests run, and little enough to be enforced everywhere.
pub(crate) fn limits() -> Limits {
    Limits { processes: Some(64), memory_bytes: Some(1 << 30), ..Limits::default() }
}

/// A driver by its name; `None`, with a word about it, when it does not work here.
pub(crate) async fn driver(name: &'static str) -> Option<Arc<dyn Driver>> {
    let (part, driver): (_, Arc<dyn Driver>) = match name {
        "bubblewrap" => ("bwrap", Arc::new(Bubblewrap::new(helper()))),
        "landlock" => ("landlock", Arc::new(Landlock::new(helper()))),
        _ => ("local", Arc::new(Local::new(helper()))),
    };
    let Err(reason) = probe(&*driver, limits()).await else { return Some(driver) };
    let wanted = std::env::var("MASSGEN_TEST_PARTS").unwrap_or_default();
    assert!(!wanted.split(',').any(|wanted| wanted == part) && part != "local", "{part} is missing: {reason:?}");
    state!("SKIPPED {name}: {reason}");
    None
}

/// All drivers that work here.
pub(crate) async fn drivers() -> Vec<Arc<dyn Driver>> {
    let mut drivers = Vec::new();
    for name in ["bubblewrap", "landlock", "local"] {
        drivers.extend(driver(name).await);
    }
    drivers
}

/// A job for the shell that works in a folder of its own.
pub(crate) fn shell(line: &str, folder: &std::path::Path) -> Job {
    Job {
        invocation: Invocation::Shell(line.to_owned()),
        cwd: folder.to_path_buf(),
        env: [].into(),
        terminal: None,
        grants: Grants { write: vec![folder.to_path_buf()], ..Grants::default() },
        limits: limits(),
    }
}

/// What a job wrote, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) exit: Exit,
}

/// Takes all output and the end.
pub(crate) async fn finish(mut process: Process) -> Ran {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(output) = process.output().await {
        match output.stream {
            OutputStream::Stdout => stdout.extend(output.bytes),
            OutputStream::Stderr => stderr.extend(output.bytes),
        }
    }
    let words = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { stdout: words(stdout), stderr: words(stderr), exit: process.exit().await }
}

/// Runs a job to its end.
pub(crate) async fn run(driver: &dyn Driver, job: Job) -> Ran {
    finish(driver.start(job).await.expect("the job starts")).await
}

/// A folder without symbolic links on the way.
pub(crate) fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    (folder, path)
}
