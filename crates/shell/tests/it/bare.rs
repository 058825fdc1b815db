//! A driver without a box, for tests: process groups and pipes.

use std::process::Stdio;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use massgen_sandbox::{Control, Driver, Ending, Exit, Invocation, Job, Output, OutputStream, Process, StartError};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot};

/// Runs jobs without any isolation. Its name decides whether it counts as a box.
#[derive(Debug)]
pub(crate) struct Bare(pub(crate) &'static str);

impl Driver for Bare {
    fn name(&self) -> &'static str {
        self.0
    }

    fn start(&self, job: Job) -> BoxFuture<'_, Result<Process, StartError>> {
        Box::pin(async {
            start(job).map_err(|source| StartError::System { what: "starting the shell".into(), source })
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the task ends with the process, which ends with its handle")]
fn start(job: Job) -> std::io::Result<Process> {
    let Invocation::Shell(line) = job.invocation else { return Err(std::io::ErrorKind::Unsupported.into()) };
    let mut command = Command::new("bash");
    command.args(["-c", &line]).current_dir(job.cwd).env_clear().envs(job.env).process_group(0);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let (output, outputs) = mpsc::channel(8);
    let (control, mut controls) = mpsc::unbounded_channel();
    let (ended, exit) = oneshot::channel();
    let mut stdin = child.stdin.take();
    let stdout = child.stdout.take().map(|pipe| tokio::spawn(pump(pipe, OutputStream::Stdout, output.clone())));
    let stderr = child.stderr.take().map(|pipe| tokio::spawn(pump(pipe, OutputStream::Stderr, output)));
    tokio::spawn(async move {
        let mut ending = Ending::Itself;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                control = controls.recv() => match control {
                    Some(Control::Input(bytes)) => if let Some(stdin) = &mut stdin {
                        let _ = stdin.write_all(&bytes).await;
                    },
                    Some(Control::CloseInput) => stdin = None,
                    Some(Control::Kill) | None => {
                        ending = Ending::Killed;
                        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
                        break child.wait().await;
                    }
                },
            }
        };
        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
        for pump in [stdout, stderr].into_iter().flatten() {
            let _ = pump.await;
        }
        let code = status.ok().and_then(|status| status.code());
        let _ = ended.send(Exit { code, signal: None, ending });
    });
    Ok(Process::new(outputs, control, exit))
}

async fn pump(mut pipe: impl AsyncRead + Unpin, stream: OutputStream, output: mpsc::Sender<Output>) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        let bytes = Bytes::copy_from_slice(buffer.get(..count).unwrap_or_default());
        if output.send(Output { stream, bytes }).await.is_err() {
            return;
        }
    }
}
