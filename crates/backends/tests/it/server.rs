//! A server that answers each connection with the next step of a script.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// What one connection gets.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A status line's end, headers and a body, then the end of the connection.
    Answer(&'static str, &'static str, String),
    /// A stream, then the end of the connection as HTTP has it.
    Stream(String),
    /// A stream whose connection breaks before its end.
    Cut(String),
    /// A stream that falls silent.
    Silent(String),
}

/// A stream of events.
pub(crate) fn stream(events: &[&str]) -> Step {
    Step::Stream(events_of(events))
}

/// Events as they are sent.
pub(crate) fn events_of(events: &[&str]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

/// The running server; it ends with the test.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Value>>>,
    closed: Arc<Notify>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start(script: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let closed = Arc::new(Notify::new());
        let (seen, gone) = (Arc::clone(&requests), Arc::clone(&closed));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            for step in script {
                let (mut socket, _) = listener.accept().await.unwrap();
                let body = read_request(&mut socket).await;
                seen.lock().unwrap().push(body);
                play(&mut socket, step, &gone).await;
            }
        });
        Self { url, requests, closed, _tasks: tasks }
    }

    /// The bodies of all requests so far.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until the client has closed a silent stream.
    pub(crate) async fn client_gone(&self) {
        tokio::time::timeout(Duration::from_secs(20), self.closed.notified()).await.unwrap();
    }
}

async fn read_request(socket: &mut TcpStream) -> Value {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let count = socket.read(&mut piece).await.unwrap();
        bytes.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) || count == 0 {
                return serde_json::from_str(body).unwrap_or_default();
            }
        }
    }
}

async fn play(socket: &mut TcpStream, step: Step, gone: &Notify) {
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n";
    let sent = match &step {
        Step::Answer(status, headers, body) => {
            format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
        }
        Step::Stream(body) => format!("{HEAD}content-length: {}\r\n\r\n{body}", body.len()),
        Step::Cut(body) | Step::Silent(body) => format!("{HEAD}content-length: {}\r\n\r\n{body}", body.len() + 100),
    };
    socket.write_all(sent.as_bytes()).await.unwrap();
    if matches!(step, Step::Silent(_)) {
        while socket.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {}
        gone.notify_one();
    }
    let _ = socket.shutdown().await;
}
