//! From a source to a config and all that is to be said about it.

use std::path::Path;

use massgen_protocol::redact;
use serde_json::Value;

use crate::node::{Node, path_of_item, path_of_key};
use crate::{Diagnostic, Diagnostics, Environment, Severity, SourceText, TeamConfig, check, parse, read};

/// What has become of a source.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The config, if there are no errors.
    pub config: Option<TeamConfig>,
    /// What was found.
    pub diagnostics: Diagnostics,
    tree: Option<Node>,
}

/// Reads a config. Finds everything that is wrong with it, not only the first thing.
#[must_use]
pub fn load(source: &SourceText, environment: &Environment) -> Loaded {
    let mut found = Diagnostics::new(source.clone());
    let mut tree = parse::parse(source, &mut found);
    let config = tree.as_mut().and_then(|tree| {
        if !read::is_a_config(tree, &mut found) {
            return None;
        }
        let explained = check::check(tree, environment, &mut found);
        read::team(tree, &explained, &mut found)
    });
    found.sort();
    Loaded { config: config.filter(|_| !found.has_errors()), diagnostics: found, tree }
}

impl Loaded {
    /// The config as written, with its references and without literal keys: for logs.
    #[must_use]
    pub fn document_for_logs(&self) -> Value {
        let mut document = self.tree.as_ref().map_or(Value::Null, Node::to_written);
        redact(&mut document);
        document
    }

    /// Adds a diagnostic for each context path that is not there. `exists` looks.
    pub fn check_context_paths(&mut self, environment: &Environment, exists: impl Fn(&Path) -> bool) {
        let Some(tree) = &self.tree else { return };
        let paths = tree.get("orchestrator").and_then(|node| node.get("context_paths")).and_then(Node::items);
        let severity = if read::context_paths_count() { Severity::Error } else { Severity::Warning };
        for (index, item) in paths.unwrap_or_default().iter().enumerate() {
            let place = path_of_item("orchestrator.context_paths", index);
            let (place, node) = match item.get("path") {
                Some(path) => (path_of_key(&place, "path"), path),
                None => (place, item),
            };
            let Some(path) = node.text() else { continue };
            let absolute = environment.absolute(path);
            if !exists(&absolute) {
                let message = format!("no such file or directory: {}", node.found());
                let hint = "a relative path starts where massgen is started";
                self.diagnostics.push(Diagnostic::new(severity, place, Some(node.span), message).hint(hint));
            }
        }
        self.diagnostics.sort();
        if self.diagnostics.has_errors() {
            self.config = None;
        }
    }
}
