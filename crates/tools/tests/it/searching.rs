//! Listing and finding.

use massgen_tools::files::FileSettings;
use serde_json::json;

use crate::setting::Setting;

fn project() -> Setting {
    let setting = Setting::with(FileSettings::default());
    setting.write("ws/src/main.rs", "fn main() {\n    let a = 1;\n    // TODO one\n}\n");
    setting.write("ws/src/lib/deep.rs", "// TODO two\n");
    setting.write("ws/.gitignore", "*.log\nout/\n");
    setting.write("ws/run.log", "TODO in a log\n");
    setting.write("ws/out/x.rs", "TODO made\n");
    setting.write("ws/node_modules/m/index.js", "TODO module\n");
    setting.write("ws/bin.dat", b"TODO\0binary");
    setting
}

#[tokio::test]
async fn grep_finds_lines_and_leaves_out_what_is_ignored() {
    let setting = project();
    let said = setting.ok("grep", json!({"pattern": "TODO"})).await;
    assert_eq!(said, "src/lib/deep.rs\n1: // TODO two\nsrc/main.rs\n3:     // TODO one");
    let said = setting.ok("grep", json!({"pattern": "todo ONE", "ignoreCase": true, "context": 1})).await;
    assert_eq!(said, "src/main.rs\n2-     let a = 1;\n3:     // TODO one\n4- }");
    let said = setting.ok("grep", json!({"pattern": "TODO", "glob": "main.*", "output": "files"})).await;
    assert_eq!(said, "src/main.rs");
    assert_eq!(
        setting.ok("grep", json!({"pattern": "TODO", "path": "src", "output": "count"})).await,
        "src/lib/deep.rs: 1\nsrc/main.rs: 1"
    );
    // Ignored from above, too; what is named is searched.
    setting.write("ws/out/more.log", "TODO more\n");
    assert_eq!(setting.ok("grep", json!({"pattern": "TODO", "path": "out"})).await, "out/x.rs\n1: TODO made");
    assert_eq!(setting.ok("grep", json!({"pattern": "TODO", "path": "run.log"})).await, "run.log\n1: TODO in a log");
    let error = setting.error("grep", json!({"pattern": "(", "path": "src"})).await;
    assert!(error.contains("`(` is not a regular expression"), "{error}");
}

#[tokio::test]
async fn grep_pages() {
    let setting = Setting::new();
    for file in ["a", "b", "c"] {
        let lines: String = (0..10).map(|number| format!("hit {file}{number}\nother\n")).collect();
        setting.write(&format!("ws/{file}"), lines);
    }
    let (mut hits, mut offset) = (Vec::new(), 0);
    for _ in 0..20 {
        let page = setting.ok("grep", json!({"pattern": "hit", "limit": 7, "offset": offset})).await;
        hits.extend(page.lines().filter_map(|line| line.split_once("hit ").map(|(_, hit)| hit.to_owned())));
        match page.rsplit_once("offset: ") {
            Some((_, next)) => offset = next.trim_end_matches(']').parse().unwrap(),
            None => break,
        }
    }
    let expected: Vec<_> =
        ["a", "b", "c"].iter().flat_map(|file| (0..10).map(move |number| format!("{file}{number}"))).collect();
    assert_eq!(hits, expected);
    let said = setting.ok("grep", json!({"pattern": "hit", "limit": 2, "output": "files"})).await;
    assert_eq!(said, "a\nb\n[there is more; for more, offset: 2]");
    assert_eq!(setting.ok("grep", json!({"pattern": "hit", "offset": 2, "output": "files"})).await, "c");
}

#[tokio::test]
async fn long_lines_are_shown_around_the_match() {
    let setting = Setting::new();
    setting.write("ws/a", format!("{}needle{}\n", "\u{e4}".repeat(5000), "x".repeat(5000)));
    let said = setting.ok("grep", json!({"pattern": "needle"})).await;
    assert!(said.len() < 500 && said.contains("needle") && said.starts_with("a\n1: ..."), "{said}");
}

#[tokio::test]
async fn globs_find_names() {
    let setting = project();
    assert_eq!(
        setting.ok("search_files", json!({"path": ".", "pattern": "*.rs"})).await,
        "out/x.rs\nsrc/lib/deep.rs\nsrc/main.rs"
    );
    assert_eq!(setting.ok("search_files", json!({"pattern": "src/*.rs"})).await, "src/main.rs");
    let excluded = json!({"pattern": "**/*.rs", "excludePatterns": ["out", "deep.*"]});
    assert_eq!(setting.ok("search_files", excluded).await, "src/main.rs");
    assert_eq!(setting.ok("search_files", json!({"pattern": "nothing"})).await, "[no matches]");
    setting.error("search_files", json!({"pattern": "a[", "path": "."})).await;
}

#[tokio::test]
async fn listings_are_short() {
    let setting = project();
    setting.link("ws/link", "/etc");
    let said = setting.ok("list_directory", json!({"path": "."})).await;
    assert_eq!(
        said,
        "[FILE] .gitignore\n[FILE] bin.dat\n[LINK] link\n[DIR] node_modules\n[DIR] out\n[FILE] run.log\n[DIR] src"
    );
    let said = setting.ok("list_directory_with_sizes", json!({"path": ".", "sortBy": "size", "limit": 1})).await;
    assert!(said.contains("[entries 1 to 1 of 7; for more, offset: 1]\n3 files, 3 folders, "), "{said}");
    let said = setting.ok("directory_tree", json!({"path": ".", "depth": 2, "excludePatterns": ["out"]})).await;
    assert_eq!(said, ".gitignore\nbin.dat\nlink (link)\nnode_modules/ ...\nrun.log\nsrc/\n  lib/ ...\n  main.rs");
    let info = setting.ok("get_file_info", json!({"path": "run.log"})).await;
    assert!(
        info.starts_with("path: run.log\ntype: file\nsize: 14 bytes\nmodified: 20")
            && info.ends_with("access: read, write"),
        "{info}"
    );
    let places = setting.ok("list_allowed_directories", json!({})).await;
    assert_eq!(places.lines().count(), 4);
}

#[tokio::test]
async fn a_cancelled_search_ends() {
    let setting = project();
    setting.cancel.cancel();
    for (tool, arguments) in [("grep", json!({"pattern": "x"})), ("search_files", json!({"pattern": "x"}))] {
        assert_eq!(setting.error(tool, arguments).await, "stopped: the call was cancelled");
    }
}
