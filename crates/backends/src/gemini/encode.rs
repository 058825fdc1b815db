//! A request in Gemini form.

use reqwest::Url;
use serde_json::{Map, Value, json};

use super::bridge;
use crate::call::MADE_ID;
use crate::conversation::paired;
use crate::error::SetupError;
use crate::plan::{Draft, Plan, parse_url};
use crate::request::{AssistantTurn, Message, ModelRequest, ToolChoice, ToolResult};
use crate::wire::{arguments_object, overlay};

/// Adapts a backend's parameters and tells where it is.
pub(crate) fn adapt(draft: &mut Draft) -> Result<Url, SetupError> {
    adapt_policy(draft);
    adapt_generation(draft);
    if let Some(mode) = draft.params.shift_remove("function_calling_mode") {
        let mode = mode.as_str().map(str::to_ascii_uppercase);
        let mode = mode.ok_or_else(|| draft.bad_parameter("function_calling_mode", "AUTO, ANY or NONE"))?;
        let config = json!({ "functionCallingConfig": { "mode": mode } });
        draft.params.insert("toolConfig".to_owned(), config);
    }
    draft.rename("safety_settings", "safetySettings");
    draft.rename("cached_content", "cachedContent");
    if draft.builtin.x_search {
        draft.builtin.x_search = false;
        draft.notice("`enable_x_search` has no effect: use a backend of type `grok`");
    }
    if draft.builtin.any() && !mixes_tools(&draft.model) {
        draft.notice(
            "the model cannot use its own tools next to functions: each use becomes a request of its own while there are other tools",
        );
    }
    draft.authorize("x-goog-api-key", "")?;
    let mut url = parse_url(&draft.base_url)?;
    let model = draft.model.strip_prefix("models/").unwrap_or(&draft.model).to_owned();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
    }
    let has_version = url.path_segments().and_then(|mut path| path.next_back()).is_some_and(is_version);
    if let Ok(mut path) = url.path_segments_mut() {
        if !has_version {
            path.push("v1beta");
        }
        path.extend(["models", &format!("{model}:streamGenerateContent")]);
    }
    url.query_pairs_mut().append_pair("alt", "sse");
    Ok(url)
}

fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()))
}

/// Whether a model takes its own tools and functions in one request: Gemini 3 and later do.
/// <https://ai.google.dev/gemini-api/docs/tool-combination>.
pub(super) fn mixes_tools(model: &str) -> bool {
    generation(model).is_none_or(|generation| generation >= 3)
}

/// The first number of a model's name; aliases such as `gemini-flash-latest` have none and follow the newest.
fn generation(model: &str) -> Option<u32> {
    let model = model.strip_prefix("models/").unwrap_or(model);
    let Some(rest) = model.strip_prefix("gemini-") else { return Some(0) };
    rest.split(['.', '-']).next()?.parse().ok()
}

/// The retry settings of the reference implementation's Gemini backend.
fn adapt_policy(draft: &mut Draft) {
    let mut take = |key: &str| draft.params.shift_remove(key).and_then(|value| value.as_f64());
    let attempts = take("gemini_backoff_max_attempts");
    let first = take("gemini_backoff_initial_delay");
    let longest = take("gemini_backoff_max_delay");
    take("gemini_backoff_multiplier");
    take("gemini_backoff_jitter");
    let seconds = |value: f64| std::time::Duration::try_from_secs_f64(value).ok();
    if let Some(attempts) = attempts.filter(|attempts| (1.0..=100.0).contains(attempts)) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 100")]
        let attempts = attempts as u32;
        draft.policy.retries_max = attempts - 1;
    }
    draft.policy.first_pause = first.and_then(seconds).unwrap_or(draft.policy.first_pause);
    draft.policy.pause_max = longest.and_then(seconds).unwrap_or(draft.policy.pause_max);
}

/// Config keys and their place in `generationConfig`.
const GENERATION_KEYS: &[(&str, &str)] = &[
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("max_tokens", "maxOutputTokens"),
    ("max_output_tokens", "maxOutputTokens"),
    ("stop", "stopSequences"),
    ("stop_sequences", "stopSequences"),
    ("seed", "seed"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
    ("response_mime_type", "responseMimeType"),
    ("response_schema", "responseSchema"),
    ("response_logprobs", "responseLogprobs"),
    ("media_resolution", "mediaResolution"),
    ("thinking_config", "thinkingConfig"),
    ("thinking", "thinkingConfig"),
];

fn adapt_generation(draft: &mut Draft) {
    let mut generation = Map::new();
    for (from, to) in GENERATION_KEYS {
        if let Some(value) = draft.params.shift_remove(*from) {
            let value = if *to == "stopSequences" && value.is_string() { json!([value]) } else { value };
            generation.insert((*to).to_owned(), value);
        }
    }
    for key in ["generation_config", "generationConfig"] {
        if let Some(Value::Object(given)) = draft.params.shift_remove(key) {
            generation.extend(given);
        }
    }
    let include_thoughts = draft.params.shift_remove("include_thoughts");
    show_thoughts(&draft.model, &mut generation, include_thoughts);
    if !generation.is_empty() {
        draft.params.insert("generationConfig".to_owned(), Value::Object(generation));
    }
}

/// Asks for summaries of thoughts where the model thinks by itself. The lite models do not, and refuse it then.
fn show_thoughts(model: &str, generation: &mut Map<String, Value>, asked: Option<Value>) {
    let given = generation.get("thinkingConfig").and_then(Value::as_object);
    let field = |snake: &str, camel: &str| given.and_then(|given| given.get(snake).or_else(|| given.get(camel)));
    if field("include_thoughts", "includeThoughts").is_some() {
        return;
    }
    let budget = field("thinking_budget", "thinkingBudget").and_then(Value::as_i64);
    let is_thinker = self::generation(model).is_none_or(|number| number >= 3) || model.contains("gemini-2.5");
    let by_itself = is_thinker && budget != Some(0) && (!model.contains("lite") || budget.is_some());
    let Some(include) = asked.or_else(|| by_itself.then_some(Value::Bool(true))) else { return };
    let config = generation.entry("thinkingConfig").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(config) = config {
        config.insert("includeThoughts".to_owned(), include);
    }
}

/// The body of a request.
pub(crate) fn body(plan: &Plan, request: &ModelRequest) -> Value {
    let mut body = Map::new();
    if !request.system.is_empty() {
        body.insert("systemInstruction".to_owned(), json!({ "parts": [{ "text": request.system }] }));
    }
    body.insert("contents".to_owned(), Value::Array(contents(plan, request)));
    let bridges = if request.tools.is_empty() { Vec::new() } else { bridge::bridges(plan) };
    let mut functions: Vec<Value> = request.tools.iter().map(|tool| {
        json!({ "name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters })
    }).collect();
    functions.extend(bridges.iter().map(|bridge| bridge.declaration()));
    let mut tools = Vec::new();
    if bridges.is_empty() {
        if plan.builtin.web_search {
            tools.push(json!({ "google_search": {} }));
        }
        if plan.builtin.code_execution {
            tools.push(json!({ "code_execution": {} }));
        }
    }
    let is_mixed = !tools.is_empty() && !functions.is_empty();
    if !functions.is_empty() {
        tools.push(json!({ "functionDeclarations": functions }));
        let config = if is_mixed {
            // Next to the provider's own tools the mode is VALIDATED, and no other is taken.
            json!({ "includeServerSideToolInvocations": true })
        } else {
            let mode = if request.tool_choice == ToolChoice::Required { "ANY" } else { "AUTO" };
            json!({ "functionCallingConfig": { "mode": mode } })
        };
        body.insert("toolConfig".to_owned(), config);
    }
    if !tools.is_empty() {
        body.insert("tools".to_owned(), Value::Array(tools));
    }
    let mut body = Value::Object(body);
    overlay(&mut body, &plan.params);
    body
}

fn contents(plan: &Plan, request: &ModelRequest) -> Vec<Value> {
    let mut contents: Vec<Value> = Vec::new();
    for message in paired(&request.messages) {
        match message.as_ref() {
            Message::User(text) => contents.push(json!({ "role": "user", "parts": [{ "text": text }] })),
            Message::Assistant(turn) => match plan.own_items(turn) {
                Some(items) => contents.extend(items.iter().cloned()),
                None => contents.push(assistant(plan, turn)),
            },
            Message::ToolResults(results) => {
                let parts = results.iter().map(response).collect();
                answer(&mut contents, parts);
            }
        }
    }
    contents
}

/// Adds answers to function calls. All answers to one reply are one content, so that they join those that a
/// bridge has already given.
pub(super) fn answer(contents: &mut Vec<Value>, parts: Vec<Value>) {
    let last = contents.last_mut().and_then(|last| last.get_mut("parts")?.as_array_mut());
    match last.filter(|known| known.iter().any(|part| part.get("functionResponse").is_some())) {
        Some(known) => known.extend(parts),
        None => contents.push(json!({ "role": "user", "parts": parts })),
    }
}

fn response(result: &ToolResult) -> Value {
    let key = if result.is_error { "error" } else { "result" };
    function_response(&result.call_id, &result.name, key, &result.content)
}

/// An answer to a function call. An id that we made up stays with us.
pub(super) fn function_response(id: &str, name: &str, key: &str, content: &str) -> Value {
    let mut response = json!({ "name": name, "response": { key: content } });
    if let (false, Value::Object(response)) = (id.is_empty() || id.starts_with(MADE_ID), &mut response) {
        response.insert("id".to_owned(), json!(id));
    }
    json!({ "functionResponse": response })
}

/// A turn that another model wrote. Gemini 3 wants a signature on the first call of a reply and takes this word
/// for replies that are not its own: <https://ai.google.dev/gemini-api/docs/thought-signatures>.
fn assistant(plan: &Plan, turn: &AssistantTurn) -> Value {
    const NO_SIGNATURE: &str = "skip_thought_signature_validator";
    let mut parts = Vec::new();
    if !turn.text.is_empty() {
        parts.push(json!({ "text": turn.text }));
    }
    for (place, call) in turn.tool_calls.iter().enumerate() {
        let mut part = json!({ "functionCall": { "name": call.name, "args": arguments_object(&call.arguments) } });
        if let Some(function) = part.get_mut("functionCall").and_then(Value::as_object_mut)
            && !call.id.starts_with(MADE_ID)
        {
            function.insert("id".to_owned(), json!(call.id));
        }
        if let (true, true, Value::Object(part)) = (place == 0, mixes_tools(&plan.model), &mut part) {
            part.insert("thoughtSignature".to_owned(), json!(NO_SIGNATURE));
        }
        parts.push(part);
    }
    json!({ "role": "model", "parts": parts })
}
