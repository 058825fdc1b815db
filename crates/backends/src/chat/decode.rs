//! A reply out of Chat Completions chunks.

use massgen_protocol::{FinishReason, StreamChunk, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::sse::SseEvent;
use crate::wire::{Decode, Decoded, Progress, Text, ToolCalls, WireError, filled};

/// Reads the chunks of one reply.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    id_prefix: String,
    text: String,
    calls: ToolCalls,
    /// What each call is known by while it is streamed.
    keys: Vec<CallKey>,
    /// DeepSeek, Kimi and GLM want their reasoning back with the results of its tool calls.
    reasoning_content: String,
    /// OpenRouter's form of the same, signatures included.
    reasoning_details: Vec<Value>,
    citations: Vec<StreamChunk>,
    finish: Option<FinishReason>,
    refused: bool,
    done: bool,
    usage: Option<Usage>,
}

/// What tells a streamed call from the others.
#[derive(Debug, Default)]
struct CallKey {
    index: Option<u64>,
    /// What Gemini's compatible endpoint adds to a call and wants back: its thought signature.
    extra: Option<Value>,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(default)]
    usage: Option<Tokens>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    citations: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    /// Instead of a delta, from servers that do not stream tool calls.
    #[serde(borrow, default)]
    message: Option<Delta<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Text<'a>>,
    /// Moonshot counts here.
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    /// A text, or for Mistral's reasoning models a list of parts.
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_content: Option<Text<'a>>,
    #[serde(borrow, default)]
    reasoning: Option<Text<'a>>,
    #[serde(borrow, default)]
    reasoning_details: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<Text<'a>>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<CallDelta<'a>>>,
    #[serde(borrow, default)]
    annotations: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct CallDelta<'a> {
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    function: Option<FunctionDelta<'a>>,
    #[serde(borrow, default)]
    extra_content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct FunctionDelta<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    /// A text; some servers send the object itself.
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<InputDetails>,
    #[serde(default)]
    completion_tokens_details: Option<OutputDetails>,
    /// DeepSeek's name for cached input.
    #[serde(default)]
    prompt_cache_hit_tokens: Option<u64>,
    /// Moonshot's name for cached input.
    #[serde(default)]
    cached_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct InputDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
    /// OpenRouter, for models with paid cache writes.
    #[serde(default)]
    cache_write_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct OutputDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

impl Tokens {
    fn usage(&self) -> Usage {
        let input = self.prompt_tokens_details.as_ref();
        let cached = input.and_then(|details| details.cached_tokens);
        Usage {
            input_tokens: self.prompt_tokens.unwrap_or_default(),
            cached_input_tokens: cached.or(self.prompt_cache_hit_tokens).or(self.cached_tokens).unwrap_or_default(),
            cache_write_tokens: input.and_then(|details| details.cache_write_tokens).unwrap_or_default(),
            output_tokens: self.completion_tokens.unwrap_or_default(),
            reasoning_tokens: self
                .completion_tokens_details
                .as_ref()
                .and_then(|details| details.reasoning_tokens)
                .unwrap_or_default(),
            estimated: false,
        }
    }
}

impl Decoder {
    /// A decoder whose tool calls without an id get one that begins with `id_prefix`.
    pub(crate) fn new(id_prefix: String) -> Self {
        Self { id_prefix, ..Self::default() }
    }

    fn choice(&mut self, choice: &Choice<'_>, out: &mut Vec<StreamChunk>) -> Result<(), WireError> {
        if let Some(delta) = choice.delta.as_ref().or(choice.message.as_ref()) {
            self.delta(delta, out)?;
        }
        if let Some(tokens) = &choice.usage {
            self.usage = Some(tokens.usage());
        }
        match filled(choice.finish_reason.as_ref()) {
            None => {}
            // OpenRouter and DeepSeek report a failure of the model behind them so.
            Some(reason @ ("error" | "insufficient_system_resource")) => {
                return Err(WireError::Provider(json!({ "error": { "message": reason, "code": 503 } }).to_string()));
            }
            Some(reason) => self.finish = Some(finish_reason(reason)),
        }
        Ok(())
    }

    fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<StreamChunk>) -> Result<(), WireError> {
        if let Some(piece) = filled(delta.reasoning_content.as_ref()) {
            self.reasoning_content.push_str(piece);
            out.push(StreamChunk::Reasoning { delta: piece.to_owned() });
        } else if let Some(piece) = filled(delta.reasoning.as_ref()) {
            out.push(StreamChunk::Reasoning { delta: piece.to_owned() });
        }
        if let Some(details) = delta.reasoning_details {
            self.details(details)?;
        }
        if let Some(content) = delta.content {
            self.content(content, out)?;
        }
        if let Some(piece) = filled(delta.refusal.as_ref()) {
            self.refused = true;
            self.say(piece, out);
        }
        for call in delta.tool_calls.iter().flatten() {
            self.call(call, out)?;
        }
        if let Some(annotations) = delta.annotations {
            let annotations: Value =
                serde_json::from_str(annotations.get()).map_err(|error| WireError::json(&error))?;
            for annotation in annotations.as_array().into_iter().flatten() {
                let citation = annotation.get("url_citation").unwrap_or(annotation);
                self.cite(citation, out);
            }
        }
        Ok(())
    }

    fn say(&mut self, piece: &str, out: &mut Vec<StreamChunk>) {
        if !piece.is_empty() {
            self.text.push_str(piece);
            out.push(StreamChunk::Text { delta: piece.to_owned() });
        }
    }

    fn content(&mut self, content: &RawValue, out: &mut Vec<StreamChunk>) -> Result<(), WireError> {
        if content.get().starts_with('"') {
            let piece: Text<'_> = serde_json::from_str(content.get()).map_err(|error| WireError::json(&error))?;
            self.say(&piece.0, out);
            return Ok(());
        }
        let parts: Value = serde_json::from_str(content.get()).map_err(|error| WireError::json(&error))?;
        for part in parts.as_array().into_iter().flatten() {
            let thoughts = part.get("thinking").and_then(Value::as_array).into_iter().flatten();
            for thought in thoughts.filter_map(|thought| thought.get("text")?.as_str()) {
                out.push(StreamChunk::Reasoning { delta: thought.to_owned() });
            }
            if let Some(piece) = part.get("text").and_then(Value::as_str) {
                self.say(piece, out);
            }
        }
        Ok(())
    }

    /// Joins the pieces of one detail: <https://openrouter.ai/docs/use-cases/reasoning-tokens>.
    fn details(&mut self, details: &RawValue) -> Result<(), WireError> {
        let pieces: Option<Vec<Value>> =
            serde_json::from_str(details.get()).map_err(|error| WireError::json(&error))?;
        for piece in pieces.into_iter().flatten() {
            let same = self.reasoning_details.last_mut().filter(|last| {
                last.get("type") == piece.get("type")
                    && last.get("index") == piece.get("index")
                    && piece.get("index").is_some()
            });
            let (Some(Value::Object(last)), Value::Object(piece)) = (same, &piece) else {
                self.reasoning_details.push(piece);
                continue;
            };
            for (key, value) in piece {
                match (last.get_mut(key), value) {
                    (Some(Value::String(text)), Value::String(more))
                        if matches!(key.as_str(), "text" | "summary" | "data") =>
                    {
                        text.push_str(more);
                    }
                    (_, Value::Null) => {}
                    _ => {
                        last.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        Ok(())
    }

    fn call(&mut self, delta: &CallDelta<'_>, out: &mut Vec<StreamChunk>) -> Result<(), WireError> {
        let name = delta.function.as_ref().and_then(|function| filled(function.name.as_ref())).unwrap_or_default();
        let id = filled(delta.id.as_ref()).unwrap_or_default();
        let text;
        let piece = match delta.function.as_ref().and_then(|function| function.arguments) {
            None => "",
            Some(raw) if raw.get().starts_with('"') => {
                text = serde_json::from_str::<Text<'_>>(raw.get()).map_err(|error| WireError::json(&error))?;
                &text.0
            }
            Some(raw) => raw.get(),
        };
        let place = match self.find(delta.index, id, name) {
            Some(place) if self.is_repeated(place, name, piece) => return Ok(()),
            Some(place) => place,
            None => {
                self.keys.push(CallKey { index: delta.index, extra: None });
                // An id that another call has is of no use: it gets one of ours.
                let is_taken = self.calls.calls.iter().any(|call| call.id == id);
                self.calls.start(if is_taken { "" } else { id }, name, out)
            }
        };
        let has_id = self.calls.calls.iter().any(|call| call.id == id);
        if let Some(call) = self.calls.calls.get_mut(place) {
            if call.id.is_empty() && !has_id {
                id.clone_into(&mut call.id);
            }
            if call.name.is_empty() {
                name.clone_into(&mut call.name);
            }
        }
        if let (Some(extra), Some(key)) = (delta.extra_content, self.keys.get_mut(place)) {
            key.extra = serde_json::from_str(extra.get()).ok();
        }
        self.calls.extend(place, piece, out);
        Ok(())
    }

    /// The call that a piece belongs to. A known id decides, unless the index says
    /// that it is another call. Else the index does, unless the piece brings both a
    /// name and an id of its own: some servers number every parallel call 0. Without either, it is the last call.
    fn find(&self, index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let calls = &self.calls.calls;
        // Some servers give all calls of a reply one id, but number them.
        let is_numbered_other = |place: usize| {
            let key = self.keys.get(place).and_then(|key| key.index);
            let is_known = || self.keys.iter().any(|key| key.index == index);
            key.zip(index).is_some_and(|(own, index)| own != index) && (!name.is_empty() || is_known())
        };
        let by_id = || {
            let place = calls.iter().position(|call| !id.is_empty() && call.id == id)?;
            (!is_numbered_other(place)).then_some(place)
        };
        let by_index = || {
            let place = self.keys.iter().rposition(|key| index.is_some() && key.index == index)?;
            let is_other =
                !id.is_empty() && !name.is_empty() && calls.get(place).is_some_and(|call| !call.id.is_empty());
            (!is_other).then_some(place)
        };
        let last = || (index.is_none() && id.is_empty() && name.is_empty()).then(|| calls.len().checked_sub(1))?;
        by_id().or_else(by_index).or_else(last)
    }

    /// Whether a piece only says again what a whole call already holds.
    fn is_repeated(&self, place: usize, name: &str, piece: &str) -> bool {
        let Some(call) = self.calls.calls.get(place) else { return false };
        !name.is_empty() && call.name == name && !piece.is_empty() && call.arguments == piece
    }

    fn cite(&mut self, citation: &Value, out: &mut Vec<StreamChunk>) {
        let text = |key: &str| citation.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let url = citation.as_str().map_or_else(|| text("url"), str::to_owned);
        let chunk = StreamChunk::Citation { url, title: text("title") };
        let is_empty = matches!(&chunk, StreamChunk::Citation { url, .. } if url.is_empty());
        if !is_empty && !self.citations.contains(&chunk) {
            self.citations.push(chunk.clone());
            out.push(chunk);
        }
    }
}

fn finish_reason(reason: &str) -> FinishReason {
    match reason {
        "stop" | "eos" | "end_turn" => FinishReason::Stop,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        "length" | "max_tokens" => FinishReason::Length,
        "content_filter" | "sensitive" => FinishReason::Refusal,
        other => FinishReason::Other(other.to_owned()),
    }
}

impl Decode for Decoder {
    fn event(&mut self, event: SseEvent<'_>, out: &mut Vec<StreamChunk>) -> Result<(), WireError> {
        let data = event.data.trim_ascii();
        if data == b"[DONE]" {
            self.done = true;
            return Ok(());
        }
        if data.is_empty() {
            return Ok(());
        }
        let chunk: Chunk<'_> = serde_json::from_slice(data).map_err(|error| WireError::json(&error))?;
        if chunk.error.is_some() || event.name == b"error" {
            return Err(WireError::Provider(String::from_utf8_lossy(data).into_owned()));
        }
        for choice in chunk.choices.iter().flatten().filter(|choice| choice.index.unwrap_or_default() == 0) {
            self.choice(choice, out)?;
        }
        if let Some(tokens) = &chunk.usage {
            self.usage = Some(tokens.usage());
        }
        if let Some(citations) = chunk.citations {
            let citations: Value = serde_json::from_str(citations.get()).map_err(|error| WireError::json(&error))?;
            for citation in citations.as_array().into_iter().flatten() {
                self.cite(citation, out);
            }
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        match (self.done, &self.finish) {
            (true, _) => Progress::Ended,
            (false, Some(_)) => Progress::MayEnd,
            (false, None) => Progress::Open,
        }
    }

    fn finish(mut self: Box<Self>) -> Result<Decoded, WireError> {
        if self.progress() == Progress::Open {
            return Err(WireError::CutShort);
        }
        let extras: Vec<Option<Value>> = self.keys.into_iter().map(|key| key.extra).collect();
        let finish = self.finish.take();
        let tool_calls = self.calls.into_calls(&self.id_prefix);
        let finish = match finish {
            _ if self.refused => FinishReason::Refusal,
            None | Some(FinishReason::Stop | FinishReason::Other(_)) if !tool_calls.is_empty() => {
                FinishReason::ToolCalls
            }
            other => other.unwrap_or(FinishReason::Stop),
        };
        let has_more = !self.reasoning_content.is_empty() || !self.reasoning_details.is_empty();
        let mut items = Vec::new();
        if !tool_calls.is_empty() && (has_more || extras.iter().any(Option::is_some)) {
            let mut calls = Vec::new();
            for (call, extra) in tool_calls.iter().zip(extras) {
                let function = json!({ "name": call.name, "arguments": call.arguments });
                let mut whole = json!({ "id": call.id, "type": "function", "function": function });
                if let (Value::Object(whole), Some(extra)) = (&mut whole, extra) {
                    whole.insert("extra_content".to_owned(), extra);
                }
                calls.push(whole);
            }
            let content = if self.text.is_empty() { Value::Null } else { json!(self.text) };
            let mut message = Map::from_iter([
                ("role".to_owned(), json!("assistant")),
                ("content".to_owned(), content),
                ("tool_calls".to_owned(), json!(calls)),
            ]);
            if !self.reasoning_details.is_empty() {
                message.insert("reasoning_details".to_owned(), json!(self.reasoning_details));
            } else if !self.reasoning_content.is_empty() {
                message.insert("reasoning_content".to_owned(), json!(self.reasoning_content));
            }
            items.push(Value::Object(message));
        }
        Ok(Decoded {
            text: self.text,
            tool_calls,
            items,
            finish,
            citations: self.citations,
            usage: self.usage,
            paused: None,
            unknown_events: 0,
        })
    }
}
