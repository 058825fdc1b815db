//! A backend: a provider's model that can be called.

use std::sync::Arc;

use massgen_protocol::{CallKey, Usage};
use massgen_providers::Price;
use reqwest::Client;

use crate::error::{CallError, SetupError};
use crate::model::Bounds;
use crate::plan::Plan;
use crate::request::{CallEvent, ModelRequest, Reply};
use crate::spec::BackendSpec;

/// A provider's model, ready to be called. Clones share everything.
#[derive(Debug, Clone)]
pub struct Backend {
    plan: Arc<Plan>,
    http: Client,
}

impl Backend {
    /// Checks and adapts a spec, without any request.
    ///
    /// # Errors
    /// When a key, an address or a model is missing, the provider is not an HTTP API, or it cannot do what the
    /// config asks for.
    pub fn new(spec: BackendSpec, http: Client) -> Result<Self, SetupError> {
        Ok(Self { plan: Arc::new(Plan::new(spec)?), http })
    }

    /// Asks the model and streams its reply through `on`, with retries. Dropping the future closes the stream.
    ///
    /// # Errors
    /// When the provider refuses or fails and retries do not help; see [`CallError`].
    pub async fn ask(
        &self,
        request: &ModelRequest,
        on: &mut (dyn FnMut(CallEvent) + Send),
    ) -> Result<Reply, CallError> {
        crate::call::call(&self.plan, &self.http, request, on).await
    }

    /// The most that `request` can take: what the config, or else the provider, allows a reply, or what the request does.
    #[must_use]
    pub fn bounds(&self, request: &ModelRequest) -> Bounds {
        let allowed = self.plan.output_tokens_max();
        Bounds {
            input_tokens: crate::model::request_at_most(request),
            output_tokens: request.max_output_tokens.map_or(allowed, |max| max.min(allowed)),
            price: self.plan.price,
        }
    }

    /// Names what `request` asks of this model: who is asked, the system prompt and the conversation. The tools that are
    /// offered are not part of it: they are what the model can do, not what it is asked.
    #[must_use]
    pub fn key(&self, request: &ModelRequest) -> CallKey {
        let mut hasher = blake3::Hasher::new();
        let asked = (self.plan.wire(), &self.plan.model, &request.system, &request.messages);
        // Strings, numbers and JSON values: there is nothing in it that could not be written.
        let _ = serde_json::to_writer(&mut hasher, &asked);
        CallKey::new(hasher.finalize().to_hex().get(..32).unwrap_or_default())
    }

    /// What was adapted or left out because this provider or model does not take it. For the user to read.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.plan.notices
    }

    /// What a call cost in US dollars; `None` for a model without a known price.
    #[must_use]
    pub fn price(&self, usage: &Usage) -> Option<f64> {
        self.plan.usd(usage)
    }
}

/// What a model that runs on the user's own machine costs.
pub(crate) const FREE: Price = Price { input: 0.0, cached_input: 0.0, cache_write: 0.0, output: 0.0 };
