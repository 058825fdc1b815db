//! A spec, checked and adapted once: where requests go, what they carry, and what the user should know.

use std::net::IpAddr;

use massgen_protocol::Usage;
use massgen_providers::{KeyNeed, Price, Protocol, Provider, Quirk};
use massgen_quota::{AccountKey, Quota};
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use crate::backend::FREE;
use crate::error::{Place, SetupError};
use crate::request::{AssistantTurn, Echo, ModelRequest};
use crate::spec::{ApiKey, BackendSpec, BuiltinTools, CallPolicy};
use crate::wire::Decode;
use crate::{chat, gemini, messages, responses};

/// Everything about a backend that does not change from call to call.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) provider: &'static Provider,
    pub(crate) place: Place,
    pub(crate) model: String,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// The user's parameters in the protocol's names, ready for the body.
    pub(crate) params: Map<String, Value>,
    pub(crate) builtin: BuiltinTools,
    pub(crate) policy: CallPolicy,
    pub(crate) notices: Vec<String>,
    pub(crate) price: Option<Price>,
    /// Whose requests are paced together with those of this one.
    pub(crate) pace: Option<(Quota, AccountKey)>,
    pub(crate) key: Option<ApiKey>,
    /// What the user gave for headers: keys of gateways, often.
    header_values: Vec<ApiKey>,
    /// The variables that can hold the key, in words.
    pub(crate) key_variables: String,
}

/// Where the protocols have the limit of a reply.
const OUTPUT_CAPS: &[&str] = &[
    "/max_output_tokens",
    "/max_completion_tokens",
    "/max_tokens",
    "/generationConfig/maxOutputTokens",
    "/options/num_predict",
];

impl Plan {
    /// Checks and adapts a spec.
    pub(crate) fn new(spec: BackendSpec) -> Result<Self, SetupError> {
        let mut draft = Draft::new(spec)?;
        let url = match draft.provider.protocol {
            Protocol::Responses => responses::adapt(&mut draft),
            Protocol::Messages => messages::adapt(&mut draft),
            Protocol::Gemini => gemini::adapt(&mut draft),
            Protocol::ChatCompletions | Protocol::Program | Protocol::Framework => chat::adapt(&mut draft),
        }?;
        draft.finish(url)
    }

    /// The body of a request.
    pub(crate) fn body(&self, request: &ModelRequest) -> Value {
        let mut body = match self.provider.protocol {
            Protocol::Responses => responses::body(self, request),
            Protocol::Messages => messages::body(self, request),
            Protocol::Gemini => gemini::body(self, request),
            Protocol::ChatCompletions | Protocol::Program | Protocol::Framework => chat::body(self, request),
        };
        if let Some(max) = request.max_output_tokens {
            self.cap_output(&mut body, max);
        }
        body
    }

    /// How many tokens a reply may have: as the config says or the protocol demands, else as many as is usual.
    pub(crate) fn output_tokens_max(&self) -> u64 {
        /// What most models can write at once.
        const USUAL: u64 = 16_384;
        let body = self.body(&ModelRequest::default());
        OUTPUT_CAPS.iter().find_map(|place| body.pointer(place)?.as_u64()).unwrap_or(USUAL)
    }

    /// Lets the reply to `body` have at most `max` tokens.
    fn cap_output(&self, body: &mut Value, max: u64) {
        if let Some(given) = OUTPUT_CAPS.iter().find(|place| body.pointer(place).is_some()) {
            if let Some(given) = body.pointer_mut(given) {
                *given = Value::from(given.as_u64().map_or(max, |given| given.min(max)));
            }
        } else if let Value::Object(body) = body {
            match self.provider.protocol {
                Protocol::Responses => drop(body.insert("max_output_tokens".to_owned(), max.into())),
                Protocol::Gemini => {
                    let config = body.entry("generationConfig").or_insert_with(|| Value::Object(Map::new()));
                    if let Value::Object(config) = config {
                        config.insert("maxOutputTokens".to_owned(), max.into());
                    }
                }
                _ if responses::is_reasoning_model(&self.model) => {
                    body.insert("max_completion_tokens".to_owned(), max.into());
                }
                _ => drop(body.insert("max_tokens".to_owned(), max.into())),
            }
        }
        // Anthropic counts thinking as part of the reply, and refuses to think more than it may write.
        if let Some(budget) = body.pointer_mut("/thinking/budget_tokens")
            && budget.as_u64().is_some_and(|budget| budget >= max)
        {
            if max > 2048 {
                *budget = Value::from(max / 2);
            } else if let Value::Object(body) = body {
                body.remove("thinking");
            }
        }
    }

    /// A decoder for one reply. Tool calls without an id get one that begins with `id_prefix`.
    pub(crate) fn decoder(&self, id_prefix: String) -> Box<dyn Decode> {
        match self.provider.protocol {
            Protocol::Responses => Box::new(responses::Decoder::new(id_prefix)),
            Protocol::Messages => Box::new(messages::Decoder::new(id_prefix)),
            Protocol::Gemini => Box::new(gemini::Decoder::new(id_prefix, gemini::bridges(self))),
            Protocol::ChatCompletions | Protocol::Program | Protocol::Framework => {
                Box::new(chat::Decoder::new(id_prefix))
            }
        }
    }

    /// The items of a turn that this backend wrote itself, to be sent back untouched.
    pub(crate) fn own_items<'a>(&self, turn: &'a AssistantTurn) -> Option<&'a [Value]> {
        let echo = turn.echo.as_ref()?;
        (echo.wire == self.wire() && echo.model == self.model).then_some(echo.items.as_slice())
    }

    /// Wraps the provider's items for the next request.
    pub(crate) fn echo(&self, items: Vec<Value>) -> Option<Echo> {
        (!items.is_empty()).then(|| Echo { wire: self.wire().to_owned(), model: self.model.clone(), items })
    }

    /// What a call cost in US dollars; `None` for a model without a known price.
    pub(crate) fn usd(&self, usage: &Usage) -> Option<f64> {
        let price = self.price?;
        let cached = usage.cached_input_tokens.min(usage.input_tokens);
        let written = usage.cache_write_tokens.min(usage.input_tokens - cached);
        let fresh = usage.input_tokens - cached - written;
        Some(price.usd(fresh, cached, written, usage.output_tokens))
    }

    /// A provider's words without the key and without what the user's headers say.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.key.iter().chain(&self.header_values).fold(text.to_owned(), |text, secret| secret.redact(&text))
    }

    pub(crate) fn wire(&self) -> &'static str {
        match self.provider.protocol {
            Protocol::Responses => "responses",
            Protocol::ChatCompletions => "chat_completions",
            Protocol::Messages => "messages",
            Protocol::Gemini => "gemini",
            Protocol::Program => "program",
            Protocol::Framework => "framework",
        }
    }
}

/// A plan in the making. The protocols' `adapt` functions work on it.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) provider: &'static Provider,
    /// Who is paid and holds the key: for a `chatcompletion` backend the owner of its address.
    pub(crate) owner: &'static Provider,
    pub(crate) model: String,
    /// Without a slash at its end.
    pub(crate) base_url: String,
    pub(crate) params: Map<String, Value>,
    pub(crate) builtin: BuiltinTools,
    pub(crate) headers: HeaderMap,
    pub(crate) notices: Vec<String>,
    pub(crate) policy: CallPolicy,
    key: Option<ApiKey>,
    header_values: Vec<ApiKey>,
    key_variables: String,
    price: Option<Price>,
    quota: Option<Quota>,
}

impl Draft {
    fn new(spec: BackendSpec) -> Result<Self, SetupError> {
        let BackendSpec { provider, model, base_url, api_key, params, builtin, policy, quota, price } = spec;
        if matches!(provider.protocol, Protocol::Program | Protocol::Framework) {
            let instead = "it is run as a program; for an API choose one such as `openai` or `chatcompletion`";
            let provider_name = provider.name.to_owned();
            return Err(SetupError::UnsupportedProtocol { kind: provider.kind, provider: provider_name, instead });
        }
        let base_url = base_url.filter(|url| !url.trim().is_empty());
        let base_url = base_url.as_deref().or(provider.base_url).map(|url| url.trim().trim_end_matches('/').to_owned());
        let hint = if provider.has(Quirk::AzureDeployments) { ", or the variable AZURE_OPENAI_ENDPOINT" } else { "" };
        let Some(base_url) = base_url else {
            return Err(SetupError::MissingBaseUrl { provider: provider.name.to_owned(), hint: hint.to_owned() });
        };
        let owner = owner(provider, &base_url);
        let key_variables = match owner.key_variables {
            [] => "`api_key` in the backend's config".to_owned(),
            names => names.join(" or "),
        };
        let key = api_key.filter(|key| !key.expose().is_empty());
        if key.is_none() && owner.key_need == KeyNeed::Required && !is_own_machine(&base_url) {
            return Err(SetupError::MissingKey { provider: owner.name.to_owned(), variables: key_variables });
        }
        let model = if model.trim().is_empty() { provider.default_model.unwrap_or_default().to_owned() } else { model };
        if model.is_empty() {
            return Err(SetupError::MissingModel { provider: provider.name.to_owned() });
        }
        let params = params.into_iter().filter(|(_, value)| !value.is_null()).collect();
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let notices = Vec::new();
        let mut draft = Self {
            provider,
            owner,
            model,
            base_url,
            params,
            builtin,
            headers,
            notices,
            policy,
            key,
            header_values: Vec::new(),
            key_variables,
            price,
            quota,
        };
        draft.take_framework_keys()?;
        Ok(draft)
    }
}

impl Draft {
    /// Appends a part to the base URL.
    ///
    /// # Errors
    /// When the result is not an http or https address.
    pub(crate) fn endpoint(&self, path: &str) -> Result<Url, SetupError> {
        parse_url(&format!("{}{path}", self.base_url))
    }

    /// The address of `path` under a version: a base URL that names no path gets `version`, and one that names
    /// the whole endpoint is taken as it is.
    ///
    /// # Errors
    /// When the result is not an http or https address.
    pub(crate) fn endpoint_after(&self, version: &str, path: &str) -> Result<Url, SetupError> {
        let base = self.base_url.strip_suffix(path).unwrap_or(&self.base_url).trim_end_matches('/');
        let mut url = parse_url(base)?;
        if matches!(url.path(), "" | "/") {
            url.set_path(&format!("{version}/{path}"));
        } else {
            let whole = format!("{}/{path}", url.path().trim_end_matches('/'));
            url.set_path(&whole);
        }
        Ok(url)
    }

    /// Sends the key in `header`, after `prefix`. Without a key, nothing is sent.
    ///
    /// # Errors
    /// When the key has characters that a header cannot carry.
    pub(crate) fn authorize(&mut self, header: &'static str, prefix: &str) -> Result<(), SetupError> {
        let Some(key) = &self.key else { return Ok(()) };
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.expose())).map_err(|_| {
            SetupError::UnusableKey { provider: self.owner.name.to_owned(), variables: self.key_variables.clone() }
        })?;
        value.set_sensitive(true);
        self.headers.insert(HeaderName::from_static(header), value);
        Ok(())
    }

    /// Sends a header whose value the user may have a hand in.
    ///
    /// # Errors
    /// When name or value cannot be sent.
    pub(crate) fn header(&mut self, name: &str, value: &str) -> Result<(), SetupError> {
        let bad = || self.bad_parameter(name, "text that an HTTP header can carry");
        let name_parsed = HeaderName::try_from(name).map_err(|_| bad())?;
        let value_parsed = HeaderValue::from_str(value).map_err(|_| bad())?;
        self.headers.insert(name_parsed, value_parsed);
        Ok(())
    }

    /// Moves a parameter to the name that the protocol has for it, unless the user gave that one too.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        if let Some(value) = self.params.shift_remove(from) {
            self.params.entry(to).or_insert(value);
        }
    }

    /// Leaves a parameter out and says why.
    pub(crate) fn leave_out(&mut self, key: &str, why: &str) {
        if self.params.shift_remove(key).is_some() {
            self.notices.push(format!("{} ({}): `{key}` is left out: {why}", self.provider.name, self.model));
        }
    }

    /// Tells the user something about this backend.
    pub(crate) fn notice(&mut self, text: &str) {
        self.notices.push(format!("{} ({}): {text}", self.provider.name, self.model));
    }

    /// An error about a parameter's form.
    pub(crate) fn bad_parameter(&self, key: &str, expected: &'static str) -> SetupError {
        SetupError::BadParameter { key: key.to_owned(), provider: self.provider.name.to_owned(), expected }
    }

    /// Keys that the SDKs of the providers know and that mean the same everywhere.
    fn take_framework_keys(&mut self) -> Result<(), SetupError> {
        // What we do anyway needs no word.
        if self.params.get("stream") == Some(&Value::Bool(true)) {
            self.params.shift_remove("stream");
        }
        for key in OUR_KEYS {
            self.leave_out(key, "massgen sets it itself");
        }
        if let Some(extra) = self.params.shift_remove("extra_headers") {
            let Value::Object(extra) = extra else { return Err(self.bad_parameter("extra_headers", "a map of texts")) };
            for (name, value) in extra {
                let value = value.as_str().ok_or_else(|| self.bad_parameter("extra_headers", "a map of texts"))?;
                self.header(&name, value)?;
                self.header_values.push(ApiKey::new(value));
                // Of `Bearer KEY`, a provider may quote the key alone.
                self.header_values.extend(value.rsplit_once(' ').map(|(_, last)| ApiKey::new(last)));
            }
        }
        if let Some(extra) = self.params.shift_remove("extra_body") {
            let Value::Object(extra) = extra else { return Err(self.bad_parameter("extra_body", "a map")) };
            self.params.extend(extra.into_iter().filter(|(_, value)| !value.is_null()));
        }
        Ok(())
    }

    fn finish(self, url: Url) -> Result<Plan, SetupError> {
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let place = Place { provider: self.owner.name.to_owned(), model: self.model.clone(), host };
        let is_free = self.provider.has(Quirk::RunsLocally) || self.owner.has(Quirk::RunsLocally);
        let key = self.key.as_ref().map(ApiKey::expose).unwrap_or_default();
        let account = AccountKey::new(self.owner.kind, &self.base_url, key);
        let pace = self.quota.map(|quota| (quota, account));
        let known = || if is_free { Some(FREE) } else { massgen_providers::price(self.owner.kind, &self.model) };
        let price = self.price.or_else(known);
        Ok(Plan {
            provider: self.provider,
            place,
            model: self.model,
            url,
            headers: self.headers,
            params: self.params,
            builtin: self.builtin,
            policy: self.policy,
            notices: self.notices,
            pace,
            price,
            key: self.key,
            header_values: self.header_values,
            key_variables: self.key_variables,
        })
    }
}

/// Parses an address that requests can go to.
pub(crate) fn parse_url(text: &str) -> Result<Url, SetupError> {
    let bad = |why: String| SetupError::BadBaseUrl { url: text.to_owned(), why };
    let url = Url::parse(text).map_err(|error| bad(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad(format!("its scheme is `{}`", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(SetupError::BadBaseUrl {
            url: url.host_str().unwrap_or_default().to_owned(),
            why: "it holds a user name or password; use `api_key`".to_owned(),
        });
    }
    Ok(url)
}

/// Parts of a request that the framework makes itself.
const OUR_KEYS: &[&str] = &["model", "messages", "input", "contents", "system", "instructions", "stream"];

/// Whose key and whose prices count: for a backend that says only where it goes, the owner of that address.
fn owner(provider: &'static Provider, base_url: &str) -> &'static Provider {
    if provider.kind == "chatcompletion" {
        massgen_providers::provider_for_base_url(base_url).unwrap_or(provider)
    } else {
        provider
    }
}

/// Whether an address is on the user's own machine or network, where servers seldom want a key.
fn is_own_machine(base_url: &str) -> bool {
    let Ok(url) = Url::parse(base_url) else { return false };
    let host = url.host_str().unwrap_or_default();
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private() || address.is_unspecified(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unspecified() || address.is_unique_local(),
        Err(_) => host == "localhost" || host.ends_with(".localhost") || host.ends_with(".local"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_headers_say_is_left_out_of_messages() {
        let headers = json!({ "X-Tenant": "tenant-secret", "Authorization": "Bearer gateway-key", "X-Mode": "fast" });
        let plan = Plan::new(BackendSpec {
            price: None,
            quota: None,
            provider: massgen_providers::provider("openai").unwrap(),
            model: "gpt-5-mini".to_owned(),
            base_url: None,
            api_key: Some(ApiKey::new("sk-the-key")),
            params: Map::from_iter([("extra_headers".to_owned(), headers)]),
            builtin: BuiltinTools::default(),
            policy: CallPolicy::default(),
        })
        .unwrap();
        assert_eq!(
            plan.redact("sk-the-key, tenant-secret, Bearer gateway-key and gateway-key are not fast"),
            "***, ***, *** and *** are not fast"
        );
        assert!(!format!("{plan:?}").contains("gateway-key"), "{plan:?}");
    }
}
