//! What gets into a snapshot, and what does not.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use massgen_workspace::{
    ContentHash, Entry, EntryKind, Published, Skipped, SnapshotStore, StoreError, StoreSettings, WhySkipped,
};

use crate::helper::Helper;
use crate::support::{StopWhenDropped, bench, names, open, set_mode, settings, verify_all, write};

fn skipped(published: &Published) -> Vec<(&str, WhySkipped)> {
    published.skipped.iter().map(|Skipped { path, why }| (path.to_str().unwrap(), *why)).collect()
}

#[test]
fn a_snapshot_lists_and_gives_what_was_published() {
    let (_temporary, store, workspace) = bench();
    write(&workspace, "b/run.sh", "#!/bin/sh\n");
    set_mode(&workspace.join("b/run.sh"), 0o755);
    write(&workspace, "a.txt", "text");
    std::fs::create_dir(workspace.join("empty")).unwrap();
    symlink("b/run.sh", workspace.join("link")).unwrap();

    let published = store.publish(&workspace).unwrap();

    let file = |content: &[u8], executable| EntryKind::File {
        size: content.len() as u64,
        executable,
        hash: ContentHash::of(content),
    };
    let entry = |path: &str, kind| Entry { path: path.into(), kind };
    let expected = [
        entry("a.txt", file(b"text", false)),
        entry("b", EntryKind::Directory),
        entry("b/run.sh", file(b"#!/bin/sh\n", true)),
        entry("empty", EntryKind::Directory),
        entry("link", EntryKind::Symlink { target: "b/run.sh".into() }),
    ];
    assert_eq!(store.entries(&published.id).unwrap(), expected);
    assert_eq!((published.files, published.bytes, published.stored_files, published.stored_bytes), (2, 14, 2, 14));
    assert_eq!(published.skipped, []);
    assert_eq!(store.read(&published.id, Path::new("b/run.sh")).unwrap(), b"#!/bin/sh\n");
    for path in ["b", "link", "missing", "b/run.sh/x", "/etc/passwd", "../a.txt", ""] {
        let error = store.read(&published.id, Path::new(path)).unwrap_err();
        assert!(matches!(error, StoreError::NoSuchFile { .. }), "{path}: {error}");
    }
    assert!(store.contains(&published.id));
    assert!(!store.is_empty(&published.id).unwrap());
    let unknown = "0".repeat(64).parse().unwrap();
    assert!(!store.contains(&unknown));
    assert!(matches!(store.entries(&unknown), Err(StoreError::NoSuchSnapshot(_))));
}

#[test]
fn an_empty_workspace_is_a_snapshot_too() {
    let (_temporary, store, workspace) = bench();
    let published = store.publish(&workspace).unwrap();
    assert!(store.is_empty(&published.id).unwrap());
    assert_eq!(store.entries(&published.id).unwrap(), []);
    std::fs::create_dir(workspace.join("folder")).unwrap();
    assert!(!store.is_empty(&store.publish(&workspace).unwrap().id).unwrap());
}

#[test]
fn only_what_changed_is_stored() {
    let (_temporary, store, workspace) = bench();
    for number in 0..50 {
        write(&workspace, &format!("folder-{}/file-{number}", number % 5), format!("content {number}"));
    }
    let first = store.publish(&workspace).unwrap();
    assert_eq!(first.stored_files, 50);
    let again = store.publish(&workspace).unwrap();
    assert_eq!((again.id, again.stored_files, again.index_bytes), (first.id.clone(), 0, 0));

    write(&workspace, "folder-3/file-3", "changed");
    // The same content under another name is stored already.
    write(&workspace, "folder-3/copy", "content 4");
    let changed = store.publish(&workspace).unwrap();
    assert_ne!(changed.id, first.id);
    assert_eq!((changed.files, changed.stored_files, changed.stored_bytes), (51, 1, 7));
    assert_eq!(store.read(&first.id, Path::new("folder-3/file-3")).unwrap(), b"content 3");
    assert_eq!(store.read(&changed.id, Path::new("folder-3/file-3")).unwrap(), b"changed");
    assert_eq!(verify_all(&store).len(), 2);
}

#[test]
fn a_change_that_keeps_size_and_time_is_seen() {
    let (_temporary, store, workspace) = bench();
    let file = workspace.join("file");
    for number in 10..60 {
        std::fs::write(&file, number.to_string()).unwrap();
        let id = store.publish(&workspace).unwrap().id;
        assert_eq!(store.read(&id, Path::new("file")).unwrap(), number.to_string().as_bytes());
        let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
        std::fs::write(&file, (number + 1).to_string()).unwrap();
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
        let id = store.publish(&workspace).unwrap().id;
        assert_eq!(store.read(&id, Path::new("file")).unwrap(), (number + 1).to_string().as_bytes());
    }
}

#[test]
fn what_cannot_be_in_a_snapshot_is_reported() {
    let (temporary, store, workspace) = bench();
    write(&workspace, "deep/er/file", "content");
    std::fs::hard_link(workspace.join("deep/er/file"), workspace.join("hard")).unwrap();
    symlink("/etc/passwd", workspace.join("absolute")).unwrap();
    symlink("../outside", workspace.join("outside")).unwrap();
    symlink("../..", workspace.join("deep/er/root")).unwrap();
    symlink("root/../outside", workspace.join("deep/er/crooked")).unwrap();
    symlink("missing", workspace.join("dangling")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(workspace.join("socket")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(workspace.join("fifo")).status().unwrap();
    assert!(fifo.success());
    write(&temporary.path().join("outside"), "secret", "secret");
    let name = std::ffi::OsStr::from_bytes(b"not \xff UTF-8");
    std::fs::write(workspace.join(name), "kept").unwrap();

    let published = store.publish(&workspace).unwrap();

    let expected = [
        ("absolute", WhySkipped::LinkLeadsOutside),
        ("deep/er/crooked", WhySkipped::LinkLeadsOutside),
        ("fifo", WhySkipped::NotAFile),
        ("outside", WhySkipped::LinkLeadsOutside),
        ("socket", WhySkipped::NotAFile),
    ];
    assert_eq!(skipped(&published), expected);
    let entries = store.entries(&published.id).unwrap();
    let paths: Vec<&Path> = entries.iter().map(|entry| entry.path.as_path()).collect();
    let kept = ["dangling", "deep", "deep/er", "deep/er/file", "deep/er/root", "hard"].map(Path::new);
    assert_eq!(paths, [kept.as_slice(), &[Path::new(name)]].concat());
}

#[test]
fn what_may_not_be_read_is_reported() {
    let temporary = tempfile::tempdir_in("/tmp").unwrap();
    let workspace = temporary.path().join("workspace");
    write(&workspace, "readable", "content");
    write(&workspace, "closed-file", "content");
    write(&workspace, "closed-folder/file", "content");
    write(&workspace, "listed-only/file", "content");
    set_mode(&workspace.join("closed-file"), 0o000);
    set_mode(&workspace.join("closed-folder"), 0o000);
    set_mode(&workspace.join("listed-only"), 0o400);

    let mut helper = Helper::start_as_ordinary_user("tell-skipped", temporary.path());
    helper.let_go();
    let told = helper.wait_for("skipped ");
    helper.child.wait().unwrap();

    assert_eq!(told, "closed-file Unreadable, closed-folder Unreadable, listed-only Unreadable; 1 files");
    for path in ["closed-file", "closed-folder", "listed-only"] {
        set_mode(&workspace.join(path), 0o700);
    }
}

#[test]
fn caches_and_massgens_own_folders_are_left_out_without_a_word() {
    let (_temporary, store, workspace) = bench();
    for path in [
        "__pycache__/a.pyc",
        "package/__pycache__/b.pyc",
        ".pytest_cache/x",
        ".mypy_cache/x",
        ".ruff_cache/x",
        ".massgen/log",
        "web/node_modules/.cache/x",
    ] {
        write(&workspace, path, "cache");
    }
    for path in [".git/HEAD", ".venv/lib/x.py", "web/node_modules/x/index.js", ".cache/x"] {
        write(&workspace, path, "kept");
    }
    let published = store.publish(&workspace).unwrap();
    assert_eq!((published.files, published.skipped.as_slice()), (4, [].as_slice()));
}

#[test]
fn the_store_is_never_part_of_a_snapshot() {
    let temporary = tempfile::tempdir().unwrap();
    write(temporary.path(), "file", "content");
    let store = open(&temporary.path().join("snapshots"));
    let published = store.publish(temporary.path()).unwrap();
    assert_eq!(published.files, 1);
    assert_eq!(skipped(&published), [("snapshots", WhySkipped::Store)]);
}

#[test]
fn limits_are_errors_that_name_them() {
    let (temporary, _, workspace) = bench();
    for number in 0..10 {
        write(&workspace, &format!("file-{number}"), "0123456789");
    }
    let store = |settings| SnapshotStore::open_with(&temporary.path().join("small"), settings).unwrap();

    let error = store(StoreSettings { entries_max: 9, ..settings() }).publish(&workspace).unwrap_err();
    assert!(matches!(error, StoreError::TooManyEntries { entries_max: 9, .. }), "{error}");
    let error = store(StoreSettings { bytes_max: 99, ..settings() }).publish(&workspace).unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { bytes_max: 99, .. }), "{error}");
    let exact = StoreSettings { entries_max: 10, bytes_max: 100, ..settings() };
    assert_eq!(store(exact).publish(&workspace).unwrap().files, 10);

    write(&workspace, "1/2/3/4/file", "deep");
    let published = store(StoreSettings { depth_max: 3, ..settings() }).publish(&workspace).unwrap();
    assert_eq!(skipped(&published), [("1/2/3/4", WhySkipped::TooDeep)]);
}

#[test]
fn the_list_of_what_was_skipped_is_bounded() {
    let (_temporary, store, workspace) = bench();
    for number in 0..Skipped::LISTED_MAX + 5 {
        symlink("/", workspace.join(number.to_string())).unwrap();
    }
    let published = store.publish(&workspace).unwrap();
    assert_eq!((published.skipped.len(), published.skipped_unlisted), (Skipped::LISTED_MAX, 5));
}

#[test]
fn large_files_are_stored_whole() {
    let (_temporary, store, workspace) = bench();
    let content: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect();
    write(&workspace, "large", &content);
    write(&workspace, "copy", &content);
    let published = store.publish(&workspace).unwrap();
    assert_eq!((published.files, published.stored_files), (2, 1));
    assert!(store.read(&published.id, Path::new("large")).unwrap() == content);
    store.verify(&published.id).unwrap();
}

#[test]
fn files_that_change_while_they_are_read_leave_whole_snapshots() {
    let (_temporary, store, workspace) = bench();
    write(&workspace, "still", "still");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = StopWhenDropped(&stop);
        scope.spawn(|| {
            let mut number = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                number += 1;
                let length = 300_000 + usize::try_from(number % 7).unwrap() * 100_000;
                std::fs::write(workspace.join("changing"), vec![u8::try_from(number % 251).unwrap(); length]).unwrap();
                std::fs::write(workspace.join(format!("come-{}", number % 3)), "and gone").unwrap();
                std::fs::remove_file(workspace.join(format!("come-{}", number % 3))).unwrap();
            }
        });
        for _ in 0..60 {
            let published = store.publish(&workspace).unwrap();
            store.verify(&published.id).unwrap();
            assert_eq!(store.read(&published.id, Path::new("still")).unwrap(), b"still");
            for (path, why) in skipped(&published) {
                assert!(path == "changing" || path.starts_with("come-"), "{path}");
                assert!(matches!(why, WhySkipped::KeptChanging | WhySkipped::Vanished), "{why}");
            }
        }
    });
}

#[test]
fn a_folder_swapped_for_a_link_leads_nobody_outside() {
    let (temporary, store, workspace) = bench();
    let outside = temporary.path().join("outside");
    for number in 0..20 {
        write(&outside, &format!("file-{number}"), "secret");
        write(&workspace, &format!("folder/file-{number}"), "own");
    }
    symlink(&outside, temporary.path().join("planted")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = StopWhenDropped(&stop);
        scope.spawn(|| {
            let (folder, planted) = (workspace.join("folder"), temporary.path().join("planted"));
            while !stop.load(Ordering::Relaxed) {
                exchange(&folder, &planted);
            }
        });
        for number in 0..200 {
            // Something new to read each time, so that files are opened and not only looked at.
            write(&outside, "file-0", format!("secret {number}"));
            let published = store.publish(&workspace).unwrap();
            for entry in store.entries(&published.id).unwrap() {
                if let EntryKind::File { .. } = entry.kind {
                    assert_eq!(store.read(&published.id, &entry.path).unwrap(), b"own", "{}", entry.path.display());
                }
            }
        }
    });
}

fn exchange(one: &Path, other: &Path) {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}

#[test]
fn publishing_again_makes_a_damaged_store_whole() {
    let (_temporary, store, workspace) = bench();
    write(&workspace, "folder/file", "content");
    let id = store.publish(&workspace).unwrap().id;
    // Until its stamps are settled, the file is read again anyway.
    std::thread::sleep(std::time::Duration::from_millis(40));
    store.publish(&workspace).unwrap();
    for folder in ["blobs", "trees"] {
        std::fs::remove_dir_all(store.directory().join(folder)).unwrap();
        std::fs::create_dir(store.directory().join(folder)).unwrap();
    }
    assert!(matches!(store.verify(&id), Err(StoreError::Damaged(_))));
    assert_eq!(store.publish(&workspace).unwrap().id, id);
    store.verify(&id).unwrap();
}

#[test]
fn changed_content_in_the_store_is_noticed() {
    let (_temporary, store, workspace) = bench();
    write(&workspace, "file", "content");
    let id = store.publish(&workspace).unwrap().id;
    let blobs = store.directory().join("blobs");
    let folder = blobs.join(&names(&blobs)[0]);
    let blob = folder.join(&names(&folder)[0]);
    set_mode(&blob, 0o644);
    std::fs::write(&blob, "CONTENT").unwrap();
    assert!(matches!(store.verify(&id), Err(StoreError::Damaged(_))));
    assert!(matches!(store.read(&id, Path::new("file")), Err(StoreError::Damaged(_))));
}

#[test]
fn a_directory_of_something_else_is_not_taken_for_a_store() {
    let temporary = tempfile::tempdir().unwrap();
    write(temporary.path(), "thesis.txt", "years of work");
    let error = SnapshotStore::open(temporary.path()).unwrap_err();
    assert!(matches!(error, StoreError::NotAStore(_)), "{error}");
    assert_eq!(names(temporary.path()), ["thesis.txt"]);
    let missing = store_error(&temporary.path().join("missing"));
    assert!(matches!(missing, StoreError::Io { doing: "read the workspace", .. }), "{missing}");
}

fn store_error(workspace: &Path) -> StoreError {
    let (_temporary, store, _) = bench();
    store.publish(workspace).unwrap_err()
}
