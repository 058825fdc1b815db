use std::io::Write as _;
use std::process::{Command, Stdio};

use massgen_protocol::ToolSpec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;

use super::super::servers::CodeServer;
use super::super::tree::tree;
use super::*;

/// Texts that want to be more than texts.
fn hostile() -> BoxedStrategy<String> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            "\"",
            "\"\"\"",
            "'''",
            "\\",
            "\\\"",
            "\n",
            "\r",
            "\r\n",
            "\t",
            "\u{c}",
            "\0",
            "\u{2028}",
            "\u{202e}",
            "#",
            ")",
            "]",
            "}",
            "{x}",
            ":",
            "import os",
            "\nimport os\n",
            "__import__('os').system('id')",
            "\\N{BULLET}",
            "\\x41",
            "class",
            "None",
            "a",
            " ",
            "é",
            "😀",
            "$ref",
            "../",
            "%s",
            "\u{feff}",
            "\u{1a}",
            "\u{85}",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat()).boxed()
}

fn schema() -> BoxedStrategy<Value> {
    let text = || hostile().prop_map(Value::from);
    let number = prop_oneof![any::<i64>().prop_map(Value::from), Just(json!(1.5)), Just(json!(-0.0))];
    let leaf = prop_oneof![
        proptest::sample::select(vec!["string", "integer", "number", "boolean", "null", "array", "object"])
            .prop_map(|name| json!({"type": name})),
        text().prop_map(|name| json!({"type": name})),
        proptest::collection::vec(prop_oneof![text(), number, Just(json!(null)), Just(json!(true))], 0..5)
            .prop_map(|values| json!({"enum": values})),
        (text(), text(), text())
            .prop_map(|(a, b, c)| json!({"type": "string", "pattern": a, "default": b, "format": c})),
        text().prop_map(|reference| json!({"$ref": reference})),
        Just(json!({"$ref": "#"})),
        Just(json!(true)),
        text(),
    ];
    let described = (leaf, text()).prop_map(|(mut schema, description)| {
        if let Some(map) = schema.as_object_mut() {
            map.insert("description".to_owned(), description);
        }
        schema
    });
    described
        .prop_recursive(3, 20, 4, move |inner| {
            let fields = proptest::collection::vec((hostile(), inner.clone()), 0..4);
            prop_oneof![
                inner.clone().prop_map(|items| json!({"type": "array", "items": items})),
                inner.clone().prop_map(|values| json!({"type": "object", "additionalProperties": values})),
                proptest::collection::vec(inner, 0..3).prop_map(|options| json!({"anyOf": options})),
                fields.prop_map(
                    |fields| json!({"type": "object", "properties": fields.into_iter().collect::<Map<_, _>>()})
                ),
            ]
        })
        .boxed()
}

fn tool() -> BoxedStrategy<CodeTool> {
    let properties = proptest::collection::vec((hostile(), schema(), any::<bool>()), 0..6);
    let extra = proptest::sample::select(vec![json!(null), json!(true), json!(false), json!({"type": "string"})]);
    (hostile(), hostile(), hostile(), properties, extra)
        .prop_map(|(call_name, name, description, properties, extra)| {
            let required: Vec<_> =
                properties.iter().filter(|(_, _, needed)| *needed).map(|(name, ..)| name.clone()).collect();
            let properties: Map<_, _> = properties.into_iter().map(|(name, schema, _)| (name, schema)).collect();
            let mut parameters = json!({"type": "object", "properties": properties, "required": required});
            if !extra.is_null() {
                parameters["additionalProperties"] = extra;
            }
            CodeTool { spec: ToolSpec { name: call_name.clone(), description, parameters }, call_name, name }
        })
        .boxed()
}

#[test]
fn no_schema_gets_code_into_a_module() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut cases = Vec::new();
    for _ in 0..400 {
        let tool = tool().new_tree(&mut runner).unwrap().current();
        let function = identifier(&tool.name, "tool", &mut BTreeSet::new());
        let Module { source, documentation } = module(&tool, &function, "..");
        let properties = tool.spec.parameters["properties"].as_object().unwrap();
        let needed = tool.spec.parameters["required"].as_array().unwrap();
        let required: Vec<_> = properties.keys().filter(|name| needed.iter().any(|n| n == *name)).collect();
        cases.push(json!({
            "kind": "function", "source": source, "function": function, "documentation": documentation,
            "call_name": tool.call_name, "properties": properties.keys().collect::<Vec<_>>(), "required": required,
        }));
    }
    for _ in 0..40 {
        let tools = proptest::collection::vec(tool(), 1..4).new_tree(&mut runner).unwrap().current();
        let name = hostile().new_tree(&mut runner).unwrap().current();
        for (path, source) in tree(&[CodeServer { name, tools }]) {
            let safe =
                |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.') && part != "..";
            assert!(path.split('/').all(safe), "{path}");
            if path.starts_with("servers/") && path.ends_with("/__init__.py") && path != "servers/__init__.py" {
                cases.push(json!({"kind": "package", "source": source}));
            }
        }
    }
    let program = std::env::var("MASSGEN_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut python = Command::new(program)
        .args(["-c", include_str!("check.py")])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    for case in &cases {
        let _ = writeln!(stdin, "{case}");
    }
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.trim(), cases.len().to_string());
}

#[test]
fn a_module_reads_well() {
    let spec = ToolSpec {
        name: "mcp__git__git-log".to_owned(),
        description: "Shows the log.\n\nNewest first.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {
                "max-count": {"type": "integer", "default": 10, "minimum": 1, "description": "How many"},
                "repo_path": {"type": "string"},
                "from": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
                "order": {"enum": ["date", "topo"]},
                "filters": {"type": "array", "items": {"$ref": "#/$defs/Filter"}},
            },
            "required": ["repo_path"],
            "$defs": {"Filter": {
                "type": "object", "properties": {"author": {"type": "string"}, "merges": {"type": "boolean"}},
                "required": ["author"],
            }},
        }),
    };
    let tool = CodeTool { call_name: spec.name.clone(), name: "git-log".to_owned(), spec };
    let expected = r#"# Written by massgen: changes are lost.
from __future__ import annotations

from typing import Any, Dict, List, Literal, Optional, Union

from .. import _call


def git_log(
    repo_path: str,
    max_count: Optional[int] = None,
    from_: Optional[str] = None,
    order: Optional[Literal["date", "topo"]] = None,
    filters: Optional[List[Dict[str, Any]]] = None,
) -> str:
    """Shows the log.

    Newest first.

    Args:
        repo_path
        max_count: How many (at least 1, default 10)
        from_
        order
        filters
            author (str)
            merges (bool, optional)

    Returns:
        The result as text; where it is JSON, `.json()` is its value.
    """
    return _call("mcp__git__git-log", {"repo_path": repo_path}, {"max-count": max_count, "from": from_, "order": order, "filters": filters})
"#;
    assert_eq!(module(&tool, "git_log", "..").source, expected);
}
