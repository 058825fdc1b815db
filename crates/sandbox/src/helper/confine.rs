//! The second stage: inside the box, it gives up what the job must not have, and becomes or starts the job.

use std::ffi::{OsStr, OsString};
use std::io::{self, PipeWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal, WaitOptions};
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};

use crate::grants;
use crate::helper::{descriptors, filter, masks, restrict};
use crate::plan::{Confinement, Failure, Notice, Program, Resources};
use crate::wire;

pub(super) fn main() -> ExitCode {
    match receive() {
        Ok((plan, streams, mut notices)) => {
            let Err(failure) = run(&plan, streams, &mut notices) else { return ExitCode::SUCCESS };
            let _ = wire::write_frame(&mut notices, &Notice::Failed(failure));
            ExitCode::from(126)
        }
        Err(_) => ExitCode::from(2),
    }
}

fn receive() -> io::Result<(Confinement, [OwnedFd; 3], PipeWriter)> {
    descriptors::close_inherited()?;
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let [stdin, stdout, stderr, notices] = wire::receive_descriptors::<4>(&socket)?;
    let plan = wire::read_frame(&mut socket)?;
    Ok((plan, [stdin, stdout, stderr], PipeWriter::from(notices)))
}

fn run(plan: &Confinement, streams: [OwnedFd; 3], notices: &mut PipeWriter) -> Result<(), Failure> {
    let step = |step: &'static str| move |error: rustix::io::Errno| Failure::new(step, &io::Error::from(error));
    if !plan.stays {
        // The first stage has one thread that starts programs, and that lives as long as the stage does.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(step("tying the job to us"))?;
    }
    for (path, identity) in &plan.identities {
        let found = grants::identity(path).map_err(|error| Failure::new(unusable(path), &error))?;
        if found != *identity {
            let changed = io::Error::other("it was replaced by something else in the meantime");
            return Err(Failure::new(unusable(path), &changed));
        }
    }
    for (path, kind) in &plan.masks {
        masks::check(path, *kind).map_err(|error| Failure::new(format!("hiding `{}`", path.display()), &error))?;
    }
    // A box may have made us the leader of a session already.
    let _ = rustix::process::setsid();
    let [stdin, stdout, stderr] = streams;
    if plan.terminal {
        rustix::process::ioctl_tiocsctty(&stdin).map_err(step("giving the job its terminal"))?;
    }
    if !plan.cwd.is_dir() {
        let missing = io::Error::from_raw_os_error(libc::ENOENT);
        return Err(Failure::new(format!("working in `{}`", plan.cwd.display()), &missing));
    }
    let (program, arguments) = resolve(plan)?;
    let named = format!("starting `{}`", program.display());
    let mut command = Command::new(&program);
    command.args(arguments).env_clear().envs(&plan.env).current_dir(&plan.cwd);
    command.stdin(stdin).stdout(stdout).stderr(stderr);

    set_limits(&plan.resources)?;
    if plan.drop_privileges {
        drop_capabilities().map_err(step("giving up the rights of root"))?;
        rustix::thread::set_no_new_privs(true).map_err(step("giving up new privileges"))?;
    }
    if let Some(rules) = &plan.landlock {
        restrict::apply(rules)?;
    }
    if let Some(refused) = plan.filter {
        filter::apply(refused).map_err(|error| Failure::new("refusing system calls", &error))?;
    }
    let told = |error: io::Error| Failure::new("telling of the start", &error);
    if plan.stays {
        // As the first process of its namespace this one would be a way out of the filter, and out of silence.
        let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
        let child = command.spawn().map_err(|error| Failure::new(named, &error))?;
        drop(command);
        wire::write_frame(notices, &Notice::Confined).map_err(told)?;
        wait_for(child.id(), notices);
        return Ok(());
    }
    wire::write_frame(notices, &Notice::Confined).map_err(told)?;
    Err(Failure::new(named, &command.exec()))
}

fn unusable(path: &Path) -> String {
    format!("granting `{}`", path.display())
}

/// Waits for the job, and for the orphans that the first process of a namespace gets.
fn wait_for(job: u32, notices: &mut PipeWriter) {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if u32::try_from(pid.as_raw_nonzero().get()) == Ok(job) => {
                let exited = Notice::Exited { code: status.exit_status(), signal: status.terminating_signal() };
                let _ = wire::write_frame(notices, &exited);
                return;
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// The program as it is found in the box, with its arguments.
fn resolve(plan: &Confinement) -> Result<(OsString, Vec<OsString>), Failure> {
    let missing = |name: &OsStr| {
        let missing = io::Error::from_raw_os_error(libc::ENOENT);
        Failure::new(format!("starting `{}`", name.display()), &missing)
    };
    match &plan.program {
        Program::Shell(line) => {
            let shells = ["/bin/bash", "/usr/bin/bash"].map(OsString::from);
            let found = shells.into_iter().find(|shell| is_executable(Path::new(shell)));
            let found = found.or_else(|| find(OsStr::new("bash"), plan)).or_else(|| find(OsStr::new("sh"), plan));
            let shell = found.ok_or_else(|| missing(OsStr::new("sh")))?;
            Ok((shell, vec!["-c".into(), line.into()]))
        }
        Program::Arguments(arguments) => {
            let (name, rest) = arguments.split_first().ok_or_else(|| missing(OsStr::new("")))?;
            Ok((find(name, plan).ok_or_else(|| missing(name))?, rest.to_vec()))
        }
    }
}

/// A name with a slash is a path, from the working directory; others are looked up in the job's `PATH`.
fn find(name: &OsStr, plan: &Confinement) -> Option<OsString> {
    if Path::new(name).components().count() > 1 || Path::new(name).is_absolute() {
        let path = plan.cwd.join(name);
        return is_executable(&path).then(|| path.into_os_string());
    }
    let folders = std::env::split_paths(plan.env.get("PATH")?);
    let mut paths = folders.map(|folder| plan.cwd.join(folder).join(name));
    paths.find(|path| is_executable(path)).map(Into::into)
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn set_limits(resources: &Resources) -> Result<(), Failure> {
    let limits = [
        ("memory", Resource::Data, resources.data_bytes),
        ("processes", Resource::Nproc, resources.processes),
        ("the size of files", Resource::Fsize, resources.file_bytes),
        ("processor time", Resource::Cpu, resources.cpu_seconds),
        ("open files", Resource::Nofile, resources.open_files),
        ("core dumps", Resource::Core, Some(0)),
    ];
    for (what, resource, wanted) in limits {
        let Some(wanted) = wanted else { continue };
        // A lower limit that is set already stays: only some may raise it, and it keeps what was asked for.
        let allowed = rustix::process::getrlimit(resource).maximum.map_or(wanted, |maximum| maximum.min(wanted));
        let limit = Rlimit { current: Some(allowed), maximum: Some(allowed) };
        rustix::process::setrlimit(resource, limit)
            .map_err(|error| Failure::new(format!("limiting {what}"), &io::Error::from(error)))?;
    }
    Ok(())
}

/// Gives up every capability for good: root becomes a user that owns root's files and nothing more.
fn drop_capabilities() -> rustix::io::Result<()> {
    use rustix::thread;
    for bit in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        match thread::capability_is_in_bounding_set(capability) {
            Ok(true) => match thread::remove_capability_from_bounding_set(capability) {
                // Without the right to do so there is nothing that a program could gain: new privileges are off.
                Ok(()) | Err(rustix::io::Errno::PERM) => {}
                Err(error) => return Err(error),
            },
            Ok(false) => {}
            Err(_) => break,
        }
    }
    // Root's programs get all capabilities back without this; whoever may not set it has none to get.
    let _ =
        thread::set_capabilities_secure_bits(CapabilitiesSecureBits::NO_ROOT | CapabilitiesSecureBits::NO_ROOT_LOCKED);
    let _ = thread::clear_ambient_capability_set();
    let none = CapabilitySet::empty();
    thread::set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}
