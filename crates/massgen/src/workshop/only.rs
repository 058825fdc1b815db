//! Some of the tools of a source.

use futures_util::future::BoxFuture;
use massgen_protocol::ToolCall;
use massgen_tool::{CallContext, Tool, ToolOutcome, ToolSource};

/// A source of which only some tools are offered.
pub(crate) struct Only<Source> {
    source: Source,
    names: &'static [&'static str],
}

impl<Source: ToolSource> Only<Source> {
    /// Offers the tools of these names.
    pub(crate) fn new(source: Source, names: &'static [&'static str]) -> Self {
        Self { source, names }
    }
}

impl<Source: ToolSource> ToolSource for Only<Source> {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn tools(&self) -> Vec<Tool> {
        self.source.tools().into_iter().filter(|tool| self.names.contains(&tool.spec.name.as_str())).collect()
    }

    fn call<'a>(&'a self, call: &'a ToolCall, context: &'a CallContext) -> BoxFuture<'a, ToolOutcome> {
        self.source.call(call, context)
    }

    fn ready(&self) -> BoxFuture<'_, Vec<String>> {
        self.source.ready()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.source.close()
    }
}
