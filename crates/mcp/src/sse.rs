//! The HTTP+SSE transport of MCP 2024-11-05, which the SDK no longer has.
//!
//! The client opens one event stream. Its first event names the address to which messages are posted; the server's
//! messages come as events.

use reqwest::Client;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use rmcp::RoleClient;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use url::Url;

mod decoder;

use decoder::{Decoder, Event};

/// How many messages wait to be handled.
const MESSAGES_MAX: usize = 64;
/// How long posting one message may take.
const POST_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// Why the transport does not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SseError {
    #[error("the request failed")]
    Request { source: reqwest::Error },
    #[error("the server answered with HTTP {status}")]
    Status { status: u16 },
    #[error("the server's answer is not an event stream; is its transport `streamable-http`?")]
    NoStream,
    #[error("the event stream ended before it named an address for messages")]
    NoEndpoint,
    #[error("the server wants messages at another host, which is not done")]
    ForeignEndpoint,
    #[error("a message cannot be written as JSON")]
    Message { source: serde_json::Error },
}

/// See the module.
pub(crate) struct SseTransport {
    client: Client,
    endpoint: Url,
    headers: HeaderMap,
    incoming: mpsc::Receiver<RxJsonRpcMessage<RoleClient>>,
    reader: JoinSet<()>,
}

impl SseTransport {
    /// Opens the event stream and waits for the address.
    pub(crate) async fn open(client: Client, url: &Url, headers: HeaderMap) -> Result<Self, SseError> {
        let request = client.get(url.clone()).headers(headers.clone()).header(ACCEPT, "text/event-stream");
        let response = request.send().await.map_err(|source| SseError::Request { source })?;
        if !response.status().is_success() {
            return Err(SseError::Status { status: response.status().as_u16() });
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(SseError::NoStream);
        }
        let (sender, incoming) = mpsc::channel(MESSAGES_MAX);
        let (found, endpoint) = oneshot::channel();
        let mut reader = JoinSet::new();
        reader.spawn(read(response, found, sender));
        let endpoint = endpoint.await.map_err(|_| SseError::NoEndpoint)?;
        let endpoint = url.join(&endpoint).map_err(|_| SseError::NoEndpoint)?;
        if endpoint.origin() != url.origin() {
            return Err(SseError::ForeignEndpoint);
        }
        Ok(Self { client, endpoint, headers, incoming, reader })
    }
}

impl Transport<RoleClient> for SseTransport {
    type Error = SseError;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let request = self.client.post(self.endpoint.clone()).headers(self.headers.clone()).timeout(POST_TIMEOUT);
        async move {
            let body = serde_json::to_vec(&item).map_err(|source| SseError::Message { source })?;
            let request = request.header(CONTENT_TYPE, "application/json").body(body);
            let response = request.send().await.map_err(|source| SseError::Request { source })?;
            let status = response.status();
            if status.is_success() { Ok(()) } else { Err(SseError::Status { status: status.as_u16() }) }
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        self.incoming.recv().await
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.reader.shutdown().await;
        Ok(())
    }
}

/// Reads events until the stream ends, or nobody wants them.
async fn read(
    mut response: reqwest::Response,
    endpoint: oneshot::Sender<String>,
    messages: mpsc::Sender<RxJsonRpcMessage<RoleClient>>,
) {
    let mut endpoint = Some(endpoint);
    let mut decoder = Decoder::default();
    while let Ok(Some(bytes)) = response.chunk().await {
        let Some(events) = decoder.feed(&bytes) else { return };
        for Event { name, data } in events {
            if name == "endpoint" {
                let _ = endpoint.take().map(|endpoint| endpoint.send(data));
            } else if let Ok(message) = serde_json::from_str(&data) {
                // What is not a message of the protocol is passed over, as on standard output.
                if messages.send(message).await.is_err() {
                    return;
                }
            }
        }
    }
}
