//! Which commands are refused before they run.

use regex::Regex;

use crate::words::{Word, simple_commands};

/// Which commands are refused, whatever box they would run in.
///
/// Rules guard against mistakes. They are no box: a program can do what its command line does not show.
#[derive(Debug, Clone, Default)]
pub struct CommandRules {
    allowed: Vec<Regex>,
    blocked: Vec<Regex>,
}

/// A pattern that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the command pattern `{pattern}` cannot be read: patterns are regular expressions, without look-around")]
pub struct RuleError {
    /// As it was given.
    pub pattern: String,
    /// What is wrong with it.
    #[source]
    pub source: Box<regex::Error>,
}

impl CommandRules {
    /// Rules from patterns, which are regular expressions that match at the start of a command, as in the
    /// reference. With `allowed`, a command must match one of them. What matches one of `blocked` is refused; here
    /// each command of a line counts, so that `true; rm x` is refused where `rm` is blocked.
    ///
    /// # Errors
    /// When a pattern is not a regular expression that this engine knows.
    pub fn new<'a>(
        allowed: impl IntoIterator<Item = &'a str>,
        blocked: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, RuleError> {
        let read = |pattern: &str| {
            Regex::new(&format!(r"\A(?:{pattern})"))
                .map_err(|source| RuleError { pattern: pattern.to_owned(), source: Box::new(source) })
        };
        Ok(Self {
            allowed: allowed.into_iter().map(read).collect::<Result<_, _>>()?,
            blocked: blocked.into_iter().map(read).collect::<Result<_, _>>()?,
        })
    }

    /// Why `command` is refused, in words for the model; `None` if it is not.
    ///
    /// Outside a box, what changes users and owners is refused too, as in the reference. In a box it cannot do harm,
    /// and where the box allows it, as a container with `sudo` does, it is meant.
    pub(crate) fn refuses(&self, command: &str, is_boxed: bool) -> Option<String> {
        let command = command.trim();
        if !self.allowed.is_empty() && !self.allowed.iter().any(|allowed| allowed.is_match(command)) {
            let allowed: Vec<_> = self.allowed.iter().map(shown).collect();
            return Some(format!(
                "refused: only commands that begin like one of these are allowed: {}",
                allowed.join(", ")
            ));
        }
        let commands = simple_commands(command);
        let lines: Vec<String> = commands.iter().map(|words| joined(words)).collect();
        let all = std::iter::once(command).chain(lines.iter().map(String::as_str));
        for line in all {
            if let Some(blocked) = self.blocked.iter().find(|blocked| blocked.is_match(line)) {
                return Some(format!("refused: commands that begin like `{}` are blocked", shown(blocked)));
            }
        }
        never_meant(command, is_boxed, 0).map(|reason| format!("refused: {reason}"))
    }
}

/// The pattern as it was given.
fn shown(pattern: &Regex) -> String {
    let text = pattern.as_str();
    text.strip_prefix(r"\A(?:").and_then(|text| text.strip_suffix(')')).unwrap_or(text).to_owned()
}

fn joined(words: &[Word]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// How deep a shell in a shell is looked into.
const DEPTH_MAX: u32 = 3;

/// What no task can mean: to delete the machine, to write over its disks, to bring it down.
fn never_meant(command: &str, is_boxed: bool, depth: u32) -> Option<String> {
    let squeezed: String = command.chars().filter(|character| !character.is_whitespace()).collect();
    if squeezed.contains("(){") && squeezed.contains("|") && is_fork_bomb(&squeezed) {
        return Some("this starts processes without end".to_owned());
    }
    for words in simple_commands(command) {
        let words = program_and_arguments(&words);
        let Some((program, arguments)) = words.split_first() else { continue };
        let program = program.rsplit('/').next().unwrap_or(program);
        if arguments.iter().any(|argument| is_disk(argument.strip_prefix("of=").unwrap_or(argument)))
            && !matches!(program, "ls" | "stat" | "echo" | "grep" | "file" | "test" | "[")
        {
            return Some("this reaches for a disk of the machine".to_owned());
        }
        let reason = match program {
            "rm" if is_recursive(arguments) && arguments.iter().any(|argument| is_everything(argument)) => {
                "this deletes the whole file system or a home directory"
            }
            "mv" if arguments.last().is_some_and(|target| target == "/dev/null") => "this destroys what it moves",
            "mkfs" | "mke2fs" | "wipefs" | "mkswap" => "this formats a disk",
            "shutdown" | "reboot" | "halt" | "poweroff" => "this turns the machine off",
            "sudo" | "su" | "doas" | "chown" | "chmod" | "dd" if !is_boxed => {
                "without a sandbox, `sudo`, `su`, `chown`, `chmod` and `dd` are not allowed"
            }
            program if program.starts_with("mkfs.") => "this formats a disk",
            "sh" | "bash" | "dash" | "zsh" if depth < DEPTH_MAX => {
                let script = arguments.iter().skip_while(|argument| !is_script_option(argument)).nth(1);
                match script.and_then(|script| never_meant(script, is_boxed, depth + 1)) {
                    Some(reason) => return Some(reason),
                    None => continue,
                }
            }
            "eval" if depth < DEPTH_MAX => match never_meant(&arguments.join(" "), is_boxed, depth + 1) {
                Some(reason) => return Some(reason),
                None => continue,
            },
            _ => continue,
        };
        return Some(reason.to_owned());
    }
    None
}

/// Without variables in front and programs that only start another; `sudo` counts by itself.
fn program_and_arguments(words: &[Word]) -> Vec<String> {
    let starts_another = |text: &str| {
        matches!(
            text.rsplit('/').next(),
            Some(
                "env"
                    | "nohup"
                    | "time"
                    | "exec"
                    | "command"
                    | "nice"
                    | "setsid"
                    | "builtin"
                    | "then"
                    | "do"
                    | "else"
                    | "!"
                    | "{"
            )
        ) || text.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
        })
    };
    words.iter().map(|word| word.text.clone()).skip_while(|text| starts_another(text)).collect()
}

fn is_recursive(arguments: &[String]) -> bool {
    let is_short =
        |argument: &String| argument.starts_with('-') && !argument.starts_with("--") && argument.contains(['r', 'R']);
    arguments.iter().any(|argument| argument == "--recursive" || is_short(argument))
}

/// The root, or all of a home directory or of the system's directories.
fn is_everything(argument: &str) -> bool {
    let trimmed = argument.trim_end_matches(['*', '.']).trim_end_matches('/');
    let is_top = matches!(
        trimmed,
        "" | "~"
            | "$HOME"
            | "${HOME}"
            | "/bin"
            | "/boot"
            | "/dev"
            | "/etc"
            | "/home"
            | "/lib"
            | "/root"
            | "/sbin"
            | "/usr"
            | "/var"
    );
    is_top && argument.starts_with(['/', '~', '$'])
}

fn is_disk(argument: &str) -> bool {
    let name = argument.strip_prefix("/dev/").unwrap_or_default();
    ["sd", "hd", "vd", "xvd", "nvme", "mmcblk", "disk", "loop", "dm-", "mapper/"]
        .iter()
        .any(|kind| name.starts_with(kind))
}

fn is_script_option(argument: &str) -> bool {
    argument.starts_with('-') && !argument.starts_with("--") && argument.contains('c')
}

/// `name(){ name|name& };name`, whatever the name.
fn is_fork_bomb(squeezed: &str) -> bool {
    squeezed.match_indices("(){").any(|(at, _)| {
        let before = squeezed.get(..at).unwrap_or_default();
        let name = before.rsplit([';', '&', '|']).next().unwrap_or_default();
        let name = name.strip_prefix("function").unwrap_or(name);
        !name.is_empty() && squeezed.get(at..).is_some_and(|rest| rest.contains(&format!("{name}|{name}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(command: &str, is_boxed: bool) -> bool {
        CommandRules::default().refuses(command, is_boxed).is_some()
    }

    #[test]
    fn what_is_never_meant_is_refused_everywhere() {
        for command in [
            "rm -rf /",
            "rm -r -f /*",
            "cd x && rm -Rf ~",
            "rm --recursive --force $HOME/",
            "FOO=1 env BAR=2 rm -rf /etc",
            ":(){ :|:& };:",
            "bomb() { bomb | bomb & }; bomb",
            "dd if=/dev/zero of=/dev/sda bs=1M",
            "cat x > /dev/nvme0n1",
            "mkfs.ext4 image",
            "mv precious /dev/null",
            "bash -c 'rm -rf /'",
            "bash -lc \"sh -c 'rm -rf /'\"",
            "eval 'rm -rf /'",
            "/bin/rm -rf /",
            "true; shutdown now",
        ] {
            assert!(refused(command, true), "{command}");
        }
        for command in [
            "rm -rf build /tmp/x ./*",
            "rm -rf ..",
            "rm /etc/x",
            "dd if=/dev/zero of=file bs=1M count=1",
            "echo x > /dev/null",
            "grep -r /dev/sda .",
            "git commit -m 'rm -rf / is bad'",
            "f() { g | h; }; f",
            "chmod +x run.sh && sudo apt-get install x",
        ] {
            assert!(!refused(command, true), "{command}");
        }
    }

    #[test]
    fn without_a_box_users_and_owners_stay() {
        for command in ["sudo ls", "su root", "chown x y", "ls; chmod 777 x", "dd if=a of=b"] {
            assert!(refused(command, false) && !refused(command, true), "{command}");
        }
        assert!(!refused("echo sudo", false));
    }

    #[test]
    fn allowed_first_then_blocked_at_the_start() {
        let rules = CommandRules::new(["python3?", "ls"], ["python3? -c", "rm"]).unwrap();
        assert!(rules.refuses("python x.py", true).is_none());
        assert!(rules.refuses("  ls -l", true).is_none());
        assert!(rules.refuses("echo python", true).unwrap().contains("python3?, ls"));
        assert!(rules.refuses("python -c 1", true).unwrap().contains("`python3? -c`"));
        assert!(rules.refuses("ls; rm x", true).unwrap().contains("`rm`"));
        assert!(rules.refuses("ls rm", true).is_none());
        let error = CommandRules::new(["(?=x)"], []).unwrap_err();
        assert!(error.to_string().contains("(?=x)"));
    }
}
