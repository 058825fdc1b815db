//! All servers of a run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use massgen_protocol::AgentIndex;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::handler::Shared;
use crate::log::ServerLog;
use crate::names::sanitized;
use crate::oauth::Credentials;
use crate::process::Launcher;
use crate::server::{Common, Server};
use crate::{
    AgentPlace, Authorizer, BreakerSettings, Elicitor, ServerSettings, ServerSource, ServerStatus, Sharing, Transport,
};

/// What servers have in common.
#[derive(Default)]
pub struct HubSettings {
    /// Where each server's standard error and log messages are kept, as `mcp_<name>_stderr.log`; with the agent's
    /// anonymous name where each agent has its own.
    pub log_directory: Option<PathBuf>,
    /// Where tokens are kept. Without it, they last as long as the run.
    pub credentials_directory: Option<PathBuf>,
    /// The environment of every process: see [`base_environment`](crate::base_environment).
    pub environment: BTreeMap<OsString, OsString>,
    /// When a failing server is left alone.
    pub breaker: BreakerSettings,
    /// Puts servers' questions before the user.
    pub elicitor: Option<Arc<dyn Elicitor>>,
    /// Brings the user to where access is granted.
    pub authorizer: Option<Arc<dyn Authorizer>>,
}

impl std::fmt::Debug for HubSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubSettings").field("log_directory", &self.log_directory).finish_non_exhaustive()
    }
}

/// All servers of a run. Dropping it ends them in the background; [`close`](Self::close) waits for it.
pub struct Servers {
    log_directory: Option<PathBuf>,
    credentials_directory: Option<PathBuf>,
    elicitor: Option<Arc<dyn Elicitor>>,
    common: Common,
    servers: Mutex<Vec<Arc<Server>>>,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl Servers {
    /// None yet.
    #[must_use]
    pub fn new(settings: HubSettings) -> Self {
        let stop = CancellationToken::new();
        Self {
            log_directory: settings.log_directory,
            credentials_directory: settings.credentials_directory,
            elicitor: settings.elicitor,
            common: Common {
                tasks: TaskTracker::new(),
                launcher: Arc::new(Launcher::new()),
                environment: Arc::new(settings.environment),
                authorizer: settings.authorizer,
                breaker: settings.breaker,
            },
            servers: Mutex::default(),
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        }
    }

    /// The tools of the server of these settings, for one agent. The server starts at once, in the background, unless
    /// it is one that all share and it runs already.
    ///
    /// Must be called within a Tokio runtime.
    #[must_use]
    pub fn source(&self, settings: &ServerSettings, place: &AgentPlace) -> Arc<ServerSource> {
        let owner = (settings.sharing == Sharing::PerAgent).then_some(place);
        let agent = owner.map(|place| place.agent);
        let mut servers = match self.servers.lock() {
            Ok(servers) => servers,
            Err(poisoned) => poisoned.into_inner(),
        };
        servers.retain(|server| !server.stop.is_cancelled());
        let same = |server: &&Arc<Server>| server.agent == agent && server.settings == *settings;
        let server = servers.iter().find(same).cloned().unwrap_or_else(|| {
            let server = Arc::new(self.made(settings, owner));
            servers.push(Arc::clone(&server));
            self.common.tasks.spawn(Arc::clone(&server).supervise());
            server
        });
        Arc::new(ServerSource::new(server, place.clone()))
    }

    /// How all servers are.
    #[must_use]
    pub fn status(&self) -> Vec<ServerStatus> {
        self.servers.lock().map(|servers| servers.iter().map(|server| server.status()).collect()).unwrap_or_default()
    }

    /// Ends all servers, whoever still has sources of them. When this returns, nothing of them runs any more.
    pub async fn close(&self) {
        self.stop.cancel();
        self.common.tasks.close();
        self.common.tasks.wait().await;
        self.common.launcher.close().await;
    }

    fn made(&self, settings: &ServerSettings, owner: Option<&AgentPlace>) -> Server {
        let agent = owner.map(|place| place.agent);
        let log = self.log_directory.as_ref().map(|folder| folder.join(log_name(&settings.name, agent)));
        let root = owner.filter(|_| settings.tells_workspace).and_then(|place| place.workspace.clone());
        let log = Arc::new(ServerLog::new(log, settings.transport.secrets()));
        let shared = Arc::new(Shared::new(&settings.name, agent, root, self.elicitor.clone(), log));
        let credentials = Credentials::new(self.credentials_path(settings));
        Server::new(settings.clone(), owner, shared, credentials, &self.common, self.stop.child_token())
    }

    /// Tokens belong to an address.
    fn credentials_path(&self, settings: &ServerSettings) -> Option<PathBuf> {
        let (Transport::StreamableHttp(http) | Transport::Sse(http)) = &settings.transport else { return None };
        let mut hasher = DefaultHasher::new();
        http.url.as_str().hash(&mut hasher);
        let name = format!("{}-{:016x}.json", sanitized(&settings.name), hasher.finish());
        Some(self.credentials_directory.as_ref()?.join(name))
    }
}

fn log_name(server: &str, agent: Option<AgentIndex>) -> String {
    let server = sanitized(server);
    agent.map_or_else(|| format!("mcp_{server}_stderr.log"), |agent| format!("mcp_{server}_{agent}_stderr.log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_named_as_in_the_reference_and_apart_for_each_agent() {
        assert_eq!(log_name("we.ather", None), "mcp_we_ather_stderr.log");
        assert_eq!(log_name("git", Some(AgentIndex(1))), "mcp_git_agent2_stderr.log");
    }
}
