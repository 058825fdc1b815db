//! Real servers that are processes of ours.

use std::process::Command;

use massgen_mcp::{Sharing, Transport};
use massgen_tool::{Effect, ToolSource as _};
use serde_json::json;

use crate::support::{Bench, Service, npm, pip, real_servers, stdio};

#[tokio::test]
async fn everything() {
    let Some(folder) = real_servers("stdio::everything") else { return };
    let bench = Bench::new();
    let source = bench.started(&stdio("everything", npm(&folder, "mcp-server-everything"), &[])).await;
    assert_eq!(bench.text(&source, "echo", json!({"message": "hello"})).await, "Echo: hello");
    assert!(bench.text(&source, "get-sum", json!({"a": 2, "b": 3})).await.contains('5'));
    let image = bench.text(&source, "get-tiny-image", json!({})).await;
    assert!(image.contains("saved as mcp_results/mcp__everything__get-tiny-image-1.png"), "{image}");
    let saved = bench.place(0).workspace.unwrap().join("mcp_results/mcp__everything__get-tiny-image-1.png");
    assert!(std::fs::read(saved).unwrap().starts_with(b"\x89PNG"));
    let long = bench.text(&source, "trigger-long-running-operation", json!({"duration": 1, "steps": 4})).await;
    assert!(long.contains("completed"), "{long}");
    assert!(!bench.notes.lock().unwrap().is_empty());
    // Resources and prompts are tools.
    let resources = bench.text(&source, "list_resources", json!({})).await;
    assert!(resources.contains("resourceTemplates") && resources.contains("\"uri\""), "{resources}");
    let text = bench.text(&source, "read_resource", json!({"uri": "demo://resource/dynamic/text/1"})).await;
    assert!(text.contains("[resource demo://resource/dynamic/text/1]"), "{text}");
    assert!(bench.text(&source, "list_prompts", json!({})).await.contains("simple-prompt"));
    assert!(bench.text(&source, "get_prompt", json!({"name": "simple-prompt"})).await.contains("user: "));
    let refused = bench.call(&source, "read_resource", json!({"uri": "demo://nothing"})).await;
    assert!(refused.is_error && !refused.is_unknown, "{refused:?}");
    bench.servers.close().await;
}

#[tokio::test]
async fn filesystem_keeps_to_its_folder() {
    let Some(folder) = real_servers("stdio::filesystem_keeps_to_its_folder") else { return };
    let bench = Bench::new();
    // The server would take roots in the place of its folders: it is told of none.
    let workspace = bench.place(0).workspace.unwrap();
    let settings = stdio("files", npm(&folder, "mcp-server-filesystem"), &[workspace.to_str().unwrap()]);
    let source = bench.started(&settings).await;
    let path = workspace.join("note.txt");
    bench.text(&source, "write_file", json!({"path": path, "content": "kept"})).await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "kept");
    assert_eq!(bench.text(&source, "read_text_file", json!({"path": path})).await, "kept");
    let outside = bench.call(&source, "read_text_file", json!({"path": "/etc/passwd"})).await;
    assert!(outside.is_error, "{outside:?}");
    let effect = |name: &str| source.tools().iter().find(|tool| tool.spec.name.ends_with(name)).unwrap().effect;
    assert_eq!((effect("read_text_file"), effect("write_file")), (Effect::None, Effect::Outside));
    bench.servers.close().await;
}

#[tokio::test]
async fn memory_is_each_agents_own() {
    let Some(folder) = real_servers("stdio::memory_is_each_agents_own") else { return };
    let bench = Bench::new();
    let mut sources = Vec::new();
    for agent in 0..2 {
        let place = bench.place(agent);
        let mut settings = stdio("memory", npm(&folder, "mcp-server-memory"), &[]);
        if let Transport::Stdio(stdio) = &mut settings.transport {
            let file = place.workspace.clone().unwrap().join("memory.jsonl");
            stdio.environment.insert("MEMORY_FILE_PATH".to_owned(), file.to_str().unwrap().into());
        }
        let source = bench.servers.source(&settings, &place);
        assert_eq!(source.ready().await, Vec::<String>::new());
        sources.push(source);
    }
    let entities = json!({"entities": [{"name": "quasar", "entityType": "object", "observations": ["bright"]}]});
    bench.text(&sources[0], "create_entities", entities).await;
    assert!(bench.text(&sources[0], "read_graph", json!({})).await.contains("quasar"));
    assert!(!bench.text(&sources[1], "read_graph", json!({})).await.contains("quasar"));
    bench.servers.close().await;
}

#[tokio::test]
async fn git() {
    let Some(folder) = real_servers("stdio::git") else { return };
    let bench = Bench::new();
    let workspace = bench.place(0).workspace.unwrap();
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
        assert!(Command::new("git").arg("-C").arg(&workspace).args(identity).args(args).status().unwrap().success());
    };
    git(&["init", "--quiet"]);
    git(&["commit", "--quiet", "--allow-empty", "--message", "the first one"]);
    let repository = workspace.to_str().unwrap();
    let source = bench.started(&stdio("git", pip(&folder, "mcp-server-git"), &["--repository", repository])).await;
    let log = bench.text(&source, "git_log", json!({"repo_path": repository})).await;
    assert!(log.contains("the first one"), "{log}");
    bench.servers.close().await;
}

#[tokio::test]
async fn time_is_shared() {
    let Some(folder) = real_servers("stdio::time_is_shared") else { return };
    let bench = Bench::new();
    let mut settings = stdio("time", pip(&folder, "mcp-server-time"), &["--local-timezone", "UTC"]);
    settings.sharing = Sharing::PerRun;
    let source = bench.started(&settings).await;
    let arguments = json!({"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"});
    assert!(bench.text(&source, "convert_time", arguments).await.contains("21:00"));
    bench.servers.close().await;
}

#[tokio::test]
async fn fetch() {
    let Some(folder) = real_servers("stdio::fetch") else { return };
    let bench = Bench::new();
    let site = bench.folder.path().join("site");
    std::fs::create_dir_all(&site).unwrap();
    std::fs::write(site.join("index.html"), "<html><body><h1>Quasars</h1><p>Far away.</p></body></html>").unwrap();
    let python = pip(&folder, "python");
    let directory = site.to_str().unwrap().to_owned();
    let args = |port: u16| {
        let words = ["-m", "http.server", &port.to_string(), "--bind", "127.0.0.1", "--directory", &directory];
        words.map(str::to_owned).to_vec()
    };
    let web = Service::start(&python, args).await;
    let flags = ["--ignore-robots-txt", "--allow-private-ips"];
    let source = bench.started(&stdio("fetch", pip(&folder, "mcp-server-fetch"), &flags)).await;
    let url = format!("http://127.0.0.1:{}/index.html", web.port);
    let page = bench.text(&source, "fetch", json!({"url": url})).await;
    assert!(page.contains("Far away."), "{page}");
    bench.servers.close().await;
}
