//! What an agent may do without asking.

use std::fmt;

use crate::Text;

/// What an agent may do without asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionConfig {
    /// What the agent is there for.
    pub role: PermissionRole,
    /// The answer when nobody can be asked.
    pub automation_default: AutomationDefault,
    /// Rules for single actions; those that deny come first, then those that allow, then those that ask.
    pub rules: PermissionRules,
}

/// What an agent is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PermissionRole {
    /// To look.
    ReadOnly,
    /// To look, also on the web.
    Researcher,
    /// To look and to change.
    #[default]
    ReadWrite,
}

impl PermissionRole {
    /// Every role and its name in configs.
    pub const NAMES: &[(&str, Self)] =
        &[("read-only", Self::ReadOnly), ("researcher", Self::Researcher), ("read-write", Self::ReadWrite)];
}

/// The answer when nobody can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AutomationDefault {
    /// No.
    #[default]
    Deny,
    /// Yes.
    Allow,
    /// Yes where little can go wrong.
    RiskBased,
}

impl AutomationDefault {
    /// Every answer and its name in configs.
    pub const NAMES: &[(&str, Self)] = &[("deny", Self::Deny), ("allow", Self::Allow), ("risk-based", Self::RiskBased)];
}

/// Rules for single actions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PermissionRules {
    /// What is not done.
    pub deny: Vec<PermissionRule>,
    /// What the user is asked about.
    pub ask: Vec<PermissionRule>,
    /// What is done without asking.
    pub allow: Vec<PermissionRule>,
}

/// One rule: an action and what it is done to. Its text form, also that of `Debug`, is what the user wrote:
/// `action(glob)`.
#[derive(Clone, PartialEq, Eq)]
pub struct PermissionRule {
    /// The action.
    pub action: PermissionAction,
    /// What it is done to: a command, a path, an address or the name of a tool, with `*`, `**` and `?`.
    pub glob: String,
    /// The rule as written.
    pub text: Text,
}

impl fmt::Display for PermissionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.written())
    }
}

impl fmt::Debug for PermissionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PermissionAction {
    /// Run a command.
    Command,
    /// Read a file.
    ReadFile,
    /// Write, move or delete a file.
    WriteFile,
    /// Read from an address on the network.
    ReadUrl,
    /// Call a tool of an MCP server.
    Mcp,
    /// Any of these.
    Any,
}

impl PermissionAction {
    /// Every action and its name in configs.
    pub const NAMES: &[(&str, Self)] = &[
        ("command", Self::Command),
        ("read_file", Self::ReadFile),
        ("write_file", Self::WriteFile),
        ("read_url", Self::ReadUrl),
        ("mcp", Self::Mcp),
        ("*", Self::Any),
    ];
}
