//! From text to a tree with places.
//!
//! YAML and JSON take the same way: JSON is checked by a JSON parser and then read as YAML, which
//! contains it. Everything is bounded: the size of the text, the depth, and what aliases expand to.

mod message;
mod scalar;

pub(crate) use scalar::is_plain_text;

use std::collections::{BTreeMap, HashMap};

use granit_parser::{Event, Options, Parser, ScalarStyle, Tag};
use serde_json::Value;

use crate::node::{Entry, Node, NodeValue, path_of_item, path_of_key};
use crate::source::SOURCE_BYTES_MAX;
use crate::{Diagnostic, Diagnostics, Format, SourceText, Span};

/// How deep lists and maps may be nested.
pub(crate) const DEPTH_MAX: usize = 100;

/// How many values a config may have once its aliases are expanded.
const NODES_MAX: usize = 200_000;

/// How many bytes of text a config may have once its aliases are expanded.
const TEXT_BYTES_MAX: usize = 4 * SOURCE_BYTES_MAX;

/// Parses the source. Problems go to `found`; `None` when there is nothing to go on with.
pub(crate) fn parse(source: &SourceText, found: &mut Diagnostics) -> Option<Node> {
    if source.text.len() > SOURCE_BYTES_MAX {
        let bytes = source.text.len();
        found.push(Diagnostic::error(
            "",
            None,
            format!("{bytes} bytes are too many: a config may have {SOURCE_BYTES_MAX}"),
        ));
        return None;
    }
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    if source.format == Format::Json
        && !text.trim().is_empty()
        && let Err(error) = serde_json::from_str::<Value>(text)
    {
        found.push(message::of_json(&error));
        return None;
    }
    match Builder::new(found).build(text) {
        Ok(root) => Some(root),
        Err(diagnostic) => {
            found.push(*diagnostic);
            None
        }
    }
}

/// Puts the parser's events together to a tree.
struct Builder<'a> {
    found: &'a mut Diagnostics,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, Weight)>,
    whole: Weight,
    root: Option<Node>,
}

/// A list or map that is not yet closed.
struct Open {
    span: Span,
    anchor: usize,
    weight: Weight,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, places: BTreeMap<String, usize>, key: Option<Key>, merges: Vec<Node> },
}

/// A key that waits for its value.
enum Key {
    Named(String, Span),
    /// `<<`: the value's entries become this map's, except where it has its own.
    Merge,
}

/// What a value costs wherever an alias repeats it.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    nodes: usize,
    bytes: usize,
    depth: usize,
}

impl Weight {
    fn add(&mut self, part: Self) {
        self.nodes = self.nodes.saturating_add(part.nodes);
        self.bytes = self.bytes.saturating_add(part.bytes);
        self.depth = self.depth.max(part.depth + 1);
    }
}

type Refused = Box<Diagnostic>;

impl<'a> Builder<'a> {
    fn new(found: &'a mut Diagnostics) -> Self {
        Self { found, open: Vec::new(), anchors: HashMap::new(), whole: Weight::default(), root: None }
    }

    fn build(mut self, text: &str) -> Result<Node, Refused> {
        let mut options = Options::default();
        options.set_emit_comments(false);
        options.block_nesting_limit = DEPTH_MAX;
        options.flow_nesting_limit = DEPTH_MAX;

        let mut documents = 0;
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, place) = event.map_err(|error| Box::new(message::of_yaml(&error)))?;
            let span = span_of(&place);
            match event {
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents > 1 {
                        let message = "a second document: only the first one is read";
                        self.found.push(
                            Diagnostic::warning("", Some(span), message)
                                .hint("write one config in one file, without `---` between"),
                        );
                        break;
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let node = self.scalar(&text, style, tag.as_deref(), span)?;
                    let weight = Weight { nodes: 1, bytes: text.len(), depth: 0 };
                    self.finish(node, weight, anchor)?;
                }
                Event::SequenceStart(_, anchor, tag) => {
                    refuse_tag(tag.as_deref(), span)?;
                    self.start(OpenKind::List(Vec::new()), span, anchor)?;
                }
                Event::MappingStart(_, anchor, tag) => {
                    refuse_tag(tag.as_deref(), span)?;
                    let (entries, merges) = (Vec::new(), Vec::new());
                    let kind = OpenKind::Map { entries, places: BTreeMap::new(), key: None, merges };
                    self.start(kind, span, anchor)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end()?,
                Event::Alias(anchor) => self.alias(anchor, span)?,
                // Start and end of the stream and of documents; comments and the like are off.
                _ => {}
            }
        }
        Ok(self.root.unwrap_or_else(|| Node::new(NodeValue::Null, Span { line: 1, column: 1, length: 1 })))
    }

    fn start(&mut self, kind: OpenKind, span: Span, anchor: usize) -> Result<(), Refused> {
        if self.open.len() >= DEPTH_MAX {
            return Err(too_deep(span));
        }
        self.spend(Weight { nodes: 1, bytes: 0, depth: 0 }, span)?;
        self.open.push(Open { span, anchor, weight: Weight { nodes: 1, bytes: 0, depth: 0 }, kind });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refused> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.kind {
            OpenKind::List(items) => NodeValue::List(items),
            OpenKind::Map { mut entries, places, merges, .. } => {
                merge(&mut entries, &places, merges, self)?;
                NodeValue::Map(entries)
            }
        };
        self.finish(Node::new(value, open.span), open.weight, open.anchor)
    }

    /// Puts a complete value where it belongs.
    fn finish(&mut self, node: Node, weight: Weight, anchor: usize) -> Result<(), Refused> {
        if anchor != 0 {
            // The copy counts too, or a file of nested anchors could grow by a factor of its depth.
            self.spend(weight, node.span)?;
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        self.place(node, weight)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Refused> {
        let Some((_, weight)) = self.anchors.get(&anchor) else {
            // The anchor is known to the parser but its value is not complete: it contains itself.
            return Err(Box::new(
                Diagnostic::error("", Some(span), "an alias inside of what it stands for")
                    .hint("write the value out instead of using `*`"),
            ));
        };
        let weight = *weight;
        self.spend(weight, span)?;
        if self.open.len() + weight.depth > DEPTH_MAX {
            return Err(too_deep(span));
        }
        match self.anchors.get(&anchor) {
            Some((node, _)) => self.place(node.clone(), weight),
            None => Ok(()),
        }
    }

    fn place(&mut self, node: Node, weight: Weight) -> Result<(), Refused> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.weight.add(weight);
        let OpenKind::Map { entries, places, key, merges } = &mut open.kind else {
            if let OpenKind::List(items) = &mut open.kind {
                items.push(node);
            }
            return Ok(());
        };
        match key.take() {
            None => {
                *key = Some(key_of(node)?);
            }
            Some(Key::Merge) => merges.push(node),
            Some(Key::Named(key, span)) => {
                let Some(entry) = places.get(&key).and_then(|place| entries.get_mut(*place)) else {
                    places.insert(key.clone(), entries.len());
                    entries.push(Entry { key, span, node });
                    return Ok(());
                };
                let hint = format!("remove one; the first is in line {}", entry.span.line);
                let message = format!("`{key}` stands twice in this map: the last one counts");
                *entry = Entry { key: key.clone(), span, node };
                let path = path_of_key(&self.path(Until::Parent), &key);
                self.found.push(Diagnostic::warning(path, Some(span), message).hint(hint));
            }
        }
        Ok(())
    }

    fn spend(&mut self, weight: Weight, span: Span) -> Result<(), Refused> {
        self.whole.add(weight);
        let message = if self.whole.nodes > NODES_MAX {
            format!("more than {NODES_MAX} values once its aliases (`*name`) are expanded")
        } else if self.whole.bytes > TEXT_BYTES_MAX {
            format!("more than {TEXT_BYTES_MAX} bytes of text once its aliases (`*name`) are expanded")
        } else {
            return Ok(());
        };
        let hint = "a config has a few hundred values; write them out instead of nesting aliases";
        Err(Box::new(Diagnostic::error("", Some(span), message).hint(hint)))
    }

    /// The path of the value that is being read, or of the list or map that it is in.
    fn path(&self, until: Until) -> String {
        let parts = match until {
            Until::Parent => self.open.len().saturating_sub(1),
            Until::Value => self.open.len(),
        };
        self.open.iter().take(parts).fold(String::new(), |path, open| match &open.kind {
            OpenKind::List(items) => path_of_item(&path, items.len()),
            OpenKind::Map { key: Some(Key::Named(key, _)), .. } => path_of_key(&path, key),
            OpenKind::Map { key: Some(Key::Merge), .. } => path_of_key(&path, "<<"),
            OpenKind::Map { key: None, .. } => path,
        })
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<Node, Refused> {
        self.spend(Weight { nodes: 1, bytes: text.len(), depth: 0 }, span)?;
        let plain = style == ScalarStyle::Plain && tag.is_none();
        let value = match tag.map(|tag| (tag.core_suffix(), tag)) {
            None if plain => scalar::resolve(text),
            None | Some((Some("str"), _)) => Ok(NodeValue::Text(text.to_owned())),
            Some((Some("int" | "float" | "bool" | "null"), _)) => scalar::resolve(text),
            // `!` alone: text that is not to be guessed at.
            Some((None, tag)) if tag.original() == "!" => Ok(NodeValue::Text(text.to_owned())),
            Some((_, tag)) => return Err(unknown_tag(tag, span)),
        };
        let value = value.map_err(|scalar::NotFinite| {
            let message = format!("`{text}` is not a finite number");
            let hint = "put it in quotes if it is text";
            Box::new(Diagnostic::error(self.path(Until::Value), Some(span), message).hint(hint))
        })?;
        let node = Node { plain, ..Node::new(value, span) };
        if plain && let Some(before) = scalar::habit(text) {
            let message = format!("`{text}` is {} in YAML 1.2, but was {before} in YAML 1.1", node.found());
            let hint = "write the number in decimal, or put the text in quotes";
            self.found.push(Diagnostic::warning(self.path(Until::Value), Some(span), message).hint(hint));
        }
        Ok(node)
    }
}

#[derive(Clone, Copy)]
enum Until {
    Parent,
    Value,
}

fn refuse_tag(tag: Option<&Tag>, span: Span) -> Result<(), Refused> {
    match tag {
        Some(tag) if !matches!(tag.core_suffix(), Some("map" | "seq")) => Err(unknown_tag(tag, span)),
        _ => Ok(()),
    }
}

/// Adds what `<<: *base` brings, which is what the map does not have itself.
fn merge(
    entries: &mut Vec<Entry>,
    places: &BTreeMap<String, usize>,
    merges: Vec<Node>,
    builder: &Builder<'_>,
) -> Result<(), Refused> {
    let mut added = std::collections::BTreeSet::new();
    for node in merges {
        let bases = match node.value {
            NodeValue::List(items) => items,
            value => vec![Node { value, ..node }],
        };
        for base in bases {
            let span = base.span;
            let NodeValue::Map(inherited) = base.value else {
                let message = "`<<` takes a map or a list of maps";
                let path = path_of_key(&builder.path(Until::Value), "<<");
                return Err(Box::new(Diagnostic::error(path, Some(span), message)));
            };
            for entry in inherited {
                if !places.contains_key(&entry.key) && added.insert(entry.key.clone()) {
                    entries.push(entry);
                }
            }
        }
    }
    Ok(())
}

fn key_of(node: Node) -> Result<Key, Refused> {
    let span = node.span;
    match node.value {
        NodeValue::Text(text) if text == "<<" && node.plain => Ok(Key::Merge),
        NodeValue::Text(text) => Ok(Key::Named(text, span)),
        NodeValue::Bool(value) => Ok(Key::Named(value.to_string(), span)),
        NodeValue::Number(number) => Ok(Key::Named(number.to_string(), span)),
        NodeValue::Null | NodeValue::List(_) | NodeValue::Map(_) => {
            let message = format!("a key must be a word, found {}", Node::new(node.value, span).found());
            Err(Box::new(
                Diagnostic::error("", Some(span), message).hint("put text that starts with `{` or `[` in quotes"),
            ))
        }
    }
}

fn unknown_tag(tag: &Tag, span: Span) -> Refused {
    let message = format!("the tag `{}` is not known", tag.original());
    Box::new(
        Diagnostic::error("", Some(span), message)
            .hint("text that starts with `!` needs quotes; a variable is written ${NAME}"),
    )
}

fn too_deep(span: Span) -> Refused {
    Box::new(Diagnostic::error("", Some(span), format!("nested more than {DEPTH_MAX} deep")))
}

fn span_of(place: &granit_parser::Span) -> Span {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let (start, end) = (place.start, place.end);
    let length = if end.line() == start.line() { end.col().saturating_sub(start.col()) } else { usize::MAX };
    Span { line: number(start.line()), column: number(start.col().saturating_add(1)), length: number(length.max(1)) }
}

/// The value of a scalar in the table of options, which is plain YAML.
pub(crate) fn value_of(plain: &str) -> Value {
    scalar::resolve(plain).map_or(Value::Null, |value| Node::new(value, Span::default()).to_value())
}
