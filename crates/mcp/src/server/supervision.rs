//! Starts a server, watches it, and starts it again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{ClientRequest, PingRequest, ServerPeerInfo, SubscriptionFilter};
use rmcp::service::{Peer, ServiceError};
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, Connector, described};
use crate::handler::Shared;
use crate::oauth::Authorization;
use crate::server::{Live, Server, State};
use crate::tools;
use crate::{HttpSettings, StartError, Transport, http};

/// How long after its end a server is started again, the first time. It doubles each time that it does not start.
const DELAY_MIN: Duration = Duration::from_millis(250);
/// The longest such time.
const DELAY_MAX: Duration = Duration::from_secs(30);
/// How often a token is asked for at one start.
const AUTHORIZATIONS_MAX: usize = 2;
/// How long a server that let a call run out of time may take to say that it is alive.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a connection is over.
enum End {
    Closed,
    Died(String),
    /// A new one will do better.
    Renewed,
}

impl Server {
    /// Runs until nobody wants the server any more.
    pub(crate) async fn supervise(self: Arc<Self>) {
        let mut delay = DELAY_MIN;
        while !self.stop.is_cancelled() {
            if let Some(pause) = self.pause_left()
                && !self.waited(pause).await
            {
                break;
            }
            match self.start().await {
                Ok(connection) => {
                    delay = DELAY_MIN;
                    match self.run(connection).await {
                        End::Closed => break,
                        End::Renewed => continue,
                        End::Died(why) => self.fell(why),
                    }
                }
                Err(error) if error.is_permanent() => {
                    self.set(State::Failed(described(&error)));
                    self.stop.cancelled().await;
                    break;
                }
                Err(error) => self.fell(described(&error)),
            }
            if !self.waited(delay).await {
                break;
            }
            delay = delay.saturating_mul(2).min(DELAY_MAX);
        }
        if let Ok(mut tools) = self.tools.lock() {
            *tools = Arc::default();
        }
        self.set(State::Closed);
    }

    fn fell(&self, why: String) {
        self.failed();
        self.set(State::Down(why));
    }

    fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    /// Waits; `false` when nobody wants the server any more.
    async fn waited(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.stop.cancelled()).await.is_err()
    }

    /// Starts the server and lists its tools. Where it wants a token, gets one.
    async fn start(&self) -> Result<Connection, StartError> {
        self.set(State::Starting);
        if let Some(challenge) = self.challenge.lock().ok().and_then(|mut challenge| challenge.take()) {
            self.authorize(Some(challenge)).await?;
        }
        // The first token may turn out to be of a server that is no longer asked.
        for _ in 0..AUTHORIZATIONS_MAX {
            match self.connect().await {
                Err(StartError::Unauthorized { challenge }) if self.oauth.is_some() => {
                    self.authorize(challenge).await?;
                }
                result => return result,
            }
        }
        self.connect().await
    }

    async fn connect(&self) -> Result<Connection, StartError> {
        self.starts.fetch_add(1, Ordering::Relaxed);
        let connector = Connector {
            settings: &self.settings,
            launcher: &self.launcher,
            environment: &self.environment,
            credentials: self.oauth.as_ref().map(|(_, credentials)| credentials),
            shared: &self.shared,
            stop: &self.stop,
        };
        let connection = connector.connect().await?;
        let limit = self.settings.start_timeout;
        let listed = tokio::time::timeout(limit, self.refresh(&connection.peer, &connection.info)).await;
        let result = match listed {
            Ok(Ok(())) => return Ok(connection),
            Ok(Err(error)) => Err(connector.unlisted(error)),
            Err(_) => Err(StartError::TimedOut { seconds: limit.as_secs(), words: self.shared.log.words() }),
        };
        connection.close().await;
        result
    }

    async fn authorize(&self, challenge: Option<String>) -> Result<(), StartError> {
        let (Some((settings, credentials)), Some(http)) = (&self.oauth, http_settings(&self.settings.transport)) else {
            return Err(StartError::Unauthorized { challenge });
        };
        self.set(State::Authorizing);
        let url = http::parsed(&http.url)?;
        let authorization = Authorization {
            server: &self.settings.name,
            url: &url,
            security: &self.settings.security,
            settings,
            credentials,
            authorizer: self.authorizer.as_deref(),
        };
        let result = tokio::select! {
            () = self.stop.cancelled() => return Err(StartError::Closed),
            result = authorization.authorize(challenge.as_deref()) => result,
        };
        self.set(State::Starting);
        result.map_err(|source| StartError::Authorization { source: Box::new(source) })
    }

    /// Lists the tools anew.
    async fn refresh(&self, peer: &Peer<RoleClient>, info: &ServerPeerInfo) -> Result<(), ServiceError> {
        let listed = match &info.capabilities.tools {
            Some(_) => tools::listed(peer).await?,
            None => Vec::new(),
        };
        if let (Ok(mut names), Ok(mut tools)) = (self.names.lock(), self.tools.lock()) {
            *tools = Arc::new(tools::offered(listed, &info.capabilities, &self.settings, &mut names));
        }
        Ok(())
    }

    /// Watches a connection until it is over.
    async fn run(&self, mut connection: Connection) -> End {
        self.process.store(connection.process_id().unwrap_or(0), Ordering::Relaxed);
        let over = CancellationToken::new();
        let live = Live { peer: connection.peer.clone(), info: Arc::clone(&connection.info), over: over.clone() };
        let live = Arc::new(live);
        let attention = self.tasks.spawn(attend(Arc::clone(&live), Arc::clone(&self.shared)));
        self.set(State::Up(Arc::clone(&live)));
        let end = loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break End::Closed,
                why = connection.ended() => break End::Died(why),
                () = self.shared.changed.notified() => {
                    let listing = self.refresh(&live.peer, &live.info);
                    // The old list stays when the new one cannot be had.
                    let _ = tokio::time::timeout(self.settings.call_timeout, listing).await;
                }
                () = self.trouble.notified() => {
                    if self.challenge.lock().is_ok_and(|challenge| challenge.is_some()) {
                        break End::Renewed;
                    }
                    if !is_alive(&live).await {
                        break End::Died("it does not answer any more".to_owned());
                    }
                }
            }
        };
        // Calls must not find a connection that is being closed.
        self.set(State::Starting);
        over.cancel();
        connection.close().await;
        attention.abort();
        self.process.store(0, Ordering::Relaxed);
        end
    }
}

fn http_settings(transport: &Transport) -> Option<&HttpSettings> {
    match transport {
        Transport::StreamableHttp(http) | Transport::Sse(http) => Some(http),
        Transport::Stdio(_) => None,
    }
}

/// Whether the server still answers. Newer versions of the protocol have no way to ask, and no connection to renew.
async fn is_alive(live: &Live) -> bool {
    if !live.info.protocol_version.has_initialize() {
        return true;
    }
    let ping = PingRequest { method: Default::default(), extensions: Default::default() };
    let answer = live.peer.send_request(ClientRequest::PingRequest(ping));
    // A refusal is an answer, too.
    matches!(tokio::time::timeout(PING_TIMEOUT, answer).await, Ok(Ok(_) | Err(ServiceError::McpError(_))))
}

/// Asks for what a server only tells when asked: log messages, and changes of its list under the newest version of the
/// protocol. That it does not heed this is no failure.
async fn attend(live: Arc<Live>, shared: Arc<Shared>) {
    if live.info.protocol_version.has_initialize() {
        ask_for_log(&live).await;
        return;
    }
    let changes = live.info.capabilities.tools.as_ref().and_then(|tools| tools.list_changed);
    if changes == Some(true)
        && let Ok(mut subscription) = live.peer.listen(SubscriptionFilter::builder().tools_list_changed().build()).await
    {
        while let Ok(Some(_)) = subscription.next().await {
            shared.changed.notify_one();
        }
    }
}

#[expect(deprecated, reason = "servers of today have it")]
async fn ask_for_log(live: &Live) {
    use rmcp::model::{LoggingLevel, SetLevelRequestParams};
    if live.info.capabilities.logging.is_some() {
        let _ = live.peer.set_level(SetLevelRequestParams::new(LoggingLevel::Info)).await;
    }
}
