//! The binary, killed before one of its writes to the journal: whatever the machine does, always at the same place.

use std::path::Path;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod tracer {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};

    use nix::libc;
    use nix::sys::ptrace::{self, Options};
    use nix::sys::signal::{Signal, kill};
    use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
    use nix::unistd::Pid;

    /// Runs `massgen` in `place` with these arguments until it is about to write to a journal for the time number
    /// `write`, counted from 0, and kills it there. Whether it came that far.
    pub(crate) fn killed_before_write(write: usize, place: &Path, args: &[&str]) -> Result<bool, String> {
        let mut command = Command::new("/bin/sh");
        // It waits to be traced.
        command.args(["-c", "kill -STOP $$; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_massgen")]).args(args);
        command.current_dir(place).env_clear().env("HOME", place).env("PATH", "/usr/bin:/bin");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let process = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACECLONE;
        if let Err(error) = ptrace::seize(process, options) {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("processes cannot be traced here ({error})"));
        }
        kill(process, Signal::SIGCONT).unwrap();
        ptrace::interrupt(process).unwrap();
        let killed = watch(process, write);
        let _ = child.wait();
        Ok(killed)
    }

    fn watch(process: Pid, write: usize) -> bool {
        let mut writes = 0;
        loop {
            // Of this thread only: other tests have children of their own.
            let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
            let Ok(status) = waitpid(None::<Pid>, Some(flags)) else { return false };
            let (thread, signal) = match status {
                WaitStatus::PtraceSyscall(thread) => {
                    if writes_to_journal(process, thread) {
                        if writes == write {
                            kill(process, Signal::SIGKILL).unwrap();
                            while !matches!(
                                waitpid(None::<Pid>, Some(flags)),
                                Ok(WaitStatus::Signaled(pid, ..) | WaitStatus::Exited(pid, ..)) if pid == process
                            ) {}
                            return true;
                        }
                        writes += 1;
                    }
                    (thread, None)
                }
                WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
                WaitStatus::PtraceEvent(thread, ..) => (thread, None),
                WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..) if pid == process => return false,
                _ => continue,
            };
            let signal = signal.filter(|signal| !matches!(signal, Signal::SIGSTOP | Signal::SIGTRAP));
            // A thread may be gone by now.
            let _ = ptrace::syscall(thread, signal);
        }
    }

    fn writes_to_journal(process: Pid, thread: Pid) -> bool {
        let Ok(registers) = ptrace::getregs(thread) else { return false };
        // On the way in, the place of the result says that there is none yet.
        let enters = registers.rax.cast_signed() == -i64::from(libc::ENOSYS);
        if !enters || registers.orig_rax.cast_signed() != libc::SYS_write {
            return false;
        }
        let file = PathBuf::from(format!("/proc/{process}/fd/{}", registers.rdi));
        fs::read_link(file).is_ok_and(|path| path.ends_with("events.jsonl"))
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod tracer {
    use super::Path;

    pub(crate) fn killed_before_write(_: usize, _: &Path, _: &[&str]) -> Result<bool, String> {
        Err("system calls are told apart only on Linux and x86-64".to_owned())
    }
}

/// As in the module's first line. `Err` where processes cannot be traced.
pub(crate) fn killed_before_write(write: usize, place: &Path, args: &[&str]) -> Result<bool, String> {
    tracer::killed_before_write(write, place, args)
}
