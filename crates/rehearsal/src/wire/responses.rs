//! OpenAI Responses.
//!
//! Events and objects after <https://platform.openai.com/docs/api-reference/responses-streaming>
//! and the types of the openai Python package 3.52.

pub(super) mod read;
pub(super) mod validate;

use serde_json::{Map, Value, json};

use super::Ticket;
use super::event::{Event, arrange};
use super::fields::{flag, given, is_openai_reasoning_model, list};
use super::media::picture;
use crate::exchange::{Builtin, Call, Finish, Reply, chunks, tokens};
use crate::scenario::step::StreamError;
use crate::signature;

/// One item of the output, and the events that stream it.
struct Item {
    whole: Value,
    events: Vec<Event>,
}

/// The last letter of the id of an item that may not come back without the reasoning before it.
pub(super) const NEEDS_REASONING: &str = "r";

pub(super) fn events(reply: &Reply, ticket: &Ticket<'_>) -> Vec<Event> {
    let items = items(reply, ticket);
    let pending = response(ticket, "in_progress", &[], None, None);
    let mut events = vec![lifecycle("response.created", &pending), lifecycle("response.in_progress", &pending)];
    let mut output = Vec::new();
    let mut calls = Vec::new();
    for item in items {
        if item.whole.get("type").is_some_and(|kind| kind == "function_call") {
            calls.push(item.events);
        } else {
            events.extend(item.events);
        }
        output.push(item.whole);
    }
    events.extend(arrange(calls, reply.interleave));
    let done = finished(reply, ticket, &output);
    let name = if reply.finish == Finish::Complete { "response.completed" } else { "response.incomplete" };
    events.push(Event::end(json!({"type": name, "sequence_number": 0, "response": done})));
    events
}

pub(super) fn whole(reply: &Reply, ticket: &Ticket<'_>) -> Value {
    let output: Vec<Value> = items(reply, ticket).into_iter().map(|item| item.whole).collect();
    finished(reply, ticket, &output)
}

pub(super) fn error_events(error: StreamError, ticket: &Ticket<'_>) -> Vec<Event> {
    let (code, message) = match error {
        StreamError::Overloaded => {
            ("server_is_overloaded", "Our servers are currently overloaded. Please try again later.")
        }
        StreamError::RateLimited => ("rate_limit_exceeded", "Rate limit reached. Please try again in 2s."),
        StreamError::ServerError => {
            ("server_error", "The server had an error while processing your request. Sorry about that!")
        }
    };
    let mut failed = response(ticket, "failed", &[], None, None);
    if let Some(slot) = failed.get_mut("error") {
        *slot = json!({"code": code, "message": message});
    }
    vec![
        Event::end(json!({"type": "error", "sequence_number": 0, "code": code, "message": message, "param": null})),
        Event::end(json!({"type": "response.failed", "sequence_number": 0, "response": failed})),
    ]
}

fn lifecycle(name: &str, response: &Value) -> Event {
    Event::structure(json!({"type": name, "sequence_number": 0, "response": response}))
}

fn items(reply: &Reply, ticket: &Ticket<'_>) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let reasons = is_openai_reasoning_model(&ticket.asked.model) || ticket.asked.reasoning_wanted;
    let mut after_reasoning = false;
    if let Some(reason) = reply.reason.as_ref().filter(|_| reasons) {
        items.push(reasoning(reason, reply, ticket));
        after_reasoning = true;
    }
    let mut id = |prefix: &str, index: usize| {
        let id = ticket.part_id(prefix, index);
        if std::mem::take(&mut after_reasoning) { id + NEEDS_REASONING } else { id }
    };
    for builtin in &reply.builtins {
        let index = items.len();
        items.push(match builtin {
            Builtin::WebSearch { query, .. } => web_search(query, &id("ws_", index), index),
            Builtin::Code { source, output } => code(source, output, &id("ci_", index), index, ticket),
        });
    }
    if ticket.asked.draws && reply.finish == Finish::Complete {
        let index = items.len();
        items.push(drawing(&id("ig_", index), index));
    }
    if !reply.say.is_empty() {
        let index = items.len();
        items.push(message(reply, &id("msg_", index), index));
    }
    for call in &reply.calls {
        let index = items.len();
        let call_id = ticket.part_id("call_", index);
        items.push(function_call(call, reply, &id("fc_", index), &call_id, index));
    }
    items
}

fn added(index: usize, item: &Value) -> Event {
    Event::structure(
        json!({"type": "response.output_item.added", "sequence_number": 0, "output_index": index, "item": item}),
    )
}

fn done(index: usize, item: &Value) -> Event {
    Event::structure(
        json!({"type": "response.output_item.done", "sequence_number": 0, "output_index": index, "item": item}),
    )
}

fn reasoning(reason: &str, reply: &Reply, ticket: &Ticket<'_>) -> Item {
    let id = ticket.part_id("rs_", 0);
    let encrypted = includes(ticket, "reasoning.encrypted_content").then(|| signature::of_text(reason));
    let object = |summary: Value| {
        let mut item = json!({"id": id, "type": "reasoning", "summary": summary});
        if let (Some(encrypted), Some(map)) = (&encrypted, item.as_object_mut()) {
            map.insert("encrypted_content".to_owned(), json!(encrypted));
        }
        item
    };
    if !ticket.asked.reasoning_wanted {
        let whole = object(json!([]));
        return Item { events: vec![added(0, &whole), done(0, &whole)], whole };
    }
    let part = json!({"type": "summary_text", "text": reason});
    let whole = object(json!([part]));
    let event = |name: &str, key: &str, value: Value| {
        json!({"type": format!("response.{name}"), "sequence_number": 0, "item_id": id, "output_index": 0,
               "summary_index": 0, key: value})
    };
    let empty = json!({"type": "summary_text", "text": ""});
    let mut events = vec![added(0, &object(json!([])))];
    events.push(Event::structure(event("reasoning_summary_part.added", "part", empty)));
    events.extend(
        chunks(reason, reply.pace.chunk)
            .map(|chunk| Event::chunk(event("reasoning_summary_text.delta", "delta", json!(chunk)))),
    );
    events.push(Event::structure(event("reasoning_summary_text.done", "text", json!(reason))));
    events.push(Event::structure(event("reasoning_summary_part.done", "part", part)));
    events.push(done(0, &whole));
    Item { whole, events }
}

fn web_search(query: &str, id: &str, index: usize) -> Item {
    let progress = |name: &str| {
        Event::structure(json!({"type": format!("response.web_search_call.{name}"), "sequence_number": 0,
                                "output_index": index, "item_id": id}))
    };
    let whole = json!({"id": id, "type": "web_search_call", "status": "completed",
                       "action": {"type": "search", "query": query, "queries": [query]}});
    let open = json!({"id": id, "type": "web_search_call", "status": "in_progress"});
    let events = vec![
        added(index, &open),
        progress("in_progress"),
        progress("searching"),
        progress("completed"),
        done(index, &whole),
    ];
    Item { whole, events }
}

fn code(source: &str, output: &str, id: &str, index: usize, ticket: &Ticket<'_>) -> Item {
    let container = ticket.id("cntr_");
    let object = |status: &str, code: &str, outputs: Value| {
        json!({"id": id, "type": "code_interpreter_call", "status": status, "code": code,
               "container_id": container, "outputs": outputs})
    };
    let logs = if includes(ticket, "code_interpreter_call.outputs") {
        json!([{"type": "logs", "logs": output}])
    } else {
        Value::Null
    };
    let whole = object("completed", source, logs);
    let event = |name: &str| {
        json!({"type": format!("response.code_interpreter_call{name}"), "sequence_number": 0, "output_index": index,
               "item_id": id})
    };
    let with = |name: &str, key: &str| {
        let mut event = event(name);
        if let Some(map) = event.as_object_mut() {
            map.insert(key.to_owned(), json!(source));
        }
        event
    };
    let events = vec![
        added(index, &object("in_progress", "", Value::Null)),
        Event::structure(event(".in_progress")),
        Event::chunk(with("_code.delta", "delta")),
        Event::structure(with("_code.done", "code")),
        Event::structure(event(".interpreting")),
        Event::structure(event(".completed")),
        done(index, &whole),
    ];
    Item { whole, events }
}

fn drawing(id: &str, index: usize) -> Item {
    let object = |status: &str, result: Value| json!({"id": id, "type": "image_generation_call", "status": status, "result": result});
    let progress = |name: &str| {
        Event::structure(json!({"type": format!("response.image_generation_call.{name}"), "sequence_number": 0,
                                "output_index": index, "item_id": id}))
    };
    let whole = object("completed", json!(picture()));
    let events = vec![
        added(index, &object("in_progress", Value::Null)),
        progress("in_progress"),
        progress("generating"),
        progress("completed"),
        done(index, &whole),
    ];
    Item { whole, events }
}

fn message(reply: &Reply, id: &str, index: usize) -> Item {
    let text = reply.say.whole();
    let part = |text: &str| json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text});
    let object = |status: &str, content: Value| json!({"id": id, "type": "message", "status": status, "content": content, "role": "assistant"});
    let event = |name: &str, key: &str, value: Value| {
        json!({"type": format!("response.{name}"), "sequence_number": 0, "item_id": id, "output_index": index,
               "content_index": 0, key: value})
    };
    let with_logprobs = |mut event: Value| {
        if let Some(map) = event.as_object_mut() {
            map.insert("logprobs".to_owned(), json!([]));
        }
        event
    };
    let status = if reply.finish == Finish::Complete { "completed" } else { "incomplete" };
    let whole = object(status, json!([part(&text)]));
    let mut events = vec![added(index, &object("in_progress", json!([])))];
    events.push(Event::structure(event("content_part.added", "part", part(""))));
    events.extend(
        reply.say.chunks(reply.pace.chunk).into_iter().map(|(chunk, times)| {
            Event::chunks(with_logprobs(event("output_text.delta", "delta", json!(chunk))), times)
        }),
    );
    events.push(Event::structure(with_logprobs(event("output_text.done", "text", json!(text)))));
    events.push(Event::structure(event("content_part.done", "part", part(&text))));
    events.push(done(index, &whole));
    Item { whole, events }
}

fn function_call(call: &Call, reply: &Reply, id: &str, call_id: &str, index: usize) -> Item {
    let arguments = call.arguments.to_string();
    let object = |status: &str, arguments: &str| {
        let mut item = json!({"id": id, "type": "function_call", "status": status, "arguments": arguments,
                              "call_id": call_id, "name": call.name});
        if let (Some(namespace), Some(map)) = (&call.namespace, item.as_object_mut()) {
            map.insert("namespace".to_owned(), json!(namespace));
        }
        item
    };
    let event = |name: &str, key: &str, value: &str| {
        json!({"type": format!("response.function_call_arguments.{name}"), "sequence_number": 0, "item_id": id,
               "output_index": index, key: value})
    };
    let whole = object("completed", &arguments);
    let mut events = vec![added(index, &object("in_progress", ""))];
    events.extend(chunks(&arguments, reply.pace.chunk).map(|chunk| Event::chunk(event("delta", "delta", chunk))));
    events.push(Event::structure(event("done", "arguments", &arguments)));
    events.push(done(index, &whole));
    Item { whole, events }
}

fn includes(ticket: &Ticket<'_>, what: &str) -> bool {
    list(ticket.body, "include").iter().any(|value| value == what)
}

fn finished(reply: &Reply, ticket: &Ticket<'_>, output: &[Value]) -> Value {
    let arguments: u64 = reply.calls.iter().map(|call| tokens(call.arguments.to_string().len())).sum();
    let reasoning = reply.reason.as_ref().map_or(0, |reason| tokens(reason.len()));
    let input = ticket.asked.input_tokens;
    let produced = reply.say.tokens() + arguments + reasoning;
    let usage = json!({
        "input_tokens": input,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
        "output_tokens": produced,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": input + produced,
    });
    let (status, incomplete) = match reply.finish {
        Finish::Complete => ("completed", None),
        Finish::Length => ("incomplete", Some("max_output_tokens")),
        Finish::Filtered => ("incomplete", Some("content_filter")),
    };
    response(ticket, status, output, Some(&usage), incomplete)
}

/// The response object. What the request set is echoed, as the provider does.
fn response(
    ticket: &Ticket<'_>,
    status: &str,
    output: &[Value],
    usage: Option<&Value>,
    incomplete: Option<&str>,
) -> Value {
    let body = ticket.body;
    let echo = |key: &str, default: Value| given(body, key).cloned().unwrap_or(default);
    let mut metadata = given(body, "metadata").and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
    metadata.insert("massgen_rehearsal".to_owned(), json!(ticket.scenario));
    let reasoning = given(body, "reasoning");
    let setting = |key: &str| reasoning.and_then(|reasoning| given(reasoning, key)).cloned().unwrap_or(Value::Null);
    json!({
        "id": ticket.id("resp_"),
        "object": "response",
        "created_at": ticket.created,
        "status": status,
        "background": flag(body, "background"),
        "completed_at": (status == "completed").then_some(ticket.created),
        "error": null,
        "incomplete_details": incomplete.map(|reason| json!({"reason": reason})),
        "instructions": echo("instructions", Value::Null),
        "max_output_tokens": echo("max_output_tokens", Value::Null),
        "max_tool_calls": echo("max_tool_calls", Value::Null),
        "model": ticket.asked.model,
        "output": output,
        "parallel_tool_calls": echo("parallel_tool_calls", json!(true)),
        "previous_response_id": echo("previous_response_id", Value::Null),
        "prompt_cache_key": echo("prompt_cache_key", Value::Null),
        "reasoning": {"effort": setting("effort"), "summary": setting("summary")},
        "safety_identifier": echo("safety_identifier", Value::Null),
        "service_tier": "default",
        "store": echo("store", json!(true)),
        "temperature": echo("temperature", json!(1.0)),
        "text": echo("text", json!({"format": {"type": "text"}, "verbosity": "medium"})),
        "tool_choice": echo("tool_choice", json!("auto")),
        "tools": echo("tools", json!([])),
        "top_logprobs": 0,
        "top_p": echo("top_p", json!(1.0)),
        "truncation": echo("truncation", json!("disabled")),
        "usage": usage,
        "user": echo("user", Value::Null),
        "metadata": metadata,
    })
}
