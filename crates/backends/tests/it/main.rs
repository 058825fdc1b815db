//! Calls against a server on this machine that misbehaves by script.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod server;

use std::time::Duration;

use massgen_backends::{
    ApiKey, Backend, BackendSpec, BuiltinTools, CallError, CallErrorKind, CallEvent, CallPolicy, HttpSettings, Message,
    ModelRequest, ProxySettings, Reply, SetupError, ToolChoice, ToolResult, ToolSpec, http_client,
};
use massgen_protocol::{FinishReason, StreamChunk};
use massgen_providers::provider;
use serde_json::{Map, Value, json};

use crate::server::{Server, Step, events_of, stream};

const QUICK: CallPolicy = CallPolicy {
    stall_timeout: Duration::from_secs(20),
    retries_max: 2,
    first_pause: Duration::from_millis(1),
    pause_max: Duration::from_millis(2),
    retry_after_max: Duration::from_secs(30),
    quota_wait_max: Duration::from_secs(1),
};

const HELLO: &str = r#"{"choices":[{"delta":{"content":"Hello"}}]}"#;
const STOP: &str =
    r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;

fn spec(kind: &str, model: &str, url: &str) -> BackendSpec {
    BackendSpec {
        provider: provider(kind).unwrap(),
        model: model.to_owned(),
        base_url: Some(url.to_owned()),
        api_key: Some(ApiKey::new("sk-secret")),
        params: Map::new(),
        builtin: BuiltinTools::default(),
        policy: QUICK,
        price: None,
        quota: None,
    }
}

fn backend(spec: BackendSpec) -> Backend {
    Backend::new(spec, http_client(&HttpSettings::default()).unwrap()).unwrap()
}

fn question() -> ModelRequest {
    ModelRequest { messages: vec![Message::User("Hi".to_owned())], ..ModelRequest::default() }
}

async fn ask(backend: &Backend, request: &ModelRequest) -> (Vec<CallEvent>, Result<Reply, CallError>) {
    let mut events = Vec::new();
    let reply = backend.ask(request, &mut |event| events.push(event)).await;
    (events, reply)
}

/// What a display shows in the end: text of a failed try is void.
fn shown(events: &[CallEvent]) -> String {
    events.iter().fold(String::new(), |mut text, event| {
        match event {
            CallEvent::Chunk(StreamChunk::Text { delta }) => text.push_str(delta),
            CallEvent::Chunk(_) => {}
            CallEvent::Note(_) => {}
            CallEvent::Retrying { .. } => text.clear(),
        }
        text
    })
}

fn retries(events: &[CallEvent]) -> Vec<(u32, Duration)> {
    events
        .iter()
        .filter_map(
            |event| if let CallEvent::Retrying { retry, pause, .. } = event { Some((*retry, *pause)) } else { None },
        )
        .collect()
}

/// Plays one step, then a good reply, and expects the call to get there with one retry.
async fn recovers_from(step: Step, policy: CallPolicy) -> Vec<CallEvent> {
    let server = Server::start(vec![step, stream(&[HELLO, STOP, "[DONE]"])]).await;
    let backend = backend(BackendSpec { policy, ..spec("chatcompletion", "m", &server.url) });
    let (events, reply) = ask(&backend, &question()).await;
    let reply = reply.unwrap();
    assert_eq!((reply.turn.text.as_str(), shown(&events).as_str()), ("Hello", "Hello"));
    assert_eq!(retries(&events).len(), 1, "{events:?}");
    assert_eq!(server.requests().len(), 2);
    assert!(reply.time_to_first_chunk.is_some());
    events
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_for_as_long_as_the_provider_asks() {
    let refusal =
        Step::Answer("429 Too Many", "retry-after-ms: 3\r\n", r#"{"error":{"message":"slow down"}}"#.to_owned());
    let events = recovers_from(refusal, QUICK).await;
    assert_eq!(retries(&events), [(1, Duration::from_millis(3))]);
}

#[tokio::test]
async fn failures_on_the_way_are_tried_again() {
    recovers_from(Step::Answer("500 Oops", "", "<html>no</html>".to_owned()), QUICK).await;
    recovers_from(Step::Answer("529 Overloaded", "", r#"{"type":"error"}"#.to_owned()), QUICK).await;
    recovers_from(Step::Cut(events_of(&[HELLO])), QUICK).await;
    recovers_from(stream(&[HELLO]), QUICK).await;
    recovers_from(stream(&[HELLO, "{oops"]), QUICK).await;
    recovers_from(stream(&[HELLO, r#"{"error":{"message":"busy","code":502}}"#]), QUICK).await;
}

#[tokio::test]
async fn silence_is_a_failure_after_the_stall_timeout() {
    let policy = CallPolicy { stall_timeout: Duration::from_millis(300), retries_max: 0, ..QUICK };
    let server = Server::start(vec![Step::Silent(events_of(&[HELLO]))]).await;
    let (events, reply) = ask(&backend(BackendSpec { policy, ..spec("ollama", "m", &server.url) }), &question()).await;
    assert_eq!(reply.unwrap_err().kind(), CallErrorKind::Stalled);
    assert_eq!(shown(&events), "Hello");
    server.client_gone().await;
}

#[tokio::test]
async fn a_reply_whose_end_only_lacks_its_mark_is_whole() {
    let server = Server::start(vec![Step::Cut(events_of(&[HELLO, STOP]))]).await;
    let (events, reply) = ask(&backend(spec("ollama", "m", &server.url)), &question()).await;
    assert_eq!(reply.unwrap().turn.text, "Hello");
    assert_eq!(retries(&events), []);

    let usage = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":8}}"#;
    let unended = events_of(&[HELLO, STOP, usage]).trim_end().to_owned();
    let server = Server::start(vec![Step::Stream(unended)]).await;
    let (_, reply) = ask(&backend(spec("ollama", "m", &server.url)), &question()).await;
    assert_eq!(reply.unwrap().usage.input_tokens, 7);
}

#[tokio::test]
async fn dropping_a_call_closes_its_stream() {
    let server = Server::start(vec![Step::Silent(events_of(&[HELLO]))]).await;
    let backend = backend(spec("ollama", "m", &server.url));
    let (seen, was_seen) = tokio::sync::oneshot::channel::<()>();
    let mut seen = Some(seen);
    let request = question();
    let mut on = |_| drop(seen.take());
    tokio::select! {
        _ = backend.ask(&request, &mut on) => panic!("the stream does not end"),
        _ = was_seen => {}
    }
    server.client_gone().await;
}

#[tokio::test]
async fn an_unreachable_host_is_named_with_what_to_do() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let (events, reply) = ask(&backend(spec("ollama", "m", &format!("http://{host}/v1"))), &question()).await;
    let error = reply.unwrap_err();
    assert_eq!((error.kind(), retries(&events).len()), (CallErrorKind::Unreachable, 2));
    let message = error.to_string();
    assert!(message.contains(&host) && message.contains("base_url") && message.contains("refused"), "{message}");
}

/// Plays one answer and expects the call to fail at once.
async fn fails_at_once(kind: &str, status: &'static str, headers: &'static str, body: &str) -> CallError {
    let server = Server::start(vec![Step::Answer(status, headers, body.to_owned())]).await;
    let (events, reply) = ask(&backend(spec(kind, "m", &server.url)), &question()).await;
    assert_eq!(retries(&events), [], "{status}");
    reply.unwrap_err()
}

#[tokio::test]
async fn what_cannot_get_better_fails_at_once_and_says_what_to_do() {
    use CallErrorKind::{
        Authentication, BadRequest, ContextTooLong, QuotaExhausted, RateLimited, Refused, UnknownModel,
    };
    let cases: &[(CallErrorKind, &str, &str, &str, &str, &str)] = &[
        (Authentication, "groq", "401 No", "", r#"{"error":{"message":"bad key sk-secret"}}"#, "GROQ_API_KEY"),
        (
            Authentication,
            "gemini",
            "400 No",
            "",
            r#"[{"error":{"message":"API key not valid.","status":"INVALID_ARGUMENT"}}]"#,
            "GEMINI_API_KEY",
        ),
        (
            Authentication,
            "claude",
            "403 No",
            "",
            r#"{"error":{"type":"permission_error","message":"no"}}"#,
            "ANTHROPIC_API_KEY",
        ),
        (
            UnknownModel,
            "openai",
            "404 No",
            "",
            r#"{"error":{"code":"model_not_found","message":"The model `m` does not exist"}}"#,
            "check `model`",
        ),
        (
            UnknownModel,
            "claude",
            "404 No",
            "",
            r#"{"type":"error","error":{"type":"not_found_error","message":"model: m"}}"#,
            "check `model`",
        ),
        (UnknownModel, "ollama", "404 No", "", r#"{"error":{"message":"model 'm' not found"}}"#, "check `model`"),
        (BadRequest, "ollama", "404 No", "", "404 page not found", "check `base_url`"),
        (
            ContextTooLong,
            "groq",
            "400 No",
            "",
            r#"{"error":{"code":"context_length_exceeded","message":"x"}}"#,
            "shorten",
        ),
        (ContextTooLong, "claude", "413 No", "", r#"{"error":{"type":"request_too_large"}}"#, "shorten"),
        (
            QuotaExhausted,
            "openai",
            "429 No",
            "",
            r#"{"error":{"type":"insufficient_quota","message":"You exceeded"}}"#,
            "billing",
        ),
        (RateLimited, "openai", "429 No", "retry-after: 999\r\n", "{}", "999 s"),
        (BadRequest, "groq", "400 No", "", r#"{"error":{"message":"unknown parameter top_k"}}"#, "parameters"),
        (BadRequest, "groq", "307 Moved", "location: https://other.example/\r\n", "", "other.example"),
        (BadRequest, "groq", "200 OK", "content-type: text/html\r\n", "<html>", "base_url"),
        (
            Refused,
            "azure_openai",
            "400 No",
            "",
            r#"{"error":{"code":"content_filter","message":"filtered"}}"#,
            "rephrase",
        ),
    ];
    for (expected, kind, status, headers, body, advice) in cases {
        let error = fails_at_once(kind, status, headers, body).await;
        let message = error.to_string();
        assert_eq!(error.kind(), *expected, "{message}");
        assert!(message.contains(advice) && message.contains("127.0.0.1"), "{message}");
        assert!(!message.contains("sk-secret"), "{message}");
    }
}

#[tokio::test]
async fn calls_of_one_backend_run_side_by_side_on_any_thread() {
    let server = Server::start(vec![stream(&[HELLO, STOP]), stream(&[HELLO, STOP])]).await;
    let backend = backend(spec("ollama", "m", &server.url));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let backend = backend.clone();
        calls.spawn(async move { ask(&backend, &question()).await.1.unwrap().turn.text });
    }
    assert_eq!(calls.join_all().await, ["Hello", "Hello"]);
}

#[tokio::test]
async fn without_usage_tokens_are_estimated() {
    let done = r#"{"choices":[{"delta":{"content":"12345678"},"finish_reason":"stop"}]}"#;
    let server = Server::start(vec![stream(&[done])]).await;
    let backend = backend(spec("ollama", "m", &server.url));
    let (events, reply) = ask(&backend, &question()).await;
    let usage = reply.unwrap().usage;
    assert!(usage.estimated && usage.output_tokens == 2 && usage.input_tokens > 10, "{usage:?}");
    assert_eq!(backend.price(&usage), Some(0.0));
    assert_eq!(events.last(), Some(&CallEvent::Chunk(StreamChunk::Finished { reason: FinishReason::Stop })));
}

#[tokio::test]
async fn twenty_megabytes_of_text_pass() {
    let piece = "x".repeat(1 << 20);
    let event = format!(r#"{{"choices":[{{"delta":{{"content":"{piece}"}}}}]}}"#);
    let mut events = vec![event.as_str(); 20];
    events.push(STOP);
    let server = Server::start(vec![stream(&events)]).await;
    let (_, reply) = ask(&backend(spec("ollama", "m", &server.url)), &question()).await;
    assert_eq!(reply.unwrap().turn.text.len(), 20 << 20);
}

#[tokio::test]
async fn the_own_machine_is_reached_without_the_proxy() {
    let server = Server::start(vec![stream(&[HELLO, STOP])]).await;
    let dead = Some("http://127.0.0.1:9".to_owned());
    let proxy = ProxySettings { http: dead.clone(), https: dead, direct: String::new() };
    let http = http_client(&HttpSettings { proxy, ..HttpSettings::default() }).unwrap();
    let backend = Backend::new(spec("ollama", "m", &server.url), http).unwrap();
    assert_eq!(ask(&backend, &question()).await.1.unwrap().turn.text, "Hello");
}

const PAUSED: &[&str] = &[
    r#"{"type":"message_start","message":{"usage":{"input_tokens":10,"output_tokens":1}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"One."}}"#,
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"pause_turn","container":{"id":"box"}},"usage":{"output_tokens":5}}"#,
    r#"{"type":"message_stop"}"#,
];
const ENDED: &[&str] = &[
    r#"{"type":"message_start","message":{"usage":{"input_tokens":20,"output_tokens":1}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" Two."}}"#,
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}"#,
    r#"{"type":"message_stop"}"#,
];

#[tokio::test]
async fn a_paused_reply_goes_on_and_a_retry_of_its_second_half_keeps_the_first() {
    let script = vec![stream(PAUSED), stream(PAUSED), Step::Cut(events_of(&ENDED[..3])), stream(ENDED)];
    let server = Server::start(script).await;
    let (events, reply) = ask(&backend(spec("claude", "claude-sonnet-4-5", &server.url)), &question()).await;
    let reply = reply.unwrap();
    assert_eq!(reply.turn.text, "One.One. Two.");
    assert_eq!(shown(&events), reply.turn.text);
    assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (40, 17));
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    assert_eq!((&requests[0]["container"], &requests[3]["container"]), (&Value::Null, &json!("box")));
    assert_eq!(requests[3]["messages"].as_array().unwrap().len(), 2);
    let sent_back = json!([{ "type": "text", "text": "One." }, { "type": "text", "text": "One." }]);
    assert_eq!(requests[3]["messages"][1], json!({ "role": "assistant", "content": sent_back }));
}

const SEARCHES: &str = r#"{"candidates":[{"content":{"parts":[{"text":"Let me look. "},{"functionCall":{"name":"builtin_google_search","args":{"query":"north"}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":1}}"#;
const FOUND: &str = r#"{"candidates":[{"content":{"parts":[{"text":"Utqiagvik"}]},"finishReason":"STOP","groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.example","title":"A"}}]}}],"usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":10}}"#;
const BOTH: &str = r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"vote","args":{}}},{"functionCall":{"name":"builtin_google_search","args":{"query":"again"}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1000,"candidatesTokenCount":100}}"#;

#[tokio::test]
async fn a_gemini_model_that_cannot_mix_tools_searches_by_a_request_of_its_own() {
    let script = vec![stream(&[SEARCHES]), stream(&[FOUND]), stream(&[BOTH]), stream(&[FOUND]), stream(&[FOUND])];
    let server = Server::start(script).await;
    let builtin = BuiltinTools { web_search: true, ..BuiltinTools::default() };
    let backend = backend(BackendSpec { builtin, ..spec("gemini", "gemini-2.5-flash", &server.url) });
    let vote = ToolSpec { name: "vote".to_owned(), description: "Votes.".to_owned(), parameters: json!({}) };
    let mut request = ModelRequest { tools: vec![vote], tool_choice: ToolChoice::Required, ..question() };
    let (events, reply) = ask(&backend, &request).await;
    let reply = reply.unwrap();
    assert_eq!((reply.turn.text.as_str(), &reply.finish), ("Let me look. ", &FinishReason::ToolCalls));
    assert_eq!(shown(&events), reply.turn.text);
    let names: Vec<&str> = reply.turn.tool_calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["vote"]);
    assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (1210, 121));
    let started = |event: &&CallEvent| matches!(event, CallEvent::Chunk(StreamChunk::ToolCallStarted { .. }));
    assert_eq!(events.iter().filter(started).count(), 1, "the bridge is not shown as a tool call");
    let cited = |event: &&CallEvent| matches!(event, CallEvent::Chunk(StreamChunk::Citation { .. }));
    assert!(events.iter().any(|event| cited(&event)));

    let call_id = reply.turn.tool_calls[0].id.clone();
    request.messages.push(Message::Assistant(reply.turn));
    let result = ToolResult { call_id, name: "vote".to_owned(), content: "counted".to_owned(), is_error: false };
    request.messages.push(Message::ToolResults(vec![result]));
    ask(&backend, &request).await.1.unwrap();
    let requests = server.requests();
    assert_eq!(requests[1]["tools"], json!([{ "google_search": {} }]));
    assert_eq!(requests[1].get("systemInstruction"), None);
    let contents = requests[4]["contents"].as_array().unwrap();
    let roles: Vec<&str> = contents.iter().map(|content| content["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "model", "user", "model", "user"]);
    let answered = |content: &Value| {
        let parts = content["parts"].as_array().unwrap().iter();
        parts.map(|part| part["functionResponse"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(answered(&contents[2]), ["builtin_google_search"]);
    assert_eq!(answered(&contents[4]), ["builtin_google_search", "vote"]);
    let report = contents[2]["parts"][0]["functionResponse"]["response"]["result"].as_str().unwrap();
    assert_eq!(report, "Utqiagvik\n[A](https://a.example)");
}

fn setup_error(spec: BackendSpec) -> SetupError {
    Backend::new(spec, http_client(&HttpSettings::default()).unwrap()).unwrap_err()
}

#[test]
fn a_backend_that_cannot_work_says_so_before_any_request() {
    let no_key = BackendSpec { api_key: None, base_url: None, ..spec("openai", "gpt-5", "") };
    assert!(setup_error(no_key).to_string().contains("OPENAI_API_KEY"));
    let no_url = BackendSpec { base_url: None, ..spec("azure_openai", "gpt-4o", "") };
    assert!(setup_error(no_url).to_string().contains("AZURE_OPENAI_ENDPOINT"));
    let by_host = BackendSpec { api_key: None, ..spec("chatcompletion", "m", "https://api.cerebras.ai/v1") };
    assert!(setup_error(by_host).to_string().contains("CEREBRAS_API_KEY"));
    assert!(matches!(setup_error(spec("claude_code", "m", "")), SetupError::UnsupportedProtocol { .. }));
    assert!(matches!(setup_error(spec("ollama", "", "")), SetupError::MissingModel { .. }));
    assert!(matches!(setup_error(spec("ollama", "m", "ftp://h/v1")), SetupError::BadBaseUrl { .. }));
    let odd_key = BackendSpec { api_key: Some(ApiKey::new("a\nb")), ..spec("ollama", "m", "") };
    assert!(matches!(setup_error(odd_key), SetupError::UnusableKey { .. }));
    let no_key_on_own_machine =
        BackendSpec { api_key: None, ..spec("chatcompletion", "m", "http://127.0.0.1:8000/v1") };
    assert!(backend(no_key_on_own_machine).notices().is_empty());
}
