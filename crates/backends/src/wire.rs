//! What the four codecs have in common: one request in, one decoded reply out, no I/O.

use massgen_protocol::{FinishReason, StreamChunk, ToolCall, Usage};
use serde_json::Value;

use crate::sse::SseEvent;

/// Reads one reply's events. Pure: no clock, no I/O.
pub(crate) trait Decode: Send {
    /// Reads one event and appends what it means to `out`.
    fn event(&mut self, event: SseEvent<'_>, out: &mut Vec<StreamChunk>) -> Result<(), WireError>;

    /// How far the reply is.
    fn progress(&self) -> Progress;

    /// The whole reply, once the stream has ended.
    fn finish(self: Box<Self>) -> Result<Decoded, WireError>;
}

/// How far a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More must come.
    Open,
    /// The reply is whole; the stream may still bring token counts.
    MayEnd,
    /// The protocol's last event has come.
    Ended,
}

/// A whole reply in our terms.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decoded {
    pub(crate) text: String,
    pub(crate) tool_calls: Vec<ToolCall>,
    /// The provider's own items, to be sent back untouched. Empty when there is nothing but text and calls.
    pub(crate) items: Vec<Value>,
    pub(crate) finish: FinishReason,
    /// The sources that the reply cites, each once.
    pub(crate) citations: Vec<StreamChunk>,
    /// `None` when the provider sent none.
    pub(crate) usage: Option<Usage>,
    /// What the provider wants to be sent on to finish the same reply: its name for the sandbox, when it has one.
    pub(crate) paused: Option<Paused>,
    /// Events of types that we do not know. They are harmless.
    pub(crate) unknown_events: u32,
}

/// A reply that the provider has paused and continues when it is sent back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Paused {
    /// The sandbox to go on with.
    pub(crate) container: Option<String>,
}

/// Why a stream cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WireError {
    /// An event is not of the protocol.
    Malformed(String),
    /// The stream ended before the reply did.
    CutShort,
    /// The provider reports an error within the stream, in its own JSON.
    Provider(String),
    /// The provider declines the prompt.
    Refused(String),
}

impl WireError {
    /// An event that is not the JSON it should be.
    pub(crate) fn json(error: &serde_json::Error) -> Self {
        Self::Malformed(format!("an event is not the JSON it should be: {error}"))
    }
}

/// Text that borrows from the event unless it has escapes. `Option<Cow<str>>` would always copy.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) std::borrow::Cow<'a, str>);

/// A text field that may be missing, `null` or empty, all meaning the same.
pub(crate) fn filled<'a>(text: Option<&'a Text<'_>>) -> Option<&'a str> {
    text.map(|text| text.0.as_ref()).filter(|text| !text.is_empty())
}

/// The tool calls of one reply, in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct ToolCalls {
    pub(crate) calls: Vec<ToolCall>,
}

impl ToolCalls {
    /// Begins a call and tells its place.
    pub(crate) fn start(&mut self, id: &str, name: &str, out: &mut Vec<StreamChunk>) -> usize {
        let place = self.calls.len();
        self.calls.push(ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: String::new() });
        out.push(StreamChunk::ToolCallStarted { index: index_of(place), name: name.to_owned() });
        place
    }

    /// Appends a piece of arguments.
    pub(crate) fn extend(&mut self, place: usize, piece: &str, out: &mut Vec<StreamChunk>) {
        let Some(call) = self.calls.get_mut(place) else { return };
        if !piece.is_empty() {
            call.arguments.push_str(piece);
            out.push(StreamChunk::ToolCallDelta { index: index_of(place), arguments: piece.to_owned() });
        }
    }

    /// Sets the arguments to what the provider says they are in the end, and streams what was missing.
    pub(crate) fn complete(&mut self, place: usize, whole: &str, out: &mut Vec<StreamChunk>) {
        let Some(call) = self.calls.get_mut(place) else { return };
        if let Some(missing) = whole.strip_prefix(call.arguments.as_str()).filter(|missing| !missing.is_empty()) {
            out.push(StreamChunk::ToolCallDelta { index: index_of(place), arguments: missing.to_owned() });
        }
        if !whole.is_empty() {
            whole.clone_into(&mut call.arguments);
        }
    }

    /// The finished calls: an empty argument text means no arguments, an empty id gets one of ours.
    pub(crate) fn into_calls(mut self, id_prefix: &str) -> Vec<ToolCall> {
        for (place, call) in self.calls.iter_mut().enumerate() {
            if call.arguments.trim().is_empty() {
                "{}".clone_into(&mut call.arguments);
            }
            if call.id.is_empty() {
                call.id = format!("{id_prefix}_{place}");
            }
        }
        self.calls
    }
}

/// A place as the index of a chunk.
pub(crate) fn index_of(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Arguments as a JSON object, for protocols that take nothing else. What is not one is wrapped, so that the
/// model can see what it wrote.
pub(crate) fn arguments_object(arguments: &str) -> Value {
    match serde_json::from_str(arguments) {
        Ok(Value::Object(object)) => Value::Object(object),
        _ if arguments.trim().is_empty() => Value::Object(serde_json::Map::new()),
        _ => serde_json::json!({ "invalid_arguments": arguments }),
    }
}

/// A part that the framework makes, then the user's parameters over it: maps are joined, lists are appended.
pub(crate) fn overlay(body: &mut Value, params: &serde_json::Map<String, Value>) {
    let Value::Object(body) = body else { return };
    for (key, value) in params {
        match (body.get_mut(key), value) {
            (Some(ours @ Value::Object(_)), Value::Object(theirs)) => overlay(ours, theirs),
            (Some(Value::Array(ours)), Value::Array(theirs)) => ours.extend(theirs.iter().cloned()),
            _ => {
                body.insert(key.clone(), value.clone());
            }
        }
    }
}
