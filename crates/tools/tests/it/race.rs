//! Somebody swaps a folder for a link while the tools are at work.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use serde_json::json;

use crate::setting::Setting;

/// Swaps two names in a folder, over and over, in one step each time, so that a walk meets both.
struct Swapper {
    is_over: Arc<AtomicBool>,
    swaps: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Swapper {
    fn new(folder: &Path, one: &str, other: &str) -> Self {
        let (is_over, swaps) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (over, count): (_, Arc<AtomicUsize>) = (Arc::clone(&is_over), Arc::clone(&swaps));
        let (one, other): (PathBuf, PathBuf) = (folder.join(one), folder.join(other));
        let thread = std::thread::spawn(move || {
            use rustix::fs::{CWD, RenameFlags};
            while !over.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { is_over, swaps, thread: Some(thread) }
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let result = thread.join();
            assert!(result.is_ok() || std::thread::panicking());
        }
    }
}

#[tokio::test]
async fn a_swapped_folder_leads_nobody_out() {
    let setting = Setting::new();
    setting.write("ws/dir/f.txt", "inside\n");
    setting.write("outside/f.txt", "the secret\n");
    setting.link("ws/link", setting.path("outside"));
    let before = setting.outside();
    let swapper = Swapper::new(&setting.path("ws"), "dir", "link");
    let (mut done, mut refused) = (0, 0);
    let mut round = 0;
    // Until both were met often enough, and the swapper had its turns.
    while round < 100 || done < 20 || refused < 20 || swapper.swaps.load(Ordering::Relaxed) < 200 {
        round += 1;
        assert!(round < 20_000, "done {done}, refused {refused}");
        let path = "dir/f.txt";
        for (tool, arguments) in [
            ("write_file", json!({"path": "dir/new.txt", "content": "written"})),
            ("write_file", json!({"path": "dir/deep/er/new.txt", "content": "written"})),
            ("read_text_file", json!({"path": path})),
            ("edit_file", json!({"path": path, "edits": [{"oldText": "inside", "newText": "inside"}]})),
            ("grep", json!({"pattern": "secret", "path": "dir"})),
            ("grep", json!({"pattern": "secret", "path": "."})),
            ("copy_file", json!({"source_path": path, "destination_path": "copy.txt", "overwrite": true})),
            ("copy_file", json!({"source_path": "dir", "destination_path": "copies", "overwrite": true})),
            (
                "copy_files_batch",
                json!({"source_base_path": ".", "include_patterns": ["f.txt"], "destination_base_path": "batch"}),
            ),
            ("delete_file", json!({"path": "batch", "recursive": true})),
            ("delete_file", json!({"path": "dir/new.txt"})),
            ("delete_files_batch", json!({"base_path": ".", "include_patterns": ["dir/new.txt"]})),
            ("move_file", json!({"source": "dir/new.txt", "destination": "dir/moved.txt"})),
            ("delete_file", json!({"path": "dir/moved.txt"})),
            ("delete_file", json!({"path": "copies", "recursive": true})),
        ] {
            let outcome = setting.call(tool, arguments.clone()).await;
            assert!(!outcome.content.contains("the secret"), "{tool} {arguments}: {}", outcome.content);
            if outcome.is_error {
                refused += 1;
            } else {
                done += 1;
            }
        }
    }
    drop(swapper);
    assert_eq!(setting.outside(), before);
    for copy in ["ws/copy.txt", "ws/copies/f.txt"] {
        assert!(!std::fs::read_to_string(setting.path(copy)).unwrap_or_default().contains("secret"), "{copy}");
    }
}

#[tokio::test]
async fn a_swapped_file_leads_nobody_out() {
    let setting = Setting::new();
    setting.write("ws/f.txt", "inside\n");
    setting.write("outside/f.txt", "the secret\n");
    setting.link("ws/link.txt", setting.path("outside/f.txt"));
    let before = setting.outside();
    let swapper = Swapper::new(&setting.path("ws"), "f.txt", "link.txt");
    let mut round = 0;
    while round < 400 || swapper.swaps.load(Ordering::Relaxed) < 1000 {
        round += 1;
        for (tool, arguments) in [
            ("read_text_file", json!({"path": "f.txt"})),
            ("edit_file", json!({"path": "f.txt", "edits": [{"oldText": "inside", "newText": "inside"}]})),
            ("grep", json!({"pattern": "secret", "path": "."})),
            ("compare_files", json!({"file1": "f.txt", "file2": "link.txt"})),
            ("copy_file", json!({"source_path": "f.txt", "destination_path": "copy.txt", "overwrite": true})),
            ("read_text_file", json!({"path": "copy.txt"})),
            (
                "copy_files_batch",
                json!({"source_base_path": ".", "destination_base_path": "in", "include_patterns": ["f.*"]}),
            ),
        ] {
            let outcome = setting.call(tool, arguments.clone()).await;
            assert!(!outcome.content.contains("the secret"), "{tool} {arguments}: {}", outcome.content);
        }
    }
    drop(swapper);
    assert_eq!(setting.outside(), before);
}

/// Readers of a file that is written over and over see one content or the other, whole.
#[tokio::test]
async fn nobody_sees_half_a_file() {
    let setting = Setting::new();
    let (one, two) = ("1".repeat(100_000), "2".repeat(150_000));
    setting.write("ws/f", &one);
    let is_over = Arc::new(AtomicBool::new(false));
    let (over, path) = (Arc::clone(&is_over), setting.path("ws/f"));
    let reader = std::thread::spawn(move || {
        let mut reads = 0;
        while !over.load(Ordering::Relaxed) || reads == 0 {
            let content = std::fs::read_to_string(&path).unwrap();
            assert!([100_000, 150_000].contains(&content.len()), "{}", content.len());
            assert!(content.bytes().all(|byte| Some(&byte) == content.as_bytes().first()));
            reads += 1;
        }
    });
    for round in 0..60 {
        let content = if round % 2 == 0 { &two } else { &one };
        setting.ok("write_file", json!({"path": "f", "content": content})).await;
    }
    is_over.store(true, Ordering::Relaxed);
    reader.join().unwrap();
}
