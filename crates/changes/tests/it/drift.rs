//! Files that changed underneath.

use std::path::PathBuf;

use massgen_changes::{Applied, ApplyError, CopyMode, Drift, Selection, SkipReason, apply};

use crate::bench::{Bench, write};

fn numbered(from: usize, to: usize) -> String {
    (from..=to).map(|number| format!("{number}\n")).collect()
}

/// A copy in which much was changed, applied after the user changed much, too.
fn drifted(policy: Drift) -> (Bench, Result<Applied, ApplyError>) {
    let bench = Bench::new();
    let text = numbered(1, 40);
    for path in ["near", "far", "deleted", "gone", "same", "untouched"] {
        bench.write(path, &text);
    }
    let isolated = bench.isolate(CopyMode::Auto);
    let presenter = text.replace("\n3\n", "\nthree\n");
    for path in ["near", "far", "gone", "same", "untouched"] {
        write(isolated.directory(), path, &presenter);
    }
    std::fs::remove_file(isolated.directory().join("deleted")).unwrap();
    write(isolated.directory(), "added", "presenter\n");
    bench.write("near", text.replace("\n4\n", "\nfour\n"));
    bench.write("far", text.replace("\n30\n", "\nthirty\n"));
    bench.write("deleted", "the user goes on\n");
    bench.write("added", "user\n");
    bench.write("same", &presenter);
    std::fs::remove_file(bench.user().join("gone")).unwrap();
    let changes = isolated.changes().unwrap();
    let applied = apply(&isolated, &changes, &Selection::all(), policy);
    drop(isolated);
    bench.assert_clean();
    (bench, applied)
}

#[test]
fn skip_keeps_what_the_user_changed() {
    let (bench, applied) = drifted(Drift::Skip);
    let applied = applied.unwrap();
    let skipped: Vec<PathBuf> = applied.skipped.iter().map(|skipped| skipped.path.clone()).collect();
    assert_eq!(skipped, ["deleted", "added", "gone", "near"].map(PathBuf::from));
    assert!(applied.skipped.iter().all(|skipped| skipped.why == SkipReason::Drifted));
    assert_eq!(applied.merged, [PathBuf::from("far")]);
    assert_eq!(applied.already, [PathBuf::from("same")]);
    assert_eq!(applied.written, ["far", "untouched"].map(PathBuf::from));
    assert_eq!(bench.read("deleted"), "the user goes on\n");
    assert_eq!(bench.read("added"), "user\n");
    assert_eq!(bench.read("near"), numbered(1, 40).replace("\n4\n", "\nfour\n"));
    let both = numbered(1, 40).replace("\n3\n", "\nthree\n").replace("\n30\n", "\nthirty\n");
    assert_eq!(bench.read("far"), both);
    assert!(!bench.has("gone"));
}

#[test]
fn fail_applies_nothing_at_all() {
    let (bench, applied) = drifted(Drift::Fail);
    let error = applied.unwrap_err();
    let ApplyError::Drifted(paths) = &error else { panic!("{error}") };
    assert_eq!(paths, &["deleted", "added", "far", "gone", "near"].map(PathBuf::from));
    assert_eq!(bench.read("untouched"), numbered(1, 40));
}

#[test]
fn prefer_presenter_keeps_the_users_version_aside() {
    let (bench, applied) = drifted(Drift::PreferPresenter);
    let applied = applied.unwrap();
    assert!(applied.skipped.is_empty(), "{:?}", applied.skipped);
    assert_eq!(applied.merged, [PathBuf::from("far")]);
    assert_eq!(bench.read("near"), numbered(1, 40).replace("\n3\n", "\nthree\n"));
    assert_eq!(bench.read("gone"), bench.read("near"));
    assert_eq!(bench.read("added"), "presenter\n");
    assert!(!bench.has("deleted"));
    let kept: Vec<(PathBuf, String)> = applied
        .overwritten
        .into_iter()
        .map(|it| (it.path, std::fs::read_to_string(it.kept.unwrap()).unwrap()))
        .collect();
    let near = numbered(1, 40).replace("\n4\n", "\nfour\n");
    let expected = [("deleted", "the user goes on\n"), ("added", "user\n"), ("near", near.as_str())];
    assert_eq!(kept, expected.map(|(path, text)| (PathBuf::from(path), text.to_owned())));
}

#[test]
fn a_change_in_the_very_last_moment_is_not_lost() {
    for (moment, path) in [("about to swap", "a"), ("about to take away", "delete"), ("about to add", "new")] {
        for policy in [Drift::Skip, Drift::Fail, Drift::PreferPresenter] {
            let bench = Bench::new();
            bench.write("a", "a\n");
            bench.write("delete", "d\n");
            let isolated = bench.isolate(CopyMode::Auto);
            write(isolated.directory(), "a", "presenter\n");
            write(isolated.directory(), "new", "presenter\n");
            std::fs::remove_file(isolated.directory().join("delete")).unwrap();
            let changes = isolated.changes().unwrap();
            let mut observer = |point: &'static str| {
                if point == moment {
                    bench.write(path, "user\n");
                }
            };
            let applied =
                massgen_changes::apply_observed(&isolated, &changes, &Selection::all(), policy, &mut observer);
            assert_eq!(bench.read(path), "user\n", "{moment}");
            assert_eq!(applied.is_err(), policy == Drift::Fail);
            if policy == Drift::Fail {
                assert!(path == "a" || bench.read("a") == "a\n");
                assert!(path == "delete" || bench.read("delete") == "d\n");
                assert!(path == "new" || !bench.has("new"));
            }
            drop(isolated);
            bench.assert_clean();
        }
    }
}

#[test]
fn a_change_in_the_middle_of_an_apply_is_not_overwritten() {
    for policy in [Drift::Skip, Drift::Fail, Drift::PreferPresenter] {
        let bench = Bench::new();
        bench.write("a", "a\n");
        bench.write("z", "z\n");
        bench.write("delete", "d\n");
        let isolated = bench.isolate(CopyMode::Auto);
        write(isolated.directory(), "a", "new a\n");
        write(isolated.directory(), "z", "new z\n");
        std::fs::remove_file(isolated.directory().join("delete")).unwrap();
        let changes = isolated.changes().unwrap();
        let user = bench.user();
        // After the intent, before the second file.
        let mut observer = |point: &'static str| {
            if point == "swapped" && std::fs::read_to_string(user.join("z")).unwrap() == "z\n" {
                std::fs::write(user.join("z"), "user z\n").unwrap();
            }
        };
        let applied = massgen_changes::apply_observed(&isolated, &changes, &Selection::all(), policy, &mut observer);
        assert_eq!(bench.read("z"), "user z\n");
        if policy == Drift::Fail {
            assert!(matches!(applied.unwrap_err(), ApplyError::Drifted(_)));
            assert_eq!(bench.read("a"), "a\n");
            assert_eq!(bench.read("delete"), "d\n");
        } else {
            let applied = applied.unwrap();
            assert_eq!(applied.skipped.len(), 1);
            assert_eq!(applied.skipped[0].why, SkipReason::DriftedMeanwhile);
            assert_eq!(bench.read("a"), "new a\n");
            assert!(!bench.has("delete"));
        }
        drop(isolated);
        bench.assert_clean();
    }
}
