//! A request in Responses form.

use reqwest::Url;
use serde_json::{Map, Value, json};

use crate::conversation::{paired, result_text};
use crate::error::SetupError;
use crate::plan::{Draft, Plan};
use crate::request::{AssistantTurn, Message, ModelRequest, ToolChoice};
use crate::wire::overlay;

/// Adapts a backend's parameters and tells where it is.
pub(crate) fn adapt(draft: &mut Draft) -> Result<Url, SetupError> {
    draft.rename("max_tokens", "max_output_tokens");
    draft.rename("max_completion_tokens", "max_output_tokens");
    nest(draft, "reasoning_effort", "reasoning", "effort");
    nest(draft, "verbosity", "text", "verbosity");
    if is_grok(draft.provider.kind) {
        adapt_search_parameters(draft);
    } else {
        adapt_effort(draft);
    }
    if !is_grok(draft.provider.kind) && draft.builtin.x_search {
        draft.builtin.x_search = false;
        draft.notice("`enable_x_search` has no effect: use a backend of type `grok`");
    }
    if is_reasoning_model(&draft.model) && effort(&draft.params) != Some("none") {
        draft.leave_out("temperature", "the model reasons and takes no sampling parameters");
        draft.leave_out("top_p", "the model reasons and takes no sampling parameters");
    }
    if draft.builtin.any() {
        // Built-in tools and parallel calls of our tools do not go together in one reply.
        if draft.params.insert("parallel_tool_calls".to_owned(), json!(false)) == Some(json!(true)) {
            draft.notice("`parallel_tool_calls` is off because the provider runs tools of its own");
        }
    }
    draft.authorize("authorization", "Bearer ")?;
    draft.endpoint_after("v1", "responses")
}

/// OpenAI's models that reason before they answer: they take `max_completion_tokens` and, unless their effort is
/// `none`, no sampling parameters. <https://platform.openai.com/docs/guides/reasoning>.
pub(crate) fn is_reasoning_model(model: &str) -> bool {
    let model = model.to_ascii_lowercase();
    let model = model.rsplit('/').next().unwrap_or_default();
    let is_o_series =
        model.strip_prefix('o').is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()));
    is_o_series || (model.starts_with("gpt-5") && !model.contains("chat")) || model.starts_with("codex-")
}

/// Effort that a model's name stands for, and the effort of models that else would not reason at all.
fn adapt_effort(draft: &mut Draft) {
    let by_name = draft.model.rsplit_once('-').filter(|(model, effort)| {
        model.starts_with('o') && is_reasoning_model(model) && matches!(*effort, "low" | "medium" | "high")
    });
    if let Some((model, effort)) = by_name.map(|(model, effort)| (model.to_owned(), effort.to_owned())) {
        draft.notice(&format!("the name is taken as `{model}` with `reasoning.effort` {effort}"));
        draft.model = model;
        set_effort(draft, &effort);
    } else if draft.model.starts_with("gpt-5.") && is_reasoning_model(&draft.model) {
        set_effort(draft, DOTTED_EFFORT);
    }
}

/// From GPT-5.1 on, a request without an effort gets no reasoning. As in the reference implementation, it gets some.
/// <https://platform.openai.com/docs/guides/reasoning>.
const DOTTED_EFFORT: &str = "medium";

fn set_effort(draft: &mut Draft, effort: &str) {
    let reasoning = draft.params.entry("reasoning").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(reasoning) = reasoning {
        reasoning.entry("effort").or_insert_with(|| json!(effort));
    }
}

fn is_grok(kind: &str) -> bool {
    kind == "grok"
}

fn effort(params: &Map<String, Value>) -> Option<&str> {
    params.get("reasoning")?.get("effort")?.as_str()
}

/// Moves a Chat Completions parameter to its place in a Responses body.
fn nest(draft: &mut Draft, from: &str, outer: &str, inner: &str) {
    let Some(value) = draft.params.shift_remove(from) else { return };
    let outer = draft.params.entry(outer).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(outer) = outer {
        outer.entry(inner).or_insert(value);
    }
}

/// xAI has replaced Live Search by tools: <https://docs.x.ai/docs/guides/tools/overview>.
fn adapt_search_parameters(draft: &mut Draft) {
    let Some(search) = draft.params.shift_remove("search_parameters") else { return };
    if search.get("mode").and_then(Value::as_str) == Some("off") {
        return;
    }
    let sources: Vec<&str> = search
        .get("sources")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|s| s.get("type")?.as_str())
        .collect();
    let wants_x = sources.contains(&"x");
    draft.builtin.x_search |= wants_x;
    draft.builtin.web_search |= sources.is_empty() || sources.iter().any(|source| *source != "x");
    draft.notice("`search_parameters` is replaced by the web search tool, since xAI has retired it");
}

/// The body of a request.
pub(crate) fn body(plan: &Plan, request: &ModelRequest) -> Value {
    let is_grok = is_grok(plan.provider.kind);
    let stores = plan.params.get("store").and_then(Value::as_bool) == Some(true);
    let mut body = Map::from_iter([("model".to_owned(), json!(plan.model)), ("stream".to_owned(), json!(true))]);
    let mut input = Vec::new();
    if !request.system.is_empty() {
        // xAI does not take `instructions`.
        if is_grok {
            input.push(json!({ "role": "system", "content": request.system }));
        } else {
            body.insert("instructions".to_owned(), json!(request.system));
        }
    }
    for message in paired(&request.messages) {
        match message.as_ref() {
            Message::User(text) => input.push(json!({ "role": "user", "content": text })),
            Message::Assistant(turn) => assistant(plan, turn, stores, &mut input),
            Message::ToolResults(results) => input.extend(results.iter().map(|result| {
                json!({ "type": "function_call_output", "call_id": result.call_id, "output": result_text(result) })
            })),
        }
    }
    body.insert("input".to_owned(), Value::Array(input));
    let tools = tools(plan, request, is_grok);
    if !tools.is_empty() {
        body.insert("tools".to_owned(), Value::Array(tools));
        if request.tool_choice == ToolChoice::Required && !request.tools.is_empty() {
            body.insert("tool_choice".to_owned(), json!("required"));
        }
    }
    body.insert("store".to_owned(), json!(false));
    if gives_encrypted_reasoning(plan, is_grok) && !stores {
        body.insert("include".to_owned(), json!(["reasoning.encrypted_content"]));
    }
    let mut body = Value::Object(body);
    overlay(&mut body, &plan.params);
    body
}

/// Models that do not reason refuse to include their reasoning.
fn gives_encrypted_reasoning(plan: &Plan, is_grok: bool) -> bool {
    let model = plan.model.to_ascii_lowercase();
    if is_grok {
        !model.contains("non-reasoning") && !model.starts_with("grok-2") && !model.starts_with("grok-3")
    } else {
        is_reasoning_model(&model)
    }
}

fn tools(plan: &Plan, request: &ModelRequest, is_grok: bool) -> Vec<Value> {
    let mut tools = Vec::new();
    if plan.builtin.web_search {
        tools.push(json!({ "type": "web_search" }));
    }
    if plan.builtin.x_search {
        tools.push(json!({ "type": "x_search" }));
    }
    if plan.builtin.code_execution {
        let for_openai = json!({ "type": "code_interpreter", "container": { "type": "auto" } });
        tools.push(if is_grok { json!({ "type": "code_interpreter" }) } else { for_openai });
    }
    tools.extend(request.tools.iter().map(|tool| {
        // Strict mode, the default here, refuses schemas with optional fields.
        json!({ "type": "function", "name": tool.name, "description": tool.description,
            "parameters": tool.parameters, "strict": false })
    }));
    tools
}

/// A turn as the provider wrote it, else out of its text and calls.
fn assistant(plan: &Plan, turn: &AssistantTurn, stores: bool, input: &mut Vec<Value>) {
    if let Some(items) = plan.own_items(turn) {
        input.extend(echoable(items, stores));
        return;
    }
    if !turn.text.is_empty() {
        input.push(json!({ "role": "assistant", "content": turn.text }));
    }
    input.extend(turn.tool_calls.iter().map(
        |call| json!({ "type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments }),
    ));
}

/// Items that the provider can read again. What it has not stored it knows only by its encrypted content; without
/// that, a reasoning item is refused as not found, and so is an item that names the reasoning it belongs to.
fn echoable(items: &[Value], stores: bool) -> Vec<Value> {
    let is_lost = |item: &Value| {
        let is_reasoning = item.get("type").and_then(Value::as_str) == Some("reasoning");
        is_reasoning && item.get("encrypted_content").and_then(Value::as_str).is_none_or(str::is_empty)
    };
    if stores || !items.iter().any(is_lost) {
        return items.to_vec();
    }
    let kept = items.iter().filter(|item| !is_lost(item)).cloned();
    kept.map(|mut item| {
        let is_ours = matches!(item.get("type").and_then(Value::as_str), Some("message" | "function_call"));
        if let (true, Value::Object(item)) = (is_ours, &mut item) {
            item.shift_remove("id");
        }
        item
    })
    .collect()
}
