//! OpenAI Chat Completions.
//!
//! Chunks after <https://platform.openai.com/docs/api-reference/chat-streaming>. Reasoning is sent
//! as `reasoning_content`, the field of DeepSeek, Z.ai and vLLM; OpenAI itself shows none here.

pub(super) mod read;
pub(super) mod validate;

use serde_json::{Value, json};

use super::event::{Event, Kind, arrange};
use super::fields::{flag, given};
use super::media::{picture, spoken};
use super::{Ticket, openai};
use crate::exchange::{Finish, Reply, chunks, tokens};
use crate::scenario::step::StreamError;

const FINGERPRINT: &str = "fp_rehearsal";

pub(super) fn events(reply: &Reply, ticket: &Ticket<'_>) -> Vec<Event> {
    let with_usage = given(ticket.body, "stream_options").is_some_and(|options| flag(options, "include_usage"));
    let chunk = |delta: Value, finish: Option<&str>| {
        let choices = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
        envelope(ticket, &choices, with_usage.then_some(Value::Null))
    };
    let mut events = vec![Event::structure(chunk(json!({"role": "assistant", "content": "", "refusal": null}), None))];
    if let Some(reason) = &reply.reason {
        events.extend(
            chunks(reason, reply.pace.chunk).map(|text| Event::chunk(chunk(json!({"reasoning_content": text}), None))),
        );
    }
    if !reply.say.is_empty() {
        events.extend(
            reply
                .say
                .chunks(reply.pace.chunk)
                .into_iter()
                .map(|(text, times)| Event::chunks(chunk(json!({"content": text}), None), times)),
        );
    }
    let calls = reply.calls.iter().enumerate().map(|(index, call)| {
        let open = json!({"tool_calls": [{"index": index, "id": ticket.part_id("call_", index), "type": "function",
                                          "function": {"name": call.name, "arguments": ""}}]});
        let mut events = vec![Event::structure(chunk(open, None))];
        events.extend(chunks(&call.arguments.to_string(), reply.pace.chunk).map(|text| {
            Event::chunk(chunk(json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]}), None))
        }));
        events
    });
    events.extend(arrange(calls.collect(), reply.interleave));
    events.push(Event::end(chunk(json!({}), Some(finish_reason(reply)))));
    if with_usage {
        events.push(Event::end(envelope(ticket, &json!([]), Some(usage(reply, ticket)))));
    }
    events.push(Event { data: None, kind: Kind::End, times: 1 });
    events
}

pub(super) fn whole(reply: &Reply, ticket: &Ticket<'_>) -> Value {
    let content = if reply.say.is_empty() { Value::Null } else { json!(reply.say.whole()) };
    let mut message = json!({"role": "assistant", "content": content, "refusal": null, "annotations": []});
    if let Some(map) = message.as_object_mut() {
        if ticket.asked.draws && reply.finish == Finish::Complete {
            let url = format!("data:image/png;base64,{}", picture());
            map.insert("images".to_owned(), json!([{"type": "image_url", "index": 0, "image_url": {"url": url}}]));
        }
        if let Some(format) = ticket.asked.speaks.as_ref().filter(|_| reply.finish == Finish::Complete) {
            let audio = json!({"id": ticket.id("audio_"), "data": spoken(format), "expires_at": ticket.created + 3600,
                               "transcript": reply.say.whole()});
            map.insert("audio".to_owned(), audio);
            map.insert("content".to_owned(), Value::Null);
        }
        if let Some(reason) = &reply.reason {
            map.insert("reasoning_content".to_owned(), json!(reason));
        }
        if !reply.calls.is_empty() {
            let calls = reply.calls.iter().enumerate().map(|(index, call)| {
                json!({"id": ticket.part_id("call_", index), "type": "function",
                       "function": {"name": call.name, "arguments": call.arguments.to_string()}})
            });
            map.insert("tool_calls".to_owned(), calls.collect());
        }
    }
    json!({
        "id": ticket.id("chatcmpl-"),
        "object": "chat.completion",
        "created": ticket.created,
        "model": ticket.asked.model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason(reply)}],
        "usage": usage(reply, ticket),
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    })
}

pub(super) fn error_events(error: StreamError) -> Vec<Event> {
    let (message, kind, code) = match error {
        StreamError::Overloaded => {
            ("The model is currently overloaded. Please try again later.", "server_error", "server_is_overloaded")
        }
        StreamError::RateLimited => ("Rate limit reached. Please try again in 2s.", "requests", "rate_limit_exceeded"),
        StreamError::ServerError => {
            ("The server had an error while processing your request. Sorry about that!", "server_error", "server_error")
        }
    };
    vec![Event::end(openai::error_body(message, kind, None, Some(code)))]
}

fn envelope(ticket: &Ticket<'_>, choices: &Value, usage: Option<Value>) -> Value {
    let mut chunk = json!({
        "id": ticket.id("chatcmpl-"),
        "object": "chat.completion.chunk",
        "created": ticket.created,
        "model": ticket.asked.model,
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
        "choices": choices,
    });
    if let (Some(usage), Some(map)) = (usage, chunk.as_object_mut()) {
        map.insert("usage".to_owned(), usage);
    }
    chunk
}

fn finish_reason(reply: &Reply) -> &'static str {
    match reply.finish {
        Finish::Length => "length",
        Finish::Filtered => "content_filter",
        Finish::Complete if reply.calls.is_empty() => "stop",
        Finish::Complete => "tool_calls",
    }
}

fn usage(reply: &Reply, ticket: &Ticket<'_>) -> Value {
    let reasoning = reply.reason.as_ref().map_or(0, |reason| tokens(reason.len()));
    let arguments: u64 = reply.calls.iter().map(|call| tokens(call.arguments.to_string().len())).sum();
    let (prompt, completion) = (ticket.asked.input_tokens, reply.say.tokens() + arguments + reasoning);
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0,
                                      "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
    })
}
