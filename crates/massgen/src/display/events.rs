//! Every record as a line of JSON on standard output, with the status lines on standard error.

use massgen_protocol::{Record, RunView};

use super::{Observer, StatusLines};
use crate::delivery;

/// The display of `--stream-events`.
pub(crate) struct Events {
    status: StatusLines,
    pending: String,
}

impl Events {
    pub(crate) fn new(status: StatusLines) -> Self {
        Self { status, pending: String::new() }
    }
}

impl Observer for Events {
    fn observe(&mut self, record: &Record, view: &RunView) {
        if let Ok(line) = serde_json::to_string(record) {
            self.pending.push_str(&line);
            self.pending.push('\n');
        }
        self.status.observe(record, view);
    }

    fn pause(&mut self) {
        delivery::print(&std::mem::take(&mut self.pending));
    }

    fn finish(&mut self, view: &RunView) {
        self.pause();
        self.status.finish(view);
    }
}
