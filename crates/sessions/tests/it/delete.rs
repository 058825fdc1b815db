//! Deleting: only what was meant, and whole.

use std::fs;

use massgen_journal::Journal;
use massgen_sessions::{PruneRule, SessionError};

use crate::world::{START_MS, World, completed};

fn names(world: &World) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(world.store.base())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
#[cfg(unix)]
fn links_are_removed_and_not_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let world = World::new();
    let session = world.session("s", &[("q", "a")]);
    let outside = world.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "x").unwrap();
    let workspace = session.dir().join("turn_1/workspace");
    symlink(&outside, workspace.join("link")).unwrap();
    fs::create_dir_all(workspace.join("cache/module")).unwrap();
    fs::write(workspace.join("cache/module/file"), "12345").unwrap();
    fs::set_permissions(workspace.join("cache/module"), fs::Permissions::from_mode(0o500)).unwrap();
    symlink(&outside, world.store.base().join("evil")).unwrap();

    let removed = world.store.delete("s").unwrap();
    assert!(removed.bytes > 5 && removed.updated_ms == START_MS + 5_000, "{removed:?}");
    assert!(matches!(world.store.delete("evil"), Err(SessionError::NotAFolder { .. })));
    assert_eq!(names(&world), ["evil"]);
    assert!(outside.join("precious").exists());
    assert!(matches!(world.store.delete("s"), Err(SessionError::Missing { .. })));
}

#[test]
fn a_living_session_stays() {
    let world = World::new();
    let session = world.session("s", &[("q", "a")]);
    let turn = session.begin_turn("q", &world.path("log")).unwrap();
    assert!(matches!(world.store.delete("s"), Err(SessionError::Running { .. })), "its turn is open");
    drop(turn);

    // The same with a process that only its journal tells of.
    fs::create_dir_all(world.path("log")).unwrap();
    let journal = Journal::create(&world.path("log/events.jsonl")).unwrap();
    assert!(session.is_alive().unwrap());
    assert!(matches!(world.store.delete("s"), Err(SessionError::Running { .. })), "its journal is written");
    let pruned = world.store.prune(PruneRule { keep_bytes: Some(0), older_than_ms: None }).unwrap();
    assert_eq!((pruned.removed.len(), pruned.spared.len()), (0, 1));
    drop(journal);
    world.store.delete("s").unwrap();
    assert!(matches!(session.begin_turn("q", &world.path("log")), Err(SessionError::Gone { .. })));
}

#[test]
fn an_interrupted_deletion_is_finished_by_the_next() {
    let world = World::new();
    world.session("a", &[("q", "a")]);
    world.session("b", &[("q", "a")]);
    fs::rename(world.store.base().join("a"), world.store.base().join(".trash-1-0-a")).unwrap();
    assert_eq!(world.store.all().unwrap().len(), 1, "what is in the trash is no session");
    world.store.delete("b").unwrap();
    assert_eq!(names(&world), Vec::<String>::new());
}

#[test]
fn the_old_and_the_too_large_go() {
    let world = World::new();
    for (number, id) in (0_u64..).zip(["a", "b", "c", "d"]) {
        let session = world.store.create_at(Some(id), START_MS).unwrap();
        let at_ms = START_MS + number * 1_000;
        let turn = session.begin_turn_at("q", &world.path("log"), at_ms).unwrap();
        fs::write(turn.workspace().join("data"), vec![0; 100_000]).unwrap();
        turn.finish(&completed("a", at_ms)).unwrap();
    }
    let rule = PruneRule { older_than_ms: Some(START_MS + 1_000), keep_bytes: Some(250_000) };
    let plan = world.store.prune_plan(rule).unwrap();
    let ids = |removed: &[massgen_sessions::Removed]| removed.iter().map(|one| one.id.to_string()).collect::<String>();
    assert_eq!(ids(&plan.removed), "ab", "one is old, one too much");
    assert_eq!(names(&world).len(), 4, "a plan removes nothing");
    let pruned = world.store.prune(rule).unwrap();
    assert_eq!((pruned.removed, pruned.kept_bytes), (plan.removed, plan.kept_bytes));
    assert!(pruned.left_behind.is_none() && pruned.kept_bytes < 250_000);
    assert_eq!(names(&world), ["c", "d"]);
    assert_eq!(world.store.prune(PruneRule::default()).unwrap().removed, []);
}
