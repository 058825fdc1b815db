//! A parsed config before anybody has looked at what its keys mean.

use std::fmt;

use massgen_protocol::redact;
use serde_json::{Map, Number, Value};

use crate::Span;

/// A value and its place. Its `Debug` form is what the user wrote, without literal keys.
#[derive(Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: NodeValue,
    pub(crate) span: Span,
    /// A scalar without quotes and tags, whose type was guessed from its look.
    pub(crate) plain: bool,
    /// What a text was before its references were replaced, if it had any.
    pub(crate) written: Option<String>,
}

/// A value. Maps keep the order of the source; their keys are unique.
#[derive(Clone, PartialEq)]
pub(crate) enum NodeValue {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a map.
#[derive(Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) span: Span,
    pub(crate) node: Node,
}

impl Node {
    pub(crate) fn new(value: NodeValue, span: Span) -> Self {
        Self { value, span, plain: false, written: None }
    }

    /// The entry of `key`, unless this is no map or the value is null: `key:` means "as usual".
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        let entries = self.entries()?;
        entries.iter().find(|entry| entry.key == key && entry.node.value != NodeValue::Null)
    }

    /// The value of `key`, unless it is null.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.node)
    }

    pub(crate) fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            NodeValue::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(crate) fn items(&self) -> Option<&[Self]> {
        match &self.value {
            NodeValue::List(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A boolean, also as YAML 1.1 wrote it (`yes`, `on`), and as the value of a reference.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match &self.value {
            NodeValue::Bool(value) => Some(*value),
            NodeValue::Text(text) if self.plain || self.written.is_some() => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Some(true),
                "false" | "no" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// A number, also as the value of a reference.
    pub(crate) fn number(&self) -> Option<f64> {
        match &self.value {
            NodeValue::Number(number) => number.as_f64(),
            NodeValue::Text(text) if self.written.is_some() => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
            _ => None,
        }
    }

    /// A whole number, also as the value of a reference. `3.0` is one.
    pub(crate) fn integer(&self) -> Option<i64> {
        match &self.value {
            NodeValue::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
            NodeValue::Text(text) if self.written.is_some() => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// What kind of value this is, for "found ..." in messages. Shows short scalars as written.
    pub(crate) fn found(&self) -> String {
        const SHOWN_MAX: usize = 60;
        let shown = |text: &str| {
            let line = text.lines().next().unwrap_or_default();
            let cut: String = line.chars().take(SHOWN_MAX).collect();
            let dots = if cut.len() < text.len() { "..." } else { "" };
            format!("`{cut}{dots}`")
        };
        match &self.value {
            NodeValue::Null => "nothing".to_owned(),
            NodeValue::Bool(value) => format!("the boolean `{value}`"),
            NodeValue::Number(number) => format!("the number `{number}`"),
            NodeValue::Text(text) => format!("the text {}", shown(self.written.as_deref().unwrap_or(text))),
            NodeValue::List(_) => "a list".to_owned(),
            NodeValue::Map(_) => "a map".to_owned(),
        }
    }

    /// As JSON, with references replaced.
    pub(crate) fn to_value(&self) -> Value {
        self.json(&|node| Value::from(node.text().unwrap_or_default()))
    }

    /// As JSON, with references as the user wrote them.
    pub(crate) fn to_written(&self) -> Value {
        self.json(&|node| Value::from(node.written.as_deref().or(node.text()).unwrap_or_default()))
    }

    fn json(&self, text: &impl Fn(&Self) -> Value) -> Value {
        match &self.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(value) => Value::Bool(*value),
            NodeValue::Number(number) => Value::Number(number.clone()),
            NodeValue::Text(_) => text(self),
            NodeValue::List(items) => items.iter().map(|item| item.json(text)).collect(),
            NodeValue::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.node.json(text))).collect::<Map<_, _>>().into()
            }
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = self.to_written();
        redact(&mut written);
        fmt::Debug::fmt(&written, f)
    }
}

/// A float as an integer if it is one.
fn whole(number: f64) -> Option<i64> {
    // Every integer up to 2^53 is exact as a float; beyond, a config has no business.
    (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then_some(number as i64)
}

/// The dotted path of a key below `path`. Keys that would be misread are in quotes.
pub(crate) fn path_of_key(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '@' | '/'));
    let key = if plain { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// The dotted path of the item `index` of the list at `path`.
pub(crate) fn path_of_item(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}
