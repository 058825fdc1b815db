//! Every endpoint, streamed and whole.

use massgen_rehearsal::{RehearsalServer, Wire};
use serde_json::{Value, json};

use crate::client::{body, content, headers, model, path, post, request, start};

const TALK: &str = r#"
defaults: {chunk: 6}
models:
  "*":
    - when: {tool: lookup}
      reason: "I should look."
      say: "Let me see."
      calls:
        - {tool: lookup, arguments: {word: quasar}}
        - {tool: lookup, arguments: {word: blazar}}
    - reason: "Easy."
      say: "Plain – words."
"#;

fn calls() -> Vec<(String, Value)> {
    ["quasar", "blazar"].map(|word| ("lookup".to_owned(), json!({"word": word}))).to_vec()
}

async fn streamed(server: &RehearsalServer, wire: Wire, tools: &[&str], more: Value) -> Vec<Value> {
    let mut body = body(wire, true, "hello", tools);
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let reply = post(server, wire, true, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(reply.header("x-massgen-rehearsal"), Some("test"));
    assert!(reply.complete);
    reply.events()
}

/// The types of the events, runs of the same type told once.
fn outline(events: &[Value]) -> Vec<String> {
    let mut types: Vec<String> = events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    types.dedup();
    types
}

#[tokio::test]
async fn text_and_calls_arrive_on_every_protocol() {
    let server = start(TALK).await;
    for wire in Wire::ALL {
        let events = streamed(&server, wire, &["lookup"], json!({})).await;
        assert_eq!(content(wire, &events), ("Let me see.".to_owned(), calls()), "{wire:?}");
        let events = streamed(&server, wire, &[], json!({})).await;
        assert_eq!(content(wire, &events), ("Plain – words.".to_owned(), Vec::new()), "{wire:?}");
    }
}

#[tokio::test]
async fn responses_events_come_in_order() {
    let server = start(TALK).await;
    let events = streamed(&server, Wire::Responses, &["lookup"], json!({"reasoning": {"summary": "auto"}})).await;
    let call =
        ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"];
    let head = [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
    ];
    let expected = head.iter().chain(&call).chain(&call).chain(&["completed"]).map(|name| format!("response.{name}"));
    assert_eq!(outline(&events), expected.collect::<Vec<_>>());
    let numbers: Vec<u64> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
    let last = &events.last().unwrap()["response"];
    assert_eq!(last["status"], "completed");
    assert_eq!(last["metadata"]["massgen_rehearsal"], "test");
    let (input, output) = (&last["usage"]["input_tokens"], &last["usage"]["output_tokens"]);
    assert_eq!(last["usage"]["total_tokens"], json!(input.as_u64().unwrap() + output.as_u64().unwrap()));
    let kinds: Vec<&str> =
        last["output"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call", "function_call"]);
}

#[tokio::test]
async fn messages_events_come_in_order() {
    let server = start(TALK).await;
    let thinking = json!({"thinking": {"type": "enabled", "budget_tokens": 2000}});
    let events = streamed(&server, Wire::Messages, &["lookup"], thinking).await;
    let block = ["content_block_start", "content_block_delta", "content_block_stop"];
    let mut expected = vec!["message_start", "ping"];
    (0..4).for_each(|_| expected.extend(block));
    expected.extend(["message_delta", "message_stop"]);
    assert_eq!(outline(&events), expected);
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["content_block"]["type"].as_str()).collect();
    assert_eq!(kinds, ["thinking", "text", "tool_use", "tool_use"]);
    let deltas: Vec<&str> = events.iter().filter_map(|event| event["delta"]["type"].as_str()).collect();
    let signature = deltas.iter().position(|kind| *kind == "signature_delta").unwrap();
    assert!(deltas[..signature].iter().all(|kind| *kind == "thinking_delta"));
    assert_eq!(events[events.len() - 2]["delta"]["stop_reason"], "tool_use");
    assert_eq!(events[0]["message"]["stop_reason"], Value::Null);
}

#[tokio::test]
async fn chat_chunks_come_in_order() {
    let server = start(TALK).await;
    let usage = json!({"stream_options": {"include_usage": true}});
    let mut body = body(Wire::ChatCompletions, true, "hello", &["lookup"]);
    body.as_object_mut().unwrap().extend(usage.as_object().unwrap().clone());
    let reply = post(&server, Wire::ChatCompletions, true, &body).await;
    assert!(reply.text().ends_with("data: [DONE]\n\n"));
    let events = reply.events();
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(events[1]["choices"][0]["delta"]["reasoning_content"], "I shou");
    let finish: Vec<&str> = events.iter().filter_map(|event| event["choices"][0]["finish_reason"].as_str()).collect();
    assert_eq!(finish, ["tool_calls"]);
    let last = events.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert!(last["usage"]["total_tokens"].as_u64().unwrap() > 0);
    assert!(events.iter().all(|event| event["system_fingerprint"] == "fp_rehearsal"));
    let plain = streamed(&server, Wire::ChatCompletions, &[], json!({})).await;
    assert!(plain.iter().all(|event| event.get("usage").is_none()), "no usage unless asked for");
}

#[tokio::test]
async fn gemini_chunks_end_with_reason_and_usage() {
    let server = start(TALK).await;
    let thoughts = json!({"generationConfig": {"thinkingConfig": {"includeThoughts": true}}});
    let events = streamed(&server, Wire::Gemini, &["lookup"], thoughts).await;
    assert_eq!(events[0]["candidates"][0]["content"]["parts"][0]["thought"], true);
    let finish: Vec<&str> = events.iter().filter_map(|event| event["candidates"][0]["finishReason"].as_str()).collect();
    assert_eq!(finish, ["STOP"]);
    let last = events.last().unwrap();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert!(last["usageMetadata"]["candidatesTokenCount"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn gemini_3_signs_the_first_of_several_calls() {
    let server = start(TALK).await;
    let body = body(Wire::Gemini, false, "hello", &["lookup"]);
    for (model, expected) in [("gemini-3-flash-preview", [true, false]), ("gemini-2.5-flash", [false, false])] {
        let path = format!("/v1beta/models/{model}:generateContent");
        let reply = request(&server, "POST", &path, headers(Wire::Gemini), &body.to_string()).await.unwrap().json();
        let parts = reply["candidates"][0]["content"]["parts"].as_array().unwrap();
        let signed: Vec<bool> = parts
            .iter()
            .filter(|part| part.get("functionCall").is_some())
            .map(|part| part.get("thoughtSignature").is_some())
            .collect();
        assert_eq!(signed, expected, "{model}");
    }
}

#[tokio::test]
async fn whole_replies_say_the_same_as_streams() {
    let server = start(TALK).await;
    let mut replies = Vec::new();
    for wire in Wire::ALL {
        let reply = post(&server, wire, false, &body(wire, false, "hello", &["lookup"])).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")), "{wire:?}");
        replies.push(reply.json());
    }
    let [responses, chat, messages, gemini] = replies.try_into().unwrap();
    assert_eq!(responses["output"][1]["content"][0]["text"], "Let me see.");
    assert_eq!(responses["output"][3]["arguments"], r#"{"word":"blazar"}"#);
    assert_eq!(chat["choices"][0]["message"]["content"], "Let me see.");
    assert_eq!(chat["choices"][0]["message"]["tool_calls"][1]["function"]["arguments"], r#"{"word":"blazar"}"#);
    assert_eq!(messages["content"][0]["text"], "Let me see.");
    assert_eq!(messages["content"][2]["input"], json!({"word": "blazar"}));
    assert_eq!(gemini["candidates"][0]["content"]["parts"][0]["text"], "Let me see.");
    assert_eq!(gemini["candidates"][0]["content"]["parts"][2]["functionCall"]["args"], json!({"word": "blazar"}));
}

#[tokio::test]
async fn gemini_without_sse_is_a_json_array() {
    let server = start(TALK).await;
    let body = body(Wire::Gemini, true, "hello", &["lookup"]).to_string();
    let path = path(Wire::Gemini, true).replace("?alt=sse", "");
    let reply = request(&server, "POST", &path, headers(Wire::Gemini), &body).await.unwrap();
    let Value::Array(events) = reply.json() else { panic!("{}", reply.text()) };
    assert_eq!(content(Wire::Gemini, &events), ("Let me see.".to_owned(), calls()));
}

#[tokio::test]
async fn other_addresses_of_the_same_protocols() {
    let server = start(TALK).await;
    let chat = body(Wire::ChatCompletions, false, "hello", &[]).to_string();
    let bearer = headers(Wire::ChatCompletions);
    for path in ["/api/paas/v4/chat/completions", "/openai/v1/chat/completions", "/v1/chat/completions?x=y"] {
        assert_eq!(request(&server, "POST", path, bearer, &chat).await.unwrap().status, 200, "{path}");
    }
    let azure = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-12-01-preview";
    let mut body = body(Wire::ChatCompletions, false, "hello", &[]);
    body.as_object_mut().unwrap().remove("model");
    let reply = request(&server, "POST", azure, &[("api-key", "k")], &body.to_string()).await.unwrap();
    assert_eq!((reply.status, reply.json()["model"].clone()), (200, json!("gpt-4o")));
    let claude = crate::client::body(Wire::Messages, false, "hello", &[]).to_string();
    let reply = request(&server, "POST", "/v1/messages?beta=true", headers(Wire::Messages), &claude).await.unwrap();
    assert_eq!(reply.status, 200);
    let unknown = request(&server, "POST", "/v1/embeddings", bearer, "{}").await.unwrap();
    assert_eq!(
        (unknown.status, unknown.json()["error"]["message"].clone()),
        (404, json!("Invalid URL (POST /v1/embeddings)"))
    );
}

#[tokio::test]
async fn the_label_says_that_it_is_a_rehearsal() {
    let server = start(TALK).await;
    let label = request(&server, "GET", "/", &[], "").await.unwrap();
    assert!(label.json()["notice"].as_str().unwrap().contains("rehearsal"));
    for path in ["/", "/api/hello"] {
        assert_eq!(request(&server, "HEAD", path, &[], "").await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn models_are_listed_in_each_form() {
    let server = start("models: {a: [{say: x}], b: [{say: x}], '*': [{say: x}]}").await;
    let list = async |path: &str, wire| request(&server, "GET", path, headers(wire), "").await.unwrap().json();
    assert_eq!(list("/v1/models", Wire::Responses).await["data"][1]["id"], "b");
    assert_eq!(list("/v1/models", Wire::Messages).await["last_id"], "b");
    assert_eq!(list("/v1beta/models", Wire::Gemini).await["models"][0]["name"], "models/a");
}

#[tokio::test]
async fn a_response_is_continued_by_its_id() {
    let server = start("models: {'*': [{when: {after_tool: lookup}, say: done}, {call: {tool: lookup}}]}").await;
    let wire = Wire::Responses;
    let first = post(&server, wire, false, &body(wire, false, "hello", &["lookup"])).await.json();
    let call_id = &first["output"][0]["call_id"];
    let output = json!([{"type": "function_call_output", "call_id": call_id, "output": "found"}]);
    let next = json!({"model": model(wire), "previous_response_id": first["id"], "input": output});
    assert_eq!(post(&server, wire, false, &next).await.json()["output"][0]["content"][0]["text"], "done");
    let lost = json!({"model": model(wire), "previous_response_id": "resp_0", "input": "x"});
    assert_eq!(post(&server, wire, false, &lost).await.json()["error"]["code"], "previous_response_not_found");
}

#[tokio::test]
async fn tools_of_the_provider_show_up_in_its_own_form() {
    let yaml = r#"
title: t
question: q
models:
  "*":
    - builtin:
        web_search: {query: "quasar distance", results: [{url: "https://example.org", title: Example}]}
        code: {source: "print(8)", output: "8"}
      say: "It is 8."
"#;
    let server = start(yaml).await;
    let responses = streamed(&server, Wire::Responses, &[], json!({})).await;
    let types = outline(&responses);
    for name in ["web_search_call.searching", "code_interpreter_call_code.delta", "code_interpreter_call.completed"] {
        assert!(types.contains(&format!("response.{name}")), "{name} in {types:?}");
    }
    let messages = post(&server, Wire::Messages, false, &body(Wire::Messages, false, "x", &[])).await.json();
    let kinds: Vec<&Value> = messages["content"].as_array().unwrap().iter().map(|block| &block["type"]).collect();
    let result = "bash_code_execution_tool_result";
    assert_eq!(kinds, ["server_tool_use", "web_search_tool_result", "server_tool_use", result, "text"]);
    let gemini = post(&server, Wire::Gemini, false, &body(Wire::Gemini, false, "x", &[])).await.json();
    assert_eq!(gemini["candidates"][0]["groundingMetadata"]["webSearchQueries"], json!(["quasar distance"]));
    assert_eq!(gemini["candidates"][0]["content"]["parts"][0]["executableCode"]["code"], "print(8)");
}

#[tokio::test]
async fn a_reply_may_be_cut_short_by_the_provider() {
    let server = start("models: {'*': [{say: half, finish: length}]}").await;
    let mut reasons = Vec::new();
    for wire in Wire::ALL {
        let reply = post(&server, wire, false, &body(wire, false, "x", &[])).await.json();
        reasons.push(match wire {
            Wire::Responses => reply["incomplete_details"]["reason"].clone(),
            Wire::ChatCompletions => reply["choices"][0]["finish_reason"].clone(),
            Wire::Messages => reply["stop_reason"].clone(),
            Wire::Gemini => reply["candidates"][0]["finishReason"].clone(),
        });
    }
    assert_eq!(reasons, ["max_output_tokens", "length", "max_tokens", "MAX_TOKENS"]);
    let events = streamed(&server, Wire::Responses, &[], json!({})).await;
    assert_eq!(events.last().unwrap()["type"], "response.incomplete");
}
