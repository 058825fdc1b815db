//! One request, from its head to its response.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::gate::Peer;
use super::limit::Standing;
use super::limits::Balance;
use super::playback::Playback;
use super::record::Received;
use super::route::{Endpoint, PathStream, parameter, route};
use super::{Stage, keys, media};
use crate::exchange::{Asked, Reply, Speech, tokens};
use crate::scenario::Scenario;
use crate::scenario::step::{Damage, Ending, Failure};
use crate::script::Outcome;
use crate::wire::{Framing, Rejection, Terms, Ticket, Wire};

/// Longer bodies are refused, as the providers do.
pub(super) const BODY_BYTES_MAX: usize = 64 << 20;

/// Answers any request.
pub(super) async fn answer(
    State(stage): State<Arc<Stage>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let anthropic = parts.headers.contains_key("anthropic-version");
    let endpoint = route(&parts.method, parts.uri.path(), &query, anthropic);
    let mut response = match endpoint {
        None => {
            let message = format!("Invalid URL ({} {})", parts.method, parts.uri.path());
            let error = json!({"message": message, "type": "invalid_request_error", "param": null, "code": null});
            plain(404, &json!({"error": error}))
        }
        Some(Endpoint::Label) => plain(200, &label(stage.script.scenario())),
        Some(Endpoint::Models(wire)) => {
            let key = keys::check(stage.script.scenario().key(), wire, false, &parts.headers, parameter(&query, "key"));
            match key {
                Err(rejection) => refused(&rejection),
                Ok(()) => plain(200, &models(stage.script.scenario(), wire)),
            }
        }
        Some(Endpoint::Make(making)) => media::answer(&stage, making, &peer, &parts, body).await,
        Some(Endpoint::Generate { wire, model, azure, stream }) => {
            let call = Call { stage: &stage, wire, model, azure, stream, peer: &peer, parts: &parts, query: &query };
            let mut response = call.answer(body).await;
            let id = format!("req_rehearsal{:08}", stage.serial.load(Ordering::Relaxed));
            let name = if wire == Wire::Messages { "request-id" } else { "x-request-id" };
            response.headers_mut().extend(HeaderValue::from_str(&id).map(|id| (named(name), id)));
            response
        }
    };
    let scenario = HeaderValue::from_str(stage.script.scenario().name());
    let scenario = scenario.unwrap_or(HeaderValue::from_static("unnamed"));
    response.headers_mut().insert("x-massgen-rehearsal", scenario);
    response
}

fn named(name: &'static str) -> axum::http::HeaderName {
    axum::http::HeaderName::from_static(name)
}

/// A request to a model.
struct Call<'a> {
    stage: &'a Stage,
    wire: Wire,
    model: Option<String>,
    azure: bool,
    stream: PathStream,
    peer: &'a Peer,
    parts: &'a Parts,
    query: &'a str,
}

impl Call<'_> {
    async fn answer(self, body: Body) -> Response {
        let standing = self.stage.limit.as_ref().map(|limit| limit.admit(Instant::now()));
        let mut balance = None;
        let mut response = match self.reply(body, standing, &mut balance).await {
            Ok(response) => response,
            Err(rejection) => refused(&rejection),
        };
        if let Some(standing) = standing {
            standing.report(self.wire, response.headers_mut());
        }
        if let Some(balance) = balance {
            balance.report(self.wire, response.headers_mut());
        }
        response
    }

    /// Replies, or refuses. What is left under the limits of the model is put into `balance` as soon as it is known.
    async fn reply(
        &self,
        body: Body,
        standing: Option<Standing>,
        balance: &mut Option<Balance>,
    ) -> Result<Response, Rejection> {
        let scenario = self.stage.script.scenario();
        let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
            return Err(self.wire.failure(&Failure { status: 413, retry_after: None, message: None }, ""));
        };
        let parsed: Result<Value, _> = serde_json::from_slice(&bytes);
        let body = parsed.as_ref().unwrap_or(&Value::Null);
        let in_body = body.get("model").and_then(Value::as_str).unwrap_or_default();
        let model = self.model.as_deref().unwrap_or(in_body).to_owned();
        let path = self.parts.uri.path().to_owned();
        let received =
            Received { at: Instant::now(), path, model: model.clone(), body: body.clone(), protocol: self.wire };
        self.stage.recorder.keep(received, bytes.len());

        keys::check(scenario.key(), self.wire, self.azure, &self.parts.headers, parameter(self.query, "key"))?;
        if let Some(standing) = standing.filter(|standing| !standing.admitted) {
            return Err(self.over_limit(standing.retry_after(), &model));
        }
        if let Some(limit) = scenario.limit(&model) {
            let counted = self.stage.limits.admit(&model, limit, tokens(bytes.len()));
            *balance = Some(counted);
            if let Some(seconds) = counted.retry_after() {
                return Err(self.over_limit(seconds, &model));
            }
        }
        let mut body = parsed.map_err(|error| self.wire.not_json(&error))?;
        if self.wire == Wire::Messages && !self.parts.headers.contains_key("anthropic-version") {
            return Err(Wire::refuse_messages(400, "anthropic-version: header is required"));
        }
        if self.azure
            && let (Some(map), Some(model)) = (body.as_object_mut(), &self.model)
        {
            map.insert("model".to_owned(), json!(model));
        }
        if self.wire == Wire::Responses {
            let id = body.get("previous_response_id").and_then(Value::as_str).unwrap_or_default().to_owned();
            body = self.stage.history.continued(&body).ok_or_else(|| Wire::unknown_previous(&id))?;
        }
        let beta = self.parts.headers.contains_key("anthropic-beta");
        let terms = Terms { also_accepts: scenario.also_accepts(), beta, model: &model };
        self.wire.validate(&body, terms)?;
        if !scenario.knows(&model) {
            return Err(self.wire.unknown_model(&model, self.azure));
        }
        let mut asked = self.wire.read(&body);
        asked.model = model;
        if self.stream != PathStream::InBody {
            asked.stream = self.stream != PathStream::No;
        }
        match self.stage.script.next(&asked) {
            Outcome::Fail(failure) => Err(self.wire.failure(&failure, &asked.model)),
            Outcome::Refuse => {
                self.peer.hang_up();
                Ok(Response::default())
            }
            Outcome::Hang => {
                self.stage.stopping.cancelled().await;
                self.peer.hang_up();
                Ok(Response::default())
            }
            Outcome::Reply(reply, damage) => self.play(&reply, damage, &asked, &body),
        }
    }

    fn over_limit(&self, retry_after: u64, model: &str) -> Rejection {
        self.stage.refused.fetch_add(1, Ordering::Relaxed);
        self.wire.failure(&Failure { status: 429, retry_after: Some(retry_after), message: None }, model)
    }

    fn play(&self, reply: &Reply, damage: Damage, asked: &Asked, body: &Value) -> Result<Response, Rejection> {
        let serial = self.stage.serial.fetch_add(1, Ordering::Relaxed);
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let scenario = self.stage.script.scenario().name();
        let ticket = Ticket { serial, created, scenario, asked, body };
        let stopping = self.stage.stopping.clone();
        if self.wire == Wire::Responses && keeps(body, reply) {
            self.stage.history.keep(body, &self.wire.whole(reply, &ticket));
        }
        if asked.stream {
            let events = self.wire.events(reply, &ticket);
            let errors = match damage.ending {
                Ending::Error(error, _) => self.wire.error_events(error, &ticket),
                _ => Vec::new(),
            };
            let array = self.stream == PathStream::Array;
            let framing = if array { Framing::Array } else { self.wire.framing() };
            let playback = Playback::events(&events, &errors, framing, reply.pace, damage, stopping);
            let kind = if array { "application/json; charset=UTF-8" } else { "text/event-stream; charset=utf-8" };
            return Ok(response(200, kind, playback.into_body()));
        }
        let whole = self.wire.whole(reply, &ticket);
        match damage.ending {
            Ending::Whole | Ending::NoFinish if !damage.split_utf8 => Ok(plain(200, &whole)),
            Ending::Error(error, _) => {
                let status = self.wire.status_of(error);
                Err(self.wire.failure(&Failure { status, retry_after: None, message: None }, &asked.model))
            }
            ending => {
                let ending = if ending == Ending::NoFinish { Ending::Whole } else { ending };
                let damage = Damage { duplicate: false, ending, ..damage };
                let playback = Playback::document(whole, reply.pace, damage, stopping);
                Ok(response(200, "application/json", playback.into_body()))
            }
        }
    }
}

/// Whether a response can be continued by its id. Bulk is not kept: it would fill the memory.
fn keeps(body: &Value, reply: &Reply) -> bool {
    body.get("store").is_none_or(|store| store != false) && matches!(reply.say, Speech::Text(_))
}

pub(super) fn refused(rejection: &Rejection) -> Response {
    let mut response = plain(rejection.status, &rejection.body);
    if let Some(seconds) = rejection.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

pub(super) fn plain(status: u16, body: &Value) -> Response {
    response(status, "application/json", Body::from(body.to_string()))
}

pub(super) fn response(status: u16, kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn label(scenario: &Scenario) -> Value {
    let models: Vec<&str> = scenario.models().collect();
    json!({
        "service": "massgen rehearsal",
        "notice": "This is a rehearsal: the replies are scripted and no model is behind this address.",
        "scenario": scenario.name(),
        "title": scenario.title(),
        "models": models,
        "any_model": scenario.accepts_any_model(),
    })
}

fn models(scenario: &Scenario, wire: Wire) -> Value {
    let models = scenario.models();
    match wire {
        Wire::Responses | Wire::ChatCompletions => {
            let data: Vec<Value> = models
                .map(|id| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "massgen-rehearsal"}))
                .collect();
            json!({"object": "list", "data": data})
        }
        Wire::Messages => {
            let data: Vec<Value> = models
                .map(|id| {
                    json!({"type": "model", "id": id, "display_name": format!("{id} (rehearsal)"),
                                 "created_at": "2025-01-01T00:00:00Z", "lifecycle": "active"})
                })
                .collect();
            let (first, last) = (data.first().cloned(), data.last().cloned());
            let id = |model: Option<Value>| model.and_then(|model| model.get("id").cloned());
            json!({"data": data, "has_more": false, "first_id": id(first), "last_id": id(last)})
        }
        Wire::Gemini => {
            let models: Vec<Value> = models
                .map(|id| {
                    json!({"name": format!("models/{id}"), "version": "rehearsal",
                                 "displayName": format!("{id} (rehearsal)"), "inputTokenLimit": 1_048_576,
                                 "outputTokenLimit": 65_536,
                                 "supportedGenerationMethods": ["generateContent"]})
                })
                .collect();
            json!({"models": models})
        }
    }
}
