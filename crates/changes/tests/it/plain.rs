//! Plain folders and single files.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use massgen_changes::{
    ChangeKind, ContextPath, CopyMode, Drift, FileSelection, IsolateError, Isolated, Limits, Refusal, Selection,
    SkipReason, apply,
};

use crate::bench::{Bench, Thing, apply_all, change, mode, paths, set_mode, write};

#[test]
fn all_kinds_of_changes_are_applied_and_nothing_else() {
    let bench = Bench::new();
    for path in ["keep", "modify", "delete", "gone/deep/file", "script", "to-folder", "to-file/inside"] {
        bench.write(path, format!("{path}\nsecond\n"));
    }
    bench.write("binary", [0, 159, 146, 150]);
    set_mode(&bench.user().join("modify"), 0o640);
    symlink("keep", bench.user().join("link")).unwrap();
    std::fs::create_dir(bench.user().join("empty")).unwrap();
    let isolated = bench.isolate(CopyMode::Auto);
    let before = bench.tree();
    assert!(!isolated.is_worktree());
    assert!(isolated.changes().unwrap().is_empty());

    let copy = isolated.directory();
    write(copy, "modify", "changed\nsecond\n");
    write(copy, "new/deep/file", "new\n");
    write(copy, "new-empty", "");
    write(copy, "binary", [0, 1, 2]);
    std::fs::remove_file(copy.join("delete")).unwrap();
    std::fs::remove_dir_all(copy.join("gone")).unwrap();
    set_mode(&copy.join("script"), 0o755);
    std::fs::remove_file(copy.join("link")).unwrap();
    symlink("modify", copy.join("link")).unwrap();
    std::fs::remove_file(copy.join("to-folder")).unwrap();
    write(copy, "to-folder/inside", "inside\n");
    std::fs::remove_dir_all(copy.join("to-file")).unwrap();
    write(copy, "to-file", "file\n");
    assert_eq!(bench.tree(), before, "nothing is written directly");

    let changes = isolated.changes().unwrap();
    assert_eq!(
        paths(&changes),
        [
            "binary",
            "delete",
            "gone/deep/file",
            "link",
            "modify",
            "new/deep/file",
            "new-empty",
            "script",
            "to-file",
            "to-file/inside",
            "to-folder",
            "to-folder/inside",
        ]
    );
    assert!(change(&changes, "binary").binary);
    assert_eq!(change(&changes, "script").kind, ChangeKind::ModeChanged);
    let applied = apply(&isolated, &changes, &Selection::all(), Drift::Fail).unwrap();
    assert_eq!(applied.deleted.len(), 4);
    assert_eq!(applied.written.len(), 8);
    assert!(applied.skipped.is_empty() && applied.already.is_empty());
    assert_eq!(mode(&bench.user().join("modify")), 0o640, "the mode is the user's");
    assert!(!bench.has("gone"), "folders go with their files");
    assert!(bench.has("empty"));
    assert_eq!(bench.tree().get(Path::new("new/deep/file")), Some(&Thing::File(b"new\n".to_vec(), 0o644)));
    assert_eq!(mode(&bench.user().join("script")) & 0o111, 0o111);

    // Applied once more there is nothing to do.
    let after = bench.tree();
    let again = apply(&isolated, &changes, &Selection::all(), Drift::Fail).unwrap();
    assert_eq!(again.already.len(), 12);
    assert_eq!(bench.tree(), after);
    isolated.discard().unwrap();
    bench.assert_clean();
}

#[test]
fn nothing_selected_changes_nothing() {
    let bench = Bench::new();
    bench.write("a", "a\n");
    let isolated = bench.isolate(CopyMode::Auto);
    write(isolated.directory(), "a", "b\n");
    write(isolated.directory(), "c", "c\n");
    let before = bench.tree();
    let changes = isolated.changes().unwrap();
    apply(&isolated, &changes, &Selection::none(), Drift::Fail).unwrap();
    assert_eq!(bench.tree(), before);
    let mut one = Selection::none();
    one.accept("c");
    let applied = apply(&isolated, &changes, &one, Drift::Fail).unwrap();
    assert_eq!(applied.written, [PathBuf::from("c")]);
    assert_eq!((bench.read("a").as_str(), bench.read("c").as_str()), ("a\n", "c\n"));
}

#[test]
fn single_hunks_and_the_mode_are_separate_choices() {
    let bench = Bench::new();
    let old: String = (1..=30).map(|number| format!("line {number}\r\n")).collect();
    bench.write("a", &old);
    let isolated = bench.isolate(CopyMode::Auto);
    let new = old.replace("line 2\r", "two\r").replace("line 15\r\n", "").replace("line 30\r\n", "the end");
    write(isolated.directory(), "a", &new);
    set_mode(&isolated.directory().join("a"), 0o755);
    let changes = isolated.changes().unwrap();
    assert_eq!(change(&changes, "a").hunks.len(), 3);
    let part = |mode, hunks: &[usize]| {
        let mut selection = Selection::none();
        selection.set("a", FileSelection::Part { mode, hunks: hunks.iter().copied().collect() });
        selection
    };
    let executable = || mode(&bench.user().join("a")) & 0o100 != 0;
    apply(&isolated, &changes, &part(false, &[1]), Drift::Fail).unwrap();
    assert_eq!(bench.read("a"), old.replace("line 15\r\n", ""));
    assert!(!executable());
    bench.write("a", &old);
    apply(&isolated, &changes, &part(true, &[]), Drift::Fail).unwrap();
    assert_eq!(bench.read("a"), old);
    assert!(executable());
    apply(&isolated, &changes, &part(true, &[0, 2]), Drift::Fail).unwrap();
    assert_eq!(bench.read("a"), old.replace("line 2\r", "two\r").replace("line 30\r\n", "the end"));
}

#[test]
fn a_single_file_grants_nothing_else() {
    let bench = Bench::new();
    bench.write("one", "1\n");
    bench.write("two", "2\n");
    let context = ContextPath::new(&bench.user().join("one"), &[]).unwrap();
    let isolated = Isolated::create(&bench.state(), &context, CopyMode::Auto).unwrap();
    assert_eq!(std::fs::read_dir(isolated.directory()).unwrap().count(), 1);
    write(isolated.directory(), "one", "one\n");
    write(isolated.directory(), "two", "two\n");
    let changes = isolated.changes().unwrap();
    assert_eq!(change(&changes, "two").refused, Some(Refusal::OutsideContextPath));
    let applied = apply(&isolated, &changes, &Selection::all(), Drift::PreferPresenter).unwrap();
    assert_eq!(applied.skipped.len(), 1);
    assert_eq!((bench.read("one").as_str(), bench.read("two").as_str()), ("one\n", "2\n"));
}

#[test]
fn what_needs_a_change_that_was_not_accepted_is_skipped() {
    let bench = Bench::new();
    bench.write("file", "1\n");
    bench.write("folder/inside", "1\n");
    let isolated = bench.isolate(CopyMode::Auto);
    let copy = isolated.directory();
    std::fs::remove_file(copy.join("file")).unwrap();
    write(copy, "file/inside", "2\n");
    std::fs::remove_dir_all(copy.join("folder")).unwrap();
    write(copy, "folder", "2\n");
    let changes = isolated.changes().unwrap();
    let mut selection = Selection::none();
    selection.accept("file/inside");
    selection.accept("folder");
    let before = bench.tree();
    let applied = apply(&isolated, &changes, &selection, Drift::Fail).unwrap();
    assert!(applied.skipped.iter().all(|skipped| skipped.why == SkipReason::Blocked));
    assert_eq!(applied.skipped.len(), 2);
    assert_eq!(bench.tree(), before);
}

#[test]
fn empty_folders_can_become_a_file() {
    let bench = Bench::new();
    std::fs::create_dir_all(bench.user().join("folder/in/folder")).unwrap();
    let isolated = bench.isolate(CopyMode::Auto);
    std::fs::remove_dir_all(isolated.directory().join("folder")).unwrap();
    write(isolated.directory(), "folder", "file\n");
    apply_all(&isolated).unwrap();
    assert_eq!(bench.read("folder"), "file\n");
}

#[test]
fn a_folder_that_is_too_large_is_refused_before_it_is_copied() {
    let bench = Bench::new();
    bench.write("a", vec![b'a'; 2000]);
    let limits = Limits { bytes_max: 1000, ..Limits::default() };
    let error = Isolated::create_within(&bench.state(), &bench.context(), CopyMode::Auto, limits).unwrap_err();
    assert!(matches!(error, IsolateError::TooLarge { bytes: 2000, .. }), "{error}");
    assert!(error.to_string().contains("name a smaller folder"), "{error}");
    bench.assert_clean();
}

#[test]
fn the_state_folder_may_lie_inside_but_is_not_copied() {
    let bench = Bench::new();
    bench.write("a", "a\n");
    let state = bench.user().join("own");
    let isolated = Isolated::create(&state, &bench.context(), CopyMode::Auto).unwrap();
    assert!(!isolated.directory().join("own").exists());
    write(isolated.directory(), "own/lock", "x");
    let changes = isolated.changes().unwrap();
    assert_eq!(change(&changes, "own/lock").refused, Some(Refusal::Excluded));
    let inside = ContextPath::new(isolated.directory(), &[]).unwrap();
    let error = Isolated::create(&state, &inside, CopyMode::Auto).unwrap_err();
    assert!(matches!(error, IsolateError::InsideState(_)), "{error}");
}

#[test]
fn large_and_odd_files_are_taken_as_a_whole() {
    use std::os::unix::ffi::OsStrExt;
    let bench = Bench::new();
    let odd = Path::new(std::ffi::OsStr::from_bytes(b"odd\xff\n name"));
    bench.write("large", "line\n".repeat(1 << 20));
    std::fs::write(bench.user().join(odd), b"latin \xe4\n").unwrap();
    let isolated = bench.isolate(CopyMode::Auto);
    write(isolated.directory(), "large", "more\n".repeat(1 << 20));
    std::fs::write(isolated.directory().join(odd), b"latin \xf6\n").unwrap();
    let changes = isolated.changes().unwrap();
    assert!(changes.files.iter().all(|file| file.binary && file.hunks.is_empty()));
    serde_json::to_string(&changes).unwrap();
    let applied = apply_all(&isolated).unwrap();
    serde_json::to_string(&applied).unwrap();
    assert_eq!(std::fs::read(bench.user().join(odd)).unwrap(), b"latin \xf6\n");
    assert!(bench.read("large").starts_with("more\n"));
}

#[test]
fn what_was_changed_after_the_review_is_not_applied() {
    let bench = Bench::new();
    bench.write("text", "a\n");
    let isolated = bench.isolate(CopyMode::Auto);
    write(isolated.directory(), "text", "b\n");
    write(isolated.directory(), "binary", [0, 1]);
    let changes = isolated.changes().unwrap();
    write(isolated.directory(), "text", "evil\n");
    write(isolated.directory(), "binary", [0, 2]);
    let before = bench.tree();
    let error = apply(&isolated, &changes, &Selection::all(), Drift::Skip).unwrap_err();
    assert!(error.to_string().contains("binary changed in the copy"), "{error}");
    assert_eq!(bench.tree(), before);
    // Text comes from the reviewed hunks, not from the copy.
    let mut text = Selection::none();
    text.accept("text");
    apply(&isolated, &changes, &text, Drift::Skip).unwrap();
    assert_eq!(bench.read("text"), "b\n");
}
