//! From the config's agents to agents that can be asked.

use std::sync::Arc;
use std::time::Duration;

use massgen_backends::{
    ApiKey, Backend, BackendSpec, BuiltinTools, CallPolicy, HttpSettings, Model, ProxySettings, Relay, http_client,
};
use massgen_config::{AgentConfig, BackendConfig, Environment, KeySource, TeamConfig};
use massgen_orchestrator::AgentSetup;
use massgen_protocol::AgentProfile;
use massgen_providers::{Capability, KeyNeed, Prices, Protocol};
use massgen_quota::{LimitsTable, Quota, QuotaSettings};
use massgen_rehearsal::{RehearsalServer, Wire};
use serde_json::{Map, Value};

use crate::failure::{Failure, with_causes};
use crate::spending;

/// Makes the agents of a team, or says for all of them what is missing.
pub(crate) fn agents(
    config: &TeamConfig,
    environment: &Environment,
    rehearsal: Option<&RehearsalServer>,
    limits: &LimitsTable,
) -> Result<Vec<AgentSetup>, Failure> {
    let proxy = ProxySettings::from_variables(|name| environment.var(name).map(str::to_owned));
    let settings = HttpSettings { proxy, ..HttpSettings::default() };
    let http = http_client(&settings).map_err(|error| Failure::configuration(with_causes(&error)))?;
    let policy = policy(config.timeouts.stall_timeout_seconds);
    // A rehearsal's limits are nobody's.
    let folder =
        if rehearsal.is_some() { None } else { environment.home.as_ref().map(|home| home.join(".massgen/quota")) };
    let quota = Quota::new(QuotaSettings { folder, ..QuotaSettings::new(limits.clone()) });
    let prices = spending::prices(environment)?;
    let is_taped = config.cassette.is_some();
    let bench = Bench { is_taped, environment, rehearsal, policy, http, quota, prices };
    let mut agents = Vec::new();
    let mut problems: Vec<String> = Vec::new();
    for agent in &config.agents {
        match bench.model(&agent.backend) {
            Ok(model) => agents.push(AgentSetup { role: role(agent), ..AgentSetup::new(profile(agent), model) }),
            Err(problem) => problems.push(format!("agent `{}`: {problem}", agent.id)),
        }
    }
    if !problems.is_empty() {
        return Err(Failure::configuration(problems.join("\n       "))
            .hint("`massgen demo` shows a team at work without any key; `--rehearse` tries this team without paying"));
    }
    spending::check_prices(&config.budget, &agents)?;
    Ok(agents)
}

/// What models are made with.
struct Bench<'a> {
    /// Whether nobody is asked, so that nobody needs a key.
    is_taped: bool,
    environment: &'a Environment,
    rehearsal: Option<&'a RehearsalServer>,
    policy: CallPolicy,
    http: reqwest::Client,
    quota: Quota,
    prices: Prices,
}

impl Bench<'_> {
    /// What an agent thinks with: its backend, with those that stand in for it.
    fn model(&self, backend: &BackendConfig) -> Result<Arc<dyn Model>, String> {
        let own = self.one(backend)?;
        if backend.fallback.is_empty() {
            return Ok(own);
        }
        let mut others = Vec::new();
        for other in &backend.fallback {
            // What the agent can do stays; who does its thinking changes.
            let other = BackendConfig {
                kind: other.kind,
                model: other.model.clone(),
                base_url: other.base_url.clone(),
                api_key: other.api_key.clone(),
                price: other.price,
                params: other.params.clone(),
                web_search: backend.web_search && other.kind.can(Capability::WebSearch),
                x_search: backend.x_search && other.kind.can(Capability::XSearch),
                code_execution: backend.code_execution && other.kind.can(Capability::CodeExecution),
                fallback: Vec::new(),
                ..backend.clone()
            };
            let model = self.one(&other).map_err(|problem| format!("`fallback`: {problem}"))?;
            others.push((other.model.to_string(), model));
        }
        Ok(Arc::new(Relay::new((backend.model.to_string(), own), others)))
    }

    fn one(&self, backend: &BackendConfig) -> Result<Arc<dyn Model>, String> {
        let spec = match spec(backend, self.environment, self.rehearsal, self.policy) {
            Err(_) if self.is_taped => spec_without_key(backend, self.environment, self.policy),
            spec => spec?,
        };
        let price = backend.price.or_else(|| self.prices.price(backend.provider().kind, &backend.model));
        let spec = BackendSpec { quota: Some(self.quota.clone()), price, ..spec };
        Ok(Arc::new(Backend::new(spec, self.http.clone()).map_err(|error| with_causes(&error))?))
    }
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
    let (base_url, api_key) = match rehearsal {
        Some(server) => (Some(rehearsal_url(server, backend.kind.protocol)), Some(ApiKey::new("rehearsal"))),
        None => (base_url(backend, environment), api_key(backend, environment)?),
    };
    Ok(BackendSpec { base_url, api_key, ..spec_without_key(backend, environment, policy) })
}

/// A backend that is never asked: the replies are on a tape.
fn spec_without_key(backend: &BackendConfig, environment: &Environment, policy: CallPolicy) -> BackendSpec {
    let provider = backend.kind;
    let workspace = backend.workspace().map(|path| environment.cwd.join(path)).unwrap_or_default();
    let mut params = backend.params_in(&workspace);
    add_azure_version(provider.kind, &mut params, environment);
    BackendSpec {
        provider,
        model: backend.model.to_string(),
        base_url: base_url(backend, environment),
        api_key: Some(ApiKey::new("nobody is asked")),
        params,
        builtin: BuiltinTools {
            web_search: backend.web_search,
            code_execution: backend.code_execution,
            x_search: backend.x_search,
        },
        policy,
        quota: None,
        price: None,
    }
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
