//! Reading, in parts.

use massgen_tool::{Touch, TouchKind};
use massgen_tools::files::FileSettings;
use serde_json::json;

use crate::setting::Setting;

#[tokio::test]
async fn a_small_file_is_its_content_and_nothing_else() {
    let setting = Setting::new();
    for content in ["", "a\nb\n", "a\r\nb", "\u{feff}x", "\n\n"] {
        setting.write("ws/a.txt", content);
        let said = setting.ok("read_text_file", json!({"path": "a.txt"})).await;
        assert_eq!(said, if content.is_empty() { "[the file is empty]" } else { content });
    }
}

#[tokio::test]
async fn ranges_say_how_to_go_on() {
    let setting = Setting::new();
    let lines: String = (1..=5000).map(|number| format!("line {number}\n")).collect();
    setting.write("ws/long.txt", &lines);
    let said = setting.ok("read_text_file", json!({"path": "long.txt"})).await;
    assert!(said.ends_with("line 2000\n[lines 1 to 2000 of 5000; for more, offset: 2001]"), "{said}");
    let said = setting.ok("read_text_file", json!({"path": "long.txt", "offset": 4999, "numbers": true})).await;
    assert_eq!(said, "  4999\tline 4999\n  5000\tline 5000\n");
    let said = setting.ok("read_text_file", json!({"path": "long.txt", "offset": "3", "limit": 1.0})).await;
    assert_eq!(said, "line 3\n[lines 3 to 3 of 5000; for more, offset: 4]");
    assert_eq!(
        setting.ok("read_text_file", json!({"path": "long.txt", "head": 1})).await.lines().next(),
        Some("line 1")
    );
    let said = setting.ok("read_text_file", json!({"path": "long.txt", "tail": 2})).await;
    assert_eq!(said, "line 4999\nline 5000\n[lines 4999 to 5000 of 5000]");
    let said = setting.ok("read_text_file", json!({"path": "long.txt", "offset": 9000})).await;
    assert_eq!(said, "[the file has only 5000 lines]");
    setting.error("read_text_file", json!({"path": "long.txt", "head": 1, "tail": 1})).await;
}

/// Whoever follows the offsets reads the whole file.
#[tokio::test]
async fn pages_join_to_the_whole() {
    let setting = Setting::with(FileSettings { result_bytes_max: 700, ..FileSettings::default() });
    let lines: String = (1..=300).map(|number| format!("{number} {}\n", "x".repeat(number % 90))).collect();
    setting.write("ws/a.txt", &lines);
    let (mut read, mut offset) = (String::new(), 1);
    loop {
        let page = setting.ok("read_text_file", json!({"path": "a.txt", "offset": offset})).await;
        assert!(page.len() < 900, "{}", page.len());
        match page.rsplit_once("[lines ") {
            Some((content, foot)) => {
                read.push_str(content);
                offset = foot.rsplit(' ').next().unwrap().trim_end_matches(']').parse().unwrap();
            }
            None => {
                read.push_str(&page);
                break;
            }
        }
    }
    assert_eq!(read, lines);
}

#[tokio::test]
async fn huge_lines_and_huge_files_are_not_taken_in_whole() {
    let setting = Setting::new();
    setting.write("ws/line.txt", "\u{e4}".repeat(100_000));
    let said = setting.ok("read_text_file", json!({"path": "line.txt"})).await;
    assert!(said.len() < 9000 && said.ends_with("[191808 more bytes in this line]"), "{}", said.len());
    // Sparse: four gigabytes that nobody could hold.
    let file = std::fs::File::create(setting.path("ws/huge.txt")).unwrap();
    std::os::unix::fs::FileExt::write_at(&file, "first\n".repeat(3000).as_bytes(), 0).unwrap();
    std::os::unix::fs::FileExt::write_at(&file, b"\nlast line", 4 << 30).unwrap();
    let said = setting.ok("read_text_file", json!({"path": "huge.txt", "limit": 1})).await;
    assert_eq!(said, "first\n[lines 1 to 1 of 4.0 GiB; for more, offset: 2]");
    let said = setting.ok("read_text_file", json!({"path": "huge.txt", "offset": 3001})).await;
    assert!(said.len() < 9000 && said.starts_with('\0') && said.contains("[more than 67"), "{}", said.len());
    let said = setting.ok("read_text_file", json!({"path": "huge.txt", "tail": 1})).await;
    assert_eq!(said, "last line\n[the last 1 lines of 4.0 GiB]");
}

#[tokio::test]
async fn binaries_are_named_and_refused() {
    let setting = Setting::new();
    setting.write("ws/a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let error = setting.error("read_text_file", json!({"path": "a.png"})).await;
    assert_eq!(error, "`a.png` is not text but a PNG image, 16 bytes; text tools cannot show or change it");
    let error =
        setting.error("edit_file", json!({"path": "a.png", "edits": [{"oldText": "IHDR", "newText": "x"}]})).await;
    assert!(error.contains("a PNG image"), "{error}");
    setting.error("grep", json!({"path": "a.png", "pattern": "IHDR"})).await;
}

#[tokio::test]
async fn invalid_utf8_is_readable_and_not_editable() {
    let setting = Setting::new();
    setting.write("ws/a.txt", b"gr\xfcn\nblau\n");
    let said = setting.ok("read_text_file", json!({"path": "a.txt"})).await;
    assert!(said.starts_with("gr\u{fffd}n\nblau\n[1 lines are not valid UTF-8"), "{said}");
    let error =
        setting.error("edit_file", json!({"path": "a.txt", "edits": [{"oldText": "blau", "newText": "x"}]})).await;
    assert!(error.contains("first at byte 2"), "{error}");
    assert_eq!(std::fs::read(setting.path("ws/a.txt")).unwrap(), b"gr\xfcn\nblau\n");
}

#[tokio::test]
async fn missing_files_bring_near_names() {
    let setting = Setting::new();
    setting.write("ws/src/analysis.py", "x");
    setting.write("views/agent1/results.csv", "1");
    for (asked, near) in [
        ("src/analyis.py", "`src/analysis.py`".to_owned()),
        ("src/analysis.txt", "`src/analysis.py`".to_owned()),
        ("analysis.py", "`src/analysis.py`".to_owned()),
        ("scr/analysis.py", "`src/analysis.py`".to_owned()),
        ("sr/x.py", "`src`".to_owned()),
        ("agent1/results.csv", format!("`{}`", setting.text("views/agent1/results.csv"))),
    ] {
        let error = setting.error("read_text_file", json!({"path": asked})).await;
        assert_eq!(error, format!("there is no `{asked}`; did you mean {near}?"));
    }
    let error = setting.error("read_text_file", json!({"path": "src"})).await;
    assert_eq!(error, "`src` is a folder, not a file; use list_directory");
    let error = setting.error("read_text_file", json!({"file": "src"})).await;
    assert!(error.contains("they are {path, head?, tail?, numbers?, offset?, limit?}"), "{error}");
}

#[tokio::test]
async fn several_files_fail_one_by_one() {
    let setting = Setting::with(FileSettings { result_bytes_max: 1000, ..FileSettings::default() });
    setting.write("ws/a", "1\n");
    setting.write("ws/b", "2".repeat(3000));
    let said = setting.ok("read_multiple_files", json!({"paths": ["a", "no", "b", "a"]})).await;
    assert!(said.starts_with("==> a <==\n1\n\n\n==> no <==\n[there is no `no`"), "{said}");
    assert!(said.ends_with("[no room for the rest; read on its own: a]"), "{said}");
    setting.error("read_multiple_files", json!({"paths": ["no"]})).await;
}

#[tokio::test]
async fn what_is_read_of_peers_is_noted() {
    let setting = Setting::new();
    setting.write("views/agent1/a.py", "x = 1\n");
    setting.write("views/agent2/b.py", "y = 2\n");
    setting.write("ws/c.py", "x = 3\n");
    let touch = |name: &str| Touch { path: setting.path(name), kind: TouchKind::Read };
    let outcome = setting.call("read_text_file", json!({"path": setting.text("views/agent1/a.py")})).await;
    assert_eq!(outcome.touched, [touch("views/agent1/a.py")]);
    let outcome = setting.call("grep", json!({"path": setting.text("views"), "pattern": "x ="})).await;
    assert_eq!(outcome.touched, [touch("views/agent1/a.py")]);
    let arguments = json!({"file1": setting.text("views/agent2/b.py"), "file2": "c.py"});
    assert_eq!(setting.call("compare_files", arguments).await.touched, [touch("views/agent2/b.py")]);
    let nothing = setting.call("read_text_file", json!({"path": "c.py"})).await;
    assert!(nothing.touched.is_empty());
    // Names alone are not the work.
    let listed = setting.call("directory_tree", json!({"path": setting.text("views")})).await;
    assert_eq!(listed.content, "agent1/\n  a.py\nagent2/\n  b.py");
    assert!(listed.touched.is_empty());
}
