//! Whatever the path, whatever the links: nothing outside is read, told or changed.

use massgen_tools::files::FileSettings;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::setting::Setting;

/// Parts of paths that mean something in a setting.
fn part() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "..",
        "..",
        "..",
        ".",
        "ws",
        "views",
        "agent1",
        "context",
        "isolated",
        "outside",
        "secret.txt",
        "a",
        "b",
        "link1",
        "link2",
        "link3",
        "",
        "nothing",
    ])
}

fn path() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec!["", "/", "@/", "@/ws/", "@/views/", "@/context/", "@/outside/", "@/ws/../"]);
    (start, prop::collection::vec(part(), 0..7)).prop_map(|(start, parts)| format!("{start}{}", parts.join("/")))
}

/// Where links likely lead somebody out.
fn target() -> impl Strategy<Value = String> {
    let out =
        ["@/outside", "../outside", "../../outside", "@/outside/secret.txt", "@", "..", "../..", "link1", "../link1"];
    prop_oneof![3 => prop::sample::select(out.to_vec()).prop_map(str::to_owned), 1 => path()]
}

/// Paths, many of them through links.
fn aimed_path() -> impl Strategy<Value = String> {
    let folder = prop::sample::select(vec!["", "a/", "@/ws/", "@/views/agent1/", "@/isolated/"]);
    let end = prop::sample::select(vec![
        "",
        "/secret.txt",
        "/outside/secret.txt",
        "/outside",
        "/new",
        "/a/new",
        "/../outside",
    ]);
    let through_link = (folder, 1..4, end).prop_map(|(folder, link, end)| format!("{folder}link{link}{end}"));
    prop_oneof![through_link, path()]
}

/// Calls with `@` for the folder that holds all places.
fn call() -> impl Strategy<Value = (&'static str, Value)> {
    (aimed_path(), aimed_path(), 0_usize..14).prop_map(|(path, other, tool)| match tool {
        0 => ("read_text_file", json!({"path": path})),
        1 => ("write_file", json!({"path": path, "content": "written by the agent"})),
        2 => ("edit_file", json!({"path": path, "edits": [{"oldText": "the", "newText": "another"}]})),
        3 => ("create_directory", json!({"path": path})),
        4 => ("list_directory", json!({"path": path})),
        5 => ("directory_tree", json!({"path": path})),
        6 => ("move_file", json!({"source": path, "destination": other})),
        7 => ("grep", json!({"path": path, "pattern": "secret"})),
        8 => ("copy_file", json!({"source_path": path, "destination_path": other, "overwrite": true})),
        9 => ("copy_files_batch", json!({"source_base_path": path, "destination_base_path": other})),
        10 => ("delete_file", json!({"path": path, "recursive": true})),
        11 => ("delete_files_batch", json!({"base_path": path, "include_patterns": ["*"]})),
        12 => ("compare_directories", json!({"dir1": path, "dir2": other, "show_content_diff": true})),
        _ => ("compare_files", json!({"file1": path, "file2": other})),
    })
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nothing_outside_is_read_or_changed(
        links in prop::collection::vec(
            (prop::sample::select(vec!["ws", "ws/a", "views/agent1", "isolated"]), target()), 3,
        ),
        calls in prop::collection::vec(call(), 1..8),
    ) {
        let setting = Setting::with(FileSettings { read_before_delete: false, ..FileSettings::default() });
        setting.write("ws/a/b", "the text\n");
        setting.write("views/agent1/a/b", "the text\n");
        setting.write("context/a", "the context\n");
        let root = setting.text("").trim_end_matches('/').to_owned();
        for (number, (folder, target)) in links.iter().enumerate() {
            let target = target.replace('@', &root);
            let _ = std::os::unix::fs::symlink(&target, setting.path(&format!("{folder}/link{}", number + 1)));
        }
        setting.write("outside/unnamed", "");
        let before = setting.outside();
        let runtime = runtime();
        for (tool, arguments) in calls {
            let arguments: Value = serde_json::from_str(&arguments.to_string().replace('@', &root)).unwrap();
            let outcome = runtime.block_on(setting.call(tool, arguments.clone()));
            prop_assert!(!outcome.content.contains("the secret"), "{} {}: {}", tool, arguments, outcome.content);
            // No path of these names it: only a look into the folder could tell of it.
            prop_assert!(!outcome.content.contains("unnamed"), "{} {}: {}", tool, arguments, outcome.content);
        }
        prop_assert_eq!(setting.outside(), before);
        prop_assert_eq!(setting.read("context/a"), "the context\n");
        let mut top: Vec<_> = std::fs::read_dir(&root).unwrap().flatten().map(|entry| entry.file_name()).collect();
        top.sort();
        prop_assert_eq!(top, ["context", "isolated", "outside", "views", "ws"]);
    }
}
