//! A job that runs.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

/// A running job. Dropping it kills it, with everything that it started.
#[derive(Debug)]
pub struct Process {
    output: mpsc::Receiver<Output>,
    control: mpsc::UnboundedSender<Control>,
    exit: oneshot::Receiver<Exit>,
}

/// A piece of output, in order within its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Where it was written.
    pub stream: OutputStream,
    /// What.
    pub bytes: Bytes,
}

/// Where output was written. A terminal has only `Stdout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What the task that looks after a job can be told.
#[derive(Debug)]
pub enum Control {
    /// Write to its standard input, or its terminal.
    Input(Bytes),
    /// End its standard input.
    CloseInput,
    /// End it and everything that it started, at once.
    Kill,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Who ended it.
    pub ending: Ending,
}

/// Who ended a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It ended by itself.
    Itself,
    /// It was killed on request.
    Killed,
    /// It used more memory than granted.
    OutOfMemory,
    /// It wrote more than granted.
    OutOfDisk,
    /// What looks after it was lost, such as a container engine that went away.
    Lost,
}

impl Process {
    /// Connects a process to the task that looks after it. That task reads `Control` until the channel closes, which
    /// means `Kill`; it sends all output before it sends the exit, and the exit only when nothing of the job runs any
    /// more.
    #[must_use]
    pub fn new(
        output: mpsc::Receiver<Output>,
        control: mpsc::UnboundedSender<Control>,
        exit: oneshot::Receiver<Exit>,
    ) -> Self {
        Self { output, control, exit }
    }

    /// The next piece of output; `None` when there will be no more. Output that nobody takes holds the job up.
    pub async fn output(&mut self) -> Option<Output> {
        self.output.recv().await
    }

    /// Waits for the end. Call it after the output is over, or never: a job whose output is not taken may not end.
    pub async fn exit(&mut self) -> Exit {
        let lost = Exit { code: None, signal: None, ending: Ending::Lost };
        (&mut self.exit).await.unwrap_or(lost)
    }

    /// Tells the task that looks after it. After its end, nothing happens.
    pub fn tell(&self, control: Control) {
        let _ = self.control.send(control);
    }

    /// A handle that can control it from elsewhere. It does not keep the job alive: the job ends when the process is
    /// dropped.
    #[must_use]
    pub fn controls(&self) -> mpsc::WeakUnboundedSender<Control> {
        self.control.downgrade()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.tell(Control::Kill);
    }
}
