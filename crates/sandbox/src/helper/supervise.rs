//! The first stage: starts the box, adopts what the job leaves behind, and ends all of it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, PipeReader, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{ChildStderr, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use rustix::fs::MemfdFlags;
use rustix::process::{DumpableBehavior, Pid, WaitOptions, WaitStatus};

use crate::groups::Groups;
use crate::helper::watch::Baseline;
use crate::helper::{descendants, descriptors, restrict};
use crate::plan::{Confinement, EndingWord, Failure, Notice, Report, Supervision};
use crate::wire;

/// How long it takes at most until a process that was started while everything was killed is killed as well.
const KILL_AGAIN: Duration = Duration::from_millis(10);

/// How much of the words of a failed starter is kept.
const COMPLAINT_BYTES: u64 = 4096;

/// What the threads of this stage tell its main one.
enum Event {
    /// The main program wants the end, or is gone.
    Kill,
    /// A child has ended: our own, or one that was adopted.
    Reaped(Pid, WaitStatus),
    /// Nothing is left to wait for.
    NoneLeft,
    Noticed(Notice),
    /// The second stage is gone, or has become the job.
    NoticesOver,
    /// More was used than granted.
    Breach(EndingWord),
}

pub(super) fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    }
}

fn run() -> io::Result<()> {
    descriptors::close_inherited()?;
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    wire::write_frame(&mut socket, &Report::Ready)?;
    let streams = wire::receive_descriptors::<3>(&socket)?;
    let plan: Supervision = wire::read_frame(&mut socket)?;
    let report = supervise(plan, streams, &socket);
    wire::write_frame(&mut socket, &report)
}

/// Runs the job to its end.
fn supervise(plan: Supervision, streams: [OwnedFd; 3], socket: &UnixStream) -> Report {
    let (groups, private) = (plan.groups.clone(), plan.private.clone());
    let report = match start(plan, streams, socket) {
        Ok(mut job) => job.attend(),
        Err(failure) => {
            // It may have come as far as into one of them.
            let _ = groups.leave();
            Report::Failed(failure)
        }
    };
    // Here and not in the main program alone, which may have been killed.
    groups.remove();
    if let Some(private) = private {
        let _ = std::fs::remove_dir_all(private);
    }
    report
}

struct Supervisor {
    starter: Pid,
    complaints: ChildStderr,
    stays: bool,
    signal_domain: bool,
    groups: Groups,
    events: Receiver<Event>,
    socket: UnixStream,
    /// How the program that this stage has started ended.
    starter_end: Option<WaitStatus>,
    /// How the job ended, by the word of the second stage.
    told_end: Option<(Option<i32>, Option<i32>)>,
    failure: Option<Failure>,
    confined: bool,
    started: bool,
    none_left: bool,
    notices_over: bool,
    ending: EndingWord,
}

fn start(plan: Supervision, streams: [OwnedFd; 3], socket: &UnixStream) -> Result<Supervisor, Failure> {
    let Supervision { starter, options, confinement, groups, watch, signal_domain, .. } = plan;
    let step = |step: &'static str| move |error: io::Error| Failure::new(step, &error);
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|error| Failure::new("adopting what a job leaves behind", &io::Error::from(error)))?;
    if signal_domain {
        restrict::signal_domain().map_err(|error| Failure::new("making a domain for signals", &error))?;
    }
    // Nobody may read this process's memory or borrow its descriptors.
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);

    let (sender, events) = mpsc::channel();
    let lifeline = socket.try_clone().map_err(step("watching the main program"))?;
    let socket = socket.try_clone().map_err(step("talking to the main program"))?;
    spawn(&sender, move |sender| await_kill(lifeline, &sender))?;

    let baseline = Baseline::take(watch);
    let stays = confinement.stays;
    groups.join().map_err(step("putting the job into its control group"))?;
    let started = start_box(&starter, &options, confinement, streams, &sender);
    let left = groups.leave();
    let (starter, complaints) = started?;
    spawn(&sender, |sender| reap(&sender))?;
    if let Some(baseline) = baseline {
        spawn(&sender, move |sender| {
            let _ = sender.send(Event::Breach(baseline.await_breach()));
        })?;
    }
    left.map_err(step("leaving the control group of the job"))?;
    Ok(Supervisor {
        starter,
        complaints,
        stays,
        signal_domain,
        groups,
        events,
        socket,
        starter_end: None,
        told_end: None,
        failure: None,
        confined: false,
        started: false,
        none_left: false,
        notices_over: false,
        ending: EndingWord::Itself,
    })
}

/// Starts the program that makes the box, and hands the second stage its plan.
fn start_box(
    starter: &[OsString],
    options: &[OsString],
    confinement: Confinement,
    streams: [OwnedFd; 3],
    sender: &Sender<Event>,
) -> Result<(Pid, ChildStderr), Failure> {
    let step = |error: io::Error| Failure::new("starting the box", &error);
    let nothing = || step(io::ErrorKind::InvalidInput.into());
    let (near, far) = UnixStream::pair().map_err(step)?;
    let (notices, notify) = io::pipe().map_err(step)?;
    let [stdin, stdout, stderr] = &streams;
    let sent = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd(), notify.as_fd()];
    wire::send_descriptors(&near, &sent).map_err(step)?;
    // Only the job holds these from now on, so that their ends are seen when it ends.
    drop((streams, notify));

    let (program, arguments) = starter.split_first().ok_or_else(nothing)?;
    let mut command = Command::new(program);
    let options = (!options.is_empty()).then(|| descriptor_of(options)).transpose().map_err(step)?;
    if let Some(options) = &options {
        command.arg("--args").arg(options.as_raw_fd().to_string());
    }
    command.args(arguments).env_clear().current_dir("/");
    command.stdin(OwnedFd::from(far)).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child =
        command.spawn().map_err(|error| Failure::new(format!("starting `{}`", program.display()), &error))?;
    drop((command, options));
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(nothing)?;
    let complaints = child.stderr.take().ok_or_else(nothing)?;
    spawn(sender, move |sender| hand_over(near, &confinement, notices, &sender))?;
    Ok((pid, complaints))
}

/// Options, each ended by a zero byte, to be read from a descriptor. It is inherited: nothing else is started
/// meanwhile, and the starter closes it when it has read them.
fn descriptor_of(options: &[OsString]) -> io::Result<File> {
    if options.iter().any(|option| option.as_encoded_bytes().contains(&0)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a path contains a zero byte"));
    }
    let mut file = File::from(rustix::fs::memfd_create("options", MemfdFlags::empty())?);
    for option in options {
        file.write_all(option.as_encoded_bytes())?;
        file.write_all(&[0])?;
    }
    file.rewind()?;
    Ok(file)
}

fn spawn(sender: &Sender<Event>, work: impl FnOnce(Sender<Event>) + Send + 'static) -> Result<(), Failure> {
    let sender = sender.clone();
    let spawned = thread::Builder::new().spawn(move || work(sender));
    spawned.map(drop).map_err(|error| Failure::new("starting a thread", &error))
}

/// A byte from the main program means the end, and so does its silence for good.
fn await_kill(mut lifeline: UnixStream, sender: &Sender<Event>) {
    let _ = lifeline.read(&mut [0]);
    let _ = sender.send(Event::Kill);
}

fn reap(sender: &Sender<Event>) {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) => {
                let _ = sender.send(Event::Reaped(pid, status));
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => {
                let _ = sender.send(Event::NoneLeft);
                return;
            }
        }
    }
}

fn hand_over(mut near: UnixStream, confinement: &Confinement, mut notices: PipeReader, sender: &Sender<Event>) {
    // A second stage that never came is seen by the end of its notices.
    let _ = wire::write_frame(&mut near, confinement);
    while let Ok(notice) = wire::read_frame(&mut notices) {
        let _ = sender.send(Event::Noticed(notice));
    }
    let _ = sender.send(Event::NoticesOver);
}

impl Supervisor {
    /// Runs the job to its end, and until nothing of it is left.
    fn attend(&mut self) -> Report {
        while self.starter_end.is_none() && self.ending == EndingWord::Itself {
            let Ok(event) = self.events.recv() else { break };
            self.take(event);
        }
        // What a job leaves behind mostly ends with it.
        let mut pause = if self.ending == EndingWord::Itself { KILL_AGAIN / 5 } else { Duration::ZERO };
        while !(self.none_left && self.notices_over) {
            match self.events.recv_timeout(pause) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => {
                    self.kill_all();
                    pause = KILL_AGAIN;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.report()
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Kill => self.end(EndingWord::Killed),
            Event::Breach(ending) => self.end(ending),
            Event::Reaped(pid, status) if pid == self.starter => self.starter_end = Some(status),
            Event::Reaped(..) => {}
            Event::NoneLeft => self.none_left = true,
            Event::Noticed(Notice::Confined) => {
                self.confined = true;
                if self.stays {
                    self.tell_started();
                }
            }
            Event::Noticed(Notice::Failed(failure)) => self.failure = Some(failure),
            Event::Noticed(Notice::Exited { code, signal }) => self.told_end = Some((code, signal)),
            Event::NoticesOver => {
                self.notices_over = true;
                if self.confined && self.failure.is_none() {
                    self.tell_started();
                }
            }
        }
    }

    fn end(&mut self, ending: EndingWord) {
        if self.starter_end.is_none() && self.told_end.is_none() && self.ending == EndingWord::Itself {
            self.ending = ending;
        }
    }

    fn tell_started(&mut self) {
        if !self.started {
            self.started = true;
            // A main program that is gone is seen elsewhere.
            let _ = wire::write_frame(&mut self.socket, &Report::Started);
        }
    }

    fn kill_all(&self) {
        if self.signal_domain {
            // Reaches all of the domain in one step, those that fork at this moment included, and nothing outside it.
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(-1), nix::sys::signal::Signal::SIGKILL);
        }
        self.groups.kill();
        for pid in descendants::list() {
            descendants::kill(pid);
        }
    }

    fn report(&mut self) -> Report {
        if let Some(failure) = self.failure.take().filter(|_| !self.started) {
            return Report::Failed(failure);
        }
        if !self.started && self.ending == EndingWord::Itself {
            return Report::Failed(self.complaint());
        }
        let (code, signal) = self.told_end.unwrap_or_else(|| self.starter_words());
        let mut ending = self.ending;
        if ending == EndingWord::Itself && code != Some(0) && self.groups.ran_out_of_memory() {
            ending = EndingWord::OutOfMemory;
        }
        Report::Ended { code, signal, ending }
    }

    fn starter_words(&self) -> (Option<i32>, Option<i32>) {
        let Some(status) = self.starter_end else { return (None, None) };
        let code = status.exit_status();
        // A program that waits for the second stage passes its signal on as a shell does.
        if let Some(signal) = code.filter(|code| self.stays && *code > 128) {
            return (None, Some(signal - 128));
        }
        (code, status.terminating_signal())
    }

    /// The words of a box that never came to be.
    fn complaint(&mut self) -> Failure {
        let mut words = Vec::new();
        let _ = self.complaints.by_ref().take(COMPLAINT_BYTES).read_to_end(&mut words);
        let mut problem = String::from_utf8_lossy(&words).trim().to_owned();
        if problem.is_empty() {
            problem = match self.starter_words() {
                (Some(code), _) => format!("it ended with code {code} and without a word"),
                (_, signal) => format!("it was ended by signal {}", signal.unwrap_or_default()),
            };
        }
        Failure { step: "making the box".to_owned(), problem, os_error: None }
    }
}
