//! One connection to a server, from its start to its end.

use std::error::Error;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{self, BoxFuture};
use rmcp::RoleClient;
use rmcp::model::{ProtocolVersion, ServerPeerInfo};
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, Peer, RunningService, ServiceError, serve_client_with_lifecycle_and_ct,
};
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::auth::AuthClient;
use rmcp::transport::streamable_http_client::{
    AuthRequiredError, InsufficientScopeError, StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
    StreamableHttpError,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::handler::{Handler, Shared};
use crate::oauth::{AuthorizationError, Credentials, manager};
use crate::process::{Launched, Launcher, ProcessSettings, ServerProcess};
use crate::sse::SseTransport;
use crate::{HttpSettings, ServerSettings, StdioSettings, Transport, http};

/// How long the end of a connection may take before it is cut.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(6);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program cannot be run.
    #[error("the program `{program}` cannot be run; install it, or correct `command`")]
    Program {
        /// Which.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// The address is not one.
    #[error("`{url}` is not the address of an HTTP server; correct `url`")]
    Address {
        /// What was given.
        url: String,
    },
    /// A header is not one.
    #[error("the header `{name}` cannot be sent; correct `headers`")]
    Header {
        /// Which.
        name: String,
    },
    /// No HTTP client.
    #[error("no HTTP client could be made")]
    Client {
        /// Why.
        source: Box<reqwest::Error>,
    },
    /// The connection could not be made.
    #[error("it cannot be reached")]
    Connect {
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It did not answer in time.
    #[error("it did not answer within {seconds} s{words}")]
    TimedOut {
        /// How long it had.
        seconds: u64,
        /// What it wrote on standard error.
        words: String,
    },
    /// It ended or answered wrongly at the start.
    #[error("it did not answer as an MCP server does{words}")]
    Handshake {
        /// What it wrote on standard error.
        words: String,
        /// Why.
        source: Box<ClientInitializeError>,
    },
    /// It does not list its tools.
    #[error("it did not list its tools{words}")]
    Tools {
        /// What it wrote on standard error.
        words: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It wants a token.
    #[error("it wants to be authorized; set `headers` with a token, or `oauth`")]
    Unauthorized {
        /// What it said.
        challenge: Option<String>,
    },
    /// There is no token to be had.
    #[error("massgen is not authorized")]
    Authorization {
        /// Why.
        source: Box<AuthorizationError>,
    },
    /// It was closed meanwhile.
    #[error("it was closed")]
    Closed,
}

impl StartError {
    /// Whether trying again cannot help.
    pub(crate) fn is_permanent(&self) -> bool {
        match self {
            Self::Program { source, .. } => {
                matches!(source.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied)
            }
            Self::Address { .. } | Self::Header { .. } | Self::Client { .. } => true,
            Self::Unauthorized { .. } | Self::Authorization { .. } | Self::Closed => true,
            Self::Connect { .. } | Self::TimedOut { .. } | Self::Handshake { .. } | Self::Tools { .. } => false,
        }
    }
}

/// The message of an error and of everything under it, without repetition.
pub(crate) fn described(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = cause(error);
    while let Some(inner) = cause {
        let message = inner.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = self::cause(inner);
    }
    text
}

/// Whether nobody was there to take a request, so that it cannot have had any effect.
pub(crate) fn is_unsent(error: &(dyn Error + 'static)) -> bool {
    let mut source = Some(error);
    while let Some(error) = source {
        if error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect) {
            return true;
        }
        source = cause(error);
    }
    false
}

/// What is under an error. The SDK's error of its HTTP transport prints the client's, but does not give it.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
        Some(StreamableHttpError::Client(inner)) => Some(inner),
        _ => error.source(),
    }
}

/// The challenge of a server that refused a request for lack of a right.
pub(crate) fn challenge(error: &(dyn Error + 'static)) -> Option<String> {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<AuthRequiredError>() {
            return Some(error.www_authenticate_header.clone());
        }
        if let Some(error) = error.downcast_ref::<InsufficientScopeError>() {
            return Some(error.www_authenticate_header.clone());
        }
        source = error.source();
    }
    None
}

/// What a connection is made from.
pub(crate) struct Connector<'a> {
    pub settings: &'a ServerSettings,
    pub launcher: &'a Arc<Launcher>,
    pub environment: &'a std::collections::BTreeMap<OsString, OsString>,
    pub credentials: Option<&'a Credentials>,
    pub shared: &'a Arc<Shared>,
    pub stop: &'a CancellationToken,
}

/// A connection that is up.
pub(crate) struct Connection {
    pub peer: Peer<RoleClient>,
    pub info: Arc<ServerPeerInfo>,
    service: future::Shared<BoxFuture<'static, ()>>,
    stop: CancellationToken,
    process: Option<ServerProcess>,
    reader: JoinSet<()>,
}

type Running = RunningService<RoleClient, Handler>;

impl Connector<'_> {
    /// Starts the server, if it is ours, and shakes hands. Servers that refuse the handshake of older versions of the
    /// protocol are asked in the way of the newest.
    pub(crate) async fn connect(&self) -> Result<Connection, StartError> {
        let refused = match self.connect_by(ClientLifecycleMode::Initialize).await {
            Err(StartError::Handshake { source, words }) if is_refusal(&source) => {
                StartError::Handshake { source, words }
            }
            result => return result,
        };
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        match self.connect_by(ClientLifecycleMode::Discover { preferred_versions }).await {
            // The first refusal says more than a second one.
            Err(StartError::Handshake { .. } | StartError::TimedOut { .. } | StartError::Connect { .. }) => {
                Err(refused)
            }
            result => result,
        }
    }

    async fn connect_by(&self, mode: ClientLifecycleMode) -> Result<Connection, StartError> {
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let mut process = None;
        let mut reader = JoinSet::new();
        let handshake: BoxFuture<'_, Result<Running, StartError>> = match &self.settings.transport {
            Transport::Stdio(stdio) => {
                let launched = self.launch(stdio).await?;
                let Launched { process: started, stdin, stdout, stderr } = launched;
                process = Some(started);
                let log = Arc::clone(&self.shared.log);
                reader.spawn(async move { log.drain(stderr).await });
                let transport = AsyncRwTransport::new_client(stdout, stdin);
                Box::pin(self.shake_hands(transport, mode, stop.clone()))
            }
            Transport::StreamableHttp(http) => Box::pin(self.streamable(http, mode, stop.clone())),
            Transport::Sse(http) => Box::pin(self.sse(http, mode, stop.clone())),
        };
        let limit = self.settings.start_timeout;
        let result = tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(StartError::Closed),
            result = tokio::time::timeout(limit, handshake) => result.unwrap_or_else(|_| {
                Err(StartError::TimedOut { seconds: limit.as_secs(), words: self.words() })
            }),
        };
        let ready = result.and_then(|running| {
            let info = running.peer_info().ok_or_else(|| StartError::TimedOut { seconds: 0, words: self.words() })?;
            Ok((running, info))
        });
        match ready {
            Ok((running, info)) => {
                let peer = running.peer().clone();
                let service = async move { drop(running.waiting().await) }.boxed().shared();
                drop(guard.disarm());
                Ok(Connection { peer, info, service, stop, process, reader })
            }
            Err(error) => {
                drop(guard);
                if let Some(process) = process {
                    process.end().await;
                }
                Err(error)
            }
        }
    }

    async fn launch(&self, stdio: &StdioSettings) -> Result<Launched, StartError> {
        let mut words = stdio.command.iter().chain(&stdio.args).map(|word| OsString::from(word.as_str()));
        let program = words.next().unwrap_or_default();
        let mut environment = self.environment.clone();
        environment.extend(stdio.environment.iter().map(|(name, value)| (name.into(), value.as_str().into())));
        let settings = ProcessSettings { program, args: words.collect(), environment, cwd: stdio.cwd.clone() };
        let launched = self.launcher.launch(&settings).await;
        launched.map_err(|source| StartError::Program { program: settings.program.display().to_string(), source })
    }

    async fn streamable(
        &self,
        settings: &HttpSettings,
        mode: ClientLifecycleMode,
        stop: CancellationToken,
    ) -> Result<Running, StartError> {
        let url = http::parsed(&settings.url)?;
        let client = http::client(&url, &self.settings.security, Some(settings.read_timeout))?;
        let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
            .custom_headers(http::headers(&settings.headers)?);
        let Some(credentials) = self.credentials else {
            let transport = StreamableHttpClientTransport::with_client(client, config);
            return self.shake_hands(transport, mode, stop).await;
        };
        let manager = manager(&url, &self.settings.security, credentials).await;
        let manager = manager.map_err(|error| StartError::Authorization { source: Box::new(error.into()) })?;
        let transport = StreamableHttpClientTransport::with_client(AuthClient::new(client, manager), config);
        self.shake_hands(transport, mode, stop).await
    }

    async fn sse(
        &self,
        settings: &HttpSettings,
        mode: ClientLifecycleMode,
        stop: CancellationToken,
    ) -> Result<Running, StartError> {
        let url = http::parsed(&settings.url)?;
        // The stream may be silent for as long as nobody calls.
        let client = http::client(&url, &self.settings.security, None)?;
        let transport = SseTransport::open(client, &url, http::header_map(&settings.headers)?).await;
        let transport = transport.map_err(|source| StartError::Connect { source: Box::new(source) })?;
        self.shake_hands(transport, mode, stop).await
    }

    async fn shake_hands(
        &self,
        transport: impl rmcp::transport::Transport<RoleClient> + 'static,
        mode: ClientLifecycleMode,
        stop: CancellationToken,
    ) -> Result<Running, StartError> {
        let handler = Handler(Arc::clone(self.shared));
        let running = serve_client_with_lifecycle_and_ct(handler, transport, mode, stop).await;
        running.map_err(|error| {
            if error.is_authorization_required() || error.auth_challenge().is_some() {
                return StartError::Unauthorized { challenge: error.auth_challenge().map(ToOwned::to_owned) };
            }
            match error {
                ClientInitializeError::TransportError { error, .. } => StartError::Connect { source: error.error },
                error => StartError::Handshake { words: self.words(), source: Box::new(error) },
            }
        })
    }

    /// Why the tools could not be listed.
    pub(crate) fn unlisted(&self, error: ServiceError) -> StartError {
        let source: Box<dyn Error + Send + Sync> = match error {
            // Its own message is the name of a type.
            ServiceError::TransportSend(failure) => failure.error,
            error => Box::new(error),
        };
        match challenge(source.as_ref()) {
            Some(challenge) => StartError::Unauthorized { challenge: Some(challenge) },
            None => StartError::Tools { words: self.words(), source },
        }
    }

    fn words(&self) -> String {
        self.shared.log.words()
    }
}

impl Connection {
    /// The server's process, if it is ours.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(ServerProcess::id)
    }

    /// Waits until the connection is over; why. May be dropped and called again.
    pub(crate) async fn ended(&mut self) -> String {
        let Some(process) = &mut self.process else {
            self.service.clone().await;
            return "the connection was closed".to_owned();
        };
        tokio::select! {
            // A child of the server may hold its output open: what counts is the server.
            why = process.ended() => why,
            () = self.service.clone() => match tokio::time::timeout(Duration::from_secs(1), process.ended()).await {
                Ok(why) => why,
                Err(_) => "it closed its output".to_owned(),
            },
        }
    }

    /// Ends the connection, and the server if it is ours, politely first.
    pub(crate) async fn close(mut self) {
        // This closes its input.
        self.stop.cancel();
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.service.clone()).await;
        if let Some(process) = self.process.take() {
            process.end().await;
        }
        // What it said last is still in the pipe.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.reader.join_next()).await;
        self.reader.shutdown().await;
    }
}

/// Whether the server understood the handshake and refused it.
fn is_refusal(error: &ClientInitializeError) -> bool {
    matches!(error, ClientInitializeError::JsonRpcError(_) | ClientInitializeError::NoCompatibleProtocolVersion { .. })
}
