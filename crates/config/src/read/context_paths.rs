//! Files and directories outside the workspaces.

use super::options::Options;
use super::{as_text, text};
use crate::node::{Node, path_of_item, path_of_key};
use crate::words::{PERMISSION, meaning_of};
use crate::{ContextPath, Diagnostic, Diagnostics, Environment, Permission};

pub(super) fn context_paths(
    options: Options<'_>,
    environment: &Environment,
    found: &mut Diagnostics,
) -> Vec<ContextPath> {
    let mut paths = Vec::new();
    for (place, item) in options.items("context_paths") {
        let (path, permission) = if let Some(path) = as_text(item) {
            let message = "a bare path: taken as one that may only be read";
            let hint = "write `{path: ..., permission: read}`";
            found.push(Diagnostic::warning(place.as_str(), Some(item.span), message).hint(hint));
            (path, Permission::Read)
        } else if let Some(path) = text(item, "path") {
            let word = item.get("permission").and_then(Node::text);
            (path, word.and_then(|word| meaning_of(PERMISSION, word)).unwrap_or(Permission::Read))
        } else {
            if item.entries().is_some() && item.get("path").is_none() {
                let diagnostic = Diagnostic::error(path_of_key(&place, "path"), Some(item.span), "no `path`");
                found.push(diagnostic.hint("give the file or directory as `path`"));
            }
            continue;
        };
        let mut context =
            ContextPath { path, permission, protected_paths: Vec::new(), description: text(item, "description") };
        let protected = item.get("protected_paths").and_then(Node::items).unwrap_or_default();
        for (index, part) in protected.iter().enumerate() {
            let Some(path) = as_text(part) else { continue };
            context.protected_paths = vec![path.clone()];
            // It would protect nothing, and the user would not know.
            if context.resolved(environment).protected.is_empty() {
                let place = path_of_item(&path_of_key(&place, "protected_paths"), index);
                let message = format!("not inside of the path: `{}`", path.written());
                let hint = format!("give a path relative to `{}`", context.path.written());
                found.push(Diagnostic::error(place, Some(part.span), message).hint(hint));
            }
        }
        context.protected_paths = protected.iter().filter_map(as_text).collect();
        paths.push(context);
    }
    paths
}
