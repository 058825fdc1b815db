//! One server as long as it is wanted: started, watched, started again.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use massgen_protocol::AgentIndex;
use rmcp::RoleClient;
use rmcp::model::ServerPeerInfo;
use rmcp::service::Peer;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::breaker::Breaker;
use crate::handler::Shared;
use crate::names::Names;
use crate::oauth::Credentials;
use crate::process::Launcher;
use crate::tools::ToolSet;
use crate::{AgentPlace, Authorizer, BreakerSettings, OAuthSettings, ServerSettings, Transport};

mod status;
mod supervision;

pub use status::{ServerState, ServerStatus};

/// One server, for one agent or for all.
pub(crate) struct Server {
    pub settings: ServerSettings,
    /// Whose it is; `None` when all share it.
    pub agent: Option<AgentIndex>,
    pub shared: Arc<Shared>,
    pub tasks: TaskTracker,
    launcher: Arc<Launcher>,
    environment: Arc<BTreeMap<OsString, OsString>>,
    authorizer: Option<Arc<dyn Authorizer>>,
    oauth: Option<(OAuthSettings, Credentials)>,
    state: watch::Sender<State>,
    breaker: Mutex<Breaker>,
    names: Mutex<Names>,
    tools: Mutex<Arc<ToolSet>>,
    /// Cancelled when nobody wants it any more.
    pub stop: CancellationToken,
    trouble: Notify,
    /// Set when the server refused a call for lack of a right.
    challenge: Mutex<Option<String>>,
    wanted_by: AtomicUsize,
    starts: AtomicU32,
    process: AtomicU32,
    was_reported: AtomicBool,
}

/// What can be said of a server at one time.
#[derive(Clone)]
pub(crate) enum State {
    /// For the first time, or anew.
    Starting,
    /// The user is asked to grant access.
    Authorizing,
    Up(Arc<Live>),
    /// It will be started again.
    Down(String),
    /// It will not be started again.
    Failed(String),
    Closed,
}

/// A connection that is up, as calls see it.
pub(crate) struct Live {
    pub peer: Peer<RoleClient>,
    pub info: Arc<ServerPeerInfo>,
    /// Cancelled when it is over.
    pub over: CancellationToken,
}

/// What servers have in common.
pub(crate) struct Common {
    pub tasks: TaskTracker,
    pub launcher: Arc<Launcher>,
    pub environment: Arc<BTreeMap<OsString, OsString>>,
    pub authorizer: Option<Arc<dyn Authorizer>>,
    pub breaker: BreakerSettings,
}

impl Server {
    /// A server that is not started yet.
    pub(crate) fn new(
        settings: ServerSettings,
        place: Option<&AgentPlace>,
        shared: Arc<Shared>,
        credentials: Credentials,
        common: &Common,
        stop: CancellationToken,
    ) -> Self {
        let oauth = oauth(&settings, common.authorizer.is_some()).map(|oauth| (oauth, credentials));
        Self {
            names: Mutex::new(Names::new(&settings.name)),
            settings,
            agent: place.map(|place| place.agent),
            shared,
            tasks: common.tasks.clone(),
            launcher: Arc::clone(&common.launcher),
            environment: Arc::clone(&common.environment),
            authorizer: common.authorizer.clone(),
            oauth,
            state: watch::Sender::new(State::Starting),
            breaker: Mutex::new(Breaker::new(common.breaker)),
            tools: Mutex::default(),
            stop,
            trouble: Notify::new(),
            challenge: Mutex::default(),
            wanted_by: AtomicUsize::new(0),
            starts: AtomicU32::new(0),
            process: AtomicU32::new(0),
            was_reported: AtomicBool::new(false),
        }
    }

    pub(crate) fn want(&self) {
        self.wanted_by.fetch_add(1, Ordering::Relaxed);
    }

    /// Gives up one claim. With the last one the server ends, and this waits until it has.
    pub(crate) async fn release(&self) {
        if self.wanted_by.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.stop.cancel();
            let mut state = self.state.subscribe();
            // An error means that the watch is gone, and the server with it.
            let _ = state.wait_for(|state| matches!(state, State::Closed)).await;
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(crate) fn tools(&self) -> Arc<ToolSet> {
        self.tools.lock().map(|tools| Arc::clone(&tools)).unwrap_or_default()
    }

    pub(crate) fn pause_left(&self) -> Option<Duration> {
        self.breaker.lock().ok()?.pause_left(Instant::now())
    }

    pub(crate) fn succeeded(&self) {
        if let Ok(mut breaker) = self.breaker.lock() {
            breaker.succeeded();
        }
    }

    pub(crate) fn failed(&self) {
        if let Ok(mut breaker) = self.breaker.lock() {
            breaker.failed(Instant::now());
        }
    }

    /// Has the server looked at: a call on it has come to nothing.
    pub(crate) fn suspect(&self) {
        self.trouble.notify_one();
    }

    /// Whether the server can be authorized anew after it refused a call; it then is.
    pub(crate) fn challenged(&self, challenge: String) -> bool {
        if self.oauth.is_none() {
            return false;
        }
        if let Ok(mut stored) = self.challenge.lock() {
            *stored = Some(challenge);
        }
        self.trouble.notify_one();
        true
    }

    /// What can be told of it.
    pub(crate) fn status(&self) -> ServerStatus {
        let pause = self.pause_left();
        let state = match (&*self.state.borrow(), pause) {
            (State::Up(_), None) => ServerState::Up,
            (State::Up(_), Some(left)) => ServerState::Paused { left, why: "its calls failed".to_owned() },
            (State::Down(why), Some(left)) => ServerState::Paused { left, why: why.clone() },
            (State::Down(why), None) => ServerState::Down { why: why.clone() },
            (State::Starting, _) => ServerState::Starting,
            (State::Authorizing, _) => ServerState::WaitsForUser,
            (State::Failed(why), _) => ServerState::Failed { why: why.clone() },
            (State::Closed, _) => ServerState::Closed,
        };
        ServerStatus {
            name: self.settings.name.clone(),
            agent: self.agent,
            state,
            failures: self.breaker.lock().map_or(0, |breaker| breaker.failures()),
            starts: self.starts.load(Ordering::Relaxed),
            tools: self.tools().tools.len(),
            process: Some(self.process.load(Ordering::Relaxed)).filter(|id| *id != 0),
        }
    }

    /// Waits until the tools are known, or until it is known that they will not be soon. Why not, for the first who
    /// asks.
    pub(crate) async fn ready(&self) -> Option<String> {
        let mut state = self.state.subscribe();
        let why = loop {
            // A user who is asked may take their time.
            let is_authorizing = matches!(*state.borrow_and_update(), State::Authorizing);
            let settled = state.wait_for(|state| match state {
                State::Up(_) | State::Failed(_) | State::Closed => true,
                State::Authorizing => !is_authorizing,
                State::Down(_) => self.pause_left().is_some(),
                State::Starting => false,
            });
            let settled = if is_authorizing {
                settled.await.map(|state| state.clone())
            } else {
                let Ok(settled) = tokio::time::timeout(self.settings.start_timeout, settled).await else {
                    let words = self.shared.log.words();
                    break format!("it is not up after {} s{words}", self.settings.start_timeout.as_secs());
                };
                settled.map(|state| state.clone())
            };
            match settled {
                Ok(State::Up(_)) => return self.left_out(),
                Ok(State::Failed(why) | State::Down(why)) => break why,
                Ok(State::Authorizing | State::Starting) => {}
                Ok(State::Closed) | Err(_) => break "it was closed".to_owned(),
            }
        };
        let is_first = !self.was_reported.swap(true, Ordering::Relaxed);
        is_first.then(|| format!("MCP server `{}` did not start: {why}", self.settings.name))
    }

    /// Which tools of the server no agent has, told once.
    fn left_out(&self) -> Option<String> {
        let names = self.tools().left_out.join("`, `");
        let is_first = !names.is_empty() && !self.was_reported.swap(true, Ordering::Relaxed);
        is_first.then(|| {
            let server = &self.settings.name;
            format!("left out of MCP server `{server}`: `{names}`, whose `inputSchema` is not of the type `object`")
        })
    }
}

/// How to get a token, if at all. Where a user is there, a server that wants a token gets one unless the config
/// already has one.
fn oauth(settings: &ServerSettings, has_user: bool) -> Option<OAuthSettings> {
    let Transport::StreamableHttp(http) = &settings.transport else { return None };
    let has_token = http.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"));
    http.oauth.clone().or_else(|| (has_user && !has_token).then(OAuthSettings::default))
}
