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

const WHOLE: &str = r#"event: response.created
data: {"type":"response.created","response":{"id":"resp_1","status":"in_progress","output":[]},"sequence_number":0}

event: response.output_item.added
data: {"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}}

event: response.reasoning_summary_text.delta
data: {"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"**Plan**"}

event: response.output_item.done
data: {"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"**Plan**"}],"encrypted_content":"gAAA="}}

event: response.output_item.added
data: {"type":"response.output_item.added","output_index":1,"item":{"id":"ws_1","type":"web_search_call","status":"in_progress"}}

event: response.web_search_call.searching
data: {"type":"response.web_search_call.searching","item_id":"ws_1","output_index":1}

event: response.output_item.done
data: {"type":"response.output_item.done","output_index":1,"item":{"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search","query":"northern city"}}}

event: response.output_item.added
data: {"type":"response.output_item.added","output_index":2,"item":{"id":"msg_1","type":"message","role":"assistant","content":[]}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"msg_1","output_index":2,"content_index":0,"delta":"Utqia\u0121vik, ","logprobs":[]}

event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"msg_1","output_index":2,"content_index":0,"delta":"Alaska 🧊"}

event: response.output_text.annotation.added
data: {"type":"response.output_text.annotation.added","item_id":"msg_1","annotation":{"type":"url_citation","url":"https://a.example","title":"A"}}

event: response.output_item.done
data: {"type":"response.output_item.done","output_index":2,"item":{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Utqiaġvik, Alaska 🧊","annotations":[{"type":"url_citation","url":"https://a.example","title":"A"}]}]}}

event: response.output_item.added
data: {"type":"response.output_item.added","output_index":4,"item":{"id":"fc_2","type":"function_call","call_id":"call_2","name":"vote","arguments":""}}

event: response.output_item.added
data: {"type":"response.output_item.added","output_index":3,"item":{"id":"fc_1","type":"function_call","call_id":"call_1","name":"read","arguments":""}}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":3,"delta":"{\"p\":"}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","item_id":"fc_2","output_index":4,"delta":"{}"}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":3,"delta":"1}"}

event: response.output_item.done
data: {"type":"response.output_item.done","output_index":4,"item":{"id":"fc_2","type":"function_call","call_id":"call_2","name":"vote","arguments":"{}"}}

event: response.output_item.done
data: {"type":"response.output_item.done","output_index":4,"item":{"id":"fc_2","type":"function_call","call_id":"call_2","name":"vote","arguments":"{}"}}

event: response.something_new
data: {"type":"response.something_new","delta":{"not":"a text"}}

event: response.function_call_arguments.done
data: {"type":"response.function_call_arguments.done","item_id":"fc_1","output_index":3,"arguments":"{\"p\":1}"}

event: response.output_item.done
data: {"type":"response.output_item.done","output_index":3,"item":{"id":"fc_1","type":"function_call","call_id":"call_1","name":"read","arguments":"{\"p\":1}"}}

event: response.completed
data: {"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[{"id":"rs_1","type":"reasoning"},{"id":"ws_1"},{"id":"msg_1"},{"id":"fc_1"},{"id":"fc_2"}],"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":60},"output_tokens":30,"output_tokens_details":{"reasoning_tokens":12},"total_tokens":130}}}

"#;

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() }
}

#[test]
fn a_whole_reply_is_read_at_every_cut() {
    let (chunks, reply) = at_every_cut(decoder, WHOLE);
    let reply = reply.unwrap();
    assert_eq!(reply.text, "Utqiaġvik, Alaska 🧊");
    assert_eq!(text_of(&chunks), reply.text);
    assert_eq!(reply.tool_calls, [call("call_2", "vote", "{}"), call("call_1", "read", r#"{"p":1}"#)]);
    assert_eq!((reply.finish, reply.unknown_events), (FinishReason::ToolCalls, 1));
    let kinds: Vec<&str> = reply.items.iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["reasoning", "web_search_call", "message", "function_call", "function_call"]);
    assert_eq!(reply.items[0]["encrypted_content"], json!("gAAA="));
    assert_eq!(reply.items[3]["id"], json!("fc_1"));
    let usage = Usage {
        input_tokens: 100,
        cached_input_tokens: 60,
        output_tokens: 30,
        reasoning_tokens: 12,
        ..Usage::default()
    };
    assert_eq!(reply.usage, Some(usage));
    let searched = StreamChunk::BuiltinTool {
        name: "web_search".to_owned(),
        phase: BuiltinPhase::Completed,
        detail: "northern city".to_owned(),
    };
    assert!(chunks.contains(&searched));
    let cited = chunks.iter().filter(|chunk| matches!(chunk, StreamChunk::Citation { .. })).count();
    assert_eq!(cited, 1);
}

#[test]
fn without_its_last_event_a_reply_is_cut_short() {
    assert_eq!(replay(decoder(), [without_last(WHOLE, 1).as_bytes()]).1, Err(WireError::CutShort));
}

#[test]
fn a_server_that_lists_its_output_only_at_the_end_is_read() {
    let stream = r#"data: {"type":"response.completed","response":{"output":[{"type":"message","id":"m","content":[{"type":"output_text","text":"all at once"}]},{"type":"function_call","id":"f","call_id":"c","name":"vote","arguments":"{}"}]}}

"#;
    let (chunks, reply) = at_every_cut(decoder, stream);
    let reply = reply.unwrap();
    assert_eq!((reply.text.as_str(), text_of(&chunks).as_str()), ("all at once", "all at once"));
    assert_eq!(reply.tool_calls, [call("c", "vote", "{}")]);
    assert_eq!(reply.usage, None);
}

#[test]
fn the_ways_in_which_a_reply_can_end_are_told_apart() {
    let ended = |event: &str| replay(decoder(), [format!("data: {event}\n\n").as_bytes()]).1;
    let finish = |event: &str| ended(event).unwrap().finish;
    let incomplete =
        r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"max_output_tokens"}}}"#;
    assert_eq!(finish(incomplete), FinishReason::Length);
    let failed = r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"no"}}}"#;
    assert!(matches!(ended(failed), Err(WireError::Provider(body)) if body.contains("server_error")));
    let error = r#"{"type":"error","code":"rate_limit_exceeded","message":"slow"}"#;
    assert!(matches!(ended(error), Err(WireError::Provider(_))));
}

proptest! {
    #[test]
    fn damaged_streams_never_panic(bytes in damaged(WHOLE)) {
        let _ = replay(decoder(), [bytes.as_slice()]);
    }
}

fn plan(kind: &str, model: &str, params: Value, builtin: BuiltinTools) -> Plan {
    let Value::Object(params) = params else { panic!("a map") };
    Plan::new(BackendSpec {
        price: None,
        quota: None,
        provider: provider(kind).unwrap(),
        model: model.to_owned(),
        base_url: None,
        api_key: Some(ApiKey::new("k")),
        params,
        builtin,
        policy: CallPolicy::default(),
    })
    .unwrap()
}

#[test]
fn a_whole_request_is_written_and_items_go_back_untouched() {
    let builtin = BuiltinTools { web_search: true, code_execution: true, x_search: false };
    let params = json!({ "max_tokens": 50, "temperature": 1, "reasoning": { "effort": "low", "summary": "auto" },
        "text": { "verbosity": "low" }, "include": ["web_search_call.action.sources"] });
    let plan = plan("openai", "gpt-5-mini", params, builtin);
    let reply = decoded(replay(decoder(), [WHOLE.as_bytes()]));
    let items = reply.items.clone();
    let turn = AssistantTurn { text: reply.text, tool_calls: reply.tool_calls, echo: plan.echo(reply.items) };
    let result = |id: &str| ToolResult {
        call_id: id.to_owned(),
        name: "t".to_owned(),
        content: "ok".to_owned(),
        is_error: false,
    };
    let tool = ToolSpec { name: "vote".to_owned(), description: "Votes.".to_owned(), parameters: json!({}) };
    let request = ModelRequest {
        max_output_tokens: None,
        system: "S".to_owned(),
        messages: vec![
            Message::User("U".to_owned()),
            Message::Assistant(turn),
            Message::ToolResults(vec![result("call_1"), result("call_2")]),
        ],
        tools: vec![tool],
        tool_choice: ToolChoice::Required,
    };
    let mut input = vec![json!({ "role": "user", "content": "U" })];
    input.extend(items);
    input.push(json!({ "type": "function_call_output", "call_id": "call_1", "output": "ok" }));
    input.push(json!({ "type": "function_call_output", "call_id": "call_2", "output": "ok" }));
    let expected = json!({
        "model": "gpt-5-mini", "stream": true, "instructions": "S", "input": input,
        "tools": [{ "type": "web_search" }, { "type": "code_interpreter", "container": { "type": "auto" } },
            { "type": "function", "name": "vote", "description": "Votes.", "parameters": {}, "strict": false }],
        "tool_choice": "required", "store": false,
        "include": ["reasoning.encrypted_content", "web_search_call.action.sources"],
        "reasoning": { "effort": "low", "summary": "auto" }, "text": { "verbosity": "low" },
        "max_output_tokens": 50, "parallel_tool_calls": false,
    });
    assert_eq!(plan.body(&request), expected);
    assert_eq!(plan.url.as_str(), "https://api.openai.com/v1/responses");
    assert!(plan.notices.iter().any(|notice| notice.contains("`temperature`")));
}

#[test]
fn reasoning_that_the_provider_cannot_find_again_is_left_out_with_the_ids_that_need_it() {
    let plan = plan("openai", "gpt-5", json!({}), BuiltinTools::default());
    let items = vec![
        json!({ "type": "reasoning", "id": "rs", "summary": [] }),
        json!({ "type": "message", "id": "m", "role": "assistant", "content": [] }),
    ];
    let turn = AssistantTurn { text: "x".to_owned(), tool_calls: Vec::new(), echo: plan.echo(items) };
    let body = plan.body(&ModelRequest { messages: vec![Message::Assistant(turn)], ..ModelRequest::default() });
    assert_eq!(body["input"], json!([{ "type": "message", "role": "assistant", "content": [] }]));
}

#[test]
fn grok_searches_by_tool_and_takes_its_system_prompt_as_a_message() {
    let params = json!({ "extra_body": { "search_parameters": { "mode": "auto", "sources": [{ "type": "x" }, { "type": "web" }] } } });
    let plan = plan("grok", "grok-4", params, BuiltinTools::default());
    let body = plan.body(&ModelRequest { system: "S".to_owned(), ..ModelRequest::default() });
    assert_eq!(body["tools"], json!([{ "type": "web_search" }, { "type": "x_search" }]));
    assert_eq!(body["input"], json!([{ "role": "system", "content": "S" }]));
    assert_eq!((body.get("search_parameters"), body.get("instructions")), (None, None));
    assert_eq!(body["include"], json!(["reasoning.encrypted_content"]));
    assert!(plan.notices[0].contains("search_parameters"));
}

#[test]
fn models_that_do_not_reason_keep_their_sampling_and_get_no_reasoning_fields() {
    let body =
        plan("openai", "gpt-4o", json!({ "temperature": 0.1 }), BuiltinTools::default()).body(&ModelRequest::default());
    assert_eq!((&body["temperature"], body.get("include")), (&json!(0.1), None));
}

#[test]
fn effort_comes_from_the_config_then_from_the_name_then_from_the_family() {
    let effort = |model: &str, params: Value| {
        let plan = plan("openai", model, params, BuiltinTools::default());
        let body = plan.body(&ModelRequest::default());
        (plan.model.clone(), body.pointer("/reasoning/effort").cloned())
    };
    assert_eq!(effort("gpt-5.4", json!({})), ("gpt-5.4".to_owned(), Some(json!("medium"))));
    assert_eq!(effort("gpt-5.4", json!({ "reasoning_effort": "none" })).1, Some(json!("none")));
    assert_eq!(effort("gpt-5-mini", json!({})).1, None);
    assert_eq!(effort("o4-mini-high", json!({})), ("o4-mini".to_owned(), Some(json!("high"))));
    let kept =
        plan("openai", "gpt-5.4", json!({ "reasoning_effort": "none", "temperature": 0 }), BuiltinTools::default());
    assert_eq!(kept.params["temperature"], json!(0));
}
