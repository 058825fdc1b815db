//! The rules of a config.

use super::Pattern;

/// What the config says under `permissions`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Whether they are asked at all. What no rule can allow stays refused.
    pub enabled: bool,
    /// What the agent is for.
    pub role: Role,
    /// What happens where the user would have to be asked and nobody is there: for [`super::NobodyToAsk`].
    pub automation_default: AutomationDefault,
    /// What is refused, whatever else allows it.
    pub deny: Vec<Pattern>,
    /// What may happen without a question.
    pub allow: Vec<Pattern>,
    /// What the user is asked about.
    pub ask: Vec<Pattern>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            enabled: false,
            role: Role::ReadWrite,
            automation_default: AutomationDefault::RiskBased,
            deny: Vec::new(),
            allow: Vec::new(),
            ask: Vec::new(),
        }
    }
}

/// What an agent is for: a bound that no rule widens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It only looks: no writing, no commands but those that only look, no tools with effects outside.
    ReadOnly,
    /// As `ReadOnly`, but it writes in its workspace and its copies.
    Researcher,
    /// Everything by the rules.
    ReadWrite,
}

impl Role {
    /// The role of a config's name: `read-only`, `researcher`, `read-write`.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "read-only" => Some(Self::ReadOnly),
            "researcher" => Some(Self::Researcher),
            "read-write" => Some(Self::ReadWrite),
            _ => None,
        }
    }
}

/// What to do where nobody can be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AutomationDefault {
    /// Allow.
    Allow,
    /// Refuse.
    Deny,
    /// Allow up to a medium risk.
    #[default]
    RiskBased,
}

impl AutomationDefault {
    /// The setting of a config's name: `allow`, `deny`, `risk-based`.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "allow" => Some(Self::Allow),
            "deny" => Some(Self::Deny),
            "risk-based" => Some(Self::RiskBased),
            _ => None,
        }
    }
}
