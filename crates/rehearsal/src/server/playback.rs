//! Sends a reply piece by piece, with everything that can go wrong on the way.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::exchange::Pace;
use crate::scenario::step::{Damage, Ending};
use crate::wire::{Event, Frame, Framing, Kind};

/// A reply on its way.
pub(super) struct Playback {
    frames: VecDeque<Frame>,
    error_frames: VecDeque<Frame>,
    framing: Framing,
    pace: Pace,
    damage: Damage,
    stopping: CancellationToken,
    /// Bytes that are ready to be sent, one HTTP chunk each.
    ready: VecDeque<Bytes>,
    splitter: Option<Splitter>,
    chunks_sent: u64,
    sequence: u64,
    started: bool,
    then: Then,
}

/// What happens when nothing is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The next frame is made ready.
    Next,
    /// The body ends.
    End,
    /// The connection breaks.
    Break,
    /// Nothing more, for ever.
    Silence,
}

impl Playback {
    /// Plays events; `errors` are sent if the damage asks for an error in the stream.
    pub(super) fn events(
        events: &[Event],
        errors: &[Event],
        framing: Framing,
        pace: Pace,
        damage: Damage,
        stopping: CancellationToken,
    ) -> Self {
        let frames = |events: &[Event]| events.iter().map(|event| Frame::new(event, framing)).collect();
        Self {
            frames: frames(events),
            error_frames: frames(errors),
            framing,
            pace,
            damage,
            stopping,
            ready: VecDeque::new(),
            splitter: damage.split_utf8.then(Splitter::default),
            chunks_sent: 0,
            sequence: 0,
            started: false,
            then: Then::Next,
        }
    }

    /// Plays one JSON document. It has no chunks, so faults that wait for some come at once.
    pub(super) fn document(body: Value, pace: Pace, damage: Damage, stopping: CancellationToken) -> Self {
        let event = Event { data: Some(body), kind: Kind::End, times: 1 };
        Self::events(&[event], &[], Framing::Document, pace, damage, stopping)
    }

    /// As the body of a response.
    pub(super) fn into_body(self) -> Body {
        Body::from_stream(stream::unfold(self, |mut playback| async {
            playback.next().await.map(|chunk| (chunk, playback))
        }))
    }

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some(Ok(bytes));
            }
            match self.then {
                Then::Next => self.prepare().await,
                Then::End => return None,
                Then::Break => {
                    // What was written is flushed only when there is nothing more to write.
                    tokio::task::yield_now().await;
                    return Some(Err(io::ErrorKind::ConnectionReset.into()));
                }
                Then::Silence => {
                    self.stopping.cancelled().await;
                    self.then = Then::Break;
                }
            }
        }
    }

    /// Makes the next frame ready, or ends.
    async fn prepare(&mut self) {
        let Some(frame) = self.take() else {
            if self.framing == Framing::Array {
                self.send(Bytes::from_static(b"]"));
            }
            self.flush();
            self.then = Then::End;
            return;
        };
        if frame.kind == Kind::Chunk {
            self.pause().await;
        }
        let bytes = frame.bytes(self.sequence);
        let due = |after: u64| self.chunks_sent >= after || frame.kind == Kind::End;
        match self.damage.ending {
            Ending::Cut(after) if due(after) => {
                self.send_part(&bytes);
                self.then = Then::Break;
            }
            Ending::Silence(after) if due(after) => {
                self.flush();
                self.then = Then::Silence;
            }
            Ending::Malformed(after) if due(after) => {
                self.send(broken(&bytes, self.framing));
                self.damage.ending = Ending::Whole;
                self.advance(frame.kind);
            }
            Ending::Error(_, after) if due(after) => {
                self.frames = std::mem::take(&mut self.error_frames);
                self.damage.ending = Ending::Whole;
            }
            Ending::NoFinish if frame.kind == Kind::End => self.frames.clear(),
            _ => {
                self.send(bytes.clone());
                if self.damage.duplicate {
                    self.send(bytes);
                }
                self.advance(frame.kind);
            }
        }
    }

    /// The next frame; one of a run of equal ones leaves the rest in place.
    fn take(&mut self) -> Option<Frame> {
        loop {
            let mut frame = self.frames.pop_front()?;
            if frame.times == 0 {
                continue;
            }
            frame.times -= 1;
            if frame.times > 0 {
                self.frames.push_front(frame.clone());
            }
            return Some(frame);
        }
    }

    fn advance(&mut self, kind: Kind) {
        self.sequence += 1;
        self.chunks_sent += u64::from(kind == Kind::Chunk);
    }

    async fn pause(&mut self) {
        let pause = if self.chunks_sent == 0 { self.pace.first } else { self.pace.delay };
        if pause > Duration::ZERO {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stopping.cancelled() => self.then = Then::Break,
            }
        }
    }

    /// Queues one event.
    fn send(&mut self, bytes: Bytes) {
        let bytes = match (self.framing, self.started, bytes.as_ref()) {
            (Framing::Array, false, b"]") => Bytes::from_static(b"[]"),
            (Framing::Array, false, _) => [b"[", bytes.as_ref()].concat().into(),
            (Framing::Array, true, b"]") => bytes,
            (Framing::Array, true, _) => [b",\r\n", bytes.as_ref()].concat().into(),
            _ => bytes,
        };
        self.started = true;
        match &mut self.splitter {
            None => self.ready.push_back(bytes),
            Some(splitter) => self.ready.extend(splitter.split(&bytes)),
        }
    }

    /// Queues the first half of an event.
    fn send_part(&mut self, bytes: &Bytes) {
        let middle = middle(bytes, self.framing);
        self.send(bytes.slice(..middle));
        self.flush();
    }

    fn flush(&mut self) {
        let rest = self.splitter.as_mut().map(Splitter::rest);
        self.ready.extend(rest.filter(|rest| !rest.is_empty()));
    }
}

/// A place in the middle of the event's data, between two characters.
fn middle(bytes: &Bytes, framing: Framing) -> usize {
    let text = str::from_utf8(bytes).unwrap_or_default();
    let data = match framing {
        Framing::Named | Framing::Plain | Framing::PlainCrlf => text.find("data: ").map_or(0, |at| at + 6),
        Framing::Array | Framing::Document => 0,
    };
    text.floor_char_boundary(data + (text.len() - data) / 2)
}

/// The event with half of its data missing.
fn broken(bytes: &Bytes, framing: Framing) -> Bytes {
    let end: &[u8] = match framing {
        Framing::Named | Framing::Plain => b"\n\n",
        Framing::PlainCrlf => b"\r\n\r\n",
        Framing::Array | Framing::Document => b"",
    };
    [&bytes.slice(..middle(bytes, framing)), end].concat().into()
}

/// Cuts a stream inside every character of several bytes, and nowhere else.
#[derive(Debug, Default)]
struct Splitter {
    carried: BytesMut,
}

impl Splitter {
    fn split(&mut self, bytes: &[u8]) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        for byte in bytes {
            self.carried.extend_from_slice(&[*byte]);
            // 11xxxxxx begins a character of several bytes: the cut comes right after it.
            if byte & 0b1100_0000 == 0b1100_0000 {
                pieces.push(self.carried.split().freeze());
            }
        }
        pieces
    }

    fn rest(&mut self) -> Bytes {
        self.carried.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_is_inside_a_character() {
        let mut splitter = Splitter::default();
        let text = "a€b – ü";
        let mut pieces = splitter.split(text.as_bytes());
        pieces.push(splitter.rest());
        assert_eq!(pieces.concat(), text.as_bytes());
        assert_eq!(pieces.len(), 4);
        for piece in pieces.iter().take(3) {
            assert!(str::from_utf8(piece).is_err(), "{piece:?} ends between characters");
        }
    }

    #[test]
    fn a_broken_event_is_framed_but_no_json() {
        let event = Bytes::from_static(b"event: x\ndata: {\"type\":\"x\",\"delta\":\"hello\"}\n\n");
        let broken = broken(&event, Framing::Named);
        assert!(broken.starts_with(b"event: x\ndata: {\"type\"") && broken.ends_with(b"\n\n"));
        assert!(broken.len() < event.len());
    }
}
