//! Who may do what: the config's permissions as a gate, with every decision in the journal.

use std::sync::Arc;

use massgen_config::{AutomationDefault, PermissionConfig, PermissionRole, PermissionRule};
use massgen_orchestrator::Announcer;
use massgen_protocol::{Activity, AgentIndex};
use massgen_tools::files::Places;
use massgen_tools::gate::{self, Approvals, Asker, AuditLine, Decision, NobodyToAsk, Pattern, Role, Rules};

use super::asking::User;
use crate::failure::Failure;

/// The gate of one agent. Without permissions in the config, what no rule can allow stays refused, and the rest is
/// written down.
pub(crate) fn gate(
    agent: AgentIndex,
    config: Option<&PermissionConfig>,
    places: Arc<dyn Places>,
    user: Option<&User>,
    announcer: Announcer,
) -> Result<Approvals, Failure> {
    let rules = config.map(rules).transpose()?.unwrap_or_default();
    let asker: Arc<dyn Asker> = match user {
        Some(user) => Arc::new(user.clone()),
        None => Arc::new(NobodyToAsk { default: rules.automation_default }),
    };
    let audit = move |line: AuditLine| {
        announcer.tell(Activity::CallJudged {
            agent,
            tool: line.tool,
            subject: line.subject,
            granted: line.decision == Decision::Granted,
            by: line.by,
        });
    };
    Ok(Approvals::new(rules, places, asker, Arc::new(audit)))
}

fn rules(config: &PermissionConfig) -> Result<Rules, Failure> {
    Ok(Rules {
        enabled: true,
        role: match config.role {
            PermissionRole::ReadOnly => Role::ReadOnly,
            PermissionRole::Researcher => Role::Researcher,
            PermissionRole::ReadWrite => Role::ReadWrite,
        },
        automation_default: match config.automation_default {
            AutomationDefault::Deny => gate::AutomationDefault::Deny,
            AutomationDefault::Allow => gate::AutomationDefault::Allow,
            AutomationDefault::RiskBased => gate::AutomationDefault::RiskBased,
        },
        deny: patterns(&config.rules.deny)?,
        allow: patterns(&config.rules.allow)?,
        ask: patterns(&config.rules.ask)?,
    })
}

fn patterns(rules: &[PermissionRule]) -> Result<Vec<Pattern>, Failure> {
    let pattern = |rule: &PermissionRule| {
        Pattern::parse(&rule.text).map_err(|error| Failure::configuration(format!("permission rule `{rule}`: {error}")))
    };
    rules.iter().map(pattern).collect()
}
