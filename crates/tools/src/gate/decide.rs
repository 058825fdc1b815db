//! From the subjects of a call to a decision.

use std::path::{Path, PathBuf};

use massgen_protocol::ToolCall;
use massgen_tool::{Admission, CallContext, Effect, Tool};

use crate::files::FilePlaces;

use super::subject::{self, Form, Subject};
use super::{Action, Answer, Approvals, AskRequest, AuditLine, Decision, Pattern, PoisonError, Risk, Role, Rules};

/// How many entries of a folder are looked through for what a rule is about.
const LOOKED_AT_MAX: usize = 200_000;

/// What the rules say of one subject.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Granted { by: String },
    Ask { why: String },
    Refused { by: String, reason: String },
}

impl Approvals {
    /// Decides, asks where the rules leave it to the user, and accounts for it.
    pub(super) async fn decide(&self, tool: &Tool, call: &ToolCall, context: &CallContext) -> Admission {
        let agent = context.caller.agent();
        let places = self.places.for_call(&context.caller);
        let (rules, tool_owned, call_owned) = (self.rules.clone(), tool.clone(), call.clone());
        let judged = tokio::task::spawn_blocking(move || {
            let subjects = subject::subjects(&tool_owned, &call_owned, &places);
            judge(&rules, &tool_owned, subjects, &places)
        });
        let Ok(judged) = judged.await else {
            return self.refuse(
                agent,
                call,
                (Action::Any, &call.name),
                "an internal error",
                "the rules could not be applied",
            );
        };
        let mut granted_by = None;
        let mut asked: Vec<(Action, String)> = Vec::new();
        let (mut risk, mut reasons) = (Risk::Low, Vec::<String>::new());
        for (subject, verdict) in judged {
            match verdict {
                Verdict::Refused { by, reason } => {
                    return self.refuse(agent, call, (subject.action, &subject.text), &by, &reason);
                }
                Verdict::Ask { why } => {
                    let key = (agent, subject.action, subject.text.clone());
                    if self.allowed.lock().unwrap_or_else(PoisonError::into_inner).contains(&key) {
                        granted_by = Some((subject.action, subject.text, "the user, for good".to_owned()));
                        continue;
                    }
                    risk = risk.max(subject.risk);
                    if !reasons.contains(&why) {
                        reasons.push(why);
                    }
                    asked.push((subject.action, subject.text));
                }
                Verdict::Granted { by } => {
                    granted_by.get_or_insert((subject.action, subject.text, by));
                }
            }
        }
        if let Some((action, text)) = asked.first().cloned() {
            let why = reasons.join("; ");
            let request =
                AskRequest { agent, tool: call.name.clone(), subjects: asked.clone(), risk, why: why.clone() };
            let answer = tokio::select! {
                answer = self.asker.ask(request) => answer,
                () = context.cancel.cancelled() => Answer::No("the turn ended before anybody answered".to_owned()),
            };
            match answer {
                Answer::No(reason) => {
                    return self.refuse(
                        agent,
                        call,
                        (action, &text),
                        &format!("the answer to a question: {why}"),
                        &reason,
                    );
                }
                Answer::Once => {}
                Answer::Always => {
                    let mut allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
                    allowed.extend(asked.into_iter().map(|(action, text)| (agent, action, text)));
                }
            }
            granted_by = Some((action, text, format!("the answer to a question: {why}")));
        }
        let (action, text, by) =
            granted_by.unwrap_or_else(|| (Action::Any, call.name.clone(), "nothing to decide about".to_owned()));
        (self.audit)(line(agent, call, (action, &text), Decision::Granted, by));
        Admission::Granted
    }

    fn refuse(
        &self,
        agent: massgen_protocol::AgentIndex,
        call: &ToolCall,
        subject: (Action, &str),
        by: &str,
        reason: &str,
    ) -> Admission {
        (self.audit)(line(agent, call, subject, Decision::Refused, by.to_owned()));
        let reason =
            format!("not allowed: {reason}. Do not try to get around this; choose another way or go on without it");
        Admission::Refused { reason }
    }
}

/// What the rules say of each subject.
pub(super) fn judge(
    rules: &Rules,
    tool: &Tool,
    subjects: Vec<Subject>,
    places: &FilePlaces,
) -> Vec<(Subject, Verdict)> {
    let workspace = subject::real_path(&places.workspace);
    let judge_one = |subject: Subject| {
        let verdict = rules.verdict(tool, &subject, &workspace);
        (subject, verdict)
    };
    subjects.into_iter().map(judge_one).collect()
}

impl Rules {
    fn verdict(&self, tool: &Tool, subject: &Subject, workspace: &Path) -> Verdict {
        if let Some(why) = subject.never {
            return Verdict::Refused { by: "a limit that no rule lifts".to_owned(), reason: why.to_owned() };
        }
        if !self.enabled {
            return Verdict::Granted { by: "no permission rules; the places and the box decide".to_owned() };
        }
        if let Some((rule, what)) = self.denying(subject, workspace) {
            let by = format!("deny {rule}");
            return Verdict::Refused { by, reason: format!("the user's rules deny {rule}, and {what}") };
        }
        if let Some(reason) = self.role.forbids(tool, subject) {
            return Verdict::Refused { by: "the agent's role".to_owned(), reason: reason.to_owned() };
        }
        if let Some(rule) = self.allow.iter().find(|rule| allows(rule, subject, workspace)) {
            return Verdict::Granted { by: format!("allow {rule}") };
        }
        if let Some(rule) = self.ask.iter().find(|rule| matches_surely_or_maybe(rule, subject, workspace).is_some()) {
            return Verdict::Ask { why: format!("rule ask {rule}") };
        }
        if subject.is_aside || subject.risk == Risk::Low {
            return Verdict::Granted { by: "low risk".to_owned() };
        }
        let risk = if subject.risk == Risk::High { "high" } else { "medium" };
        Verdict::Ask { why: format!("{risk} risk, and no rule about it") }
    }

    fn denying(&self, subject: &Subject, workspace: &Path) -> Option<(&Pattern, String)> {
        self.deny.iter().find_map(|rule| {
            if let Some(what) = matches_surely_or_maybe(rule, subject, workspace) {
                return Some((rule, what));
            }
            words_denied(rule, subject, workspace).map(|what| (rule, what))
        })
    }
}

impl Role {
    fn forbids(self, tool: &Tool, subject: &Subject) -> Option<&'static str> {
        let is_own = matches!(subject.form, Form::Path { is_own: true, .. });
        match (self, subject.action) {
            (Self::ReadWrite, _) => None,
            (Self::Researcher, Action::WriteFile) if is_own => None,
            (Self::ReadOnly, Action::WriteFile) => Some("this agent only reads"),
            (Self::Researcher, Action::WriteFile) => Some("this agent only writes in its own workspace"),
            (_, Action::Command) if subject.risk > Risk::Low => {
                Some("this agent only runs commands that look at things")
            }
            (_, Action::Mcp | Action::Any) if tool.effect == Effect::Outside => {
                Some("this agent only calls tools that change nothing outside")
            }
            _ => None,
        }
    }
}

/// Whether `rule` allows `subject`, beyond doubt.
fn allows(rule: &Pattern, subject: &Subject, workspace: &Path) -> bool {
    if !rule.is_about(subject.action) {
        return false;
    }
    if rule.is_everything() {
        return true;
    }
    match &subject.form {
        Form::Command { part, line, is_plain, .. } => {
            rule.is_exactly(line) || *is_plain && part.is_name_plain && rule.matches(&part.text())
        }
        Form::Path { is_known: false, .. } => false,
        Form::Path { path, .. } => rule.for_paths(workspace).is_some_and(|matcher| matcher.allows(path)),
        Form::Url(url) => url.as_ref().is_some_and(|url| rule.matches_url(url)),
        Form::Names(names) => names.iter().any(|name| rule.matches(name)),
    }
}

/// Whether `rule` is, or may be, about `subject`; and how, in words.
fn matches_surely_or_maybe(rule: &Pattern, subject: &Subject, workspace: &Path) -> Option<String> {
    if !rule.is_about(subject.action) {
        return None;
    }
    match &subject.form {
        Form::Command { part, line, .. } => {
            let variants = part.variants();
            if variants.iter().any(|text| rule.matches(text)) || rule.matches(line) {
                return Some(format!("`{}` is that", subject.said));
            }
            variants.iter().any(|text| rule.may_match(text)).then(|| {
                format!(
                    "`{}` may become that: write the command out, without variables and substitutions",
                    subject.said
                )
            })
        }
        Form::Path { is_known: false, .. } => {
            Some(format!("`{}` may become that: write the path out, without variables", subject.said))
        }
        Form::Path { path, is_deep, .. } => {
            let matcher = rule.for_paths(workspace)?;
            if rule.is_everything() || matcher.denies(path) {
                return Some(format!("`{}` is that", subject.said));
            }
            if !is_deep {
                return None;
            }
            match find_beneath(path, &|path| matcher.denies(path)) {
                Found::Path(found) => {
                    let below = found.strip_prefix(path).unwrap_or(&found).display();
                    Some(format!("`{}` holds `{below}`: name what you need", subject.said))
                }
                Found::TooMany => Some(format!("`{}` is too large to look through for it", subject.said)),
                Found::Nothing => None,
            }
        }
        Form::Url(None) => Some(format!("`{}` is no address that can be understood", subject.said)),
        Form::Url(Some(url)) => rule.matches_url(url).then(|| format!("`{}` is that", subject.said)),
        Form::Names(names) => {
            names.iter().any(|name| rule.matches(name)).then(|| format!("`{}` is that", subject.said))
        }
    }
}

/// Whether a word of a command is a path that `rule` denies for files: `cat` is no way around a rule about reading.
fn words_denied(rule: &Pattern, subject: &Subject, workspace: &Path) -> Option<String> {
    let Form::Command { part, folders, .. } = &subject.form else { return None };
    if !matches!(rule.action(), Action::ReadFile | Action::WriteFile) || rule.is_everything() {
        return None;
    }
    let matcher = rule.for_paths(workspace)?;
    part.words.iter().skip(1).find_map(|word| {
        let text = word.split_once('=').map_or(word.as_str(), |(_, value)| value);
        let looks_like_path = !text.is_empty() && !text.starts_with('-') && !text.contains(char::is_whitespace);
        let is_only_read = rule.action() == Action::WriteFile && subject.risk == Risk::Low;
        let mut paths = folders.iter().map(|folder| subject::real_path(&folder.join(text)));
        let is_denied = looks_like_path && !is_only_read && paths.any(|path| matcher.denies(&path));
        is_denied.then(|| format!("`{word}` in `{}` is that", subject.said))
    })
}

enum Found {
    Path(PathBuf),
    TooMany,
    Nothing,
}

fn find_beneath(path: &Path, is_wanted: &dyn Fn(&Path) -> bool) -> Found {
    let mut folders = vec![path.to_owned()];
    let mut looked_at = 0;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            looked_at += 1;
            if looked_at > LOOKED_AT_MAX {
                return Found::TooMany;
            }
            let path = entry.path();
            if is_wanted(&path) {
                return Found::Path(path);
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            }
        }
    }
    Found::Nothing
}

/// The line about a call. A command is told whole: what decided may be one part of many.
fn line(
    agent: massgen_protocol::AgentIndex,
    call: &ToolCall,
    (action, text): (Action, &str),
    decision: Decision,
    by: String,
) -> AuditLine {
    let arguments = serde_json::from_str::<serde_json::Value>(&call.arguments).unwrap_or_default();
    let whole = arguments.get("command").and_then(serde_json::Value::as_str).map(str::trim);
    match whole.filter(|whole| action == Action::Command && *whole != text) {
        Some(whole) if decision == Decision::Refused => {
            AuditLine::new(agent, &call.name, (action, whole), decision, format!("{by}, for `{text}`"))
        }
        Some(whole) => AuditLine::new(agent, &call.name, (action, whole), decision, by),
        None => AuditLine::new(agent, &call.name, (action, text), decision, by),
    }
}

#[cfg(test)]
mod tests;
