//! The table of options applied to a tree: wrong types, unknown keys, references, and what is not
//! acted upon.

mod kind;
mod unknown;

pub(crate) use kind::meant_backend;

use std::collections::{BTreeMap, BTreeSet};

use crate::expand::{Left, Use, expand};
use crate::fields::{Field, Kind, MCP_SERVER, Others, Section, Status, TOP};
use crate::node::{Entry, Node, NodeValue, path_of_item, path_of_key};
use crate::{Diagnostic, Diagnostics, Environment, Severity, Span};

/// Checks the whole tree and replaces the references in what is acted upon.
pub(crate) fn check(root: &mut Node, environment: &Environment, found: &mut Diagnostics) -> Explained {
    let mut checker =
        Checker { environment, found, ignored: BTreeMap::new(), explained: Explained::default(), server: None };
    checker.section(root, &TOP, &Place::default(), Effect::Counts);
    checker.report_ignored();
    checker.explained
}

/// What has been reported and need not be said again.
#[derive(Default)]
pub(crate) struct Explained {
    /// Paths of keys that are missing because they are misspelt.
    misspelt: BTreeSet<String>,
    /// Variables that MCP servers refer to and that are not set, by the servers' paths.
    missing: BTreeMap<String, BTreeSet<String>>,
}

impl Explained {
    pub(crate) fn contains(&self, path: &str) -> bool {
        self.misspelt.contains(path)
    }

    /// The variables that are not set and that the MCP server at `path` refers to.
    pub(crate) fn missing_variables(&self, path: &str) -> Vec<String> {
        self.missing.get(path).into_iter().flatten().cloned().collect()
    }
}

/// The MCP server that is being checked.
struct Server {
    path: String,
    name: String,
}

struct Checker<'a> {
    environment: &'a Environment,
    found: &'a mut Diagnostics,
    /// What is not acted upon, by the path in the table.
    ignored: BTreeMap<String, Ignored>,
    explained: Explained,
    server: Option<Server>,
}

struct Ignored {
    span: Span,
    location: String,
    count: usize,
    reason: Option<&'static str>,
}

/// Where a value is: in the config, and in the table of options.
#[derive(Default, Clone)]
struct Place {
    path: String,
    option: String,
}

impl Place {
    fn key(&self, key: &str) -> Self {
        Self { path: path_of_key(&self.path, key), option: path_of_key(&self.option, key) }
    }

    fn item(&self, index: usize) -> Self {
        Self { path: path_of_item(&self.path, index), option: format!("{}[]", self.option) }
    }
}

/// Whether a value has any effect, and so how bad it is when it is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It counts: what is wrong is an error.
    Counts,
    /// It goes to the provider, who has the last word: what looks wrong is a warning.
    PassedOn,
    /// It is ignored: what is wrong is a warning.
    Ignored,
}

impl Effect {
    fn severity(self) -> Severity {
        match self {
            Self::Counts => Severity::Error,
            Self::PassedOn | Self::Ignored => Severity::Warning,
        }
    }
}

impl Checker<'_> {
    fn section(&mut self, node: &mut Node, section: &'static Section, place: &Place, effect: Effect) {
        let present: BTreeSet<String> = node.entries().into_iter().flatten().map(|entry| entry.key.clone()).collect();
        let is_server = effect == Effect::Counts && std::ptr::eq(section, &raw const MCP_SERVER);
        if is_server {
            let named = node.get("name").and_then(Node::text);
            let name = named.or_else(|| place.path.rsplit('.').next()).unwrap_or_default().to_owned();
            self.server = Some(Server { path: place.path.clone(), name });
        }
        let NodeValue::Map(entries) = &mut node.value else { return };
        for entry in entries {
            let place = place.key(&entry.key);
            match section.field(&entry.key) {
                Some(field) => self.field(entry, field, &place, effect),
                None => self.unknown(entry, section, &present, &place, effect),
            }
        }
        if is_server {
            self.server = None;
        }
    }

    fn field(&mut self, entry: &mut Entry, field: &'static Field, place: &Place, effect: Effect) {
        if let Status::Refused(instead) = field.status {
            let message = format!("`{}` is {}", entry.key, field.meaning);
            let severity = effect.severity();
            self.found.push(Diagnostic::new(severity, &place.path, Some(entry.span), message).hint(instead));
            return;
        }
        if entry.node.value == NodeValue::Null {
            return;
        }
        let effect = match (effect, field.status) {
            (Effect::Ignored, _) => Effect::Ignored,
            (_, Status::NotYet) => {
                if !is_default(&entry.node, field) {
                    self.ignore(place, entry.span, None);
                }
                Effect::Ignored
            }
            (_, Status::Ignored(reason)) => {
                self.ignore(place, entry.span, Some(reason));
                return;
            }
            (_, Status::PassedOn) => Effect::PassedOn,
            (effect, Status::Supported | Status::Refused(_)) => effect,
        };
        self.value(&mut entry.node, &field.kind, place, entry.span, effect);
    }

    /// Checks one value. `key` is where to point at when the value itself has no good place.
    fn value(&mut self, node: &mut Node, kind: &'static Kind, place: &Place, key: Span, effect: Effect) {
        if effect != Effect::Ignored && !matches!(kind, Kind::Name) {
            let purpose = if matches!(kind, Kind::Prose) { Use::Prose } else { Use::Setting };
            self.expand(node, purpose, place, key);
        }
        let kind = match kind {
            // One that fits but for what is in it tells better what is wrong.
            Kind::OneOf(kinds) => {
                let near = || kinds.iter().find(|kind| kind.check(node, &place.path).is_ok());
                kinds.iter().find(|kind| kind.fits(node)).or_else(near).unwrap_or(kind)
            }
            kind => kind,
        };
        if let Err(wrong) = kind.check(node, &place.path) {
            let span = if matches!(node.value, NodeValue::Map(_) | NodeValue::List(_)) { key } else { node.span };
            let diagnostic = Diagnostic::new(effect.severity(), &place.path, Some(span), wrong.message);
            self.found.push(diagnostic.maybe_hint(wrong.hint));
            return;
        }
        if matches!(kind, Kind::Bool) && matches!(node.value, NodeValue::Text(_)) && node.written.is_none() {
            self.warn_of_old_boolean(node, place);
        }
        match (kind, &mut node.value) {
            (Kind::Section(section), NodeValue::Map(_)) => self.section(node, section, place, effect),
            (Kind::List(kind), NodeValue::List(items)) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let span = item.span;
                    self.value(item, kind, &place.item(index), span, effect);
                }
            }
            (Kind::MapOf(kind), NodeValue::Map(entries)) => {
                for entry in entries {
                    self.value(&mut entry.node, kind, &place.key(&entry.key), entry.span, effect);
                }
            }
            (Kind::Any, NodeValue::Map(entries)) => {
                for entry in entries {
                    self.value(&mut entry.node, &Kind::Any, &place.key(&entry.key), entry.span, effect);
                }
            }
            (Kind::Any, NodeValue::List(items)) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let span = item.span;
                    self.value(item, &Kind::Any, &place.item(index), span, effect);
                }
            }
            _ => {}
        }
    }

    /// Replaces the references in a text.
    fn expand(&mut self, node: &mut Node, purpose: Use, place: &Place, key: Span) {
        let NodeValue::Text(text) = &mut node.value else { return };
        if !text.contains("${") {
            return;
        }
        let expanded = expand(text, self.environment, purpose);
        if expanded.changed {
            node.written = Some(std::mem::replace(text, expanded.text));
        }
        for left in expanded.left {
            let diagnostic = match (left, purpose) {
                (Left::Unset(name), Use::Setting) if let Some(server) = &self.server => {
                    let message = format!(
                        "the variable `{name}` is not set: the MCP server `{}` will not be started",
                        server.name
                    );
                    let hint = format!("set {name} in the environment or in .env");
                    self.explained.missing.entry(server.path.clone()).or_default().insert(name);
                    Diagnostic::warning(&place.path, Some(key), message).hint(hint)
                }
                (Left::Unset(name), Use::Setting) => {
                    Diagnostic::error(&place.path, Some(key), format!("the variable `{name}` is not set")).hint(
                        format!("set {name} in the environment or in .env, or give a default with ${{{name}:-...}}"),
                    )
                }
                (Left::Unset(name), Use::Prose) => {
                    let message = format!("the variable `{name}` is not set: the text keeps `${{{name}}}`");
                    Diagnostic::warning(&place.path, Some(key), message)
                        .hint(format!("set {name}, or write $${{{name}}} if the text is meant"))
                }
                (Left::Secret(name), _) => {
                    let message = format!("`{name}` looks like a secret: the text keeps `${{{name}}}`");
                    Diagnostic::warning(&place.path, Some(key), message)
                        .hint("a key in this text would be sent to the model")
                }
            };
            self.found.push(diagnostic);
        }
    }

    fn warn_of_old_boolean(&mut self, node: &Node, place: &Place) {
        if let (Some(word), Some(value)) = (node.text(), node.boolean()) {
            let message = format!("`{word}` is a boolean only in YAML 1.1: read as `{value}`");
            self.found
                .push(Diagnostic::warning(&place.path, Some(node.span), message).hint(format!("write `{value}`")));
        }
    }

    fn ignore(&mut self, place: &Place, span: Span, reason: Option<&'static str>) {
        let fresh = || Ignored { span, location: place.path.clone(), count: 0, reason };
        self.ignored.entry(place.option.clone()).or_insert_with(fresh).count += 1;
    }

    fn report_ignored(&mut self) {
        for (option, ignored) in std::mem::take(&mut self.ignored) {
            let places = if ignored.count > 1 { format!(" ({} times)", ignored.count) } else { String::new() };
            let message = match ignored.reason {
                None => format!("`{option}`: not supported yet: ignored{places}"),
                Some(_) => format!("`{option}` has no effect{places}"),
            };
            let note = Diagnostic::note(ignored.location, Some(ignored.span), message);
            self.found.push(note.maybe_hint(ignored.reason.map(str::to_owned)));
        }
    }

    fn unknown(
        &mut self,
        entry: &mut Entry,
        section: &'static Section,
        present: &BTreeSet<String>,
        place: &Place,
        effect: Effect,
    ) {
        let unknown = unknown::explain(&entry.key, section, place);
        if let Some(meant) = unknown.missing.filter(|meant| effect == Effect::Counts && !present.contains(*meant)) {
            let above = place.path.strip_suffix(&path_of_key("", &entry.key)).unwrap_or_default();
            self.explained.misspelt.insert(format!("{above}{meant}"));
            let message = format!("unknown option `{}`", entry.key);
            self.found.push(Diagnostic::error(&place.path, Some(entry.span), message).maybe_hint(unknown.hint));
            return;
        }
        match section.others {
            Others::Reported => {
                let message = format!("unknown option `{}`: ignored", entry.key);
                let warning = Diagnostic::warning(&place.path, Some(entry.span), message);
                self.found.push(warning.maybe_hint(unknown.hint));
            }
            Others::PassedOn if unknown.misplaced => {
                let message = format!("`{}` is no option of a backend: ignored", entry.key);
                let warning = Diagnostic::warning(&place.path, Some(entry.span), message);
                self.found.push(warning.maybe_hint(unknown.hint));
            }
            Others::PassedOn => {
                if unknown.hint.is_some() {
                    let message = format!("`{}` is not known to massgen: it goes to the provider as it is", entry.key);
                    let warning = Diagnostic::warning(&place.path, Some(entry.span), message);
                    self.found.push(warning.maybe_hint(unknown.hint));
                }
                let effect = if effect == Effect::Counts { Effect::PassedOn } else { effect };
                self.value(&mut entry.node, &Kind::Any, place, entry.span, effect);
            }
        }
    }
}

/// Whether the value is the option's default, so that nothing is lost by ignoring it.
pub(crate) fn is_default(node: &Node, field: &Field) -> bool {
    let written = match &node.value {
        NodeValue::Bool(value) => value.to_string(),
        NodeValue::Number(number) => number.to_string(),
        NodeValue::Text(text) => text.clone(),
        NodeValue::List(items) => return items.is_empty() && field.default.is_none(),
        NodeValue::Map(entries) => return entries.is_empty() && field.default.is_none(),
        NodeValue::Null => return true,
    };
    field.default == Some(written.as_str())
}

/// Whether a key that a backend does not know goes to the provider.
pub(crate) fn goes_to_the_provider(key: &str, section: &'static Section) -> bool {
    match section.field(key) {
        Some(field) => field.status == Status::PassedOn,
        None => !unknown::is_misplaced(key, section),
    }
}
