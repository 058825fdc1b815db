//! A reply out of Messages events: <https://platform.claude.com/docs/en/build-with-claude/streaming>.

use massgen_protocol::{BuiltinPhase, FinishReason, StreamChunk, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::sse::SseEvent;
use crate::wire::{Decode, Decoded, Paused, Progress, Text, ToolCalls, WireError, arguments_object, filled};

/// Reads the events of one reply.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    id_prefix: String,
    text: String,
    calls: ToolCalls,
    /// The content blocks by their index.
    blocks: Vec<(u64, Block)>,
    citations: Vec<StreamChunk>,
    container: Option<String>,
    stop_reason: Option<String>,
    stopped: bool,
    tokens: Option<Tokens>,
    unknown_events: u32,
}

/// A content block while it is streamed.
#[derive(Debug)]
struct Block {
    /// As it began; what has been streamed is put in at its end.
    value: Map<String, Value>,
    /// Its text, thinking or JSON input.
    streamed: String,
    signature: String,
    citations: Vec<Value>,
    /// Its place among our tool calls.
    call: Option<usize>,
    ended: bool,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    r#type: Option<Text<'a>>,
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    r#type: Option<Text<'a>>,
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    partial_json: Option<Text<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Text<'a>>,
    #[serde(borrow, default)]
    signature: Option<Text<'a>>,
    #[serde(borrow, default)]
    citation: Option<&'a RawValue>,
    #[serde(borrow, default)]
    stop_reason: Option<Text<'a>>,
    #[serde(borrow, default)]
    container: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Start {
    #[serde(default)]
    usage: Option<Tokens>,
    #[serde(default)]
    container: Option<Value>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Tokens {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct OutputDetails {
    #[serde(default)]
    thinking_tokens: Option<u64>,
}

impl Tokens {
    /// Counts are cumulative: a later one replaces an earlier one.
    fn update(&mut self, later: Self) {
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.cache_creation_input_tokens = later.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.cache_read_input_tokens = later.cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.output_tokens_details = later.output_tokens_details.or(self.output_tokens_details);
    }

    /// Anthropic counts cached input apart from the rest.
    fn usage(self) -> Usage {
        let cached = self.cache_read_input_tokens.unwrap_or_default();
        let written = self.cache_creation_input_tokens.unwrap_or_default();
        Usage {
            input_tokens: self.input_tokens.unwrap_or_default() + cached + written,
            cached_input_tokens: cached,
            cache_write_tokens: written,
            output_tokens: self.output_tokens.unwrap_or_default(),
            reasoning_tokens: self
                .output_tokens_details
                .and_then(|details| details.thinking_tokens)
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

    fn block(&mut self, index: Option<u64>) -> Option<&mut Block> {
        let index = index.unwrap_or_default();
        self.blocks.iter_mut().rev().find(|(known, _)| *known == index).map(|(_, block)| block)
    }

    fn began(&mut self, message: &RawValue) -> Result<(), WireError> {
        let start: Start = serde_json::from_str(message.get()).map_err(|error| WireError::json(&error))?;
        self.count(start.usage);
        self.contain(start.container.as_ref());
        Ok(())
    }

    fn count(&mut self, tokens: Option<Tokens>) {
        if let Some(tokens) = tokens {
            self.tokens.get_or_insert_default().update(tokens);
        }
    }

    fn contain(&mut self, container: Option<&Value>) {
        if let Some(id) = container.and_then(|container| container.get("id")?.as_str()) {
            self.container = Some(id.to_owned());
        }
    }

    fn block_began(
        &mut self,
        index: Option<u64>,
        block: &RawValue,
        out: &mut Vec<StreamChunk>,
    ) -> Result<(), WireError> {
        let value: Map<String, Value> = serde_json::from_str(block.get()).map_err(|error| WireError::json(&error))?;
        if self.block(index).is_some() {
            return Ok(());
        }
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let mut call = None;
        match text("type") {
            "tool_use" => call = Some(self.calls.start(text("id"), text("name"), out)),
            "server_tool_use" | "mcp_tool_use" => out.push(StreamChunk::BuiltinTool {
                name: builtin_name(text("name")),
                phase: BuiltinPhase::Started,
                detail: String::new(),
            }),
            "text" if !text("text").is_empty() => {
                self.text.push_str(text("text"));
                out.push(StreamChunk::Text { delta: text("text").to_owned() });
            }
            "thinking" if !text("thinking").is_empty() => {
                out.push(StreamChunk::Reasoning { delta: text("thinking").to_owned() });
            }
            kind => {
                if let Some(name) = kind.strip_suffix("_tool_result") {
                    let failure = value.get("content").and_then(|content| content.get("error_code")?.as_str());
                    out.push(StreamChunk::BuiltinTool {
                        name: builtin_name(name),
                        phase: if failure.is_some() { BuiltinPhase::Failed } else { BuiltinPhase::Completed },
                        detail: failure.unwrap_or_default().to_owned(),
                    });
                }
            }
        }
        let streamed = match text("type") {
            "text" => text("text").to_owned(),
            "thinking" => text("thinking").to_owned(),
            _ => String::new(),
        };
        let block = Block {
            streamed,
            signature: text("signature").to_owned(),
            citations: Vec::new(),
            call,
            ended: false,
            value,
        };
        self.blocks.push((index.unwrap_or_default(), block));
        Ok(())
    }

    fn delta(&mut self, index: Option<u64>, delta: &Delta<'_>, out: &mut Vec<StreamChunk>) -> Result<(), WireError> {
        match filled(delta.r#type.as_ref()).unwrap_or_default() {
            "text_delta" => {
                let piece = filled(delta.text.as_ref()).unwrap_or_default();
                self.stream(index, piece);
                if !piece.is_empty() {
                    self.text.push_str(piece);
                    out.push(StreamChunk::Text { delta: piece.to_owned() });
                }
            }
            "thinking_delta" => {
                let piece = filled(delta.thinking.as_ref()).unwrap_or_default();
                self.stream(index, piece);
                if !piece.is_empty() {
                    out.push(StreamChunk::Reasoning { delta: piece.to_owned() });
                }
            }
            "input_json_delta" => {
                let piece = filled(delta.partial_json.as_ref()).unwrap_or_default();
                self.stream(index, piece);
                if let Some(place) = self.block(index).and_then(|block| block.call) {
                    self.calls.extend(place, piece, out);
                }
            }
            "signature_delta" => {
                let piece = filled(delta.signature.as_ref()).unwrap_or_default();
                if let Some(block) = self.block(index) {
                    block.signature.push_str(piece);
                }
            }
            "citations_delta" => {
                if let Some(citation) = delta.citation {
                    let citation = serde_json::from_str(citation.get()).map_err(|error| WireError::json(&error))?;
                    self.cite(index, citation, out);
                }
            }
            _ => self.unknown_events += 1,
        }
        Ok(())
    }

    fn stream(&mut self, index: Option<u64>, piece: &str) {
        if let Some(block) = self.block(index) {
            block.streamed.push_str(piece);
        }
    }

    fn cite(&mut self, index: Option<u64>, citation: Value, out: &mut Vec<StreamChunk>) {
        let text = |key: &str| citation.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let chunk = StreamChunk::Citation { url: text("url"), title: text("title") };
        let is_empty = matches!(&chunk, StreamChunk::Citation { url, .. } if url.is_empty());
        if !is_empty && !self.citations.contains(&chunk) {
            self.citations.push(chunk.clone());
            out.push(chunk);
        }
        if let Some(block) = self.block(index) {
            block.citations.push(citation);
        }
    }

    /// Tells what a tool of the provider was asked, once that is complete.
    fn block_ended(&mut self, index: Option<u64>, out: &mut Vec<StreamChunk>) {
        let Some(block) = self.block(index).filter(|block| !block.ended) else { return };
        block.ended = true;
        if block.value.get("type").and_then(Value::as_str) == Some("server_tool_use") {
            let name = block.value.get("name").and_then(Value::as_str).unwrap_or_default();
            let input = arguments_object(&block.streamed);
            let detail = ["query", "code", "command"].iter().find_map(|key| input.get(*key)?.as_str());
            if let Some(detail) = detail {
                let phase = BuiltinPhase::Started;
                out.push(StreamChunk::BuiltinTool { name: builtin_name(name), phase, detail: detail.to_owned() });
            }
        }
    }
}

/// One name for the parts of the code execution tool.
fn builtin_name(name: &str) -> String {
    if name.ends_with("code_execution") { "code_execution" } else { name }.to_owned()
}

impl Block {
    /// The block as the next request has to bring it back.
    fn into_value(self) -> Option<Value> {
        let mut value = self.value;
        match value.get("type").and_then(Value::as_str).unwrap_or_default() {
            "text" if self.streamed.is_empty() => return None,
            "text" => {
                value.insert("text".to_owned(), json!(self.streamed));
                if !self.citations.is_empty() {
                    value.insert("citations".to_owned(), json!(self.citations));
                }
            }
            "thinking" => {
                value.insert("thinking".to_owned(), json!(self.streamed));
                value.insert("signature".to_owned(), json!(self.signature));
            }
            "tool_use" | "server_tool_use" | "mcp_tool_use" if !self.streamed.is_empty() => {
                value.insert("input".to_owned(), arguments_object(&self.streamed));
            }
            _ => {}
        }
        Some(Value::Object(value))
    }
}

/// White space at the end of an assistant's text is refused when that text comes last.
fn trim_last(items: &mut Vec<Value>) {
    let Some(Value::Object(last)) = items.last_mut() else { return };
    if last.get("type").and_then(Value::as_str) != Some("text") {
        return;
    }
    let trimmed = last.get("text").and_then(Value::as_str).unwrap_or_default().trim_end().to_owned();
    if trimmed.is_empty() {
        items.pop();
    } else {
        last.insert("text".to_owned(), Value::String(trimmed));
    }
}

impl Decode for Decoder {
    fn event(&mut self, event: SseEvent<'_>, out: &mut Vec<StreamChunk>) -> Result<(), WireError> {
        let data = event.data.trim_ascii();
        if data.is_empty() {
            return Ok(());
        }
        let parsed: Event<'_> = serde_json::from_slice(data).map_err(|error| WireError::json(&error))?;
        let named = String::from_utf8_lossy(event.name);
        match filled(parsed.r#type.as_ref()).unwrap_or(&named) {
            "content_block_delta" => {
                if let Some(delta) = &parsed.delta {
                    self.delta(parsed.index, delta, out)?;
                }
            }
            "content_block_start" => {
                if let Some(block) = parsed.content_block {
                    self.block_began(parsed.index, block, out)?;
                }
            }
            "content_block_stop" => self.block_ended(parsed.index, out),
            "message_start" => {
                if let Some(message) = parsed.message {
                    self.began(message)?;
                }
            }
            "message_delta" => {
                self.count(parsed.usage);
                if let Some(delta) = &parsed.delta {
                    let reason = filled(delta.stop_reason.as_ref()).map(str::to_owned);
                    self.stop_reason = reason.or(self.stop_reason.take());
                    if let Some(container) = delta.container {
                        let container: Value =
                            serde_json::from_str(container.get()).map_err(|error| WireError::json(&error))?;
                        self.contain(Some(&container));
                    }
                }
            }
            "message_stop" => self.stopped = true,
            "error" => return Err(WireError::Provider(String::from_utf8_lossy(data).into_owned())),
            "ping" => {}
            _ => self.unknown_events += 1,
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        if self.stopped { Progress::Ended } else { Progress::Open }
    }

    fn finish(mut self: Box<Self>) -> Result<Decoded, WireError> {
        if !self.stopped {
            return Err(WireError::CutShort);
        }
        let is_paused = self.stop_reason.as_deref() == Some("pause_turn");
        let finish = match self.stop_reason.as_deref() {
            Some("end_turn" | "stop_sequence" | "pause_turn") | None => FinishReason::Stop,
            Some("tool_use") => FinishReason::ToolCalls,
            Some("max_tokens" | "model_context_window_exceeded") => FinishReason::Length,
            Some("refusal") => FinishReason::Refusal,
            Some(other) => FinishReason::Other(other.to_owned()),
        };
        self.blocks.sort_by_key(|(index, _)| *index);
        let mut items: Vec<Value> = self.blocks.into_iter().filter_map(|(_, block)| block.into_value()).collect();
        trim_last(&mut items);
        Ok(Decoded {
            text: self.text,
            tool_calls: self.calls.into_calls(&self.id_prefix),
            items,
            finish,
            citations: self.citations,
            usage: self.tokens.map(Tokens::usage),
            paused: is_paused.then_some(Paused { container: self.container }),
            unknown_events: self.unknown_events,
        })
    }
}
