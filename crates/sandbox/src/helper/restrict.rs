//! Landlock: which paths, ports and processes a job can reach.

use std::error::Error;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use nix::errno::Errno;
use nix::unistd::Pid;

use crate::grants;
use crate::plan::{Failure, LandlockAccess, LandlockPath, LandlockPlan};

/// The first version that keeps signals and abstract sockets in.
const WANTED: ABI = ABI::V6;

/// The first version that limits to which sockets with a path a job can connect.
const CONNECTING: ABI = ABI::V9;

/// What this system lacks for the Landlock driver; `None` when it has all of it.
pub(crate) fn missing() -> Option<&'static str> {
    let tries = [
        (ABI::V1, "the kernel has no Landlock, or it is not switched on (boot parameter `lsm=landlock,...`)"),
        (ABI::V3, "the kernel's Landlock cannot keep files from being truncated (Linux 6.2 can)"),
        (ABI::V4, "the kernel's Landlock cannot limit TCP (Linux 6.7 can)"),
        (WANTED, "the kernel's Landlock cannot keep signals in (Linux 6.12 can)"),
    ];
    tries.into_iter().find(|(abi, _)| !supports(*abi)).map(|(_, words)| words)
}

/// Whether the sockets that a job may connect to can be limited.
pub(crate) fn connecting_can_be_limited() -> bool {
    supports(CONNECTING)
}

fn supports(abi: ABI) -> bool {
    let handled = || -> Result<RulesetCreated, RulesetError> {
        let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let mut ruleset = ruleset.handle_access(AccessFs::from_all(abi))?;
        if !AccessNet::from_all(abi).is_empty() {
            ruleset = ruleset.handle_access(AccessNet::from_all(abi))?;
        }
        if !Scope::from_all(abi).is_empty() {
            ruleset = ruleset.scope(Scope::from_all(abi))?;
        }
        ruleset.create()
    };
    handled().is_ok()
}

/// Makes this process, and what it starts from now on, a domain: it can signal nothing outside.
pub(super) fn signal_domain() -> io::Result<()> {
    let restricted = || -> Result<bool, Box<dyn Error + Send + Sync>> {
        let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).scope(Scope::Signal)?;
        let ruleset = with_moves(ruleset.handle_access(AccessFs::Refer)?.create()?)?;
        Ok(ruleset.restrict_self()?.ruleset == RulesetStatus::FullyEnforced)
    };
    if !restricted().map_err(io::Error::other)? {
        return Err(io::Error::other("the kernel did not enforce it"));
    }
    // Seen with our own eyes, since all of the domain is going to be killed by one call: the main program, which we
    // could signal before, is out of reach.
    match nix::sys::signal::kill(Pid::parent(), None) {
        Err(Errno::EPERM) => Ok(()),
        answer => Err(io::Error::other(format!("signals still get out ({answer:?})"))),
    }
}

/// Every domain takes away the right to move files between folders, even one that is not about files: linux/landlock.h
/// on `LANDLOCK_ACCESS_FS_REFER`. This gives it back.
fn with_moves(ruleset: RulesetCreated) -> Result<RulesetCreated, Box<dyn Error + Send + Sync>> {
    let root = grants::open(Path::new("/"), true)?;
    Ok(ruleset.add_rule(PathBeneath::new(root, AccessFs::Refer))?)
}

/// Restricts this process, and what it starts, for good.
pub(super) fn apply(plan: &LandlockPlan) -> Result<(), Failure> {
    let step = |error: RulesetError| Failure::new("restricting the job with Landlock", &error);
    let level = if plan.required { CompatLevel::HardRequirement } else { CompatLevel::BestEffort };
    let mut ruleset = Ruleset::default().set_compatibility(level).scope(Scope::from_all(WANTED)).map_err(step)?;
    let files = if plan.paths.is_some() { AccessFs::from_all(known()) } else { AccessFs::Refer.into() };
    ruleset = ruleset.handle_access(files).map_err(step)?;
    if !plan.tcp {
        ruleset = ruleset.handle_access(AccessNet::from_all(ABI::V4)).map_err(step)?;
    }
    let mut ruleset = ruleset.create().map_err(step)?;
    if plan.paths.is_none() {
        let failed = |error: Box<dyn Error + Send + Sync>| Failure::new("restricting the job with Landlock", &*error);
        ruleset = with_moves(ruleset).map_err(failed)?;
    }
    for path in plan.paths.iter().flatten() {
        ruleset = allow(ruleset, path)?;
    }
    let status = ruleset.restrict_self().map_err(step)?;
    if plan.required && status.ruleset != RulesetStatus::FullyEnforced {
        return Err(Failure::new("restricting the job with Landlock", &io::Error::other("it was not fully enforced")));
    }
    Ok(())
}

fn known() -> ABI {
    if supports(CONNECTING) { CONNECTING } else { WANTED }
}

fn allow(ruleset: RulesetCreated, path: &LandlockPath) -> Result<RulesetCreated, Failure> {
    let step = || format!("granting `{}`", path.path.display());
    let opened = match grants::open(&path.path, path.identity.is_some()) {
        Ok(opened) => opened,
        // A part of the system that this machine does not have.
        Err(_) if path.identity.is_none() || path.optional => return Ok(ruleset),
        Err(error) => return Err(Failure::new(step(), &error)),
    };
    let metadata = rustix::fs::fstat(&opened).map_err(|error| Failure::new(step(), &io::Error::from(error)))?;
    if path.identity.is_some_and(|identity| identity != grants::identity_of(&metadata)) {
        if path.optional {
            return Ok(ruleset);
        }
        return Err(Failure::new(step(), &io::Error::other("it was replaced by something else in the meantime")));
    }
    let is_directory = rustix::fs::FileType::from_raw_mode(metadata.st_mode).is_dir();
    let mut access = rights(path.access);
    if !is_directory {
        access &= AccessFs::from_file(known());
    }
    ruleset.add_rule(PathBeneath::new(opened.as_fd(), access)).map_err(|error| Failure::new(step(), &error))
}

fn rights(access: LandlockAccess) -> BitFlags<AccessFs> {
    match access {
        LandlockAccess::Read => AccessFs::from_read(WANTED),
        LandlockAccess::List => AccessFs::ReadDir.into(),
        // Devices that are made or mounted in a granted folder stay out of reach.
        LandlockAccess::Write => {
            AccessFs::from_all(known()) & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev)
        }
        LandlockAccess::Device => AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev,
        LandlockAccess::Connect if known() == CONNECTING => AccessFs::ResolveUnix.into(),
        LandlockAccess::Connect => AccessFs::ReadFile.into(),
    }
}
