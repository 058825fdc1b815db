//! The tool calls of one reply: each is run, told of, and has exactly one result.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use massgen_backends::ToolResult;
use massgen_protocol::{Activity, Checked, ToolCall, ToolEnd};
use massgen_tool::{CallContext, Caller, Effect, Progress, ToolOutcome};

use super::{Report, Turn, millis};
use crate::checks;
use crate::past::Recalled;
use tokio::time::Instant;

/// How much of a result the journal keeps. The model has the whole.
const RESULT_BYTES_MAX: usize = 4 * 1024;

/// How much output of one call the journal keeps.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// What a call came to, and what the model is told of it.
pub(super) struct Ran {
    pub(super) result: ToolResult,
    pub(super) outcome: ToolOutcome,
    /// Which answers it checked.
    pub(super) checked: Vec<Checked>,
}

impl Turn {
    /// Runs calls in their order; those that change nothing run side by side.
    pub(super) async fn run_tools(&mut self, calls: &[ToolCall]) -> Vec<Ran> {
        // What ran before the run was interrupted is not run again.
        let recalled: Vec<Option<Ran>> = calls.iter().map(|call| self.recall(call)).collect();
        let open: Vec<ToolCall> =
            calls.iter().zip(&recalled).filter(|(_, ran)| ran.is_none()).map(|(call, _)| call.clone()).collect();
        if !open.is_empty() {
            self.leave_past().await;
        }
        let mut ran = Vec::with_capacity(open.len());
        let mut left = open.as_slice();
        while !left.is_empty() {
            let (now, later) = left.split_at(self.tools.abreast(left).min(left.len()));
            ran.extend(join_all(now.iter().map(|call| self.run_tool(call))).await);
            left = later;
        }
        let mut ran = ran.into_iter();
        recalled.into_iter().filter_map(|recalled| recalled.or_else(|| ran.next())).collect()
    }

    /// Answers calls that come when there were enough of them.
    pub(super) fn refuse_tools(&self, calls: &[ToolCall]) -> Vec<Ran> {
        let refused = |call: &ToolCall| {
            let open = OpenTool::new(self, call);
            let outcome = ToolOutcome::failed("not run: no more tools can be used in this turn. Answer now.");
            open.end(ToolEnd::Failed, &outcome.content, &[]);
            Ran { result: result(call, &outcome), outcome, checked: Vec::new() }
        };
        calls.iter().map(refused).collect()
    }

    async fn run_tool(&self, call: &ToolCall) -> Ran {
        let open = OpenTool::told_of(self, call);
        self.activity_to_come(called(self, call)).await;
        let context = CallContext {
            caller: Caller { turn: self.id, presenting: self.presenting, sight: self.sight },
            cancel: self.stop.child_token(),
            progress: self.progress(call.id.clone()),
        };
        let mut outcome = self.tools.call(call, &context).await;
        if outcome.is_unknown {
            outcome
                .content
                .push_str("\n(It is not known whether this call had its effect. Find out before you repeat it.)");
        }
        let checked = self.desk.as_ref().map(|desk| checks::checked(desk, &outcome.touched)).unwrap_or_default();
        open.end(if outcome.is_error { ToolEnd::Failed } else { ToolEnd::Done }, &outcome.content, &checked);
        Ran { result: result(call, &outcome), outcome, checked }
    }

    /// What a call came to before the run was interrupted; `None`: it is still to be made.
    fn recall(&mut self, call: &ToolCall) -> Option<Ran> {
        let end = match self.past.tool(call) {
            Recalled::Never => return None,
            // Running it again changes nothing.
            Recalled::Begun { is_told } if self.tools.effect(&call.name) == Effect::None => {
                if !is_told {
                    self.tell_stopped(call);
                }
                return None;
            }
            Recalled::Begun { is_told } => {
                let outcome = ToolOutcome::failed(
                    "massgen was interrupted while this call ran. It is not known whether it had its effect. Find out \
                     before you repeat it.",
                );
                if !is_told {
                    OpenTool::told_of(self, call).end(ToolEnd::Failed, &outcome.content, &[]);
                }
                return Some(Ran { result: result(call, &outcome), outcome, checked: Vec::new() });
            }
            Recalled::Ended(end) => end,
        };
        let outcome = if end.is_error { ToolOutcome::failed(end.content) } else { ToolOutcome::done(end.content) };
        Some(Ran { result: result(call, &outcome), outcome, checked: end.checked })
    }

    /// Tells of the end of calls that an interruption ended, and that will not be looked at again.
    pub(super) fn tell_untold(&mut self) {
        for call in self.past.untold() {
            self.tell_stopped(&call);
        }
    }

    fn tell_stopped(&self, call: &ToolCall) {
        drop(OpenTool::told_of(self, call));
    }

    /// Passes on what a call tells while it runs, up to a limit.
    fn progress(&self, id: String) -> Arc<dyn Fn(Progress) + Send + Sync> {
        let (turn, reports, told) = (self.id, self.reports.clone(), AtomicUsize::new(0));
        Arc::new(move |progress| {
            let delta = match progress {
                Progress::Output(text) => text,
                Progress::Note(text) => format!("{text}\n"),
            };
            let before = told.fetch_add(delta.len(), Ordering::Relaxed);
            let Some(left) = OUTPUT_BYTES_MAX.checked_sub(before) else { return };
            let delta = match delta.get(..delta.floor_char_boundary(left)) {
                Some(shown) if shown.len() < delta.len() => format!("{shown}\n[more output is not shown]\n"),
                _ => delta,
            };
            // The run may be gone already: then nobody needs to know.
            let _ = reports.send(Report::Activity(Activity::ToolOutput { turn, id: id.clone(), delta }));
        })
    }
}

fn called(turn: &Turn, call: &ToolCall) -> Activity {
    Activity::ToolCalled {
        turn: turn.id,
        id: call.id.clone(),
        name: call.name.clone(),
        arguments: call.arguments.clone(),
    }
}

/// What the model is told of a call.
fn result(call: &ToolCall, outcome: &ToolOutcome) -> ToolResult {
    ToolResult {
        call_id: call.id.clone(),
        name: call.name.clone(),
        content: outcome.content.clone(),
        is_error: outcome.is_error,
    }
}

/// A tool call that has not ended. Dropped without an end, it was stopped with its turn.
struct OpenTool<'a> {
    turn: &'a Turn,
    call: &'a ToolCall,
    started: Instant,
    ended: bool,
}

impl<'a> OpenTool<'a> {
    fn new(turn: &'a Turn, call: &'a ToolCall) -> Self {
        turn.activity(called(turn, call));
        Self::told_of(turn, call)
    }

    /// A call that the journal knows of already, or is told of before it is made.
    fn told_of(turn: &'a Turn, call: &'a ToolCall) -> Self {
        Self { turn, call, started: Instant::now(), ended: false }
    }

    fn end(mut self, end: ToolEnd, result: &str, checked: &[Checked]) {
        self.ended = true;
        self.tell(end, result, checked);
    }

    fn tell(&self, end: ToolEnd, result: &str, checked: &[Checked]) {
        let cut = result.floor_char_boundary(RESULT_BYTES_MAX);
        let mut shortened = result.get(..cut).unwrap_or_default().to_owned();
        if cut < result.len() {
            shortened.push('…');
        }
        self.turn.activity(Activity::ToolEnded {
            turn: self.turn.id,
            id: self.call.id.clone(),
            name: self.call.name.clone(),
            end,
            content: (cut < result.len()).then(|| result.to_owned()),
            checked: checked.to_vec(),
            result: shortened,
            duration_ms: millis(self.started.elapsed()),
        });
    }
}

impl Drop for OpenTool<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.tell(ToolEnd::Stopped, "", &[]);
        }
    }
}
