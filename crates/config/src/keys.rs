//! Which key an agent uses.

use massgen_providers::{KeyNeed, Provider, provider_for_base_url};

use crate::{BackendConfig, Environment, Secret};

/// Where the key of an agent comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// From the config.
    Config(Secret),
    /// From a variable.
    Variable {
        /// Its name.
        name: &'static str,
        /// Its value.
        key: Secret,
    },
    /// From nowhere, but the backend works without.
    NotNeeded {
        /// The variables that were looked at.
        tried: &'static [&'static str],
    },
    /// From nowhere, and no request can be made.
    Missing {
        /// The variables that were looked at: the user must set one of them.
        tried: &'static [&'static str],
    },
}

impl KeySource {
    /// The key, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&Secret> {
        match self {
            Self::Config(key) | Self::Variable { key, .. } => Some(key),
            Self::NotNeeded { .. } | Self::Missing { .. } => None,
        }
    }
}

impl BackendConfig {
    /// The provider at the other end: a `chatcompletion` backend may go to any.
    #[must_use]
    pub fn provider(&self) -> &'static Provider {
        let by_url = || self.base_url.as_deref().and_then(provider_for_base_url);
        if self.kind.kind == "chatcompletion" { by_url().unwrap_or(self.kind) } else { self.kind }
    }

    /// Where this backend's key comes from: the config, or else the first of its provider's
    /// variables that is set.
    #[must_use]
    pub fn key_source(&self, environment: &Environment) -> KeySource {
        if let Some(key) = self.api_key.as_ref().filter(|key| !key.expose().trim().is_empty()) {
            return KeySource::Config(key.clone());
        }
        let provider = self.provider();
        let tried = provider.key_variables;
        for name in tried {
            if let Some(key) = environment.var(name) {
                return KeySource::Variable { name, key: Secret::of_reference(key, format!("${{{name}}}")) };
            }
        }
        let is_local = self.base_url.as_deref().is_some_and(is_on_this_machine);
        if provider.key_need == KeyNeed::Optional || is_local {
            KeySource::NotNeeded { tried }
        } else {
            KeySource::Missing { tried }
        }
    }
}

/// Whether a URL leads to a server on this machine, which seldom asks for a key.
pub(crate) fn is_on_this_machine(url: &str) -> bool {
    let host = host_of(url);
    matches!(host, "localhost" | "0.0.0.0" | "::1") || host.starts_with("127.")
}

/// The host of a URL, without the brackets of an address; empty if there is none.
pub(crate) fn host_of(url: &str) -> &str {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    let authority = behind.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit('@').next().unwrap_or_default();
    let host = match place.strip_prefix('[') {
        Some(address) => address.split(']').next(),
        None => place.split(':').next(),
    };
    host.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TeamConfig;

    fn source(backend: &str, base_url: Option<&str>, vars: &[(&str, &str)]) -> KeySource {
        let config = TeamConfig::single(Some(backend), Some("a-model"), base_url, None).expect("a team");
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        config.agents[0].backend.key_source(&Environment { vars, ..Environment::default() })
    }

    fn name_of(source: &KeySource) -> &'static str {
        match source {
            KeySource::Variable { name, .. } => name,
            other => panic!("no variable: {other:?}"),
        }
    }

    #[test]
    fn the_first_variable_that_is_set_counts() {
        let both = [("GEMINI_API_KEY", "two"), ("GOOGLE_API_KEY", "one")];
        assert_eq!(name_of(&source("gemini", None, &both)), "GOOGLE_API_KEY");
        let empty = [("GOOGLE_API_KEY", ""), ("GEMINI_API_KEY", "two")];
        let found = source("gemini", None, &empty);
        assert_eq!(name_of(&found), "GEMINI_API_KEY");
        assert_eq!(found.key().map(Secret::expose), Some("two"));
    }

    #[test]
    fn a_chat_backend_has_the_key_of_where_it_goes() {
        let vars = [("OPENAI_API_KEY", "openai"), ("CEREBRAS_API_KEY", "cerebras")];
        assert_eq!(name_of(&source("chatcompletion", Some("https://api.cerebras.ai/v1"), &vars)), "CEREBRAS_API_KEY");
        assert_eq!(name_of(&source("chatcompletion", Some("https://my.proxy/v1"), &vars)), "OPENAI_API_KEY");
        let tried = &["CEREBRAS_API_KEY"];
        let missing = source("chatcompletion", Some("https://api.cerebras.ai/v1"), &[("OPENAI_API_KEY", "openai")]);
        assert_eq!(missing, KeySource::Missing { tried }, "another provider's key is not sent");
    }

    #[test]
    fn servers_on_this_machine_need_none() {
        let is_free = |kind, url| matches!(source(kind, url, &[]), KeySource::NotNeeded { .. });
        assert!(is_free("vllm", None));
        assert!(is_free("chatcompletion", Some("http://localhost:8000/v1")));
        assert!(is_free("chatcompletion", Some("http://[::1]:8000/v1")));
        assert!(!is_free("chatcompletion", Some("http://localhost.evil.com/v1")));
        assert!(!is_free("openai", None));
    }
}
