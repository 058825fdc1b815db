//! Configs of teams that work.

use serde_json::{Map, Value, json};

use crate::provider::Provider;

/// A config under construction. JSON, which is YAML as well.
#[derive(Clone)]
pub(crate) struct Team {
    agents: Vec<Value>,
    orchestrator: Value,
}

impl Team {
    pub(crate) fn new() -> Self {
        Self { agents: Vec::new(), orchestrator: json!({}) }
    }

    /// One more agent, named for its model, with a workspace.
    pub(crate) fn agent(mut self, provider: &Provider, kind: &str, model: &str, more: Value) -> Self {
        let mut backend = json!({
            "type": kind, "model": model, "base_url": provider.url(kind), "api_key": "key-of-tests", "cwd": "workspace",
        });
        merge(&mut backend, more);
        self.agents.push(json!({"id": model, "backend": backend}));
        self
    }

    /// One more agent that runs commands in the usual box.
    pub(crate) fn worker(self, provider: &Provider, kind: &str, model: &str) -> Self {
        self.agent(provider, kind, model, json!({"enable_mcp_command_line": true}))
    }

    pub(crate) fn orchestrator(mut self, more: Value) -> Self {
        merge(&mut self.orchestrator, more);
        self
    }

    pub(crate) fn config(&self) -> String {
        json!({"agents": self.agents, "orchestrator": self.orchestrator}).to_string()
    }
}

/// A team of one agent, `solo`, with these further keys of its backend.
pub(crate) fn solo(provider: &Provider, more: Value) -> Team {
    Team::new().agent(provider, "openai", "solo", more)
}

/// Puts the fields of `more` into `into`, map by map; `null` takes a field away.
fn merge(into: &mut Value, more: Value) {
    let Value::Object(more) = more else { panic!("{more} is not a map") };
    let into: &mut Map<String, Value> = into.as_object_mut().unwrap();
    for (key, value) in more {
        match into.get_mut(&key) {
            _ if value.is_null() => drop(into.remove(&key)),
            Some(old) if old.is_object() && value.is_object() => merge(old, value),
            _ => drop(into.insert(key, value)),
        }
    }
}
