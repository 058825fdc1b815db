//! What dead and living processes leave to each other.

use massgen_changes::{
    ApplyError, ContextPath, CopyMode, Drift, Isolated, Recovered, Selection, apply_observed, recover,
};

use crate::bench::{Bench, apply_all, git, write};

#[test]
fn recovery_leaves_the_living_alone() {
    let bench = Bench::repository(&[("a", "a\n")]);
    let isolated = bench.isolate(CopyMode::Auto);
    write(isolated.directory(), "a", "b\n");
    assert!(recover(&bench.state()).unwrap().is_empty());
    let changes = isolated.changes().unwrap();
    let mut asked = 0;
    let mut observer = |_: &'static str| {
        asked += 1;
        assert!(recover(&bench.state()).unwrap().is_empty());
    };
    apply_observed(&isolated, &changes, &Selection::all(), Drift::Fail, &mut observer).unwrap();
    assert!(asked > 10);
    assert_eq!(bench.read("a"), "b\n");
}

#[test]
fn copies_of_dead_processes_are_removed_with_their_worktrees() {
    let bench = Bench::repository(&[("a", "a\n")]);
    // Forgotten values hold their locks until the process ends; what a copied folder holds, nobody owns.
    let isolated = bench.isolate(CopyMode::Worktree);
    let home = isolated.directory().parent().unwrap().parent().unwrap().to_owned();
    let orphan = home.with_file_name("copy-orphan");
    git(&bench.user(), &["worktree", "add", "-q", "--detach", orphan.join("tree/user").to_str().unwrap()]);
    std::fs::copy(home.join("record.json"), orphan.join("record.json")).unwrap();
    assert_eq!(git(&bench.user(), &["worktree", "list"]).lines().count(), 3);
    let recovered = recover(&bench.state()).unwrap();
    assert_eq!(recovered, [Recovered::Copy { of: Some(bench.user()) }]);
    assert_eq!(git(&bench.user(), &["worktree", "list"]).lines().count(), 2);
    assert!(isolated.directory().exists());
}

#[test]
fn a_state_folder_that_is_not_there_holds_nothing() {
    assert!(recover(&Bench::new().state()).unwrap().is_empty());
}

#[test]
fn two_appliers_of_one_path_exclude_each_other() {
    let bench = Bench::new();
    bench.write("a", "a\n");
    bench.write("sub/b", "b\n");
    bench.write("beside/c", "c\n");
    let at = |path: &str| {
        // Each has a state folder of its own, as two projects have.
        let context = ContextPath::new(&bench.user().join(path), &[]).unwrap();
        let state = bench.folder.path().join(format!("state{}", path.replace('/', "-")));
        let isolated = Isolated::create(&state, &context, CopyMode::Auto).unwrap();
        let name = if path.is_empty() { "a" } else { "new" };
        write(isolated.directory(), name, "changed\n");
        isolated
    };
    let (whole, same, sub, beside) = (at(""), at("."), at("sub"), at("beside"));
    let is_busy = |isolated: &Isolated| matches!(apply_all(isolated), Err(ApplyError::Busy(_)));
    let changes = sub.changes().unwrap();
    let mut asked = false;
    let mut observer = |point: &'static str| {
        if point == "added" {
            asked = true;
            assert!(is_busy(&whole) && is_busy(&sub));
            assert!(!is_busy(&beside));
        }
    };
    apply_observed(&sub, &changes, &Selection::all(), Drift::Fail, &mut observer).unwrap();
    assert!(asked);
    let error = {
        let changes = whole.changes().unwrap();
        let mut error = None;
        let mut observer = |_: &'static str| {
            error = error.take().or_else(|| apply_all(&same).err());
            assert!(is_busy(&sub));
        };
        apply_observed(&whole, &changes, &Selection::all(), Drift::Fail, &mut observer).unwrap();
        error.unwrap()
    };
    assert!(error.to_string().contains("another process is applying changes"), "{error}");
}
