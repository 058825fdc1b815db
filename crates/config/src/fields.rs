//! The table of options: for each key of a config what it takes, what it means without being
//! given, and whether it is acted upon.
//!
//! Checks, suggestions, the JSON Schema and the documentation are all drawn from it. **To make an
//! option count**, change its row from `not_yet` to `on` and read it in `read.rs`; the note
//! that it is ignored, its severity and its place in the schema follow. An option's default here
//! and in its type are compared by a test.

mod agent;
mod backend;
mod budget;
mod commands;
mod media;
mod orchestrator;
mod tools;
mod top;

pub(crate) use agent::AGENT;
pub(crate) use backend::BACKEND;
pub(crate) use budget::BUDGET;
pub(crate) use commands::DOCKER_PACKAGES;
pub(crate) use media::{MEDIA_KIND, MULTIMODAL};
pub(crate) use orchestrator::{COORDINATION, ORCHESTRATOR, TREATED_AS};
pub(crate) use tools::{CUSTOM_TOOL, MCP_SECURITY, MCP_SERVER};
pub(crate) use top::{TIMEOUTS, TOP, UI};

use crate::suggest::nearest;

/// One option.
#[derive(Debug)]
pub struct Field {
    /// Its key. One that ends in `*` stands for all keys with that beginning.
    pub key: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it is when not given, as YAML; `None`: nothing.
    pub default: Option<&'static str>,
    /// What it is for, as a phrase.
    pub meaning: &'static str,
    /// Whether it is acted upon.
    pub status: Status,
}

/// Whether an option is acted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Yes.
    Supported,
    /// It goes to the provider as it is.
    PassedOn,
    /// Known, accepted, kept, and reported as ignored.
    NotYet,
    /// Known, accepted, and never acted upon, for this reason.
    Ignored(&'static str),
    /// An error; this is what to write instead.
    Refused(&'static str),
}

/// What an option takes. `null` always stands for "not given".
#[derive(Debug)]
pub enum Kind {
    /// Anything.
    Any,
    /// `true` or `false`.
    Bool,
    /// A whole number, both ends included.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// A number, both ends included.
    Number {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
    },
    /// A number of seconds above zero.
    Seconds,
    /// A string.
    Text,
    /// A string that is taken as it stands: references in it mean nothing.
    Name,
    /// A string for people and models to read. It may hold code, so a reference in it that stands
    /// for nothing stays as it is.
    Prose,
    /// One of some words. Case does not matter.
    Choice(&'static [&'static str]),
    /// The name of a backend type.
    BackendType,
    /// A list.
    List(&'static Kind),
    /// A map with known keys.
    Section(&'static Section),
    /// A map whose keys are names.
    MapOf(&'static Kind),
    /// Any of several.
    OneOf(&'static [Kind]),
}

/// The options of one map.
#[derive(Debug)]
pub struct Section {
    /// Its name among the sections.
    pub name: &'static str,
    /// The known keys.
    pub fields: &'static [Field],
    /// What becomes of other keys.
    pub others: Others,
}

/// What becomes of keys that a section does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// They are reported and ignored.
    Reported,
    /// They go to the provider as they are.
    PassedOn,
}

impl Section {
    /// The option of a key.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&'static Field> {
        if let Some(field) = self.fields.iter().find(|field| field.key == key) {
            return Some(field);
        }
        let prefix = self
            .fields
            .iter()
            .find(|field| field.key.strip_suffix('*').is_some_and(|prefix| key.starts_with(prefix)))?;
        // A misspelt option of the family is not one that is not built.
        let stem = prefix.key.trim_end_matches('*');
        let siblings =
            self.fields.iter().map(|field| field.key).filter(|known| known.starts_with(stem) && !known.ends_with('*'));
        nearest(key, siblings).is_none().then_some(prefix)
    }
}

/// An option and where it goes.
#[derive(Debug, Clone)]
pub struct KnownOption {
    /// The dotted path of its key, such as `agents[].backend.type`.
    pub path: String,
    /// The option.
    pub field: &'static Field,
}

/// Every option, section by section. What does not end, such as the agents of a subagent's team,
/// is listed once, and so is what may be given as a list or as a map, and what has two names.
#[must_use]
pub fn options() -> Vec<KnownOption> {
    let mut options = Vec::new();
    collect(&TOP, "", &mut Vec::new(), &mut options);
    options
}

fn collect(section: &'static Section, path: &str, above: &mut Vec<&'static Section>, options: &mut Vec<KnownOption>) {
    if above.iter().any(|known| std::ptr::eq(*known, section)) {
        return;
    }
    above.push(section);
    for field in section.fields {
        let path = if path.is_empty() { field.key.to_owned() } else { format!("{path}.{}", field.key) };
        options.push(KnownOption { path: path.clone(), field });
        if field.meaning.starts_with(ANOTHER_NAME) {
            continue;
        }
        collect_inside(&field.kind, &path, above, options);
    }
    above.pop();
}

fn collect_inside(kind: &'static Kind, path: &str, above: &mut Vec<&'static Section>, options: &mut Vec<KnownOption>) {
    match kind {
        Kind::Section(section) => collect(section, path, above, options),
        Kind::List(item) => collect_inside(item, &format!("{path}[]"), above, options),
        Kind::MapOf(value) => collect_inside(value, &format!("{path}.<name>"), above, options),
        Kind::OneOf([Kind::List(Kind::Section(list)), Kind::MapOf(Kind::Section(map))])
            if std::ptr::eq(*list, *map) =>
        {
            collect(list, &format!("{path}[]"), above, options);
        }
        Kind::OneOf(kinds) => kinds.iter().for_each(|kind| collect_inside(kind, path, above, options)),
        Kind::Any
        | Kind::Bool
        | Kind::Integer { .. }
        | Kind::Number { .. }
        | Kind::Seconds
        | Kind::Text
        | Kind::Name
        | Kind::Prose
        | Kind::Choice(_)
        | Kind::BackendType => {}
    }
}

/// How the meaning of an option begins that is another name of one.
const ANOTHER_NAME: &str = "another name of";

/// A row that is acted upon. An empty default means none.
const fn on(key: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Field {
    row(key, kind, default, meaning, Status::Supported)
}

/// A row that is known but not yet acted upon.
const fn not_yet(key: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Field {
    row(key, kind, default, meaning, Status::NotYet)
}

/// A row that goes to the provider.
const fn passed_on(key: &'static str, kind: Kind, meaning: &'static str) -> Field {
    row(key, kind, "", meaning, Status::PassedOn)
}

/// A row that will never be acted upon.
const fn ignored(key: &'static str, kind: Kind, reason: &'static str) -> Field {
    row(key, kind, "", "nothing", Status::Ignored(reason))
}

/// A row that is an error.
const fn refused(key: &'static str, meaning: &'static str, instead: &'static str) -> Field {
    row(key, Kind::Any, "", meaning, Status::Refused(instead))
}

const fn row(key: &'static str, kind: Kind, default: &'static str, meaning: &'static str, status: Status) -> Field {
    let default = if default.is_empty() { None } else { Some(default) };
    Field { key, kind, default, meaning, status }
}

/// A whole number from `min` up.
const fn at_least(min: i64) -> Kind {
    Kind::Integer { min, max: 1_000_000_000 }
}

/// A share of a whole.
const SHARE: Kind = Kind::Number { min: 0.0, max: 1.0 };

/// A list of strings.
const TEXTS: Kind = Kind::List(&Kind::Text);

/// A map of which only the caller knows the inside.
const MAP: Kind = Kind::MapOf(&Kind::Any);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Environment, Format, SourceText, load};

    #[test]
    fn no_section_knows_a_key_twice() {
        let mut seen = BTreeSet::new();
        for option in options() {
            assert!(seen.insert(option.path.clone()), "{}", option.path);
        }
        assert!(seen.contains("agents[].backend.enable_web_search"));
        assert!(seen.contains("orchestrator.coordination.subagent_orchestrator.agents[].backend.model"));
        assert!(seen.contains("agents[].backend.mcp_servers[].command"));
        assert!(seen.contains("agents[].backend.mcpServers"));
        assert!(!seen.contains("agents[].backend.mcpServers[].command"), "listed once");
    }

    #[test]
    fn a_default_in_the_table_is_the_default_of_the_type() {
        const BASE: &str = "agent: {backend: {model: gpt-5}}\n";
        let read = |text: &str| {
            let loaded = load(&SourceText::new("c.yaml", text, Format::Yaml), &Environment::default());
            assert!(loaded.diagnostics.is_empty(), "{}", loaded.diagnostics.render(crate::Colour::Plain));
            loaded.config.expect("a config")
        };
        let usual = read(BASE);
        let mut checked = 0;
        for option in options() {
            let (Some(default), Status::Supported) = (option.field.default, option.field.status) else { continue };
            let text = match option.path.split_once('.') {
                Some((section @ ("orchestrator" | "ui" | "timeout_settings" | "timeout"), rest))
                    if !rest.contains('.') =>
                {
                    format!("{BASE}{section}: {{{rest}: {default}}}\n")
                }
                Some(("orchestrator", rest)) if rest.starts_with("coordination.") && rest.matches('.').count() == 1 => {
                    format!("{BASE}orchestrator: {{coordination: {{{}: {default}}}}}\n", option.field.key)
                }
                Some(("agent", rest)) if rest.starts_with("backend.") && rest.matches('.').count() == 1 => {
                    format!("agent: {{backend: {{model: gpt-5, {}: {default}}}}}\n", option.field.key)
                }
                _ => continue,
            };
            assert_eq!(read(&text), usual, "{}", option.path);
            checked += 1;
        }
        assert!(checked >= 29, "{checked}");
    }
}
