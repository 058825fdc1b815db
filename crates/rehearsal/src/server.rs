//! The server: one port, all protocols.

mod answer;
mod gate;
mod history;
mod keys;
mod limit;
mod limits;
mod media;
mod playback;
mod record;
mod route;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use gate::{Gate, Peer};
use history::History;
use limit::RateLimit;
use limits::ModelLimits;
pub use record::Received;
use record::Recorder;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::scenario::Scenario;
use crate::script::Script;
use crate::wire::Wire;

/// A scenario being played on a port of this machine. Dropping it closes everything.
#[derive(Debug)]
pub struct RehearsalServer {
    address: SocketAddr,
    stage: Arc<Stage>,
    tasks: JoinSet<io::Result<()>>,
}

/// What every request can see.
#[derive(Debug)]
struct Stage {
    script: Script,
    recorder: Recorder,
    history: History,
    limit: Option<RateLimit>,
    limits: ModelLimits,
    refused: AtomicU64,
    serial: AtomicU64,
    stopping: CancellationToken,
}

impl RehearsalServer {
    /// Plays `scenario` on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(scenario: Scenario) -> io::Result<Self> {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), scenario).await
    }

    /// Plays `scenario` on `address`. Port 0 stands for any free port.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn start_on(address: SocketAddr, scenario: Scenario) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stopping = CancellationToken::new();
        let stage = Arc::new(Stage {
            limit: scenario.requests_per_minute().map(RateLimit::new),
            limits: ModelLimits::new(),
            refused: AtomicU64::new(0),
            script: Script::new(scenario),
            recorder: Recorder::default(),
            history: History::default(),
            serial: AtomicU64::new(1),
            stopping: stopping.clone(),
        });
        let router = Router::new().fallback(answer::answer).with_state(Arc::clone(&stage));
        let service = router.into_make_service_with_connect_info::<Peer>();
        let gate = Gate::new(listener, stopping.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            axum::serve(gate, service).with_graceful_shutdown(async move { stopping.cancelled().await }).await
        });
        Ok(Self { address, stage, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL as clients of `protocol` are given it: with `/v1` for OpenAI's protocols.
    #[must_use]
    pub fn base_url(&self, protocol: Wire) -> String {
        let version = match protocol {
            Wire::Responses | Wire::ChatCompletions => "/v1",
            Wire::Messages | Wire::Gemini => "",
        };
        format!("http://{}{version}", self.address)
    }

    /// The requests so far, the oldest first. Of long runs only the last megabytes are kept.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.stage.recorder.all()
    }

    /// How many requests were refused because they were over a limit of the scenario, `rate_limit` or `limits`.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.stage.refused.load(Ordering::Relaxed)
    }

    /// Breaks every connection and frees the port.
    pub async fn stop(mut self) {
        self.stage.stopping.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Drop for RehearsalServer {
    fn drop(&mut self) {
        self.stage.stopping.cancel();
    }
}
