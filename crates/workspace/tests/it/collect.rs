//! Removing what is unused, and several processes at work in one store.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::path::Path;

use massgen_protocol::SnapshotId;
use massgen_workspace::SnapshotStore;

use crate::helper::Helper;
use crate::support::{bench, open, verify_all, write};

fn publish(store: &SnapshotStore, workspace: &Path, content: &str) -> SnapshotId {
    write(workspace, "folder/file", content);
    store.publish(workspace).unwrap().id
}

#[test]
fn what_nobody_names_or_uses_goes() {
    let (_temporary, store, workspace) = bench();
    write(&workspace, "same", "same");
    let one = publish(&store, &workspace, "one");
    let two = publish(&store, &workspace, "two");
    let three = publish(&store, &workspace, "three");
    assert_eq!(store.remove_unused(&[]).unwrap().snapshots, 0, "published here, and so in use");
    let directory = store.directory().to_path_buf();
    drop(store);

    let store = open(&directory);
    store.hold(&three).unwrap();
    let removed = store.remove_unused(std::slice::from_ref(&two)).unwrap();

    // Of the snapshot that goes: the top folder, the folder, and the file that no other holds.
    assert_eq!((removed.snapshots, removed.files), (1, 3));
    assert!(removed.bytes > 3);
    assert!(!store.contains(&one) && store.contains(&two) && store.contains(&three));
    store.verify(&two).unwrap();
    store.verify(&three).unwrap();
    assert_eq!(publish(&store, &workspace, "one"), one, "it can come back");
    store.verify(&one).unwrap();
}

#[test]
fn what_another_process_uses_stays_while_it_lives() {
    let (temporary, store, workspace) = bench();
    let id = publish(&store, &workspace, "one");
    drop(store);
    let mut helper = Helper::start(&format!("hold-snapshot {id}"), temporary.path());
    helper.let_go();
    helper.wait_for("held");
    let store = open(&temporary.path().join("store"));
    assert_eq!(store.remove_unused(&[]).unwrap().snapshots, 0);
    helper.child.kill().unwrap();
    helper.child.wait().unwrap();
    assert_eq!(store.remove_unused(&[]).unwrap().snapshots, 1);
}

#[test]
fn processes_publish_at_once_while_another_cleans_up() {
    let (temporary, store, workspace) = bench();
    let kept = publish(&store, &workspace, "kept");
    let mut helpers: Vec<Helper> =
        ["one", "two"].map(|name| Helper::start(&format!("publish-many {name}"), temporary.path())).into();
    for helper in &mut helpers {
        helper.let_go();
    }
    std::thread::scope(|scope| {
        let ids: Vec<_> = helpers
            .iter_mut()
            .map(|helper| {
                scope.spawn(|| {
                    let ids: Vec<_> = (0..20).map(|_| helper.wait_for("published ")).collect();
                    assert!(helper.child.wait().unwrap().success());
                    ids
                })
            })
            .collect();
        while !ids.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            store.remove_unused(&[]).unwrap();
            verify_all_there(&store);
        }
        for ids in ids {
            let mut ids = ids.join().unwrap();
            ids.dedup();
            assert_eq!(ids.len(), 20);
        }
    });
    store.verify(&kept).unwrap();
    store.remove_unused(&[]).unwrap();
    assert_eq!(verify_all(&store), [kept]);
}

/// Snapshots may go while others are looked at, but not in parts.
fn verify_all_there(store: &SnapshotStore) {
    for name in std::fs::read_dir(store.directory().join("snapshots")).unwrap() {
        let id: SnapshotId = name.unwrap().file_name().to_str().unwrap().parse().unwrap();
        match store.verify(&id) {
            Ok(()) | Err(massgen_workspace::StoreError::NoSuchSnapshot(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
