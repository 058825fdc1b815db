//! A provider that can be asked.

use massgen_backends::ApiKey;
use massgen_providers::{Protocol, Provider, Quirk};
use massgen_python::MediaError;
use url::Url;

/// A provider with its address and its key.
#[derive(Debug, Clone)]
pub struct Account {
    /// The row of the table.
    pub provider: &'static Provider,
    /// Where it is, as backends of the configuration have it: with `/v1` for OpenAI and its relatives.
    pub base_url: String,
    /// What opens it; some servers need none.
    pub key: Option<ApiKey>,
    /// The agent's own model, when this is the agent's own backend.
    pub own_model: Option<String>,
}

impl Account {
    /// The provider at its usual address.
    #[must_use]
    pub fn usual(provider: &'static Provider, key: ApiKey) -> Option<Self> {
        Some(Self { provider, base_url: provider.base_url?.to_owned(), key: Some(key), own_model: None })
    }

    /// Whether requests of this crate have a form that it takes.
    pub(crate) fn speaks(&self) -> bool {
        // Azure has a deployment of the user's for each model, under an address of its own.
        !self.provider.has(Quirk::AzureDeployments)
            && !matches!(self.provider.protocol, Protocol::Program | Protocol::Framework)
    }

    /// The address of `path` under a version: a base URL that names no path gets `version`.
    pub(crate) fn endpoint(&self, version: &str, path: &str) -> Result<Url, MediaError> {
        let bad = |why: String| {
            MediaError::new(format!("the address of {} is not usable: {why}; check `base_url`", self.provider.name))
        };
        let mut url = Url::parse(self.base_url.trim_end_matches('/')).map_err(|error| bad(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad(format!("its scheme is `{}`", url.scheme())));
        }
        let above = if matches!(url.path(), "" | "/") { version.to_owned() } else { url.path().to_owned() };
        url.set_path(&format!("{}/{path}", above.trim_end_matches('/')));
        Ok(url)
    }

    /// The address at which Gemini does `verb` with `model`.
    pub(crate) fn gemini(&self, model: &str, verb: &str) -> Result<Url, MediaError> {
        let model = model.strip_prefix("models/").unwrap_or(model);
        let mut url = self.endpoint("/v1beta", "models")?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(&format!("{model}:{verb}"));
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use massgen_providers::provider;

    use super::*;

    fn at(kind: &str, base_url: &str) -> Account {
        let key = Some(ApiKey::new("sk-secret-key"));
        Account { provider: provider(kind).unwrap(), base_url: base_url.to_owned(), key, own_model: None }
    }

    #[test]
    fn addresses_are_completed_and_keys_are_kept() {
        let url = |account: Account, path: &str| account.endpoint("/v1", path).unwrap().to_string();
        assert_eq!(url(at("openai", "https://api.openai.com/v1"), "responses"), "https://api.openai.com/v1/responses");
        assert_eq!(url(at("claude", "https://api.anthropic.com"), "messages"), "https://api.anthropic.com/v1/messages");
        let gemini = at("gemini", "http://127.0.0.1:1/").gemini("models/gemini-2.5-flash", "generateContent").unwrap();
        assert_eq!(gemini.as_str(), "http://127.0.0.1:1/v1beta/models/gemini-2.5-flash:generateContent");
        assert!(at("openai", "file:///etc").endpoint("/v1", "x").is_err());
        assert!(at("openai", "nonsense").endpoint("/v1", "x").is_err());
        assert!(!format!("{:?}", at("openai", "http://x")).contains("secret"));
    }

    #[test]
    fn a_model_stays_one_segment_of_the_path() {
        let url = at("gemini", "http://127.0.0.1:1").gemini("../../x?y", "generateContent").unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:1/v1beta/models/..%2F..%2Fx%3Fy:generateContent");
    }
}
