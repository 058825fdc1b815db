//! The account of decisions.

use massgen_protocol::AgentIndex;
use serde::Serialize;
use serde_json::Value;

use super::Action;

/// How much of a subject is written down.
const SUBJECT_CHARACTERS_MAX: usize = 200;

/// One decision. When it was made is left to the writer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditLine {
    /// Whose call it was: `agent1`.
    pub agent: String,
    /// The tool's name.
    pub tool: String,
    /// What the call was to do, in what decided about it.
    pub action: Action,
    /// The command, path, address or name that decided, shortened and without what looks like a key.
    pub subject: String,
    /// What was decided.
    pub decision: Decision,
    /// By what: a rule, the user, a limit.
    pub by: String,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// The call happened.
    Granted,
    /// It did not.
    Refused,
}

impl AuditLine {
    pub(super) fn new(
        agent: AgentIndex,
        tool: &str,
        (action, subject): (Action, &str),
        decision: Decision,
        by: String,
    ) -> Self {
        Self { agent: agent.to_string(), tool: tool.to_owned(), action, subject: shortened(subject), decision, by }
    }
}

/// A subject fit to be kept.
fn shortened(subject: &str) -> String {
    // Word by word: keys come as `KEY=...`, after `--token`, or by their looks.
    let subject = subject.replace('\n', " \\n ");
    let mut words = Value::Array(subject.split(' ').map(|word| Value::String(word.to_owned())).collect());
    massgen_protocol::redact(&mut words);
    let words: Vec<_> = words.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let line = words.join(" ");
    if line.chars().count() <= SUBJECT_CHARACTERS_MAX {
        return line;
    }
    let beginning: String = line.chars().take(SUBJECT_CHARACTERS_MAX).collect();
    format!("{beginning}...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_short_and_without_keys() {
        let line = |subject: &str| {
            AuditLine::new(AgentIndex(0), "t", (Action::Command, subject), Decision::Refused, "rule".to_owned())
        };
        let kept = line("curl --token abcdef -x y sk-0123456789abcdef0123\nnext");
        assert_eq!(kept.subject, "curl --token [redacted] -x y [redacted] \\n next");
        assert!(line(&"x".repeat(5000)).subject.len() < 210);
        assert_eq!(
            serde_json::to_string(&line("ls")).unwrap(),
            r#"{"agent":"agent1","tool":"t","action":"command","subject":"ls","decision":"refused","by":"rule"}"#
        );
    }
}
