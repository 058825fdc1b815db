//! Writing and editing.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use serde_json::json;

use crate::setting::Setting;

#[tokio::test]
async fn files_are_made_and_overwritten_with_their_mode() {
    let setting = Setting::new();
    let said = setting.ok("write_file", json!({"path": "a/b/run.sh", "content": "one\ntwo\n"})).await;
    assert_eq!(said, "created a/b/run.sh (2 lines, 8 bytes)");
    let path = setting.path("ws/a/b/run.sh");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o750)).unwrap();
    let other = setting.path("ws/hard-link");
    std::fs::hard_link(&path, &other).unwrap();
    setting.ok("write_file", json!({"path": "a/b/run.sh", "content": "new"})).await;
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o750);
    // A hard link elsewhere is not written through.
    assert_eq!(std::fs::read_to_string(other).unwrap(), "one\ntwo\n");
    assert_eq!(std::fs::read_dir(setting.path("ws/a/b")).unwrap().count(), 1);
    setting.error("write_file", json!({"path": "a/b", "content": ""})).await;
    setting.error("write_file", json!({"path": "a/b/run.sh/x", "content": ""})).await;
}

#[tokio::test]
async fn an_edit_shows_what_it_did() {
    let setting = Setting::new();
    setting.write("ws/a.py", "a = 1\nb = 2\nc = 3\n");
    let edits = json!([{"oldText": "b = 2", "newText": "b = 20"}, {"old_string": "b = 20\nc", "new_string": "d"}]);
    let dry = setting.ok("edit_file", json!({"path": "a.py", "edits": edits, "dryRun": true})).await;
    assert!(
        dry.starts_with("not written (dryRun):\n--- a.py\n+++ a.py\n@@ -1,3 +1,2 @@\n a = 1\n-b = 2\n-c = 3\n+d = 3\n"),
        "{dry}"
    );
    assert_eq!(setting.read("ws/a.py"), "a = 1\nb = 2\nc = 3\n");
    setting.ok("edit_file", json!({"path": "a.py", "edits": edits})).await;
    assert_eq!(setting.read("ws/a.py"), "a = 1\nd = 3\n");
}

#[tokio::test]
async fn edits_happen_all_or_not_at_all() {
    let setting = Setting::new();
    setting.write("ws/a", "x\ny\nx\n");
    let edits = json!([{"oldText": "y", "newText": "z"}, {"oldText": "x", "newText": "w"}]);
    let error = setting.error("edit_file", json!({"path": "a", "edits": edits})).await;
    assert!(
        error
            .starts_with("edit 2 of 2 does not fit `a`, so nothing was changed: oldText occurs 2 times, at lines 1, 3"),
        "{error}"
    );
    assert_eq!(setting.read("ws/a"), "x\ny\nx\n");
}

#[tokio::test]
async fn peers_copies_are_the_agents_own() {
    let setting = Setting::new();
    setting.write("views/agent1/a.py", "x = 1\n");
    let path = setting.text("views/agent1/a.py");
    setting.ok("edit_file", json!({"path": path, "edits": [{"oldText": "1", "newText": "2"}]})).await;
    assert_eq!(setting.read("views/agent1/a.py"), "x = 2\n");
}
