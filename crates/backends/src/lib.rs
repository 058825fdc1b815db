//! Model calls over HTTP: one provider-neutral request in, one stream of chunks and one reply out.
//!
//! [`Backend::call`] does the I/O and the retries. What a provider speaks is in one module for each wire
//! protocol, a pair of pure parts: a request body out of a [`ModelRequest`], and chunks out of the events of
//! the reply's stream.

mod backend;
mod call;
mod chat;
mod conversation;
mod diagnose;
mod error;
mod gemini;
mod http;
mod messages;
mod model;
mod plan;
mod relay;
#[cfg(test)]
mod replay;
mod request;
mod responses;
mod retry;
mod spec;
mod sse;
mod wire;

pub use backend::Backend;
pub use error::{CallError, CallErrorKind, Place, Problem, SetupError};
pub use http::{HttpSettings, ProxySettings, http_client, root_message};
pub use massgen_protocol::{AssistantTurn, Echo, ToolSpec};
pub use model::{Bounds, Model, tokens_at_most};
pub use relay::Relay;
pub use request::{CallEvent, Message, ModelRequest, Reply, ToolChoice, ToolResult};
pub use retry::asked_pause;
pub use spec::{ApiKey, BackendSpec, BuiltinTools, CallPolicy};
