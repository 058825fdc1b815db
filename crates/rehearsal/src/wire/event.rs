//! One event of a stream, and how it is laid out on the wire.

use bytes::Bytes;
use serde_json::Value;

/// One event, or a run of equal ones.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// What it carries; `None` is the `[DONE]` of Chat Completions.
    pub(crate) data: Option<Value>,
    /// What it is to a fault.
    pub(crate) kind: Kind,
    /// How often it is sent.
    pub(crate) times: u32,
}

/// What an event is to a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It opens or closes something.
    Structure,
    /// It carries a chunk of text, reasoning or arguments.
    Chunk,
    /// It is part of the end of the stream.
    End,
}

impl Event {
    pub(super) fn structure(data: Value) -> Self {
        Self { data: Some(data), kind: Kind::Structure, times: 1 }
    }

    pub(super) fn chunk(data: Value) -> Self {
        Self::chunks(data, 1)
    }

    pub(super) fn chunks(data: Value, times: u32) -> Self {
        Self { data: Some(data), kind: Kind::Chunk, times }
    }

    pub(super) fn end(data: Value) -> Self {
        Self { data: Some(data), kind: Kind::End, times: 1 }
    }
}

/// The events of several tool calls, one group for each: one after the other, or interleaved.
pub(super) fn arrange(groups: Vec<Vec<Event>>, interleave: bool) -> Vec<Event> {
    if !interleave {
        return groups.into_iter().flatten().collect();
    }
    let mut lanes: Vec<_> = groups.into_iter().map(Vec::into_iter).collect();
    let mut woven = Vec::new();
    loop {
        let before = woven.len();
        woven.extend(lanes.iter_mut().filter_map(Iterator::next));
        if woven.len() == before {
            return woven;
        }
    }
}

/// How events are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events with a name, which is the `type` of the data.
    Named,
    /// Server-sent events without a name.
    Plain,
    /// The same with CR LF, as Google writes them.
    PlainCrlf,
    /// One JSON array.
    Array,
    /// One JSON document that is all there is.
    Document,
}

/// An event ready to be sent, as often as it has to be.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    head: Bytes,
    /// What follows the sequence number, if the event has one.
    tail: Option<Bytes>,
    pub(crate) kind: Kind,
    pub(crate) times: u32,
}

/// Stands for the number of an event until it is sent. It is the second key of the data.
const SEQUENCE: &[u8] = b"\"sequence_number\":";

impl Frame {
    pub(crate) fn new(event: &Event, framing: Framing) -> Self {
        let data = event.data.as_ref().map_or_else(|| "[DONE]".to_owned(), Value::to_string);
        let text = match framing {
            Framing::Named => {
                let name = event.data.as_ref().and_then(|data| data.get("type")).and_then(Value::as_str);
                format!("event: {}\ndata: {data}\n\n", name.unwrap_or_default())
            }
            Framing::Plain => format!("data: {data}\n\n"),
            Framing::PlainCrlf => format!("data: {data}\r\n\r\n"),
            Framing::Array | Framing::Document => data,
        };
        let bytes = Bytes::from(text);
        let numbered = event.data.as_ref().is_some_and(|data| data.get("sequence_number").is_some());
        let at = numbered.then(|| bytes.windows(SEQUENCE.len()).position(|window| window == SEQUENCE)).flatten();
        let (head, tail) = match at {
            // The placeholder is one digit long.
            Some(at) => (bytes.slice(..at + SEQUENCE.len()), Some(bytes.slice(at + SEQUENCE.len() + 1..))),
            None => (bytes, None),
        };
        Self { head, tail, kind: event.kind, times: event.times }
    }

    /// The bytes, with the number in its place.
    pub(crate) fn bytes(&self, sequence: u64) -> Bytes {
        let Some(tail) = &self.tail else { return self.head.clone() };
        let number = sequence.to_string();
        let mut bytes = Vec::with_capacity(self.head.len() + number.len() + tail.len());
        bytes.extend_from_slice(&self.head);
        bytes.extend_from_slice(number.as_bytes());
        bytes.extend_from_slice(tail);
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_sequence_number_is_put_in_its_place() {
        let event = Event::chunk(json!({"type": "a.b", "sequence_number": 0, "delta": "\"sequence_number\":9"}));
        let frame = Frame::new(&event, Framing::Named);
        let expected =
            "event: a.b\ndata: {\"type\":\"a.b\",\"sequence_number\":12,\"delta\":\"\\\"sequence_number\\\":9\"}\n\n";
        assert_eq!(frame.bytes(12), expected);
    }

    #[test]
    fn done_is_not_json() {
        let event = Event { data: None, kind: Kind::End, times: 1 };
        assert_eq!(Frame::new(&event, Framing::Plain).bytes(0), "data: [DONE]\n\n");
    }

    #[test]
    fn interleaving_keeps_the_order_within_each_call() {
        let group = |name: &str| (0..3).map(|n| Event::chunk(json!(format!("{name}{n}")))).collect::<Vec<_>>();
        let woven = arrange(vec![group("a"), group("b")], true);
        let names: Vec<_> = woven.iter().filter_map(|event| event.data.as_ref()?.as_str()).collect();
        assert_eq!(names, ["a0", "b0", "a1", "b1", "a2", "b2"]);
    }
}
