//! A command that is waited for.

use std::sync::Arc;
use std::time::Duration;

use massgen_sandbox::{Control, Ending, Exit, Process};
use massgen_tool::{CallContext, Progress};

use crate::recording::{Recorder, Recording};

/// How long a killed command may take to be gone before its call ends without it.
const KILL_WAIT: Duration = Duration::from_secs(5);

/// How a command that was waited for ended.
pub(crate) struct Ended {
    pub(crate) exit: Exit,
    /// What stopped it, if it did not end by itself.
    pub(crate) trouble: Option<String>,
}

/// Waits for a command, tells of its output, and ends it when its time is over or the call is cancelled.
pub(crate) async fn wait(
    mut process: Process,
    recorder: Recorder,
    timeout: Duration,
    progress_bytes: usize,
    context: &CallContext,
) -> Ended {
    // Nobody will type: a program that reads must see the end.
    process.tell(Control::CloseInput);
    let controls = process.controls();
    let mut left = progress_bytes;
    let recording = recorder.record(&mut process, |text| tell(text, &mut left, context));
    let mut recording = std::pin::pin!(recording);
    let trouble = tokio::select! {
        exit = &mut recording => return Ended { exit, trouble: None },
        () = tokio::time::sleep(timeout) => format!(
            "the command did not end within {} s and was stopped with everything it started; a longer time can be \
             asked for with `timeout`, or the command run with start_background_shell",
            timeout.as_secs_f64()
        ),
        () = context.cancel.cancelled() => "the command was stopped because the turn is over".to_owned(),
    };
    if let Some(controls) = controls.upgrade() {
        let _ = controls.send(Control::Kill);
    }
    let lost = Exit { code: None, signal: None, ending: Ending::Killed };
    let exit = tokio::time::timeout(KILL_WAIT, recording).await.unwrap_or(lost);
    Ended { exit, trouble: Some(trouble) }
}

/// Whether all of a command's output fits into a result of `bytes`.
pub(crate) fn fits(recording: &Arc<Recording>, bytes: usize) -> bool {
    use crate::arguments::StreamName::{Stderr, Stdout};
    recording.total(Stdout) + recording.total(Stderr) <= bytes as u64
}

/// Tells of output until it is too much to be of interest.
fn tell(text: &str, left: &mut usize, context: &CallContext) {
    if text.is_empty() || *left == 0 {
        return;
    }
    let shown = text.get(..text.floor_char_boundary(*left)).unwrap_or_default();
    if !shown.is_empty() {
        context.report(Progress::Output(shown.to_owned()));
    }
    *left = if shown.len() < text.len() { 0 } else { *left - shown.len() };
    if *left == 0 {
        context.report(Progress::Note("the command prints more, which is not shown here".to_owned()));
    }
}
