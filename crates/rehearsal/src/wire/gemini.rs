//! Gemini `generateContent` and `streamGenerateContent`.
//!
//! Responses after <https://ai.google.dev/api/generate-content>; the rules of signatures after
//! <https://ai.google.dev/gemini-api/docs/thought-signatures>.

pub(super) mod errors;
pub(super) mod read;
pub(super) mod validate;

use serde_json::{Value, json};

use super::Ticket;
use super::event::Event;
use super::media::picture;
use crate::exchange::{Builtin, Finish, Reply, chunks, tokens};
use crate::scenario::step::StreamError;
use crate::signature;

pub(super) fn events(reply: &Reply, ticket: &Ticket<'_>) -> Vec<Event> {
    let part = |part: Value| response(ticket, &json!([part]), None, reply);
    let mut events = Vec::new();
    if let Some(reason) = thoughts(reply, ticket) {
        events.extend(
            chunks(reason, reply.pace.chunk).map(|text| Event::chunk(part(json!({"text": text, "thought": true})))),
        );
    }
    events.extend(builtin_parts(reply).into_iter().map(|builtin| Event::structure(part(builtin))));
    if !reply.say.is_empty() {
        events.extend(
            reply
                .say
                .chunks(reply.pace.chunk)
                .into_iter()
                .map(|(text, times)| Event::chunks(part(json!({"text": text})), times)),
        );
    }
    events.extend(drawing(reply, ticket).map(|drawing| Event::structure(part(drawing))));
    let mut calls = call_parts(reply, ticket);
    if reply.interleave {
        // A call is one part here, so order is all there is to disturb.
        calls.reverse();
    }
    events.extend(calls.into_iter().map(|call| Event::chunk(part(call))));
    let finish = Some(finish_reason(reply));
    events.push(Event::end(response(ticket, &json!([{"text": ""}]), finish, reply)));
    events
}

pub(super) fn whole(reply: &Reply, ticket: &Ticket<'_>) -> Value {
    let mut parts = Vec::new();
    if let Some(reason) = thoughts(reply, ticket) {
        parts.push(json!({"text": reason, "thought": true}));
    }
    parts.extend(builtin_parts(reply));
    if !reply.say.is_empty() {
        parts.push(json!({"text": reply.say.whole()}));
    }
    parts.extend(drawing(reply, ticket));
    parts.extend(call_parts(reply, ticket));
    response(ticket, &json!(parts), Some(finish_reason(reply)), reply)
}

pub(super) fn error_events(error: StreamError) -> Vec<Event> {
    let status = super::Wire::Gemini.status_of(error);
    vec![Event::end(errors::of_status(status, None, "", None).body)]
}

fn thoughts<'a>(reply: &'a Reply, ticket: &Ticket<'_>) -> Option<&'a str> {
    reply.reason.as_deref().filter(|_| ticket.asked.reasoning_wanted)
}

/// Models that sign their calls, and want the signatures back.
fn signs(model: &str) -> bool {
    model.starts_with("gemini-3")
}

fn call_parts(reply: &Reply, ticket: &Ticket<'_>) -> Vec<Value> {
    let calls = reply.calls.iter().enumerate();
    let part = |(index, call): (usize, &crate::exchange::Call)| {
        let id = ticket.part_id("", index);
        let mut part = json!({"functionCall": {"name": call.name, "args": call.arguments, "id": id}});
        // Of calls made at once, only the first carries a signature.
        if let Some(map) = part.as_object_mut().filter(|_| index == 0 && signs(&ticket.asked.model)) {
            let signature = signature::of_call(&call.name, &call.arguments);
            map.insert("thoughtSignature".to_owned(), json!(signature));
        }
        part
    };
    calls.map(part).collect()
}

fn builtin_parts(reply: &Reply) -> Vec<Value> {
    let code = |builtin: &Builtin| match builtin {
        Builtin::WebSearch { .. } => Vec::new(),
        Builtin::Code { source, output } => vec![
            json!({"executableCode": {"language": "PYTHON", "code": source}}),
            json!({"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": output}}),
        ],
    };
    reply.builtins.iter().flat_map(code).collect()
}

fn drawing(reply: &Reply, ticket: &Ticket<'_>) -> Option<Value> {
    let draws = ticket.asked.draws && reply.finish == Finish::Complete;
    draws.then(|| json!({"inlineData": {"mimeType": "image/png", "data": picture()}}))
}

fn finish_reason(reply: &Reply) -> &'static str {
    match reply.finish {
        Finish::Complete => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Filtered => "SAFETY",
    }
}

/// What searches found is told at the end, beside the content.
fn grounding(reply: &Reply) -> Option<Value> {
    let mut queries = Vec::new();
    let mut found = Vec::new();
    for builtin in &reply.builtins {
        if let Builtin::WebSearch { query, results } = builtin {
            queries.push(json!(query));
            found.extend(results.iter().map(|(url, title)| json!({"web": {"uri": url, "title": title}})));
        }
    }
    (!queries.is_empty()).then(|| json!({"webSearchQueries": queries, "groundingChunks": found}))
}

fn response(ticket: &Ticket<'_>, parts: &Value, finish: Option<&str>, reply: &Reply) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let (Some(finish), Some(map)) = (finish, candidate.as_object_mut()) {
        map.insert("finishReason".to_owned(), json!(finish));
        if let Some(grounding) = grounding(reply) {
            map.insert("groundingMetadata".to_owned(), grounding);
        }
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": usage(ticket, finish.is_some(), reply),
        "modelVersion": ticket.asked.model,
        "responseId": ticket.id(""),
    })
}

fn usage(ticket: &Ticket<'_>, complete: bool, reply: &Reply) -> Value {
    let prompt = ticket.asked.input_tokens;
    if !complete {
        return json!({"promptTokenCount": prompt, "totalTokenCount": prompt});
    }
    let arguments: u64 = reply.calls.iter().map(|call| tokens(call.arguments.to_string().len())).sum();
    let thoughts = reply.reason.as_ref().map_or(0, |reason| tokens(reason.len()));
    let candidates = reply.say.tokens() + arguments;
    json!({
        "promptTokenCount": prompt,
        "candidatesTokenCount": candidates,
        "totalTokenCount": prompt + candidates + thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
        "thoughtsTokenCount": thoughts,
    })
}
