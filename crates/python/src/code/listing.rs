//! What the model is told of tools as code, and what that saves.

use std::fmt::Write as _;

use massgen_tool::Tool;
use serde_json::json;

use super::servers::{CUSTOM_TOOLS, CodeServer, group_by_server};
use super::tree::{server_folders, tool_modules};

/// How many names of the user's own tools are listed.
const NAMES_MAX: usize = 20;
/// How many bytes of JSON and English a token has, about.
const BYTES_PER_TOKEN: usize = 4;

/// What tools cost in every model call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenCost {
    /// How many tools there are.
    pub tools: usize,
    /// Their schemas as JSON, in bytes.
    pub plain_bytes: usize,
    /// The listing in their place, in bytes.
    pub code_bytes: usize,
}

impl TokenCost {
    /// The schemas in tokens: an estimate.
    #[must_use]
    pub fn plain_tokens(&self) -> usize {
        self.plain_bytes.div_ceil(BYTES_PER_TOKEN)
    }

    /// The listing in tokens: an estimate.
    #[must_use]
    pub fn code_tokens(&self) -> usize {
        self.code_bytes.div_ceil(BYTES_PER_TOKEN)
    }
}

/// What `tools` cost in each model call: as schemas, and as code.
#[must_use]
pub fn token_cost(tools: &[Tool]) -> TokenCost {
    let size = |tool: &Tool| {
        let spec = &tool.spec;
        json!({"name": spec.name, "description": spec.description, "parameters": spec.parameters}).to_string().len()
    };
    TokenCost {
        tools: tools.len(),
        plain_bytes: tools.iter().map(size).sum(),
        code_bytes: listing(&group_by_server(tools)).len(),
    }
}

/// What is there and how to find out more, for the system prompt.
#[must_use]
pub fn listing(servers: &[CodeServer]) -> String {
    let mut text = String::from(
        "Many tools are not in your list of tools but are Python functions in your workspace. Find what you need by \
         looking at the files, import it in a script, and run the script as a command; only what the script prints costs \
         you context.\n\n",
    );
    let folders = server_folders(servers);
    let mut example = None;
    if folders.iter().any(|(folder, _)| folder != CUSTOM_TOOLS) {
        text.push_str("servers/\n");
        for (folder, server) in folders.iter().filter(|(folder, _)| folder != CUSTOM_TOOLS) {
            let count = server.tools.len();
            let _ = writeln!(text, "  {folder}/ ({count} tool{})", if count == 1 { "" } else { "s" });
            example = example.or_else(|| Some((folder.clone(), tool_modules(server).into_iter().next()?)));
        }
    }
    for (_, server) in folders.iter().filter(|(folder, _)| folder == CUSTOM_TOOLS) {
        let names = tool_modules(server);
        let more = if names.len() > NAMES_MAX { ", ..." } else { "" };
        let shown: Vec<_> = names.iter().take(NAMES_MAX).map(String::as_str).collect();
        let _ = writeln!(text, "custom_tools/ ({}): {}{more}", names.len(), shown.join(", "));
    }
    text.push_str("utils/ (for functions of your own that you want to keep)\n\n");
    if let Some((folder, tool)) = example {
        let _ = writeln!(
            text,
            "`ls servers/{folder}` names the tools of a server, `servers/{folder}/{tool}.py` documents one, and `from \
             servers.{folder} import {tool}` imports it.",
        );
    }
    text.push_str("Functions return text (`.json()` parses it) and raise an exception when a call fails.\n");
    text
}
