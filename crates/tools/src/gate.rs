//! Who may do what: rules, a question to the user where they leave it open, and an account of every decision.

mod audit;
mod command_line;
mod decide;
mod glob;
mod hard_line;
mod pattern;
mod risk;
mod rules;
mod subject;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use massgen_protocol::{AgentIndex, ToolCall};
use massgen_tool::{Admission, CallContext, Gate, Tool};

use crate::files::Places;

pub use audit::{AuditLine, Decision};
pub use pattern::{Action, Pattern, PatternError};
pub use risk::Risk;
pub use rules::{AutomationDefault, Role, Rules};

/// Puts a question to whoever can answer it.
pub trait Asker: Send + Sync {
    /// Asks whether a call may happen. Dropped when its turn is over.
    fn ask(&self, request: AskRequest) -> BoxFuture<'_, Answer>;
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskRequest {
    /// Whose call it is.
    pub agent: AgentIndex,
    /// The tool's name.
    pub tool: String,
    /// What it is about: the command, path or address of each part that nobody has allowed yet, whole.
    pub subjects: Vec<(Action, String)>,
    /// How much harm it can do.
    pub risk: Risk,
    /// Why it is asked, in words for the user.
    pub why: String,
}

/// An answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This call may happen.
    Once,
    /// This call and later ones of exactly the same subjects may happen.
    Always,
    /// It may not.
    No(String),
}

/// Answers where there is nobody to ask.
#[derive(Debug, Clone, Copy)]
pub struct NobodyToAsk {
    /// What to answer.
    pub default: AutomationDefault,
}

impl Asker for NobodyToAsk {
    fn ask(&self, request: AskRequest) -> BoxFuture<'_, Answer> {
        let is_allowed = match self.default {
            AutomationDefault::Allow => true,
            AutomationDefault::Deny => false,
            AutomationDefault::RiskBased => request.risk < Risk::High,
        };
        let answer = if is_allowed {
            Answer::Once
        } else {
            Answer::No("it needs the user's approval, and nobody can be asked in this run".to_owned())
        };
        Box::pin(std::future::ready(answer))
    }
}

/// The rules at work: the gate of one run or of one agent.
pub struct Approvals {
    rules: Rules,
    places: Arc<dyn Places>,
    asker: Arc<dyn Asker>,
    audit: Arc<dyn Fn(AuditLine) + Send + Sync>,
    /// What the user has allowed for good.
    allowed: Mutex<BTreeSet<(AgentIndex, Action, String)>>,
}

impl Approvals {
    /// A gate by `rules`. Relative paths in calls and rules start in the workspace that `places` tells; `audit` is
    /// told of every decision and must not block.
    #[must_use]
    pub fn new(
        rules: Rules,
        places: Arc<dyn Places>,
        asker: Arc<dyn Asker>,
        audit: Arc<dyn Fn(AuditLine) + Send + Sync>,
    ) -> Self {
        Self { rules, places, asker, audit, allowed: Mutex::default() }
    }
}

impl Gate for Approvals {
    fn admit<'a>(&'a self, tool: &'a Tool, call: &'a ToolCall, context: &'a CallContext) -> BoxFuture<'a, Admission> {
        Box::pin(self.decide(tool, call, context))
    }
}
