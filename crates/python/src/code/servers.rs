//! Tools by the server that they come from.

use massgen_protocol::ToolSpec;
use massgen_tool::Tool;

/// A server and its tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeServer {
    /// Its name. `custom_tools` stands for the functions of the user.
    pub name: String,
    /// Its tools.
    pub tools: Vec<CodeTool>,
}

/// A tool to be called from code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeTool {
    /// The name under which it is dispatched: `mcp__git__git_log`.
    pub call_name: String,
    /// The server's own name for it: `git_log`.
    pub name: String,
    /// What the server says of it.
    pub spec: ToolSpec,
}

/// The name of the group that the user's own functions make up.
pub(super) const CUSTOM_TOOLS: &str = "custom_tools";

/// Groups tools by their names: `mcp__<server>__<tool>` belongs to a server, `custom_tool__<name>` to `custom_tools`, and
/// all others to `tools`. Servers and tools keep their order.
#[must_use]
pub fn group_by_server(tools: &[Tool]) -> Vec<CodeServer> {
    let mut servers: Vec<CodeServer> = Vec::new();
    for tool in tools {
        let full = tool.spec.name.as_str();
        let (server, name) = match (full.strip_prefix("mcp__"), full.strip_prefix("custom_tool__")) {
            (Some(rest), _) => rest.split_once("__").unwrap_or(("tools", rest)),
            (None, Some(name)) => (CUSTOM_TOOLS, name),
            (None, None) => ("tools", full),
        };
        let entry = CodeTool { call_name: full.to_owned(), name: name.to_owned(), spec: tool.spec.clone() };
        match servers.iter_mut().find(|known| known.name == server) {
            Some(known) => known.tools.push(entry),
            None => servers.push(CodeServer { name: server.to_owned(), tools: vec![entry] }),
        }
    }
    servers
}
