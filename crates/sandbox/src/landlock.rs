//! Jobs that are kept in by Landlock and a filter for system calls, without namespaces.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::allowance::{Allowance, Counted};
use crate::bubblewrap::outside;
use crate::grants::{Access, Grant, WrittenTrees, contain, deciding};
use crate::helper::{CONFINE, connecting_can_be_limited, landlock_missing};
use crate::plan::{Confinement, Filter, LandlockAccess, LandlockPath, LandlockPlan, Supervision};
use crate::session::Sessions;
use crate::{Driver, Helper, Job, Network, Process, StartError, system};

mod siblings;

const NAME: &str = "landlock";

/// Devices that programs expect. None of them leads to anything.
const DEVICES: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// Runs jobs under Landlock and seccomp, which any process may ask for: for machines without bubblewrap or without
/// user namespaces. It needs Linux 6.12.
///
/// A job reads the system's programs, libraries and settings, `/proc`, and what it is granted; it writes what it is
/// granted, and a private folder that `HOME` and `TMPDIR` name. It can neither signal nor look into processes other
/// than its own.
///
/// What Landlock cannot do by its design, and this driver hence does not:
///
/// - it does not hide: names, sizes and dates of all files, the list of processes and their command lines can be seen;
/// - it does not limit changes of metadata: a job can change mode and dates of any file of its user, though it cannot
///   make programs that run with their owner's rights; as root, that is reason enough to take bubblewrap instead;
/// - it cannot take from a granted folder: grants that are protected, or only readable in a writable folder, and paths
///   that are hidden in a writable folder, are refused as impossible; of a readable folder in which something is
///   hidden, everything else is granted that is there when the job starts, so that what comes later cannot be read;
///   and such a folder cannot be listed if a directory is hidden in it;
/// - it tells sockets with a path apart only since Linux 7.1: before that a job can make no Unix socket at all (pairs
///   of connected ones work), and granting one is refused;
/// - for an ordinary user the system counts all of the user's processes: the limit is what there was when the job started
///   and what is granted on top;
/// - there is no private `/tmp`, `/dev/shm` or loopback: programs that insist on one of them fail;
/// - new terminals cannot be opened, since the user's own are beside them.
#[derive(Debug)]
pub struct Landlock {
    helper: Helper,
    written: WrittenTrees,
    sessions: Arc<Sessions>,
}

impl Landlock {
    /// A driver that uses this helper. Nothing is looked for yet.
    #[must_use]
    pub fn new(helper: Helper) -> Self {
        Self { helper, written: WrittenTrees::default(), sessions: Arc::default() }
    }

    async fn run(&self, job: Job) -> Result<Process, StartError> {
        if let Some(missing) = landlock_missing() {
            let missing = format!("{missing}; or install the package `bubblewrap`");
            return Err(StartError::CannotEnforce { driver: NAME, missing });
        }
        let grants = self.written.resolve(&job.grants)?;
        refuse_impossible(&grants)?;
        let private = tempfile::Builder::new().prefix("massgen-job-").tempdir();
        let private = private.map_err(|source| {
            let what = "making a private folder for a command".to_owned();
            StartError::System { what, source }
        })?;
        let plan = Box::new(self.plan(&job, &grants, private.path())?);
        self.sessions.start_with(&self.helper, *plan, job.terminal, Some(private)).await
    }

    fn plan(&self, job: &Job, grants: &[Grant], private: &Path) -> Result<Supervision, StartError> {
        let cwd = self.written.working_directory(&job.cwd)?;
        if !contain(grants, &cwd) {
            return Err(outside(&job.cwd));
        }
        let unreadable = |source| {
            let what = "looking at the private folder of a command".to_owned();
            StartError::System { what, source }
        };
        let private = private.canonicalize().map_err(unreadable)?;
        let identity = crate::grants::identity(&private).map_err(unreadable)?;
        let mut env = job.env.clone();
        for (name, value) in [("PATH", Path::new(system::PATH)), ("HOME", &private), ("TMPDIR", &private)] {
            env.entry(name.to_owned()).or_insert_with(|| value.to_string_lossy().into_owned());
        }
        let mut paths = system_paths();
        paths.push(LandlockPath {
            path: private.clone(),
            access: LandlockAccess::Write,
            identity: Some(identity),
            optional: false,
        });
        paths.extend(grants.iter().filter_map(|grant| {
            let access = match grant.access {
                Access::Read | Access::Protected => LandlockAccess::Read,
                Access::Write => LandlockAccess::Write,
                Access::Connect => LandlockAccess::Connect,
                Access::Hidden(_) => return None,
            };
            Some(LandlockPath { path: grant.path.clone(), access, identity: Some(grant.identity), optional: false })
        }));
        let paths = siblings::without_hidden(paths, grants);
        let network = job.grants.network == Network::On;
        let written = grants.iter().filter(|grant| grant.access == Access::Write).map(|grant| grant.path.clone());
        let trees = written.chain([private.clone()]).collect();
        let Allowance { groups, resources, watch } = Allowance::find(NAME, &job.limits, Counted::User, trees)?;
        let confinement = Confinement {
            program: job.invocation.clone().into(),
            cwd,
            env,
            stays: false,
            terminal: job.terminal.is_some(),
            resources,
            identities: Vec::new(),
            masks: Vec::new(),
            drop_privileges: true,
            landlock: Some(LandlockPlan { paths: Some(paths), tcp: network, required: true }),
            filter: Some(Filter { internet: network, unix: connecting_can_be_limited(), shared_memory: false }),
        };
        let starter = vec![self.helper.program().into(), CONFINE.into()];
        let private = Some(private);
        Ok(Supervision { starter, options: Vec::new(), confinement, groups, watch, private, signal_domain: true })
    }
}

/// Refuses what Landlock cannot enforce: it only adds to what is granted above.
fn refuse_impossible(grants: &[Grant]) -> Result<(), StartError> {
    for grant in grants {
        let above = grant.path.parent().and_then(|parent| deciding(grants, parent));
        let within_written = above.is_some_and(|above| above.access == Access::Write);
        let path = grant.path.display();
        let missing = match grant.access {
            Access::Read | Access::Protected if within_written => {
                format!("`{path}` cannot be kept from being written in a folder that may be written")
            }
            Access::Hidden(_) if within_written => {
                format!("`{path}` cannot be hidden in a folder that may be written")
            }
            Access::Connect if !connecting_can_be_limited() => {
                format!("connecting to `{path}` cannot be allowed without allowing all sockets before Linux 7.1")
            }
            Access::Read | Access::Protected | Access::Write | Access::Connect | Access::Hidden(_) => continue,
        };
        let missing = format!("{missing}; install the package `bubblewrap`");
        return Err(StartError::CannotEnforce { driver: NAME, missing });
    }
    Ok(())
}

fn system_paths() -> Vec<LandlockPath> {
    let part = |access| move |path: PathBuf| LandlockPath { path, access, identity: None, optional: false };
    let folders = system::FOLDERS.iter().copied().chain(["/proc", system::PROCESSORS]).map(PathBuf::from);
    let folders = folders.chain(system::public_settings().iter().cloned()).chain(system::resolver_settings());
    let mut paths: Vec<_> = folders.map(part(LandlockAccess::Read)).collect();
    paths.extend(DEVICES.map(PathBuf::from).map(part(LandlockAccess::Device)));
    paths
}

impl Driver for Landlock {
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
