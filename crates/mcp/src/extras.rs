//! A server's resources and prompts, as tools.

use massgen_protocol::ToolSpec;
use massgen_tool::{Effect, Tool};
use rmcp::model::{
    ClientRequest, GetPromptRequest, GetPromptRequestParams, JsonObject, ListPromptsRequest,
    ListResourceTemplatesRequest, ListResourcesRequest, PaginatedRequestParams, ReadResourceRequest,
    ReadResourceRequestParams, ServerCapabilities,
};
use serde_json::{Value, json};

/// A request that massgen offers as a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extra {
    ListResources,
    ReadResource,
    ListPrompts,
    GetPrompt,
}

/// The tools for what the server has. Their names are still without the server's.
pub(crate) fn extras(capabilities: &ServerCapabilities) -> Vec<(Extra, Tool)> {
    let mut extras = Vec::new();
    let cursor = json!({"cursor": {"type": "string", "description": "From an earlier list, to go on where it ended."}});
    if capabilities.resources.is_some() {
        let about = "Lists what this server has to read: resources, and templates of their URIs.";
        extras.push((Extra::ListResources, tool("list_resources", about, &cursor, &[])));
        let uri = json!({"uri": {"type": "string", "description": "The resource's URI."}});
        extras.push((
            Extra::ReadResource,
            tool("read_resource", "Reads one of this server's resources.", &uri, &["uri"]),
        ));
    }
    if capabilities.prompts.is_some() {
        let about = "Lists the prompts that this server offers.";
        extras.push((Extra::ListPrompts, tool("list_prompts", about, &cursor, &[])));
        let arguments = json!({
            "name": {"type": "string"},
            "arguments": {"type": "object", "additionalProperties": {"type": "string"}},
        });
        let about = "Gets one of this server's prompts, filled in.";
        extras.push((Extra::GetPrompt, tool("get_prompt", about, &arguments, &["name"])));
    }
    extras
}

fn tool(name: &str, description: &str, properties: &Value, required: &[&str]) -> Tool {
    let parameters = json!({"type": "object", "properties": properties, "required": required});
    Tool {
        spec: ToolSpec { name: name.to_owned(), description: description.to_owned(), parameters },
        effect: Effect::None,
    }
}

impl Extra {
    /// The requests for a call of it, in order. All but the last may fail.
    ///
    /// # Errors
    /// What is wrong with the arguments, for the model.
    pub(crate) fn requests(self, arguments: &JsonObject) -> Result<Vec<ClientRequest>, String> {
        let text = |arguments: &JsonObject, name: &str| {
            let value = arguments.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
            value.ok_or_else(|| format!("the argument `{name}` is missing or no text"))
        };
        let cursor = arguments.get("cursor").and_then(Value::as_str).map(ToOwned::to_owned);
        let page = PaginatedRequestParams::default().with_cursor(cursor.clone());
        Ok(match self {
            Self::ListResources => {
                let list = ClientRequest::ListResourcesRequest(ListResourcesRequest::with_param(page));
                let templates = ListResourceTemplatesRequest::with_param(PaginatedRequestParams::default());
                // Templates are few: they come with the first page.
                let templates = cursor.is_none().then_some(ClientRequest::ListResourceTemplatesRequest(templates));
                templates.into_iter().chain([list]).collect()
            }
            Self::ReadResource => {
                let params = ReadResourceRequestParams::new(text(arguments, "uri")?);
                vec![ClientRequest::ReadResourceRequest(ReadResourceRequest::new(params))]
            }
            Self::ListPrompts => vec![ClientRequest::ListPromptsRequest(ListPromptsRequest::with_param(page))],
            Self::GetPrompt => {
                let mut params = GetPromptRequestParams::new(text(arguments, "name")?);
                params.arguments = arguments.get("arguments").and_then(Value::as_object).cloned();
                vec![ClientRequest::GetPromptRequest(GetPromptRequest::new(params))]
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_server_has_is_offered() {
        let offered = |capabilities: Value| {
            let capabilities: ServerCapabilities = serde_json::from_value(capabilities).unwrap();
            extras(&capabilities).into_iter().map(|(extra, _)| extra).collect::<Vec<_>>()
        };
        assert_eq!(offered(json!({"tools": {}})), []);
        assert_eq!(offered(json!({"prompts": {}})), [Extra::ListPrompts, Extra::GetPrompt]);
    }

    #[test]
    fn missing_arguments_are_said() {
        let error = Extra::ReadResource.requests(&JsonObject::new()).unwrap_err();
        assert!(error.contains("`uri`"), "{error}");
    }
}
