//! Anthropic Messages.
//!
//! Events after <https://docs.anthropic.com/en/docs/build-with-claude/streaming> and the types of
//! the anthropic Python package 2.11.

pub(super) mod errors;
pub(super) mod read;
pub(super) mod validate;

use serde_json::{Value, json};

use super::Ticket;
use super::event::{Event, arrange};
use crate::exchange::{Builtin, Finish, Reply, chunks, tokens};
use crate::scenario::step::StreamError;
use crate::signature;

pub(super) fn events(reply: &Reply, ticket: &Ticket<'_>) -> Vec<Event> {
    let start = envelope(ticket, &json!([]), &Value::Null, &usage(ticket, 1));
    let mut events = vec![
        Event::structure(json!({"type": "message_start", "message": start})),
        Event::structure(json!({"type": "ping"})),
    ];
    let mut index = 0;
    let mut next = || {
        index += 1;
        index - 1
    };
    if let Some(reason) = thinking(reply, ticket) {
        let index = next();
        events.push(opened(index, &json!({"type": "thinking", "thinking": "", "signature": ""})));
        events.extend(
            chunks(reason, reply.pace.chunk)
                .map(|text| Event::chunk(delta(index, &json!({"type": "thinking_delta", "thinking": text})))),
        );
        let signature = signature::of_text(reason);
        events.push(Event::structure(delta(index, &json!({"type": "signature_delta", "signature": signature}))));
        events.push(closed(index));
    }
    for (part, builtin) in reply.builtins.iter().enumerate() {
        let (call, result) = server_tool(builtin, ticket, part);
        let place = next();
        let mut open = call.clone();
        if let Some(input) = open.get_mut("input") {
            *input = json!({});
        }
        events.push(opened(place, &open));
        let input = call.get("input").map_or_else(String::new, Value::to_string);
        events.push(Event::chunk(delta(place, &json!({"type": "input_json_delta", "partial_json": input}))));
        events.push(closed(place));
        let place = next();
        events.push(opened(place, &result));
        events.push(closed(place));
    }
    if !reply.say.is_empty() {
        let index = next();
        events.push(opened(index, &json!({"type": "text", "text": ""})));
        events.extend(
            reply
                .say
                .chunks(reply.pace.chunk)
                .into_iter()
                .map(|(text, times)| Event::chunks(delta(index, &json!({"type": "text_delta", "text": text})), times)),
        );
        events.push(closed(index));
    }
    let calls = reply.calls.iter().enumerate().map(|(part, call)| {
        let index = next();
        let id = ticket.part_id("toolu_", part);
        let mut events = vec![
            opened(index, &json!({"type": "tool_use", "id": id, "name": call.name, "input": {}})),
            // The provider opens the arguments with an empty piece.
            Event::structure(delta(index, &json!({"type": "input_json_delta", "partial_json": ""}))),
        ];
        events.extend(
            chunks(&call.arguments.to_string(), reply.pace.chunk)
                .map(|text| Event::chunk(delta(index, &json!({"type": "input_json_delta", "partial_json": text})))),
        );
        events.push(closed(index));
        events
    });
    events.extend(arrange(calls.collect(), reply.interleave));
    events.push(Event::end(json!({
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason(reply), "stop_sequence": null},
        "usage": usage(ticket, produced(reply, ticket)),
    })));
    events.push(Event::end(json!({"type": "message_stop"})));
    events
}

pub(super) fn whole(reply: &Reply, ticket: &Ticket<'_>) -> Value {
    let mut content = Vec::new();
    if let Some(reason) = thinking(reply, ticket) {
        content.push(json!({"type": "thinking", "thinking": reason, "signature": signature::of_text(reason)}));
    }
    for (part, builtin) in reply.builtins.iter().enumerate() {
        let (call, result) = server_tool(builtin, ticket, part);
        content.extend([call, result]);
    }
    if !reply.say.is_empty() {
        content.push(json!({"type": "text", "text": reply.say.whole()}));
    }
    content.extend(reply.calls.iter().enumerate().map(|(part, call)| {
        json!({"type": "tool_use", "id": ticket.part_id("toolu_", part), "name": call.name, "input": call.arguments})
    }));
    envelope(ticket, &json!(content), &json!(stop_reason(reply)), &usage(ticket, produced(reply, ticket)))
}

pub(super) fn error_events(error: StreamError, ticket: &Ticket<'_>) -> Vec<Event> {
    let (kind, message) = match error {
        StreamError::Overloaded => ("overloaded_error", "Overloaded"),
        StreamError::RateLimited => {
            ("rate_limit_error", "This request would exceed your account's rate limit. Please try again later.")
        }
        StreamError::ServerError => ("api_error", "Internal server error"),
    };
    let error = json!({"type": kind, "message": message});
    vec![Event::end(json!({"type": "error", "error": error, "request_id": ticket.id("req_")}))]
}

/// The reasoning, if the client asked for it: without `thinking` the model shows none.
fn thinking<'a>(reply: &'a Reply, ticket: &Ticket<'_>) -> Option<&'a str> {
    reply.reason.as_deref().filter(|_| ticket.asked.reasoning_wanted)
}

fn opened(index: usize, block: &Value) -> Event {
    Event::structure(json!({"type": "content_block_start", "index": index, "content_block": block}))
}

fn closed(index: usize) -> Event {
    Event::structure(json!({"type": "content_block_stop", "index": index}))
}

fn delta(index: usize, delta: &Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

/// The blocks of a tool that the provider runs: its call and its result.
fn server_tool(builtin: &Builtin, ticket: &Ticket<'_>, part: usize) -> (Value, Value) {
    let id = ticket.part_id("srvtoolu_", part);
    match builtin {
        Builtin::WebSearch { query, results } => {
            let found: Vec<Value> = results
                .iter()
                .map(|(url, title)| {
                    json!({"type": "web_search_result", "url": url, "title": title,
                       "encrypted_content": signature::of_text(url), "page_age": null})
                })
                .collect();
            (
                json!({"type": "server_tool_use", "id": id, "name": "web_search", "input": {"query": query}}),
                json!({"type": "web_search_tool_result", "tool_use_id": id, "content": found}),
            )
        }
        Builtin::Code { source, output } => (
            json!({"type": "server_tool_use", "id": id, "name": "bash_code_execution", "input": {"command": source}}),
            json!({"type": "bash_code_execution_tool_result", "tool_use_id": id,
                   "content": {"type": "bash_code_execution_result", "stdout": output, "stderr": "",
                               "return_code": 0, "content": []}}),
        ),
    }
}

fn envelope(ticket: &Ticket<'_>, content: &Value, stop_reason: &Value, usage: &Value) -> Value {
    json!({
        "model": ticket.asked.model,
        "id": ticket.id("msg_"),
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": usage,
    })
}

fn stop_reason(reply: &Reply) -> &'static str {
    match reply.finish {
        Finish::Length => "max_tokens",
        Finish::Filtered => "refusal",
        Finish::Complete if reply.calls.is_empty() => "end_turn",
        Finish::Complete => "tool_use",
    }
}

fn produced(reply: &Reply, ticket: &Ticket<'_>) -> u64 {
    let arguments: u64 = reply.calls.iter().map(|call| tokens(call.arguments.to_string().len())).sum();
    reply.say.tokens() + arguments + thinking(reply, ticket).map_or(0, |reason| tokens(reason.len()))
}

fn usage(ticket: &Ticket<'_>, output_tokens: u64) -> Value {
    json!({
        "input_tokens": ticket.asked.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    })
}
