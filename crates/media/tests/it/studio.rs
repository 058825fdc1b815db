//! A workspace, a provider, and the tools between them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use massgen_backends::{ApiKey, HttpSettings, http_client};
use massgen_media::{Account, Media, MediaChoices, MediaPolicy, MediaSettings};
use massgen_protocol::{AgentIndex, ToolCall, TurnId};
use massgen_providers::{Protocol, provider};
use massgen_python::{CustomSettings, CustomToolSpec, CustomTools, InterpreterSearch};
use massgen_rehearsal::{Received, RehearsalServer, Scenario, Wire};
use massgen_tool::{CallContext, Caller, ToolOutcome, ToolSource};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// One pixel, made by hand: a PNG is its signature and three chunks with their checksums.
pub(crate) const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 0,
    0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 10, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0x60, 0, 0, 0, 2, 0, 1,
    0x48, 0xaf, 0xa4, 0x71, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];
pub(crate) const KEY: &str = "sk-of-the-tests-0123456789";

pub(crate) struct Studio {
    pub(crate) server: RehearsalServer,
    pub(crate) workspace: tempfile::TempDir,
    pub(crate) choices: MediaChoices,
    pub(crate) accounts: Vec<Account>,
    pub(crate) policy: MediaPolicy,
    pub(crate) cancel: CancellationToken,
}

impl Studio {
    /// A provider that plays these models, and accounts with keys at these backend types.
    pub(crate) async fn open(models: Value, kinds: &[&str]) -> Self {
        let scenario = json!({"title": "test", "question": "what?", "key": KEY, "models": models}).to_string();
        let scenario = Scenario::parse(&scenario, "test").unwrap_or_else(|error| panic!("{error}"));
        let server = RehearsalServer::start(scenario).await.unwrap();
        let workspace = tempfile::tempdir().unwrap();
        std::fs::write(workspace.path().join("dot.png"), PNG).unwrap();
        let accounts = kinds.iter().map(|kind| account(&server, kind)).collect();
        let policy = MediaPolicy { first_pause: Duration::from_millis(1), ..MediaPolicy::default() };
        Self { server, workspace, choices: MediaChoices::default(), accounts, policy, cancel: CancellationToken::new() }
    }

    /// The same, where every model says this.
    pub(crate) async fn saying(words: &str, kinds: &[&str]) -> Self {
        Self::open(json!({"*": [{"say": words}]}), kinds).await
    }

    pub(crate) fn tools(&self, functions: &[&str]) -> CustomTools {
        let mut settings = CustomSettings::new(self.workspace.path(), InterpreterSearch::default());
        settings.media = Some(Arc::new(Media::new(MediaSettings {
            http: http_client(&HttpSettings::default()).unwrap(),
            accounts: self.accounts.clone(),
            choices: self.choices.clone(),
            policy: self.policy,
        })));
        let specs: Vec<_> = functions
            .iter()
            .map(|name| CustomToolSpec { functions: vec![(*name).to_owned()], ..CustomToolSpec::default() })
            .collect();
        CustomTools::new(settings, &specs)
    }

    /// Calls a function of massgen.
    pub(crate) async fn call(&self, function: &str, arguments: Value) -> ToolOutcome {
        let tools = self.tools(&[function]);
        assert_eq!(tools.ready().await, Vec::<String>::new());
        let name = format!("custom_tool__{function}");
        let call = ToolCall { id: "1".to_owned(), name, arguments: arguments.to_string() };
        let context = CallContext {
            caller: Caller { turn: TurnId { agent: AgentIndex(0), number: 1 }, presenting: false, sight: 0 },
            cancel: self.cancel.clone(),
            progress: Arc::new(|_| {}),
        };
        let outcome = tools.call(&call, &context).await;
        assert!(!outcome.content.contains(KEY), "{}", outcome.content);
        outcome
    }

    /// The same for a call that succeeds: its result.
    pub(crate) async fn done(&self, function: &str, arguments: Value) -> Value {
        let outcome = self.call(function, arguments).await;
        assert!(!outcome.is_error, "{}", outcome.content);
        serde_json::from_str(&outcome.content).unwrap()
    }

    /// The same for a call that fails: why.
    pub(crate) async fn failed(&self, function: &str, arguments: Value) -> String {
        let outcome = self.call(function, arguments).await;
        assert!(outcome.is_error, "{}", outcome.content);
        outcome.content
    }

    /// The only request so far.
    pub(crate) fn request(&self) -> Received {
        let mut received = self.server.received();
        assert_eq!(received.len(), 1, "{received:?}");
        received.remove(0)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.workspace.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn names(&self) -> Vec<String> {
        names(self.workspace.path())
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

pub(crate) fn account(server: &RehearsalServer, kind: &str) -> Account {
    let provider = provider(kind).unwrap();
    let wire = match provider.protocol {
        Protocol::Responses => Wire::Responses,
        Protocol::Messages => Wire::Messages,
        Protocol::Gemini => Wire::Gemini,
        _ => Wire::ChatCompletions,
    };
    Account { provider, base_url: server.base_url(wire), key: Some(ApiKey::new(KEY)), own_model: None }
}
