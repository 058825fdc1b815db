//! The tools of an agent that do not come with massgen.

use crate::{McpServerConfig, Params, Text, Written};

/// The tools of an agent that do not come with massgen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ToolsConfig {
    /// MCP servers, in the order of the config; their names are unique.
    pub mcp_servers: Vec<McpServerConfig>,
    /// The only tools of MCP servers that the agent has, unless the server says so itself. `None`: all. The list
    /// of a program such as Claude Code means something else and is kept in its options.
    pub allowed_tools: Option<Vec<Text>>,
    /// Tools of MCP servers that the agent does not have.
    pub exclude_tools: Vec<Text>,
    /// Functions of the user, one by one; their names are unique.
    pub custom_tools: Vec<CustomToolConfig>,
    /// A directory of such functions, as written.
    pub custom_tools_path: Option<Text>,
    /// Whether the agent has all custom tools that come with massgen.
    pub auto_discover_custom_tools: bool,
    /// Parts of the names of those that it does not have.
    pub exclude_custom_tools: Vec<Text>,
    /// Whether tools are called from code that the agent writes.
    pub enable_code_based_tools: bool,
    /// Where that code finds them for all agents, as written; see [`shared_tools`](Self::shared_tools).
    pub shared_tools_directory: Option<Text>,
    /// The names of servers whose tools stay tools in spite of `enable_code_based_tools`.
    pub direct_mcp_servers: Vec<Text>,
    /// Whether several tools run at once.
    pub concurrent_tool_execution: bool,
    /// How many of them. `None`: as many as the model asks for.
    pub max_concurrent_tools: Option<u32>,
}

impl ToolsConfig {
    /// Whether the agent has the tool that `server` calls `tool`. Names in the lists may have the prefix
    /// `mcp__<server>__` or not. What is excluded in either place is excluded; the server's own list of allowed
    /// tools comes before the agent's.
    #[must_use]
    pub fn takes(&self, server: &McpServerConfig, tool: &str) -> bool {
        let prefix = format!("mcp__{}__", server.name);
        let names = |list: &[Text]| list.iter().any(|name| name.strip_prefix(&prefix).unwrap_or(name) == tool);
        let allowed = server.allowed_tools.as_deref().or(self.allowed_tools.as_deref());
        !names(&self.exclude_tools) && !names(&server.exclude_tools) && allowed.is_none_or(names)
    }
}

/// A function of the user that is a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomToolConfig {
    /// Its name among the tools, without a prefix.
    pub name: Text,
    /// The function.
    pub function: Text,
    /// What it is for, instead of what the function itself says.
    pub description: Option<Text>,
    /// The file or module that it is in, as written. `None`: it comes with massgen.
    pub path: Option<Text>,
    /// What it belongs to.
    pub category: Option<Text>,
    /// Arguments that the model neither sees nor chooses.
    pub preset_args: Params,
    /// Options that are known but not acted upon, as written.
    pub unbuilt: Written,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{McpEndpoint, McpSecurity, McpSharing, McpTransport};

    fn server(allowed: Option<&[&str]>, excluded: &[&str]) -> McpServerConfig {
        McpServerConfig {
            name: "git".to_owned(),
            transport: McpTransport::Sse(McpEndpoint {
                url: "http://h/".into(),
                headers: Vec::new(),
                read_timeout_seconds: 1.0,
                oauth: None,
            }),
            timeout_seconds: 1.0,
            allowed_tools: allowed.map(texts),
            exclude_tools: texts(excluded),
            sharing: McpSharing::Agent,
            security: McpSecurity::default(),
            description: None,
            missing_variables: Vec::new(),
            unbuilt: Written::default(),
        }
    }

    fn texts(list: &[&str]) -> Vec<Text> {
        list.iter().map(|word| Text::new(*word)).collect()
    }

    #[test]
    fn tools_are_filtered_by_both_names() {
        let tools = |allowed: Option<&[&str]>, excluded: &[&str]| ToolsConfig {
            allowed_tools: allowed.map(texts),
            exclude_tools: texts(excluded),
            ..ToolsConfig::default()
        };
        assert!(tools(None, &[]).takes(&server(None, &[]), "log"));
        assert!(!tools(None, &["log"]).takes(&server(None, &[]), "log"));
        assert!(!tools(None, &["mcp__git__log"]).takes(&server(None, &[]), "log"));
        assert!(tools(None, &["mcp__hub__log"]).takes(&server(None, &[]), "log"), "another server's");
        assert!(!tools(None, &[]).takes(&server(None, &["mcp__git__log"]), "log"));
        assert!(tools(Some(&["mcp__git__log"]), &[]).takes(&server(None, &[]), "log"));
        assert!(!tools(Some(&["log"]), &[]).takes(&server(None, &[]), "diff"));
        assert!(tools(Some(&["log"]), &[]).takes(&server(Some(&["diff"]), &[]), "diff"), "the server's list counts");
        assert!(!tools(Some(&[]), &[]).takes(&server(None, &[]), "log"), "an empty list allows nothing");
        assert!(!tools(Some(&["log"]), &["log"]).takes(&server(None, &[]), "log"));
    }
}
