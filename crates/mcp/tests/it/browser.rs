//! Playwright's server with a real browser.

use std::time::Duration;

use serde_json::json;

use crate::support::{Bench, Service, is_gone, npm, pip, real_servers, stdio, until};

const CHROMIUM: &str = "/usr/bin/chromium";

#[tokio::test]
async fn a_browser_visits_a_page_and_its_picture_is_kept() {
    let Some(folder) = real_servers("browser::a_browser_visits_a_page_and_its_picture_is_kept") else { return };
    let bench = Bench::new();
    let site = bench.folder.path().join("site");
    std::fs::create_dir_all(&site).unwrap();
    std::fs::write(site.join("index.html"), "<html><title>Quasars</title><h1>Far away</h1></html>").unwrap();
    let directory = site.to_str().unwrap().to_owned();
    let args = |port: u16| {
        let words = ["-m", "http.server", &port.to_string(), "--bind", "127.0.0.1", "--directory", &directory];
        words.map(str::to_owned).to_vec()
    };
    let web = Service::start(&pip(&folder, "python"), args).await;
    let output = bench.folder.path().join("output");
    let flags = [
        "--headless",
        "--no-sandbox",
        "--isolated",
        "--executable-path",
        CHROMIUM,
        "--output-dir",
        output.to_str().unwrap(),
    ];
    let mut settings = stdio("browser", npm(&folder, "playwright-mcp"), &flags);
    settings.call_timeout = Duration::from_secs(120);
    let source = bench.started(&settings).await;
    let url = format!("http://127.0.0.1:{}/index.html", web.port);
    let page = bench.text(&source, "browser_navigate", json!({"url": url})).await;
    assert!(page.contains("Quasars"), "{page}");
    let picture = bench.text(&source, "browser_take_screenshot", json!({"type": "png"})).await;
    assert!(picture.contains("saved as mcp_results/mcp__browser__browser_take_screenshot-1.png"), "{picture}");
    let file = bench.place(0).workspace.unwrap().join("mcp_results/mcp__browser__browser_take_screenshot-1.png");
    assert!(std::fs::read(file).unwrap().starts_with(b"\x89PNG"));
    // The browser is a process of its own, in a group of its own.
    let browsers = browsers_of(&output);
    bench.servers.close().await;
    assert!(!browsers.is_empty());
    until(|| browsers.iter().all(|process| is_gone(*process))).await;
}

/// The processes of Chromium that this test's server has started: known by the mark in their environment being the
/// one of the server, whose arguments name the test's folder.
#[expect(clippy::unwrap_used, reason = "clippy exempts tests from this, but not their helpers")]
fn browsers_of(output: &std::path::Path) -> Vec<u32> {
    let processes =
        || std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let read =
        |process: u32, name: &str| std::fs::read_to_string(format!("/proc/{process}/{name}")).unwrap_or_default();
    let mark = |process: u32| {
        let environment = read(process, "environ");
        environment.split('\0').find(|variable| variable.starts_with("MASSGEN_MCP_SERVER=")).map(str::to_owned)
    };
    let server = processes().find(|process| read(*process, "cmdline").contains(output.to_str().unwrap())).unwrap();
    let ours = mark(server).unwrap();
    processes()
        .filter(|process| read(*process, "comm").contains("chrom") && mark(*process).as_ref() == Some(&ours))
        .collect()
}
