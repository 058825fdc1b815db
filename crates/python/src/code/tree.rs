//! All files for a set of servers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::literal;
use super::module::module;
use super::names::identifier;
use super::servers::{CUSTOM_TOOLS, CodeServer};

/// Files by path, relative to the workspace.
pub(super) type Tree = BTreeMap<String, String>;

pub(super) const CLIENT: &str = include_str!("../../assets/code/client.py");
/// Finds the client beside the package: the package may be a link, the workspace may have been copied.
const PACKAGE: &str = r#"
import importlib.util as _util
import os as _os
import sys as _sys


def _client():
    path = _os.path.join(_os.path.dirname(_os.path.dirname(_os.path.abspath(__file__))), ".mcp", "client.py")
    name = "_massgen_client"
    if name not in _sys.modules:
        spec = _util.spec_from_file_location(name, path)
        module = _util.module_from_spec(spec)
        spec.loader.exec_module(module)
        _sys.modules[name] = module
    return _sys.modules[name]


_call = _client().call
ToolError = _client().ToolError
"#;

/// The packages that make up the tree, without those of the user's own files.
pub(super) fn tree(servers: &[CodeServer]) -> Tree {
    let mut tree = Tree::new();
    tree.insert(".mcp/client.py".to_owned(), CLIENT.to_owned());
    let documentation = "\"\"\"MCP servers as packages: `from servers.<server> import <tool>`.\"\"\"\n";
    tree.insert("servers/__init__.py".to_owned(), format!("{documentation}{PACKAGE}"));
    for (folder, server) in server_folders(servers) {
        if folder == CUSTOM_TOOLS {
            continue;
        }
        let path = format!("servers/{folder}");
        let said = literal::docstring(&format!("Tools of the server {}.", server.name), "");
        let mut package = format!("{said}\n");
        add(&mut tree, &mut package, server, &path, "..");
        tree.insert(format!("{path}/__init__.py"), package);
    }
    let mut package = format!("\"\"\"The user's own tools.\"\"\"\n{PACKAGE}\n");
    for server in servers.iter().filter(|server| server.name == CUSTOM_TOOLS) {
        add(&mut tree, &mut package, server, CUSTOM_TOOLS, ".");
    }
    tree.insert(format!("{CUSTOM_TOOLS}/__init__.py"), package);
    tree
}

/// The folder of each server, in their order.
pub(super) fn server_folders(servers: &[CodeServer]) -> Vec<(String, &CodeServer)> {
    let mut taken = BTreeSet::new();
    let folder = |server: &CodeServer| match server.name.as_str() {
        CUSTOM_TOOLS => CUSTOM_TOOLS.to_owned(),
        name => identifier(name, "server", &mut taken),
    };
    servers.iter().map(folder).zip(servers).collect()
}

/// The module of each tool of a server, in their order.
pub(super) fn tool_modules(server: &CodeServer) -> Vec<String> {
    let mut taken = BTreeSet::new();
    server.tools.iter().map(|tool| identifier(&tool.name, "tool", &mut taken)).collect()
}

fn add(tree: &mut Tree, package: &mut String, server: &CodeServer, folder: &str, call_package: &str) {
    let names = tool_modules(server);
    for (name, tool) in names.iter().zip(&server.tools) {
        tree.insert(format!("{folder}/{name}.py"), module(tool, name, call_package).source);
        let _ = writeln!(package, "from .{name} import {name}");
    }
    let names: Vec<_> = names.iter().map(|name| literal::string(name)).collect();
    let _ = writeln!(package, "\n__all__ = [{}]", names.join(", "));
}
