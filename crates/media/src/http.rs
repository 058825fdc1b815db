//! One request and its whole reply.

use std::time::Duration;

use bytes::BytesMut;
use jiff::Timestamp;
use massgen_backends::{asked_pause, root_message};
use massgen_providers::Protocol;
use massgen_python::MediaError;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use url::Url;

use crate::account::Account;
use crate::said::refusal;

/// How requests are made.
#[derive(Debug, Clone, Copy)]
pub struct MediaPolicy {
    /// How long one attempt may take: a picture takes a minute or two.
    pub attempt_timeout: Duration,
    /// How often a request is made again after a refusal that may pass.
    pub retries_max: u32,
    /// The pause before the first retry; it doubles.
    pub first_pause: Duration,
    /// The longest pause that a provider may ask for; when it asks for more, its refusal stands.
    pub pause_max: Duration,
    /// How long a reply may be, in bytes.
    pub reply_bytes_max: usize,
}

impl Default for MediaPolicy {
    fn default() -> Self {
        Self {
            attempt_timeout: Duration::from_secs(240),
            retries_max: 2,
            first_pause: Duration::from_secs(1),
            pause_max: Duration::from_secs(30),
            reply_bytes_max: 64 << 20,
        }
    }
}

/// What is sent.
#[derive(Debug)]
pub(crate) enum Content {
    Json(Value),
    Form { boundary: String, bytes: Vec<u8> },
}

/// Sends requests to one account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) http: &'a Client,
    pub(crate) policy: &'a MediaPolicy,
    pub(crate) account: &'a Account,
}

enum Attempt {
    Done(Vec<u8>),
    /// A refusal; whether it may pass, and how long the provider wants to be left alone.
    Refused {
        message: String,
        may_pass: bool,
        asked_pause: Option<Duration>,
    },
}

impl Line<'_> {
    /// Posts and reads a reply that is JSON.
    pub(crate) async fn json(&self, url: Url, body: Value) -> Result<Value, MediaError> {
        let bytes = self.bytes(url, Content::Json(body)).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            MediaError::new(format!("{} sent a reply that is not JSON: {error}", self.account.provider.name))
        })
    }

    /// Posts and reads a reply of any kind.
    pub(crate) async fn bytes(&self, url: Url, content: Content) -> Result<Vec<u8>, MediaError> {
        let (kind, body) = match content {
            Content::Json(body) => ("application/json".to_owned(), body.to_string().into_bytes()),
            Content::Form { boundary, bytes } => (format!("multipart/form-data; boundary={boundary}"), bytes),
        };
        let body = bytes::Bytes::from(body);
        let headers = self.headers(&kind)?;
        let mut pause = self.policy.first_pause;
        let mut retries = 0;
        loop {
            let attempt = self.attempt(url.clone(), headers.clone(), body.clone());
            let Ok(attempt) = tokio::time::timeout(self.policy.attempt_timeout, attempt).await else {
                // It may have been done, and paid for: it is not asked again.
                let limit = self.policy.attempt_timeout.as_secs();
                return Err(self.error(&format!("did not reply within {limit} s")));
            };
            match attempt {
                Attempt::Done(bytes) => return Ok(bytes),
                Attempt::Refused { message, may_pass, asked_pause } => {
                    let wait = asked_pause.unwrap_or(pause);
                    if !may_pass || retries >= self.policy.retries_max || wait > self.policy.pause_max {
                        return Err(self.error(&message));
                    }
                    retries += 1;
                    tokio::time::sleep(wait).await;
                    pause = pause.saturating_mul(2).min(self.policy.pause_max);
                }
            }
        }
    }

    async fn attempt(&self, url: Url, headers: HeaderMap, body: bytes::Bytes) -> Attempt {
        let broken = |error: reqwest::Error, may_pass: bool| Attempt::Refused {
            message: format!("cannot be reached: {}", root_message(&error.without_url())),
            may_pass,
            asked_pause: None,
        };
        let response = match self.http.post(url).headers(headers).body(body).send().await {
            Ok(response) => response,
            Err(error) => {
                let may_pass = error.is_connect();
                return broken(error, may_pass);
            }
        };
        let status = response.status();
        let headers = response.headers().clone();
        const REFUSAL_BYTES_MAX: usize = 64 << 10;
        let limit = if status.is_success() { self.policy.reply_bytes_max } else { REFUSAL_BYTES_MAX };
        match (read(response, limit).await, status.is_success()) {
            (Ok(Some(bytes)), true) => Attempt::Done(bytes),
            (Ok(None), true) => Attempt::Refused {
                message: format!("sent a reply of more than {} MiB", limit >> 20),
                may_pass: false,
                asked_pause: None,
            },
            (Err(error), true) => broken(error, false),
            (body, false) => {
                let body = body.ok().flatten().unwrap_or_default();
                let said: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
                Attempt::Refused {
                    message: refusal(status, &said, self.account.provider),
                    may_pass: may_pass(status),
                    asked_pause: asked_pause(&headers, &said, Timestamp::now()),
                }
            }
        }
    }

    fn headers(&self, content_type: &str) -> Result<HeaderMap, MediaError> {
        let unusable = || self.error("has a key that cannot be sent: it has characters that no header can carry");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).map_err(|_| unusable())?);
        if self.account.provider.protocol == Protocol::Messages {
            headers.insert(HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));
        }
        let Some(key) = &self.account.key else { return Ok(headers) };
        let (name, prefix) = match self.account.provider.protocol {
            Protocol::Messages => ("x-api-key", ""),
            Protocol::Gemini => ("x-goog-api-key", ""),
            _ => ("authorization", "Bearer "),
        };
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.expose())).map_err(|_| unusable())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
        Ok(headers)
    }

    /// An error of this provider; its key is not in it, whatever the provider repeats.
    pub(crate) fn error(&self, what: &str) -> MediaError {
        let message = format!("{} {what}", self.account.provider.name);
        MediaError::new(self.account.key.as_ref().map_or(message.clone(), |key| key.redact(&message)))
    }
}

/// The body; `None` when it is longer than `limit`.
async fn read(mut response: Response, limit: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes.into()))
}

fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504 | 529)
}
