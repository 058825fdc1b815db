//! Each fault on each protocol, at the level of bytes.

use std::time::Duration;

use massgen_rehearsal::{RehearsalServer, Wire};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::client::{Reply, body, content, headers, path, post, read_all, send, start, try_post};

/// Says five chunks of three characters, under a fault.
fn scenario(fault: &str) -> String {
    format!("models: {{'*': [{{say: \"abcdefghijklmno\", chunk: 3, times: 1, fault: {fault}}}, {{say: fine}}]}}")
}

async fn streamed(server: &RehearsalServer, wire: Wire) -> Reply {
    post(server, wire, true, &body(wire, true, "hello", &[])).await
}

/// The faulty reply to a streamed request. The next request must be answered well.
async fn faulty(fault: &str, wire: Wire) -> Reply {
    let server = start(&scenario(fault)).await;
    let reply = streamed(&server, wire).await;
    let after = streamed(&server, wire).await;
    assert!(after.complete);
    assert_eq!(content(wire, &after.events()).0, "fine", "{wire:?} {fault}: the fault is over");
    reply
}

#[tokio::test]
async fn a_status_has_the_body_of_the_provider() {
    let expected = |wire, status| match (wire, status) {
        (Wire::Responses | Wire::ChatCompletions, 429) => ("/error/code", "rate_limit_exceeded"),
        (Wire::Responses | Wire::ChatCompletions, _) => ("/error/type", "server_error"),
        (Wire::Messages, 429) => ("/error/type", "rate_limit_error"),
        (Wire::Messages, 529) => ("/error/type", "overloaded_error"),
        (Wire::Messages, _) => ("/error/type", "api_error"),
        (Wire::Gemini, 429) => ("/error/status", "RESOURCE_EXHAUSTED"),
        (Wire::Gemini, _) => ("/error/status", "INTERNAL"),
    };
    for wire in Wire::ALL {
        for status in [429, 500, 529] {
            let reply =
                faulty(&format!("{{status: {status}, retry_after: 2}}").replace("529, retry_after: 2", "529"), wire)
                    .await;
            assert_eq!(reply.status, status);
            assert_eq!(reply.header("retry-after"), (status != 529).then_some("2"));
            let (pointer, value) = expected(wire, status);
            assert_eq!(reply.json().pointer(pointer), Some(&json!(value)), "{wire:?} {status}");
        }
    }
}

#[tokio::test]
async fn a_refused_connection_gives_not_one_byte() {
    for wire in Wire::ALL {
        let server = start(&scenario("refuse")).await;
        let body = body(wire, true, "hello", &[]);
        assert!(try_post(&server, wire, true, &body).await.is_none(), "{wire:?}");
        assert_eq!(content(wire, &streamed(&server, wire).await.events()).0, "fine");
    }
}

#[tokio::test]
async fn a_cut_falls_into_the_middle_of_an_event() {
    for wire in Wire::ALL {
        let reply = faulty("{cut: {after_chunks: 2}}", wire).await;
        assert_eq!((reply.status, reply.complete), (200, false), "{wire:?}");
        assert_eq!(content(wire, &reply.events()).0, "abcdef", "{wire:?}: two chunks came whole");
        let text = reply.text();
        let rest = text.rsplit_once("\n\n").map_or(text.as_str(), |(_, rest)| rest);
        let rest = rest.rsplit_once("\r\n\r\n").map_or(rest, |(_, rest)| rest);
        assert!(rest.contains("data: {") && !rest.ends_with('}'), "{wire:?}: the third is cut: {rest:?}");
    }
}

#[tokio::test]
async fn a_malformed_event_is_followed_by_good_ones() {
    for wire in Wire::ALL {
        let reply = faulty("{malformed: {after_chunks: 2}}", wire).await;
        assert!(reply.complete);
        assert_eq!(content(wire, &reply.events()).0, "abcdefjklmno", "{wire:?}: the third chunk is lost");
        let text = reply.text();
        let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        let broken = data.iter().filter(|data| **data != "[DONE]" && serde_json::from_str::<Value>(data).is_err());
        assert_eq!(broken.count(), 1, "{wire:?}");
    }
}

#[tokio::test]
async fn duplicates_come_right_after_their_event() {
    for wire in Wire::ALL {
        let reply = faulty("duplicate", wire).await;
        assert!(reply.complete);
        let events = reply.events();
        assert_eq!(events.len() % 2, 0);
        assert!(events.chunks(2).all(|pair| pair[0] == pair[1]), "{wire:?}");
    }
}

#[tokio::test]
async fn calls_are_interleaved_but_can_be_told_apart() {
    let yaml = |fault: &str| {
        format!(
            "models: {{'*': [{{chunk: 4, {fault} calls: [{{tool: a, arguments: {{text: onetwothree}}}}, \
             {{tool: b, arguments: {{text: fourfivesix}}}}]}}]}}"
        )
    };
    let (plain, mixed) = (start(&yaml("")).await, start(&yaml("fault: reorder,")).await);
    for wire in Wire::ALL {
        let body = body(wire, true, "hello", &["a", "b"]);
        let (plain, mixed) = (post(&plain, wire, true, &body).await, post(&mixed, wire, true, &body).await);
        let (_, mut calls) = content(wire, &plain.events());
        let (_, mut woven) = content(wire, &mixed.events());
        calls.sort_by_key(|call| call.0.clone());
        woven.sort_by_key(|call| call.0.clone());
        assert_eq!(calls, woven, "{wire:?}: the same calls");
        let order = |reply: &Reply| {
            reply
                .events()
                .iter()
                .map(|event| {
                    let gemini = event.pointer("/candidates/0/content/parts/0/functionCall/name");
                    let chat = event.pointer("/choices/0/delta/tool_calls/0/index");
                    let index = event.get("output_index").or_else(|| event.get("index")).or(chat).or(gemini);
                    index.cloned().unwrap_or_default()
                })
                .collect::<Vec<_>>()
        };
        assert_ne!(order(&plain), order(&mixed), "{wire:?}: in another order");
    }
}

#[tokio::test]
async fn silence_keeps_the_connection_open() {
    for wire in Wire::ALL {
        let server = start(&scenario("{silence: {after_chunks: 2}}")).await;
        let mut stream =
            send(&server, "POST", &path(wire, true), headers(wire), &body(wire, true, "x", &[]).to_string()).await;
        let mut bytes = Vec::new();
        let whole = |bytes: &[u8]| bytes.ends_with(b"\n\r\n") && String::from_utf8_lossy(bytes).contains("def");
        while !whole(&bytes) {
            stream.read_buf(&mut bytes).await.unwrap();
        }
        let more = tokio::time::timeout(Duration::from_millis(50), stream.read_buf(&mut bytes)).await;
        assert!(more.is_err(), "{wire:?}: neither bytes nor an end");
        server.stop().await;
        bytes.extend(read_all(&mut stream).await);
        let reply = Reply::parse(&bytes).unwrap();
        assert!(!reply.complete);
        assert_eq!(content(wire, &reply.events()).0, "abcdef");
    }
}

#[tokio::test]
async fn a_hanging_request_is_never_answered() {
    for wire in Wire::ALL {
        let server = start(&scenario("hang")).await;
        let mut stream =
            send(&server, "POST", &path(wire, true), headers(wire), &body(wire, true, "x", &[]).to_string()).await;
        let mut bytes = Vec::new();
        let answer = tokio::time::timeout(Duration::from_millis(50), stream.read_buf(&mut bytes)).await;
        assert!(answer.is_err(), "{wire:?}");
        server.stop().await;
        assert!(read_all(&mut stream).await.is_empty(), "{wire:?}");
    }
}

#[tokio::test]
async fn every_boundary_falls_into_a_character() {
    for wire in Wire::ALL {
        let server = start("models: {'*': [{say: 'größer – 雪 ist weiß', chunk: 4, fault: split_utf8}]}").await;
        for stream in [true, false] {
            let reply = post(&server, wire, stream, &body(wire, stream, "x", &[])).await;
            assert!(reply.complete);
            let (last, pieces) = reply.chunks.split_last().unwrap();
            assert!(pieces.len() >= 5 && !last.is_empty(), "{wire:?}");
            for piece in pieces {
                assert!(str::from_utf8(piece).is_err(), "{wire:?}: {piece:?} ends between characters");
            }
            assert!(!stream || content(wire, &reply.events()).0 == "größer – 雪 ist weiß", "{wire:?}");
        }
    }
}

#[tokio::test]
async fn an_error_inside_the_stream_ends_it() {
    for wire in Wire::ALL {
        let reply = faulty("{error_event: overloaded, after_chunks: 2}", wire).await;
        assert_eq!((reply.status, reply.complete), (200, true), "{wire:?}");
        let events = reply.events();
        let last = events.last().unwrap();
        let code = match wire {
            Wire::Responses => &last["response"]["error"]["code"],
            Wire::ChatCompletions => &last["error"]["code"],
            Wire::Messages => &last["error"]["type"],
            Wire::Gemini => &last["error"]["status"],
        };
        let expected = match wire {
            Wire::Responses | Wire::ChatCompletions => "server_is_overloaded",
            Wire::Messages => "overloaded_error",
            Wire::Gemini => "UNAVAILABLE",
        };
        assert_eq!(code, expected, "{wire:?}");
        assert!(!reply.text().contains("ghi") && !reply.text().contains("[DONE]"), "{wire:?}");
    }
}

#[tokio::test]
async fn a_stream_can_end_cleanly_without_its_end() {
    for wire in Wire::ALL {
        let reply = faulty("no_finish", wire).await;
        assert!(reply.complete, "{wire:?}: the HTTP body ends as it should");
        assert_eq!(content(wire, &reply.events()).0, "abcdefghijklmno");
        for end in ["response.completed", "finish_reason\":\"stop", "[DONE]", "message_stop", "finishReason"] {
            assert!(!reply.text().contains(end), "{wire:?}: {end}");
        }
    }
}

#[tokio::test]
async fn bulk_is_as_long_as_promised() {
    for wire in Wire::ALL {
        let reply = faulty("{bulk_mb: 1}", wire).await;
        assert!(reply.complete);
        assert_eq!(content(wire, &reply.events()).0.len(), 1 << 20, "{wire:?}");
    }
}

#[tokio::test]
async fn whole_replies_are_damaged_too() {
    for wire in Wire::ALL {
        let body = body(wire, false, "hello", &[]);
        let server = start(&scenario("{cut: {after_chunks: 2}}")).await;
        let cut = post(&server, wire, false, &body).await;
        assert!(!cut.complete && !cut.text().is_empty(), "{wire:?}");
        let server = start(&scenario("{malformed: {after_chunks: 0}}")).await;
        let malformed = post(&server, wire, false, &body).await;
        assert!(malformed.complete && serde_json::from_str::<Value>(&malformed.text()).is_err(), "{wire:?}");
        let server = start(&scenario("{error_event: server_error}")).await;
        assert_eq!(post(&server, wire, false, &body).await.status, 500, "{wire:?}");
    }
}
