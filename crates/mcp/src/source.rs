//! A server as one agent sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use massgen_protocol::ToolCall;
use massgen_tool::{CallContext, Tool, ToolOutcome, ToolSource};

use crate::call::Call;
use crate::server::Server;
use crate::{AgentPlace, ServerStatus};

/// One server's tools, for one agent.
///
/// Tools stay on offer while their server is started again: a list that changes costs the model's cache, and a call
/// waits for the server or says why there is none.
pub struct ServerSource {
    name: String,
    server: Arc<Server>,
    place: AgentPlace,
    is_closed: AtomicBool,
}

impl ServerSource {
    pub(crate) fn new(server: Arc<Server>, place: AgentPlace) -> Self {
        server.want();
        let name = format!("MCP server \"{}\"", server.settings.name);
        Self { name, server, place, is_closed: AtomicBool::new(false) }
    }

    /// How the server is.
    #[must_use]
    pub fn status(&self) -> ServerStatus {
        self.server.status()
    }

    /// What the server says of itself, in its own words, once it is up. It is written for the model.
    #[must_use]
    pub fn instructions(&self) -> Option<String> {
        match &*self.server.watch().borrow() {
            crate::server::State::Up(live) => live.info.instructions.clone(),
            _ => None,
        }
    }
}

impl ToolSource for ServerSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn tools(&self) -> Vec<Tool> {
        if self.is_closed.load(Ordering::Relaxed) { Vec::new() } else { self.server.tools().tools.clone() }
    }

    fn call<'a>(&'a self, call: &'a ToolCall, context: &'a CallContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            let tools = self.server.tools();
            let Some(target) = tools.targets.get(&call.name) else {
                return ToolOutcome::failed(format!("there is no tool `{}` any more", call.name));
            };
            let (server, place) = (&self.server, &self.place);
            Call { server, target, tool: &call.name, arguments: &call.arguments, context, place }.outcome().await
        })
    }

    fn ready(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async move { self.server.ready().await.into_iter().collect() })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if !self.is_closed.swap(true, Ordering::Relaxed) {
                self.server.release().await;
            }
        })
    }
}
