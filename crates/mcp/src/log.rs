//! What a server says beside the protocol, kept in bounds.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tokio::io::AsyncReadExt as _;

/// How much of one server is kept on disk.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// How much is kept in memory for messages.
const TAIL_BYTES_MAX: usize = 2 << 10;
/// How many lines of it a message has.
const TAIL_LINES_MAX: usize = 5;
/// How long a line may be until it is taken although it has no end.
const LINE_BYTES_MAX: usize = 8 << 10;

/// The log of one server: its standard error, and messages that it sends as log messages.
#[derive(Debug, Default)]
pub(crate) struct ServerLog {
    state: Mutex<State>,
    /// What is left out of it, the longest first.
    secrets: Vec<String>,
}

#[derive(Debug, Default)]
struct State {
    path: Option<PathBuf>,
    file: Option<File>,
    written: u64,
    /// The beginning of a line.
    open: Vec<u8>,
    tail: VecDeque<u8>,
}

impl ServerLog {
    /// A log that is kept at `path`, if anywhere, without `secrets`. The file is made with the first line.
    pub(crate) fn new(path: Option<PathBuf>, mut secrets: Vec<String>) -> Self {
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { state: Mutex::new(State { path, ..State::default() }), secrets }
    }

    /// Adds to it. Trouble with the file is no reason to stop a server: the log is then incomplete.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let Ok(mut state) = self.state.lock() else { return };
        state.open.extend(bytes);
        let end = state.open.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        // A line without an end is taken as it is when it is long.
        let end = end.or((state.open.len() > LINE_BYTES_MAX).then_some(state.open.len()));
        let Some(end) = end else { return };
        let whole: Vec<u8> = state.open.drain(..end).collect();
        state.add(&self.masked(&whole));
    }

    /// `bytes` without what must not be repeated.
    fn masked(&self, bytes: &[u8]) -> Vec<u8> {
        if self.secrets.is_empty() {
            return bytes.to_owned();
        }
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.secrets.iter().fold(text, |text, secret| text.replace(secret.as_str(), "[hidden]")).into_bytes()
    }

    /// The last lines, as a part of a message of one line.
    pub(crate) fn words(&self) -> String {
        let Ok(state) = self.state.lock() else { return String::new() };
        let open = self.masked(&state.open);
        let bytes: Vec<u8> = state.tail.iter().copied().chain(open).collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let last = lines.get(lines.len().saturating_sub(TAIL_LINES_MAX)..).unwrap_or_default().join(" / ");
        if last.is_empty() { String::new() } else { format!("; it wrote: {last}") }
    }

    /// Takes in everything that `stream` has, until it ends. Reading goes on when the log is full: a server that
    /// cannot write its standard error hangs.
    pub(crate) async fn drain(&self, mut stream: impl tokio::io::AsyncRead + Unpin) {
        let mut buffer = vec![0_u8; 8 << 10];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            self.write(buffer.get(..count).unwrap_or_default());
        }
        if self.state.lock().is_ok_and(|state| !state.open.is_empty()) {
            self.write(b"\n");
        }
    }
}

impl State {
    fn add(&mut self, bytes: &[u8]) {
        self.tail.extend(bytes);
        let excess = self.tail.len().saturating_sub(TAIL_BYTES_MAX);
        self.tail.drain(..excess);
        let left = FILE_BYTES_MAX.saturating_sub(self.written);
        if left == 0 || self.path.is_none() {
            return;
        }
        if self.file.is_none() {
            self.file = self.path.as_deref().and_then(open);
        }
        let fits = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        self.written = self.written.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let is_full = self.written >= FILE_BYTES_MAX;
        if let Some(file) = &mut self.file {
            let _ = file.write_all(bytes.get(..fits).unwrap_or(bytes));
            if is_full {
                let _ = file.write_all(b"\n[massgen: the log is full, the rest is dropped]\n");
            }
        }
    }
}

fn open(path: &Path) -> Option<File> {
    if let Some(folder) = path.parent() {
        let _ = std::fs::create_dir_all(folder);
    }
    OpenOptions::new().create(true).append(true).open(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flood_is_read_to_its_end_but_kept_in_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/mcp_x_stderr.log");
        let log = ServerLog::new(Some(path.clone()), Vec::new());
        let flood = b"0123456789abcde\n".repeat(1 << 18);
        log.drain(flood.as_slice()).await;
        let kept = std::fs::metadata(&path).unwrap().len();
        assert!((FILE_BYTES_MAX..FILE_BYTES_MAX + 100).contains(&kept), "{kept}");
        assert_eq!(log.words().matches("0123456789abcde").count(), TAIL_LINES_MAX);
        assert!(!log.words().contains('\n'));
    }

    #[test]
    fn what_a_server_was_given_in_confidence_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let log = ServerLog::new(Some(path.clone()), vec!["tok-SECRET".to_owned(), "tok-SECRET-long".to_owned()]);
        log.write(b"MY_TOKEN=tok-SE");
        log.write(b"CRET\nand tok-SECRET-long, tok-SECRET");
        assert_eq!(log.words(), "; it wrote: MY_TOKEN=[hidden] / and [hidden], [hidden]");
        log.write(b"\n");
        assert!(!std::fs::read_to_string(&path).unwrap().contains("SECRET"));
    }
}
