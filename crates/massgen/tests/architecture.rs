//! Dependencies between the crates point one way, as ARCHITECTURE.md says.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "clippy exempts tests from these, but not their helpers"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What each crate may use of the others.
const MAY_USE: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("providers", &[]),
    ("rehearsal", &[]),
    ("coordination", &["protocol"]),
    ("journal", &["protocol"]),
    ("config", &["protocol", "providers"]),
    ("backends", &["protocol", "providers", "quota"]),
    ("tool", &["protocol"]),
    ("sandbox", &[]),
    ("docker", &["sandbox"]),
    ("workspace", &["protocol"]),
    ("changes", &[]),
    ("tools", &["protocol", "tool"]),
    ("shell", &["protocol", "sandbox", "tool"]),
    ("mcp", &["protocol", "tool"]),
    ("python", &["protocol", "tool"]),
    ("media", &["backends", "providers", "python", "tool"]),
    ("quota", &[]),
    ("sessions", &["journal", "protocol"]),
    ("orchestrator", &["backends", "coordination", "journal", "protocol", "tool", "workspace"]),
];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The crates of the workspace, and the crates of the workspace that each uses outside tests.
fn edges() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let short = |name: &Value| name.as_str().unwrap().trim_start_matches("massgen-").to_owned();
    let uses = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap();
        let own = dependencies.iter().filter(|used| !used["path"].is_null() && used["kind"].is_null());
        own.map(|used| short(&used["name"])).collect()
    };
    metadata["packages"].as_array().unwrap().iter().map(|package| (short(&package["name"]), uses(package))).collect()
}

#[test]
fn crates_use_only_what_they_may() {
    for (name, uses) in edges() {
        if name == "massgen" {
            continue;
        }
        let (_, allowed) = MAY_USE
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("say in this table what the new crate `{name}` may use"));
        for used in uses {
            assert!(allowed.contains(&used.as_str()), "{name} must not use {used}");
        }
    }
}

#[test]
fn the_architecture_page_names_every_crate() {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for name in edges().keys() {
        assert!(page.contains(&format!("| `{name}` |")), "ARCHITECTURE.md says nothing of the crate `{name}`");
    }
}
