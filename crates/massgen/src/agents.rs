//! From the config's agents to agents that can be asked.

use std::time::Duration;

use massgen_backends::{
    ApiKey, Backend, BackendSpec, BuiltinTools, CallPolicy, HttpSettings, ProxySettings, http_client,
};
use massgen_config::{AgentConfig, BackendConfig, Environment, KeySource, TeamConfig};
use massgen_orchestrator::AgentSetup;
use massgen_protocol::AgentProfile;
use massgen_providers::{KeyNeed, Protocol};
use massgen_rehearsal::{RehearsalServer, Wire};
use serde_json::{Map, Value};

use crate::failure::{Failure, with_causes};

/// Makes the agents of a team, or says for all of them what is missing.
pub(crate) fn agents(
    config: &TeamConfig,
    environment: &Environment,
    rehearsal: Option<&RehearsalServer>,
) -> Result<Vec<AgentSetup>, Failure> {
    let proxy = ProxySettings::from_variables(|name| environment.var(name).map(str::to_owned));
    let settings = HttpSettings { proxy, ..HttpSettings::default() };
    let http = http_client(&settings).map_err(|error| Failure::configuration(with_causes(&error)))?;
    let policy = policy(config.timeouts.stall_timeout_seconds);
    let mut agents = Vec::new();
    let mut problems: Vec<String> = Vec::new();
    for agent in &config.agents {
        let made = spec(&agent.backend, environment, rehearsal, policy)
            .and_then(|spec| Backend::new(spec, http.clone()).map_err(|error| with_causes(&error)));
        match made {
            Ok(backend) => agents.push(AgentSetup { role: role(agent), ..AgentSetup::new(profile(agent), backend) }),
            Err(problem) => problems.push(format!("agent `{}`: {problem}", agent.id)),
        }
    }
    if problems.is_empty() {
        return Ok(agents);
    }
    Err(Failure::configuration(problems.join("\n       "))
        .hint("`massgen demo` shows a team at work without any key; `--rehearse` tries this team without paying"))
}

/// How long calls wait, as the config says or as usual.
fn policy(stall_timeout_seconds: Option<f64>) -> CallPolicy {
    let usual = CallPolicy::default();
    // What is too large for the clock is no limit that anybody would notice.
    let given = stall_timeout_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    CallPolicy { stall_timeout: given.unwrap_or(usual.stall_timeout), ..usual }
}

fn profile(agent: &AgentConfig) -> AgentProfile {
    AgentProfile {
        id: agent.id.clone(),
        backend: agent.backend.kind.kind.to_owned(),
        model: agent.backend.model.to_string(),
    }
}

fn role(agent: &AgentConfig) -> Option<String> {
    agent.system_message.as_ref().map(|text| text.as_str().trim().to_owned()).filter(|text| !text.is_empty())
}

fn spec(
    backend: &BackendConfig,
    environment: &Environment,
    rehearsal: Option<&RehearsalServer>,
    policy: CallPolicy,
) -> Result<BackendSpec, String> {
    let provider = backend.kind;
    let (base_url, api_key) = match rehearsal {
        Some(server) => (Some(rehearsal_url(server, provider.protocol)), Some(ApiKey::new("rehearsal"))),
        None => (base_url(backend, environment), api_key(backend, environment)?),
    };
    let workspace = backend.workspace().map(|path| environment.cwd.join(path)).unwrap_or_default();
    let mut params = backend.params_in(&workspace);
    add_azure_version(provider.kind, &mut params, environment);
    Ok(BackendSpec {
        provider,
        model: backend.model.to_string(),
        base_url,
        api_key,
        params,
        builtin: BuiltinTools {
            web_search: backend.web_search,
            code_execution: backend.code_execution,
            x_search: backend.x_search,
        },
        policy,
    })
}

fn base_url(backend: &BackendConfig, environment: &Environment) -> Option<String> {
    let given = backend.base_url.as_ref().map(|url| url.as_str().to_owned());
    // Azure has no address of its own, and its users keep theirs in a variable.
    let azure = || environment.var("AZURE_OPENAI_ENDPOINT").filter(|_| backend.kind.kind == "azure_openai");
    given.or_else(|| azure().map(str::to_owned))
}

fn api_key(backend: &BackendConfig, environment: &Environment) -> Result<Option<ApiKey>, String> {
    match backend.key_source(environment) {
        KeySource::Config(key) | KeySource::Variable { key, .. } => Ok(Some(ApiKey::new(key.expose()))),
        KeySource::NotNeeded { .. } => Ok(None),
        KeySource::Missing { tried } if backend.kind.key_need == KeyNeed::Required => Err(format!(
            "{} needs an API key: set {} in the environment or in a .env file, or `api_key` in the backend's config",
            backend.provider().name,
            tried.join(" or "),
        )),
        KeySource::Missing { .. } => Ok(None),
    }
}

/// The version of Azure's API is in a variable where the config does not give it.
fn add_azure_version(kind: &str, params: &mut Map<String, Value>, environment: &Environment) {
    if kind != "azure_openai" || params.contains_key("api_version") {
        return;
    }
    if let Some(version) = environment.var("AZURE_OPENAI_API_VERSION") {
        params.insert("api_version".to_owned(), Value::from(version));
    }
}

/// Where the rehearsal provider speaks `protocol`.
pub(crate) fn rehearsal_url(server: &RehearsalServer, protocol: Protocol) -> String {
    server.base_url(match protocol {
        Protocol::Responses => Wire::Responses,
        Protocol::Messages => Wire::Messages,
        Protocol::Gemini => Wire::Gemini,
        // Programs and frameworks are refused by their backend, with what to do.
        Protocol::ChatCompletions | Protocol::Program | Protocol::Framework => Wire::ChatCompletions,
    })
}
