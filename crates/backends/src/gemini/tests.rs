use massgen_protocol::{BuiltinPhase, FinishReason, StreamChunk, ToolCall, ToolSpec, Usage};
use massgen_providers::provider;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Decoder;
use crate::plan::Plan;
use crate::replay::{at_every_cut, damaged, decoded, replay, text_of};
use crate::request::{AssistantTurn, Message, ModelRequest, ToolChoice, ToolResult};
use crate::spec::{ApiKey, BackendSpec, BuiltinTools, CallPolicy};
use crate::wire::{Decode, WireError};

fn decoder() -> Box<dyn Decode> {
    Box::new(Decoder::new("massgen_call_1_1".to_owned(), Vec::new()))
}

const WHOLE: &str = r#"data: {"candidates":[{"content":{"parts":[{"text":"**Think**","thought":true}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":10},"modelVersion":"gemini-3"}

data: {"candidates":[{"content":{"parts":[{"toolCall":{"toolType":"GOOGLE_SEARCH_WEB","args":{"queries":["north"]},"id":"t1"},"thoughtSignature":"AA=="},{"toolResponse":{"toolType":"GOOGLE_SEARCH_WEB","response":{"search_suggestions":"<div>"},"id":"t1"}}],"role":"model"}}]}

data: {"candidates":[{"content":{"parts":[{"text":"Utqia\u0121vik "}],"role":"model"}}]}

data: {"candidates":[{"content":{"parts":[{"text":"is icy 🧊"}],"role":"model"}}]}

data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"vote","args":{"agent":"agent1","n":1.50},"id":"f1"},"thoughtSignature":"CiQ="},{"functionCall":{"name":"now","args":{}}}],"role":"model"}}]}

data: {"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"Zz=="}],"role":"model"},"finishReason":"STOP","groundingMetadata":{"webSearchQueries":["north"],"groundingChunks":[{"web":{"uri":"https://a.example","title":"A"}}]}}],"usageMetadata":{"promptTokenCount":100,"cachedContentTokenCount":40,"candidatesTokenCount":20,"thoughtsTokenCount":7,"toolUsePromptTokenCount":5,"totalTokenCount":132}}

"#;

fn parts() -> Value {
    json!([
        { "toolCall": { "toolType": "GOOGLE_SEARCH_WEB", "args": { "queries": ["north"] }, "id": "t1" }, "thoughtSignature": "AA==" },
        { "toolResponse": { "toolType": "GOOGLE_SEARCH_WEB", "response": { "search_suggestions": "<div>" }, "id": "t1" } },
        { "text": "Utqiaġvik is icy 🧊" },
        { "functionCall": { "name": "vote", "args": { "agent": "agent1", "n": 1.50 }, "id": "f1" }, "thoughtSignature": "CiQ=" },
        { "functionCall": { "name": "now", "args": {} } },
        { "text": "", "thoughtSignature": "Zz==" },
    ])
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() }
}

#[test]
fn a_whole_reply_is_read_at_every_cut() {
    let (chunks, reply) = at_every_cut(decoder, WHOLE);
    let reply = reply.unwrap();
    assert_eq!(reply.text, "Utqiaġvik is icy 🧊");
    assert_eq!(text_of(&chunks), reply.text);
    assert_eq!(chunks[0], StreamChunk::Reasoning { delta: "**Think**".to_owned() });
    let calls = [call("f1", "vote", r#"{"agent":"agent1","n":1.50}"#), call("massgen_call_1_1_1", "now", "{}")];
    assert_eq!(reply.tool_calls, calls);
    assert_eq!(reply.items, [json!({ "role": "model", "parts": parts() })]);
    assert_eq!(reply.finish, FinishReason::ToolCalls);
    let usage = Usage {
        input_tokens: 105,
        cached_input_tokens: 40,
        output_tokens: 27,
        reasoning_tokens: 7,
        ..Usage::default()
    };
    assert_eq!(reply.usage, Some(usage));
    assert_eq!(reply.citations, [StreamChunk::Citation { url: "https://a.example".to_owned(), title: "A".to_owned() }]);
}

fn ended(event: &str) -> Result<FinishReason, WireError> {
    replay(decoder(), [format!("data: {event}\n\n").as_bytes()]).1.map(|reply| reply.finish)
}

#[test]
fn the_ways_in_which_a_reply_can_end_are_told_apart() {
    let finish = |reason: &str| ended(&format!(r#"{{"candidates":[{{"finishReason":"{reason}"}}]}}"#));
    assert_eq!(finish("MAX_TOKENS"), Ok(FinishReason::Length));
    assert_eq!(finish("SAFETY"), Ok(FinishReason::Refusal));
    assert_eq!(finish("NEWLY_INVENTED"), Ok(FinishReason::Other("newly_invented".to_owned())));
    assert!(matches!(finish("MALFORMED_FUNCTION_CALL"), Err(WireError::Malformed(_))));
    assert!(matches!(ended(r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}"#), Err(WireError::Refused(_))));
    assert!(matches!(ended(r#"{"error":{"code":503,"status":"UNAVAILABLE"}}"#), Err(WireError::Provider(_))));
    assert_eq!(ended(r#"{"candidates":[{"content":{"parts":[{"text":"half"}]}}]}"#), Err(WireError::CutShort));
}

#[test]
fn code_that_the_provider_runs_is_told_and_kept() {
    let stream = r#"data: {"candidates":[{"content":{"parts":[{"executableCode":{"language":"PYTHON","code":"print(1)"}},{"codeExecutionResult":{"outcome":"OUTCOME_FAILED","output":"oops"}}]},"finishReason":"STOP"}]}

"#;
    let (chunks, reply) = at_every_cut(decoder, stream);
    let phases: Vec<BuiltinPhase> = chunks
        .iter()
        .filter_map(|chunk| if let StreamChunk::BuiltinTool { phase, .. } = chunk { Some(*phase) } else { None })
        .collect();
    assert_eq!(phases, [BuiltinPhase::Started, BuiltinPhase::Failed]);
    assert_eq!(reply.unwrap().items[0]["parts"].as_array().unwrap().len(), 2);
}

proptest! {
    #[test]
    fn damaged_streams_never_panic(bytes in damaged(WHOLE)) {
        let _ = replay(decoder(), [bytes.as_slice()]);
    }
}

fn plan(model: &str, base_url: Option<&str>, params: Value, builtin: BuiltinTools) -> Plan {
    let Value::Object(params) = params else { panic!("a map") };
    Plan::new(BackendSpec {
        price: None,
        quota: None,
        provider: provider("gemini").unwrap(),
        model: model.to_owned(),
        base_url: base_url.map(str::to_owned),
        api_key: Some(ApiKey::new("k")),
        params,
        builtin,
        policy: CallPolicy::default(),
    })
    .unwrap()
}

const SEARCH: BuiltinTools = BuiltinTools { web_search: true, code_execution: false, x_search: false };

fn vote() -> ToolSpec {
    ToolSpec { name: "vote".to_owned(), description: "Votes.".to_owned(), parameters: json!({ "type": "object" }) }
}

#[test]
fn a_whole_request_is_written_and_parts_go_back_untouched() {
    let params = json!({ "temperature": 1, "top_p": 0.5, "max_tokens": 9, "stop": "END", "safety_settings": [],
        "thinking_config": { "thinking_level": "low" }, "gemini_backoff_max_attempts": 7 });
    let plan = plan("gemini-3-flash-preview", None, params, SEARCH);
    let reply = decoded(replay(decoder(), [WHOLE.as_bytes()]));
    let turn = AssistantTurn { text: reply.text, tool_calls: reply.tool_calls, echo: plan.echo(reply.items) };
    let result = |id: &str, name: &str, is_error| ToolResult {
        call_id: id.to_owned(),
        name: name.to_owned(),
        content: "ok".to_owned(),
        is_error,
    };
    let request = ModelRequest {
        max_output_tokens: None,
        system: "S".to_owned(),
        messages: vec![
            Message::User("U".to_owned()),
            Message::Assistant(turn),
            Message::ToolResults(vec![result("f1", "vote", false), result("massgen_call_1_1_1", "now", true)]),
        ],
        tools: vec![vote()],
        tool_choice: ToolChoice::Required,
    };
    let expected = json!({
        "systemInstruction": { "parts": [{ "text": "S" }] },
        "contents": [
            { "role": "user", "parts": [{ "text": "U" }] },
            { "role": "model", "parts": parts() },
            { "role": "user", "parts": [
                { "functionResponse": { "name": "vote", "response": { "result": "ok" }, "id": "f1" } },
                { "functionResponse": { "name": "now", "response": { "error": "ok" } } }] },
        ],
        "toolConfig": { "includeServerSideToolInvocations": true },
        "tools": [{ "google_search": {} }, { "functionDeclarations": [
            { "name": "vote", "description": "Votes.", "parametersJsonSchema": { "type": "object" } }] }],
        "safetySettings": [],
        "generationConfig": { "temperature": 1, "topP": 0.5, "maxOutputTokens": 9, "stopSequences": ["END"],
            "thinkingConfig": { "thinking_level": "low", "includeThoughts": true } },
    });
    assert_eq!(plan.body(&request), expected);
    assert_eq!(plan.policy.retries_max, 6);
    let url =
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-flash-preview:streamGenerateContent?alt=sse";
    assert_eq!(plan.url.as_str(), url);
    assert_eq!(plan.headers["x-goog-api-key"], "k");
}

#[test]
fn addresses_are_taken_with_and_without_a_version() {
    let path =
        |base| plan("models/gemini-2.5-pro", Some(base), json!({}), BuiltinTools::default()).url.path().to_owned();
    assert_eq!(path("http://h:1/"), "/v1beta/models/gemini-2.5-pro:streamGenerateContent");
    assert_eq!(path("http://h:1/v1beta"), "/v1beta/models/gemini-2.5-pro:streamGenerateContent");
    assert_eq!(path("http://h:1/proxy/v1/"), "/proxy/v1/models/gemini-2.5-pro:streamGenerateContent");
}

#[test]
fn a_model_that_cannot_mix_gets_functions_for_the_providers_tools() {
    let plan = plan("gemini-2.5-flash", None, json!({}), SEARCH);
    let request = ModelRequest { tools: vec![vote()], tool_choice: ToolChoice::Required, ..ModelRequest::default() };
    let body = plan.body(&request);
    let names: Vec<&str> = body["tools"][0]["functionDeclarations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["vote", "builtin_google_search"]);
    assert_eq!(body["toolConfig"], json!({ "functionCallingConfig": { "mode": "ANY" } }));
    assert!(plan.notices[0].contains("request of its own"), "{:?}", plan.notices);
    let alone = plan.body(&ModelRequest::default());
    assert_eq!(alone["tools"], json!([{ "google_search": {} }]));
}

#[test]
fn a_foreign_turn_gets_the_word_that_stands_for_a_signature() {
    let turn = AssistantTurn { text: "x".to_owned(), tool_calls: vec![call("a", "vote", "{}")], echo: None };
    let result = ToolResult { call_id: "a".to_owned(), name: "vote".to_owned(), ..ToolResult::default() };
    let messages = vec![Message::Assistant(turn), Message::ToolResults(vec![result])];
    let request = ModelRequest { messages, ..ModelRequest::default() };
    let body = plan("gemini-3-pro-preview", None, json!({}), SEARCH).body(&request);
    assert_eq!(body["contents"][0]["parts"][1]["thoughtSignature"], json!("skip_thought_signature_validator"));
    let body = plan("gemini-2.5-pro", None, json!({}), SEARCH).body(&request);
    assert_eq!(body["contents"][0]["parts"][1].get("thoughtSignature"), None);
}
