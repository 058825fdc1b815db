//! What is granted, and what is not.

use serde_json::json;

use crate::setting::Setting;

const NOT_GRANTED: &str = "is outside the places you may use; call list_allowed_directories to see them";

#[tokio::test]
async fn what_nobody_granted_does_not_even_exist() {
    let setting = Setting::new();
    setting.link("ws/out", "../outside");
    setting.link("ws/nowhere", "../outside/nothing");
    setting.link("ws/absolute", setting.path("outside/secret.txt"));
    for path in [
        setting.text("outside/secret.txt"),
        setting.text("outside/nothing"),
        setting.text("outside"),
        "../outside/secret.txt".to_owned(),
        "../outside/nothing".to_owned(),
        "out/secret.txt".to_owned(),
        "out/nothing".to_owned(),
        "nowhere".to_owned(),
        "absolute".to_owned(),
        "/etc/passwd".to_owned(),
        "/no/such".to_owned(),
        "..".to_owned(),
        "/".to_owned(),
        format!("{}/../outside/secret.txt", setting.text("ws")),
    ] {
        for tool in ["read_text_file", "list_directory", "get_file_info", "grep", "directory_tree", "search_files"] {
            let mut arguments = json!({"path": path});
            if tool == "grep" || tool == "search_files" {
                arguments["pattern"] = json!("secret");
            }
            let error = setting.error(tool, arguments).await;
            assert_eq!(error, format!("`{path}` {NOT_GRANTED}"));
        }
        // A link itself is the agent's own: it may go. What it leads to may not be written.
        let error = setting.error("write_file", json!({"path": path, "content": "x"})).await;
        assert!(error.ends_with(NOT_GRANTED), "{error}");
        let error = setting.error("copy_file", json!({"source_path": path, "destination_path": "copy"})).await;
        assert!(error.ends_with(NOT_GRANTED), "{error}");
    }
    assert_eq!(setting.outside(), [("secret.txt".to_owned(), "the secret\n".to_owned())]);
    assert_eq!(
        setting.error("read_text_file", json!({"path": "a\u{0}b"})).await,
        "a path cannot contain a NUL character"
    );
}

#[tokio::test]
async fn contexts_are_read_and_not_written() {
    let setting = Setting::new();
    setting.write("context/src/a.py", "x = 1\n");
    let path = setting.text("context/src/a.py");
    assert_eq!(setting.ok("read_text_file", json!({"path": path})).await, "x = 1\n");
    let edits = json!([{"oldText": "1", "newText": "2"}]);
    for (tool, arguments) in [
        ("write_file", json!({"path": path, "content": ""})),
        ("edit_file", json!({"path": path, "edits": edits})),
        ("delete_file", json!({"path": path})),
        ("move_file", json!({"source": path, "destination": "a.py"})),
        ("copy_file", json!({"source_path": path, "destination_path": setting.text("context/b.py")})),
        ("create_directory", json!({"path": setting.text("context/new")})),
    ] {
        let error = setting.error(tool, arguments).await;
        assert!(error.contains("it may only be read; copy it into your workspace"), "{tool}: {error}");
    }
    setting.ok("copy_file", json!({"source_path": path, "destination_path": "a.py"})).await;
    assert_eq!(setting.read("ws/a.py"), "x = 1\n");
    assert_eq!(setting.read("context/src/a.py"), "x = 1\n");
}

#[tokio::test]
async fn keys_in_contexts_are_not_read() {
    let setting = Setting::new();
    for place in ["context", "isolated"] {
        for name in [".env", "sub/.env.local", ".git/config", ".massgen/log.txt", "home/.ssh/id", ".npmrc"] {
            setting.write(&format!("{place}/{name}"), "KEY=needle\n");
            let path = setting.text(&format!("{place}/{name}"));
            let error = setting.error("read_text_file", json!({"path": path})).await;
            assert!(error.contains("hold keys or private data"), "{name}: {error}");
            setting.error("copy_file", json!({"source_path": path, "destination_path": "stolen"})).await;
            setting.link(&format!("ws/link-{place}-{}", name.replace('/', "-")), &path);
        }
        setting.write(&format!("{place}/.env.example"), "KEY=\n");
        setting.ok("read_text_file", json!({"path": setting.text(&format!("{place}/.env.example"))})).await;
        let found = setting.ok("grep", json!({"pattern": "needle", "path": setting.text(place)})).await;
        assert_eq!(found, "[no matches]");
        let copied = json!({"source_path": setting.text(place), "destination_path": format!("copy-{place}")});
        assert!(setting.ok("copy_file", copied).await.starts_with("copied 1 files"));
    }
    // Nor through links in the workspace; the workspace's own are its own.
    assert_eq!(setting.ok("grep", json!({"pattern": "needle"})).await, "[no matches]");
    setting.error("read_text_file", json!({"path": "link-context-.env"})).await;
    setting.write("ws/.env", "MINE=1\n");
    assert_eq!(setting.ok("read_text_file", json!({"path": ".env"})).await, "MINE=1\n");
}

#[tokio::test]
async fn a_file_grants_itself_alone() {
    let setting = Setting::new();
    setting.write("outside/granted.txt", "yes\n");
    setting.change_places(|places| places.readable = vec![setting.path("outside/granted.txt")]);
    let path = setting.text("outside/granted.txt");
    assert_eq!(setting.ok("read_text_file", json!({"path": path})).await, "yes\n");
    setting.link("ws/to-it", &path);
    assert_eq!(setting.ok("read_text_file", json!({"path": "to-it"})).await, "yes\n");
    for path in [setting.text("outside/secret.txt"), setting.text("outside"), format!("{path}/../secret.txt")] {
        let error = setting.error("get_file_info", json!({"path": path})).await;
        assert!(error.ends_with(NOT_GRANTED), "{error}");
    }
    setting.error("write_file", json!({"path": path, "content": ""})).await;
    setting.change_places(|places| places.writable = vec![setting.path("outside/granted.txt")]);
    setting.ok("write_file", json!({"path": path, "content": "new"})).await;
    assert_eq!(setting.read("outside/granted.txt"), "new");
}

#[tokio::test]
async fn the_deeper_place_decides() {
    let setting = Setting::new();
    // A workspace in a context's hidden folder, as the reference has it.
    let workspace = setting.path("context/.massgen/workspaces/w");
    setting.write("context/.massgen/workspaces/w/a.txt", "mine\n");
    setting.write("context/.massgen/workspaces/other/b.txt", "not mine\n");
    setting.write("context/c.txt", "theirs\n");
    setting.change_places(|places| places.workspace = workspace.clone());
    assert_eq!(setting.ok("read_text_file", json!({"path": "a.txt"})).await, "mine\n");
    assert_eq!(
        setting.ok("read_text_file", json!({"path": workspace.join("a.txt").display().to_string()})).await,
        "mine\n"
    );
    assert_eq!(setting.ok("read_text_file", json!({"path": "../../../c.txt"})).await, "theirs\n");
    setting.ok("write_file", json!({"path": "new.txt", "content": ""})).await;
    setting.error("write_file", json!({"path": "../../../new.txt", "content": ""})).await;
    let error = setting.error("read_text_file", json!({"path": "../other/b.txt"})).await;
    assert!(error.contains("private data"), "{error}");
    // What lies between the two is neither's.
    for path in ["..", "../..", "../../../.massgen"] {
        let error = setting.error("list_directory", json!({"path": path})).await;
        assert!(error.contains("private data"), "{error}");
    }
    // A context in the workspace is only read.
    std::fs::create_dir(workspace.join("ro")).unwrap();
    setting.change_places(|places| places.readable.push(workspace.join("ro")));
    setting.error("write_file", json!({"path": "ro/x", "content": ""})).await;
    setting.error("delete_file", json!({"path": "ro", "recursive": true})).await;
}

#[tokio::test]
async fn protected_and_kept_names_stay() {
    let setting = Setting::new();
    setting.write("isolated/data/gold.csv", "1\n");
    setting.write("isolated/.git/HEAD", "ref\n");
    setting.write("isolated/code/a.py", "x\n");
    setting.change_places(|places| places.protected = vec![setting.path("isolated/data")]);
    for path in ["isolated/data/gold.csv", "isolated/data/new", "isolated/data", "isolated/.git/HEAD", "isolated/.env"]
    {
        let path = setting.text(path);
        setting.error("write_file", json!({"path": path, "content": ""})).await;
        setting.error("delete_file", json!({"path": path, "recursive": true})).await;
        setting.error("move_file", json!({"source": path, "destination": "x"})).await;
    }
    // Not with the folder around it, either.
    setting.change_places(|places| places.protected = vec![setting.path("isolated/code/deep/keep")]);
    setting.write("isolated/code/deep/keep/x", "");
    for tool in ["isolated/code/deep", "isolated/code"] {
        let path = setting.text(tool);
        setting.error("delete_file", json!({"path": path, "recursive": true})).await;
        setting.error("move_file", json!({"source": path, "destination": "x"})).await;
    }
    assert_eq!(setting.ok("read_text_file", json!({"path": setting.text("isolated/.git/HEAD")})).await, "ref\n");
    setting.ok("write_file", json!({"path": setting.text("isolated/code/a.py"), "content": "y"})).await;
    // The workspace's own names are written.
    setting.ok("write_file", json!({"path": "node_modules/x.js", "content": ""})).await;
}

#[tokio::test]
async fn places_themselves_are_not_deleted_or_moved() {
    let setting = Setting::new();
    for path in ["ws", "views", "views/agent1/..", "isolated"] {
        let path = setting.text(path);
        setting.error("delete_file", json!({"path": path, "recursive": true})).await;
        setting.error("move_file", json!({"source": path, "destination": "x"})).await;
    }
    setting.error("delete_file", json!({"path": ".", "recursive": true})).await;
}

#[tokio::test]
async fn links_from_place_to_place_are_read_and_not_written() {
    let setting = Setting::new();
    setting.write("ws/mine.txt", "mine\n");
    // Planted by a peer in its work: it leads into the agent's own workspace.
    setting.link("views/agent2/report.txt", "../../ws/mine.txt");
    let path = setting.text("views/agent2/report.txt");
    assert_eq!(setting.ok("read_text_file", json!({"path": path})).await, "mine\n");
    let error = setting.error("write_file", json!({"path": path, "content": "theirs"})).await;
    assert!(error.contains("through a symbolic link into another place"), "{error}");
    assert_eq!(setting.read("ws/mine.txt"), "mine\n");
    setting.ok("delete_file", json!({"path": path})).await;
    assert_eq!(setting.read("ws/mine.txt"), "mine\n");
    // Within one place links are followed.
    setting.link("ws/alias", "mine.txt");
    setting.ok("write_file", json!({"path": "alias", "content": "new"})).await;
    assert_eq!(setting.read("ws/mine.txt"), "new");
    setting.link("ws/loop", "loop");
    let error = setting.error("read_text_file", json!({"path": "loop"})).await;
    assert!(error.contains("too many symbolic links"), "{error}");
}

#[tokio::test]
async fn places_may_be_given_through_links() {
    let setting = Setting::new();
    setting.link("alias", setting.path("ws"));
    setting.write("ws/a", "x");
    setting.change_places(|places| places.workspace = setting.path("alias"));
    for path in ["a".to_owned(), setting.text("alias/a"), setting.text("ws/a"), setting.text("alias/../ws/a")] {
        assert_eq!(setting.ok("read_text_file", json!({"path": path})).await, "x", "{path}");
    }
    setting.ok("write_file", json!({"path": setting.text("alias/b"), "content": "y"})).await;
    assert_eq!(setting.read("ws/b"), "y");
}
