use massgen_protocol::{FinishReason, StreamChunk, ToolCall, ToolSpec, Usage};
use massgen_providers::provider;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Decoder;
use crate::plan::Plan;
use crate::replay::{at_every_cut, damaged, decoded, replay, text_of, without_last};
use crate::request::{AssistantTurn, Message, ModelRequest, ToolChoice, ToolResult};
use crate::spec::{ApiKey, BackendSpec, BuiltinTools, CallPolicy};
use crate::wire::{Decode, WireError};

fn decoder() -> Box<dyn Decode> {
    Box::new(Decoder::new("made".to_owned()))
}

const WHOLE: &str = r#": OPENROUTER PROCESSING

data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":"Hm"},"finish_reason":null}]}

data: {"id":"c1","choices":[{"index":0,"delta":{"reasoning_content":"m, é","content":null},"finish_reason":null}]}

data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Grüße \ud83d\ude00 "}}]}

data: {"id":"c1","choices":[{"index":0,"delta":{"content":"\"all\"\n"}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"read","arguments":""}}]}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"vote","arguments":"{\"ag"}}]}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"path\":"}}]}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"ent\":1}"}},{"index":0,"function":{"arguments":"\"a\"}"}}]}}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":7,"total_tokens":17,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}}}

data: [DONE]

"#;

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() }
}

#[test]
fn text_reasoning_interleaved_calls_and_usage_are_read_at_every_cut() {
    let (chunks, reply) = at_every_cut(decoder, WHOLE);
    let reply = reply.unwrap();
    assert_eq!(reply.text, "Grüße 😀 \"all\"\n");
    assert_eq!(text_of(&chunks), reply.text);
    assert_eq!(chunks[0], StreamChunk::Reasoning { delta: "Hm".to_owned() });
    assert_eq!(reply.tool_calls, [call("call_a", "read", r#"{"path":"a"}"#), call("call_b", "vote", r#"{"agent":1}"#)]);
    assert_eq!(reply.finish, FinishReason::ToolCalls);
    let usage =
        Usage { input_tokens: 10, cached_input_tokens: 4, output_tokens: 7, reasoning_tokens: 3, ..Usage::default() };
    assert_eq!(reply.usage, Some(usage));
    assert_eq!(reply.items[0]["reasoning_content"], json!("Hmm, é"));
}

#[test]
fn a_stream_ends_with_a_finish_reason_or_the_done_mark_and_else_is_cut_short() {
    assert!(replay(decoder(), [without_last(WHOLE, 2).as_bytes()]).1.is_ok());
    assert_eq!(replay(decoder(), [without_last(WHOLE, 3).as_bytes()]).1, Err(WireError::CutShort));
    let only_done = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]";
    assert_eq!(decoded(replay(decoder(), [only_done.as_bytes()])).text, "x");
}

fn calls_of(deltas: &[&str]) -> Vec<ToolCall> {
    let events =
        deltas.iter().map(|delta| format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{delta}]}}}}]}}\n\n"));
    let stream = events.collect::<String>() + "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let reply = decoded(replay(decoder(), [stream.as_bytes()]));
    assert_eq!(reply.finish, FinishReason::ToolCalls);
    reply.tool_calls
}

#[test]
fn servers_that_number_calls_strangely_are_understood() {
    // Every call has index 0 and comes whole.
    let same_index = calls_of(&[
        r#"{"index":0,"id":"a","function":{"name":"read","arguments":"{}"}}"#,
        r#"{"index":0,"id":"b","function":{"name":"read","arguments":"{}"}}"#,
    ]);
    assert_eq!(same_index, [call("a", "read", "{}"), call("b", "read", "{}")]);
    // No index and no id, arguments as an object.
    let bare = calls_of(&[r#"{"function":{"name":"read","arguments":{"path":1}}}"#]);
    assert_eq!(bare, [call("made_0", "read", r#"{"path":1}"#)]);
    // A whole call said twice is one call; so is one whose name is repeated with each piece.
    let twice = calls_of(&[
        r#"{"index":0,"id":"a","function":{"name":"read","arguments":"{\"x\":1}"}}"#,
        r#"{"index":0,"id":"a","function":{"name":"read","arguments":"{\"x\":1}"}}"#,
    ]);
    assert_eq!(twice, [call("a", "read", r#"{"x":1}"#)]);
    let named_pieces = calls_of(&[
        r#"{"index":0,"id":"a","function":{"name":"read","arguments":"{\"x\""}}"#,
        r#"{"index":0,"id":"a","function":{"name":"read","arguments":":1}"}}"#,
    ]);
    assert_eq!(named_pieces, [call("a", "read", r#"{"x":1}"#)]);
    // All calls of a reply have one id.
    let same_id = calls_of(&[
        r#"{"index":0,"id":"a","function":{"name":"read","arguments":"{\"x\""}}"#,
        r#"{"index":1,"id":"a","function":{"name":"list","arguments":"{"}}"#,
        r#"{"index":1,"id":"a","function":{"arguments":"}"}}"#,
        r#"{"index":0,"id":"a","function":{"arguments":":1}"}}"#,
    ]);
    assert_eq!(same_id, [call("a", "read", r#"{"x":1}"#), call("made_1", "list", "{}")]);
    // No arguments at all.
    assert_eq!(calls_of(&[r#"{"index":0,"id":"a","function":{"name":"now"}}"#]), [call("a", "now", "{}")]);
}

#[test]
fn errors_within_the_stream_end_it() {
    let stream = "data: {\"error\":{\"message\":\"busy\",\"code\":529}}\n\n";
    assert!(
        matches!(replay(decoder(), [stream.as_bytes()]).1, Err(WireError::Provider(body)) if body.contains("busy"))
    );
    let stream = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}\n\n";
    assert!(matches!(replay(decoder(), [stream.as_bytes()]).1, Err(WireError::Provider(_))));
    assert!(matches!(replay(decoder(), [b"data: {oops\n\n".as_slice()]).1, Err(WireError::Malformed(_))));
}

#[test]
fn reasoning_details_are_joined_and_echoed() {
    let stream = r#"data: {"choices":[{"delta":{"reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a","index":0,"signature":null}]}}]}

data: {"choices":[{"delta":{"reasoning":"b","reasoning_details":[{"type":"reasoning.text","text":"b","index":0,"signature":"sig"}]}}]}

data: {"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"c"}]},{"type":"text","text":"said"}],"tool_calls":[{"index":0,"id":"a","function":{"name":"read","arguments":"{}"},"extra_content":{"google":{"thought_signature":"s"}}}]},"finish_reason":"tool_calls"}]}

"#;
    let reply = decoded(at_every_cut(decoder, stream));
    let expected = json!([{
        "role": "assistant", "content": "said",
        "tool_calls": [{ "id": "a", "type": "function", "function": { "name": "read", "arguments": "{}" },
            "extra_content": { "google": { "thought_signature": "s" } } }],
        "reasoning_details": [{ "type": "reasoning.text", "text": "ab", "index": 0, "signature": "sig" }],
    }]);
    assert_eq!(json!(reply.items), expected);
}

proptest! {
    #[test]
    fn damaged_streams_never_panic(bytes in damaged(WHOLE)) {
        let _ = replay(decoder(), [bytes.as_slice()]);
    }
}

fn plan(kind: &str, model: &str, base_url: Option<&str>, params: Value, builtin: BuiltinTools) -> Plan {
    let Value::Object(params) = params else { panic!("a map") };
    Plan::new(BackendSpec {
        price: None,
        quota: None,
        provider: provider(kind).unwrap(),
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
const NONE: BuiltinTools = BuiltinTools { web_search: false, code_execution: false, x_search: false };

fn request() -> ModelRequest {
    let turn = AssistantTurn { text: String::new(), tool_calls: vec![call("a", "read", "{}")], echo: None };
    let result =
        ToolResult { call_id: "a".to_owned(), name: "read".to_owned(), content: "gone".to_owned(), is_error: true };
    let tool = ToolSpec {
        name: "read".to_owned(),
        description: "Reads.".to_owned(),
        parameters: json!({ "type": "object", "properties": {} }),
    };
    ModelRequest {
        max_output_tokens: None,
        system: "Be brief.".to_owned(),
        messages: vec![Message::User("Hi".to_owned()), Message::Assistant(turn), Message::ToolResults(vec![result])],
        tools: vec![tool],
        tool_choice: ToolChoice::Required,
    }
}

#[test]
fn a_whole_request_is_written() {
    let params = json!({ "temperature": 0.5, "max_tokens": 9, "top_k": 3, "nothing": null, "stream": false,
        "extra_body": { "chat_template_kwargs": { "enable_thinking": false } } });
    let plan = plan("vllm", "m", None, params, NONE);
    let expected = json!({
        "model": "m",
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "Hi" },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "a", "type": "function", "function": { "name": "read", "arguments": "{}" } }] },
            { "role": "tool", "tool_call_id": "a", "content": "error: gone" },
        ],
        "stream": true,
        "stream_options": { "include_usage": true },
        "tools": [{ "type": "function", "function": { "name": "read", "description": "Reads.",
            "parameters": { "type": "object", "properties": {} } } }],
        "tool_choice": "required",
        "temperature": 0.5, "max_tokens": 9, "top_k": 3,
        "chat_template_kwargs": { "enable_thinking": false },
    });
    assert_eq!(plan.body(&request()), expected);
    assert_eq!(plan.url.as_str(), "http://localhost:8000/v1/chat/completions");
    assert_eq!(plan.headers["authorization"], "Bearer k");
    assert!(plan.notices.iter().any(|notice| notice.contains("`stream` is left out")), "{:?}", plan.notices);
}

#[test]
fn addresses_are_taken_in_every_usual_form() {
    let url = |base| plan("chatcompletion", "m", Some(base), json!({}), NONE).url.to_string();
    assert_eq!(url("http://h:1"), "http://h:1/v1/chat/completions");
    assert_eq!(url("http://h:1/v1/"), "http://h:1/v1/chat/completions");
    assert_eq!(url("https://api.z.ai/api/paas/v4/"), "https://api.z.ai/api/paas/v4/chat/completions");
    assert_eq!(url("http://h/v1/chat/completions"), "http://h/v1/chat/completions");
}

#[test]
fn azure_deployments_and_its_plain_form_are_reached() {
    let plan_at = |base| plan("azure_openai", "my gpt", Some(base), json!({ "api_version": "2025-01-01" }), NONE);
    let deployment = plan_at("https://x.openai.azure.com/");
    let url = "https://x.openai.azure.com/openai/deployments/my%20gpt/chat/completions?api-version=2025-01-01";
    assert_eq!((deployment.url.as_str(), &deployment.headers["api-key"]), (url, &"k".parse().unwrap()));
    let plain = plan_at("https://x.openai.azure.com/openai/v1/");
    assert_eq!(plain.url.as_str(), "https://x.openai.azure.com/openai/v1/chat/completions");
    assert_eq!(plain.headers["authorization"], "Bearer k");
}

#[test]
fn openrouter_searches_by_plugin_and_others_say_that_they_cannot() {
    let params = json!({ "engine": "exa", "max_results": 3, "search_context_size": "low", "plugins": [{ "id": "x" }] });
    let body = plan("openrouter", "a/b", None, params.clone(), SEARCH).body(&ModelRequest::default());
    assert_eq!(body["plugins"], json!([{ "id": "web", "engine": "exa", "max_results": 3 }, { "id": "x" }]));
    assert_eq!(body["web_search_options"], json!({ "search_context_size": "low" }));
    assert_eq!(body.get("engine"), None);
    let off = plan("openrouter", "a/b", None, params, NONE);
    assert_eq!(off.notices.len(), 3, "{:?}", off.notices);
    let other = plan("groq", "m", None, json!({}), SEARCH);
    assert!(other.notices[0].contains("`enable_web_search` has no effect"), "{:?}", other.notices);
}

#[test]
fn reasoning_models_of_openai_lose_what_they_refuse_with_a_notice() {
    let params = json!({ "temperature": 1, "max_tokens": 5 });
    let plan = plan("chatcompletion", "gpt-5-mini", Some("https://api.openai.com/v1"), params, NONE);
    let body = plan.body(&ModelRequest::default());
    assert_eq!((body.get("temperature"), &body["max_completion_tokens"]), (None, &json!(5)));
    assert!(plan.notices[0].contains("`temperature` is left out"));
}
