//! Folders of the Python program open, and stay as they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use massgen_sessions::{Found, Index, SessionStanding, TurnStatus, export_html};

use crate::world::{World, completed};

fn plant_python_session(world: &World) {
    world.plant("session_20251205_120000", 1, &[
        ("metadata.json", "{\n  \"turn\": 1,\n  \"timestamp\": \"2025-12-05T12:00:09.123456\",\n  \"winning_agent\": \"agent_b\",\n  \"task\": \"Explain Timsort\",\n  \"session_id\": \"session_20251205_120000\"\n}"),
        ("answer.txt", "Timsort merges runs."),
    ]);
    world.plant("session_20251205_120000", 2, &[
        ("metadata.json", r#"{"turn": 2, "status": "incomplete", "phase": "coordinating", "task": "And heapsort?", "agents_with_answers": ["agent_a"]}"#),
        ("partial_answers.json", r#"{"agent_a": {"answer": "Heapsort uses a heap."}, "agent_c": "It is not stable."}"#),
        ("answer.txt", "Heapsort uses a heap."),
    ]);
    let session = world.store.base().join("session_20251205_120000");
    fs::write(session.join("winning_agents_history.json"), r#"[{"agent_id": "agent_b", "turn": 1, "extra": 5}]"#)
        .unwrap();
    fs::create_dir(session.join("archived_memories")).unwrap();
}

fn all_files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    files
}

#[test]
fn reading_changes_nothing() {
    let world = World::new();
    plant_python_session(&world);
    let before = all_files(world.store.base());

    let session = world.store.latest().unwrap().unwrap();
    let turns = session.turns().unwrap();
    assert_eq!((turns[0].status, turns[1].status), (TurnStatus::Completed, TurnStatus::Partial));
    assert_eq!((turns[0].winner.as_deref(), turns[0].cost), (Some("agent_b"), None));
    assert_eq!(turns[0].started_ms, Some(1_764_936_009_123));
    let history = session.history().unwrap();
    assert_eq!(history[0].answer, "Timsort merges runs.");
    assert!(
        history[1].answer.contains("coordinating")
            && history[1].answer.contains("[agent1]\nHeapsort")
            && history[1].answer.contains("[agent2]\nIt is"),
        "{history:?}"
    );
    assert!(export_html(&session).unwrap().contains("saved without a journal"));

    let (mut index, _) = Index::open_in_utc(&world.path("index.sqlite3")).unwrap();
    index.refresh(&world.store).unwrap();
    assert_eq!(index.search("heap", 5).unwrap().len(), 1);
    assert_eq!(index.costs(Default::default(), massgen_sessions::CostBy::Day).unwrap().turns_without_costs, 2);
    assert_eq!(all_files(world.store.base()), before);
}

#[test]
fn going_on_leaves_earlier_turns_alone() {
    let world = World::new();
    plant_python_session(&world);
    let session = world.store.open("session_20251205_120000").unwrap();
    let before = all_files(&session.dir().join("turn_1"));
    let turn = session.begin_turn("And quicksort?", &world.path("log")).unwrap();
    assert_eq!(turn.number(), 3);
    turn.finish(&completed("It picks pivots.", 1)).unwrap();
    assert_eq!(all_files(&session.dir().join("turn_1")), before);
    let winners = fs::read_to_string(session.dir().join("winning_agents_history.json")).unwrap();
    assert!(winners.contains("agent_b") && winners.contains("alpha"), "{winners}");
}

#[test]
fn what_cannot_be_read_is_listed_with_the_reason() {
    let world = World::new();
    world.plant("torn", 1, &[("metadata.json", "{\"task\": "), ("answer.txt", "still here")]);
    world.plant("bare", 1, &[]);
    world.plant("list", 1, &[("metadata.json", "[]")]);
    fs::create_dir(world.store.base().join("empty")).unwrap();
    fs::write(world.store.base().join("stray.txt"), "x").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc", world.store.base().join("link")).unwrap();

    let found = world.store.all().unwrap();
    let names: Vec<_> = found.iter().map(Found::name).collect();
    assert_eq!(names, ["bare", "empty", "link", "list", "torn"]);
    assert!(matches!(&found[2], Found::Unreadable { error, .. } if error.to_string().contains("a symbolic link")));

    let (mut index, _) = Index::open_in_utc(&world.path("index.sqlite3")).unwrap();
    index.refresh(&world.store).unwrap();
    let page = index.list(10, 0, &Default::default()).unwrap();
    let line = |id: &str| page.sessions.iter().find(|line| line.id == id).unwrap();
    assert_eq!(line("link").standing, SessionStanding::Unreadable);
    assert_eq!(line("empty").standing, SessionStanding::Empty);
    assert_eq!(line("torn").standing, SessionStanding::Last(TurnStatus::Completed));
    assert!(line("torn").problem.as_deref().unwrap().starts_with("turn 1: metadata.json is not JSON"));
    assert_eq!(line("bare").problem.as_deref(), Some("turn 1: there is no readable metadata.json"));
    assert_eq!(index.search("still", 5).unwrap().len(), 1, "what could be read is found");
}
