//! Jobs in namespaces of their own, made by bubblewrap.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use crate::allowance::{Allowance, Counted};
use crate::grants::{Access, Grant, WrittenTrees, contain, deciding};
use crate::helper::CONFINE;
use crate::plan::{Confinement, Filter, HiddenKind, LandlockPlan, Supervision};
use crate::session::Sessions;
use crate::{Driver, Helper, Job, Network, Process, StartError, system};

const NAME: &str = "bubblewrap";

/// Where the helper is in the box.
const HELPER: &str = "/run/massgen-sandbox/helper";

/// The home of a job that names none.
const HOME: &str = "/home/massgen";

/// Private folders in memory get together what the job may have of memory, or this in bytes if that is not limited.
const SCRATCH_BYTES: u64 = 2 << 30;

/// Private folders in memory: /tmp, /var/tmp, /dev/shm and the home.
const SCRATCH_FOLDERS: u64 = 4;

/// How many words of options the program takes: `MAX_ARGS` in its bubblewrap.c.
const OPTIONS_MAX: usize = 9000;

/// How often a box is planned anew because what it hides was replaced while it was made.
const PLANS_MAX: usize = 5;

/// How to get the program.
const INSTALL: &str = "install the package `bubblewrap` (apt, dnf, pacman, apk)";

/// Runs jobs with the program `bwrap`: in user, process, mount, IPC, host name, control group and, without network,
/// network namespaces of their own.
///
/// A job sees the system's programs, libraries and those settings that everybody may read, all of them read-only, a
/// fresh `/proc`, a minimal `/dev`, private `/tmp`, `/var/tmp`, `/dev/shm` and home in memory, and what it is granted
/// under its real path (without symbolic links). It keeps the numbers of the user and group that started it, but none of
/// their privileges. Without network it has a loopback of its own, on which its processes can talk to each other.
///
/// Inside, the helper sets limits and a filter for system calls, so that neither is the only wall.
///
/// Over hidden files lies a device that cannot be opened, over hidden directories an empty one that cannot be listed
/// (only passed through, where parts of it are granted). Neither can be taken away, nor can the folders on the way be
/// moved: programs that rename what lies in them get the error for another file system, and most copy then.
///
/// What it does not do:
///
/// - it does not hide what others put in the place of a hidden file by renaming, as editors save, or make where there
///   was nothing, while a job runs; jobs that start after that do not see it;
/// - it does not hide how much of the machine is in use;
/// - files under `/usr` and `/opt` that the user may read are readable for jobs as well, whoever else may read them;
/// - a Unix socket or a named pipe that lies in a granted folder can be used, also where the folder is only readable;
/// - without control groups, what jobs put into their private folders does not count as memory; each of the four holds
///   a quarter of what is granted.
#[derive(Debug)]
pub struct Bubblewrap {
    helper: Helper,
    written: WrittenTrees,
    sessions: Arc<Sessions>,
    program: OnceCell<Found>,
}

/// What is known of the installed program.
#[derive(Debug, Clone)]
struct Found {
    program: PathBuf,
    /// Whether it can forbid further user namespaces: version 0.8.
    disables_namespaces: bool,
}

impl Bubblewrap {
    /// A driver that uses this helper. Nothing is looked for yet.
    #[must_use]
    pub fn new(helper: Helper) -> Self {
        Self { helper, written: WrittenTrees::default(), sessions: Arc::default(), program: OnceCell::new() }
    }

    async fn find(&self) -> Result<Found, StartError> {
        let missing = |missing: String| StartError::CannotEnforce { driver: NAME, missing };
        let folders = std::env::var_os("PATH").unwrap_or_else(|| system::PATH.into());
        let mut programs = std::env::split_paths(&folders).map(|folder| folder.join("bwrap"));
        let program = programs
            .find(|program| program.is_absolute() && program.is_file())
            .ok_or_else(|| missing(format!("the program `bwrap` was not found: {INSTALL}")))?;
        let help = tokio::process::Command::new(&program).arg("--help").kill_on_drop(true).output().await;
        let help = help.map_err(|error| missing(format!("`{}` does not run ({error})", program.display())))?;
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        if !help.contains("--size") {
            let program = program.display();
            return Err(missing(format!("`{program}` is too old to limit folders in memory: 0.6 or later is needed")));
        }
        Ok(Found { program, disables_namespaces: help.contains("--disable-userns") })
    }

    async fn run(&self, job: Job) -> Result<Process, StartError> {
        let found = self.program.get_or_try_init(|| self.find()).await?;
        let mut grants = self.written.resolve(&job.grants)?;
        let mut plans = 1;
        let started = loop {
            let plan = Box::new(self.plan(found, &job, &grants)?);
            let started = self.sessions.start(&self.helper, *plan, job.terminal).await;
            if started.is_ok() || job.grants.hidden.is_empty() || plans == PLANS_MAX {
                break started;
            }
            // A file has no mask for a directory, and what is gone has no place for one.
            let now = self.written.resolve(&job.grants)?;
            if now == grants {
                break started;
            }
            grants = now;
            plans += 1;
        };
        started.map_err(|error| match error {
            StartError::System { what, source } if what == "making the box" => StartError::CannotEnforce {
                driver: NAME,
                missing: format!(
                    "`bwrap` could not make the box ({source}): it needs user namespaces, which an administrator may \
                     have to allow (`sysctl kernel.unprivileged_userns_clone=1`, or \
                     `kernel.apparmor_restrict_unprivileged_userns=0`)"
                ),
            },
            error => error,
        })
    }

    fn plan(&self, found: &Found, job: &Job, grants: &[Grant]) -> Result<Supervision, StartError> {
        let scratch = job.limits.memory_bytes.unwrap_or(SCRATCH_BYTES) / SCRATCH_FOLDERS;
        let scratch = scratch.min(job.limits.disk_bytes.unwrap_or(u64::MAX)).max(1 << 20);
        let mut env = job.env.clone();
        let home = home(&mut env, grants);
        env.entry("PATH".to_owned()).or_insert_with(|| system::PATH.to_owned());
        let cwd = self.written.working_directory(&job.cwd)?;
        let private = ["/tmp", "/var/tmp", "/dev/shm"].map(Path::new);
        let known = private.into_iter().chain(home.as_deref()).any(|folder| cwd.starts_with(folder));
        let is_hidden = deciding(grants, &cwd).is_some_and(Grant::is_hidden);
        if is_hidden || !known && !contain(grants, &cwd) {
            return Err(outside(&job.cwd));
        }
        let starter = vec![found.program.clone().into(), "--".into(), HELPER.into(), CONFINE.into()];
        let mut arguments = Arguments::new(scratch);
        arguments.namespaces(found, job.grants.network);
        arguments.system();
        arguments.scratch(home.as_deref());
        arguments.grants(grants);
        arguments.file("--ro-bind", self.helper.program(), Path::new(HELPER));
        // Root owns the kernel's settings in /proc and may change them without any privilege.
        for place in ["/proc", "/dev", "/"] {
            arguments.words(&["--remount-ro", place]);
        }
        arguments.words(&["--chdir", "/"]);
        let options = arguments.list;
        // Some are left for the command itself.
        if options.len() + 16 > OPTIONS_MAX {
            let missing = format!(
                "the box needs {} words of options and `bwrap` takes {OPTIONS_MAX}: hide, protect or grant fewer \
                 paths, or whole directories instead of the files in them",
                options.len()
            );
            return Err(StartError::CannotEnforce { driver: NAME, missing });
        }

        let written = grants.iter().filter(|grant| grant.access == Access::Write).map(|grant| grant.path.clone());
        let Allowance { groups, resources, watch } =
            Allowance::find(NAME, &job.limits, Counted::Job, written.collect())?;
        let shown = grants.iter().filter(|grant| !grant.is_hidden());
        let masks = grants.iter().filter_map(|grant| match grant.access {
            Access::Hidden(kind) => Some((grant.path.clone(), kind)),
            _ => None,
        });
        let masks = masks.collect();
        let confinement = Confinement {
            program: job.invocation.clone().into(),
            cwd,
            env,
            stays: true,
            terminal: job.terminal.is_some(),
            resources,
            identities: shown.map(|grant| (grant.path.clone(), grant.identity)).collect(),
            masks,
            drop_privileges: false,
            // The host's abstract sockets come with its network.
            landlock: Some(LandlockPlan { paths: None, tcp: true, required: false }),
            filter: Some(Filter { internet: true, unix: true, shared_memory: true }),
        };
        Ok(Supervision { starter, options, confinement, groups, watch, private: None, signal_domain: false })
    }
}

/// A working directory that nothing granted contains.
pub(crate) fn outside(cwd: &Path) -> StartError {
    let problem = "the working directory lies in nothing that is granted".to_owned();
    StartError::Grant { path: cwd.to_path_buf(), problem }
}

/// The private home to be made. `HOME` is kept where the job has named one.
fn home(env: &mut BTreeMap<String, String>, grants: &[Grant]) -> Option<PathBuf> {
    let named = PathBuf::from(&*env.entry("HOME".to_owned()).or_insert_with(|| HOME.to_owned()));
    let taken = |path: &Path| {
        let shared = ["/proc", "/dev", "/sys", "/tmp", "/run", "/var/tmp"].iter().any(|place| path.starts_with(place));
        shared || system::contains(path) || path.parent().is_none() || !path.is_absolute()
    };
    (!taken(&named) && deciding(grants, &named).is_none()).then_some(named)
}

struct Arguments {
    list: Vec<OsString>,
    scratch: String,
    /// Folders that cannot be moved, since they are mounted on themselves.
    fixed: BTreeSet<PathBuf>,
}

impl Arguments {
    fn new(scratch: u64) -> Self {
        Self { list: Vec::new(), scratch: scratch.to_string(), fixed: BTreeSet::new() }
    }

    fn words(&mut self, words: &[&str]) {
        self.list.extend(words.iter().map(OsString::from));
    }

    fn file(&mut self, how: &str, source: &Path, place: &Path) {
        self.list.extend([OsStr::new(how), source.as_os_str(), place.as_os_str()].map(OsStr::to_owned));
    }

    fn memory(&mut self, mode: &str, place: &Path) {
        let size = self.scratch.clone();
        self.words(&["--perms", mode, "--size", &size, "--tmpfs"]);
        self.list.push(place.into());
    }

    fn namespaces(&mut self, found: &Found, network: Network) {
        self.words(&["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]);
        if network == Network::Off {
            self.words(&["--unshare-net"]);
        }
        if found.disables_namespaces {
            self.words(&["--disable-userns"]);
        }
        self.words(&["--die-with-parent", "--as-pid-1", "--cap-drop", "ALL", "--hostname", "massgen", "--clearenv"]);
    }

    fn system(&mut self) {
        for folder in system::FOLDERS.map(Path::new) {
            // Many systems have links here: /bin is /usr/bin.
            if let Ok(target) = folder.read_link() {
                self.file("--symlink", &target, folder);
            } else if folder.is_dir() {
                self.file("--ro-bind", folder, folder);
            }
        }
        let settings = Path::new(system::SETTINGS);
        self.file("--ro-bind", settings, settings);
        for secret in system::secrets() {
            if secret.is_dir() {
                self.words(&["--perms", "0555", "--size", "4096", "--tmpfs"]);
                self.list.push(secret.into());
                self.words(&["--remount-ro"]);
                self.list.push(secret.into());
            } else {
                self.file("--ro-bind", Path::new("/dev/null"), secret);
            }
        }
        if let Some(resolver) = system::resolver_settings() {
            self.file("--ro-bind", &resolver, &resolver);
        }
        let processors = Path::new(system::PROCESSORS);
        self.file("--ro-bind-try", processors, processors);
        self.words(&["--proc", "/proc", "--dev", "/dev"]);
    }

    fn scratch(&mut self, home: Option<&Path>) {
        for place in ["/tmp", "/var/tmp", "/dev/shm"] {
            self.memory("1777", Path::new(place));
        }
        if let Some(home) = home {
            self.memory("0700", home);
        }
    }

    /// Shallower grants come first, so that the deeper ones lie over them.
    fn grants(&mut self, grants: &[Grant]) {
        for grant in grants {
            if matches!(grant.access, Access::Read | Access::Protected | Access::Hidden(_)) {
                // A folder on the way to it could be moved away with all it contains, and another one put in its
                // place. What something is mounted on cannot.
                for folder in self.ways(grants, grant) {
                    self.file("--bind", &folder, &folder);
                }
            }
            match grant.access {
                Access::Read | Access::Protected => self.file("--ro-bind", &grant.path, &grant.path),
                Access::Write | Access::Connect => self.file("--bind", &grant.path, &grant.path),
                // It is mounted without devices: opening it is refused.
                Access::Hidden(HiddenKind::File) => self.file("--ro-bind", Path::new("/dev/null"), &grant.path),
                Access::Hidden(HiddenKind::Directory) => {
                    let is_within = |other: &Grant| other.path != grant.path && other.path.starts_with(&grant.path);
                    let mode = if grants.iter().any(is_within) { "0111" } else { "0000" };
                    self.words(&["--perms", mode, "--tmpfs"]);
                    self.list.push(grant.path.clone().into());
                }
            }
        }
        // Only now: what is granted within them has got its place.
        for grant in grants.iter().filter(|grant| grant.access == Access::Hidden(HiddenKind::Directory)) {
            self.words(&["--remount-ro"]);
            self.list.push(grant.path.clone().into());
        }
    }

    /// The folders between a grant and the writable one that it lies in, both left out, as are those that are fixed
    /// already.
    fn ways(&mut self, grants: &[Grant], grant: &Grant) -> Vec<PathBuf> {
        let Some(above) = grant.path.parent().and_then(|parent| deciding(grants, parent)) else { return Vec::new() };
        if above.access != Access::Write {
            return Vec::new();
        }
        let mut ways: Vec<_> = grant
            .path
            .ancestors()
            .skip(1)
            .take_while(|folder| *folder != above.path)
            .map(Path::to_path_buf)
            .filter(|folder| self.fixed.insert(folder.clone()))
            .collect();
        ways.reverse();
        ways
    }
}

impl Driver for Bubblewrap {
    fn name(&self) -> &'static str {
        NAME
    }

    fn start(&self, job: Job) -> BoxFuture<'_, Result<Process, StartError>> {
        Box::pin(self.run(job))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.sessions.close())
    }
}
