//! What was received, kept for tests and reports.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;

use crate::wire::Wire;

/// One request.
#[derive(Debug, Clone)]
pub struct Received {
    /// When it came.
    pub at: Instant,
    /// The path, without the query.
    pub path: String,
    /// The model that it names.
    pub model: String,
    /// The body; null if it is not JSON.
    pub body: Value,
    /// The protocol of the path.
    pub protocol: Wire,
}

/// How many bytes of bodies are kept.
const BYTES_MAX: usize = 16 << 20;

/// Keeps the last requests.
#[derive(Debug, Default)]
pub(super) struct Recorder(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    requests: VecDeque<(Received, usize)>,
    bytes: usize,
}

impl Recorder {
    /// Keeps a request with a body of so many bytes, and forgets the oldest if there are too many.
    pub(super) fn keep(&self, request: Received, bytes: usize) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.requests.push_back((request, bytes));
        kept.bytes += bytes;
        while kept.bytes > BYTES_MAX {
            let Some((_, bytes)) = kept.requests.pop_front() else { break };
            kept.bytes -= bytes;
        }
    }

    pub(super) fn all(&self) -> Vec<Received> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.requests.iter().map(|(request, _)| request.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_first() {
        let recorder = Recorder::default();
        for model in ["a", "b", "c"] {
            let received = Received {
                at: Instant::now(),
                path: String::new(),
                model: model.to_owned(),
                body: Value::Null,
                protocol: Wire::Gemini,
            };
            recorder.keep(received, BYTES_MAX / 2);
        }
        let models: Vec<_> = recorder.all().into_iter().map(|request| request.model).collect();
        assert_eq!(models, ["b", "c"]);
    }
}
