//! A request in Messages form.

use reqwest::Url;
use serde_json::{Map, Value, json};

use crate::conversation::paired;
use crate::error::SetupError;
use crate::plan::{Draft, Plan};
use crate::request::{AssistantTurn, Message, ModelRequest, ToolChoice};
use crate::wire::{arguments_object, overlay};

/// Adapts a backend's parameters and tells where it is.
pub(crate) fn adapt(draft: &mut Draft) -> Result<Url, SetupError> {
    adapt_thinking(draft);
    adapt_sampling(draft);
    if draft.builtin.x_search {
        draft.builtin.x_search = false;
        draft.notice("`enable_x_search` has no effect: use a backend of type `grok`");
    }
    draft.rename("stop", "stop_sequences");
    if let Some(text @ Value::String(_)) = draft.params.get("stop_sequences").cloned() {
        draft.params.insert("stop_sequences".to_owned(), json!([text]));
    }
    draft.params.entry("max_tokens").or_insert_with(|| json!(default_max_tokens(&draft.model)));
    adapt_budget(draft);
    let betas = betas(draft)?;
    if !betas.is_empty() {
        draft.header("anthropic-beta", &betas.join(","))?;
    }
    draft.header("anthropic-version", "2023-06-01")?;
    draft.authorize("x-api-key", "")?;
    for end in ["/messages", "/v1"] {
        draft.base_url = draft.base_url.strip_suffix(end).unwrap_or(&draft.base_url).to_owned();
    }
    draft.endpoint("/v1/messages")
}

/// What a reply may take when the config does not say: 32,000 tokens, or as many as an old model has.
/// <https://platform.claude.com/docs/en/about-claude/models/overview>.
fn default_max_tokens(model: &str) -> u64 {
    const LESS: &[(&str, u64)] = &[("claude-3-7", 32_000), ("claude-3-5", 8192), ("claude-3", 4096)];
    LESS.iter().find(|(prefix, _)| model.starts_with(prefix)).map_or(32_000, |(_, tokens)| *tokens)
}

/// Whether a model decides itself how much to think and refuses a budget and sampling parameters:
/// Claude Opus 4.7 and what came after it.
/// <https://platform.claude.com/docs/en/about-claude/models/whats-new-claude-4-7>.
fn is_adaptive_only(model: &str) -> bool {
    let Some(rest) = model.strip_prefix("claude-") else { return false };
    let mut parts = rest.split('-').skip_while(|part| part.parse::<u32>().is_err());
    let (major, minor) = (parts.next().and_then(|part| part.parse::<u32>().ok()), parts.next());
    // A number of three or more digits is a date.
    let minor = minor.and_then(|part| part.parse::<u32>().ok()).filter(|minor| *minor < 100).unwrap_or_default();
    match major {
        Some(4) => minor >= 7,
        Some(major) => (5..100).contains(&major),
        None => false,
    }
}

fn thinks(params: &Map<String, Value>) -> bool {
    let kind = params.get("thinking").and_then(|thinking| thinking.get("type")?.as_str());
    matches!(kind, Some("enabled" | "adaptive"))
}

fn adapt_thinking(draft: &mut Draft) {
    let has_budget = draft.params.get("thinking").is_some_and(|thinking| thinking.get("budget_tokens").is_some());
    if has_budget && is_adaptive_only(&draft.model) {
        draft.params.insert("thinking".to_owned(), json!({ "type": "adaptive" }));
        draft.notice("`thinking.budget_tokens` is replaced by adaptive thinking, the only kind that the model takes");
    }
}

fn adapt_sampling(draft: &mut Draft) {
    const SAMPLING: [&str; 3] = ["temperature", "top_p", "top_k"];
    if is_adaptive_only(&draft.model) {
        SAMPLING.into_iter().for_each(|key| draft.leave_out(key, "the model takes no sampling parameters"));
    } else if thinks(&draft.params) {
        draft.leave_out("temperature", "it cannot be set while the model thinks");
        draft.leave_out("top_k", "it cannot be set while the model thinks");
    } else if draft.params.contains_key("temperature") && !draft.model.starts_with("claude-3") {
        draft.leave_out("top_p", "the model takes either `temperature` or `top_p`");
    }
}

/// A thinking budget must be below `max_tokens`, which includes it.
fn adapt_budget(draft: &mut Draft) {
    let budget = draft.params.get("thinking").and_then(|thinking| thinking.get("budget_tokens")?.as_u64());
    let max_tokens = draft.params.get("max_tokens").and_then(Value::as_u64);
    if let (Some(budget), Some(max_tokens)) = (budget, max_tokens)
        && budget >= max_tokens
    {
        let raised = budget.saturating_add(ANSWER_TOKENS);
        draft.params.insert("max_tokens".to_owned(), json!(raised));
        draft.notice(&format!("`max_tokens` is raised to {raised}, above the thinking budget"));
    }
}

/// What is left for the answer beside a thinking budget that takes it all.
const ANSWER_TOKENS: u64 = 8192;

/// The betas of the config and those that our tools need.
fn betas(draft: &mut Draft) -> Result<Vec<String>, SetupError> {
    let form = "a list of texts";
    let mut betas = Vec::new();
    match draft.params.shift_remove("betas") {
        None => {}
        Some(Value::Array(listed)) => {
            for beta in &listed {
                betas.push(beta.as_str().ok_or_else(|| draft.bad_parameter("betas", form))?.to_owned());
            }
        }
        Some(_) => return Err(draft.bad_parameter("betas", form)),
    }
    if draft.builtin.code_execution && !betas.iter().any(|beta| beta == CODE_EXECUTION_BETA) {
        betas.push(CODE_EXECUTION_BETA.to_owned());
    }
    Ok(betas)
}

const CODE_EXECUTION_BETA: &str = "code-execution-2025-08-25";
/// The version that every model takes; later ones want newer models and programmatic calling.
const WEB_SEARCH: &str = "web_search_20250305";
const CODE_EXECUTION: &str = "code_execution_20250825";

/// The body of a request.
pub(crate) fn body(plan: &Plan, request: &ModelRequest) -> Value {
    let mut body = json!({ "model": plan.model, "max_tokens": 0, "stream": true });
    let mut part = Map::new();
    if !request.system.is_empty() {
        part.insert(
            "system".to_owned(),
            json!([{ "type": "text", "text": request.system, "cache_control": cached() }]),
        );
    }
    let mut tools = Vec::new();
    if plan.builtin.web_search {
        tools.push(json!({ "type": WEB_SEARCH, "name": "web_search" }));
    }
    if plan.builtin.code_execution {
        tools.push(json!({ "type": CODE_EXECUTION, "name": "code_execution" }));
    }
    tools.extend(
        request
            .tools
            .iter()
            .map(|tool| json!({ "name": tool.name, "description": tool.description, "input_schema": tool.parameters })),
    );
    // The prefix of a request is its tools, then the system prompt: one mark at the end of it covers both.
    if let (true, Some(Value::Object(tool))) = (request.system.is_empty(), tools.last_mut()) {
        tool.insert("cache_control".to_owned(), cached());
    }
    let mut params = plan.params.clone();
    let no_parallel = params.shift_remove("disable_parallel_tool_use").and_then(|value| value.as_bool());
    if !request.tools.is_empty() {
        // With thinking, only `auto` is allowed.
        // <https://platform.claude.com/docs/en/build-with-claude/extended-thinking#extended-thinking-with-tool-use>
        let is_forced = request.tool_choice == ToolChoice::Required && !thinks(&plan.params);
        let mut choice = json!({ "type": if is_forced { "any" } else { "auto" } });
        if let (Some(flag), Value::Object(choice)) = (no_parallel, &mut choice) {
            choice.insert("disable_parallel_tool_use".to_owned(), json!(flag));
        }
        if is_forced || no_parallel.is_some() {
            part.insert("tool_choice".to_owned(), choice);
        }
    }
    part.insert("messages".to_owned(), Value::Array(messages(plan, request)));
    if !tools.is_empty() {
        part.insert("tools".to_owned(), Value::Array(tools));
    }
    overlay(&mut body, &part);
    overlay(&mut body, &params);
    body
}

fn cached() -> Value {
    json!({ "type": "ephemeral" })
}

/// The conversation, neighbours of the same role joined, the end of it marked for the cache: the next request of
/// the same turn begins with all of it.
fn messages(plan: &Plan, request: &ModelRequest) -> Vec<Value> {
    let mut messages: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in paired(&request.messages) {
        let (role, blocks) = match message.as_ref() {
            Message::User(text) => ("user", text_block(text).into_iter().collect()),
            Message::Assistant(turn) => ("assistant", assistant(plan, turn)),
            Message::ToolResults(results) => {
                let blocks = results.iter().map(|result| {
                    let mut block =
                        json!({ "type": "tool_result", "tool_use_id": result.call_id, "content": result.content });
                    if let (true, Value::Object(block)) = (result.is_error, &mut block) {
                        block.insert("is_error".to_owned(), json!(true));
                    }
                    block
                });
                ("user", blocks.collect::<Vec<_>>())
            }
        };
        match messages.last_mut().filter(|(last, _)| *last == role) {
            Some((_, known)) => known.extend(blocks),
            None if blocks.is_empty() => {}
            None => messages.push((role, blocks)),
        }
    }
    if let Some(("user", blocks)) = messages.last_mut()
        && let Some(Value::Object(block)) = blocks.last_mut()
    {
        block.insert("cache_control".to_owned(), cached());
    }
    messages.into_iter().map(|(role, content)| json!({ "role": role, "content": content })).collect()
}

/// Empty text blocks are refused.
fn text_block(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({ "type": "text", "text": text }))
}

fn assistant(plan: &Plan, turn: &AssistantTurn) -> Vec<Value> {
    if let Some(items) = plan.own_items(turn) {
        return items.to_vec();
    }
    // White space at the end of an assistant's text is refused.
    let text = text_block(turn.text.trim_end());
    let calls = turn.tool_calls.iter().map(|call| {
        json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": arguments_object(&call.arguments) })
    });
    text.into_iter().chain(calls).collect()
}
