//! From a source to a config and all that is to be said about it.

use std::path::Path;

use massgen_protocol::redact;
use serde_json::Value;

use crate::node::{Node, path_of_item, path_of_key};
use crate::{Diagnostic, Diagnostics, Environment, SourceText, TeamConfig, check, parse, read};

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
        read::team(tree, environment, &explained, &mut found)
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
        for (place, item) in context_paths(tree) {
            let (place, node) = match item.get("path") {
                Some(path) => (path_of_key(&place, "path"), path),
                None => (place, item),
            };
            let Some(path) = node.text() else { continue };
            if !exists(&environment.absolute(path)) {
                let message = format!("no such file or directory: {}", node.found());
                let hint = "a relative path starts where massgen is started";
                self.diagnostics.push(Diagnostic::error(place, Some(node.span), message).hint(hint));
            }
        }
        self.diagnostics.sort();
        if self.diagnostics.has_errors() {
            self.config = None;
        }
    }
}

/// The context paths of the team and of its agents, and their places.
fn context_paths(tree: &Node) -> Vec<(String, &Node)> {
    let mut lists: Vec<(String, Option<&Node>)> = vec![("orchestrator".to_owned(), tree.get("orchestrator"))];
    let agents = tree.get("agents").and_then(Node::items).unwrap_or_default();
    let agents = agents.iter().enumerate().map(|(index, agent)| (path_of_item("agents", index), agent));
    for (place, agent) in agents.chain(tree.get("agent").map(|agent| ("agent".to_owned(), agent))) {
        lists.push((path_of_key(&place, "backend"), agent.get("backend")));
    }
    let mut paths = Vec::new();
    for (place, node) in lists {
        let place = path_of_key(&place, "context_paths");
        let items = node.and_then(|node| node.get("context_paths")).and_then(Node::items).unwrap_or_default();
        paths.extend(items.iter().enumerate().map(|(index, item)| (path_of_item(&place, index), item)));
    }
    paths
}
