//! Whether the answer reaches whoever asked: on standard output, or in the file of `--output-file`.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

use crate::failure::{Failure, FailureKind};

/// The first thing that could not be written to standard output.
static FIRST_LOSS: OnceLock<io::Error> = OnceLock::new();

/// Writes a part of what a run shows, and keeps in mind when it is lost.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Only the first tells the reason: what follows is lost as well.
        let _ = FIRST_LOSS.set(error);
    }
}

/// Why standard output does not have everything that was printed.
pub(crate) fn first_loss() -> Option<&'static io::Error> {
    FIRST_LOSS.get()
}

/// Finds out, before anything is paid, whether the answer can be written to `path`. What is there stays.
pub(crate) fn check_output_file(path: &Path) -> Result<(), Failure> {
    let attempt = match path.metadata() {
        // To open a pipe or a device can wait for somebody, or do something.
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => Ok(()),
        Err(_) if path.symlink_metadata().is_err() => {
            OpenOptions::new().write(true).create_new(true).open(path).and_then(|_| std::fs::remove_file(path))
        }
        _ => OpenOptions::new().append(true).create(true).open(path).map(drop),
    };
    attempt.map_err(|error| {
        Failure::configuration(format!("the answer could not be written to {}: {error}", path.display()))
            .hint("nothing was asked; give `--output-file` a file that can be written")
    })
}

/// Writes the answer to `path`. A pipe without a reader takes as long as it likes, unless the user stops it.
pub(crate) async fn write_output_file(
    path: &Path,
    answer: &str,
    stop: Option<&CancellationToken>,
) -> Result<(), Failure> {
    let (done, written) = tokio::sync::oneshot::channel();
    let (file, text) = (path.to_owned(), format!("{}\n", answer.trim_end()));
    // Nobody waits for this thread when the user has stopped it.
    std::thread::spawn(move || done.send(std::fs::write(file, text)));
    let stopped = async {
        match stop {
            Some(stop) => stop.cancelled().await,
            None => std::future::pending().await,
        }
    };
    let (kind, reason) = tokio::select! {
        biased;
        result = written => match result {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => (FailureKind::Execution, error.to_string()),
            Err(_) => (FailureKind::Execution, "its thread has failed".to_owned()),
        },
        () = stopped => (FailureKind::Interrupted, "the user stopped it".to_owned()),
    };
    Err(Failure::new(kind, format!("the answer cannot be written to {}: {reason}", path.display())))
}

/// Fails when standard output is all that holds the answer, and does not. `kept` is its file in the log folder.
pub(crate) fn check_stdout(kept: Option<&Path>) -> Result<(), Failure> {
    match (first_loss(), kept) {
        (None, _) => Ok(()),
        // As behind `| head`, which has seen enough.
        (Some(error), Some(_)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        (Some(error), kept) => {
            Err(with_copy(Failure::execution(format!("standard output cannot be written: {error}")), kept))
        }
    }
}

/// Tells where the answer is nevertheless.
pub(crate) fn with_copy(failure: Failure, kept: Option<&Path>) -> Failure {
    match kept {
        Some(kept) => failure.hint(format!("the answer is kept in {}", kept.display())),
        None => failure,
    }
}
