//! The list of sessions that other programs read and write too.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use massgen_sessions::{Registration, Registry, RegistryError, SessionId};
use serde_json::{Value, json};

use crate::world::START_MS;

fn registration(id: &str) -> Registration {
    Registration {
        session_id: id.parse().unwrap(),
        start_ms: START_MS,
        config_path: Some(PathBuf::from("/c.yaml")),
        model: None,
        description: Some("Why?".to_owned()),
        log_directory: Some(PathBuf::from("/log")),
    }
}

fn id(id: &str) -> SessionId {
    id.parse().unwrap()
}

fn read(path: &std::path::Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_session_starts_ends_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home/sessions.json");
    let registry = Registry::new(&path);
    assert_eq!(registry.entries().unwrap(), []);
    assert_eq!(registry.register(&registration("s")).unwrap(), None);
    let entry = read(&path)["sessions"][0].clone();
    assert_eq!((&entry["status"], &entry["end_time"], &entry["model"]), (&json!("active"), &Value::Null, &Value::Null));
    let keys: Vec<_> = entry.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        keys,
        ["session_id", "start_time", "end_time", "status", "config_path", "model", "description", "log_directory"]
    );

    registry.complete(&id("s"), START_MS + 1).unwrap();
    assert_eq!(registry.entries().unwrap()[0].status.as_deref(), Some("completed"));
    registry.register(&Registration { start_ms: START_MS + 9_000, ..registration("s") }).unwrap();
    let again = read(&path)["sessions"].clone();
    assert_eq!(again.as_array().unwrap().len(), 1);
    assert_eq!((&again[0]["status"], &again[0]["start_time"]), (&json!("active"), &entry["start_time"]));
    registry.remove(&id("s")).unwrap();
    assert_eq!(registry.entries().unwrap(), []);
}

#[test]
fn what_others_wrote_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.json");
    let foreign = json!({
        "version": 3,
        "sessions": [{"session_id": "other", "subagent": true, "status": 5}, "odd", {"session_id": "s", "note": [1]}],
        "more": {"a": 1},
    });
    fs::write(&path, foreign.to_string()).unwrap();
    let registry = Registry::new(&path);
    registry.register(&registration("s")).unwrap();
    registry.complete(&id("s"), START_MS).unwrap();
    let after = read(&path);
    assert_eq!((&after["version"], &after["more"]), (&foreign["version"], &foreign["more"]));
    assert_eq!((&after["sessions"][0], &after["sessions"][1]), (&foreign["sessions"][0], &foreign["sessions"][1]));
    assert_eq!((&after["sessions"][2]["note"], &after["sessions"][2]["status"]), (&json!([1]), &json!("completed")));
    assert_eq!(registry.entries().unwrap().len(), 2);
}

#[test]
fn a_corrupt_list_is_kept_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.json");
    let registry = Registry::new(&path);
    for (round, corrupt) in ["{\"sessions\": [{", "[]", "{\"sessions\": 7}"].into_iter().enumerate() {
        fs::write(&path, corrupt).unwrap();
        assert!(matches!(registry.entries(), Err(RegistryError::Odd { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), corrupt, "reading moves nothing");
        let set_aside = registry.register(&registration("s")).unwrap().unwrap();
        assert!(set_aside.kept_as.ends_with(format!("sessions.json.corrupt-{}", round + 1)), "{set_aside}");
        assert_eq!(fs::read_to_string(set_aside.kept_as).unwrap(), corrupt);
        assert_eq!(registry.entries().unwrap().len(), 1);
    }
}

#[test]
fn the_wait_for_the_lock_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.json");
    let held = File::create(folder.path().join("sessions.json.lock")).unwrap();
    held.lock().unwrap();
    let registry = Registry::new(&path).with_lock_wait(Duration::from_millis(30));
    let error = registry.register(&registration("s")).unwrap_err();
    assert!(matches!(error, RegistryError::Busy { .. }) && error.is_retryable(), "{error}");
    assert!(!path.exists());
    held.unlock().unwrap();
    registry.register(&registration("s")).unwrap();
}

#[test]
fn no_entry_is_lost_between_writers() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path().join("sessions.json")).with_lock_wait(Duration::from_secs(120));
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let registry = &registry;
            scope.spawn(move || {
                for number in 0..5 {
                    registry.register(&registration(&format!("s{writer}_{number}"))).unwrap();
                }
            });
        }
    });
    assert_eq!(registry.entries().unwrap().len(), 20);
}
