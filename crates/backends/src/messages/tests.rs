use massgen_protocol::{BuiltinPhase, FinishReason, StreamChunk, ToolCall, ToolSpec, Usage};
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

const WHOLE: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude","usage":{"input_tokens":5,"cache_creation_input_tokens":20,"cache_read_input_tokens":300,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let me"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":" see…"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"Emr1"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"query\": \"nor"}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"th\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: content_block_start
data: {"type":"content_block_start","index":3,"content_block":{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result","url":"https://a.example","title":"A","encrypted_content":"Eo"}]}}

event: content_block_stop
data: {"type":"content_block_stop","index":3}

event: content_block_start
data: {"type":"content_block_start","index":4,"content_block":{"type":"text","text":"","citations":[]}}

event: content_block_delta
data: {"type":"content_block_delta","index":4,"delta":{"type":"citations_delta","citation":{"type":"web_search_result_location","url":"https://a.example","title":"A","cited_text":"x"}}}

event: content_block_delta
data: {"type":"content_block_delta","index":4,"delta":{"type":"text_delta","text":"Utqia\u0121vik 🧊"}}

event: content_block_stop
data: {"type":"content_block_stop","index":4}

event: content_block_start
data: {"type":"content_block_start","index":5,"content_block":{"type":"tool_use","id":"toolu_1","name":"vote","input":{}}}

event: content_block_start
data: {"type":"content_block_start","index":6,"content_block":{"type":"tool_use","id":"toolu_2","name":"now","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":5,"delta":{"type":"input_json_delta","partial_json":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":5,"delta":{"type":"input_json_delta","partial_json":"{\"agent\": \"agent1\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":6}

event: content_block_stop
data: {"type":"content_block_stop","index":5}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":89}}

event: message_stop
data: {"type":"message_stop"}

"#;

fn items() -> Value {
    json!([
        { "type": "thinking", "thinking": "Let me see…", "signature": "EqQB" },
        { "type": "redacted_thinking", "data": "Emr1" },
        { "type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": { "query": "north" } },
        { "type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{ "type": "web_search_result",
            "url": "https://a.example", "title": "A", "encrypted_content": "Eo" }] },
        { "type": "text", "text": "Utqiaġvik 🧊", "citations": [{ "type": "web_search_result_location",
            "url": "https://a.example", "title": "A", "cited_text": "x" }] },
        { "type": "tool_use", "id": "toolu_1", "name": "vote", "input": { "agent": "agent1" } },
        { "type": "tool_use", "id": "toolu_2", "name": "now", "input": {} },
    ])
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() }
}

#[test]
fn a_whole_reply_is_read_at_every_cut() {
    let (chunks, reply) = at_every_cut(decoder, WHOLE);
    let reply = reply.unwrap();
    assert_eq!(reply.text, "Utqiaġvik 🧊");
    assert_eq!(text_of(&chunks), reply.text);
    assert_eq!(reply.tool_calls, [call("toolu_1", "vote", r#"{"agent": "agent1"}"#), call("toolu_2", "now", "{}")]);
    assert_eq!(Value::Array(reply.items), items());
    assert_eq!((reply.finish, reply.unknown_events), (FinishReason::ToolCalls, 0));
    let usage = Usage {
        input_tokens: 325,
        cached_input_tokens: 300,
        cache_write_tokens: 20,
        output_tokens: 89,
        ..Usage::default()
    };
    assert_eq!(reply.usage, Some(usage));
    let builtin = |phase, detail: &str| StreamChunk::BuiltinTool {
        name: "web_search".to_owned(),
        phase,
        detail: detail.to_owned(),
    };
    assert!(chunks.contains(&builtin(BuiltinPhase::Started, "north")));
    assert!(chunks.contains(&builtin(BuiltinPhase::Completed, "")));
    assert_eq!(reply.citations.len(), 1);
}

#[test]
fn without_its_last_event_a_reply_is_cut_short() {
    assert_eq!(replay(decoder(), [without_last(WHOLE, 1).as_bytes()]).1, Err(WireError::CutShort));
}

#[test]
fn an_error_within_the_stream_and_strange_events_are_told_apart() {
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    assert!(
        matches!(replay(decoder(), [error.as_bytes()]).1, Err(WireError::Provider(body)) if body.contains("overloaded_error"))
    );
    let strange = "data: {\"type\":\"later_event\"}\n\ndata: {\"type\":\"message_stop\"}\n\n";
    assert_eq!(decoded(replay(decoder(), [strange.as_bytes()])).unknown_events, 1);
}

#[test]
fn white_space_at_the_end_does_not_go_back() {
    let stream = r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"done \n"}}

data: {"type":"message_delta","delta":{"stop_reason":"pause_turn","container":{"id":"box_1"}}}

data: {"type":"message_stop"}

"#;
    let reply = decoded(at_every_cut(decoder, stream));
    assert_eq!((reply.text.as_str(), &reply.items), ("done \n", &vec![json!({ "type": "text", "text": "done" })]));
    assert_eq!(reply.paused.unwrap().container.as_deref(), Some("box_1"));
}

proptest! {
    #[test]
    fn damaged_streams_never_panic(bytes in damaged(WHOLE)) {
        let _ = replay(decoder(), [bytes.as_slice()]);
    }
}

fn plan(model: &str, params: Value, builtin: BuiltinTools) -> Plan {
    let Value::Object(params) = params else { panic!("a map") };
    Plan::new(BackendSpec {
        price: None,
        quota: None,
        provider: provider("claude").unwrap(),
        model: model.to_owned(),
        base_url: Some("https://proxy.example/v1/".to_owned()),
        api_key: Some(ApiKey::new("k")),
        params,
        builtin,
        policy: CallPolicy::default(),
    })
    .unwrap()
}

#[test]
fn a_whole_request_is_written_and_blocks_go_back_untouched() {
    let builtin = BuiltinTools { web_search: true, code_execution: true, x_search: false };
    let params = json!({ "betas": ["files-api-2025-04-14"], "disable_parallel_tool_use": true, "top_p": 0.9,
        "thinking": { "type": "enabled", "budget_tokens": 2000 }, "temperature": 0.3 });
    let plan = plan("claude-sonnet-4-5", params, builtin);
    let reply = decoded(replay(decoder(), [WHOLE.as_bytes()]));
    let turn = AssistantTurn { text: reply.text, tool_calls: reply.tool_calls, echo: plan.echo(reply.items) };
    let result = |id: &str, is_error| ToolResult {
        call_id: id.to_owned(),
        name: "t".to_owned(),
        content: "ok".to_owned(),
        is_error,
    };
    let tool = ToolSpec { name: "vote".to_owned(), description: "Votes.".to_owned(), parameters: json!({}) };
    let request = ModelRequest {
        max_output_tokens: None,
        system: "S".to_owned(),
        messages: vec![
            Message::User("U".to_owned()),
            Message::Assistant(turn),
            Message::ToolResults(vec![result("toolu_1", false), result("toolu_2", true)]),
            Message::User("Go on".to_owned()),
        ],
        tools: vec![tool],
        tool_choice: ToolChoice::Required,
    };
    let ephemeral = json!({ "type": "ephemeral" });
    let expected = json!({
        "model": "claude-sonnet-4-5", "max_tokens": 32000, "stream": true,
        "system": [{ "type": "text", "text": "S", "cache_control": ephemeral }],
        "tool_choice": { "type": "auto", "disable_parallel_tool_use": true },
        "messages": [
            { "role": "user", "content": [{ "type": "text", "text": "U" }] },
            { "role": "assistant", "content": items() },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "toolu_1", "content": "ok" },
                { "type": "tool_result", "tool_use_id": "toolu_2", "content": "ok", "is_error": true },
                { "type": "text", "text": "Go on", "cache_control": ephemeral }] },
        ],
        "tools": [{ "type": "web_search_20250305", "name": "web_search" },
            { "type": "code_execution_20250825", "name": "code_execution" },
            { "name": "vote", "description": "Votes.", "input_schema": {} }],
        "thinking": { "type": "enabled", "budget_tokens": 2000 }, "top_p": 0.9,
    });
    assert_eq!(plan.body(&request), expected);
    assert_eq!(plan.url.as_str(), "https://proxy.example/v1/messages");
    assert_eq!(plan.headers["anthropic-beta"], "files-api-2025-04-14,code-execution-2025-08-25");
    assert_eq!(
        (&plan.headers["x-api-key"], &plan.headers["anthropic-version"]),
        (&"k".parse().unwrap(), &"2023-06-01".parse().unwrap())
    );
    assert!(plan.notices[0].contains("`temperature` is left out"), "{:?}", plan.notices);
}

#[test]
fn another_models_turn_is_written_out_of_its_text_and_calls() {
    let other = plan("claude-opus-4-6", json!({}), BuiltinTools::default());
    let turn = AssistantTurn {
        text: "so \n".to_owned(),
        tool_calls: vec![call("a", "vote", "not json")],
        echo: plan("claude-opus-4-1", json!({}), BuiltinTools::default()).echo(vec![json!({ "type": "thinking" })]),
    };
    let result = ToolResult { call_id: "a".to_owned(), ..ToolResult::default() };
    let messages = vec![Message::Assistant(turn), Message::ToolResults(vec![result])];
    let body = other.body(&ModelRequest { messages, ..ModelRequest::default() });
    let expected = json!([{ "type": "text", "text": "so" },
        { "type": "tool_use", "id": "a", "name": "vote", "input": { "invalid_arguments": "not json" } }]);
    assert_eq!(body["messages"][0]["content"], expected);
}

#[test]
fn each_model_gets_only_what_it_takes() {
    let body = |model: &str, params: Value| plan(model, params, BuiltinTools::default()).body(&ModelRequest::default());
    assert_eq!(body("claude-3-haiku-20240307", json!({}))["max_tokens"], json!(4096));
    let params = json!({ "temperature": 0.2, "top_p": 0.9, "thinking": { "type": "enabled", "budget_tokens": 1024 } });
    let newest = body("claude-opus-4-7", params.clone());
    assert_eq!(newest["thinking"], json!({ "type": "adaptive" }));
    assert_eq!((newest.get("temperature"), newest.get("top_p")), (None, None));
    assert_eq!(body("claude-sonnet-4-20250514", json!({ "temperature": 0.2, "top_p": 0.9 })).get("top_p"), None);
    assert_eq!(body("claude-opus-4-20250514", json!({ "temperature": 0.2 }))["temperature"], json!(0.2));
    let tight = json!({ "max_tokens": 1000, "thinking": { "type": "enabled", "budget_tokens": 4000 } });
    assert_eq!(body("claude-sonnet-4-5", tight)["max_tokens"], json!(12192));
}

#[test]
fn a_call_is_forced_only_without_thinking() {
    let tool = ToolSpec { name: "vote".to_owned(), description: String::new(), parameters: json!({}) };
    let request = ModelRequest { tools: vec![tool], tool_choice: ToolChoice::Required, ..ModelRequest::default() };
    let body = plan("claude-sonnet-4-5", json!({}), BuiltinTools::default()).body(&request);
    assert_eq!(body["tool_choice"], json!({ "type": "any" }));
    assert_eq!(body["tools"][0]["cache_control"], json!({ "type": "ephemeral" }));
    let thinking = json!({ "thinking": { "type": "adaptive" } });
    let body = plan("claude-sonnet-4-6", thinking, BuiltinTools::default()).body(&request);
    assert_eq!(body.get("tool_choice"), None);
}
