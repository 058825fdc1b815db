//! What a simple command may amount to.

use super::super::glob::HOLE;
use super::Simple;

/// Programs that run the rest of their line.
const WRAPPERS: [&str; 27] = [
    "busybox",
    "builtin",
    "caffeinate",
    "chroot",
    "command",
    "doas",
    "env",
    "exec",
    "find",
    "flock",
    "ionice",
    "nice",
    "nohup",
    "parallel",
    "proxychains",
    "script",
    "setsid",
    "ssh",
    "stdbuf",
    "strace",
    "sudo",
    "su",
    "time",
    "timeout",
    "unbuffer",
    "watch",
    "xargs",
];

/// Those of them that belong to the shell.
const OWN_WRAPPERS: [&str; 5] = ["builtin", "command", "exec", "time", "-p"];

/// Programs that run a text as commands.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "zsh", "ksh", "ash", "fish"];

/// Files that are what a program is given.
const INPUTS: [&str; 3] = ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

/// Options of git before its command that take a word.
const GIT_OPTIONS: [&str; 5] = ["-c", "-C", "--git-dir", "--work-tree", "--namespace"];

/// How many words of a command are looked at as the start of another.
const STARTS_MAX: usize = 256;

/// The texts of all commands that `words` may run, each without path and such.
pub(super) fn of(words: &[String]) -> Vec<String> {
    let mut texts = vec![words.join(" ")];
    for start in starts(words) {
        let Some((name, rest)) = words.get(start..).and_then(<[_]>::split_first) else { continue };
        let name = base_name(name);
        let rest = if name == "git" { without_git_options(rest) } else { rest };
        let text = std::iter::once(name).chain(rest.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

/// The texts that a command runs as commands; a [`HOLE`] for one that is not known.
pub(super) fn scripts(part: &Simple) -> Vec<String> {
    let mut scripts = Vec::new();
    for start in starts(&part.words) {
        let Some((name, rest)) = part.words.get(start..).and_then(<[_]>::split_first) else { continue };
        // The shell's own commands are none behind other programs: in `find . -name x` the dot is a folder.
        let before = part.words.get(..start).unwrap_or_default();
        let is_own = before.iter().all(|word| is_assignment(word) || OWN_WRAPPERS.contains(&word.as_str()));
        match base_name(name) {
            "eval" | "source" | "." if !is_own => {}
            "eval" => scripts.push(rest.join(" ")),
            "source" | "." => scripts.push(HOLE.to_string()),
            // The rest of the line is a command for another shell.
            "ssh" | "su" | "watch" | "script" | "parallel" => {
                scripts.extend(rest.iter().filter(|word| word.contains(' ')).cloned());
            }
            name if SHELLS.contains(&name) => scripts.extend(of_shell(rest, part)),
            name if name.contains(HOLE) => scripts.push(HOLE.to_string()),
            _ => {}
        }
    }
    // A line that is nothing but itself, such as a hole, is not taken apart again.
    scripts.retain(|script| *script != part.text());
    scripts
}

fn of_shell(rest: &[String], part: &Simple) -> Option<String> {
    let is_command = |word: &String| word.starts_with('-') && !word.starts_with("--") && word.contains('c');
    if let Some(at) = rest.iter().position(is_command) {
        let mut words = rest.iter().skip(at + 1);
        return words.find(|word| !word.starts_with(['-', '+'])).cloned();
    }
    let has_file = rest.iter().any(|word| !word.starts_with('-') && !INPUTS.contains(&word.as_str()));
    let reads_on = rest.iter().any(|word| word == "-s");
    match &part.input {
        Some(input) => Some(input.clone()),
        _ if has_file && !reads_on => None,
        // It takes its commands from a pipe or a file.
        None if part.is_piped || !part.reads.is_empty() => Some(HOLE.to_string()),
        None => None,
    }
}

/// Where commands may begin: at the first word that is not an assignment, and behind wrappers anywhere.
fn starts(words: &[String]) -> Vec<usize> {
    let mut starts = Vec::new();
    let Some(first) = words.iter().position(|word| !is_assignment(word)) else { return starts };
    starts.push(first);
    let is_wrapper = words.get(first).is_some_and(|name| WRAPPERS.contains(&base_name(name)));
    if is_wrapper {
        starts.extend((first + 1..words.len()).take(STARTS_MAX));
    }
    starts
}

fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.trim_end_matches('+').chars().all(|character| character == '_' || character.is_ascii_alphanumeric())
}

/// The name of a program without its folder.
pub(in super::super) fn base_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn without_git_options(mut rest: &[String]) -> &[String] {
    while let Some((option, after)) = rest.split_first() {
        if !option.starts_with('-') {
            break;
        }
        rest = if GIT_OPTIONS.contains(&option.as_str()) { after.get(1..).unwrap_or_default() } else { after };
    }
    rest
}
