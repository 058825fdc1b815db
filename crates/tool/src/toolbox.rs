//! What one agent can do.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use massgen_protocol::{ToolCall, ToolSpec};

use crate::{Admission, CallContext, Effect, Gate, OpenGate, Tool, ToolOutcome, ToolSource};

/// How a toolbox treats calls.
#[derive(Debug, Clone, Copy)]
pub struct ToolboxSettings {
    /// How long a call may take. A tool with a limit of its own, such as a command, should end before.
    pub call_timeout: Duration,
    /// Whether calls with effects outside are refused until the final presentation.
    pub planning: bool,
    /// How many calls of one reply run at once.
    pub concurrent_calls_max: usize,
    /// Whether calls that change something run at once as well. Without it, only those run side by side that do not.
    pub concurrent_changes: bool,
}

impl Default for ToolboxSettings {
    fn default() -> Self {
        Self {
            call_timeout: Duration::from_secs(600),
            planning: false,
            concurrent_calls_max: 4,
            concurrent_changes: false,
        }
    }
}

/// The tools of one agent.
///
/// Where two sources offer a tool of one name, the earlier one has it: put the user's own first.
#[derive(Clone)]
pub struct Toolbox {
    sources: Vec<Arc<dyn ToolSource>>,
    gate: Arc<dyn Gate>,
    settings: ToolboxSettings,
}

impl std::fmt::Debug for Toolbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.sources.iter().map(|source| source.name())).finish()
    }
}

impl Default for Toolbox {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Toolbox {
    /// A toolbox of `sources`, with an open gate and the usual settings.
    #[must_use]
    pub fn new(sources: Vec<Arc<dyn ToolSource>>) -> Self {
        Self { sources, gate: Arc::new(OpenGate), settings: ToolboxSettings::default() }
    }

    /// With a gate that each call must pass.
    #[must_use]
    pub fn with_gate(mut self, gate: Arc<dyn Gate>) -> Self {
        self.gate = gate;
        self
    }

    /// With other settings.
    #[must_use]
    pub fn with_settings(mut self, settings: ToolboxSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// What is in it.
    pub fn sources(&self) -> impl Iterator<Item = &Arc<dyn ToolSource>> {
        self.sources.iter()
    }

    /// The schemas for one model call.
    #[must_use]
    pub fn specs(&self) -> Vec<ToolSpec> {
        let mut names = BTreeSet::new();
        let tools = self.sources.iter().flat_map(|source| source.tools());
        tools.filter(|tool| names.insert(tool.spec.name.clone())).map(|tool| tool.spec).collect()
    }

    /// Whether `name` is a tool of this toolbox.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// What calling a tool can change; of one that is not there: nothing.
    #[must_use]
    pub fn effect(&self, name: &str) -> Effect {
        self.find(name).map_or(Effect::None, |(_, tool)| tool.effect)
    }

    /// How many of `calls`, from the first, may run at once.
    #[must_use]
    pub fn abreast(&self, calls: &[ToolCall]) -> usize {
        let may_run = |call: &&ToolCall| {
            self.settings.concurrent_changes
                || self.find(&call.name).is_none_or(|(_, tool)| tool.effect == Effect::None)
        };
        calls.iter().take_while(may_run).count().clamp(1, self.settings.concurrent_calls_max.max(1))
    }

    /// Runs one call. It has an outcome whatever happens: a refusal, a tool that hangs or panics included.
    pub async fn call(&self, call: &ToolCall, context: &CallContext) -> ToolOutcome {
        let Some((source, tool)) = self.find(&call.name) else {
            return ToolOutcome::failed(format!("there is no tool `{}`", call.name));
        };
        if self.settings.planning && tool.effect == Effect::Outside && !context.caller.presenting {
            return ToolOutcome::failed(
                "not carried out: the team is planning, and only the final presenter may call tools that change \
                 something outside. Describe what you would do with it as part of your answer.",
            );
        }
        if let Admission::Refused { reason } = self.gate.admit(&tool, call, context).await {
            return ToolOutcome::failed(reason);
        }
        let limit = self.settings.call_timeout;
        let stop = context.cancel.child_token();
        let inner = CallContext { cancel: stop.clone(), ..context.clone() };
        let guard = stop.drop_guard();
        let run = AssertUnwindSafe(source.call(call, &inner)).catch_unwind();
        let outcome = tokio::time::timeout(limit, run).await;
        drop(guard);
        match outcome {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => ToolOutcome {
                is_unknown: tool.effect == Effect::Outside,
                ..ToolOutcome::failed("the tool failed with an internal error; please report it")
            },
            Err(_) => ToolOutcome {
                is_unknown: tool.effect == Effect::Outside,
                ..ToolOutcome::failed(format!("the tool did not end within {} s and was stopped", limit.as_secs()))
            },
        }
    }

    /// Waits for all sources at once; what users should know of their start, a line each.
    pub async fn ready(&self) -> Vec<String> {
        futures_util::future::join_all(self.sources.iter().map(|source| source.ready())).await.concat()
    }

    /// Ends everything that the sources started.
    pub async fn close(&self) {
        futures_util::future::join_all(self.sources.iter().map(|source| source.close())).await;
    }

    fn find(&self, name: &str) -> Option<(&Arc<dyn ToolSource>, Tool)> {
        self.sources.iter().find_map(|source| {
            let tool = source.tools().into_iter().find(|tool| tool.spec.name == name)?;
            Some((source, tool))
        })
    }
}
