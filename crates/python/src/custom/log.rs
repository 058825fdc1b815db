//! A log file that does not grow without bound.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// How much of the end is kept in memory, for messages.
const TAIL_BYTES: usize = 2048;

/// Takes what a sidecar writes to standard error.
pub(super) struct BoundedLog {
    inner: Mutex<Inner>,
}

struct Inner {
    path: Option<PathBuf>,
    file: Option<File>,
    left: u64,
    tail: VecDeque<u8>,
}

impl BoundedLog {
    pub(super) fn new(path: Option<PathBuf>, bytes_max: u64) -> Self {
        Self { inner: Mutex::new(Inner { path, file: None, left: bytes_max, tail: VecDeque::new() }) }
    }

    /// Appends. What cannot be written is not worth a failure of a tool.
    pub(super) fn write(&self, bytes: &[u8]) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.tail.extend(bytes);
        let surplus = inner.tail.len().saturating_sub(TAIL_BYTES);
        inner.tail.drain(..surplus);
        if inner.left == 0 {
            return;
        }
        if inner.file.is_none()
            && let Some(path) = inner.path.take()
        {
            inner.file = File::options().create(true).append(true).open(path).ok();
        }
        let count = usize::try_from(inner.left).unwrap_or(usize::MAX).min(bytes.len());
        inner.left -= count as u64;
        let full = inner.left == 0;
        if let (Some(file), Some(part)) = (&mut inner.file, bytes.get(..count)) {
            let _ = file.write_all(part);
            if full {
                let _ = file.write_all(b"\n[... the log is full; the rest is dropped ...]\n");
            }
        }
    }

    /// Forgets the tail: what follows belongs to another process.
    pub(super) fn begin(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).tail.clear();
    }

    /// The last lines.
    pub(super) fn tail(&self) -> String {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(inner.tail.make_contiguous()).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_bounded_and_the_tail_is_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let log = BoundedLog::new(Some(path.clone()), 1000);
        for number in 0..1000 {
            log.write(format!("line {number}\n").as_bytes());
        }
        let size = std::fs::metadata(&path).unwrap().len();
        assert!((1000..1100).contains(&size), "{size}");
        assert!(log.tail().ends_with("line 999"));
        assert!(log.tail().len() <= TAIL_BYTES);
    }
}
