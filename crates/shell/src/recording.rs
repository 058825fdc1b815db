//! What is known of one command: while it runs, and after.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use massgen_sandbox::{Exit, Output, OutputStream, Process};
use massgen_tool::{Caller, Touch, TouchKind};
use tokio::sync::watch;

use crate::OutputLimits;
use crate::arguments::StreamName;
use crate::capture::{Capture, elided};
use crate::clean::{Cleaner, cleaned};
use crate::spill::{Spill, SpillSpace, read_page};

/// A command and what it printed so far. One task writes it, anybody may read it.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Its name for the model.
    pub(crate) id: String,
    pub(crate) command: String,
    pub(crate) work_dir: PathBuf,
    /// Who started it, and what the caller saw then of peers' work.
    pub(crate) caller: Caller,
    started: Instant,
    touched: Vec<PathBuf>,
    streams: [Mutex<Stream>; 2],
    end: watch::Sender<Option<End>>,
}

/// The longest command that a note of what it looked at keeps, in bytes.
const TOUCH_COMMAND_BYTES_MAX: usize = 500;

/// How a command ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) exit: Exit,
    pub(crate) after: Duration,
}

#[derive(Debug)]
struct Stream {
    capture: Capture,
    /// How much of its beginning is in its file.
    spilled: u64,
    path: Option<PathBuf>,
}

/// A part of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) text: String,
    /// Where the next page begins.
    pub(crate) next_offset: u64,
    /// How much there is so far.
    pub(crate) total: u64,
    /// How much between `offset` and this page is lost.
    pub(crate) lost: u64,
}

impl Recording {
    pub(crate) fn new(
        id: String,
        command: String,
        work_dir: PathBuf,
        caller: Caller,
        touched: Vec<PathBuf>,
        limits: &OutputLimits,
    ) -> Self {
        let stream = || {
            let capture = Capture::new(limits.head_bytes, limits.tail_bytes);
            Mutex::new(Stream { capture, spilled: 0, path: None })
        };
        let streams = [stream(), stream()];
        Self { id, command, work_dir, caller, started: Instant::now(), touched, streams, end: watch::Sender::new(None) }
    }

    /// How it ended; `None` while it runs.
    pub(crate) fn end(&self) -> Option<End> {
        *self.end.borrow()
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) -> Option<End> {
        let mut end = self.end.subscribe();
        end.wait_for(Option::is_some).await.ok().and_then(|end| *end)
    }

    /// For how long it ran, up to now.
    pub(crate) fn duration(&self) -> Duration {
        self.end().map_or_else(|| self.started.elapsed(), |end| end.after)
    }

    /// Which answers it looked at: known when it has ended.
    pub(crate) fn touches(&self) -> Vec<Touch> {
        let Some(end) = self.end() else { return Vec::new() };
        let line = in_one_line(&cleaned(&self.command));
        let mut command = first_bytes(&line, TOUCH_COMMAND_BYTES_MAX);
        if command.len() < line.len() {
            command.push('…');
        }
        let kind = TouchKind::Ran { command, exit_code: end.exit.code };
        self.touched.iter().map(|path| Touch { path: path.clone(), kind: kind.clone() }).collect()
    }

    /// How much of a stream there is so far, in bytes of clean text.
    pub(crate) fn total(&self, stream: StreamName) -> u64 {
        self.lock(stream).capture.total()
    }

    /// A stream within `bytes`: its beginning and its end.
    pub(crate) fn summary(&self, stream: StreamName, bytes: usize) -> String {
        let stream = self.lock(stream);
        let capture = &stream.capture;
        let whole = format!("; page through it with get_background_shell_output, shell_id {}", self.id);
        elided(capture.head(), capture.missing(), &capture.tail(), bytes, &whole)
    }

    /// The last `lines` lines of a stream, within `bytes`.
    pub(crate) fn last_lines(&self, stream: StreamName, lines: usize, bytes: usize) -> String {
        let kept = {
            let stream = self.lock(stream);
            let head = if stream.capture.missing() == 0 { stream.capture.head() } else { "" };
            format!("{head}{}", stream.capture.tail())
        };
        let text = kept.strip_suffix('\n').unwrap_or(&kept);
        let start = text.rmatch_indices('\n').nth(lines.saturating_sub(1)).map_or(0, |(at, _)| at + 1);
        let start = start.max(text.ceil_char_boundary(text.len().saturating_sub(bytes)));
        kept.get(start..).unwrap_or_default().to_owned()
    }

    /// The part of a stream that begins at `offset`, from memory or from its file.
    pub(crate) async fn page(&self, stream: StreamName, offset: u64, bytes: usize) -> std::io::Result<Page> {
        let (total, found) = {
            let stream = self.lock(stream);
            (stream.capture.total(), stream.locate(offset, bytes))
        };
        let (lost, text) = match found {
            Found::Text { lost, text } => (lost, text),
            Found::File { path, written } => (0, read_page(&path, offset, bytes, written).await?),
        };
        let next_offset = offset.min(total) + lost + text.len() as u64;
        Ok(Page { text, next_offset, total, lost })
    }

    fn lock(&self, stream: StreamName) -> MutexGuard<'_, Stream> {
        let [stdout, stderr] = &self.streams;
        let stream = match stream {
            StreamName::Stdout => stdout,
            StreamName::Stderr => stderr,
        };
        stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Found {
    Text { lost: u64, text: String },
    File { path: PathBuf, written: u64 },
}

impl Stream {
    fn locate(&self, offset: u64, bytes: usize) -> Found {
        let head = self.capture.head();
        if let Some(start) = usize::try_from(offset).ok().filter(|start| *start < head.len()) {
            let page = head.get(head.floor_char_boundary(start)..).unwrap_or_default();
            return Found::Text { lost: 0, text: first_bytes(page, bytes) };
        }
        if offset < self.spilled
            && let Some(path) = self.path.clone()
        {
            return Found::File { path, written: self.spilled };
        }
        let tail = self.capture.tail();
        let tail_start = self.capture.total() - tail.len() as u64;
        let lost = tail_start.saturating_sub(offset);
        let start = usize::try_from(offset.saturating_sub(tail_start)).unwrap_or(usize::MAX).min(tail.len());
        let page = tail.get(tail.floor_char_boundary(start)..).unwrap_or_default();
        Found::Text { lost, text: first_bytes(page, bytes) }
    }
}

/// A command line of several lines in one that means about the same.
fn in_one_line(command: &str) -> String {
    let mut whole = String::new();
    for line in command.lines() {
        let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if words.is_empty() {
            continue;
        }
        let goes_on = whole.is_empty() || whole.ends_with("&&") || whole.ends_with('|') || whole.ends_with('\\');
        whole.truncate(whole.strip_suffix('\\').unwrap_or(&whole).trim_end().len());
        if !whole.is_empty() {
            whole.push_str(if goes_on { " " } else { "; " });
        }
        whole.push_str(&words);
    }
    whole
}

fn first_bytes(text: &str, bytes: usize) -> String {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or_default().to_owned()
}

/// Writes a recording.
#[derive(Debug)]
pub(crate) struct Recorder {
    recording: Arc<Recording>,
    cleaners: [Cleaner; 2],
    spills: [Spill; 2],
}

impl Recorder {
    pub(crate) fn new(recording: Arc<Recording>, space: &Arc<SpillSpace>) -> Self {
        let spill = |stream: &str| Spill::new(Arc::clone(space), format!("{}.{stream}.txt", recording.id));
        let spills = [spill("stdout"), spill("stderr")];
        Self { recording, cleaners: <[Cleaner; 2]>::default(), spills }
    }

    /// Records all output of a process, and its end. `told` is called with what is new.
    pub(crate) async fn record(mut self, process: &mut Process, mut told: impl FnMut(&str)) -> Exit {
        while let Some(output) = process.output().await {
            let text = self.take(&output).await;
            told(&text);
        }
        for stream in [StreamName::Stdout, StreamName::Stderr] {
            let rest = self.parts(stream).0.finish();
            self.add(stream, &rest).await;
            told(&rest);
        }
        let exit = process.exit().await;
        let end = End { exit, after: self.recording.started.elapsed() };
        self.recording.end.send_replace(Some(end));
        exit
    }

    async fn take(&mut self, output: &Output) -> String {
        let stream = match output.stream {
            OutputStream::Stdout => StreamName::Stdout,
            OutputStream::Stderr => StreamName::Stderr,
        };
        let text = self.parts(stream).0.feed(&output.bytes);
        self.add(stream, &text).await;
        text
    }

    async fn add(&mut self, name: StreamName, text: &str) {
        let recording = Arc::clone(&self.recording);
        let overflow = {
            let stream = recording.lock(name);
            // Only the first write needs what came before it.
            let before = || if stream.spilled == 0 { stream.capture.head().to_owned() } else { String::new() };
            stream.capture.overflows_with(text).then(before)
        };
        if let Some(before) = overflow {
            let spill = self.parts(name).1;
            let written = spill.write(&before, text).await;
            let mut stream = recording.lock(name);
            stream.spilled = written;
            stream.path = spill.path().filter(|_| written > 0);
        }
        recording.lock(name).capture.push(text);
    }

    fn parts(&mut self, stream: StreamName) -> (&mut Cleaner, &mut Spill) {
        let [stdout_cleaner, stderr_cleaner] = &mut self.cleaners;
        let [stdout_spill, stderr_spill] = &mut self.spills;
        match stream {
            StreamName::Stdout => (stdout_cleaner, stdout_spill),
            StreamName::Stderr => (stderr_cleaner, stderr_spill),
        }
    }
}
