//! The protocol's own conformance suite, with our client under test.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::support::real_servers;

/// What the released suite asks for that does not pass, and why.
const KNOWN_FAILURES: &[(&str, &str)] = &[
    ("auth/2025-03-26-oauth-metadata-backcompat", "the SDK refuses an issuer that is not its metadata's address"),
    ("auth/client-credentials-jwt", "signed client assertions are not supported"),
    ("auth/cross-app-access-complete-flow", "an extension that is not supported"),
];

#[tokio::test]
async fn the_released_suite() {
    let Some(folder) = real_servers("conformance::the_released_suite") else { return };
    let node = folder.join("node_modules/node/bin/node");
    let suite = folder.join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
    let scenarios = scenarios(&node, &suite).await;
    assert!(scenarios.len() >= 26, "{scenarios:?}");
    let mut failed = BTreeSet::new();
    let work = tempfile::tempdir().unwrap();
    for scenario in &scenarios {
        let output = Command::new(&node)
            .arg(&suite)
            .args(["client", "--scenario", scenario, "--timeout", "60000"])
            .args(["--command", env!("CARGO_BIN_EXE_massgen-mcp-conformance")])
            .current_dir(work.path())
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let summary = text.lines().find(|line| line.starts_with("Passed:"));
        let errors = String::from_utf8_lossy(&output.stderr);
        let summary = summary.or_else(|| errors.lines().find(|line| line.starts_with("Passed:")));
        let summary = summary.unwrap_or("no summary");
        println!("{scenario}: {summary}");
        if !output.status.success() {
            failed.insert(scenario.as_str());
        }
    }
    println!("{} of {} scenarios pass", scenarios.len() - failed.len(), scenarios.len());
    let known: BTreeSet<&str> = KNOWN_FAILURES.iter().map(|(scenario, _)| *scenario).collect();
    assert_eq!(failed, known, "the scenarios that fail are not those that are known to");
}

/// The scenarios for clients.
#[expect(clippy::unwrap_used, reason = "clippy exempts tests from this, but not their helpers")]
async fn scenarios(node: &Path, suite: &Path) -> Vec<String> {
    let output = Command::new(node).arg(suite).arg("list").output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let clients = text.split("Client scenarios").nth(1).unwrap_or_default();
    let lines = clients.lines().skip(1).take_while(|line| line.starts_with("  - "));
    lines.filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect()
}
