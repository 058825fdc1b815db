//! A client that sees every byte: HTTP/1.1 over a plain socket.

use massgen_rehearsal::{RehearsalServer, Scenario, Wire};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A response as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// The HTTP chunks of the body; one if the body is not chunked.
    pub(crate) chunks: Vec<Vec<u8>>,
    /// Whether the body ended as its framing says.
    pub(crate) complete: bool,
}

impl Reply {
    /// Reads what a server sent until it closed the connection.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let split = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8(bytes[..split].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut rest = &bytes[split + 4..];
        let mut reply = Self { status, head, chunks: Vec::new(), complete: false };
        if let Some(length) = reply.header("content-length") {
            reply.complete = rest.len() == length.parse::<usize>().unwrap();
            reply.chunks.push(rest.to_vec());
            return Some(reply);
        }
        while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
            let size = usize::from_str_radix(str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
            rest = &rest[line + 2..];
            if size == 0 {
                reply.complete = true;
                break;
            }
            if rest.len() < size + 2 {
                break;
            }
            reply.chunks.push(rest[..size].to_vec());
            rest = &rest[size + 2..];
        }
        Some(reply)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.chunks.concat()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.chunks.concat()).unwrap()
    }

    /// The data of every server-sent event that is JSON.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = self.text();
        text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
    }
}

pub(crate) async fn start(yaml: &str) -> RehearsalServer {
    let head = if yaml.contains("title:") { "" } else { "title: test\nquestion: what?\n" };
    let scenario = Scenario::parse(&format!("{head}{yaml}"), "test").unwrap_or_else(|error| panic!("{error}"));
    RehearsalServer::start(scenario).await.unwrap()
}

/// The model that tests use with a protocol.
pub(crate) fn model(wire: Wire) -> &'static str {
    match wire {
        Wire::Responses => "gpt-5-nano",
        Wire::ChatCompletions => "glm-4.5",
        Wire::Messages => "claude-sonnet-4-5",
        Wire::Gemini => "gemini-2.5-flash",
    }
}

pub(crate) fn path(wire: Wire, stream: bool) -> String {
    match wire {
        Wire::Responses => "/v1/responses".to_owned(),
        Wire::ChatCompletions => "/v1/chat/completions".to_owned(),
        Wire::Messages => "/v1/messages".to_owned(),
        Wire::Gemini if stream => format!("/v1beta/models/{}:streamGenerateContent?alt=sse", model(wire)),
        Wire::Gemini => format!("/v1beta/models/{}:generateContent", model(wire)),
    }
}

pub(crate) fn headers(wire: Wire) -> &'static [(&'static str, &'static str)] {
    match wire {
        Wire::Responses | Wire::ChatCompletions => &[("authorization", "Bearer sk-test")],
        Wire::Messages => &[("x-api-key", "sk-test"), ("anthropic-version", "2023-06-01")],
        Wire::Gemini => &[("x-goog-api-key", "test")],
    }
}

/// A request with one user message and function tools of the given names.
pub(crate) fn body(wire: Wire, stream: bool, said: &str, tools: &[&str]) -> Value {
    let schema = json!({"type": "object", "properties": {}});
    let of = |tool: &dyn Fn(&str) -> Value| tools.iter().map(|name| tool(name)).collect::<Vec<_>>();
    let mut body = match wire {
        Wire::Responses => json!({"model": model(wire), "stream": stream, "input": said,
            "tools": of(&|name| json!({"type": "function", "name": name, "parameters": schema}))}),
        Wire::ChatCompletions => json!({"model": model(wire), "stream": stream,
            "messages": [{"role": "user", "content": said}],
            "tools": of(&|name| json!({"type": "function", "function": {"name": name, "parameters": schema}}))}),
        Wire::Messages => json!({"model": model(wire), "stream": stream, "max_tokens": 4000,
            "messages": [{"role": "user", "content": said}],
            "tools": of(&|name| json!({"name": name, "input_schema": schema}))}),
        Wire::Gemini => json!({"contents": [{"role": "user", "parts": [{"text": said}]}],
            "tools": [{"functionDeclarations": of(&|name| json!({"name": name, "parameters": schema}))}]}),
    };
    if tools.is_empty() {
        body.as_object_mut().unwrap().remove("tools");
    }
    body
}

/// Opens a connection and sends a request on it.
pub(crate) async fn send(
    server: &RehearsalServer,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {length}\r\n");
    stream.write_all(format!("{head}{headers}\r\n{body}").as_bytes()).await.unwrap();
    stream
}

/// Everything until the connection ends, however it ends.
pub(crate) async fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        bytes.extend_from_slice(&buffer[..count]);
    }
    bytes
}

pub(crate) async fn request(
    server: &RehearsalServer,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Reply> {
    Reply::parse(&read_all(&mut send(server, method, path, headers, body).await).await)
}

/// Posts a body with a good key; `None` if not even a head came back.
pub(crate) async fn try_post(server: &RehearsalServer, wire: Wire, stream: bool, body: &Value) -> Option<Reply> {
    request(server, "POST", &path(wire, stream), headers(wire), &body.to_string()).await
}

pub(crate) async fn post(server: &RehearsalServer, wire: Wire, stream: bool, body: &Value) -> Reply {
    try_post(server, wire, stream, body).await.unwrap()
}

/// The text of a reply in pieces, streamed or not, and its calls as name and arguments. Fails on
/// events that break the protocol's rules of nesting.
pub(crate) fn content(wire: Wire, events: &[Value]) -> (String, Vec<(String, Value)>) {
    let mut text = String::new();
    let mut calls: Vec<(String, String, String)> = Vec::new();
    let place = |value: &Value| value.to_string();
    for event in events {
        match wire {
            Wire::Responses => match event["type"].as_str().unwrap() {
                "response.output_text.delta" => text += event["delta"].as_str().unwrap(),
                "response.output_item.added" if event["item"]["type"] == "function_call" => {
                    let name = event["item"]["name"].as_str().unwrap().to_owned();
                    calls.push((place(&event["output_index"]), name, String::new()));
                }
                "response.function_call_arguments.delta" => {
                    let call = calls.iter_mut().find(|call| call.0 == place(&event["output_index"])).unwrap();
                    call.2 += event["delta"].as_str().unwrap();
                }
                _ => {}
            },
            Wire::ChatCompletions => {
                let delta = &event["choices"][0]["delta"];
                text += delta["content"].as_str().unwrap_or_default();
                for part in delta["tool_calls"].as_array().into_iter().flatten() {
                    if let Some(name) = part["function"]["name"].as_str() {
                        calls.push((place(&part["index"]), name.to_owned(), String::new()));
                    }
                    let call = calls.iter_mut().find(|call| call.0 == place(&part["index"])).unwrap();
                    call.2 += part["function"]["arguments"].as_str().unwrap();
                }
            }
            Wire::Messages => match event["type"].as_str().unwrap() {
                "content_block_start" if event["content_block"]["type"] == "tool_use" => {
                    let name = event["content_block"]["name"].as_str().unwrap().to_owned();
                    calls.push((place(&event["index"]), name, String::new()));
                }
                "content_block_delta" => {
                    text += event["delta"]["text"].as_str().unwrap_or_default();
                    if let Some(part) = event["delta"]["partial_json"].as_str() {
                        calls.iter_mut().find(|call| call.0 == place(&event["index"])).unwrap().2 += part;
                    }
                }
                _ => {}
            },
            Wire::Gemini => {
                for part in event["candidates"][0]["content"]["parts"].as_array().unwrap() {
                    if part["thought"] != true {
                        text += part["text"].as_str().unwrap_or_default();
                    }
                    if let Some(call) = part.get("functionCall") {
                        let name = call["name"].as_str().unwrap().to_owned();
                        calls.push((place(&call["id"]), name, call["args"].to_string()));
                    }
                }
            }
        }
    }
    let parsed = |(_, name, arguments): (String, String, String)| (name, serde_json::from_str(&arguments).unwrap());
    (text, calls.into_iter().map(parsed).collect())
}
