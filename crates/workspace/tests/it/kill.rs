//! Processes that are killed: whatever can be seen afterwards is whole.
//!
//! A helper is traced, and killed before each of its system calls that change the file system, one after another.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

use std::path::Path;

use massgen_protocol::{AgentIndex, SnapshotId};
use massgen_workspace::{PeerViews, Sharing, SnapshotStore, Workspace};
use tempfile::TempDir;

use crate::helper::{Helper, one_by_one, shown};
use crate::support::{look, names, open, skip, verify_all, write};

#[cfg(target_arch = "x86_64")]
mod traced {
    use nix::libc;
    use nix::sys::ptrace::{self, Options};
    use nix::sys::signal::{Signal, kill};
    use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
    use nix::unistd::Pid;

    use super::{Helper, Path};

    /// System calls that change what others can see. Writing is among them for its effect on locks and leases.
    const CHANGES: [libc::c_long; 17] = [
        libc::SYS_openat,
        libc::SYS_mkdirat,
        libc::SYS_mkdir,
        libc::SYS_renameat,
        libc::SYS_renameat2,
        libc::SYS_rename,
        libc::SYS_linkat,
        libc::SYS_symlinkat,
        libc::SYS_unlinkat,
        libc::SYS_unlink,
        libc::SYS_rmdir,
        libc::SYS_write,
        libc::SYS_ftruncate,
        libc::SYS_copy_file_range,
        libc::SYS_ioctl,
        libc::SYS_fchmod,
        libc::SYS_flock,
    ];

    /// Lets a helper do its job up to the change number `step`, and kills it there. Whether it got there.
    pub(super) fn killed_at(step: usize, job: &str, directory: &Path) -> Result<bool, String> {
        let mut helper = Helper::start(job, directory);
        let thread = Pid::from_raw(helper.thread);
        let process = Pid::from_raw(i32::try_from(helper.child.id()).unwrap());
        let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL;
        if let Err(error) = ptrace::seize(thread, options) {
            let _ = helper.child.kill();
            let _ = helper.child.wait();
            return Err(format!("processes cannot be traced here ({error})"));
        }
        ptrace::interrupt(thread).unwrap();
        let wait = || waitpid(thread, Some(WaitPidFlag::__WALL)).unwrap();
        wait();
        helper.let_go();
        let mut changes = 0;
        let killed = loop {
            ptrace::syscall(thread, None).unwrap();
            match wait() {
                WaitStatus::PtraceSyscall(_) => {}
                WaitStatus::Exited(..) => break false,
                _ => continue,
            }
            let registers = ptrace::getregs(thread).unwrap();
            // On the way in, the place of the result says that there is none yet.
            let enters = registers.rax.cast_signed() == -i64::from(libc::ENOSYS);
            if enters && CHANGES.contains(&registers.orig_rax.cast_signed()) {
                if changes == step {
                    kill(process, Signal::SIGKILL).unwrap();
                    while !matches!(wait(), WaitStatus::Signaled(..) | WaitStatus::Exited(..)) {}
                    break true;
                }
                changes += 1;
            }
        };
        // A thread that was traced and led its process has been waited for already.
        let _ = helper.child.wait();
        Ok(killed)
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod traced {
    use super::Path;

    pub(super) fn killed_at(_: usize, _: &str, _: &Path) -> Result<bool, String> {
        Err("system calls are told apart only on x86-64".to_owned())
    }
}

/// Does `job` again and again, killed one change later each time, in what `prepare` prepares; `check` checks each.
fn kill_at_every_step<T>(
    test: &str,
    prepare: impl Fn(&Path) -> T,
    job: impl Fn(&T) -> String,
    check: impl Fn(&Path, &T, &str),
) {
    for step in 0.. {
        let temporary = TempDir::new().unwrap();
        let prepared = prepare(temporary.path());
        match traced::killed_at(step, &job(&prepared), temporary.path()) {
            Err(reason) => return skip(test, "ptrace", &reason),
            Ok(killed) => {
                check(temporary.path(), &prepared, &format!("killed before change {step}"));
                if !killed {
                    assert!(step > 20, "the job changed only {step} things");
                    eprintln!("{test}: killed at each of {step} steps");
                    return;
                }
            }
        }
    }
}

/// A store with two versions of a workspace, which is left at the later one; another workspace's snapshot as well.
struct Versions {
    old: SnapshotId,
    new: SnapshotId,
    other: SnapshotId,
}

fn old_version(workspace: &Path) {
    write(workspace, "same", "same");
    write(workspace, "folder/changed", "old");
    write(workspace, "folder/removed", "removed");
    write(workspace, "gone/file", "gone");
}

fn new_version(workspace: &Path) {
    write(workspace, "folder/changed", "new");
    std::fs::remove_file(workspace.join("folder/removed")).unwrap();
    std::fs::remove_dir_all(workspace.join("gone")).unwrap();
    write(workspace, "added/deep/file", "added");
    std::os::unix::fs::symlink("added", workspace.join("link")).unwrap();
}

fn versions(directory: &Path) -> Versions {
    let store = one_by_one(directory);
    let workspace = directory.join("workspace");
    old_version(&workspace);
    let old = store.publish(&workspace).unwrap().id;
    new_version(&workspace);
    let new = store.publish(&workspace).unwrap().id;
    let elsewhere = directory.join("elsewhere");
    write(&elsewhere, "file", "other");
    let other = store.publish(&elsewhere).unwrap().id;
    Versions { old, new, other }
}

/// The snapshot that a directory is a copy of.
fn identify(directory: &Path) -> SnapshotId {
    let temporary = TempDir::new().unwrap();
    open(&temporary.path().join("store")).publish(directory).unwrap().id
}

fn reopened(directory: &Path, at: &str) -> SnapshotStore {
    let store = one_by_one(directory);
    assert!(names(&store.directory().join("staging")).is_empty(), "{at}: something half done is left");
    store
}

#[test]
fn publishing() {
    let prepare = |directory: &Path| {
        let workspace = directory.join("workspace");
        old_version(&workspace);
        let old = one_by_one(directory).publish(&workspace).unwrap().id;
        new_version(&workspace);
        (old, identify(&workspace))
    };
    let check = |directory: &Path, (old, new): &(SnapshotId, SnapshotId), at: &str| {
        let store = reopened(directory, at);
        let ids = verify_all(&store);
        assert!(ids.contains(old), "{at}");
        assert!(ids.iter().all(|id| id == old || id == new), "{at}");
        assert_eq!(store.publish(&directory.join("workspace")).unwrap().id, *new, "{at}");
        store.verify(new).unwrap();
    };
    kill_at_every_step("kill::publishing", prepare, |_| "publish".to_owned(), check);
}

#[test]
fn materialising() {
    let check = |directory: &Path, versions: &Versions, at: &str| {
        let out = directory.join("out");
        if out.exists() {
            assert_eq!(identify(&out), versions.new, "{at}");
        } else {
            reopened(directory, at).materialise(&versions.new, &out, Sharing::Private).unwrap();
            assert_eq!(identify(&out), versions.new, "{at}");
        }
        assert!(!names(directory).contains(&".out.partial".to_owned()), "{at}");
        verify_all(&one_by_one(directory));
    };
    kill_at_every_step("kill::materialising", versions, |versions| format!("materialise {}", versions.new), check);
}

#[test]
fn showing_other_snapshots() {
    let prepare = |directory: &Path| {
        let versions = versions(directory);
        let before = shown(&format!("agent1={},agent3={}", versions.old, versions.other));
        PeerViews::new(directory.join("views")).show(&one_by_one(directory), &before).unwrap();
        versions
    };
    let job = |versions: &Versions| format!("agent1={},agent2={}", versions.new, versions.other);
    let check = |directory: &Path, versions: &Versions, at: &str| {
        let views = directory.join("views");
        for name in names(&views) {
            let id = identify(&views.join(&name));
            let right = match name.as_str() {
                "agent1" => [&versions.old, &versions.new].contains(&&id),
                "agent2" | "agent3" => id == versions.other,
                _ => false,
            };
            assert!(right, "{at}: {name} is half done");
        }
        assert!(names(&views).contains(&"agent1".to_owned()), "{at}");
        let wanted = shown(&job(versions));
        PeerViews::new(&views).show(&reopened(directory, at), &wanted).unwrap();
        assert_eq!(names(&views), ["agent1", "agent2"], "{at}");
        assert_eq!(identify(&views.join("agent1")), versions.new, "{at}");
        assert_eq!(identify(&views.join("agent2")), versions.other, "{at}");
        assert!(names(&directory.join(".views.views/staging")).is_empty(), "{at}");
        verify_all(&one_by_one(directory));
    };
    kill_at_every_step("kill::showing_other_snapshots", prepare, |versions| format!("show {}", job(versions)), check);
}

#[test]
fn restoring_a_view() {
    let prepare = |directory: &Path| {
        let versions = versions(directory);
        let views = PeerViews::new(directory.join("views"));
        views.show(&one_by_one(directory), &[(AgentIndex(0), versions.new.clone())]).unwrap();
        let view = directory.join("views/agent1");
        write(&view, "folder/changed", "by its owner");
        write(&view, "folder/own/file", "by its owner");
        std::fs::remove_file(view.join("same")).unwrap();
        std::fs::create_dir(view.join("same")).unwrap();
        std::fs::remove_dir_all(view.join("added/deep")).unwrap();
        versions
    };
    let check = |directory: &Path, versions: &Versions, at: &str| {
        let (views, view) = (PeerViews::new(directory.join("views")), directory.join("views/agent1"));
        let changed = std::fs::read_to_string(view.join("folder/changed")).unwrap();
        assert!(changed == "by its owner" || changed == "new", "{at}: {changed:?}");
        let added = std::fs::read_to_string(view.join("added/deep/file"));
        assert!(added.is_err() || added.unwrap() == "added", "{at}");
        views.show(&reopened(directory, at), &[(AgentIndex(0), versions.new.clone())]).unwrap();
        assert_eq!(look(&view), look(&directory.join("workspace")), "{at}");
    };
    let job = |versions: &Versions| format!("show agent1={}", versions.new);
    kill_at_every_step("kill::restoring_a_view", prepare, job, check);
}

#[test]
fn filling_a_workspace() {
    let check = |directory: &Path, versions: &Versions, at: &str| {
        let workspace = Workspace::create(&directory.join("filled")).unwrap();
        if workspace.is_empty().unwrap() {
            assert!(names(workspace.path()).is_empty(), "{at}");
            workspace.fill_from(&one_by_one(directory), &versions.new).unwrap();
        }
        assert_eq!(look(workspace.path()), look(&directory.join("workspace")), "{at}");
    };
    kill_at_every_step("kill::filling_a_workspace", versions, |versions| format!("fill {}", versions.new), check);
}

#[test]
fn removing_what_is_unused() {
    let check = |directory: &Path, versions: &Versions, at: &str| {
        let store = reopened(directory, at);
        assert!(verify_all(&store).contains(&versions.new), "{at}");
        store.remove_unused(std::slice::from_ref(&versions.new)).unwrap();
        assert_eq!(verify_all(&store), std::slice::from_ref(&versions.new), "{at}");
        assert_eq!(store.publish(&directory.join("workspace")).unwrap().id, versions.new, "{at}");
    };
    kill_at_every_step(
        "kill::removing_what_is_unused",
        versions,
        |versions| format!("collect {}", versions.new),
        check,
    );
}

#[test]
fn anything_at_any_time() {
    let temporary = TempDir::new().unwrap();
    let directory = temporary.path();
    for round in 0..15_u64 {
        let mut helper = Helper::start("churn", directory);
        helper.let_go();
        for _ in 0..=round % 3 {
            helper.wait_for("churned ");
        }
        // Wherever it is then: any moment will do.
        std::thread::sleep(std::time::Duration::from_micros(round * 1_777 % 20_000));
        helper.child.kill().unwrap();
        helper.child.wait().unwrap();

        let store = open(&directory.join("store"));
        assert!(names(&store.directory().join("staging")).is_empty());
        let ids = verify_all(&store);
        assert!(!ids.is_empty());
        for view in names(&directory.join("views")) {
            assert!(ids.contains(&identify(&directory.join("views").join(view))), "round {round}");
        }
        let out = directory.join("out");
        // It is removed by the helper file by file before it is made again: only what is new is whole.
        if out.exists() {
            let known: Vec<_> = ids.iter().map(|id| store.entries(id).unwrap().len()).collect();
            assert!(look(&out).len() <= known.into_iter().max().unwrap());
        }
        store.remove_unused(&[]).unwrap();
    }
}
