//! A team of one without a config file.

use massgen_protocol::AgentId;
use massgen_providers::{Provider, provider, provider_for_base_url, provider_for_model};

use crate::check::meant_backend;
use crate::{
    AgentConfig, BackendConfig, FilesConfig, MediaConfig, OrchestratorConfig, Params, TeamConfig, Text, TimeoutConfig,
    ToolsConfig, UiConfig, Written,
};

/// What an agent without a system message is told to be.
const SYSTEM_MESSAGE: &str = "You are a helpful AI assistant.";

/// Why no team can be made of what the command line says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SingleError {
    /// Neither a backend type nor a model.
    #[error("neither a backend type nor a model is given; name a model such as `gpt-5-mini`")]
    Nothing,
    /// There is no such backend type.
    #[error("unknown backend type `{given}`{}", meant.map(|kind| format!("; did you mean `{kind}`?")).unwrap_or_default())]
    UnknownBackend {
        /// What was given.
        given: String,
        /// What was probably meant.
        meant: Option<&'static str>,
    },
    /// The model belongs to no known family.
    #[error("the backend type does not follow from the model `{model}`; name the type with `--backend TYPE`")]
    UnknownModel {
        /// The model.
        model: String,
    },
    /// The backend type has no usual model.
    #[error("the backend type `{kind}` has no usual model; name one")]
    NoModel {
        /// The backend type.
        kind: &'static str,
    },
}

impl TeamConfig {
    /// A team of one, as `--backend`, `--model`, `--base-url` and `--system-message` ask for.
    ///
    /// # Errors
    /// When there is no such backend type, or type and model do not follow from what is given.
    pub fn single(
        backend: Option<&str>,
        model: Option<&str>,
        base_url: Option<&str>,
        system_message: Option<&str>,
    ) -> Result<Self, SingleError> {
        let kind = kind(backend, model, base_url)?;
        let model = model.or(kind.default_model).ok_or(SingleError::NoModel { kind: kind.kind })?;
        let backend = BackendConfig {
            kind,
            model: Text::new(model),
            base_url: base_url.map(Text::new),
            api_key: None,
            web_search: false,
            x_search: false,
            code_execution: false,
            cwd: None,
            files: FilesConfig::default(),
            commands: None,
            tools: ToolsConfig::default(),
            media: MediaConfig::default(),
            permissions: None,
            fallback: Vec::new(),
            price: None,
            params: Params::default(),
            unbuilt: Written::default(),
        };
        let agent = AgentConfig {
            id: AgentId::new("agent1"),
            system_message: Some(Text::new(system_message.unwrap_or(SYSTEM_MESSAGE))),
            backend,
            unbuilt: Written::default(),
        };
        Ok(Self {
            agents: vec![agent],
            orchestrator: OrchestratorConfig::default(),
            timeouts: TimeoutConfig::default(),
            budget: crate::BudgetConfig::default(),
            cassette: None,
            ui: UiConfig::default(),
            prompt: None,
            session_id: None,
            unbuilt: Written::default(),
        })
    }
}

fn kind(backend: Option<&str>, model: Option<&str>, base_url: Option<&str>) -> Result<&'static Provider, SingleError> {
    if let Some(given) = backend {
        let unknown = || SingleError::UnknownBackend { given: given.to_owned(), meant: meant_backend(given) };
        return provider(given).ok_or_else(unknown);
    }
    if let Some(url) = base_url {
        return provider_for_base_url(url).or_else(|| provider("chatcompletion")).ok_or(SingleError::Nothing);
    }
    let model = model.ok_or(SingleError::Nothing)?;
    provider_for_model(model).ok_or_else(|| SingleError::UnknownModel { model: model.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        backend: Option<&str>,
        model: Option<&str>,
        url: Option<&str>,
    ) -> Result<(&'static str, String), SingleError> {
        let config = TeamConfig::single(backend, model, url, None)?;
        let backend = &config.agents[0].backend;
        Ok((backend.kind.kind, backend.model.as_str().to_owned()))
    }

    #[test]
    fn what_is_not_given_follows() {
        let openai_model = provider("openai").and_then(|row| row.default_model).expect("a model");
        assert_eq!(check(Some("openai"), None, None), Ok(("openai", openai_model.to_owned())));
        assert_eq!(check(None, Some("claude-x"), None), Ok(("claude", "claude-x".to_owned())));
        let cerebras = Some("https://api.cerebras.ai/v1");
        assert_eq!(check(None, Some("gpt-oss-120b"), cerebras), Ok(("cerebras", "gpt-oss-120b".to_owned())));
        assert_eq!(check(None, Some("x"), Some("http://localhost:1/v1")), Ok(("chatcompletion", "x".to_owned())));
    }

    #[test]
    fn what_cannot_follow_is_asked_for() {
        let said = |backend, model| check(backend, model, None).expect_err("an error").to_string();
        insta::assert_snapshot!(said(None, None), @"neither a backend type nor a model is given; name a model such as `gpt-5-mini`");
        insta::assert_snapshot!(said(Some("gemni"), None), @"unknown backend type `gemni`; did you mean `gemini`?");
        insta::assert_snapshot!(said(None, Some("who-1")), @"the backend type does not follow from the model `who-1`; name the type with `--backend TYPE`");
        insta::assert_snapshot!(said(Some("vllm"), None), @"the backend type `vllm` has no usual model; name one");
    }
}
