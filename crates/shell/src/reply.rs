//! What a model is told of a command.

use std::time::Duration;

use massgen_sandbox::{Ending, Exit, StartError};
use massgen_tool::ToolOutcome;
use serde_json::{Map, Value, json};

use crate::arguments::StreamName;
use crate::capture::elided;
use crate::recording::{Page, Recording};

/// The result of a command that was waited for, in the reference's form. `trouble` says what ended it, if it did not
/// end by itself.
pub(crate) fn finished(recording: &Recording, exit: Exit, trouble: Option<String>, bytes: usize) -> ToolOutcome {
    let trouble = trouble.or_else(|| cause(exit));
    let mut reply = Map::new();
    reply.insert("success".to_owned(), json!(trouble.is_none() && exit.code == Some(0)));
    reply.insert("exit_code".to_owned(), json!(exit_code(exit)));
    insert_output(&mut reply, recording, bytes);
    reply.insert("execution_time".to_owned(), json!(seconds(recording.duration())));
    reply.insert("command".to_owned(), json!(shown(&recording.command)));
    reply.insert("work_dir".to_owned(), json!(recording.work_dir));
    let is_error = trouble.is_some();
    reply.extend(trouble.map(|trouble| ("error".to_owned(), json!(trouble))));
    ToolOutcome { is_error, ..ToolOutcome::done(Value::Object(reply).to_string()) }.touching(recording.touches())
}

/// The output of a command, as far as it is there, and how it stands.
pub(crate) fn output(recording: &Recording, bytes: usize) -> Map<String, Value> {
    let mut reply = status(recording);
    insert_output(&mut reply, recording, bytes);
    for (stream, name) in [(StreamName::Stdout, "stdout_bytes"), (StreamName::Stderr, "stderr_bytes")] {
        reply.insert(name.to_owned(), json!(recording.total(stream)));
    }
    reply
}

/// One page of one stream.
pub(crate) fn page(recording: &Recording, stream: StreamName, page: &Page) -> Map<String, Value> {
    let mut reply = status(recording);
    reply.insert(name(stream).to_owned(), json!(page.text));
    reply.insert("next_offset".to_owned(), json!(page.next_offset));
    reply.insert("total_bytes".to_owned(), json!(page.total));
    if page.lost > 0 {
        reply.insert("note".to_owned(), json!(format!("{} bytes before this page were not kept", page.lost)));
    }
    reply
}

/// How a command stands.
pub(crate) fn status(recording: &Recording) -> Map<String, Value> {
    let end = recording.end();
    let status = match end.map(|end| end.exit) {
        None => "running",
        Some(Exit { ending: Ending::Itself, .. }) => "exited",
        Some(Exit { ending: Ending::Killed, .. }) => "killed",
        Some(_) => "failed",
    };
    let reply = json!({
        "success": true,
        "shell_id": recording.id,
        "status": status,
        "exit_code": end.map(|end| exit_code(end.exit)),
        "execution_time": seconds(recording.duration()),
        "command": shown(&recording.command),
        "work_dir": recording.work_dir,
    });
    let mut reply = match reply {
        Value::Object(reply) => reply,
        _ => Map::new(),
    };
    reply.extend(end.and_then(|end| cause(end.exit)).map(|cause| ("error".to_owned(), json!(cause))));
    reply
}

/// Why a job did not start, with its causes.
pub(crate) fn not_started(error: &StartError) -> ToolOutcome {
    let mut text = format!("the command was not run: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    ToolOutcome::failed(text)
}

/// The name of a stream in replies.
pub(crate) fn name(stream: StreamName) -> &'static str {
    match stream {
        StreamName::Stdout => "stdout",
        StreamName::Stderr => "stderr",
    }
}

/// The longest command that a reply repeats, in bytes: the model knows it, and scripts can be long.
const COMMAND_BYTES_MAX: usize = 500;

fn shown(command: &str) -> String {
    elided(command, 0, "", COMMAND_BYTES_MAX, "")
}

fn insert_output(reply: &mut Map<String, Value>, recording: &Recording, bytes: usize) {
    let (stdout, stderr) = shares(recording.total(StreamName::Stdout), recording.total(StreamName::Stderr), bytes);
    for (stream, bytes) in [(StreamName::Stdout, stdout), (StreamName::Stderr, stderr)] {
        reply.insert(name(stream).to_owned(), json!(recording.summary(stream, bytes)));
    }
}

/// Divides the room between the streams: what one does not need, the other gets; at least a third is for errors.
fn shares(stdout: u64, stderr: u64, bytes: usize) -> (usize, usize) {
    let stdout = usize::try_from(stdout).unwrap_or(usize::MAX);
    let stderr = usize::try_from(stderr).unwrap_or(usize::MAX);
    let for_stderr = stderr.min((bytes / 3).max(bytes.saturating_sub(stdout)));
    (bytes - for_stderr, for_stderr)
}

/// What ended a command, where that is not its own doing.
fn cause(exit: Exit) -> Option<String> {
    match exit.ending {
        Ending::Itself => None,
        Ending::Killed => Some("it was stopped".to_owned()),
        Ending::OutOfMemory => Some("it was stopped: it used more memory than it may".to_owned()),
        Ending::OutOfDisk => Some("it was stopped: it wrote more than it may".to_owned()),
        Ending::Lost => Some("what it ran in was lost; it may not have come to its end".to_owned()),
    }
}

/// As the reference gives it: the negative number of the signal that ended it, -1 where nothing is known.
fn exit_code(exit: Exit) -> i32 {
    exit.code.or(exit.signal.map(|signal| -signal)).unwrap_or(-1)
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_shared() {
        assert_eq!(shares(10, 10, 90), (80, 10));
        assert_eq!(shares(1000, 10, 90), (80, 10));
        assert_eq!(shares(1000, 1000, 90), (60, 30));
        assert_eq!(shares(10, 1000, 90), (10, 80));
        assert_eq!(shares(0, u64::MAX, 90), (0, 90));
    }
}
