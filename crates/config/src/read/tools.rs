//! The tools of an agent that do not come with massgen.

use massgen_providers::{Protocol, Provider};

use super::custom_tools::custom_tools;
use super::mcp::servers;
use super::options::Options;
use crate::check::Explained;
use crate::{Diagnostic, Diagnostics, ToolsConfig, Written};

/// Lists that mean the tools of the program itself where the agent is one.
const PROGRAM_LISTS: [&str; 2] = ["allowed_tools", "exclude_tools"];

/// Reads the options of tools. Those that are meant for a program are put into `kept`, as written.
pub(super) fn tools(
    options: Options<'_>,
    kind: Option<&'static Provider>,
    explained: &Explained,
    kept: &mut Written,
    found: &mut Diagnostics,
) -> ToolsConfig {
    let is_program = kind.is_some_and(|kind| kind.protocol == Protocol::Program);
    for key in PROGRAM_LISTS.iter().filter(|_| is_program) {
        if let Some(node) = options.node.get(key) {
            kept.0.insert((*key).to_owned(), node.to_written());
        }
    }
    let list = |key| options.texts(key).filter(|_| !is_program);
    let tools = ToolsConfig {
        mcp_servers: servers(options, explained, found),
        allowed_tools: list("allowed_tools"),
        exclude_tools: list("exclude_tools").unwrap_or_default(),
        custom_tools: custom_tools(options, found),
        custom_tools_path: options.text("custom_tools_path"),
        auto_discover_custom_tools: options.is_on("auto_discover_custom_tools"),
        exclude_custom_tools: options.texts("exclude_custom_tools").unwrap_or_default(),
        enable_code_based_tools: options.is_on("enable_code_based_tools"),
        shared_tools_directory: options.text("shared_tools_directory"),
        direct_mcp_servers: options.texts("direct_mcp_servers").unwrap_or_default(),
        concurrent_tool_execution: options.is_on("concurrent_tool_execution"),
        max_concurrent_tools: options.count("max_concurrent_tools"),
    };
    check(&tools, options, found);
    tools
}

fn check(tools: &ToolsConfig, options: Options<'_>, found: &mut Diagnostics) {
    if tools.allowed_tools.is_some() && !tools.exclude_tools.is_empty() {
        let warning = options.warning(
            "exclude_tools",
            "both `allowed_tools` and `exclude_tools`: only what is allowed and not excluded remains",
        );
        found.push(warning.hint("one of the two is enough"));
    }
    let needs = [
        ("shared_tools_directory", tools.enable_code_based_tools, "enable_code_based_tools"),
        ("direct_mcp_servers", tools.enable_code_based_tools, "enable_code_based_tools"),
        ("max_concurrent_tools", tools.concurrent_tool_execution, "concurrent_tool_execution"),
    ];
    for (key, is_there, needed) in needs {
        if !is_there && options.has(key) {
            let warning = options.warning(key, format!("no effect without `{needed}: true`"));
            found.push(warning.hint("add it, or remove this option"));
        }
    }
    if !options.has("enable_code_based_tools") {
        return;
    }
    for (place, item) in options.items("direct_mcp_servers") {
        let Some(name) = item.text() else { continue };
        if !tools.mcp_servers.iter().any(|server| server.name == name) {
            let message = format!("the agent has no MCP server {}", item.found().trim_start_matches("the text "));
            found.push(Diagnostic::warning(place, Some(item.span), message).hint("name one of its `mcp_servers`"));
        }
    }
}
