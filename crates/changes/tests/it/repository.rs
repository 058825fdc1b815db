//! Real git repositories.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use massgen_changes::{ContextPath, CopyMode, Drift, IsolateError, Isolated, Refusal, Selection, apply};

use crate::bench::{Bench, apply_all, change, git, git_command, part_is_there, paths, set_mode, write};

/// All that git keeps, by content: what must not be touched.
fn git_data(repository: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut data = BTreeMap::new();
    let mut folders = vec![repository.join(".git")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                data.insert(path.clone(), std::fs::read(path).unwrap());
            }
        }
    }
    data
}

#[test]
fn a_worktree_holds_the_dirty_tree_and_leaves_no_trace() {
    let bench = Bench::repository(&[("a", "a\n"), ("b", "b\n"), ("c", "c\n"), (".gitignore", "*.log\nbuild/\n")]);
    bench.write("a", "a with changes\n");
    bench.write("staged", "staged\n");
    git(&bench.user(), &["add", "staged"]);
    bench.write("untracked/new", "new\n");
    std::fs::remove_file(bench.user().join("c")).unwrap();
    bench.write("noise.log", "noise\n");
    bench.write("build/out", "out\n");
    let (before, data, status) =
        (bench.tree(), git_data(&bench.user()), git(&bench.user(), &["status", "--porcelain"]));

    let isolated = bench.isolate(CopyMode::Auto);
    assert!(isolated.is_worktree(), "{:?}", isolated.fallback());
    assert!(isolated.changes().unwrap().is_empty());
    let copy = isolated.directory().to_owned();
    assert_eq!(copy.file_name().unwrap(), "user");
    assert_eq!(std::fs::read_to_string(copy.join("a")).unwrap(), "a with changes\n");
    assert!(copy.join("untracked/new").exists() && copy.join("staged").exists());
    assert!(!copy.join("c").exists() && !copy.join("noise.log").exists() && !copy.join("build").exists());
    // Git works in it, and sees what the user would see.
    assert_eq!(git(&copy, &["status", "--porcelain"]), " M a\n D c\n?? staged\n?? untracked/\n");
    assert_eq!(git(&copy, &["branch", "--show-current"]), "", "on no branch");
    assert_eq!(git(&bench.user(), &["worktree", "list"]).lines().count(), 2);

    write(&copy, "a", "a by the presenter\n");
    write(&copy, "build/out", "built\n");
    write(&copy, "other.log", "log\n");
    write(&copy, "target/.gitignore", "*\n");
    write(&copy, "target/object", "o\n");
    write(&copy, "d", "d\n");
    assert_eq!(paths(&isolated.changes().unwrap()), ["a", "d"], "ignored files are no changes");
    apply_all(&isolated).unwrap();
    assert_eq!((bench.read("a").as_str(), bench.read("d").as_str()), ("a by the presenter\n", "d\n"));
    std::fs::remove_file(bench.user().join("d")).unwrap();
    bench.write("a", "a with changes\n");
    isolated.discard().unwrap();
    bench.assert_clean();
    assert_eq!(bench.tree(), before);
    assert_eq!(git(&bench.user(), &["status", "--porcelain"]), status);
    assert_eq!(git_data(&bench.user()), data, "git's data is as before");
}

#[test]
fn only_the_named_folder_of_a_repository_is_copied() {
    let bench = Bench::repository(&[("sub/a", "a\n"), ("top", "t\n"), (".gitignore", "*.tmp\n")]);
    let context = ContextPath::new(&bench.user().join("sub"), &[]).unwrap();
    let isolated = Isolated::create(&bench.state(), &context, CopyMode::Worktree).unwrap();
    assert!(isolated.directory().ends_with("user/sub"));
    assert!(!isolated.directory().join("../top").exists(), "nobody granted it");
    assert_eq!(git(isolated.directory(), &["status", "--porcelain"]), "");
    write(isolated.directory(), "a", "b\n");
    write(isolated.directory(), "x.tmp", "ignored by a rule above\n");
    write(isolated.directory(), "../top", "not seen\n");
    assert_eq!(paths(&isolated.changes().unwrap()), ["a"]);
    apply_all(&isolated).unwrap();
    assert_eq!((bench.read("sub/a").as_str(), bench.read("top").as_str()), ("b\n", "t\n"));
}

#[test]
fn a_file_that_git_ignores_is_never_replaced() {
    let bench = Bench::repository(&[("a", "a\n"), (".gitignore", "secret.txt\n")]);
    bench.write("secret.txt", "mine\n");
    for mode in [CopyMode::Worktree, CopyMode::Copy] {
        let isolated = bench.isolate(mode);
        assert!(!isolated.directory().join("secret.txt").exists());
        // The presenter takes the rule away.
        write(isolated.directory(), ".gitignore", "");
        write(isolated.directory(), "secret.txt", "stolen\n");
        let changes = isolated.changes().unwrap();
        assert_eq!(change(&changes, "secret.txt").refused, Some(Refusal::Ignored));
        apply(&isolated, &changes, &Selection::none(), Drift::PreferPresenter).unwrap();
        let mut only = Selection::none();
        only.accept("secret.txt");
        apply(&isolated, &changes, &only, Drift::PreferPresenter).unwrap();
        assert_eq!(bench.read("secret.txt"), "mine\n");
    }
}

#[test]
fn nothing_of_the_repository_is_run() {
    let bench = Bench::repository(&[("a", "a\n"), (".gitattributes", "* filter=spy\n")]);
    let proof = bench.folder.path().join("proof");
    let script = format!("#!/bin/sh\necho \"$0\" >> {}\ncat\n", proof.display());
    for hook in ["post-checkout", "post-index-change", "reference-transaction", "pre-commit", "fsmonitor-watchman"] {
        let path = bench.user().join(".git/hooks").join(hook);
        write(path.parent().unwrap(), hook, &script);
        set_mode(&path, 0o755);
    }
    let spy = bench.user().join(".git/hooks/post-checkout").display().to_string();
    for key in ["core.fsmonitor", "filter.spy.clean", "filter.spy.smudge", "filter.spy.process"] {
        git(&bench.user(), &["config", key, &spy]);
    }
    bench.write("a", "dirty\n");
    let data = git_data(&bench.user());
    let isolated = bench.isolate(CopyMode::Worktree);
    write(isolated.directory(), "a", "b\n");
    write(isolated.directory(), "new", "b\n");
    bench.write("new", "there\n");
    let changes = isolated.changes().unwrap();
    apply(&isolated, &changes, &Selection::all(), Drift::Skip).unwrap();
    isolated.discard().unwrap();
    assert!(!proof.exists(), "it ran: {}", std::fs::read_to_string(&proof).unwrap());
    assert_eq!(git_data(&bench.user()), data);
    // The spy works: a user's own git runs it.
    assert!(git_command(&bench.user(), &["status"]).output().is_ok());
    assert!(proof.exists());
}

#[test]
fn line_endings_are_those_of_the_working_tree() {
    let bench = Bench::repository(&[("a", "1\n2\n"), (".gitattributes", "* text eol=crlf\n")]);
    git(&bench.user(), &["config", "core.autocrlf", "true"]);
    bench.write("a", "1\r\n2\r\n");
    let isolated = bench.isolate(CopyMode::Worktree);
    assert!(isolated.changes().unwrap().is_empty());
    write(isolated.directory(), "a", "1\r\n2\r\n3");
    apply_all(&isolated).unwrap();
    assert_eq!(bench.read("a"), "1\r\n2\r\n3");
}

#[test]
fn submodules_and_repositories_inside_are_left_out() {
    let bench = Bench::repository(&[("a", "a\n")]);
    let other = Bench::repository(&[("inner", "1\n")]);
    git(&bench.user(), &["submodule", "--quiet", "add", other.user().to_str().unwrap(), "module"]);
    bench.commit();
    git(&bench.user(), &["init", "-q", "nested"]);
    bench.write("nested/file", "1\n");
    git(&bench.user().join("nested"), &["add", "-A"]);
    git(&bench.user().join("nested"), &["commit", "-q", "-m", "x"]);
    let isolated = bench.isolate(CopyMode::Worktree);
    for path in ["module", "nested"] {
        let left = isolated.left_out().iter().find(|left| left.path == Path::new(path)).unwrap();
        assert_eq!(left.why, Refusal::OtherRepository, "{path}");
        write(isolated.directory(), &format!("{path}/inner"), "2\n");
    }
    let changes = isolated.changes().unwrap();
    assert_eq!(changes.files.len(), 2);
    assert!(changes.files.iter().all(|file| file.refused == Some(Refusal::OtherRepository)));
    drop(isolated);
    // Named for itself, the submodule is a repository like others.
    let context = ContextPath::new(&bench.user().join("module"), &[]).unwrap();
    let isolated = Isolated::create(&bench.state(), &context, CopyMode::Worktree).unwrap();
    assert_eq!(git(isolated.directory(), &["status", "--porcelain"]), "");
    write(isolated.directory(), "inner", "2\n");
    apply_all(&isolated).unwrap();
    assert_eq!(bench.read("module/inner"), "2\n");
}

#[test]
fn data_of_git_is_no_context_path() {
    let bench = Bench::repository(&[("a", "a\n")]);
    let bare = bench.folder.path().join("bare");
    git(&bench.user(), &["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    for path in [bare.clone(), bare.join("refs"), bench.user().join(".git"), bench.user().join(".git/hooks")] {
        let context = ContextPath::new(&path, &[]).unwrap();
        for mode in [CopyMode::Auto, CopyMode::Worktree, CopyMode::Copy] {
            let error = Isolated::create(&bench.state(), &context, mode).unwrap_err();
            assert!(matches!(error, IsolateError::GitData(_)), "{error}");
        }
    }
}

#[test]
fn a_worktree_needs_a_repository_with_a_commit() {
    let bench = Bench::new();
    bench.write("a", "a\n");
    let create = |mode| Isolated::create(&bench.state(), &bench.context(), mode);
    assert!(matches!(create(CopyMode::Worktree).unwrap_err(), IsolateError::NotARepository(_)));
    git(&bench.user(), &["init", "-q"]);
    assert!(matches!(create(CopyMode::Worktree).unwrap_err(), IsolateError::NoCommit(_)));
    let isolated = create(CopyMode::Auto).unwrap();
    assert!(!isolated.is_worktree());
    write(isolated.directory(), "a", "b\n");
    apply_all(&isolated).unwrap();
    assert_eq!(bench.read("a"), "b\n");
    drop(isolated);
    bench.assert_clean();
}

#[test]
fn a_folder_that_git_ignores_is_a_plain_folder() {
    let bench = Bench::repository(&[("a", "a\n"), (".gitignore", "out\n")]);
    bench.write("out/sub/file", "1\n");
    let context = ContextPath::new(&bench.user().join("out/sub"), &[]).unwrap();
    let isolated = Isolated::create(&bench.state(), &context, CopyMode::Auto).unwrap();
    assert!(!isolated.is_worktree());
    assert!(isolated.directory().join("file").exists());
}

#[test]
fn a_linked_worktree_of_the_user_works_and_stays() {
    let bench = Bench::repository(&[("a", "a\n")]);
    let linked = bench.folder.path().canonicalize().unwrap().join("linked");
    git(&bench.user(), &["worktree", "add", "-q", "-b", "side", linked.to_str().unwrap()]);
    let data = git_data(&bench.user());
    let context = ContextPath::new(&linked, &[]).unwrap();
    let isolated = Isolated::create(&bench.state(), &context, CopyMode::Worktree).unwrap();
    write(isolated.directory(), "a", "b\n");
    // The presenter damages what git would trust when removing it.
    write(isolated.directory(), ".git", format!("gitdir: {}\n", bench.user().join(".git").display()));
    apply_all(&isolated).unwrap();
    isolated.discard().unwrap();
    assert_eq!(std::fs::read_to_string(linked.join("a")).unwrap(), "b\n");
    assert_eq!(git_data(&bench.user()), data);
    assert_eq!(git(&bench.user(), &["worktree", "list"]).lines().count(), 2);
}

#[test]
fn a_repository_of_somebody_else_works() {
    let test = "a_repository_of_somebody_else_works";
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0);
    if !part_is_there("root", test, (!is_root).then(|| "only root can give files away".to_owned())) {
        return;
    }
    let bench = Bench::repository(&[("sub/a", "a\n")]);
    let given = Command::new("chown").args(["-R", "1234:1234"]).arg(bench.user()).status().unwrap();
    assert!(given.success());
    // Git itself refuses to work there.
    let mut status = Command::new("git");
    status
        .current_dir(bench.user())
        .arg("status")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    let refused = status.output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("dubious ownership"));
    let isolated = bench.isolate(CopyMode::Worktree);
    write(isolated.directory(), "sub/a", "b\n");
    write(isolated.directory(), "new/b", "b\n");
    apply_all(&isolated).unwrap();
    for path in ["sub/a", "new", "new/b"] {
        let metadata = bench.user().join(path).metadata().unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::uid(&metadata), 1234, "{path} stays the owner's");
    }
}
