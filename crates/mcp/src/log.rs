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

/// The log of one server: its standard error, and messages that it sends as log messages.
#[derive(Debug, Default)]
pub(crate) struct ServerLog {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    path: Option<PathBuf>,
    file: Option<File>,
    written: u64,
    tail: VecDeque<u8>,
}

impl ServerLog {
    /// A log that is kept at `path`, if anywhere. The file is made with the first byte.
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { state: Mutex::new(State { path, ..State::default() }) }
    }

    /// Adds to it. Trouble with the file is no reason to stop a server: the log is then incomplete.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let Ok(mut state) = self.state.lock() else { return };
        state.tail.extend(bytes);
        let excess = state.tail.len().saturating_sub(TAIL_BYTES_MAX);
        state.tail.drain(..excess);
        let left = FILE_BYTES_MAX.saturating_sub(state.written);
        if left == 0 || state.path.is_none() {
            return;
        }
        if state.file.is_none() {
            state.file = state.path.as_deref().and_then(open);
        }
        let fits = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        state.written = state.written.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let is_full = state.written >= FILE_BYTES_MAX;
        if let Some(file) = &mut state.file {
            let _ = file.write_all(bytes.get(..fits).unwrap_or(bytes));
            if is_full {
                let _ = file.write_all(b"\n[massgen: the log is full, the rest is dropped]\n");
            }
        }
    }

    /// The last lines, as a part of a message of one line.
    pub(crate) fn words(&self) -> String {
        let Ok(state) = self.state.lock() else { return String::new() };
        let bytes: Vec<u8> = state.tail.iter().copied().collect();
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
        let log = ServerLog::new(Some(path.clone()));
        let flood = b"0123456789abcde\n".repeat(1 << 18);
        log.drain(flood.as_slice()).await;
        let kept = std::fs::metadata(&path).unwrap().len();
        assert!((FILE_BYTES_MAX..FILE_BYTES_MAX + 100).contains(&kept), "{kept}");
        assert_eq!(log.words().matches("0123456789abcde").count(), TAIL_LINES_MAX);
        assert!(!log.words().contains('\n'));
    }
}
