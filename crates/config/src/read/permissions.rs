//! What an agent may do without asking.

use super::as_text;
use super::options::Options;
use crate::node::Node;
use crate::suggest::nearest;
use crate::words::meaning_of;
use crate::{
    AutomationDefault, Diagnostic, Diagnostics, PermissionAction, PermissionConfig, PermissionRole, PermissionRule,
    PermissionRules, Text, Written,
};

const KEY: &str = "permissions";

/// Reads the permissions. Those that are not enabled are put into `kept`, as written.
pub(super) fn permissions(
    options: Options<'_>,
    kept: &mut Written,
    found: &mut Diagnostics,
) -> Option<PermissionConfig> {
    let permissions = options.map(KEY, |inside| inside.is_on("enabled").then(|| read(inside, found)))?;
    if permissions.is_none()
        && let Some(node) = options.node.get(KEY)
    {
        if node.entries().is_some_and(|entries| entries.iter().any(|entry| entry.key != "enabled")) {
            let warning = options.warning(KEY, "no effect: they are not `enabled`");
            found.push(warning.hint("write `enabled: true` below it"));
        }
        kept.0.insert(KEY.to_owned(), node.to_written());
    }
    permissions
}

fn read(options: Options<'_>, found: &mut Diagnostics) -> PermissionConfig {
    let rules = options.map("rules", |options| {
        let mut list = |key| options.items(key).filter_map(|(place, item)| rule(&place, item, found)).collect();
        PermissionRules { deny: list("deny"), ask: list("ask"), allow: list("allow") }
    });
    PermissionConfig {
        role: options.choice("role", PermissionRole::NAMES).unwrap_or_default(),
        automation_default: options.choice("automation_default", AutomationDefault::NAMES).unwrap_or_default(),
        rules: rules.unwrap_or_default(),
    }
}

fn rule(place: &str, item: &Node, found: &mut Diagnostics) -> Option<PermissionRule> {
    let text = as_text(item)?;
    match parse(&text) {
        Ok((action, glob)) => Some(PermissionRule { action, glob, text }),
        Err((message, hint)) => {
            found.push(Diagnostic::error(place, Some(item.span), message).hint(hint));
            None
        }
    }
}

/// Splits `action(glob)`, or says what is wrong with it and what to do.
fn parse(text: &Text) -> Result<(PermissionAction, String), (String, String)> {
    let written = text.written();
    let shape = "write an action and what it is done to, such as `command(git push*)` or `write_file(./**)`";
    let Some((action, glob)) = text.trim().strip_suffix(')').and_then(|rule| rule.split_once('(')) else {
        let bare = text.trim();
        let hint = match meaning_of(PermissionAction::NAMES, bare) {
            Some(_) => format!("write `{bare}(*)`"),
            None => shape.to_owned(),
        };
        return Err((format!("no rule: `{written}`"), hint));
    };
    if glob.trim().is_empty() {
        return Err((format!("a rule for nothing: `{written}`"), "write `(*)` for everything".to_owned()));
    }
    let Some(meant) = meaning_of(PermissionAction::NAMES, action.trim()) else {
        let names = PermissionAction::NAMES.iter().map(|(name, _)| *name);
        let hint = match nearest(action, names.clone()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("the actions are {}", names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
        };
        return Err((format!("no such action: `{written}`"), hint));
    };
    Ok((meant, glob.to_owned()))
}
