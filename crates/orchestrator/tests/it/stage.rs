//! A team, a scripted provider and a journal in a temporary folder.

use std::sync::Arc;
use std::time::Duration;

use massgen_backends::{ApiKey, Backend, BackendSpec, BuiltinTools, CallPolicy, HttpSettings, http_client};
use massgen_journal::Journal;
use massgen_orchestrator::{AgentSetup, Budget, Clock, Outcome, RunSetup, announcements, run};
use massgen_protocol::{AgentId, AgentProfile, Record, Rules};
use massgen_providers::{Protocol, provider_for_model};
use massgen_rehearsal::{RehearsalServer, Scenario, Wire};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// No test waits longer than this for a run that should have ended.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Stage {
    pub(crate) server: RehearsalServer,
    pub(crate) folder: TempDir,
    pub(crate) setup: RunSetup,
}

impl Stage {
    /// A team of the scenario's models, each on the protocol that the model is spoken to by.
    pub(crate) async fn new(scenario: Scenario, rules: Rules) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let models: Vec<String> = scenario.models().map(str::to_owned).collect();
        let question = scenario.question().to_owned();
        let server = RehearsalServer::start(scenario).await.unwrap();
        let agents = models.iter().map(|model| agent(model, &server)).collect();
        let setup = RunSetup {
            run_id: "test".to_owned(),
            question,
            earlier: Vec::new(),
            agents,
            rules,
            seed: 7,
            version: "0".to_owned(),
            rehearsal: true,
            past: Vec::new(),
            tape: None,
            budget: Budget::default(),
            clock: Clock::default(),
        };
        Self { server, folder: tempfile::tempdir().unwrap(), setup }
    }

    pub(crate) async fn play(&self, observe: impl FnMut(&Arc<Record>), cancel: CancellationToken) -> Outcome {
        let journal = Journal::create(&self.folder.path().join("events.jsonl")).unwrap();
        let (_announcer, announcements) = announcements();
        let run = run(self.setup.clone(), journal, announcements, observe, cancel);
        tokio::time::timeout(PATIENCE, run).await.expect("the run hangs").unwrap().close().await
    }
}

fn agent(model: &str, server: &RehearsalServer) -> AgentSetup {
    let provider = provider_for_model(model).unwrap();
    let wire = match provider.protocol {
        Protocol::Responses => Wire::Responses,
        Protocol::Messages => Wire::Messages,
        Protocol::Gemini => Wire::Gemini,
        _ => Wire::ChatCompletions,
    };
    let spec = BackendSpec {
        provider,
        model: model.to_owned(),
        base_url: Some(server.base_url(wire)),
        api_key: Some(ApiKey::new("k")),
        params: serde_json::Map::new(),
        builtin: BuiltinTools::default(),
        policy: CallPolicy { first_pause: Duration::from_millis(1), ..CallPolicy::default() },
        price: None,
        quota: None,
    };
    let profile = AgentProfile {
        id: AgentId::new(format!("id of {model}")),
        backend: provider.kind.to_owned(),
        model: model.to_owned(),
    };
    AgentSetup::new(profile, Arc::new(Backend::new(spec, http_client(&HttpSettings::default()).unwrap()).unwrap()))
}
