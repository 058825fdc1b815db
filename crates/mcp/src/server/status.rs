//! What can be told of a server, for displays and logs.

use std::time::Duration;

use massgen_protocol::AgentIndex;

/// One server as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatus {
    /// Its name.
    pub name: String,
    /// Whose it is; `None` when all agents share it.
    pub agent: Option<AgentIndex>,
    /// How it is.
    pub state: ServerState,
    /// Failures in a row: starts, deaths, and calls without an answer.
    pub failures: u32,
    /// How often it was started.
    pub starts: u32,
    /// How many tools it offers.
    pub tools: usize,
    /// Its process, if it is ours and runs.
    pub process: Option<u32>,
}

/// How a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerState {
    /// It is being started.
    Starting,
    /// The user is asked to grant access.
    WaitsForUser,
    /// It takes calls.
    Up,
    /// It will be started again in a moment.
    Down {
        /// Why it ended or did not start.
        why: String,
    },
    /// It failed too often, and is left alone for a while. Calls fail at once.
    Paused {
        /// For how long still.
        left: Duration,
        /// The last failure.
        why: String,
    },
    /// It will not be started again.
    Failed {
        /// Why.
        why: String,
    },
    /// Nobody wants it any more.
    Closed,
}
