//! What a backend is made of: a provider, a model, a key and the user's parameters.

use std::fmt;
use std::time::Duration;

use massgen_providers::Provider;
use serde_json::{Map, Value};

/// One backend of the config, with references resolved.
#[derive(Debug, Clone)]
pub struct BackendSpec {
    /// What it speaks and where it is.
    pub provider: &'static Provider,
    /// The model as the provider names it.
    pub model: String,
    /// Where the API is, when it is not where the provider's row says. With or without a version at its end.
    pub base_url: Option<String>,
    /// The key, when there is one.
    pub api_key: Option<ApiKey>,
    /// The config's keys that the framework does not know. They go into the request body; `null` is dropped.
    pub params: Map<String, Value>,
    /// The tools that the provider is to run on its side.
    pub builtin: BuiltinTools,
    /// How long to wait and how often to try.
    pub policy: CallPolicy,
    /// Paces the requests of all who share it.
    pub quota: Option<massgen_quota::Quota>,
    /// What the model costs, where the user says so.
    pub price: Option<massgen_providers::Price>,
}

/// Tools that a provider runs on its side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BuiltinTools {
    /// Searching the web.
    pub web_search: bool,
    /// Running code in the provider's sandbox.
    pub code_execution: bool,
    /// Searching X.
    pub x_search: bool,
}

impl BuiltinTools {
    /// Whether any is asked for.
    #[must_use]
    pub fn any(self) -> bool {
        self.web_search || self.code_execution || self.x_search
    }
}

/// How long a call waits and how often it tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallPolicy {
    /// How long a request may wait until the limits of its account let it go.
    pub quota_wait_max: Duration,
    /// The longest silence between bytes, the wait for the first one included.
    pub stall_timeout: Duration,
    /// Tries after the first one, for the whole call.
    pub retries_max: u32,
    /// The pause before the first retry; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause of our own choice.
    pub pause_max: Duration,
    /// The longest pause that a provider may ask for. Above it, the call fails at once.
    pub retry_after_max: Duration,
}

impl Default for CallPolicy {
    fn default() -> Self {
        Self {
            // Some models think for minutes and send nothing meanwhile.
            stall_timeout: Duration::from_secs(300),
            retries_max: 4,
            first_pause: Duration::from_secs(1),
            pause_max: Duration::from_secs(30),
            retry_after_max: Duration::from_secs(120),
            quota_wait_max: Duration::from_secs(15 * 60),
        }
    }
}

/// A secret that opens a provider's API. It can be sent, but not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

/// What is shorter is a stand-in, such as `EMPTY` or `x`, and a part of ordinary words.
const SECRET_BYTES_MIN: usize = 8;

impl ApiKey {
    /// Takes a key as the user gave it; surrounding white space does not count.
    pub fn new(key: impl AsRef<str>) -> Self {
        Self(key.as_ref().trim().to_owned())
    }

    /// The secret itself, for the header that carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `text` without the secret.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        if self.0.len() < SECRET_BYTES_MIN { text.to_owned() } else { text.replace(&self.0, "***") }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_neither_printed_nor_left_in_a_message() {
        let key = ApiKey::new(" sk-secret \n");
        assert_eq!(format!("{key:?}"), "***");
        assert_eq!(key.redact("wrong key sk-secret, sorry"), "wrong key ***, sorry");
        assert_eq!(ApiKey::new("").redact("as it was"), "as it was");
        assert_eq!(ApiKey::new("k").redact("unknown key"), "unknown key", "a stand-in is no secret");
    }
}
