//! A reply out of `GenerateContentResponse` events: <https://ai.google.dev/api/generate-content>.

use massgen_protocol::{BuiltinPhase, FinishReason, StreamChunk, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::bridge::Bridge;
use crate::sse::SseEvent;
use crate::wire::{Decode, Decoded, Progress, Text, ToolCalls, WireError, filled};

/// Reads the events of one reply.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    id_prefix: String,
    /// Functions that stand for tools of the provider; their calls are ours to answer.
    bridges: Vec<Bridge>,
    text: String,
    calls: ToolCalls,
    /// The parts to be sent back, as they came, but with plain neighbours joined.
    parts: Vec<Value>,
    citations: Vec<StreamChunk>,
    queries: Vec<String>,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow, default)]
    candidates: Option<Vec<Candidate<'a>>>,
    #[serde(default)]
    usage_metadata: Option<Tokens>,
    #[serde(default)]
    prompt_feedback: Option<Value>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow, default)]
    content: Option<Content<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Text<'a>>,
    #[serde(borrow, default)]
    finish_message: Option<Text<'a>>,
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    grounding_metadata: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    parts: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(default)]
    thought: Option<bool>,
    #[serde(borrow, default)]
    thought_signature: Option<Text<'a>>,
    #[serde(borrow, default)]
    function_call: Option<FunctionCall<'a>>,
    #[serde(default)]
    executable_code: Option<Value>,
    #[serde(default)]
    code_execution_result: Option<Value>,
    #[serde(default)]
    tool_call: Option<Value>,
    #[serde(default)]
    tool_response: Option<Value>,
}

#[derive(Deserialize)]
struct FunctionCall<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    args: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    #[serde(default)]
    prompt_token_count: Option<u64>,
    #[serde(default)]
    cached_content_token_count: Option<u64>,
    #[serde(default)]
    candidates_token_count: Option<u64>,
    #[serde(default)]
    thoughts_token_count: Option<u64>,
    #[serde(default)]
    tool_use_prompt_token_count: Option<u64>,
}

impl Tokens {
    /// Gemini counts thoughts apart from the answer.
    fn usage(&self) -> Usage {
        let thoughts = self.thoughts_token_count.unwrap_or_default();
        let tool_results = self.tool_use_prompt_token_count.unwrap_or_default();
        Usage {
            input_tokens: self.prompt_token_count.unwrap_or_default() + tool_results,
            cached_input_tokens: self.cached_content_token_count.unwrap_or_default(),
            cache_write_tokens: 0,
            output_tokens: self.candidates_token_count.unwrap_or_default() + thoughts,
            reasoning_tokens: thoughts,
            estimated: false,
        }
    }
}

fn text_at<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

impl Decoder {
    /// A decoder whose tool calls without an id get one that begins with `id_prefix`.
    pub(crate) fn new(id_prefix: String, bridges: Vec<Bridge>) -> Self {
        Self { id_prefix, bridges, ..Self::default() }
    }

    fn candidate(&mut self, candidate: &Candidate<'_>, out: &mut Vec<StreamChunk>) -> Result<(), WireError> {
        for part in candidate.content.iter().flat_map(|content| content.parts.iter().flatten()) {
            self.part(part, out)?;
        }
        if let Some(grounding) = candidate.grounding_metadata {
            let grounding: Value = serde_json::from_str(grounding.get()).map_err(|error| WireError::json(&error))?;
            self.ground(&grounding, out);
        }
        match filled(candidate.finish_reason.as_ref()) {
            None | Some("FINISH_REASON_UNSPECIFIED") => {}
            Some("STOP") => self.finish = Some(FinishReason::Stop),
            Some("MAX_TOKENS") => self.finish = Some(FinishReason::Length),
            // The model wrote a call that is none. It seldom does so twice.
            Some(
                reason @ ("MALFORMED_FUNCTION_CALL"
                | "UNEXPECTED_TOOL_CALL"
                | "MALFORMED_RESPONSE"
                | "MISSING_THOUGHT_SIGNATURE"),
            ) => {
                let message = filled(candidate.finish_message.as_ref()).unwrap_or_default();
                return Err(WireError::Malformed(format!("{reason} {message}")));
            }
            Some(
                "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "IMAGE_SAFETY",
            ) => self.finish = Some(FinishReason::Refusal),
            Some(other) => self.finish = Some(FinishReason::Other(other.to_ascii_lowercase())),
        }
        Ok(())
    }

    fn part(&mut self, raw: &RawValue, out: &mut Vec<StreamChunk>) -> Result<(), WireError> {
        let part: Part<'_> = serde_json::from_str(raw.get()).map_err(|error| WireError::json(&error))?;
        let is_signed = part.thought_signature.is_some();
        if let Some(text) = &part.text {
            let (is_thought, piece) = (part.thought == Some(true), text.0.as_ref());
            if !piece.is_empty() {
                let delta = piece.to_owned();
                out.push(if is_thought { StreamChunk::Reasoning { delta } } else { StreamChunk::Text { delta } });
            }
            if !is_thought {
                self.text.push_str(piece);
            }
            if !is_signed {
                // Summaries of thoughts without a signature tell the model nothing.
                if !is_thought && !piece.is_empty() {
                    self.keep_text(piece);
                }
                return Ok(());
            }
        }
        if let Some(call) = &part.function_call {
            let (id, name) =
                (filled(call.id.as_ref()).unwrap_or_default(), filled(call.name.as_ref()).unwrap_or_default());
            if !id.is_empty() && self.calls.calls.iter().any(|known| known.id == id) {
                return Ok(());
            }
            let arguments = call.args.map_or("{}", |args| args.get());
            let mut unseen = Vec::new();
            let is_bridged = self.bridges.iter().any(|bridge| bridge.function() == name);
            let seen = if is_bridged { &mut unseen } else { &mut *out };
            let place = self.calls.start(id, name, seen);
            self.calls.extend(place, arguments, seen);
        }
        server_side(&part, out);
        let value = serde_json::from_str(raw.get()).map_err(|error| WireError::json(&error))?;
        self.parts.push(value);
        Ok(())
    }

    /// Keeps text to be sent back, joined to text right before it. A signed part stays alone.
    fn keep_text(&mut self, piece: &str) {
        if let Some(Value::Object(last)) = self.parts.last_mut()
            && last.len() == 1
            && let Some(Value::String(text)) = last.get_mut("text")
        {
            text.push_str(piece);
        } else {
            self.parts.push(json!({ "text": piece }));
        }
    }

    fn ground(&mut self, grounding: &Value, out: &mut Vec<StreamChunk>) {
        let list = |key: &str| grounding.get(key).and_then(Value::as_array).into_iter().flatten();
        for query in list("webSearchQueries").filter_map(Value::as_str) {
            if !self.queries.iter().any(|known| known == query) {
                self.queries.push(query.to_owned());
                out.push(StreamChunk::BuiltinTool {
                    name: "web_search".to_owned(),
                    phase: BuiltinPhase::Completed,
                    detail: query.to_owned(),
                });
            }
        }
        for source in list("groundingChunks").filter_map(|chunk| chunk.get("web")) {
            let chunk = StreamChunk::Citation {
                url: text_at(source, "uri").to_owned(),
                title: text_at(source, "title").to_owned(),
            };
            if !text_at(source, "uri").is_empty() && !self.citations.contains(&chunk) {
                self.citations.push(chunk.clone());
                out.push(chunk);
            }
        }
    }
}

/// What the provider did on its side.
fn server_side(part: &Part<'_>, out: &mut Vec<StreamChunk>) {
    let mut tell = |name: &str, phase, detail: &str| {
        out.push(StreamChunk::BuiltinTool { name: name.to_owned(), phase, detail: detail.to_owned() });
    };
    if let Some(code) = &part.executable_code {
        tell("code_execution", BuiltinPhase::Started, text_at(code, "code"));
    }
    if let Some(result) = &part.code_execution_result {
        let has_failed = !matches!(text_at(result, "outcome"), "OUTCOME_OK" | "");
        let phase = if has_failed { BuiltinPhase::Failed } else { BuiltinPhase::Completed };
        tell("code_execution", phase, text_at(result, "output"));
    }
    if let Some(call) = &part.tool_call {
        tell(&tool_name(call), BuiltinPhase::Started, &call.get("args").map(Value::to_string).unwrap_or_default());
    }
    if let Some(response) = &part.tool_response {
        tell(&tool_name(response), BuiltinPhase::Completed, "");
    }
}

fn tool_name(tool: &Value) -> String {
    match text_at(tool, "toolType") {
        "GOOGLE_SEARCH_WEB" | "GOOGLE_SEARCH" => "web_search".to_owned(),
        other => other.to_ascii_lowercase(),
    }
}

impl Decode for Decoder {
    fn event(&mut self, event: SseEvent<'_>, out: &mut Vec<StreamChunk>) -> Result<(), WireError> {
        let data = event.data.trim_ascii();
        if data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        let parsed: Event<'_> = serde_json::from_slice(data).map_err(|error| WireError::json(&error))?;
        if parsed.error.is_some() {
            return Err(WireError::Provider(String::from_utf8_lossy(data).into_owned()));
        }
        if let Some(tokens) = &parsed.usage_metadata {
            self.usage = Some(tokens.usage());
        }
        if let Some(reason) = parsed.prompt_feedback.as_ref().and_then(|feedback| feedback.get("blockReason")?.as_str())
        {
            return Err(WireError::Refused(format!("blocked as {reason}")));
        }
        for candidate in parsed.candidates.iter().flatten().filter(|one| one.index.unwrap_or_default() == 0) {
            self.candidate(candidate, out)?;
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        // The stream has no last event of its own: it ends after the one with the finish reason.
        if self.finish.is_some() { Progress::MayEnd } else { Progress::Open }
    }

    fn finish(self: Box<Self>) -> Result<Decoded, WireError> {
        let finish = self.finish.ok_or(WireError::CutShort)?;
        let tool_calls = self.calls.into_calls(&self.id_prefix);
        let finish = match finish {
            FinishReason::Stop if !tool_calls.is_empty() => FinishReason::ToolCalls,
            other => other,
        };
        let content = (!self.parts.is_empty()).then(|| json!({ "role": "model", "parts": self.parts }));
        Ok(Decoded {
            text: self.text,
            tool_calls,
            items: content.into_iter().collect(),
            finish,
            citations: self.citations,
            usage: self.usage,
            paused: None,
            unknown_events: 0,
        })
    }
}
