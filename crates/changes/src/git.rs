//! The git binary, with nothing of it that could run other programs or read the user's settings.
//!
//! Hooks, file system monitors and transports are off, and of the user's configuration only the list of ignored names
//! is used. No command is run that applies content filters. So it is safe to work in a repository of somebody else.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why git did not do its part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The program could not be started.
    #[error("cannot run git: install it, or use plain copies")]
    Start(#[source] io::Error),
    /// The program reported a failure.
    #[error("git {command} failed in {}: {said}", folder.display())]
    Failed {
        /// Its first argument.
        command: String,
        /// Where it ran.
        folder: PathBuf,
        /// What it wrote to its standard error, without the end.
        said: String,
    },
}

/// Where a path stands towards git, by what is in the file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// In no repository.
    Outside,
    /// In the working tree whose top folder this is.
    Inside(PathBuf),
    /// In a bare repository, or in the folder where git keeps its data.
    GitData(PathBuf),
}

/// A working tree.
#[derive(Debug)]
pub(crate) struct Repository {
    top: PathBuf,
    /// The folder with what all working trees of the repository share.
    common: PathBuf,
    /// The user's list of names that are ignored everywhere.
    excludes: Option<PathBuf>,
}

/// What git knows of a folder.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Tracked files and symlinks, and files that are neither tracked nor ignored; relative to the folder.
    pub(crate) files: Vec<PathBuf>,
    /// Repositories in it.
    pub(crate) repositories: Vec<PathBuf>,
}

impl Standing {
    /// Looks at the folder and those above it.
    pub(crate) fn of(folder: &Path) -> Self {
        for ancestor in folder.ancestors() {
            if ancestor.file_name().is_some_and(|name| name.eq_ignore_ascii_case(".git")) {
                return Self::GitData(ancestor.to_owned());
            }
            if ancestor.join(".git").symlink_metadata().is_ok() {
                return Self::Inside(ancestor.to_owned());
            }
            if ancestor.join("HEAD").is_file() && ancestor.join("objects").is_dir() && ancestor.join("refs").is_dir() {
                return Self::GitData(ancestor.to_owned());
            }
        }
        Self::Outside
    }
}

impl Repository {
    /// Asks git about the working tree at `top`. `None` if git does not take it for the top of one.
    pub(crate) fn open(top: &Path) -> Result<Option<Self>, GitError> {
        let ask = |what: &[&str]| -> Result<PathBuf, GitError> {
            let mut output = run(top, None, &[&["rev-parse", "--path-format=absolute"], what].concat(), &[])?;
            output.pop_if(|last| *last == b'\n');
            Ok(PathBuf::from(OsString::from_vec(output)))
        };
        let is_top = ask(&["--show-toplevel"])?.canonicalize().is_ok_and(|found| found == top);
        if !is_top {
            return Ok(None);
        }
        Ok(Some(Self { top: top.to_owned(), common: ask(&["--git-common-dir"])?, excludes: excludes(top) }))
    }

    /// The top folder of the working tree.
    pub(crate) fn top(&self) -> &Path {
        &self.top
    }

    /// The folder with what all working trees of the repository share.
    pub(crate) fn common(&self) -> &Path {
        &self.common
    }

    /// Whether there is a commit to start from.
    pub(crate) fn has_commit(&self) -> bool {
        self.run(&self.top, &["rev-parse", "--quiet", "--verify", "HEAD^{commit}"], &[]).is_ok()
    }

    /// Whether git ignores the folder as a whole.
    pub(crate) fn ignores(&self, folder: &Path) -> bool {
        folder != self.top
            && self.run(&self.top, &[OsStr::new("check-ignore"), OsStr::new("-q"), folder.as_os_str()], &[]).is_ok()
    }

    /// Which of these paths, relative to `folder`, git ignores.
    pub(crate) fn ignored(&self, folder: &Path, paths: &[PathBuf]) -> Result<Vec<PathBuf>, GitError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        // A path that begins with a colon would be a pattern.
        let here: Vec<PathBuf> = paths.iter().map(|path| Path::new(".").join(path)).collect();
        match self.run(folder, &["check-ignore", "-z", "--stdin"], &separated(&here)) {
            Ok(output) => {
                Ok(split(&output).iter().map(|path| path.strip_prefix(".").unwrap_or(path).to_owned()).collect())
            }
            // Git says by a failure without words that it ignores none.
            Err(GitError::Failed { said, .. }) if said.is_empty() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Lists what is in a folder of the working tree.
    pub(crate) fn list(&self, folder: &Path) -> Result<Listing, GitError> {
        let mut listing = Listing::default();
        for entry in split(&self.run(folder, &["ls-files", "-z", "--stage"], &[])?) {
            // <mode> <object> <stage><tab><path>
            let entry = entry.into_os_string().into_vec();
            let Some(tab) = entry.iter().position(|byte| *byte == b'\t') else { continue };
            let path = PathBuf::from(OsStr::from_bytes(entry.get(tab + 1..).unwrap_or_default()));
            let list = if entry.starts_with(b"160000 ") { &mut listing.repositories } else { &mut listing.files };
            list.push(path);
        }
        for path in split(&self.run(folder, &["ls-files", "-z", "--others", "--exclude-standard"], &[])?) {
            let is_repository = path.as_os_str().as_bytes().ends_with(b"/");
            let list = if is_repository { &mut listing.repositories } else { &mut listing.files };
            list.push(path.components().collect());
        }
        listing.files.sort();
        // A file in conflict has several entries.
        listing.files.dedup();
        Ok(listing)
    }

    /// Adds a working tree without files at `path`, at the commit of this one, on no branch.
    pub(crate) fn add_worktree(&self, path: &Path) -> Result<(), GitError> {
        let arguments = ["worktree", "add", "--quiet", "--detach", "--no-checkout"].map(OsStr::new);
        let rest = [path.as_os_str(), OsStr::new("HEAD")];
        self.run(&self.top, &[&arguments[..], &rest].concat(), &[])?;
        self.run(path, &["read-tree", "HEAD"], &[])?;
        Ok(())
    }

    /// Tells the working tree at `path` not to miss the tracked files for which `is_absent` holds.
    pub(crate) fn skip(&self, path: &Path, is_absent: impl Fn(&Path) -> bool) -> Result<(), GitError> {
        let tracked = split(&self.run(path, &["ls-files", "-z"], &[])?);
        let absent: Vec<PathBuf> = tracked.into_iter().filter(|tracked| is_absent(tracked)).collect();
        if !absent.is_empty() {
            self.run(path, &["update-index", "-z", "--skip-worktree", "--stdin"], &separated(&absent))?;
        }
        Ok(())
    }

    /// The texts of ignore rules that hold for the whole working tree, weakest first.
    pub(crate) fn general_rules(&self) -> Vec<PathBuf> {
        self.excludes.iter().cloned().chain([self.common.join("info/exclude")]).collect()
    }

    fn run<S: AsRef<OsStr>>(&self, folder: &Path, arguments: &[S], input: &[u8]) -> Result<Vec<u8>, GitError> {
        run(folder, self.excludes.as_deref(), arguments, input)
    }
}

/// The user's own list of names that are ignored everywhere.
fn excludes(folder: &Path) -> Option<PathBuf> {
    let arguments = ["config", "--global", "--type=path", "--get", "core.excludesFile"];
    let output = command(folder).args(arguments).env_remove("GIT_CONFIG_GLOBAL").output().ok()?;
    let path = output.stdout.strip_suffix(b"\n")?;
    output.status.success().then(|| PathBuf::from(OsStr::from_bytes(path)))
}

fn command(folder: &Path) -> Command {
    const SETTINGS: [&str; 9] = [
        "core.fsmonitor=false",
        "core.hooksPath=/dev/null",
        "core.quotePath=false",
        "core.untrackedCache=false",
        "gc.auto=0",
        "maintenance.auto=false",
        "protocol.allow=never",
        "safe.directory=*",
        "submodule.recurse=false",
    ];
    let mut command = Command::new("git");
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    for name in ["HOME", "PATH", "XDG_CONFIG_HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    for (name, value) in [
        ("GIT_ALLOW_PROTOCOL", "none"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_NO_LAZY_FETCH", "1"),
        ("GIT_OPTIONAL_LOCKS", "0"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("LC_ALL", "C"),
    ] {
        command.env(name, value);
    }
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command
}

fn run<S: AsRef<OsStr>>(
    folder: &Path,
    excludes: Option<&Path>,
    arguments: &[S],
    input: &[u8],
) -> Result<Vec<u8>, GitError> {
    let mut command = command(folder);
    if let Some(path) = excludes {
        let mut setting = OsString::from("core.excludesFile=");
        setting.push(path);
        command.arg("-c").arg(setting);
    }
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    if !input.is_empty() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().map_err(GitError::Start)?;
    let stdin = child.stdin.take();
    // Git may answer while it still reads, so that writing all first could wait forever.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            // Git may stop reading early; its exit status tells.
            let _ = stdin.map(|mut stdin| stdin.write_all(input));
        });
        child.wait_with_output()
    });
    let output = output.map_err(GitError::Start)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let name = arguments.first().map(|name| name.as_ref().to_string_lossy().into_owned()).unwrap_or_default();
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(GitError::Failed { command: name, folder: folder.to_owned(), said })
}

fn split(output: &[u8]) -> Vec<PathBuf> {
    let parts = output.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    parts.map(|part| PathBuf::from(OsStr::from_bytes(part))).collect()
}

fn separated(paths: &[PathBuf]) -> Vec<u8> {
    paths.iter().flat_map(|path| path.as_os_str().as_bytes().iter().copied().chain([0])).collect()
}
