//! Whether and how an agent runs commands.

use super::docker::docker;
use super::options::Options;
use crate::check::is_default;
use crate::fields::{BACKEND, Field, Status};
use crate::node::{Entry, Node, NodeValue};
use crate::{
    ByteCount, CommandConfig, CommandLimits, CommandMode, Diagnostic, Diagnostics, SandboxConfig, Severity, Text,
    Written,
};

/// How commands can be kept apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Sandbox,
    Docker,
    Local,
}

impl Mode {
    const NAMES: &[(&str, Self)] = &[("sandbox", Self::Sandbox), ("docker", Self::Docker), ("local", Self::Local)];

    fn name(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Docker => "docker",
            Self::Local => "local",
        }
    }
}

/// The modes in which a key has an effect, and how bad it is in others. A limit that would not be kept is an error.
const EFFECTS: &[(&str, &[Mode], Severity)] = &[
    ("command_line_network", &[Mode::Sandbox], Severity::Error),
    ("command_line_memory_limit", &[Mode::Sandbox, Mode::Docker], Severity::Error),
    ("command_line_process_limit", &[Mode::Sandbox, Mode::Docker], Severity::Error),
    ("command_line_disk_limit", &[Mode::Sandbox], Severity::Error),
    ("command_line_cpu_seconds", &[Mode::Sandbox], Severity::Error),
    ("command_line_srt_allow_read", &[Mode::Sandbox], Severity::Warning),
    ("command_line_srt_allow_unix_sockets", &[Mode::Sandbox], Severity::Warning),
];

/// Reads the options of commands. Those without effect are put into `kept`, as written.
pub(super) fn commands(options: Options<'_>, kept: &mut Written, found: &mut Diagnostics) -> Option<CommandConfig> {
    if !options.is_on("enable_mcp_command_line") {
        keep_all(options, kept, found);
        return None;
    }
    let mode = mode(options, found);
    keep_others(options, mode, kept, found);
    let limits = limits(options, mode, found);
    Some(CommandConfig {
        mode: match mode {
            Mode::Sandbox => CommandMode::Sandbox(SandboxConfig {
                network: is_switched_on(options.node.get("command_line_network")),
                read: options.texts("command_line_srt_allow_read").unwrap_or_default(),
                sockets: options.texts("command_line_srt_allow_unix_sockets").unwrap_or_default(),
            }),
            Mode::Docker => CommandMode::Docker(Box::new(docker(options, found))),
            Mode::Local => CommandMode::Local,
        },
        allowed: patterns(options, "command_line_allowed_commands", found),
        blocked: patterns(options, "command_line_blocked_commands", found).unwrap_or_default(),
        env: variable_names(options, "command_line_env", found).unwrap_or_default(),
        timeout_seconds: options.seconds("command_line_timeout").unwrap_or(CommandConfig::TIMEOUT_SECONDS),
        limits,
    })
}

fn mode(options: Options<'_>, found: &mut Diagnostics) -> Mode {
    const KEY: &str = "command_line_execution_mode";
    if let Some(entry) = options.node.entry(KEY).filter(|entry| is_word(&entry.node, "srt")) {
        let place = format!("{}.{KEY}", options.path);
        let note = Diagnostic::note(place, Some(entry.span), "`srt` is read as `sandbox`: no other program is needed");
        found.push(note);
    }
    options.choice(KEY, Mode::NAMES).unwrap_or(Mode::Sandbox)
}

fn is_word(node: &Node, word: &str) -> bool {
    node.text().is_some_and(|text| text.eq_ignore_ascii_case(word))
}

/// `on`, and whatever else is true.
fn is_switched_on(node: Option<&Node>) -> bool {
    node.is_some_and(|node| node.boolean() == Some(true) || is_word(node, "on"))
}

/// Without commands, options for them are without effect.
fn keep_all(options: Options<'_>, kept: &mut Written, found: &mut Diagnostics) {
    let mut is_first = true;
    for entry in options.node.entries().unwrap_or_default() {
        let Some(field) = supported(entry) else { continue };
        if !entry.key.starts_with("command_line_") || is_default(&entry.node, field) {
            continue;
        }
        if std::mem::take(&mut is_first) {
            let warning = options.warning(&entry.key, "no effect: the agent runs no commands");
            found.push(warning.hint("write `enable_mcp_command_line: true`, or remove the options of commands"));
        }
        kept.0.insert(entry.key.clone(), entry.node.to_written());
    }
}

/// The row of an option that is acted upon; a null stands for no option.
fn supported(entry: &Entry) -> Option<&'static Field> {
    let field = BACKEND.field(&entry.key).filter(|_| entry.node.value != NodeValue::Null);
    field.filter(|field| field.status == Status::Supported)
}

/// Options of one mode are without effect in another.
fn keep_others(options: Options<'_>, mode: Mode, kept: &mut Written, found: &mut Diagnostics) {
    let mut is_first = true;
    for entry in options.node.entries().unwrap_or_default() {
        let Some(field) = supported(entry) else { continue };
        if let Some((_, modes, severity)) = EFFECTS.iter().find(|(key, ..)| *key == entry.key) {
            if modes.contains(&mode) {
                continue;
            }
            let message = format!("the mode `{}` cannot do this", mode.name());
            let hint = match (mode, entry.key.as_str()) {
                (Mode::Docker, "command_line_network") => "use `command_line_docker_network_mode`",
                _ => "remove it, or use `command_line_execution_mode: sandbox`",
            };
            let place = options.error(&entry.key, message).hint(hint);
            found.push(Diagnostic { severity: *severity, ..place });
        } else if entry.key.starts_with("command_line_docker_")
            && mode != Mode::Docker
            && !is_default(&entry.node, field)
        {
            if std::mem::take(&mut is_first) {
                let message = format!("no effect: the mode is `{}`", mode.name());
                let hint = "write `command_line_execution_mode: docker`, or remove the options of the container";
                found.push(options.warning(&entry.key, message).hint(hint));
            }
        } else {
            continue;
        }
        kept.0.insert(entry.key.clone(), entry.node.to_written());
    }
}

fn limits(options: Options<'_>, mode: Mode, found: &mut Diagnostics) -> CommandLimits {
    if mode == Mode::Docker && options.has("command_line_memory_limit") && options.has(DOCKER_MEMORY) {
        let message = format!("both `command_line_memory_limit` and `{DOCKER_MEMORY}`");
        found.push(options.error("command_line_memory_limit", message).hint("remove one of the two"));
    }
    let mut bytes = |key| byte_count(options, key, found);
    let limits = CommandLimits {
        memory: bytes("command_line_memory_limit"),
        disk: bytes("command_line_disk_limit"),
        processes: options.count("command_line_process_limit"),
        cpu_seconds: options.count("command_line_cpu_seconds"),
    };
    match mode {
        Mode::Sandbox => limits,
        Mode::Docker => CommandLimits { disk: None, cpu_seconds: None, ..limits },
        Mode::Local => CommandLimits::default(),
    }
}

/// The key of a container's memory.
pub(super) const DOCKER_MEMORY: &str = "command_line_docker_memory_limit";

/// Reads a number of bytes.
pub(super) fn byte_count(options: Options<'_>, key: &str, found: &mut Diagnostics) -> Option<ByteCount> {
    let text = options.text(key)?;
    let count = ByteCount::parse(&text);
    if count.is_none() {
        let message = format!("no number of bytes: `{}`", text.written());
        found.push(options.error(key, message).hint("write a whole number and a unit, such as `512m` or `2g`"));
    }
    count
}

/// Reads the names of variables.
pub(super) fn variable_names(options: Options<'_>, key: &str, found: &mut Diagnostics) -> Option<Vec<Text>> {
    for (place, item) in options.items(key) {
        let Some(name) = item.text().filter(|name| !is_variable_name(name)) else { continue };
        let (message, hint) = match name.split_once('=') {
            // Behind the sign may be a key.
            Some((name, _)) if is_variable_name(name) => (
                format!("not only the name of a variable: `{name}=...`"),
                format!("write `{name}` alone: the variable keeps the value that it has"),
            ),
            _ => (format!("no name of a variable: {}", item.found()), "write names such as `GITHUB_TOKEN`".to_owned()),
        };
        found.push(Diagnostic::error(place, Some(item.span), message).hint(hint));
    }
    options.texts(key)
}

fn is_variable_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Reads regular expressions.
fn patterns(options: Options<'_>, key: &str, found: &mut Diagnostics) -> Option<Vec<Text>> {
    for (place, item) in options.items(key) {
        let Some(Err(error)) = item.text().map(regex::Regex::new) else { continue };
        let message = format!("no regular expression: {}: {}", item.found(), reason(&error));
        let hint = "`.*` stands for anything, and signs such as `( [ * + ?` are meant literally after a `\\`";
        found.push(Diagnostic::error(place, Some(item.span), message).hint(hint));
    }
    options.texts(key)
}

/// Why a pattern is wrong, in one line.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}
