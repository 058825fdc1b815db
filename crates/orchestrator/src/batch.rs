//! Gathers the pieces of a stream into fewer, larger activities.
//!
//! A stream can bring thousands of chunks a second and a journal line for each would cost more than
//! the chunk. Pieces of one kind are joined until there are enough of them or they have waited long
//! enough.

use std::mem;
use std::time::Duration;

use massgen_backends::CallEvent;
use massgen_protocol::{Activity, StreamChunk, TurnId};
use tokio::time::Instant;

/// Text that is passed on at once.
const BYTES_MAX: usize = 2 * 1024;

/// How long a piece of text may wait for the next one: two frames of a display.
pub(crate) const WAIT_MAX: Duration = Duration::from_millis(33);

/// The stream of one model call on its way to the journal.
pub(crate) struct Batch<Send> {
    turn: TurnId,
    send: Send,
    kind: Kind,
    text: String,
    since: Instant,
    streamed_bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
}

impl<Send: FnMut(Activity)> Batch<Send> {
    pub(crate) fn new(turn: TurnId, send: Send) -> Self {
        Self { turn, send, kind: Kind::Text, text: String::new(), since: Instant::now(), streamed_bytes: 0 }
    }

    /// Takes in what happens during a call.
    pub(crate) fn push(&mut self, event: CallEvent) {
        match event {
            CallEvent::Chunk(chunk) => self.push_chunk(chunk),
            CallEvent::Note(text) => {
                self.flush();
                (self.send)(Activity::Notice { agent: Some(self.turn.agent), text });
            }
            CallEvent::Retrying { retry, error, pause } => {
                self.flush();
                let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                (self.send)(Activity::CallRetried { turn: self.turn, retry, error, pause_ms });
            }
        }
    }

    /// Passes on what has been gathered.
    pub(crate) fn flush(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let (turn, delta) = (self.turn, mem::take(&mut self.text));
        (self.send)(match self.kind {
            Kind::Text => Activity::Text { turn, delta },
            Kind::Reasoning => Activity::Reasoning { turn, delta },
        });
    }

    /// Passes on what has waited long enough.
    pub(crate) fn flush_if_due(&mut self) {
        if self.since.elapsed() >= WAIT_MAX {
            self.flush();
        }
    }

    /// How much the model has written, for estimates.
    pub(crate) fn streamed_bytes(&self) -> u64 {
        self.streamed_bytes
    }

    fn push_chunk(&mut self, chunk: StreamChunk) {
        let turn = self.turn;
        match chunk {
            StreamChunk::Text { delta } => self.push_text(Kind::Text, &delta),
            StreamChunk::Reasoning { delta } => self.push_text(Kind::Reasoning, &delta),
            StreamChunk::ToolCallDelta { arguments, .. } => self.streamed_bytes += arguments.len() as u64,
            StreamChunk::BuiltinTool { name, phase, detail } => {
                self.flush();
                (self.send)(Activity::BuiltinTool { turn, name, phase, detail });
            }
            StreamChunk::Citation { url, title } => {
                self.flush();
                (self.send)(Activity::Citation { turn, url, title });
            }
            // The reply itself brings these, complete.
            StreamChunk::ToolCallStarted { .. } | StreamChunk::Usage(_) | StreamChunk::Finished { .. } => {}
        }
    }

    fn push_text(&mut self, kind: Kind, delta: &str) {
        self.streamed_bytes += delta.len() as u64;
        if self.kind != kind {
            self.flush();
            self.kind = kind;
        }
        if self.text.is_empty() {
            self.since = Instant::now();
        }
        self.text.push_str(delta);
        if self.text.len() >= BYTES_MAX {
            self.flush();
        }
    }
}
