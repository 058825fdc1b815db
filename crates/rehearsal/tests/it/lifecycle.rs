//! Keys, limits, what is recorded, and the end.

use massgen_rehearsal::{RehearsalServer, Scenario, Wire};
use serde_json::json;
use tokio::io::AsyncReadExt;

use crate::client::{body, headers, model, path, post, request, send, start};

/// Protocol, path if not the usual one, headers, expected status and words.
type Case<'a> = (Wire, Option<&'a str>, &'a [(&'a str, &'a str)], u16, &'a str);

#[tokio::test]
async fn keys_are_looked_for_where_the_provider_does() {
    let server = start("key: good\nmodels: {'*': [{say: x}]}").await;
    let azure = "/openai/deployments/gpt-4o/chat/completions";
    let version = ("anthropic-version", "2023-06-01");
    let cases: &[Case<'_>] = &[
        (Wire::Responses, None, &[("authorization", "Bearer good")], 200, ""),
        (Wire::Responses, None, &[], 401, "You didn't provide an API key."),
        (
            Wire::Responses,
            None,
            &[("authorization", "Bearer bad-key-0123456789")],
            401,
            "Incorrect API key provided: bad-",
        ),
        (Wire::ChatCompletions, None, &[("authorization", "Basic good")], 401, "You didn't provide an API key."),
        (Wire::ChatCompletions, Some(azure), &[("api-key", "good")], 200, ""),
        (
            Wire::ChatCompletions,
            Some(azure),
            &[("api-key", "bad")],
            401,
            "Access denied due to invalid subscription key",
        ),
        (Wire::Messages, None, &[("x-api-key", "good"), version], 200, ""),
        (Wire::Messages, None, &[version], 401, "x-api-key header is required"),
        (Wire::Messages, None, &[("x-api-key", "bad"), version], 401, "invalid x-api-key"),
        (Wire::Messages, None, &[("x-api-key", "good")], 400, "anthropic-version: header is required"),
        (Wire::Gemini, None, &[("x-goog-api-key", "good")], 200, ""),
        (Wire::Gemini, None, &[], 403, "unregistered callers"),
        (Wire::Gemini, None, &[("x-goog-api-key", "bad")], 400, "API key not valid"),
        (Wire::Gemini, Some("/v1/models/gemini-2.5-flash:generateContent?key=good"), &[], 200, ""),
    ];
    for (wire, other, headers, status, message) in cases {
        let path = other.map_or_else(|| path(*wire, false), str::to_owned);
        let reply = request(&server, "POST", &path, headers, &body(*wire, false, "x", &[]).to_string()).await.unwrap();
        assert_eq!(reply.status, *status, "{wire:?} {headers:?}: {}", reply.text());
        assert!(reply.text().contains(message), "{wire:?} {headers:?}: {}", reply.text());
    }
}

#[tokio::test]
async fn an_unknown_model_is_not_found() {
    let server = start("models: {known: [{say: x}]}").await;
    for (wire, pointer, value) in [
        (Wire::Responses, "/error/code", "model_not_found"),
        (Wire::ChatCompletions, "/error/code", "model_not_found"),
        (Wire::Messages, "/error/type", "not_found_error"),
        (Wire::Gemini, "/error/status", "NOT_FOUND"),
    ] {
        let reply = post(&server, wire, true, &body(wire, true, "x", &[])).await;
        assert_eq!(reply.status, 404);
        assert_eq!(reply.json().pointer(pointer), Some(&json!(value)));
        assert!(reply.text().contains(model(wire)));
    }
}

#[tokio::test]
async fn a_rate_limit_refuses_and_reports() {
    for wire in Wire::ALL {
        let server = start("rate_limit: {requests_per_minute: 2}\nmodels: {'*': [{say: x}]}").await;
        let request = body(wire, false, "x", &[]);
        let (first, second) = (post(&server, wire, false, &request).await, post(&server, wire, false, &request).await);
        let third = post(&server, wire, false, &request).await;
        assert_eq!([first.status, second.status, third.status], [200, 200, 429], "{wire:?}");
        let wait: u64 = third.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        let remaining = match wire {
            Wire::Responses | Wire::ChatCompletions => "x-ratelimit-remaining-requests",
            Wire::Messages => "anthropic-ratelimit-requests-remaining",
            Wire::Gemini => {
                assert_eq!(third.json()["error"]["details"][0]["retryDelay"], format!("{wait}s"));
                continue;
            }
        };
        assert_eq!([&first, &second, &third].map(|reply| reply.header(remaining)), [Some("1"), Some("0"), Some("0")]);
        if wire == Wire::Messages {
            let reset = third.header("anthropic-ratelimit-requests-reset").unwrap();
            assert!(reset.starts_with("20") && reset.ends_with('Z'), "{reset}");
        }
    }
}

#[tokio::test]
async fn everything_received_is_recorded() {
    let server = start("models: {'*': [{say: x}]}").await;
    for wire in Wire::ALL {
        post(&server, wire, true, &body(wire, true, "hello", &[])).await;
    }
    request(&server, "POST", "/v1/responses", headers(Wire::Responses), "no json").await.unwrap();
    let received = server.received();
    let protocols: Vec<Wire> = received.iter().map(|request| request.protocol).collect();
    assert_eq!(protocols[..4], Wire::ALL);
    assert_eq!(received[3].model, "gemini-2.5-flash");
    assert_eq!(received[3].path, "/v1beta/models/gemini-2.5-flash:streamGenerateContent");
    assert_eq!(received[1].body, body(Wire::ChatCompletions, true, "hello", &[]));
    assert!(received[4].body.is_null());
    assert!(received.is_sorted_by_key(|request| request.at));
}

#[tokio::test]
async fn base_urls_are_what_clients_expect() {
    let server = start("models: {'*': [{say: x}]}").await;
    let address = server.address();
    assert_eq!(server.base_url(Wire::Responses), format!("http://{address}/v1"));
    assert_eq!(server.base_url(Wire::ChatCompletions), format!("http://{address}/v1"));
    assert_eq!(server.base_url(Wire::Messages), format!("http://{address}"));
    assert_eq!(server.base_url(Wire::Gemini), format!("http://{address}"));
}

#[tokio::test]
async fn stopping_breaks_connections_and_frees_the_port() {
    let server = start("models: {'*': [{say: x, fault: {silence: {after_chunks: 0}}}]}").await;
    let address = server.address();
    let wire = Wire::Messages;
    let mut open =
        send(&server, "POST", &path(wire, true), headers(wire), &body(wire, true, "x", &[]).to_string()).await;
    let mut idle = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut buffer = [0; 64];
    assert!(open.read(&mut buffer).await.unwrap() > 0, "the head of the response");
    server.stop().await;
    assert!(matches!(idle.read(&mut buffer).await, Ok(0) | Err(_)));
    while let Ok(1..) = open.read(&mut buffer).await {}
    let again = RehearsalServer::start_on(address, Scenario::builtin("any").unwrap()).await.unwrap();
    assert_eq!(again.address(), address);
    again.stop().await;
}
