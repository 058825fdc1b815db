//! Where the user's browser comes back after granting access.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The path of the address.
const PATH: &str = "/callback";
/// How much of a request's first line is read.
const LINE_BYTES_MAX: u64 = 16 << 10;
const DONE: &str = "massgen has what it needs. You can close this window.";
const REFUSED: &str = "Access was not granted. You can close this window.";

/// Listens on this machine for one answer.
pub(super) struct Callback {
    listener: TcpListener,
    port: u16,
}

impl Callback {
    pub(super) async fn listen(port: Option<u16>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port.unwrap_or(0))).await?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Waits for the browser; the whole address that it came to.
    pub(super) async fn wait(&self) -> std::io::Result<String> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            // A browser also asks for icons, and others may knock.
            if let Some(target) = answered(stream).await {
                return Ok(format!("http://127.0.0.1:{}{target}", self.port));
            }
        }
    }
}

/// Answers one request; its target, if it is the one that is waited for.
async fn answered(mut stream: TcpStream) -> Option<String> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    let reading = async { BufReader::new(reader.take(LINE_BYTES_MAX)).read_line(&mut line).await };
    tokio::time::timeout(std::time::Duration::from_secs(10), reading).await.ok()?.ok()?;
    let target = line.strip_prefix("GET ")?.split(' ').next()?.to_owned();
    let query = target.strip_prefix(PATH)?.strip_prefix('?');
    let has = |key: &str| query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with(key)));
    let (status, text) = match (has("code="), has("error=")) {
        (true, _) => ("200 OK", DONE),
        (false, true) => ("200 OK", REFUSED),
        (false, false) => ("404 Not Found", ""),
    };
    let length = text.len();
    let head = "Content-Type: text/plain; charset=utf-8\r\nConnection: close";
    let _ = writer
        .write_all(format!("HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {length}\r\n\r\n{text}").as_bytes())
        .await;
    let _ = writer.shutdown().await;
    (!text.is_empty()).then_some(target)
}
