//! The program at a terminal, with somebody who types.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::place::Place;

/// Nothing that is printed is waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program whose standard input, output and error are one terminal.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    pieces: Receiver<Vec<u8>>,
    /// All that was printed.
    pub(crate) screen: String,
    /// How much of it was waited for.
    seen: usize,
}

impl Terminal {
    /// Starts `massgen` with these arguments.
    pub(crate) fn start(place: &Place, arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let end = || Stdio::from(File::options().read(true).write(true).open(&name).unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_massgen"));
        command.args(arguments).current_dir(place.path()).env_clear();
        command.env("HOME", place.path()).env("PATH", "/usr/bin:/bin").env("TERM", "xterm");
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        // The ends of the program are its own alone, so that reading ends with it.
        drop(command);
        let mut output = File::from(master.as_fd().try_clone_to_owned().unwrap());
        let (send, pieces) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // At the end of the program, reading from a terminal is an error.
            while let Ok(read @ 1..) = output.read(&mut piece) {
                if send.send(piece[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keyboard: File::from(master), pieces, screen: String::new(), seen: 0 }
    }

    /// Waits until `text` is printed, after what was waited for before.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.screen.get(self.seen..).and_then(|new| new.find(text)) {
                self.seen += at + text.len();
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(left) {
                Ok(piece) => self.screen.push_str(&String::from_utf8_lossy(&piece).replace('\r', "")),
                Err(_) => panic!("`{text}` is not shown:\n{}", self.screen),
            }
        }
    }

    /// Types a line.
    pub(crate) fn types(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Presses keys.
    pub(crate) fn presses(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Sends a signal to the program, as a terminal of its own would.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end: the exit code.
    pub(crate) fn finish(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + PATIENCE;
        while let Ok(piece) = self.pieces.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.screen.push_str(&String::from_utf8_lossy(&piece).replace('\r', ""));
        }
        assert!(Instant::now() < deadline, "it does not end:\n{}", self.screen);
        let code = self.child.wait().unwrap().code();
        (code, std::mem::take(&mut self.screen))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
