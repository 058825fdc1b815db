//! Looks after one job in a container.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use massgen_sandbox::{Control, Ending, Exit, Output};
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{mpsc, oneshot};

use crate::container::Container;
use crate::hijack::{Attached, Reader};

/// How long the streams of a job that was ended may stay open.
const DRAIN_WAIT: Duration = Duration::from_secs(2);

/// A job at work.
pub(crate) struct Attended {
    pub(crate) container: Arc<Container>,
    /// The engine's id of its exec.
    pub(crate) exec: String,
    /// What its processes carry.
    pub(crate) mark: String,
    pub(crate) attached: Attached,
    pub(crate) has_terminal: bool,
    pub(crate) output: mpsc::Sender<Output>,
    pub(crate) controls: mpsc::UnboundedReceiver<Control>,
    pub(crate) exit: oneshot::Sender<Exit>,
}

/// Why a job's streams are no longer followed.
enum Over {
    /// They ended.
    Ended,
    /// The job is to be ended.
    Kill,
    /// The engine is gone.
    Lost,
}

impl Attended {
    /// Stays with the job to its end, and sees that nothing of it is left.
    pub(crate) async fn attend(self) {
        let Self { container, exec, mark, attached, has_terminal, output, mut controls, exit: ended } = self;
        let Attached { mut reader, writer } = attached;
        let mut input = Input { writer: Some(writer), queue: VecDeque::new(), is_closing: false, has_terminal };
        let exit = match follow(&mut reader, &mut input, &output, &mut controls).await {
            Over::Kill => {
                container.sweep(&mark).await;
                // What it printed before is still of interest.
                let rest = async {
                    while let Ok(Some(piece)) = reader.next().await {
                        if output.send(piece).await.is_err() {
                            return;
                        }
                    }
                };
                let _ = tokio::time::timeout(DRAIN_WAIT, rest).await;
                end_for_good(&container, &exec, &mark).await;
                Exit { code: None, signal: Some(9), ending: Ending::Killed }
            }
            Over::Ended | Over::Lost => ended_by_itself(&container, &exec, &mark).await,
        };
        drop(output);
        container.leave().await;
        // Nobody may wait for it any more.
        let _ = ended.send(exit);
    }
}

/// A job may have begun only after the clean-up looked: looks again, and takes the container down if all else fails.
async fn end_for_good(container: &Container, exec: &str, mark: &str) {
    for _ in 0..2 {
        if container.is_gone() || container.exit_code(exec).await.is_some() {
            return;
        }
        container.sweep(mark).await;
    }
    if !container.is_gone() && container.exit_code(exec).await.is_none() {
        container.remove().await;
    }
}

async fn ended_by_itself(container: &Container, exec: &str, mark: &str) -> Exit {
    let lost = Exit { code: None, signal: None, ending: Ending::Lost };
    let code = container.exit_code(exec).await.and_then(|code| i32::try_from(code).ok());
    let is_sure = code.is_some_and(|code| (0..=128).contains(&code)) && !container.has_sudo();
    if is_sure {
        return Exit { code, signal: None, ending: Ending::Itself };
    }
    // What cleans up after the job may itself have been killed.
    if !container.is_running().await {
        return lost;
    }
    let swept = container.sweep(mark).await;
    match code {
        None => lost,
        _ if container.is_gone() => lost,
        Some(137) if swept.ran_out_of_memory => Exit { code, signal: None, ending: Ending::OutOfMemory },
        code => Exit { code, signal: None, ending: Ending::Itself },
    }
}

/// What is still to be written to a job's input.
struct Input {
    writer: Option<OwnedWriteHalf>,
    queue: VecDeque<Bytes>,
    is_closing: bool,
    has_terminal: bool,
}

/// What ends the input of a terminal: the connection itself stays open, since its end would be a hang-up.
const END_OF_TRANSMISSION: Bytes = Bytes::from_static(b"\x04");

impl Input {
    fn has_work(&self) -> bool {
        self.writer.is_some() && (!self.queue.is_empty() || self.is_closing)
    }

    /// Writes a part, or ends the input when all is written. Dropping the future loses nothing.
    async fn work(&mut self) -> io::Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let Some(first) = self.queue.front_mut() else {
            writer.shutdown().await?;
            self.writer = None;
            return Ok(());
        };
        let count = writer.write(first).await?;
        drop(first.split_to(count));
        if first.is_empty() {
            self.queue.pop_front();
        }
        Ok(())
    }
}

/// Passes output and input on until the streams end or the job is to be ended.
async fn follow(
    reader: &mut Reader,
    input: &mut Input,
    output: &mpsc::Sender<Output>,
    controls: &mut mpsc::UnboundedReceiver<Control>,
) -> Over {
    let mut pending = None;
    loop {
        tokio::select! {
            control = controls.recv() => match control {
                Some(Control::Input(bytes)) if !input.is_closing && !bytes.is_empty() => input.queue.push_back(bytes),
                Some(Control::Input(_)) => {}
                Some(Control::CloseInput) if input.has_terminal => input.queue.push_back(END_OF_TRANSMISSION),
                Some(Control::CloseInput) => input.is_closing = true,
                Some(Control::Kill) | None => return Over::Kill,
            },
            room = output.reserve(), if pending.is_some() => match (room, pending.take()) {
                (Ok(room), Some(piece)) => room.send(piece),
                _ => return Over::Kill,
            },
            piece = reader.next(), if pending.is_none() => match piece {
                Ok(Some(piece)) => pending = Some(piece),
                Ok(None) => return Over::Ended,
                Err(_) => return Over::Lost,
            },
            written = input.work(), if input.has_work() => if written.is_err() {
                // It reads no more: that is its own affair.
                input.writer = None;
            },
        }
    }
}
