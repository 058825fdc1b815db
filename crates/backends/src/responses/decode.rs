//! A reply out of Responses events: <https://platform.openai.com/docs/api-reference/responses-streaming>.

use std::collections::HashMap;

use massgen_protocol::{BuiltinPhase, FinishReason, StreamChunk, Usage};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::sse::SseEvent;
use crate::wire::{Decode, Decoded, Progress, Text, ToolCalls, WireError, filled};

/// Reads the events of one reply.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    id_prefix: String,
    text: String,
    /// The message being written has shown text.
    message_has_text: bool,
    reasoning_shown: bool,
    calls: ToolCalls,
    /// Where the call of an output index or of an item id is in `calls`.
    by_output: HashMap<u64, usize>,
    by_item: HashMap<String, usize>,
    /// The finished items with their output index.
    items: Vec<(u64, Value)>,
    citations: Vec<StreamChunk>,
    refused: bool,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
    unknown_events: u32,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    r#type: Option<Text<'a>>,
    #[serde(default)]
    output_index: Option<u64>,
    #[serde(default)]
    summary_index: Option<u64>,
    #[serde(borrow, default)]
    item_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    item: Option<&'a RawValue>,
    #[serde(borrow, default)]
    annotation: Option<&'a RawValue>,
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
}

/// What the last event says of the whole reply.
#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow, default)]
    output: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    usage: Option<Tokens>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    incomplete_details: Option<Value>,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    input_tokens_details: Option<Value>,
    #[serde(default)]
    output_tokens_details: Option<Value>,
}

impl Tokens {
    fn usage(&self) -> Usage {
        let detail = |details: &Option<Value>, key: &str| details.as_ref()?.get(key)?.as_u64();
        Usage {
            input_tokens: self.input_tokens.unwrap_or_default(),
            cached_input_tokens: detail(&self.input_tokens_details, "cached_tokens").unwrap_or_default(),
            cache_write_tokens: detail(&self.input_tokens_details, "cache_write_tokens").unwrap_or_default(),
            output_tokens: self.output_tokens.unwrap_or_default(),
            reasoning_tokens: detail(&self.output_tokens_details, "reasoning_tokens").unwrap_or_default(),
            estimated: false,
        }
    }
}

fn text_of<'a>(raw: Option<&'a RawValue>) -> Result<Text<'a>, WireError> {
    let Some(raw) = raw else { return Ok(Text::default()) };
    serde_json::from_str(raw.get()).map_err(|error| WireError::json(&error))
}

fn value_of(raw: &RawValue) -> Result<Value, WireError> {
    serde_json::from_str(raw.get()).map_err(|error| WireError::json(&error))
}

fn field<'a>(item: &'a Value, key: &str) -> &'a str {
    item.get(key).and_then(Value::as_str).unwrap_or_default()
}

impl Decoder {
    /// A decoder whose tool calls without an id get one that begins with `id_prefix`.
    pub(crate) fn new(id_prefix: String) -> Self {
        Self { id_prefix, ..Self::default() }
    }

    fn say(&mut self, piece: &str, out: &mut Vec<StreamChunk>) {
        if !piece.is_empty() {
            self.message_has_text = true;
            self.text.push_str(piece);
            out.push(StreamChunk::Text { delta: piece.to_owned() });
        }
    }

    fn reason(&mut self, piece: &str, out: &mut Vec<StreamChunk>) {
        if !piece.is_empty() {
            self.reasoning_shown = true;
            out.push(StreamChunk::Reasoning { delta: piece.to_owned() });
        }
    }

    /// The call that an event speaks of.
    fn place(&self, event: &Event<'_>) -> Option<usize> {
        let by_item = filled(event.item_id.as_ref()).and_then(|id| self.by_item.get(id));
        by_item.or_else(|| self.by_output.get(&event.output_index?)).copied()
    }

    fn item_began(&mut self, output_index: Option<u64>, item: &Value, out: &mut Vec<StreamChunk>) {
        match field(item, "type") {
            "function_call" => {
                self.start_call(output_index, item, out);
            }
            "message" => {
                self.message_has_text = false;
                // The pieces of a reply that speaks between its tool calls are paragraphs of one text.
                if !self.text.is_empty() && !self.text.ends_with('\n') {
                    self.say("\n\n", out);
                    self.message_has_text = false;
                }
            }
            kind => {
                if let Some(name) = builtin_name(kind, item) {
                    out.push(StreamChunk::BuiltinTool { name, phase: BuiltinPhase::Started, detail: String::new() });
                }
            }
        }
    }

    fn start_call(&mut self, output_index: Option<u64>, item: &Value, out: &mut Vec<StreamChunk>) -> usize {
        let (item_id, call_id) = (field(item, "id"), field(item, "call_id"));
        let known = self.by_item.get(item_id).copied().or_else(|| self.by_output.get(&output_index?).copied());
        let known =
            known.or_else(|| self.calls.calls.iter().position(|call| !call_id.is_empty() && call.id == call_id));
        let place = known.unwrap_or_else(|| self.calls.start(call_id, field(item, "name"), out));
        if !item_id.is_empty() {
            self.by_item.insert(item_id.to_owned(), place);
        }
        if let Some(output_index) = output_index {
            self.by_output.insert(output_index, place);
        }
        place
    }

    fn item_done(&mut self, output_index: Option<u64>, item: Value, out: &mut Vec<StreamChunk>) {
        let id = field(&item, "id");
        let is_repeated =
            self.items.iter().any(|(_, known)| (!id.is_empty() && field(known, "id") == id) || *known == item);
        if is_repeated {
            return;
        }
        match field(&item, "type") {
            "function_call" => {
                let place = self.start_call(output_index, &item, out);
                self.calls.complete(place, field(&item, "arguments"), out);
            }
            "message" => self.message_done(&item, out),
            "reasoning" if !self.reasoning_shown => {
                let summary = item.get("summary").and_then(Value::as_array).into_iter().flatten();
                for part in summary {
                    self.reason(field(part, "text"), out);
                }
            }
            kind => {
                if let Some(name) = builtin_name(kind, &item) {
                    let has_failed = matches!(field(&item, "status"), "failed" | "incomplete");
                    let phase = if has_failed { BuiltinPhase::Failed } else { BuiltinPhase::Completed };
                    out.push(StreamChunk::BuiltinTool { name, phase, detail: builtin_detail(&item) });
                }
            }
        }
        self.items.push((output_index.unwrap_or(u64::MAX), item));
    }

    /// Shows what a server did not stream before it ended a message.
    fn message_done(&mut self, item: &Value, out: &mut Vec<StreamChunk>) {
        let had_text = self.message_has_text;
        for part in item.get("content").and_then(Value::as_array).into_iter().flatten() {
            if !had_text {
                self.refused |= field(part, "type") == "refusal";
                self.say(field(part, "text"), out);
                self.say(field(part, "refusal"), out);
            }
            for annotation in part.get("annotations").and_then(Value::as_array).into_iter().flatten() {
                self.cite(annotation, out);
            }
        }
    }

    fn cite(&mut self, annotation: &Value, out: &mut Vec<StreamChunk>) {
        let url = field(annotation, "url").to_owned();
        if url.is_empty() {
            return;
        }
        let chunk = StreamChunk::Citation { url, title: field(annotation, "title").to_owned() };
        if !self.citations.contains(&chunk) {
            self.citations.push(chunk.clone());
            out.push(chunk);
        }
    }

    fn ended(&mut self, response: &RawValue, is_complete: bool, out: &mut Vec<StreamChunk>) -> Result<(), WireError> {
        let whole: Whole<'_> = serde_json::from_str(response.get()).map_err(|error| WireError::json(&error))?;
        self.usage = whole.usage.map(|tokens| tokens.usage());
        for (index, item) in whole.output.iter().flatten().enumerate() {
            let index = u64::try_from(index).ok();
            // Servers that stream no items still list them at the end.
            if !self.items.iter().any(|(known, _)| Some(*known) == index) {
                self.item_done(index, value_of(item)?, out);
            }
        }
        let why = whole.incomplete_details.as_ref().map(|details| field(details, "reason").to_owned());
        self.finish = Some(match why.as_deref() {
            _ if is_complete => FinishReason::Stop,
            Some("max_output_tokens" | "max_tokens") => FinishReason::Length,
            Some("content_filter") => FinishReason::Refusal,
            other => FinishReason::Other(other.unwrap_or("incomplete").to_owned()),
        });
        Ok(())
    }
}

/// The name of a tool that the provider runs, by its item. xAI sends some as custom tool calls with a name.
fn builtin_name(kind: &str, item: &Value) -> Option<String> {
    let name = match kind {
        "code_interpreter_call" => "code_execution",
        "custom_tool_call" | "mcp_call" => field(item, "name"),
        "function_call" => return None,
        other => other.strip_suffix("_call")?,
    };
    Some(name.to_owned())
}

fn builtin_detail(item: &Value) -> String {
    let texts = [item.pointer("/action/query"), item.pointer("/action/url"), item.get("code"), item.get("input")];
    texts.into_iter().flatten().find_map(Value::as_str).unwrap_or_default().to_owned()
}

impl Decode for Decoder {
    fn event(&mut self, event: SseEvent<'_>, out: &mut Vec<StreamChunk>) -> Result<(), WireError> {
        let data = event.data.trim_ascii();
        if data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        let parsed: Event<'_> = serde_json::from_slice(data).map_err(|error| WireError::json(&error))?;
        let named = String::from_utf8_lossy(event.name);
        match filled(parsed.r#type.as_ref()).unwrap_or(&named) {
            "response.output_text.delta" => {
                let piece = text_of(parsed.delta)?;
                self.say(&piece.0, out);
            }
            "response.refusal.delta" => {
                self.refused = true;
                let piece = text_of(parsed.delta)?;
                self.say(&piece.0, out);
            }
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                let piece = text_of(parsed.delta)?;
                self.reason(&piece.0, out);
            }
            "response.reasoning_summary_part.added" if parsed.summary_index.is_some_and(|index| index > 0) => {
                self.reason("\n\n", out);
            }
            "response.function_call_arguments.delta" => {
                let piece = text_of(parsed.delta)?;
                if let Some(place) = self.place(&parsed) {
                    self.calls.extend(place, &piece.0, out);
                }
            }
            "response.function_call_arguments.done" => {
                let whole = text_of(parsed.arguments)?;
                if let Some(place) = self.place(&parsed) {
                    self.calls.complete(place, &whole.0, out);
                }
            }
            "response.output_item.added" => {
                if let Some(item) = parsed.item {
                    self.item_began(parsed.output_index, &value_of(item)?, out);
                }
            }
            "response.output_item.done" => {
                if let Some(item) = parsed.item {
                    self.item_done(parsed.output_index, value_of(item)?, out);
                }
            }
            "response.output_text.annotation.added" => {
                if let Some(annotation) = parsed.annotation {
                    self.cite(&value_of(annotation)?, out);
                }
            }
            kind @ ("response.completed" | "response.incomplete" | "response.done") => {
                if let Some(response) = parsed.response {
                    self.ended(response, kind != "response.incomplete", out)?;
                }
            }
            "response.failed" => {
                let whole: Option<Whole<'_>> = parsed
                    .response
                    .map(|response| serde_json::from_str(response.get()))
                    .transpose()
                    .map_err(|error| WireError::json(&error))?;
                let error = whole.and_then(|whole| whole.error).unwrap_or_default();
                return Err(WireError::Provider(serde_json::json!({ "error": error }).to_string()));
            }
            "error" => return Err(WireError::Provider(String::from_utf8_lossy(data).into_owned())),
            kind if is_harmless(kind) => {}
            _ => self.unknown_events += 1,
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        if self.finish.is_some() { Progress::Ended } else { Progress::Open }
    }

    fn finish(mut self: Box<Self>) -> Result<Decoded, WireError> {
        let finish = self.finish.take().ok_or(WireError::CutShort)?;
        let tool_calls = self.calls.into_calls(&self.id_prefix);
        let finish = match finish {
            _ if self.refused => FinishReason::Refusal,
            FinishReason::Stop if !tool_calls.is_empty() => FinishReason::ToolCalls,
            other => other,
        };
        self.items.sort_by_key(|(output_index, _)| *output_index);
        Ok(Decoded {
            text: self.text,
            tool_calls,
            items: self.items.into_iter().map(|(_, item)| item).collect(),
            finish,
            citations: self.citations,
            usage: self.usage,
            paused: None,
            unknown_events: self.unknown_events,
        })
    }
}

/// Events that only frame others or repeat them.
fn is_harmless(kind: &str) -> bool {
    const FRAMES: &[&str] = &[
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_text.done",
        "response.refusal.done",
        "response.reasoning_text.done",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done",
    ];
    FRAMES.contains(&kind) || kind.contains("_call.") || kind.contains("_call_code.") || kind == "keepalive"
}
