//! Whether and how an agent runs commands.

use std::fmt;

use crate::{DockerConfig, Text};

/// How an agent runs commands. An agent without it runs none.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandConfig {
    /// What keeps its commands apart from this machine.
    pub mode: CommandMode,
    /// Patterns of the only commands that may run: regular expressions that match at the start of a command.
    /// `None`: all that are not blocked.
    pub allowed: Option<Vec<Text>>,
    /// Patterns of commands that may not run, of the same kind. They are looked at after `allowed`.
    pub blocked: Vec<Text>,
    /// The names of the variables that commands see; others of the user's variables they do not.
    pub env: Vec<Text>,
    /// How long a command may take when its call does not say.
    pub timeout_seconds: f64,
    /// What commands may use up. Without effect in [`CommandMode::Local`], where none can be given.
    pub limits: CommandLimits,
}

impl CommandConfig {
    /// How long a command may take when neither its call nor the config says.
    pub const TIMEOUT_SECONDS: f64 = 60.0;
}

impl Default for CommandConfig {
    fn default() -> Self {
        Self {
            mode: CommandMode::Sandbox(SandboxConfig::default()),
            allowed: None,
            blocked: Vec::new(),
            env: Vec::new(),
            timeout_seconds: Self::TIMEOUT_SECONDS,
            limits: CommandLimits::default(),
        }
    }
}

/// What keeps commands apart from this machine.
#[derive(Debug, Clone, PartialEq)]
pub enum CommandMode {
    /// The operating system: commands see what the agent was granted, and nothing else. This is the mode when
    /// the config names none.
    Sandbox(SandboxConfig),
    /// A container.
    Docker(Box<DockerConfig>),
    /// Nothing. Only when the config says so.
    Local,
}

/// What a sandbox lets through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SandboxConfig {
    /// Whether commands have the network of this machine.
    pub network: bool,
    /// Files and directories that commands may read, besides what the agent was granted.
    pub read: Vec<Text>,
    /// Unix sockets that commands may connect to.
    pub sockets: Vec<Text>,
}

/// What commands may use up. `None`: as much as the mode allows by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommandLimits {
    /// Memory of all processes of a command.
    pub memory: Option<ByteCount>,
    /// Processes and threads at one time.
    pub processes: Option<u32>,
    /// By how much the files may grow. The sandbox alone can limit it.
    pub disk: Option<ByteCount>,
    /// Processor time of each process, in seconds. The sandbox alone can limit it.
    pub cpu_seconds: Option<u32>,
}

/// A number of bytes. Its text form is that of the config, such as `2g`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteCount(pub u64);

impl ByteCount {
    const UNITS: [(char, u32); 4] = [('t', 40), ('g', 30), ('m', 20), ('k', 10)];

    /// Reads `1048576`, `512m`, `2g` and `2GiB`, as Docker does: a whole number and a power of 1024.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let plain = text.strip_suffix("ib").or_else(|| text.strip_suffix('b')).unwrap_or(&text);
        let unit = Self::UNITS.iter().find_map(|(unit, bits)| Some((plain.strip_suffix(*unit)?, *bits)));
        let (digits, bits) = match unit {
            Some(unit) => unit,
            None if text.ends_with("ib") => return None,
            None => (plain, 0),
        };
        let digits = digits.trim_end();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let count: u64 = digits.parse().ok()?;
        count.checked_mul(1 << bits).filter(|bytes| *bytes > 0).map(Self)
    }
}

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = Self::UNITS.iter().find(|(_, bits)| self.0 >= 1 << bits && self.0.trailing_zeros() >= *bits);
        match exact {
            Some((unit, bits)) => write!(f, "{}{unit}", self.0 >> bits),
            None => write!(f, "{}b", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        for (text, bytes) in [
            ("2g", Some(2 << 30)),
            ("512M", Some(512 << 20)),
            ("1024", Some(1024)),
            ("10b", Some(10)),
            ("4 GiB", Some(4 << 30)),
            ("3kb", Some(3 << 10)),
            ("0", None),
            ("", None),
            ("g", None),
            ("-1g", None),
            ("1.5g", None),
            ("2x", None),
            ("2ib", None),
            ("99999999t", None),
        ] {
            assert_eq!(ByteCount::parse(text).map(|count| count.0), bytes, "{text}");
        }
    }

    #[test]
    fn a_size_is_written_as_it_is_read() {
        for bytes in [1, 1000, 1 << 10, 3 << 20, 5 << 30, (1 << 40) + 1, u64::MAX] {
            assert_eq!(ByteCount::parse(&ByteCount(bytes).to_string()), Some(ByteCount(bytes)));
        }
        assert_eq!(ByteCount(2 << 30).to_string(), "2g");
    }
}
