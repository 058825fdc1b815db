//! Random trees, random edits, random choices.

use std::path::PathBuf;

use massgen_changes::{ChangeKind, ChangeSet, CopyMode, Drift, FileChange, Selection, apply};
use proptest::prelude::*;

use crate::bench::{Bench, Thing, Tree, cases, git, set_mode, tree, write};
use crate::oracle::git_apply;

#[derive(Debug, Clone)]
enum Edit {
    Write(String, String),
    Binary(String, Vec<u8>),
    Change(String, usize, String),
    Remove(String),
    Mode(String, bool),
}

fn any_path() -> impl Strategy<Value = String> {
    // Few names, so that files and folders take each other's places.
    prop::sample::select(vec!["a", "b", "c", "a/a", "a/b", "b/a/c", "b/c", "c/a", "d e", "d.x"]).prop_map(str::to_owned)
}

fn any_text() -> impl Strategy<Value = String> {
    prop::collection::vec("[pqr]{0,2}\r?\n", 0..40).prop_map(|lines| lines.concat())
}

fn any_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        3 => (any_path(), any_text()).prop_map(|(path, text)| Edit::Write(path, text)),
        1 => (any_path(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(path, bytes)| Edit::Binary(path, bytes)),
        6 => (any_path(), 0_usize..40, "[xyz]{0,2}\n").prop_map(|(path, at, line)| Edit::Change(path, at, line)),
        3 => any_path().prop_map(Edit::Remove),
        1 => (any_path(), any::<bool>()).prop_map(|(path, executable)| Edit::Mode(path, executable)),
    ]
}

/// Does the edit where the tree allows it.
fn edit(folder: &std::path::Path, edit: &Edit) {
    let (Edit::Write(name, _)
    | Edit::Binary(name, _)
    | Edit::Change(name, ..)
    | Edit::Remove(name)
    | Edit::Mode(name, _)) = edit;
    let path = folder.join(name);
    let make_room = || {
        for way in path.ancestors().skip(1).take_while(|way| *way != folder) {
            if way.is_file() {
                std::fs::remove_file(way).unwrap();
            }
        }
        if path.is_dir() {
            std::fs::remove_dir_all(&path).unwrap();
        }
    };
    match edit {
        Edit::Write(_, text) => {
            make_room();
            write(folder, name, text);
        }
        Edit::Binary(_, bytes) => {
            make_room();
            write(folder, name, [&[0], bytes.as_slice()].concat());
        }
        Edit::Change(_, at, line) if path.is_file() => {
            let Ok(text) = std::fs::read_to_string(&path) else { return };
            let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
            let at = (*at).min(lines.len());
            lines.insert(at, line);
            write(folder, name, lines.concat());
        }
        Edit::Remove(_) if path.is_dir() => std::fs::remove_dir_all(&path).unwrap(),
        Edit::Remove(_) if path.is_file() => std::fs::remove_file(&path).unwrap(),
        Edit::Mode(_, executable) if path.is_file() => set_mode(&path, if *executable { 0o755 } else { 0o644 }),
        Edit::Change(..) | Edit::Remove(_) | Edit::Mode(..) => {}
    }
}

/// Files only: empty folders are nobody's business.
fn files(tree: Tree) -> Tree {
    tree.into_iter().filter(|(_, thing)| *thing != Thing::Folder).collect()
}

/// Whether a folder and a file would be at the same place: git's answer to that is an error, ours a skipped file.
fn collides(tree: &Tree, chosen: &[FileChange]) -> bool {
    let mut paths: Vec<PathBuf> = files(tree.clone()).into_keys().collect();
    paths.retain(|path| !chosen.iter().any(|file| file.path == *path && file.kind == ChangeKind::Deleted));
    paths.extend(chosen.iter().filter(|file| file.kind == ChangeKind::Added).map(|file| file.path.clone()));
    paths.iter().any(|path| paths.iter().any(|other| other != path && other.starts_with(path)))
}

proptest! {
    #![proptest_config(cases(80))]

    #[test]
    fn all_of_any_edits_make_the_tree_of_the_copy(
        before in prop::collection::vec(any_edit(), 0..12),
        edits in prop::collection::vec(any_edit(), 0..12),
        in_repository in any::<bool>(),
    ) {
        let bench = Bench::new();
        before.iter().for_each(|one| edit(&bench.user(), one));
        if in_repository {
            git(&bench.user(), &["init", "-q"]);
            bench.commit();
        }
        let start = bench.tree();
        let isolated = bench.isolate(CopyMode::Auto);
        prop_assert_eq!(isolated.is_worktree(), in_repository);
        prop_assert!(isolated.changes().unwrap().is_empty());
        edits.iter().for_each(|one| edit(isolated.directory(), one));
        prop_assert_eq!(bench.tree(), start, "nothing is written directly");
        let changes = isolated.changes().unwrap();
        let applied = apply(&isolated, &changes, &Selection::all(), Drift::Fail).unwrap();
        prop_assert!(applied.skipped.is_empty());
        prop_assert_eq!(files(bench.tree()), files(tree(isolated.directory())));
        prop_assert!(isolated.discard().is_ok());
        bench.assert_clean();
    }

    #[test]
    fn any_choice_of_files_and_hunks_makes_what_git_makes(
        before in prop::collection::vec(any_edit(), 1..12),
        edits in prop::collection::vec(any_edit(), 1..12),
        choices in prop::collection::vec((any::<bool>(), any::<[bool; 4]>()), 12),
    ) {
        let bench = Bench::new();
        before.iter().for_each(|one| edit(&bench.user(), one));
        let isolated = bench.isolate(CopyMode::Auto);
        edits.iter().for_each(|one| edit(isolated.directory(), one));
        let changes = isolated.changes().unwrap();
        let (mut selection, mut chosen) = (Selection::none(), Vec::new());
        for (file, (take, hunks)) in changes.files.iter().zip(choices.iter().cycle()) {
            if !take || file.binary {
                continue;
            }
            let mut part = file.clone();
            if file.by_hunk() {
                let taken = |index: &usize| hunks[index % 4];
                let indexes: Vec<usize> = (0..file.hunks.len()).filter(taken).collect();
                indexes.iter().for_each(|index| selection.accept_hunk(&file.path, *index));
                part.hunks = indexes.iter().map(|index| file.hunks[*index].clone()).collect();
                part.new_mode = part.old_mode;
                if part.hunks.is_empty() {
                    continue;
                }
            } else {
                selection.accept(&file.path);
            }
            chosen.push(part);
        }
        prop_assume!(!collides(&bench.tree(), &chosen));
        // git does not put a file in the place of directories within each other, although there is nothing in them.
        prop_assume!(!chosen.iter().any(|part| bench.user().join(&part.path).is_dir()));
        let other = Bench::new();
        let copied = std::process::Command::new("cp").arg("-a").arg(bench.user().join(".")).arg(other.user()).status();
        prop_assert!(copied.unwrap().success());
        git_apply(&other.user(), &ChangeSet { files: chosen }.unified());
        let applied = apply(&isolated, &changes, &selection, Drift::Fail).unwrap();
        prop_assert!(applied.skipped.is_empty());
        prop_assert_eq!(files(bench.tree()), files(other.tree()));
    }
}
