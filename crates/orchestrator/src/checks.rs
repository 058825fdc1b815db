//! From what tool calls touched to what their turn has checked.
//!
//! What an agent checked is what it was seen to do with the copies of its peers' files, not what it says it did.

use massgen_coordination::Checked;
use massgen_protocol::{Check, Finding};
use massgen_tool::{Touch, TouchKind};

use crate::desk::Desk;

/// Programs that run or test what they are given, by the beginning of their names: whether they end well says
/// something about the files. Of others, such as `grep` or `diff`, the exit code does not.
const RUNNERS: &[&str] = &[
    "ava", "bash", "bats", "bun", "cargo", "clang", "cmake", "ctest", "dart", "deno", "dotnet", "elixir", "flutter",
    "g++", "gcc", "ghc", "go", "gradle", "java", "jest", "julia", "kotlin", "lua", "make", "mix", "mocha", "mvn",
    "mypy", "ninja", "node", "nox", "npm", "npx", "ocaml", "perl", "php", "pnpm", "poetry", "pyright", "pytest",
    "python", "Rscript", "ruby", "ruff", "rustc", "sbt", "scala", "sh", "swift", "tox", "tsc", "tsx", "uv", "vitest",
    "yarn", "zig", "zsh",
];

/// What `touched` says about answers.
pub(crate) fn checked(desk: &Desk, touched: &[Touch]) -> Vec<Checked> {
    let mut found: Vec<Checked> = Vec::new();
    for Touch { path, kind } in touched {
        let Some((author, inside)) = desk.author_of(path) else { continue };
        if let TouchKind::Ran { command, .. } = kind
            && programs(command).all(|program| SILENT.contains(&program))
        {
            continue;
        }
        let check = match kind {
            TouchKind::Read => Check { subject: inside.display().to_string(), finding: Finding::Read },
            TouchKind::Ran { command, exit_code } => {
                Check { subject: told(desk, command), finding: finding(command, *exit_code) }
            }
        };
        let checked = Checked { author, check };
        if !found.contains(&checked) {
            found.push(checked);
        }
    }
    found
}

/// A command as others may read it: where this agent works is nobody's business, and would tell who it is.
fn told(desk: &Desk, command: &str) -> String {
    let (peers, workspace) = (desk.peers().display().to_string(), desk.workspace().display().to_string());
    let text = command.replace(&format!("{peers}/"), "").replace(&peers, ".");
    text.replace(&format!("{workspace}/"), "").replace(&workspace, ".")
}

fn finding(command: &str, exit_code: Option<i32>) -> Finding {
    match exit_code {
        _ if !runs_something(command) || !its_end_tells(command) => Finding::Read,
        // It could not be started, was not found, or was killed: that says nothing about what it should have run.
        None | Some(124 | 126 | 127 | 137 | 143) => Finding::Read,
        Some(0) => Finding::Passed,
        Some(code) => Finding::Failed { exit_code: Some(code) },
    }
}

/// Commands that look at nothing, whatever is named in them.
const SILENT: &[&str] =
    &[":", "[", "cd", "echo", "exit", "export", "false", "printf", "pwd", "set", "sleep", "test", "true"];

/// The programs of the simple commands of a command line.
fn programs(command: &str) -> impl Iterator<Item = &str> {
    let simple = command.split(['&', '|', ';', '\n', '(', ')']);
    simple.filter_map(|simple| simple.split_whitespace().find(|word| !is_prefix(word)))
}

/// Whether one of the simple commands of a command line runs something, rather than to look at it.
fn runs_something(command: &str) -> bool {
    programs(command).any(|program| {
        let name = program.rsplit('/').next().unwrap_or(program);
        program.starts_with("./") || program.starts_with('/') && !is_system(program) || is_runner(name)
    })
}

/// Whether the exit code of a command line is that of what it runs: not of a filter behind it, of an `echo` after it, or
/// of whatever a shell inside makes of it.
fn its_end_tells(command: &str) -> bool {
    let bare = unquoted(command);
    let chained = bare.replace("&&", " ").replace(">&", ">").replace("&>", ">");
    let opaque = |words: &[&str]| matches!(words, [shell, option, ..] if is_shell(shell) && option.ends_with('c'));
    let words: Vec<&str> = bare.split_whitespace().collect();
    !chained.contains(['|', ';', '&', '\n', '`', '…'])
        && !chained.contains("$(")
        && !words.contains(&"!")
        && !words.windows(2).any(opaque)
}

fn is_shell(word: &str) -> bool {
    matches!(word.rsplit('/').next(), Some("bash" | "dash" | "sh" | "zsh"))
}

/// A command line without what is quoted in it.
fn unquoted(command: &str) -> String {
    let mut open = None;
    let mut is_escaped = false;
    let is_bare = |c: &char| {
        let was_escaped = std::mem::replace(&mut is_escaped, false);
        match (open, *c) {
            _ if was_escaped => return false,
            (Some('"') | None, '\\') => is_escaped = true,
            (None, '"' | '\'') => open = Some(*c),
            (Some(quote), c) if quote == c => open = None,
            (None, _) => return true,
            (Some(_), _) => {}
        }
        false
    };
    command.chars().filter(is_bare).collect()
}

/// A variable, or a word that only runs what follows it.
fn is_prefix(word: &str) -> bool {
    let is_variable = word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && !name.contains('/'));
    let is_number = word.trim_end_matches(['s', 'm']).parse::<f64>().is_ok();
    is_variable
        || is_number
        || matches!(word, "env" | "nice" | "nohup" | "time" | "timeout" | "exec" | "command" | "xvfb-run")
}

fn is_system(program: &str) -> bool {
    ["/bin/", "/sbin/", "/usr/"].iter().any(|place| program.starts_with(place))
}

/// `python` and `python3.11`, but not `gone` for `go`.
fn is_runner(name: &str) -> bool {
    RUNNERS.iter().any(|runner| {
        name.strip_prefix(runner).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_something_passes_or_fails() {
        for command in [
            "python agent1/analysis.py",
            "cd agent2 && pytest -q",
            "PYTHONPATH=. python3.11 -m unittest",
            "timeout 30 node test.js",
            "./agent1/run.sh",
            "/work/agent1/tool --check",
            "python3 -c 'import agent1; agent1.main() | 1' 2>&1 && cargo test",
        ] {
            assert!(runs_something(command), "{command}");
            assert_eq!(finding(command, Some(1)), Finding::Failed { exit_code: Some(1) }, "{command}");
            assert_eq!(finding(command, Some(0)), Finding::Passed, "{command}");
        }
        for command in
            ["grep -r x agent1", "diff agent1/a agent2/a", "ls agent1 | head", "cat agent1/x.py", "gone", "/bin/cat x"]
        {
            assert!(!runs_something(command), "{command}");
            assert_eq!(finding(command, Some(1)), Finding::Read, "{command}");
        }
        // A filter, an `echo` or another shell has the last word.
        for command in [
            "python3 test.py | tail -3",
            "python3 test.py; echo rc=$?",
            "python3 test.py || true",
            "cd agent1 && timeout 5 python3 test.py 2>&1 | tee log",
            "bash -c 'python3 test.py; exit 0'",
            "python3 test.py & wait",
            "! python3 test.py",
            "echo $(python3 test.py)",
            "python3 test.py …",
        ] {
            assert_eq!(finding(command, Some(0)), Finding::Read, "{command}");
            assert_eq!(finding(command, Some(1)), Finding::Read, "{command}");
        }
        // What never ran, or was killed, says nothing about the answer.
        for code in [None, Some(124), Some(126), Some(127), Some(137)] {
            assert_eq!(finding("make test", code), Finding::Read);
        }
    }

    #[test]
    fn a_check_tells_what_was_looked_at_and_not_by_whom() {
        let folder = tempfile::tempdir().unwrap();
        let store = massgen_workspace::SnapshotStore::open(&folder.path().join("store")).unwrap();
        let desk = Desk::new("/w/claude".into(), "/t/1f".into(), std::sync::Arc::new(store));
        let ran = |command: &str| {
            let kind = TouchKind::Ran { command: command.to_owned(), exit_code: Some(1) };
            checked(&desk, &[Touch { path: "/t/1f/agent2/x.py".into(), kind }])
        };
        let [check] = &*ran("cd /w/claude && python3 /t/1f/agent2/x.py /t/1f") else { panic!("one check") };
        assert_eq!(check.check.subject, "cd . && python3 agent2/x.py .");
        assert!(ran("echo /t/1f/agent2/x.py; true").is_empty(), "to name a file is not to look at it");
    }
}
