//! The scripted provider, in the process of the test, so that tests can read what it received.

use massgen_rehearsal::{Received, RehearsalServer, Scenario, Wire};
use tokio::runtime::Runtime;

/// The protocols with a backend type that speaks each.
pub(crate) const BACKENDS: [(Wire, &str); 4] = [
    (Wire::Responses, "openai"),
    (Wire::ChatCompletions, "chatcompletion"),
    (Wire::Messages, "claude"),
    (Wire::Gemini, "gemini"),
];

/// Everybody answers 42, votes for it and presents it. Steps of a model's own come before these.
pub(crate) const AGREEABLE: &str = "
  '*':
    - when: {presenting: true}
      say: 'The answer is 42.'
    - when: {answers: 0}
      new_answer: '6 x 7 = 42'
    - vote: {for: '42', reason: 'I have multiplied.'}
";

pub(crate) struct Provider {
    server: RehearsalServer,
    // Dropped last: the server lives in it.
    _runtime: Runtime,
}

impl Provider {
    /// Plays a scenario.
    pub(crate) fn play(yaml: &str) -> Self {
        let scenario = Scenario::parse(yaml, "test").unwrap_or_else(|error| panic!("{error}"));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(RehearsalServer::start(scenario)).unwrap();
        Self { server, _runtime: runtime }
    }

    /// Plays these models' own steps, and [`AGREEABLE`] for all others.
    pub(crate) fn agreeable_but(models: &str) -> Self {
        Self::play(&format!("title: test\nquestion: What is 6 x 7?\nmodels:\n{models}{AGREEABLE}"))
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.server.received()
    }

    /// How many requests were refused for their number.
    pub(crate) fn refused(&self) -> usize {
        usize::try_from(self.server.refused()).unwrap()
    }

    pub(crate) fn url(&self, kind: &str) -> String {
        self.server.base_url(BACKENDS.iter().find(|(_, known)| *known == kind).unwrap().0)
    }

    /// An agent of a config, named for its model.
    pub(crate) fn agent(&self, kind: &str, model: &str) -> String {
        let url = self.url(kind);
        format!(
            "\n  - {{id: {model}, backend: {{type: {kind}, model: {model}, base_url: '{url}', api_key: key-of-tests}}}}"
        )
    }

    /// A config: a team of these agents, each `(backend type, model)`.
    pub(crate) fn team(&self, agents: &[(&str, &str)]) -> String {
        let agents: String = agents.iter().map(|(kind, model)| self.agent(kind, model)).collect();
        format!("agents:{agents}\n")
    }
}
