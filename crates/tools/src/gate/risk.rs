//! How much harm a call can do, where no rule says what to do with it.

use serde::Serialize;

use super::command_line::Simple;

/// How much harm a call can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// It only looks, or changes what is the agent's own.
    Low,
    /// It runs programs, or reaches outside.
    Medium,
    /// It deletes, publishes, or acts with more rights.
    High,
}

/// Programs that only look. Those with options to write or run are told apart below.
const LOOKING: [&str; 49] = [
    "[",
    "basename",
    "cat",
    "cd",
    "cksum",
    "cmp",
    "column",
    "comm",
    "cut",
    "date",
    "df",
    "diff",
    "dirname",
    "du",
    "echo",
    "env",
    "expr",
    "false",
    "file",
    "find",
    "fold",
    "git",
    "grep",
    "egrep",
    "fgrep",
    "head",
    "hostname",
    "id",
    "jq",
    "ls",
    "md5sum",
    "nl",
    "od",
    "printf",
    "pwd",
    "readlink",
    "realpath",
    "rg",
    "sha256sum",
    "sort",
    "stat",
    "tail",
    "test",
    "tr",
    "tree",
    "true",
    "uniq",
    "wc",
    "which",
];

/// What git does that only looks.
const GIT_LOOKING: [&str; 11] =
    ["blame", "cat-file", "describe", "diff", "log", "ls-files", "ls-tree", "rev-parse", "shortlog", "show", "status"];

/// Programs that do what is hard to take back, or act with more rights.
const HARMING: [&str; 26] = [
    "chgrp",
    "chmod",
    "chown",
    "crontab",
    "dd",
    "docker",
    "doas",
    "fdisk",
    "ftp",
    "kill",
    "killall",
    "kubectl",
    "mkfs",
    "mount",
    "nc",
    "pkill",
    "podman",
    "rsync",
    "scp",
    "sftp",
    "ssh",
    "su",
    "sudo",
    "systemctl",
    "umount",
    "wipefs",
];

/// What programs do that is hard to take back: how commands begin.
const HARMING_STARTS: [&str; 22] = [
    "cargo publish",
    "docker push",
    "gh ",
    "git branch -D",
    "git checkout -f",
    "git clean",
    "git push",
    "git rebase",
    "git reset --hard",
    "git stash drop",
    "npm publish",
    "npm unpublish",
    "pnpm publish",
    "poetry publish",
    "rm -R",
    "rm -f",
    "rm -r",
    "terraform apply",
    "terraform destroy",
    "truncate ",
    "twine upload",
    "yarn publish",
];

/// Options of looking programs that write or run.
const ACTING_OPTIONS: [&str; 9] =
    ["-exec", "-execdir", "-ok", "-okdir", "-delete", "-fprint", "-fls", "--pre", "--ext-diff"];

/// The risk of one simple command.
pub(super) fn of_command(part: &Simple) -> Risk {
    let variants = part.variants();
    let is_harming = |text: &String| {
        let name = text.split(' ').next().unwrap_or_default();
        HARMING.contains(&name)
            || name.starts_with("mkfs.")
            || HARMING_STARTS.iter().any(|start| text.starts_with(start))
            || name == "rm" && text.split(' ').any(is_recursive)
    };
    if variants.iter().any(is_harming) {
        return Risk::High;
    }
    let Some((name, rest)) = part.words.split_first() else { return Risk::Low };
    let name = name.as_str();
    let is_looking = part.is_name_plain
        && LOOKING.contains(&name)
        && !rest.iter().any(|word| ACTING_OPTIONS.iter().any(|option| is_option(word, option)))
        && (name != "git" || rest.first().is_some_and(|word| GIT_LOOKING.contains(&word.as_str())))
        && !may_write(name, rest)
        && !part.has_hole();
    if is_looking { Risk::Low } else { Risk::Medium }
}

/// Whether one of the looking programs is told to write, or to set something.
fn may_write(name: &str, rest: &[String]) -> bool {
    let starts_with_any = |starts: &[&str]| rest.iter().any(|word| starts.iter().any(|start| word.starts_with(start)));
    match name {
        "env" | "hostname" => !rest.is_empty(),
        "sort" | "tree" => starts_with_any(&["-o", "--o", "--c"]),
        "git" => starts_with_any(&["--out", "-o"]),
        "date" => starts_with_any(&["-s", "--s"]),
        "file" => starts_with_any(&["-C", "--compile"]),
        "uniq" => rest.iter().filter(|word| !word.starts_with('-')).count() > 1,
        _ => false,
    }
}

fn is_option(word: &str, option: &str) -> bool {
    word.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with('=') || option == "-fprint")
}

/// Whether a word holds `r`, `R` or `--recursive` as an option.
pub(super) fn is_recursive(word: &str) -> bool {
    word == "--recursive" || word.starts_with('-') && !word.starts_with("--") && word.contains(['r', 'R'])
}

#[cfg(test)]
mod tests {
    use super::super::command_line::CommandLine;
    use super::*;

    #[test]
    fn commands_have_their_risk() {
        let risk = |line: &str| CommandLine::parse(line).parts.iter().map(of_command).max().unwrap();
        for line in ["ls -la", "git status --short", "cat a | grep b | wc -l", "find . -name '*.py'", "cd x && pwd"] {
            assert_eq!(risk(line), Risk::Low, "{line}");
        }
        for line in [
            "python a.py",
            "./ls",
            "git commit -m x",
            "find . -fprintf x",
            "env A=1 ls",
            "ls $X",
            "sort -ox y",
            "uniq a b",
            "git diff --output=x",
            "pip install x",
        ] {
            assert_eq!(risk(line), Risk::Medium, "{line}");
        }
        for line in ["rm -rf x", "rm a -r", "sudo ls", "git -C x push", "find . -exec rm -rf {} +", "/usr/bin/ssh x"] {
            assert_eq!(risk(line), Risk::High, "{line}");
        }
    }
}
