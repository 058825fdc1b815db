//! From a checked tree to the typed config.
//!
//! What has the wrong type has been reported by then and is read as if it were not there, so that
//! the rest can be judged, too. What is judged here is what one row of the table cannot know:
//! what is missing, and what does not go together.

mod backend;
mod budget;
mod commands;
mod context_paths;
mod custom_tools;
mod docker;
mod mcp;
mod media;
mod options;
mod orchestrator;
mod permissions;
mod tools;

use std::collections::BTreeMap;

use massgen_protocol::{AgentId, AgentIndex};

use self::options::Options;
use crate::check::{Explained, goes_to_the_provider};
use crate::fields::{AGENT, Others, Section, Status, TOP};
use crate::node::{Entry, Node, NodeValue, path_of_item, path_of_key};
use crate::team::DisplayType;
use crate::words::meaning_of;
use crate::{AgentConfig, Diagnostic, Diagnostics, Environment, TeamConfig, Text, UiConfig, Written};

/// How many agents a team may have. More would not see anything of each other's work.
const TEAM_MAX: usize = 256;

/// What stands in hints for those who start with nothing.
const SMALLEST: &str = "the smallest config is `agents: [{backend: {model: gpt-5-mini}}]`";

/// Whether there is anything in the tree that could be a config.
pub(crate) fn is_a_config(root: &Node, found: &mut Diagnostics) -> bool {
    let (message, hint) = match &root.value {
        NodeValue::Map(entries) if entries.is_empty() => ("the config is empty".to_owned(), SMALLEST),
        NodeValue::Map(entries) if entries.iter().all(is_rate_limit) => {
            ("not a run config: a rate limits file".to_owned(), "give the file with the `agents` as the config")
        }
        NodeValue::Map(_) => return true,
        NodeValue::Null => ("the config is empty".to_owned(), SMALLEST),
        NodeValue::List(_) => (
            "a config is a map, found a list".to_owned(),
            "write `agents:` above the list and indent it, each entry with a `backend`",
        ),
        _ => (format!("a config is a map, found {}", root.found()), SMALLEST),
    };
    let span = (!found.source().text.trim().is_empty()).then_some(root.span);
    found.push(Diagnostic::error("", span, message).hint(hint));
    false
}

/// Whether an entry says how much may be asked of a provider's models.
fn is_rate_limit(entry: &Entry) -> bool {
    const LIMITS: &[&str] = &["rpm", "tpm", "rpd"];
    let is_limit = |model: &Entry| {
        let limits = model.node.entries().unwrap_or_default();
        !limits.is_empty() && limits.iter().all(|limit| LIMITS.contains(&limit.key.as_str()))
    };
    let models = entry.node.entries().unwrap_or_default();
    !models.is_empty() && models.iter().all(is_limit)
}

/// Reads the whole config. `None` when there is no team.
pub(crate) fn team(
    root: &Node,
    environment: &Environment,
    explained: &Explained,
    found: &mut Diagnostics,
) -> Option<TeamConfig> {
    let orchestrator = orchestrator::orchestrator(root.get("orchestrator"), environment, found);
    let timeouts = orchestrator::timeouts(root, found);
    let agents = agents(root, environment, explained, found)?;
    orchestrator::check_verification(root, &orchestrator, &agents, found);
    Some(TeamConfig {
        agents,
        orchestrator,
        timeouts,
        budget: budget::budget(Options { node: root, path: "", span: root.span }, found),
        ui: ui(root.get("ui")),
        cassette: text(root, "cassette"),
        prompt: text(root, "prompt"),
        session_id: text(root, "session_id"),
        unbuilt: unbuilt(root, &TOP, &[]),
    })
}

fn agents(
    root: &Node,
    environment: &Environment,
    explained: &Explained,
    found: &mut Diagnostics,
) -> Option<Vec<AgentConfig>> {
    let places: Vec<(String, &Node)> = match (root.entry("agents"), root.entry("agent")) {
        (Some(many), Some(one)) => {
            let message = "both `agent` and `agents`: there is one team";
            let hint = format!("move the agent of line {} into the list, or remove it", one.span.line);
            let (place, span) = if one.span > many.span { ("agent", one.span) } else { ("agents", many.span) };
            found.push(Diagnostic::error(place, Some(span), message).hint(hint));
            return None;
        }
        (None, Some(one)) => vec![("agent".to_owned(), &one.node)],
        (Some(many), None) => {
            let items = many.node.items()?;
            if items.is_empty() || items.len() > TEAM_MAX {
                let message = format!("{} agents: a team has from 1 to {TEAM_MAX}", items.len());
                found.push(Diagnostic::error("agents", Some(many.span), message));
                return None;
            }
            items.iter().enumerate().map(|(index, item)| (path_of_item("agents", index), item)).collect()
        }
        (None, None) => {
            let is_old =
                |entry: &Entry| TOP.field(&entry.key).is_some_and(|field| matches!(field.status, Status::Refused(_)));
            let is_explained = explained.contains("agents")
                || explained.contains("agent")
                || root.entries().is_some_and(|entries| entries.iter().any(is_old));
            if !is_explained {
                found.push(
                    Diagnostic::error("agents", None, "no agents: there is neither `agents` nor `agent`")
                        .hint(SMALLEST),
                );
            }
            return None;
        }
    };
    let ids = ids(&places, found);
    let agents = places.iter().zip(ids).map(|((path, node), id)| {
        let context = backend::Context { environment, explained };
        agent(node, id, path, context, found)
    });
    // All are read, so that all are judged, before one that cannot be read drops the team.
    agents.collect::<Vec<_>>().into_iter().collect()
}

fn agent(
    node: &Node,
    id: AgentId,
    path: &str,
    context: backend::Context<'_>,
    found: &mut Diagnostics,
) -> Option<AgentConfig> {
    node.entries()?;
    let place = path_of_key(path, "backend");
    let Some(backend) = node.entry("backend") else {
        if !context.explained.contains(&place) {
            let hint = "give it a `backend:` with a `type` or a `model`";
            found.push(
                Diagnostic::error(place, Some(node.span), format!("the agent `{id}` has no `backend`")).hint(hint),
            );
        }
        return None;
    };
    let backend = backend::backend(backend, &place, context, found)?;
    Some(AgentConfig { id, system_message: text(node, "system_message"), backend, unbuilt: unbuilt(node, &AGENT, &[]) })
}

/// The agents' ids: as given, or the first free of agent1, agent2 and so on from their place on.
fn ids(places: &[(String, &Node)], found: &mut Diagnostics) -> Vec<AgentId> {
    let given = |node: &Node| node.get("id").and_then(Node::text).map(str::to_owned);
    let mut taken: BTreeMap<String, u32> = BTreeMap::new();
    for (position, (path, node)) in places.iter().enumerate() {
        let (Some(id), Some(entry)) = (given(node), node.entry("id")) else { continue };
        let path = path_of_key(path, "id");
        let span = Some(entry.node.span);
        if id.trim().is_empty() {
            found.push(Diagnostic::error(path, span, "an empty id").hint("give the agent a name, or leave `id` out"));
        } else if let Some(line) = taken.insert(id.clone(), entry.span.line) {
            let message = format!("the id `{id}` is taken");
            found.push(
                Diagnostic::error(path, span, message)
                    .hint(format!("by the agent of line {line}: give this one another")),
            );
        } else if !is_file_name(&id) {
            let message = format!("the id `{id}` cannot be the name of a file: its logs get another name");
            found.push(Diagnostic::warning(path, span, message).hint("use letters, digits, `_`, `-` and `.`"));
        } else if let Some(name) = id.parse::<AgentIndex>().ok().filter(|_| places.len() > 1)
            && name.position() != position
        {
            let message =
                format!("the id `{id}` misleads: to the team, this agent is `agent{}`, not `{name}`", position + 1);
            let hint = "answers and votes name agents by their places: give this one another id, or leave `id` out";
            found.push(Diagnostic::warning(path, span, message).hint(hint));
        }
    }
    let mut free = (1..).map(|number| format!("agent{number}"));
    let ids = places.iter().enumerate().map(|(index, (_, node))| {
        let id = given(node).unwrap_or_else(|| {
            let usual = format!("agent{}", index + 1);
            let id = if taken.contains_key(&usual) { free.find(|id| !taken.contains_key(id)) } else { Some(usual) };
            let id = id.unwrap_or_default();
            taken.insert(id.clone(), 0);
            id
        });
        AgentId::new(id)
    });
    ids.collect()
}

fn is_file_name(id: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | '(' | ')' | '+' | '@' | '#');
    id.len() <= 100 && id.chars().all(is_plain) && !matches!(id, "." | "..")
}

fn ui(node: Option<&Node>) -> UiConfig {
    let usual = UiConfig::default();
    let Some(node) = node else { return usual };
    let display = node.get("display_type").and_then(Node::text);
    UiConfig {
        display_type: display.and_then(|word| meaning_of(DisplayType::NAMES, word)).unwrap_or(usual.display_type),
        logging_enabled: node.get("logging_enabled").and_then(Node::boolean).unwrap_or(usual.logging_enabled),
        unbuilt: unbuilt_of("ui", node),
    }
}

/// A text with its references replaced.
fn text(node: &Node, key: &str) -> Option<Text> {
    node.get(key).and_then(as_text)
}

fn as_text(node: &Node) -> Option<Text> {
    let value = node.text()?;
    Some(node.written.as_deref().map_or_else(|| Text::new(value), |written| Text::of_reference(value, written)))
}

/// What the section knows but does not act upon, and what it does not know, as written. `typed`
/// are keys that are read although they are not acted upon.
fn unbuilt(node: &Node, section: &'static Section, typed: &[&str]) -> Written {
    let entries = node.entries().unwrap_or_default().iter();
    entries
        .filter(|entry| entry.node.value != NodeValue::Null && !typed.contains(&entry.key.as_str()))
        .filter(|entry| match section.field(&entry.key) {
            Some(field) => matches!(field.status, Status::NotYet | Status::Ignored(_)),
            None => section.others == Others::Reported || !goes_to_the_provider(&entry.key, section),
        })
        .map(|entry| (entry.key.clone(), entry.node.to_written()))
        .collect()
}

fn unbuilt_of(key: &str, node: &Node) -> Written {
    match TOP.field(key).map(|field| &field.kind) {
        Some(crate::fields::Kind::Section(section)) => unbuilt(node, section, &[]),
        _ => Written::default(),
    }
}
