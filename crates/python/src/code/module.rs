//! The Python module of one tool.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::literal;
use super::names::identifier;
use super::servers::CodeTool;
use super::types::{demands, hint, resolve};

/// A description is cut after so many bytes.
const DESCRIPTION_BYTES_MAX: usize = 6000;
/// How deep the fields of nested objects are described.
const DEPTH_MAX: usize = 3;

/// A module and what it defines.
pub(super) struct Module {
    /// Its text.
    pub(super) source: String,
    /// What Python reads back as the function's documentation. Tests compare it.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests read it back"))]
    pub(super) documentation: String,
}

struct Parameter<'a> {
    name: &'a str,
    identifier: String,
    schema: &'a Value,
    is_required: bool,
}

/// The module that defines `function`, which calls `tool`. `package` is where `_call` is, relative to it: `.` or `..`.
pub(super) fn module(tool: &CodeTool, function: &str, package: &str) -> Module {
    let root = &tool.spec.parameters;
    let empty = Map::new();
    let properties = root.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required: BTreeSet<&str> =
        root.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut taken = BTreeSet::new();
    let mut parameters: Vec<Parameter<'_>> = properties
        .iter()
        .map(|(name, schema)| Parameter {
            name,
            identifier: identifier(name, "argument", &mut taken),
            schema,
            is_required: required.contains(name.as_str()),
        })
        .collect();
    // Python wants those without a default first.
    parameters.sort_by_key(|parameter| !parameter.is_required);
    let documentation = document(tool, &parameters, root);

    let mut signature: Vec<String> = parameters.iter().map(|parameter| declared(parameter, root)).collect();
    let extra = takes_extra(root, properties).then(|| identifier("extra", "argument", &mut taken));
    signature.extend(extra.iter().map(|extra| format!("**{extra}: Any")));
    let dictionary = |is_required: bool| {
        let chosen = parameters.iter().filter(|parameter| parameter.is_required == is_required);
        let pairs = chosen.map(|parameter| format!("{}: {}", literal::string(parameter.name), parameter.identifier));
        let spread = extra.iter().filter(|_| !is_required).map(|extra| format!("**{extra}"));
        pairs.chain(spread).collect::<Vec<_>>().join(", ")
    };

    let mut source = String::from("# Written by massgen: changes are lost.\nfrom __future__ import annotations\n\n");
    source.push_str("from typing import Any, Dict, List, Literal, Optional, Union\n\n");
    let _ = writeln!(source, "from {package} import _call\n\n");
    let on_one_line = signature.join(", ");
    let signature = match on_one_line.len() {
        0..=90 => on_one_line,
        _ => format!("\n    {},\n", signature.join(",\n    ")),
    };
    let _ = writeln!(source, "def {function}({signature}) -> str:");
    let _ = writeln!(source, "    {}", literal::docstring(&documentation, "    "));
    let name = literal::string(&tool.call_name);
    let _ = writeln!(source, "    return _call({name}, {{{}}}, {{{}}})", dictionary(true), dictionary(false));
    let documentation = indented(&documentation);
    Module { source, documentation }
}

fn declared(parameter: &Parameter<'_>, root: &Value) -> String {
    let hint = hint(parameter.schema, root);
    let name = &parameter.identifier;
    match (parameter.is_required, hint.starts_with("Optional[") || hint == "Any" || hint == "None") {
        (true, _) => format!("{name}: {hint}"),
        (false, true) => format!("{name}: {hint} = None"),
        (false, false) => format!("{name}: Optional[{hint}] = None"),
    }
}

/// Whether a tool takes arguments that its schema does not name.
fn takes_extra(root: &Value, properties: &Map<String, Value>) -> bool {
    match root.get("additionalProperties") {
        Some(Value::Bool(allowed)) => *allowed,
        Some(Value::Object(_)) => true,
        _ => properties.is_empty() && root.get("type").is_none(),
    }
}

fn document(tool: &CodeTool, parameters: &[Parameter<'_>], root: &Value) -> String {
    let description = crate::text::bounded(tool.spec.description.trim(), DESCRIPTION_BYTES_MAX);
    let mut text = if description.is_empty() { format!("Calls the tool {}.", tool.name) } else { description };
    if !parameters.is_empty() {
        text.push_str("\n\nArgs:");
        for parameter in parameters {
            let words = described(parameter.schema, root);
            let _ = write!(text, "\n    {}{}{words}", parameter.identifier, separator(&words));
            fields(&mut text, parameter.schema, root, 1);
        }
    }
    text.push_str("\n\nReturns:\n    The result as text; where it is JSON, `.json()` is its value.\n");
    // `\r` alone would be a line end to Python.
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// A parameter or field in a line.
fn described(schema: &Value, root: &Value) -> String {
    let own = resolve(schema, root).unwrap_or(schema);
    let said = |schema: &Value| schema.get("description").and_then(Value::as_str).map(|text| text.trim().to_owned());
    let mut words = said(schema).or_else(|| said(own)).unwrap_or_default();
    words = crate::text::bounded(&words, DESCRIPTION_BYTES_MAX / 4).replace('\n', " ");
    let demands = demands(own).join(", ");
    match (words.is_empty(), demands.is_empty()) {
        (_, true) => words,
        (true, false) => format!("({demands})"),
        (false, false) => format!("{words} ({demands})"),
    }
}

/// The fields of an object, or of the objects in a list, which the hint does not tell.
fn fields(text: &mut String, schema: &Value, root: &Value, depth: usize) {
    let Some(mut schema) = resolve(schema, root) else { return };
    if let Some(items) = schema.get("items").and_then(|items| resolve(items, root)) {
        schema = items;
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    if depth > DEPTH_MAX {
        return;
    }
    let required = schema.get("required").and_then(Value::as_array);
    for (name, field) in properties {
        let needed = required.is_some_and(|required| required.iter().any(|known| known.as_str() == Some(name)));
        let mark = if needed { "" } else { ", optional" };
        let indent = "    ".repeat(depth + 1);
        let name = crate::text::bounded(name, 200).replace('\n', " ");
        let words = described(field, root);
        let _ = write!(text, "\n{indent}{name} ({}{mark}){}{words}", hint(field, root), separator(&words));
        fields(text, field, root, depth + 1);
    }
}

fn separator(words: &str) -> &'static str {
    if words.is_empty() { "" } else { ": " }
}

/// What the literal of a documentation is read back as.
fn indented(documentation: &str) -> String {
    let lines = documentation.split('\n').enumerate();
    let last = documentation.split('\n').count() - 1;
    let line = |(number, line): (usize, &str)| match number == 0 || line.is_empty() && number != last {
        true => line.to_owned(),
        false => format!("    {line}"),
    };
    lines.map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
