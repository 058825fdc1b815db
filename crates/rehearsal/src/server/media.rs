//! The endpoints beside those of the four protocols: pictures, speech, transcription.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::body::{Body, to_bytes};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::{BODY_BYTES_MAX, plain, refused, response};
use super::gate::Peer;
use super::record::Received;
use super::{Stage, keys};
use crate::exchange::{Asked, Finish, tokens};
use crate::scenario::step::{Ending, Failure};
use crate::script::Outcome;
use crate::wire::media::{form, images, sound, speech, transcription};
use crate::wire::{Rejection, Wire};

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Making {
    /// Pictures.
    Images,
    /// Speech.
    Speech,
    /// The words of a recording.
    Transcription,
}

/// They are OpenAI's: its keys and its errors.
const WIRE: Wire = Wire::ChatCompletions;

pub(super) async fn answer(stage: &Arc<Stage>, making: Making, peer: &Peer, parts: &Parts, body: Body) -> Response {
    let standing = stage.limit.as_ref().map(|limit| limit.admit(Instant::now()));
    let refusal = standing.filter(|standing| !standing.admitted).map(|standing| standing.retry_after());
    let mut answered = match reply(stage, making, (peer, parts), body, refusal).await {
        Ok(response) => response,
        Err(rejection) => refused(&rejection),
    };
    if let Some(standing) = standing {
        standing.report(WIRE, answered.headers_mut());
    }
    answered
}

async fn reply(
    stage: &Arc<Stage>,
    making: Making,
    (peer, parts): (&Peer, &Parts),
    body: Body,
    refusal: Option<u64>,
) -> Result<Response, Rejection> {
    let failure = |status: u16, retry_after: Option<u64>, model: &str| {
        WIRE.failure(&Failure { status, retry_after, message: None }, model)
    };
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else { return Err(failure(413, None, "")) };
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (parsed, valid) = match making {
        Making::Transcription => match form::fields(kind, &bytes) {
            Some(fields) => (Ok(transcription::as_body(&fields)), transcription::validate(&fields)),
            None => (Ok(Value::Null), Err(WIRE.failure(&not_a_form(), ""))),
        },
        Making::Images | Making::Speech => {
            let parsed: Result<Value, _> = serde_json::from_slice(&bytes);
            let valid = match (&parsed, making) {
                (Ok(body), Making::Images) => images::validate(body),
                (Ok(body), _) => speech::validate(body),
                (Err(error), _) => Err(WIRE.not_json(error)),
            };
            (parsed, valid)
        }
    };
    let body = parsed.unwrap_or(Value::Null);
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let model = text("model");
    let path = parts.uri.path().to_owned();
    let received = Received { at: Instant::now(), path, model: model.clone(), body: body.clone(), protocol: WIRE };
    stage.recorder.keep(received, bytes.len());
    let scenario = stage.script.scenario();
    keys::check(scenario.key(), WIRE, false, &parts.headers, None)?;
    if refusal.is_some() {
        return Err(failure(429, refusal, &model));
    }
    valid?;
    if !scenario.knows(&model) {
        return Err(WIRE.unknown_model(&model, false));
    }
    let said = if making == Making::Speech { text("input") } else { text("prompt") };
    let asked = Asked {
        model,
        texts: vec![said.clone()],
        last_user: said,
        input_tokens: tokens(bytes.len()),
        ..Asked::default()
    };
    match stage.script.next(&asked) {
        Outcome::Fail(failure) => Err(WIRE.failure(&failure, &asked.model)),
        Outcome::Refuse => {
            peer.hang_up();
            Ok(Response::default())
        }
        Outcome::Hang => {
            stage.stopping.cancelled().await;
            peer.hang_up();
            Ok(Response::default())
        }
        Outcome::Reply(_, damage) if matches!(damage.ending, Ending::Error(..)) => {
            Err(failure(500, None, &asked.model))
        }
        Outcome::Reply(reply, _) if reply.finish == Finish::Filtered => {
            let message = "Your request was rejected by the safety system.".to_owned();
            Err(WIRE.failure(&Failure { status: 400, retry_after: None, message: Some(message) }, &asked.model))
        }
        Outcome::Reply(reply, _) => {
            stage.serial.fetch_add(1, Ordering::Relaxed);
            let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
            Ok(match making {
                Making::Images => plain(200, &images::whole(&body, created)),
                Making::Speech => {
                    let (format, kind) = speech::format(&body);
                    response(200, kind, Body::from(sound(format)))
                }
                Making::Transcription if text("response_format") == "text" => {
                    response(200, "text/plain", Body::from(reply.say.whole()))
                }
                Making::Transcription => plain(200, &json!({"text": reply.say.whole()})),
            })
        }
    }
}

fn not_a_form() -> Failure {
    let message = "Could not parse multipart form".to_owned();
    Failure { status: 400, retry_after: None, message: Some(message) }
}
