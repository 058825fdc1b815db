//! Real servers behind an address.

use std::time::Duration;

use massgen_mcp::{BreakerSettings, ServerState, Transport};
use massgen_tool::{Effect, ToolSource as _};
use serde_json::json;

use crate::support::{Bench, Service, fixture, free_port, http, npm, pip, real_servers, until};

#[tokio::test]
async fn everything_over_streamable_http() {
    let Some(folder) = real_servers("http::everything_over_streamable_http") else { return };
    let service = Service::start(&npm(&folder, "mcp-server-everything"), |_| vec!["streamableHttp".to_owned()]).await;
    let bench = Bench::new();
    let url = format!("http://127.0.0.1:{}/mcp", service.port);
    let source = bench.started(&http("everything", Transport::StreamableHttp, &url)).await;
    assert_eq!(bench.text(&source, "echo", json!({"message": "hello"})).await, "Echo: hello");
    let long = bench.text(&source, "trigger-long-running-operation", json!({"duration": 1, "steps": 4})).await;
    assert!(long.contains("completed") && !bench.notes.lock().unwrap().is_empty(), "{long}");
    assert!(bench.text(&source, "list_prompts", json!({})).await.contains("simple-prompt"));
    bench.servers.close().await;
}

#[tokio::test]
async fn everything_over_the_older_sse() {
    let Some(folder) = real_servers("http::everything_over_the_older_sse") else { return };
    let service = Service::start(&npm(&folder, "mcp-server-everything"), |_| vec!["sse".to_owned()]).await;
    let bench = Bench::new();
    let url = format!("http://127.0.0.1:{}/sse", service.port);
    let source = bench.started(&http("everything", Transport::Sse, &url)).await;
    assert_eq!(bench.text(&source, "echo", json!({"message": "hello"})).await, "Echo: hello");
    let long = bench.text(&source, "trigger-long-running-operation", json!({"duration": 1, "steps": 4})).await;
    assert!(long.contains("completed") && !bench.notes.lock().unwrap().is_empty(), "{long}");
    // A server whose stream ends has died.
    drop(service);
    until(|| source.status().state != ServerState::Up).await;
    let outcome = bench.call(&source, "echo", json!({"message": "hello"})).await;
    assert!(outcome.is_error, "{outcome:?}");
    bench.servers.close().await;
}

#[tokio::test]
async fn fastmcp_over_both() {
    let Some(folder) = real_servers("http::fastmcp_over_both") else { return };
    let script = fixture("add_server.py").to_str().unwrap().to_owned();
    for (name, path, transport) in [
        ("streamable-http", "mcp", Transport::StreamableHttp as fn(_) -> _),
        ("sse", "sse", Transport::Sse as fn(_) -> _),
    ] {
        let args = |port: u16| vec![script.clone(), name.to_owned(), port.to_string()];
        let service = Service::start(&pip(&folder, "python"), args).await;
        let bench = Bench::new();
        let url = format!("http://127.0.0.1:{}/{path}", service.port);
        let source = bench.started(&http("add", transport, &url)).await;
        assert_eq!(bench.text(&source, "add", json!({"a": 2, "b": 40})).await, "42");
        assert_eq!(bench.text(&source, "count", json!({"to": 3})).await, "counted to 3");
        assert_eq!(source.instructions().as_deref(), Some("Adds numbers."));
        assert_eq!(source.tools()[0].effect, Effect::None);
        let refused = bench.call(&source, "add", json!({"a": "x"})).await;
        assert!(refused.is_error && !refused.is_unknown, "{refused:?}");
        bench.servers.close().await;
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_left_alone_and_used_again_when_it_is_back() {
    let test = "http::a_server_that_is_gone_is_left_alone_and_used_again_when_it_is_back";
    let Some(folder) = real_servers(test) else { return };
    let script = fixture("add_server.py").to_str().unwrap().to_owned();
    let args = |port: u16| vec![script.clone(), "streamable-http".to_owned(), port.to_string()];
    let python = pip(&folder, "python");
    let service = Service::start(&python, args).await;
    let pause = Duration::from_secs(3);
    let bench = Bench::with(|hub| hub.breaker = BreakerSettings { failures_max: 3, pause });
    let port = service.port;
    let url = format!("http://127.0.0.1:{port}/mcp");
    let source = bench.started(&http("add", Transport::StreamableHttp, &url)).await;
    drop(service);
    // The first call may find a connection that is just being closed. The others find nobody.
    bench.call(&source, "count", json!({"to": 1})).await;
    let outcome = bench.call(&source, "count", json!({"to": 1})).await;
    assert!(outcome.is_error && !outcome.is_unknown, "{outcome:?}");
    until(|| matches!(source.status().state, ServerState::Paused { .. })).await;
    let outcome = bench.call(&source, "count", json!({"to": 1})).await;
    assert!(outcome.content.contains("left alone") && !outcome.is_unknown, "{outcome:?}");
    let service = Service::start_at(&python, args, port).await;
    until(|| source.status().state == ServerState::Up).await;
    assert_eq!(bench.text(&source, "count", json!({"to": 1})).await, "counted to 1");
    drop(service);
    bench.servers.close().await;
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_told() {
    let bench = Bench::new();
    let url = format!("http://127.0.0.1:{}/mcp", free_port());
    for transport in [Transport::StreamableHttp as fn(_) -> _, Transport::Sse as fn(_) -> _] {
        let source = bench.servers.source(&http("none", transport, &url), &bench.place(0));
        let notices = source.ready().await;
        assert!(notices[0].contains("cannot be reached") && notices[0].contains("refused"), "{notices:?}");
    }
    bench.servers.close().await;
}
