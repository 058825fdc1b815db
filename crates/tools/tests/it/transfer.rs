//! Copying, moving, deleting and comparing.

use massgen_tools::files::FileSettings;
use serde_json::json;

use crate::setting::Setting;

#[tokio::test]
async fn only_what_is_known_is_deleted() {
    let setting = Setting::new();
    for name in ["a", "b", "c", "d", "e"] {
        setting.write(&format!("ws/dir/{name}.txt"), "x");
    }
    setting.write("ws/dir/__pycache__/m.pyc", "x");
    setting.write("ws/dir/empty", "");
    let error = setting.error("delete_file", json!({"path": "dir/a.txt"})).await;
    assert_eq!(error, "nothing was deleted: you have neither read nor made `dir/a.txt`; look at it first");
    let error = setting.error("delete_file", json!({"path": "dir", "recursive": true})).await;
    let examples = "`dir/a.txt`, `dir/b.txt`, `dir/c.txt` and 2 more; look at them first";
    assert!(error.ends_with(examples), "{error}");
    setting.ok("read_text_file", json!({"path": "dir/a.txt"})).await;
    setting.ok("delete_file", json!({"path": "dir/a.txt"})).await;
    setting.ok("grep", json!({"pattern": "x", "path": "dir"})).await;
    let error = setting.error("delete_file", json!({"path": "dir"})).await;
    assert!(error.ends_with("to delete all of it, set recursive"), "{error}");
    setting.ok("delete_file", json!({"path": "dir", "recursive": true})).await;
    assert!(!setting.path("ws/dir").exists());
    // What it made itself it knows; under its new name, too.
    setting.ok("write_file", json!({"path": "new", "content": "x"})).await;
    setting.ok("move_file", json!({"source": "new", "destination": "sub/newer"})).await;
    setting.ok("delete_file", json!({"path": "sub/newer"})).await;
    // A file of the same name made by somebody else afterwards it does not.
    setting.write("ws/sub/newer", "other");
    setting.error("delete_file", json!({"path": "sub/newer"})).await;
    // Binaries cannot be read; to have asked about them will do.
    setting.write("ws/a.png", b"\x89PNG\r\n\x1a\n\0");
    setting.error("read_text_file", json!({"path": "a.png"})).await;
    setting.ok("delete_file", json!({"path": "a.png"})).await;
}

#[tokio::test]
async fn the_rule_about_reading_can_be_off() {
    let setting = Setting::with(FileSettings { read_before_delete: false, ..FileSettings::default() });
    setting.write("ws/a", "x");
    setting.ok("delete_file", json!({"path": "a"})).await;
}

#[tokio::test]
async fn batches_delete_what_matches() {
    let setting = Setting::new();
    for name in ["a.tmp", "sub/b.tmp", "sub/keep.tmp", "sub/c.txt", "new/x.csv"] {
        setting.write(&format!("ws/{name}"), "x");
    }
    let arguments = json!({"base_path": ".", "include_patterns": ["*.tmp"], "exclude_patterns": ["keep.*"]});
    assert_eq!(setting.ok("delete_files_batch", arguments.clone()).await, "deleted 2 files in .");
    assert!(setting.path("ws/sub/keep.tmp").exists() && !setting.path("ws/sub/b.tmp").exists());
    setting.error("delete_files_batch", arguments).await;
    setting.error("delete_files_batch", json!({"base_path": ".", "include_patterns": ["*.csv"]})).await;
    assert!(setting.path("ws/new/x.csv").exists());
}

#[tokio::test]
async fn folders_are_copied_with_what_may_be() {
    let setting = Setting::new();
    setting.write("views/agent1/p/a.py", "1");
    setting.write("views/agent1/p/sub/b.py", "22");
    setting.write("views/agent1/p/.git/HEAD", "x");
    std::fs::create_dir_all(setting.path("views/agent1/p/empty")).unwrap();
    setting.link("views/agent1/p/good", "sub/b.py");
    setting.link("views/agent1/p/bad", "../../../outside/secret.txt");
    setting.link("views/agent1/p/abs", "/etc/passwd");
    let source = setting.text("views/agent1/p");
    let said = setting.ok("copy_file", json!({"source_path": source, "destination_path": "p"})).await;
    assert_eq!(said, "copied 3 files (4 bytes) to p, and 1 links");
    assert!(setting.path("ws/p/empty").is_dir() && setting.read("ws/p/good") == "22");
    assert!(!setting.path("ws/p/bad").is_symlink() && !setting.path("ws/p/abs").is_symlink());
    setting.error("copy_file", json!({"source_path": source, "destination_path": "p"})).await;
    // Into a place of the user's files no repository's own names go.
    setting.ok("copy_file", json!({"source_path": "p", "destination_path": setting.text("isolated/p")})).await;
    assert!(!setting.path("isolated/p/.git").exists() && setting.path("isolated/p/a.py").exists());
    setting.error("copy_file", json!({"source_path": "p", "destination_path": "p/inner"})).await;
    setting.error("copy_file", json!({"source_path": "p/a.py", "destination_path": "p/a.py"})).await;
    assert_eq!(
        setting.ok("copy_file", json!({"source_path": "p/a.py", "destination_path": "p/sub"})).await,
        "copied p/a.py to p/sub/a.py (1 bytes)"
    );
}

#[tokio::test]
async fn batches_copy_what_matches_and_keep_what_is_there() {
    let setting = Setting::new();
    setting.write("context/a.py", "1");
    setting.write("context/sub/b.py", "2");
    setting.write("context/sub/c.txt", "3");
    setting.write("ws/in/a.py", "mine");
    let arguments = |overwrite: bool| {
        json!({"source_base_path": setting.text("context"), "destination_base_path": "in", "include_patterns": ["*.py"],
               "exclude_patterns": null, "overwrite": overwrite})
    };
    let said = setting.ok("copy_files_batch", arguments(false)).await;
    assert!(
        said.starts_with("copied 1 files (1 bytes) to in; 1 exist there already") && said.contains("such as in/a.py"),
        "{said}"
    );
    assert_eq!(setting.read("ws/in/a.py"), "mine");
    setting.ok("copy_files_batch", arguments(true)).await;
    assert_eq!(setting.read("ws/in/a.py"), "1");
    assert!(!setting.path("ws/in/sub/c.txt").exists());
}

#[tokio::test]
async fn moves_replace_nothing() {
    let setting = Setting::new();
    setting.write("ws/a/x", "1");
    setting.write("ws/b", "2");
    setting.error("move_file", json!({"source": "a/x", "destination": "b"})).await;
    setting.error("move_file", json!({"source": "a", "destination": "a/sub"})).await;
    setting.error("move_file", json!({"source": "nothing", "destination": "c"})).await;
    setting.ok("move_file", json!({"source": "a", "destination": setting.text("views/agent1/a")})).await;
    assert_eq!(setting.read("views/agent1/a/x"), "1");
    assert_eq!(setting.read("ws/b"), "2");
}

#[tokio::test]
async fn comparisons_tell_what_differs() {
    let setting = Setting::new();
    setting.write("ws/a/same", "x\n");
    setting.write("ws/b/same", "x\n");
    setting.write("ws/a/left", "");
    setting.write("ws/b/right", "");
    setting.write("ws/a/f", "one\ntwo\n");
    setting.write("ws/b/f", "one\n2\n");
    let said = setting.ok("compare_directories", json!({"dir1": "a", "dir2": "b", "show_content_diff": true})).await;
    assert!(
        said.starts_with("only in a: left\nonly in b: right\ndiffers: f (8 bytes and 6 bytes)\n  --- a/f"),
        "{said}"
    );
    assert!(said.contains("  -two\n  +2\n") && said.ends_with("1 files are the same"), "{said}");
    assert_eq!(
        setting.ok("compare_directories", json!({"dir1": "a", "dir2": "a"})).await,
        "the folders are the same: 3 files"
    );
    let said = setting.ok("compare_files", json!({"file1": "a/f", "file2": "b/f"})).await;
    assert_eq!(said, "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n one\n-two\n+2");
    setting.write("ws/spaced", " one\n\ttwo \n");
    let said = setting.ok("compare_files", json!({"file1": "a/f", "file2": "spaced", "ignore_whitespace": true})).await;
    assert_eq!(said, "the files are the same");
    setting.write("ws/1.bin", b"\0\x01\x02");
    setting.write("ws/2.bin", b"\0\x01\x03");
    let said = setting.ok("compare_files", json!({"file1": "1.bin", "file2": "2.bin"})).await;
    assert_eq!(said, "the files differ from byte 2 on (3 bytes and 3 bytes; not text)");
}

#[tokio::test]
async fn pipes_and_devices_are_not_opened() {
    let setting = Setting::new();
    let pipe = setting.path("ws/pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    for (tool, arguments) in [
        ("read_text_file", json!({"path": "pipe"})),
        ("write_file", json!({"path": "pipe", "content": "x"})),
        ("copy_file", json!({"source_path": "pipe", "destination_path": "copy"})),
        ("compare_files", json!({"file1": "pipe", "file2": "pipe"})),
    ] {
        let error = setting.error(tool, arguments).await;
        assert!(error.contains("is a pipe, socket or device, not a file"), "{tool}: {error}");
    }
    assert_eq!(setting.ok("grep", json!({"pattern": "x"})).await, "[no matches]");
}
