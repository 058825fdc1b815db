//! Why a backend cannot be set up, and why a call failed.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

/// Why a backend cannot be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The provider wants a key and there is none.
    #[error("{provider} needs an API key: set {variables} or `api_key` in the backend's config")]
    MissingKey {
        /// The provider's name.
        provider: String,
        /// The variables that can hold it.
        variables: String,
    },
    /// The key cannot be sent in a header.
    #[error("the API key for {provider} has characters that cannot be sent, such as a line break: check {variables}")]
    UnusableKey {
        /// The provider's name.
        provider: String,
        /// The variables that can hold it.
        variables: String,
    },
    /// Nobody said where the API is.
    #[error("{provider} has no address of its own: set `base_url` in the backend's config{hint}")]
    MissingBaseUrl {
        /// The provider's name.
        provider: String,
        /// What else may hold it, with its own punctuation.
        hint: String,
    },
    /// The address is not one.
    #[error("`base_url` `{url}` is not an http or https address: {why}")]
    BadBaseUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody said which model.
    #[error("{provider} needs a model: set `model` in the backend's config")]
    MissingModel {
        /// The provider's name.
        provider: String,
    },
    /// It is not reached over HTTP.
    #[error("`{kind}` ({provider}) is not an HTTP API and cannot be called here: {instead}")]
    UnsupportedProtocol {
        /// The backend type.
        kind: &'static str,
        /// The provider's name.
        provider: String,
        /// What to use instead.
        instead: &'static str,
    },
    /// A parameter has a form that cannot be used.
    #[error("`{key}` of the {provider} backend must be {expected}")]
    BadParameter {
        /// The config's key.
        key: String,
        /// The provider's name.
        provider: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: check the proxy variables and the system's certificates")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where a call went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The provider's name.
    pub provider: String,
    /// The model that was asked.
    pub model: String,
    /// The host, with its port when it is not the usual one.
    pub host: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} at {})", self.provider, self.model, self.host)
    }
}

/// Why a model call failed, in words for the one who can act on it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {problem}")]
pub struct CallError {
    /// Where the call went.
    pub place: Place,
    /// What went wrong there.
    pub problem: Problem,
}

impl CallError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.problem.is_retryable()
    }

    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> CallErrorKind {
        self.problem.kind()
    }
}

/// What went wrong in a call. `said` is the provider's own message: bounded, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum Problem {
    #[error("the API key is refused (HTTP {status}: {said}); check {variables}")]
    Authentication { status: u16, said: String, variables: String },
    #[error("the model is not known there (HTTP {status}: {said}); check `model`")]
    UnknownModel { status: u16, said: String },
    #[error("too many requests (HTTP {status}: {said}); {advice}")]
    RateLimited { status: u16, said: String, advice: String, retry_after: Option<Duration> },
    #[error("the rate limit does not let it go in time ({said}); try later, or raise the limit if it is your own")]
    NotAllowedYet { said: String },
    #[error("the account has no quota left (HTTP {status}: {said}); check its plan and billing")]
    QuotaExhausted { status: u16, said: String },
    #[error(
        "the conversation is longer than the model takes (HTTP {status}: {said}); shorten it or choose another model"
    )]
    ContextTooLong { status: u16, said: String },
    #[error("the request is refused (HTTP {status}: {said}); {advice}")]
    BadRequest { status: u16, said: String, advice: String },
    #[error("the provider declines this prompt ({said}); rephrase the task")]
    Refused { said: String },
    #[error("the provider is overloaded ({said}); try again later")]
    Overloaded { said: String, retry_after: Option<Duration> },
    #[error("the provider failed ({said}); try again later")]
    Server { said: String, retry_after: Option<Duration> },
    #[error("cannot be reached ({said}); check `base_url` and the network")]
    Unreachable { said: String },
    #[error("was silent for {} s; try again, or choose a faster model", silence.as_secs_f64())]
    Stalled { silence: Duration },
    #[error("the reply was cut short ({said}); try again")]
    CutShort { said: String },
    #[error("the reply cannot be understood ({said}); {advice}")]
    Malformed { said: String, advice: &'static str },
    #[error("the reply is longer than {bytes_max} bytes; ask for less at once")]
    TooLong { bytes_max: u64 },
}

impl Problem {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.kind() {
            CallErrorKind::RateLimited
            | CallErrorKind::Overloaded
            | CallErrorKind::Server
            | CallErrorKind::Unreachable
            | CallErrorKind::Stalled
            | CallErrorKind::CutShort
            | CallErrorKind::Malformed => true,
            CallErrorKind::Authentication
            | CallErrorKind::UnknownModel
            | CallErrorKind::QuotaExhausted
            | CallErrorKind::ContextTooLong
            | CallErrorKind::BadRequest
            | CallErrorKind::Refused
            | CallErrorKind::TooLong => false,
        }
    }

    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> CallErrorKind {
        match self {
            Self::Authentication { .. } => CallErrorKind::Authentication,
            Self::UnknownModel { .. } => CallErrorKind::UnknownModel,
            Self::RateLimited { .. } | Self::NotAllowedYet { .. } => CallErrorKind::RateLimited,
            Self::QuotaExhausted { .. } => CallErrorKind::QuotaExhausted,
            Self::ContextTooLong { .. } => CallErrorKind::ContextTooLong,
            Self::BadRequest { .. } => CallErrorKind::BadRequest,
            Self::Refused { .. } => CallErrorKind::Refused,
            Self::Overloaded { .. } => CallErrorKind::Overloaded,
            Self::Server { .. } => CallErrorKind::Server,
            Self::Unreachable { .. } => CallErrorKind::Unreachable,
            Self::Stalled { .. } => CallErrorKind::Stalled,
            Self::CutShort { .. } => CallErrorKind::CutShort,
            Self::Malformed { .. } => CallErrorKind::Malformed,
            Self::TooLong { .. } => CallErrorKind::TooLong,
        }
    }

    /// How long the provider asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. }
            | Self::Overloaded { retry_after, .. }
            | Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// What sort of failure a call ended in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallErrorKind {
    /// The key is missing, wrong or not allowed to do this.
    Authentication,
    /// The provider does not have the model.
    UnknownModel,
    /// Too many requests or tokens for now.
    RateLimited,
    /// The account's money or daily allowance is used up.
    QuotaExhausted,
    /// The conversation does not fit into the model.
    ContextTooLong,
    /// The request has a form that the provider does not take.
    BadRequest,
    /// The provider declines the prompt.
    Refused,
    /// The provider has too much to do.
    Overloaded,
    /// The provider failed.
    Server,
    /// No connection.
    Unreachable,
    /// No byte for too long.
    Stalled,
    /// The stream ended before its end.
    CutShort,
    /// The reply is not of the protocol.
    Malformed,
    /// The reply is above our limit.
    TooLong,
}
