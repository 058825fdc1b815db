//! Processes that are killed in the middle of an apply, or of a recovery.
//!
//! This test program starts itself as the process to be killed: [`victim`] is what runs there.

use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use massgen_changes::{
    ApplyError, ContextPath, CopyMode, Drift, Isolated, Selection, apply_observed, recover, recover_observed,
};

use crate::bench::{Bench, Thing, Tree, git, part_is_there, set_mode, tree, write};

const FOLDER: &str = "MASSGEN_CHANGES_VICTIM_FOLDER";
const TASK: &str = "MASSGEN_CHANGES_VICTIM_TASK";
const POINT: &str = "MASSGEN_CHANGES_VICTIM_POINT";

/// The files before the apply.
fn prepare(folder: &Path) {
    let text: String = (1..=30).map(|number| format!("{number}\n")).collect();
    for path in ["a", "b", "merge", "delete", "gone/deep/file", "to-folder", "to-file/inside", "z"] {
        write(folder, path, &text);
    }
    write(folder, "script", "#!/bin/sh\n");
    write(folder, "binary", [0, 1, 2, 3]);
    symlink("a", folder.join("link")).unwrap();
    set_mode(&folder.join("b"), 0o600);
}

/// What the presenter does.
fn edit(copy: &Path) {
    let text = std::fs::read_to_string(copy.join("a")).unwrap();
    write(copy, "a", text.replace("\n3\n", "\nthree\n"));
    write(copy, "b", text.replace("\n3\n", "\nthree\n").replace("\n25\n", "\n"));
    write(copy, "merge", text.replace("\n3\n", "\nthree\n"));
    write(copy, "z", "short");
    write(copy, "new/deep/file", "new\n");
    write(copy, "binary", [9; 10]);
    set_mode(&copy.join("script"), 0o755);
    std::fs::remove_file(copy.join("delete")).unwrap();
    std::fs::remove_dir_all(copy.join("gone")).unwrap();
    std::fs::remove_file(copy.join("link")).unwrap();
    symlink("z", copy.join("link")).unwrap();
    std::fs::remove_file(copy.join("to-folder")).unwrap();
    write(copy, "to-folder/inside", "inside\n");
    std::fs::remove_dir_all(copy.join("to-file")).unwrap();
    write(copy, "to-file", "file\n");
}

/// What the user does meanwhile.
fn drift(user: &Path) {
    let text = std::fs::read_to_string(user.join("merge")).unwrap();
    write(user, "merge", text.replace("\n20\n", "\ntwenty\n"));
}

fn apply_in(folder: &Path, observer: &mut dyn FnMut(&'static str)) {
    let user = folder.canonicalize().unwrap().join("user");
    let context = ContextPath::new(&user, &[]).unwrap();
    let isolated = Isolated::create(&folder.join("state"), &context, CopyMode::Auto).unwrap();
    edit(isolated.directory());
    drift(&user);
    let changes = isolated.changes().unwrap();
    let mut selection = Selection::all();
    selection.reject("b");
    selection.accept_hunk("b", 1);
    selection.reject("b");
    selection.accept_hunk("b", 1);
    let applied = apply_observed(&isolated, &changes, &selection, Drift::Skip, observer).unwrap();
    assert!(applied.skipped.is_empty(), "{applied:?}");
}

/// An apply that must be undone.
fn undo_in(folder: &Path, observer: &mut dyn FnMut(&'static str)) {
    let context = ContextPath::new(&folder.join("user"), &[]).unwrap();
    let isolated = Isolated::create(&folder.join("state"), &context, CopyMode::Auto).unwrap();
    edit(isolated.directory());
    let changes = isolated.changes().unwrap();
    let error = apply_observed(&isolated, &changes, &Selection::all(), Drift::Fail, observer).unwrap_err();
    assert!(matches!(error, ApplyError::Drifted(_)), "{error}");
}

#[test]
#[ignore = "is started by the tests that kill it"]
fn victim() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let point: usize = std::env::var(POINT).unwrap().parse().unwrap();
    let mut passed = 0;
    let mut observer = |_: &'static str| {
        passed += 1;
        if passed == point {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
            std::thread::park();
        }
    };
    match std::env::var(TASK).unwrap().as_str() {
        "apply" => apply_in(&folder, &mut observer),
        "undo" => {
            let user = folder.join("user");
            undo_in(&folder, &mut |at| {
                // The user changes the last file when the first is replaced: the policy is to fail then.
                if at == "swapped" && std::fs::read(user.join("z")).unwrap() != b"by the user\n" {
                    write(&user, "part", "by the user\n");
                    std::fs::rename(user.join("part"), user.join("z")).unwrap();
                }
                observer(at);
            });
        }
        "recover" => drop(recover_observed(&folder.join("state"), &mut observer).unwrap()),
        task => panic!("what is {task}"),
    }
}

fn command(program: &Path, bench: &Bench, task: &str, point: usize) -> Command {
    let mut command = Command::new(program);
    command.env(FOLDER, bench.folder.path()).env(TASK, task).env(POINT, point.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn run_victim(bench: &Bench, task: &str, point: usize) -> ExitStatus {
    let program = std::env::current_exe().unwrap();
    let mut command = command(&program, bench, task, point);
    command.args(["--exact", "killed::victim", "--ignored"]).status().unwrap()
}

fn was_killed(status: ExitStatus) -> bool {
    assert!(status.success() || status.signal() == Some(9), "the victim failed: {status}");
    !status.success()
}

/// The trees before and after an apply that nobody disturbs.
fn before_and_after() -> (Tree, Tree) {
    let bench = Bench::new();
    prepare(&bench.user());
    drift(&bench.user());
    let before = bench.tree();
    drift_back(&bench.user());
    apply_in(bench.folder.path(), &mut |_| {});
    bench.assert_clean();
    (before, bench.tree())
}

fn drift_back(user: &Path) {
    let text = std::fs::read_to_string(user.join("merge")).unwrap();
    write(user, "merge", text.replace("\ntwenty\n", "\n20\n"));
}

/// That each file is wholly old or wholly new, right after the death.
fn assert_whole(at: &Tree, before: &Tree, after: &Tree, when: &str) {
    for (path, thing) in at {
        let staged = path.file_name().unwrap().to_string_lossy().starts_with(".massgen-apply-");
        let known = [before.get(path), after.get(path)].contains(&Some(thing));
        // A folder may be made before a file goes into it.
        assert!(staged || known || *thing == Thing::Folder, "{when}: {} is neither old nor new", path.display());
    }
    for (path, thing) in before {
        // A file that is replaced, and not deleted or turned into something else, is never missing.
        let stays = matches!((thing, after.get(path)), (Thing::File(..), Some(Thing::File(..))));
        assert!(!stays || at.contains_key(path), "{when}: {} is missing", path.display());
    }
}

#[test]
fn killed_at_any_step_an_apply_is_finished_or_undone() {
    let (before, after) = before_and_after();
    assert_ne!(before, after);
    let (mut finished, mut undone, mut seen_between) = (0, 0, 0);
    for point in 1.. {
        let bench = Bench::new();
        prepare(&bench.user());
        let killed = was_killed(run_victim(&bench, "apply", point));
        let at = bench.tree();
        if killed {
            assert_whole(&at, &before, &after, &format!("killed at {point}"));
        }
        recover(&bench.state()).unwrap();
        bench.assert_clean();
        let end = bench.tree();
        if end == before {
            undone += 1;
        } else {
            assert_eq!(end, after, "killed at {point}");
            finished += 1;
        }
        seen_between += usize::from(at != before && at != after);
        assert!(recover(&bench.state()).unwrap().is_empty(), "there is nothing left to recover");
        if !killed {
            assert!(point > 50, "only {point} points");
            break;
        }
    }
    eprintln!("killed {} times: {undone} undone, {finished} finished, {seen_between} seen between", undone + finished);
    assert!(finished > 20 && undone > 20 && seen_between > 20);
}

#[test]
fn killed_while_undoing_it_is_undone() {
    let mut between = 0;
    for point in 1.. {
        let bench = Bench::new();
        prepare(&bench.user());
        let before = bench.tree();
        let killed = was_killed(run_victim(&bench, "undo", point));
        let at = bench.tree();
        recover(&bench.state()).unwrap();
        bench.assert_clean();
        let end = bench.tree();
        let by_user = end.get(Path::new("z")) == Some(&Thing::File(b"by the user\n".to_vec(), 0o644));
        let mut expected = before.clone();
        if by_user {
            expected.insert("z".into(), end.get(Path::new("z")).unwrap().clone());
        }
        // Killed before the user did anything, it is finished or not begun.
        let finished = end.get(Path::new("z")) == Some(&Thing::File(b"short".to_vec(), 0o644));
        assert!(if by_user || !finished { end == expected } else { killed }, "killed at {point}: {end:?}");
        between += usize::from(at.get(Path::new("a")) != before.get(Path::new("a")));
        if !killed {
            assert!(by_user);
            break;
        }
    }
    assert!(between > 5, "{between}");
}

#[test]
fn killed_while_recovering_the_next_recovery_goes_on() {
    let (before, after) = before_and_after();
    for first in (1..200).step_by(9) {
        for second in (1..).step_by(4) {
            let bench = Bench::new();
            prepare(&bench.user());
            if !was_killed(run_victim(&bench, "apply", first)) {
                return;
            }
            let killed = was_killed(run_victim(&bench, "recover", second));
            assert_whole(&bench.tree(), &before, &after, &format!("killed at {first}, then at {second}"));
            recover(&bench.state()).unwrap();
            bench.assert_clean();
            let end = bench.tree();
            assert!(end == before || end == after, "killed at {first}, then at {second}");
            if !killed {
                break;
            }
        }
    }
}

/// Kills at system calls, wherever they are: also while the copy is made or removed, and in the middle of writing.
#[test]
fn killed_at_any_system_call_nothing_half_done_stays() {
    let strace = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let missing = match strace {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Some(error.to_string()),
    };
    if !part_is_there("strace", "killed_at_any_system_call_nothing_half_done_stays", missing) {
        return;
    }
    let repository = || {
        let bench = Bench::new();
        prepare(&bench.user());
        git(&bench.user(), &["init", "-q"]);
        git(&bench.user(), &["add", "-A"]);
        git(&bench.user(), &["commit", "-q", "-m", "state"]);
        bench
    };
    let program = std::env::current_exe().unwrap();
    let run = |bench: &Bench, calls: &str, number: usize| {
        let mut strace = command(Path::new("strace"), bench, "apply", usize::MAX);
        let inject = format!("inject={calls}:signal=KILL:when={number}");
        // Git is killed, too, in other runs: to the victim that is an error like others.
        strace.args(["-f", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e", &inject]).arg(&program);
        strace.args(["--exact", "killed::victim", "--ignored", "--test-threads=1"]).status().unwrap()
    };
    let (before, after) = before_and_after();
    let calls = "write,fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,symlinkat,fchmod,flock";
    let (mut finished, mut undone) = (0, 0);
    for kind in calls.split(',') {
        let step = match kind {
            "write" | "flock" | "unlinkat" => 17,
            "fsync" | "rename" | "renameat2" => 2,
            _ => 5,
        };
        for number in (1..).step_by(step) {
            let bench = repository();
            let status = run(&bench, kind, number);
            let at = tree(&bench.user());
            let when = format!("killed at {kind} {number}");
            let drifted = at.get(Path::new("merge")) != before_drift().get(Path::new("merge"));
            if drifted {
                assert_whole(&at, &before, &after, &when);
            }
            recover(&bench.state()).unwrap();
            bench.assert_clean();
            let end = bench.tree();
            assert!(end == after || end == if drifted { before.clone() } else { before_drift() }, "{when}");
            finished += usize::from(end == after);
            undone += usize::from(end == before);
            let listed = git(&bench.user(), &["worktree", "list"]);
            assert_eq!(listed.lines().count(), 1, "{when}: {listed}");
            if status.success() {
                break;
            }
        }
    }
    eprintln!("killed in the middle: {undone} undone, {finished} finished");
    assert!(finished > 10 && undone > 10);
}

/// The tree before the user's own change.
fn before_drift() -> Tree {
    let bench = Bench::new();
    prepare(&bench.user());
    bench.tree()
}
