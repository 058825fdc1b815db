//! What a machine may lack.

use std::path::Path;
use std::process::{Command, Stdio};

/// Whether this part of the machine is there. A missing one that `MASSGEN_TEST_PARTS` names is a failure; any other is
/// told of.
pub(crate) fn has(part: &str, test: &str) -> bool {
    let problem = match part {
        "bwrap" => works("bwrap", &["--unshare-user", "--ro-bind", "/", "/", "true"]),
        "python" => works("python3", &["-c", "import asyncio, csv, json, socket"]),
        "git" => works("git", &["--version"]),
        "mcp" => match std::env::var_os("MASSGEN_TEST_MCP_DIR") {
            Some(folder) if Path::new(&folder).is_dir() => None,
            _ => Some("MASSGEN_TEST_MCP_DIR names no folder with the servers".to_owned()),
        },
        other => panic!("{other} is no part that is known"),
    };
    let Some(problem) = problem else { return true };
    let wanted = std::env::var("MASSGEN_TEST_PARTS").unwrap_or_default();
    assert!(!wanted.split(',').any(|wanted| wanted.trim() == part), "{part} must be there: {problem}");
    state!("SKIPPED {}: {problem}", test.trim_end_matches("::here"));
    false
}

/// What is wrong with a program that the tests start with the same `PATH`.
fn works(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("/usr/bin/env");
    command.arg(program).args(arguments).env_clear().env("PATH", "/usr/bin:/bin");
    match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("`{program}` does not work here: {status}")),
        Err(error) => Some(format!("`{program}` cannot be started: {error}")),
    }
}
