//! What git and patch make of the same hunks.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use massgen_changes::{ChangeSet, CopyMode, Drift, Selection, apply};
use proptest::prelude::*;

use crate::bench::{Bench, apply_all, cases, change, set_mode, write};

/// Runs a program that reads a diff.
pub(crate) fn feed(folder: &Path, program: &str, arguments: &[&str], diff: &str) {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    // Not in whatever repository the temporary folder may be in.
    command.env("GIT_DIR", "/nonexistent").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(diff.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}: {}\n{diff}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn git_apply(folder: &Path, diff: &str) {
    if !diff.is_empty() {
        feed(folder, "git", &["apply", "--whitespace=nowarn"], diff);
    }
}

/// The change set with these hunks of one file only.
fn only(changes: &ChangeSet, path: &str, chosen: &[bool]) -> ChangeSet {
    let mut file = change(changes, path).clone();
    let mut chosen = chosen.iter().copied().cycle();
    file.hunks.retain(|_| chosen.next().unwrap());
    ChangeSet { files: if file.hunks.is_empty() { Vec::new() } else { vec![file] } }
}

#[test]
fn git_takes_the_whole_diff() {
    let text: String = (1..=20).map(|number| format!("{number}\n")).collect();
    let bench = Bench::new();
    for path in ["a", "delete", "with space", "quote\"d", "retyped", "windows"] {
        bench.write(path, &text);
    }
    bench.write("windows", text.replace('\n', "\r\n"));
    bench.write("no-end", "a\nb");
    bench.write("emptied", "a\n");
    bench.write("script", "s\n");
    std::os::unix::fs::symlink("a", bench.user().join("link")).unwrap();
    let isolated = bench.isolate(CopyMode::Auto);
    let copy = isolated.directory();
    for path in ["a", "with space", "quote\"d"] {
        write(copy, path, text.replace("\n10\n", "\nten\n"));
    }
    write(copy, "windows", text.replace('\n', "\r\n").replace("10\r\n", "10\n"));
    write(copy, "no-end", "a\nb\nc");
    write(copy, "emptied", "");
    write(copy, "new/empty", "");
    write(copy, "new/file", "no end");
    set_mode(&copy.join("script"), 0o755);
    for path in ["delete", "link", "retyped"] {
        std::fs::remove_file(copy.join(path)).unwrap();
    }
    std::os::unix::fs::symlink("windows", copy.join("link")).unwrap();
    std::os::unix::fs::symlink("a", copy.join("retyped")).unwrap();
    let changes = isolated.changes().unwrap();
    assert_eq!(changes.files.len(), 12);
    let other = Bench::new();
    let copied = Command::new("cp").arg("-a").arg(bench.user().join(".")).arg(other.user()).status().unwrap();
    assert!(copied.success());
    git_apply(&other.user(), &changes.unified());
    apply_all(&isolated).unwrap();
    assert_eq!(bench.tree(), other.tree());
}

proptest! {
    #![proptest_config(cases(60))]

    /// Any hunks of any texts: as git and patch apply them.
    #[test]
    fn chosen_hunks_make_what_git_and_patch_make(
        lines in prop::collection::vec("[abc]{0,2}\r?\n", 0..60),
        edits in prop::collection::vec((0_usize..60, prop::option::of("[xyz]{1,2}\n"), any::<bool>()), 1..8),
        ends in any::<(bool, bool)>(),
        chosen in prop::collection::vec(any::<bool>(), 6),
    ) {
        let mut new = lines.clone();
        for (at, line, removes) in edits {
            let at = at.min(new.len());
            if removes && at < new.len() {
                new.remove(at);
            }
            if let Some(line) = line {
                new.insert(at, line);
            }
        }
        let text = |lines: &[String], cut: bool| {
            let text = lines.concat();
            if cut { text.trim_end_matches(['\r', '\n']).to_owned() } else { text }
        };
        let (old, new) = (text(&lines, ends.0), text(&new, ends.1));
        prop_assume!(old != new);
        let bench = Bench::new();
        bench.write("file", &old);
        let isolated = bench.isolate(CopyMode::Auto);
        write(isolated.directory(), "file", &new);
        let changes = isolated.changes().unwrap();
        let part = only(&changes, "file", &chosen);
        let mut selection = Selection::none();
        for (index, _) in change(&changes, "file").hunks.iter().enumerate().filter(|(index, _)| chosen[index % 6]) {
            selection.accept_hunk("file", index);
        }
        apply(&isolated, &changes, &selection, Drift::Fail).unwrap();
        let made = bench.read("file");

        let other = Bench::new();
        other.write("file", &old);
        git_apply(&other.user(), &part.unified());
        prop_assert_eq!(&made, &other.read("file"), "git");
        other.write("file", &old);
        if !part.files.is_empty() {
            feed(&other.user(), "patch", &["--binary", "-p1", "--quiet", "--no-backup-if-mismatch", "-E"], &part.unified());
        }
        let patched = if other.has("file") { other.read("file") } else { String::new() };
        prop_assert_eq!(&made, &patched, "patch");
    }
}
