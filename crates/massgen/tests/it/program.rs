//! The binary as a child process that cannot outlive its test.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use massgen_protocol::{Record, RunView};

/// No test waits longer than this for anything: then the program hangs.
const PATIENCE: Duration = Duration::from_secs(90);

/// A command line that only has to be started.
pub(crate) struct Program {
    command: Command,
    input: Option<Vec<u8>>,
}

impl Program {
    pub(crate) fn new(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Self { command, input: None }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Pipes `input` into the program.
    pub(crate) fn input(mut self, input: &str) -> Self {
        self.command.stdin(Stdio::piped());
        self.input = Some(input.as_bytes().to_owned());
        self
    }

    /// Starts it with standard output going here, of which nothing is read.
    #[cfg(unix)]
    pub(crate) fn stdout_to(mut self, file: std::fs::File) -> Self {
        self.command.stdout(file);
        self
    }

    /// Takes standard input from a file.
    pub(crate) fn stdin_from(mut self, file: std::fs::File) -> Self {
        self.command.stdin(file);
        self
    }

    /// Starts it.
    pub(crate) fn start(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let stdout = child.stdout.take().map_or_else(|| Pipe::new(std::io::empty()), Pipe::new);
        let running = Running::new(child, stdout, Pipe::new(stderr), self.input.take());
        drop(self.command);
        running
    }

    /// Starts it with a standard input that stays open until it is dropped.
    pub(crate) fn start_open(mut self) -> (Running, std::process::ChildStdin) {
        self.command.stdin(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let (stdin, stdout, stderr) =
            (child.stdin.take().unwrap(), child.stdout.take().unwrap(), child.stderr.take().unwrap());
        (Running::new(child, Pipe::new(stdout), Pipe::new(stderr), None), stdin)
    }

    /// Starts it with a standard output that nobody reads, as behind a pager that was left alone.
    pub(crate) fn start_unread(mut self) -> (Running, std::process::ChildStdout) {
        let mut child = self.command.spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        (Running::new(child, Pipe::new(std::io::empty()), Pipe::new(stderr), self.input.take()), stdout)
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Finished {
        self.start().finish()
    }
}

/// The program at work. Dropped, it is killed with everything that it has started.
pub(crate) struct Running {
    pid: u32,
    started: Instant,
    exit: Receiver<ExitStatus>,
    status: Option<ExitStatus>,
    stdout: Pipe,
    stderr: Pipe,
    view: RunView,
}

impl Running {
    fn new(mut child: Child, stdout: Pipe, stderr: Pipe, input: Option<Vec<u8>>) -> Self {
        let (pid, started) = (child.id(), Instant::now());
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            // A program that does not read its input closes it.
            thread::spawn(move || stdin.write_all(&input));
        }
        let (exited, exit) = channel();
        thread::spawn(move || exited.send(child.wait().unwrap()));
        Self { pid, started, exit, status: None, stdout, stderr, view: RunView::default() }
    }

    /// Whether it may still be waited for.
    pub(crate) fn is_patient(&self) -> bool {
        self.started.elapsed() < PATIENCE
    }

    /// The next line on standard output that `wanted` takes.
    pub(crate) fn line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            match self.stdout.next(self.started + PATIENCE) {
                Some(line) if wanted(&line) => return line,
                Some(_) => {}
                None => self.give_up("the line that the test waits for does not come"),
            }
        }
    }

    /// The next line on standard error that has `text`.
    pub(crate) fn told(&mut self, text: &str) {
        loop {
            match self.stderr.next(self.started + PATIENCE) {
                Some(line) if line.contains(text) => return,
                Some(_) => {}
                None => self.give_up("the message that the test waits for does not come"),
            }
        }
    }

    /// Reads what `--stream-events` prints until the run stands as `wanted`.
    pub(crate) fn until(&mut self, wanted: impl Fn(&RunView) -> bool) {
        while !wanted(&self.view) {
            let record: Record = serde_json::from_str(&self.line(|_| true)).unwrap();
            self.view.apply(&record);
        }
    }

    /// Waits until the program has ended by itself.
    pub(crate) fn finish(mut self) -> Finished {
        self.stdout.read_all(self.started + PATIENCE);
        self.stderr.read_all(self.started + PATIENCE);
        let left = (self.started + PATIENCE).saturating_duration_since(Instant::now());
        match self.exit.recv_timeout(left) {
            Ok(status) => self.status = Some(status),
            Err(_) => self.give_up("the program does not end"),
        }
        Finished {
            status: self.status.unwrap(),
            stdout: self.stdout.seen.clone(),
            stderr: self.stderr.seen.clone(),
            took: self.started.elapsed(),
        }
    }

    fn give_up(&mut self, why: &str) -> ! {
        self.kill();
        let (stdout, stderr) = (&self.stdout.seen, &self.stderr.seen);
        panic!("{why}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.group(), signal).unwrap();
    }

    /// The process group, whose number is that of the program.
    #[cfg(unix)]
    pub(crate) fn group(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_raw(i32::try_from(self.pid).unwrap()).unwrap()
    }

    /// Kills it and everything in its process group, without a chance to tidy up.
    #[cfg(unix)]
    pub(crate) fn kill(&mut self) {
        // The error is that nobody is left.
        let _ = rustix::process::kill_process_group(self.group(), rustix::process::Signal::KILL);
    }

    #[cfg(not(unix))]
    pub(crate) fn kill(&mut self) {
        let _ = Command::new("taskkill").args(["/f", "/t", "/pid", &self.pid.to_string()]).output();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.status.is_none() {
            self.kill();
        }
    }
}

/// What a program came to.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Finished {
    /// Fails unless the exit code is `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, stdout, stderr, .. } = self;
        write!(f, "{status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// One output of the program, read as it comes.
struct Pipe {
    lines: Receiver<String>,
    seen: String,
}

impl Pipe {
    fn new(output: impl Read + Send + 'static) -> Self {
        let (send, lines) = channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut bytes = Vec::new();
            while output.read_until(b'\n', &mut bytes).is_ok_and(|read| read > 0) {
                let line = String::from_utf8(std::mem::take(&mut bytes)).expect("the program writes UTF-8");
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines, seen: String::new() }
    }

    /// The next line; `None` when there is none before the deadline.
    fn next(&mut self, deadline: Instant) -> Option<String> {
        let line = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()?;
        self.seen.push_str(&line);
        Some(line)
    }

    fn read_all(&mut self, deadline: Instant) {
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push_str(&line),
                Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => return,
            }
        }
    }
}
