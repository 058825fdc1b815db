//! Whether a value is what an option takes.

use massgen_protocol::names_a_secret;
use massgen_providers::{PROVIDERS, provider};

use crate::fields::Kind;
use crate::node::{Node, NodeValue};
use crate::suggest::nearest;

/// What is wrong with a value.
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// Names that people give to backend types, and the types.
const ALSO_CALLED: &[(&str, &str)] = &[
    ("anthropic", "claude"),
    ("google", "gemini"),
    ("gpt", "openai"),
    ("chatgpt", "openai"),
    ("xai", "grok"),
    ("azure", "azure_openai"),
    ("kimi", "moonshot"),
    ("dashscope", "qwen"),
    ("nvidia", "nvidia_nim"),
    ("openai_compatible", "chatcompletion"),
    ("inference", "vllm"),
];

impl Kind {
    /// Whether a value has the shape of this kind, for a choice between kinds.
    pub(super) fn fits(&self, node: &Node) -> bool {
        match self {
            Self::Any => true,
            Self::Bool => node.boolean().is_some(),
            Self::Integer { .. } => node.integer().is_some(),
            Self::Number { .. } | Self::Seconds => node.number().is_some(),
            Self::Text | Self::Name | Self::Prose | Self::BackendType => node.text().is_some(),
            Self::Choice(words) => {
                node.text().is_some_and(|text| words.iter().any(|word| word.eq_ignore_ascii_case(text)))
            }
            Self::List(kind) => node.items().is_some_and(|items| items.iter().all(|item| kind.fits(item))),
            Self::Section(_) | Self::MapOf(_) => node.entries().is_some(),
            Self::OneOf(kinds) => kinds.iter().any(|kind| kind.fits(node)),
        }
    }

    /// What the option takes, for "expected ...".
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Any => "anything".to_owned(),
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Integer { min, max } => match (*min, *max) {
                (i64::MIN, _) => "a whole number".to_owned(),
                (min, 1_000_000_000) => format!("a whole number from {min} up"),
                (min, max) => format!("a whole number from {min} to {max}"),
            },
            Self::Number { min, max } => format!("a number from {min} to {max}"),
            Self::Seconds => "a number of seconds above 0".to_owned(),
            Self::Text | Self::Name | Self::Prose => "text".to_owned(),
            Self::Choice(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
            Self::BackendType => "a backend type".to_owned(),
            Self::List(kind) => match kind {
                Self::Text => "a list of texts".to_owned(),
                _ => "a list".to_owned(),
            },
            Self::Section(_) | Self::MapOf(_) => "a map".to_owned(),
            Self::OneOf(kinds) => kinds.iter().map(Self::expected).collect::<Vec<_>>().join(" or "),
        }
    }

    /// Checks the value itself, not what is in it.
    pub(super) fn check(&self, node: &Node, path: &str) -> Result<(), Wrong> {
        let fits = match self {
            Self::Integer { min, max } => node.integer().is_some_and(|number| (*min..=*max).contains(&number)),
            Self::Number { min, max } => node.number().is_some_and(|number| (*min..=*max).contains(&number)),
            Self::Seconds => node.number().is_some_and(|seconds| seconds > 0.0 && seconds < 1e12),
            Self::List(_) => node.items().is_some(),
            Self::Choice(words) if node.text().is_some() && !self.fits(node) => return Err(not_among(words, node)),
            Self::BackendType if node.text().is_some_and(|text| provider(text).is_none()) => {
                return Err(unknown_backend(node));
            }
            kind => kind.fits(node),
        };
        if fits { Ok(()) } else { Err(self.mismatch(node, path)) }
    }

    fn mismatch(&self, node: &Node, path: &str) -> Wrong {
        let key = path.rsplit('.').next().unwrap_or(path);
        let found = match &node.value {
            NodeValue::Number(_) | NodeValue::Bool(_) | NodeValue::Text(_)
                if names_a_secret(key) || node.written.is_some() =>
            {
                "another scalar".to_owned()
            }
            _ => node.found(),
        };
        Wrong { message: format!("expected {}, found {found}", self.expected()), hint: self.repair(node) }
    }

    /// What makes the value fit.
    fn repair(&self, node: &Node) -> Option<String> {
        let quoted_number = |text: &str| node.written.is_none() && text.trim().parse::<f64>().is_ok();
        match (self, &node.value) {
            (Self::Text | Self::Name | Self::Prose, NodeValue::Number(_) | NodeValue::Bool(_)) => {
                Some("put it in quotes".to_owned())
            }
            (Self::Text | Self::Name | Self::Prose, NodeValue::Map(_)) => {
                Some("text that contains `: ` needs quotes, or a `|` and its own lines".to_owned())
            }
            (Self::Integer { .. } | Self::Number { .. } | Self::Seconds, NodeValue::Text(text))
                if quoted_number(text) =>
            {
                Some("remove the quotes".to_owned())
            }
            (Self::Bool, NodeValue::Text(text))
                if matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "yes" | "no" | "on" | "off") =>
            {
                Some("remove the quotes".to_owned())
            }
            (Self::List(_), NodeValue::Map(_)) => Some("each entry of a list starts with `- `".to_owned()),
            (Self::List(_), NodeValue::Text(_)) => {
                Some("write `[...]` around it, or `- ` before each entry".to_owned())
            }
            (Self::Section(_) | Self::MapOf(_), NodeValue::List(_)) => {
                Some("write `key: value` lines without `- ` before them".to_owned())
            }
            (Self::Section(_) | Self::MapOf(_), _) => {
                Some("write `key: value` lines below it, further indented".to_owned())
            }
            _ => None,
        }
    }
}

fn not_among(words: &[&str], node: &Node) -> Wrong {
    let text = node.text().unwrap_or_default();
    let hint = match nearest(text, words.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("write one of {}", Kind::list(words)),
    };
    let written = node.written.as_deref().unwrap_or(text);
    Wrong { message: format!("no such choice: `{written}`"), hint: Some(hint) }
}

/// The backend type that was probably meant.
pub(crate) fn meant_backend(name: &str) -> Option<&'static str> {
    let also = ALSO_CALLED.iter().find(|(also, _)| also.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind);
    also.or_else(|| nearest(name, PROVIDERS.iter().map(|provider| provider.kind)))
}

fn unknown_backend(node: &Node) -> Wrong {
    let text = node.text().unwrap_or_default();
    let hint = match meant_backend(text) {
        Some(kind) => format!("did you mean `{kind}`?"),
        None => format!(
            "the types are {}; any other service that speaks Chat Completions is `chatcompletion` with a `base_url`",
            PROVIDERS.iter().map(|provider| provider.kind).collect::<Vec<_>>().join(", ")
        ),
    };
    let written = node.written.as_deref().unwrap_or(text);
    Wrong { message: format!("unknown backend type `{written}`"), hint: Some(hint) }
}

impl Kind {
    fn list(words: &[&str]) -> String {
        words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
    }
}
