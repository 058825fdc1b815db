//! What is never written, deleted or copied.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use massgen_changes::{ContextPath, CopyMode, Drift, Isolated, Refusal, Selection, SkipReason, apply};

use crate::bench::{Bench, change, paths, write};

fn isolate_protected(bench: &Bench, protected: &[&str]) -> Isolated {
    let protected: Vec<PathBuf> = protected.iter().map(PathBuf::from).collect();
    let context = ContextPath::new(&bench.user(), &protected).unwrap();
    Isolated::create(&bench.state(), &context, CopyMode::Auto).unwrap()
}

#[test]
fn protected_paths_are_neither_written_nor_deleted_nor_made() {
    let bench = Bench::new();
    bench.write("index.html", "1\n");
    bench.write("docs/a", "1\n");
    bench.write("docs/b", "1\n");
    let isolated = isolate_protected(&bench, &["index.html", "docs", "later"]);
    let before = bench.tree();
    write(isolated.directory(), "index.html", "2\n");
    std::fs::remove_file(isolated.directory().join("docs/a")).unwrap();
    write(isolated.directory(), "docs/b", "2\n");
    write(isolated.directory(), "later/x", "2\n");
    let changes = isolated.changes().unwrap();
    assert_eq!(changes.files.len(), 4);
    assert!(changes.files.iter().all(|file| file.refused == Some(Refusal::Protected)));
    assert_eq!(changes.unified(), "");
    // Even if somebody takes the mark away.
    let mut unmarked = changes.clone();
    unmarked.files.iter_mut().for_each(|file| file.refused = None);
    let applied = apply(&isolated, &unmarked, &Selection::all(), Drift::PreferPresenter).unwrap();
    assert_eq!(applied.skipped.len(), 4);
    assert_eq!(bench.tree(), before);
}

#[test]
fn secrets_are_not_copied_and_caches_not_applied() {
    let bench = Bench::new();
    for path in [".env", "sub/.env.local", "node_modules/x", "a/__pycache__/x", ".massgen/x", "venv/x"] {
        bench.write(path, "old\n");
    }
    bench.write(".env.example", "old\n");
    let isolated = bench.isolate(CopyMode::Auto);
    let copied: Vec<PathBuf> = crate::bench::tree(isolated.directory()).into_keys().collect();
    assert_eq!(copied, ["", ".env.example", "a", "sub"].map(PathBuf::from)[1..]);
    let before = bench.tree();
    for path in [".env", "sub/.env.local", "node_modules/x", "a/__pycache__/y", ".git/hooks/pre-commit", "b/.git"] {
        write(isolated.directory(), path, "new\n");
    }
    let changes = isolated.changes().unwrap();
    assert_eq!(paths(&changes), [".env", ".git", "b/.git", "sub/.env.local"]);
    let applied = apply(&isolated, &changes, &Selection::all(), Drift::PreferPresenter).unwrap();
    assert!(applied.skipped.iter().all(|skipped| skipped.why == SkipReason::Refused(Refusal::Excluded)));
    assert_eq!(bench.tree(), before);
    assert!(!bench.has(".git") && !bench.has("b"));
}

#[test]
fn symlinks_that_lead_outside_are_neither_copied_nor_made_nor_followed() {
    let bench = Bench::new();
    let outside = bench.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("file"), "mine\n").unwrap();
    bench.write("folder/file", "1\n");
    bench.write("other/file", "1\n");
    symlink("../outside", bench.user().join("out")).unwrap();
    symlink("folder", bench.user().join("in")).unwrap();
    let isolated = bench.isolate(CopyMode::Auto);
    let copy = isolated.directory();
    assert!(copy.join("out").symlink_metadata().is_err());
    assert!(isolated.left_out().iter().any(|left| left.path == Path::new("out") && left.why == Refusal::LeadsOutside));

    symlink(&outside, copy.join("absolute")).unwrap();
    symlink("../../outside", copy.join("folder/climbs")).unwrap();
    symlink("in/../..", copy.join("by-another")).unwrap();
    symlink("in/file", copy.join("fine")).unwrap();
    write(copy, "out/file", "stolen\n");
    write(copy, "other/file", "2\n");
    let changes = isolated.changes().unwrap();
    for path in ["absolute", "folder/climbs", "by-another", "out/file"] {
        assert_eq!(change(&changes, path).refused, Some(Refusal::LeadsOutside), "{path}");
    }
    assert_eq!(change(&changes, "fine").refused, None);
    // Meanwhile a folder becomes a symlink that leads outside.
    std::fs::remove_dir_all(bench.user().join("other")).unwrap();
    symlink(&outside, bench.user().join("other")).unwrap();
    let mut unmarked = changes.clone();
    unmarked.files.iter_mut().for_each(|file| file.refused = None);
    let applied = apply(&isolated, &unmarked, &Selection::all(), Drift::PreferPresenter).unwrap();
    assert_eq!(applied.written, [PathBuf::from("fine")]);
    assert_eq!(std::fs::read_to_string(outside.join("file")).unwrap(), "mine\n");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
    let blocked = applied.skipped.iter().find(|skipped| skipped.path == Path::new("other/file")).unwrap();
    assert_eq!(blocked.why, SkipReason::Blocked);
}

#[test]
fn pipes_are_not_files() {
    let bench = Bench::new();
    bench.write("a", "1\n");
    let isolated = bench.isolate(CopyMode::Auto);
    std::fs::remove_file(isolated.directory().join("a")).unwrap();
    for name in ["a", "b"] {
        let made = std::process::Command::new("mkfifo").arg(isolated.directory().join(name)).status().unwrap();
        assert!(made.success());
    }
    let changes = isolated.changes().unwrap();
    assert_eq!(paths(&changes), ["a", "b"]);
    assert!(changes.files.iter().all(|file| file.refused == Some(Refusal::NotAFile)));
    let before = bench.tree();
    apply(&isolated, &changes, &Selection::all(), Drift::PreferPresenter).unwrap();
    assert_eq!(bench.tree(), before);
}
