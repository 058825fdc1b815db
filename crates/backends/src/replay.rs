//! Replays byte fixtures through a decoder, cut at every place. For tests.

use massgen_protocol::StreamChunk;
use proptest::prelude::*;

use crate::sse::{EventTooLong, SseDecoder};
use crate::wire::{Decode, Decoded, Progress, WireError};

/// What a stream came to.
pub(crate) type Outcome = (Vec<StreamChunk>, Result<Decoded, WireError>);

#[derive(Debug)]
struct Stopped(WireError);

impl From<EventTooLong> for Stopped {
    fn from(_: EventTooLong) -> Self {
        Self(WireError::Malformed("too long".to_owned()))
    }
}

/// Decodes a stream that arrives in these pieces.
pub(crate) fn replay<'a>(mut decoder: Box<dyn Decode>, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut chunks = Vec::new();
    let mut sse = SseDecoder::default();
    let mut on_event = |event: crate::sse::SseEvent<'_>| {
        if decoder.progress() == Progress::Ended {
            return Ok(());
        }
        decoder.event(event, &mut chunks).map_err(Stopped)
    };
    let mut fed = pieces.into_iter().try_for_each(|piece| sse.feed(piece, &mut on_event));
    if fed.is_ok() {
        fed = sse.finish(&mut on_event);
    }
    match fed {
        Ok(()) => (chunks, decoder.finish()),
        Err(Stopped(error)) => (chunks, Err(error)),
    }
}

/// Decodes a fixture whole, then at every cut in two, then byte by byte, and demands one result.
pub(crate) fn at_every_cut(make: impl Fn() -> Box<dyn Decode>, fixture: &str) -> Outcome {
    let bytes = fixture.as_bytes();
    let whole = replay(make(), [bytes]);
    for at in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(at);
        assert_eq!(replay(make(), [head, tail]), whole, "cut at byte {at}");
    }
    assert_eq!(replay(make(), bytes.chunks(1)), whole, "byte by byte");
    let with_returns = fixture.replace('\n', "\r\n");
    assert_eq!(replay(make(), with_returns.as_bytes().chunks(7)), whole, "with carriage returns");
    whole
}

/// A reply of which nothing may be missing, less its chunks.
pub(crate) fn decoded(outcome: Outcome) -> Decoded {
    outcome.1.unwrap()
}

/// The stream without its last `events` events.
pub(crate) fn without_last(fixture: &str, events: usize) -> String {
    let all: Vec<&str> = fixture.split_inclusive("\n\n").collect();
    all[..all.len() - events].concat()
}

/// The text of a stream's chunks.
pub(crate) fn text_of(chunks: &[StreamChunk]) -> String {
    let text = chunks.iter().map(|chunk| if let StreamChunk::Text { delta } = chunk { delta.as_str() } else { "" });
    text.collect()
}

/// Events whose data is nearly of a protocol: true pieces of a fixture with bytes changed.
pub(crate) fn damaged(fixture: &'static str) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec((0..fixture.len(), any::<u8>()), 0..12).prop_map(move |changes| {
        let mut bytes = fixture.as_bytes().to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        bytes
    })
}
