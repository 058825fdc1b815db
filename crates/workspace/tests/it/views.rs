//! What an agent sees of its peers.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use massgen_protocol::{AgentIndex, SnapshotId};
use massgen_workspace::{PeerViews, SnapshotStore};

use crate::helper::Helper;
use crate::support::{StopWhenDropped, bench, look, names, set_mode, write};

fn publish(store: &SnapshotStore, workspace: &Path, path: &str, content: &str) -> SnapshotId {
    write(workspace, path, content);
    store.publish(workspace).unwrap().id
}

#[test]
fn exactly_what_is_shown_can_be_seen() {
    let (temporary, store, workspace) = bench();
    let one = publish(&store, &workspace, "folder/file", "one");
    let two = publish(&store, &workspace, "folder/file", "two");
    let views = PeerViews::new(temporary.path().join("agents/a/views"));
    let [first, second, third] = [0, 1, 2].map(AgentIndex);
    let read = |path: &str| std::fs::read_to_string(views.directory().join(path)).unwrap();

    let prepared = views.show(&store, &[(first, one.clone()), (third, two.clone())]).unwrap();
    assert_eq!((prepared.files, prepared.bytes, prepared.replaced), (2, 6, 2));
    assert_eq!(prepared.shared_bytes + prepared.copied_bytes, 6);
    assert_eq!(names(views.directory()), ["agent1", "agent3"]);
    assert_eq!((read("agent1/folder/file"), read("agent3/folder/file")), ("one".into(), "two".into()));

    write(views.directory(), "notes/of/the/owner", "away with it");
    let prepared = views.show(&store, &[(first, two.clone()), (second, one.clone())]).unwrap();
    assert_eq!((prepared.replaced, prepared.unchanged), (2, 0));
    assert_eq!(names(views.directory()), ["agent1", "agent2"]);
    assert_eq!((read("agent1/folder/file"), read("agent2/folder/file")), ("two".into(), "one".into()));

    views.show(&store, &[]).unwrap();
    assert!(names(views.directory()).is_empty());
    views.clear().unwrap();
    assert!(names(&temporary.path().join("agents/a")).is_empty());
    views.clear().unwrap();
    store.verify(&one).unwrap();
    store.verify(&two).unwrap();
}

#[test]
fn an_untouched_view_is_left_alone() {
    let (temporary, store, workspace) = bench();
    write(&workspace, "a/b/c", "deep");
    let id = publish(&store, &workspace, "file", "content");
    let views = PeerViews::new(temporary.path().join("views"));
    let shown = [(AgentIndex(0), id)];
    views.show(&store, &shown).unwrap();
    let before = std::fs::metadata(temporary.path().join("views/agent1/file")).unwrap();
    // Reading and running leave no trace.
    look(&temporary.path().join("views"));

    let prepared = views.show(&store, &shown).unwrap();

    assert_eq!((prepared.unchanged, prepared.restored, prepared.replaced), (1, 0, 0));
    assert_eq!((prepared.files, prepared.bytes, prepared.copied_bytes + prepared.shared_bytes), (2, 11, 0));
    let after = std::fs::metadata(temporary.path().join("views/agent1/file")).unwrap();
    assert_eq!((before.ino(), before.ctime_nsec()), (after.ino(), after.ctime_nsec()));
}

#[test]
fn only_what_the_owner_changed_is_restored() {
    let (temporary, store, workspace) = bench();
    for name in ["same", "edited", "touched", "removed", "mode", "folder/file", "closed/file"] {
        write(&workspace, name, format!("content of {name}"));
    }
    symlink("same", workspace.join("link")).unwrap();
    let id = store.publish(&workspace).unwrap().id;
    let views = PeerViews::new(temporary.path().join("views"));
    let shown = [(AgentIndex(0), id)];
    views.show(&store, &shown).unwrap();
    let view = temporary.path().join("views/agent1");
    let inode = |name: &str| std::fs::metadata(view.join(name)).unwrap().ino();
    let (same, folder) = (inode("same"), inode("folder/file"));

    let modified = std::fs::metadata(view.join("edited")).unwrap().modified().unwrap();
    std::fs::write(view.join("edited"), "CONTENT OF EDITED".replace("EDITED", "edited")).unwrap();
    std::fs::File::options().write(true).open(view.join("edited")).unwrap().set_modified(modified).unwrap();
    std::fs::remove_file(view.join("removed")).unwrap();
    std::fs::remove_file(view.join("link")).unwrap();
    symlink("/etc", view.join("link")).unwrap();
    set_mode(&view.join("mode"), 0o777);
    write(&view, "__pycache__/x.pyc", "compiled");
    set_mode(&view.join("closed"), 0o000);

    let prepared = views.show(&store, &shown).unwrap();

    assert_eq!((prepared.unchanged, prepared.restored, prepared.replaced), (0, 1, 0));
    assert_eq!(look(&view), look(&workspace));
    assert_eq!((inode("same"), inode("folder/file")), (same, folder));
    let written = ["edited", "removed", "mode"].map(|name| format!("content of {name}").len() as u64);
    assert_eq!(prepared.copied_bytes + prepared.shared_bytes, written.into_iter().sum::<u64>());
    assert_eq!(views.show(&store, &shown).unwrap().unchanged, 1, "and what was restored is known to be right");
}

#[test]
fn a_new_revision_takes_over_what_is_the_same() {
    let (temporary, store, workspace) = bench();
    write(&workspace, "large", "x".repeat(100_000));
    write(&workspace, "edited", "the peer's");
    let one = publish(&store, &workspace, "answer", "one");
    let two = publish(&store, &workspace, "answer", "two");
    let views = PeerViews::new(temporary.path().join("views"));
    let agent = AgentIndex(0);
    views.show(&store, &[(agent, one)]).unwrap();
    write(&temporary.path().join("views"), "agent1/edited", "the owner's");

    let prepared = views.show(&store, &[(agent, two.clone())]).unwrap();

    assert_eq!(prepared.replaced, 1);
    assert!(prepared.copied_bytes <= 13, "{prepared:?}");
    assert_eq!(look(&temporary.path().join("views/agent1")), look(&workspace));
    let prepared = views.show(&store, &[(agent, two.clone())]).unwrap();
    assert_eq!(prepared.unchanged, 1, "what was taken over is known to be right");
    // Nothing is shared with the store but by reflinks.
    write(&temporary.path().join("views"), "agent1/large", "changed");
    store.verify(&two).unwrap();
}

#[test]
fn another_directory_in_a_views_place_is_replaced_in_one_step() {
    // So it is after a process was stopped between showing a view and noting it.
    let (temporary, store, workspace) = bench();
    let id = publish(&store, &workspace, "file", "content");
    let views = PeerViews::new(temporary.path().join("views"));
    views.show(&store, &[(AgentIndex(0), id.clone())]).unwrap();
    let (view, aside) = (views.directory().join("agent1"), temporary.path().join("aside"));
    write(&aside, "file", "another");
    std::fs::rename(&view, temporary.path().join("before")).unwrap();
    std::fs::rename(&aside, &view).unwrap();
    let prepared = views.show(&store, &[(AgentIndex(0), id)]).unwrap();
    assert_eq!((prepared.replaced, prepared.restored), (1, 0));
    assert_eq!(look(&view), look(&workspace));
}

#[test]
fn views_of_the_same_snapshot_are_apart() {
    let (temporary, store, workspace) = bench();
    let id = publish(&store, &workspace, "file", "content");
    let views = PeerViews::new(temporary.path().join("views"));
    views.show(&store, &[(AgentIndex(0), id.clone()), (AgentIndex(1), id)]).unwrap();
    write(views.directory(), "agent1/file", "changed");
    assert_eq!(std::fs::read_to_string(views.directory().join("agent2/file")).unwrap(), "content");
    assert_eq!(std::fs::read_to_string(workspace.join("file")).unwrap(), "content");
}

#[test]
fn links_planted_in_a_view_lead_nobody_outside() {
    let (temporary, store, workspace) = bench();
    write(&workspace, "folder/file", "content");
    let one = publish(&store, &workspace, "folder/other", "one");
    let two = publish(&store, &workspace, "folder/other", "two");
    let outside = temporary.path().join("outside");
    write(&outside, "file", "precious");
    write(&outside, "other", "precious");
    write(&outside, "agent1/folder/file", "precious");
    set_mode(&outside, 0o500);
    let before = look(&outside);
    let views = PeerViews::new(temporary.path().join("views"));
    let view = views.directory().join("agent1");
    let agent = AgentIndex(0);

    for (shown, planted) in [(&one, "folder"), (&one, "folder/file"), (&two, "folder"), (&one, ".")] {
        views.show(&store, &[(agent, one.clone())]).unwrap();
        let planted = if planted == "." { view.clone() } else { view.join(planted) };
        if planted.is_dir() {
            std::fs::rename(&planted, temporary.path().join("moved")).unwrap();
            std::fs::remove_dir_all(temporary.path().join("moved")).unwrap();
            symlink(&outside, &planted).unwrap();
        } else {
            std::fs::remove_file(&planted).unwrap();
            symlink(outside.join("file"), &planted).unwrap();
        }
        views.show(&store, &[(agent, shown.clone())]).unwrap();
        assert_eq!(look(&outside), before);
        assert_eq!(std::fs::metadata(&outside).unwrap().mode() & 0o777, 0o500);
        let expected = if *shown == one { "one" } else { "two" };
        assert_eq!(std::fs::read_to_string(view.join("folder/other")).unwrap(), expected);
    }
    set_mode(&outside, 0o700);
}

#[test]
fn an_owner_who_takes_permissions_away_is_put_up_with() {
    let temporary = tempfile::tempdir_in("/tmp").unwrap();
    let mut helper = Helper::start_as_ordinary_user("put-up-with-an-awkward-owner", temporary.path());
    helper.let_go();
    helper.wait_for("done");
    assert!(helper.child.wait().unwrap().success());
}

#[test]
fn whoever_looks_sees_the_one_or_the_other() {
    let (temporary, store, workspace) = bench();
    let mut ids = Vec::new();
    for content in ["one", "two"] {
        for number in 0..30 {
            write(&workspace, &format!("folder/{number}"), content);
        }
        ids.push(store.publish(&workspace).unwrap().id);
    }
    let views = PeerViews::new(temporary.path().join("views"));
    views.show(&store, &[(AgentIndex(0), ids[0].clone())]).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = StopWhenDropped(&stop);
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                // Held open, the directory stays the one that it was.
                let held = std::fs::File::open(views.directory().join("agent1")).unwrap();
                let at = |name: String| rustix::fs::openat(&held, name, rustix::fs::OFlags::RDONLY, 0.into());
                if let (Ok(first), Ok(last)) = (at("folder/0".into()), at("folder/29".into())) {
                    let text = |file| std::io::read_to_string(std::fs::File::from(file)).unwrap();
                    assert_eq!(text(first), text(last));
                }
            }
        });
        for round in 1..40 {
            views.show(&store, &[(AgentIndex(0), ids[round % 2].clone())]).unwrap();
        }
    });
}
