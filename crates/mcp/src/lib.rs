//! A client of MCP servers: what they offer becomes tools of massgen's agents.
//!
//! [`Servers`] owns every connection of a run. For each configured server and agent it gives a
//! [`ToolSource`](massgen_tool::ToolSource). Servers start in the background and in parallel: those that keep
//! nothing of their callers once in a run, all others once for each agent. A server that does not start, hangs or
//! dies costs the result of the call that it hangs in, never the run.
//!
//! The protocol is the official SDK's (`rmcp`). What it leaves to its users is here: processes that end with
//! everything they started, the older HTTP+SSE transport, limits, restarts, and results that fit into a model's
//! context.

mod agent;
mod breaker;
mod call;
mod connection;
mod content;
mod elicitation;
mod environment;
mod extras;
mod handler;
mod http;
mod hub;
mod log;
mod names;
mod oauth;
mod process;
mod server;
mod settings;
mod source;
mod sse;
mod tools;
mod validate;

pub use agent::AgentPlace;
pub use breaker::BreakerSettings;
pub use connection::StartError;
pub use elicitation::{ElicitationAnswer, ElicitationRequest, Elicitor};
pub use environment::base_environment;
pub use hub::{HubSettings, Servers};
pub use oauth::{Authorizer, OAuthGrant, OAuthSettings};
pub use server::{ServerState, ServerStatus};
pub use settings::{
    Effects, HttpSettings, Security, SecurityLevel, ServerSettings, Sharing, StdioSettings, Text, Transport,
};
pub use source::ServerSource;
pub use validate::{Problem, validate};
