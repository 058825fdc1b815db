//! Functions of the user that are tools, one by one.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::options::Options;
use super::{as_text, unbuilt};
use crate::fields::CUSTOM_TOOL;
use crate::node::{Node, NodeValue};
use crate::{CustomToolConfig, Diagnostic, Diagnostics, Params, Text};

/// The longest name of a tool: providers take up to 64 characters, of which `custom_tool__` are 13.
const NAME_CHARS_MAX: usize = 51;

pub(super) fn custom_tools(options: Options<'_>, found: &mut Diagnostics) -> Vec<CustomToolConfig> {
    let mut tools = Vec::new();
    let mut taken: BTreeMap<String, u32> = BTreeMap::new();
    for (path, node) in options.items("custom_tools").filter(|(_, node)| node.entries().is_some()) {
        let entry = Options { node, path: &path, span: node.span };
        for tool in entry_tools(entry, found) {
            check_name(&tool.name, entry, &mut taken, found);
            tools.push(tool);
        }
    }
    tools
}

/// The tools of one entry: a value that is no list is that of all.
fn entry_tools(options: Options<'_>, found: &mut Diagnostics) -> Vec<CustomToolConfig> {
    let function = if options.has("function") { "function" } else { "func" };
    let Some(functions) = one_or_several(options, function) else {
        if !options.has(function) {
            let error = options.error("function", "a tool without a `function`");
            found.push(error.hint("name the function, and the `path` of the file that it is in"));
        }
        return Vec::new();
    };
    let is_list = |key: &str| options.node.get(key).and_then(Node::items).map(<[Node]>::len);
    let mut fits = true;
    for (key, one) in [("name", "name"), ("description", "description"), ("preset_args", "map of arguments")] {
        let count = match is_list(key) {
            Some(count) => count,
            // One name is for one function alone.
            None if key == "name" && options.has(key) => 1,
            None => continue,
        };
        if count != functions.len() {
            let (names, of) = (counted(count, one), counted(functions.len(), "function"));
            let message = format!("{names} for {of}");
            found.push(options.error(key, message).hint("give as many as there are functions, in the same order"));
            fits = false;
        }
    }
    if !fits {
        return Vec::new();
    }
    let names = one_or_several(options, "name");
    let descriptions = one_or_several(options, "description").unwrap_or_default();
    let at = |list: &[Text], index: usize| if list.len() == 1 { list.first() } else { list.get(index) }.cloned();
    let tools = functions.iter().enumerate().map(|(index, function)| CustomToolConfig {
        name: names.as_deref().and_then(|names| at(names, index)).unwrap_or_else(|| function.clone()),
        function: function.clone(),
        description: at(&descriptions, index),
        path: options.text("path"),
        category: options.text("category"),
        preset_args: preset_args(options, index),
        unbuilt: unbuilt(options.node, &CUSTOM_TOOL, &[]),
    });
    let tools = tools.collect();
    if options.has("preset_args") && options.has("default_params") {
        let warning = options.warning("default_params", "no effect: `preset_args` counts");
        found.push(warning.hint("remove one of the two"));
    }
    tools
}

fn counted(count: usize, one: &str) -> String {
    match one.split_once(' ') {
        _ if count == 1 => format!("1 {one}"),
        Some((first, rest)) => format!("{count} {first}s {rest}"),
        None => format!("{count} {one}s"),
    }
}

fn one_or_several(options: Options<'_>, key: &str) -> Option<Vec<Text>> {
    let node = options.node.get(key)?;
    match node.items() {
        Some(items) => Some(items.iter().filter_map(as_text).collect()),
        None => as_text(node).map(|text| vec![text]),
    }
}

fn preset_args(options: Options<'_>, index: usize) -> Params {
    let given = options.node.get("preset_args").or_else(|| options.node.get("default_params"));
    let node = given.and_then(|node| node.items().map_or(Some(node), |items| items.get(index)));
    let entries = node.and_then(Node::entries).unwrap_or_default();
    let map = |value: fn(&Node) -> Value| -> Map<String, Value> {
        let entries = entries.iter().filter(|entry| entry.node.value != NodeValue::Null);
        entries.map(|entry| (entry.key.clone(), value(&entry.node))).collect()
    };
    Params { values: map(Node::to_value), written: map(Node::to_written) }
}

fn check_name(name: &Text, options: Options<'_>, taken: &mut BTreeMap<String, u32>, found: &mut Diagnostics) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let key = ["name", "function"].into_iter().find(|key| options.has(key)).unwrap_or("func");
    let line = options.node.entry(key).map_or(options.span.line, |entry| entry.span.line);
    let written = name.written();
    let wrong: Option<Diagnostic> = if name.is_empty() || !name.chars().all(is_plain) || name.len() > NAME_CHARS_MAX {
        let hint = format!("use up to {NAME_CHARS_MAX} letters, digits, `_` and `-`");
        Some(options.error(key, format!("`{written}` cannot be the name of a tool")).hint(hint))
    } else {
        taken.insert(name.as_str().to_owned(), line).map(|line| {
            let hint = format!("by that of line {line}: give this one another");
            options.error(key, format!("the name `{written}` is taken")).hint(hint)
        })
    };
    if let Some(wrong) = wrong {
        found.push(wrong);
    }
}
