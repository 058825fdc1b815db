//! Runs one job through the helper: starts its first stage, carries input and output, and reports the end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as BlockingStream;
use std::pin::pin;
use std::process::Stdio;

use bytes::{Bytes, BytesMut};
use rustix::fs::OFlags;
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::groups::Groups;
use crate::helper::SUPERVISE;
use crate::plan::{Report, Supervision};
use crate::{Control, Ending, Exit, Helper, Output, OutputStream, Process, StartError, TerminalSize, wire};

/// Pieces of output that wait to be taken. The job is held up when there are more.
const PIECES_WAITING: usize = 16;

/// The size of a piece of output, at most.
const PIECE_BYTES: usize = 16 * 1024;

/// What ends the input of a terminal: control-D.
const END_OF_INPUT: &[u8] = &[4];

/// The tasks of a driver: one for each of its jobs.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Sessions {
    /// Kills all jobs and waits for their ends.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Starts a job and the task that looks after it.
    pub(crate) async fn start(
        &self,
        helper: &Helper,
        plan: Supervision,
        terminal: Option<TerminalSize>,
    ) -> Result<Process, StartError> {
        self.start_with(helper, plan, terminal, None).await
    }

    /// The same, with a folder that is removed when the job is over.
    pub(crate) async fn start_with(
        &self,
        helper: &Helper,
        plan: Supervision,
        terminal: Option<TerminalSize>,
        private: Option<TempDir>,
    ) -> Result<Process, StartError> {
        let groups = plan.groups.clone();
        let mut cleaning = CleanUp(Some(groups));
        let (near, far) = Streams::open(terminal).map_err(system("opening the streams of a command"))?;
        let mut supervisor = Supervisor::spawn(helper, &plan, far).await?;
        let started = supervisor.started().await?;
        let groups = cleaning.0.take().unwrap_or_default();
        let (output_sender, output) = mpsc::channel(PIECES_WAITING);
        let (control_sender, control) = mpsc::unbounded_channel();
        let (exit_sender, exit) = oneshot::channel();
        let closing = self.closing.child_token();
        self.tasks.spawn(async move {
            let exit = attend(supervisor, started, near, output_sender, control, closing).await;
            if exit.ending == Ending::Lost {
                clear(&groups).await;
            }
            if let Some(private) = private {
                let _ = tokio::task::spawn_blocking(move || private.close()).await;
            }
            let _ = exit_sender.send(exit);
        });
        Ok(Process::new(output, control_sender, exit))
    }
}

/// Removes groups that nobody else can remove any more.
struct CleanUp(Option<Groups>);

impl Drop for CleanUp {
    fn drop(&mut self) {
        if let Some(groups) = &self.0 {
            groups.remove();
        }
    }
}

/// Kills what a lost supervisor has left in its groups.
async fn clear(groups: &Groups) {
    for _ in 0..100 {
        groups.kill();
        let members = groups.members();
        for pid in &members {
            if let Some(pid) = rustix::process::Pid::from_raw(*pid) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        if members.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    groups.remove();
}

fn system(what: &'static str) -> impl Fn(io::Error) -> StartError {
    move |source| StartError::System { what: what.to_owned(), source }
}

/// The first stage of the helper, seen from here. When this is dropped, it kills the job.
struct Supervisor {
    child: Child,
    socket: UnixStream,
}

impl Supervisor {
    async fn spawn(helper: &Helper, plan: &Supervision, streams: [OwnedFd; 3]) -> Result<Self, StartError> {
        let program = helper.program();
        let failed = |source| StartError::System { what: format!("starting `{}`", program.display()), source };
        let (near, far) = BlockingStream::pair().map_err(failed)?;
        near.set_nonblocking(true).map_err(failed)?;
        let [stdin, stdout, stderr] = &streams;
        wire::send_descriptors(&near, &[stdin.as_fd(), stdout.as_fd(), stderr.as_fd()]).map_err(failed)?;
        let mut command = Command::new(program);
        command.arg(SUPERVISE).env_clear().current_dir("/");
        command.stdin(OwnedFd::from(far)).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(failed)?;
        // The descriptors of the other end go with the command.
        drop((command, streams));
        let mut socket = UnixStream::from_std(near).map_err(failed)?;
        // Another program than the helper would run here with arguments that it does not know.
        let Ok(Report::Ready) = read_report(&mut socket).await else {
            let problem = "it is not the sandbox's helper: it has to call `helper_main_if_asked` first of all";
            return Err(failed(io::Error::other(problem)));
        };
        let plan = wire::frame(plan).map_err(failed)?;
        socket.write_all(&plan).await.map_err(failed)?;
        Ok(Self { child, socket })
    }

    /// Waits until the job runs. `Some` when it has even ended.
    async fn started(&mut self) -> Result<Option<Exit>, StartError> {
        let report = read_report(&mut self.socket).await;
        match report.map_err(system("waiting for a command to start"))? {
            Report::Started => Ok(None),
            Report::Ended { code, signal, ending } => Ok(Some(Exit { code, signal, ending: ending.into() })),
            Report::Failed(failure) => {
                let _ = self.child.wait().await;
                let source = match failure.os_error {
                    Some(number) => io::Error::from_raw_os_error(number),
                    None => io::Error::other(failure.problem),
                };
                Err(StartError::System { what: failure.step, source })
            }
            Report::Ready => {
                let twice = io::Error::other("the helper said hello twice");
                Err(StartError::System { what: "waiting for a command to start".to_owned(), source: twice })
            }
        }
    }
}

async fn read_report(socket: &mut (impl AsyncRead + Unpin)) -> io::Result<Report> {
    let length = socket.read_u32_le().await?;
    if length > wire::FRAME_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the helper's report is too long"));
    }
    let mut body = Vec::new();
    let read = socket.take(u64::from(length)).read_to_end(&mut body).await?;
    if read < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&body)?)
}

/// Looks after a job until nothing of it runs and all of its output is taken.
async fn attend(
    supervisor: Supervisor,
    started: Option<Exit>,
    near: Streams,
    output: mpsc::Sender<Output>,
    mut control: mpsc::UnboundedReceiver<Control>,
    closing: CancellationToken,
) -> Exit {
    let Streams { stdin, stdout, stderr, terminal } = near;
    let Supervisor { mut child, socket } = supervisor;
    let (mut reports, told) = socket.into_split();
    let mut reporting = pin!(read_report(&mut reports));
    let over = CancellationToken::new();
    let (input, inputs) = mpsc::unbounded_channel();
    let mut input = Some(input);
    let mut feeding = pin!(feed(stdin, inputs, terminal));
    let mut carrying = pin!(async {
        let first = carry(Some(stdout), OutputStream::Stdout, &output, &over);
        let second = carry(stderr, OutputStream::Stderr, &output, &over);
        futures_util::future::join(first, second).await;
    });
    let (mut fed, mut carried, mut killed, mut exit) = (false, false, false, started);
    if exit.is_some() {
        over.cancel();
    }
    let kill = || {
        let _ = told.try_write(b"k");
        true
    };
    while !(carried && exit.is_some()) {
        tokio::select! {
            report = &mut reporting, if exit.is_none() => {
                exit = Some(match report {
                    Ok(Report::Ended { code, signal, ending }) => Exit { code, signal, ending: ending.into() },
                    _ => Exit { code: None, signal: None, ending: Ending::Lost },
                });
                over.cancel();
            }
            () = &mut carrying, if !carried => carried = true,
            () = &mut feeding, if !fed => fed = true,
            command = control.recv(), if !killed => match command {
                Some(Control::Input(bytes)) => {
                    if let Some(input) = &input {
                        let _ = input.send(bytes);
                    }
                }
                Some(Control::CloseInput) => input = None,
                Some(Control::Kill) | None => killed = kill(),
            },
            () = closing.cancelled(), if !killed => killed = kill(),
        }
    }
    let _ = child.wait().await;
    exit.unwrap_or(Exit { code: None, signal: None, ending: Ending::Lost })
}

/// Writes input as the job takes it.
async fn feed(mut stream: Sender, mut inputs: mpsc::UnboundedReceiver<Bytes>, terminal: bool) {
    while let Some(bytes) = inputs.recv().await {
        if stream.write_all(&bytes).await.is_err() {
            // The job has closed its input.
            return;
        }
    }
    if terminal {
        let _ = stream.write_all(END_OF_INPUT).await;
    }
}

/// Carries output until its end. When nothing of the job runs any more, what is there by then is all there is, although
/// somebody may still hold the other end.
async fn carry(stream: Option<Receiver>, name: OutputStream, output: &mpsc::Sender<Output>, over: &CancellationToken) {
    let Some(stream) = stream else { return };
    let mut buffer = BytesMut::new();
    let mut wanted = true;
    loop {
        buffer.reserve(PIECE_BYTES);
        buffer.resize(PIECE_BYTES, 0);
        let read = tokio::select! {
            biased;
            read = read(&stream, &mut buffer) => read,
            // Whatever the runtime knows about it.
            () = over.cancelled() => rustix::io::read(&stream, &mut *buffer).map_err(io::Error::from),
        };
        // A terminal that nobody holds open any more fails instead of ending.
        let Ok(count @ 1..) = read else { return };
        let piece = Output { stream: name, bytes: buffer.split_to(count).freeze() };
        // Output that nobody wants is read all the same, so that the job does not wait for ever.
        wanted = wanted && output.send(piece).await.is_ok();
    }
}

/// A terminal gives what it has in small pieces. A read that does not fill its buffer hence does not mean that there is
/// nothing more, as the runtime's own reading takes it to mean.
async fn read(stream: &Receiver, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        match stream.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}

/// The ends of a job's streams that are here.
struct Streams {
    stdin: Sender,
    stdout: Receiver,
    stderr: Option<Receiver>,
    terminal: bool,
}

impl Streams {
    /// Opens streams; the second part is the job's standard input, output and error.
    fn open(terminal: Option<TerminalSize>) -> io::Result<(Self, [OwnedFd; 3])> {
        if let Some(size) = terminal {
            return Self::open_terminal(size);
        }
        let (their_stdin, stdin) = io::pipe()?;
        let (stdout, their_stdout) = io::pipe()?;
        let (stderr, their_stderr) = io::pipe()?;
        let near = Self {
            stdin: Sender::from_owned_fd_unchecked(not_waiting(stdin.into())?)?,
            stdout: Receiver::from_owned_fd_unchecked(not_waiting(stdout.into())?)?,
            stderr: Some(Receiver::from_owned_fd_unchecked(not_waiting(stderr.into())?)?),
            terminal: false,
        };
        Ok((near, [their_stdin.into(), their_stdout.into(), their_stderr.into()]))
    }

    fn open_terminal(size: TerminalSize) -> io::Result<(Self, [OwnedFd; 3])> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let near = not_waiting(rustix::pty::openpt(flags)?)?;
        rustix::pty::unlockpt(&near)?;
        let far = rustix::pty::ioctl_tiocgptpeer(&near, flags)?;
        let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&near, size)?;
        let far = [far.try_clone()?, far.try_clone()?, far];
        // A terminal is read and written like a pipe, though it is none.
        let stdin = Sender::from_owned_fd_unchecked(near.try_clone()?)?;
        let stdout = Receiver::from_owned_fd_unchecked(near)?;
        Ok((Self { stdin, stdout, stderr: None, terminal: true }, far))
    }
}

/// Reading and writing return at once.
fn not_waiting(end: OwnedFd) -> io::Result<OwnedFd> {
    let flags = rustix::fs::fcntl_getfl(&end)?;
    rustix::fs::fcntl_setfl(&end, flags | OFlags::NONBLOCK)?;
    Ok(end)
}
