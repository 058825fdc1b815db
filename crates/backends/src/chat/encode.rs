//! A request in Chat Completions form.

use massgen_providers::Quirk;
use reqwest::Url;
use serde_json::{Map, Value, json};

use crate::conversation::{paired, result_text};
use crate::error::SetupError;
use crate::plan::{Draft, Plan, parse_url};
use crate::request::{AssistantTurn, Message, ModelRequest, ToolChoice};
use crate::responses::is_reasoning_model;
use crate::wire::overlay;

/// Adapts a backend's parameters and tells where it is.
pub(crate) fn adapt(draft: &mut Draft) -> Result<Url, SetupError> {
    if matches!(draft.owner.kind, "openai" | "azure_openai") && is_reasoning_model(&draft.model) {
        draft.rename("max_tokens", "max_completion_tokens");
        if draft.params.get("reasoning_effort").and_then(Value::as_str) != Some("none") {
            draft.leave_out("temperature", "the model reasons and takes no sampling parameters");
            draft.leave_out("top_p", "the model reasons and takes no sampling parameters");
        }
    }
    adapt_search(draft);
    if draft.builtin.code_execution {
        draft.builtin.code_execution = false;
        draft.notice(&format!("`enable_code_execution` has no effect: {NO_BUILTIN}"));
    }
    if draft.builtin.x_search {
        draft.builtin.x_search = false;
        draft.notice("`enable_x_search` has no effect: use a backend of type `grok`");
    }
    if draft.provider.has(Quirk::AzureDeployments) {
        return azure_url(draft);
    }
    draft.params.shift_remove("api_version");
    draft.authorize("authorization", "Bearer ")?;
    draft.endpoint_after("v1", "chat/completions")
}

const NO_BUILTIN: &str = "Chat Completions runs no such tool on the provider's side; use a backend of type `openai`, \
                          `claude`, `gemini` or `grok`, or give the agent an MCP server for it";

/// OpenRouter searches through a plugin: <https://openrouter.ai/docs/guides/features/plugins/web-search>.
fn adapt_search(draft: &mut Draft) {
    const PLUGIN_KEYS: [&str; 3] = ["engine", "max_results", "search_prompt"];
    if draft.owner.kind != "openrouter" {
        if draft.builtin.web_search {
            draft.builtin.web_search = false;
            draft.notice(&format!("`enable_web_search` has no effect: {NO_BUILTIN}, or use `openrouter`"));
        }
        return;
    }
    if !draft.builtin.web_search {
        for key in PLUGIN_KEYS.into_iter().chain(["search_context_size"]) {
            draft.leave_out(key, "it belongs to web search, which is off");
        }
        return;
    }
    let mut plugin = Map::from_iter([("id".to_owned(), json!("web"))]);
    for key in PLUGIN_KEYS {
        plugin.extend(draft.params.shift_remove(key).map(|value| (key.to_owned(), value)));
    }
    let mut search = json!({ "plugins": [plugin] });
    if let Some(size) = draft.params.shift_remove("search_context_size") {
        overlay(
            &mut search,
            &Map::from_iter([("web_search_options".to_owned(), json!({ "search_context_size": size }))]),
        );
    }
    overlay(&mut search, &std::mem::take(&mut draft.params));
    if let Value::Object(params) = search {
        draft.params = params;
    }
}

/// Azure serves a deployment under its own path with a version, or, at `/openai/v1`, what OpenAI serves:
/// <https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle>.
fn azure_url(draft: &mut Draft) -> Result<Url, SetupError> {
    let version = draft.params.shift_remove("api_version");
    if draft.base_url.contains("/openai/v1") {
        draft.authorize("authorization", "Bearer ")?;
        return draft.endpoint("/chat/completions");
    }
    let version = version.as_ref().and_then(Value::as_str).unwrap_or(AZURE_API_VERSION).to_owned();
    let deployment = draft.params.shift_remove("azure_deployment");
    let deployment = deployment.as_ref().and_then(Value::as_str).unwrap_or(&draft.model).to_owned();
    draft.authorize("api-key", "")?;
    let resource = draft.base_url.split("/openai").next().unwrap_or_default();
    let mut url = parse_url(resource)?;
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["openai", "deployments", &deployment, "chat", "completions"]);
    }
    url.query_pairs_mut().append_pair("api-version", &version);
    Ok(url)
}

const AZURE_API_VERSION: &str = "2024-12-01-preview";

/// The body of a request.
pub(crate) fn body(plan: &Plan, request: &ModelRequest) -> Value {
    let mut messages = Vec::new();
    if !request.system.is_empty() {
        messages.push(json!({ "role": "system", "content": request.system }));
    }
    for message in paired(&request.messages) {
        match message.as_ref() {
            Message::User(text) => messages.push(json!({ "role": "user", "content": text })),
            Message::Assistant(turn) => messages.push(assistant(plan, turn)),
            Message::ToolResults(results) => messages.extend(results.iter().map(
                |result| json!({ "role": "tool", "tool_call_id": result.call_id, "content": result_text(result) }),
            )),
        }
    }
    let mut body = json!({ "model": plan.model, "messages": messages, "stream": true });
    if takes_stream_options(plan) {
        overlay(&mut body, &Map::from_iter([("stream_options".to_owned(), json!({ "include_usage": true }))]));
    }
    if !request.tools.is_empty() {
        let tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| {
                let function =
                    json!({ "name": tool.name, "description": tool.description, "parameters": tool.parameters });
                json!({ "type": "function", "function": function })
            })
            .collect();
        let mut part = Map::from_iter([("tools".to_owned(), json!(tools))]);
        if request.tool_choice == ToolChoice::Required && !plan.provider.has(Quirk::NoRequiredToolChoice) {
            part.insert("tool_choice".to_owned(), json!("required"));
        }
        overlay(&mut body, &part);
    }
    overlay(&mut body, &plan.params);
    body
}

/// Azure's Mistral deployments refuse `stream_options`, as the reference implementation found.
fn takes_stream_options(plan: &Plan) -> bool {
    let model = plan.model.to_ascii_lowercase();
    let is_mistral = model.contains("mistral") || model.contains("ministral");
    let is_azure_mistral = plan.provider.has(Quirk::AzureDeployments) && is_mistral;
    !plan.provider.has(Quirk::NoStreamOptions) && !is_azure_mistral
}

/// A turn as the provider wrote it when its echo says more than text and calls, else out of those.
fn assistant(plan: &Plan, turn: &AssistantTurn) -> Value {
    if let Some([echo]) = plan.own_items(turn) {
        return echo.clone();
    }
    let content = if turn.text.is_empty() { Value::Null } else { json!(turn.text) };
    let mut message = json!({ "role": "assistant", "content": content });
    if !turn.tool_calls.is_empty() {
        let calls: Vec<Value> = turn.tool_calls.iter().map(|call| {
            json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments } })
        }).collect();
        overlay(&mut message, &Map::from_iter([("tool_calls".to_owned(), json!(calls))]));
    }
    message
}
