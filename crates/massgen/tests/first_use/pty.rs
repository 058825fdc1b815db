//! A terminal with somebody in front of it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Nobody waits longer than this: then the program hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program at a terminal.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    /// All that was ever shown.
    shown: String,
    /// How much of it has been waited for.
    seen: usize,
}

impl Terminal {
    /// Starts a program in a terminal of its own.
    pub(crate) fn start(mut command: Command) -> Self {
        let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&user).expect("granted");
        unlockpt(&user).expect("unlocked");
        let name = ptsname(&user, Vec::new()).expect("a name");
        let program: OwnedFd = open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("opened");
        let side = || Stdio::from(program.try_clone().expect("another"));
        command.stdin(side()).stdout(side()).stderr(side());
        let child = command.spawn().expect("started");
        drop((command, program));

        let keyboard = File::from(user.as_fd().try_clone_to_owned().expect("another"));
        let (seen, screen) = channel();
        let mut reader = File::from(user);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // On Linux, a terminal whose program is gone gives an error instead of an end.
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if seen.send(buffer.iter().take(length).copied().collect()).is_err() {
                    break;
                }
            }
        });
        Self { child, keyboard, screen, shown: String::new(), seen: 0 }
    }

    /// Waits until this is shown, and goes on behind it.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let place = self.shown.get(self.seen..).and_then(|new| new.find(text));
            if let Some(place) = place {
                self.seen += place + text.len();
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("`{text}` is never shown; on the screen:\n{}", self.shown),
            }
        }
    }

    /// Types something and presses Enter.
    pub(crate) fn types(&mut self, text: &str) {
        self.keyboard.write_all(format!("{text}\r").as_bytes()).expect("typed");
    }

    /// Waits for the end. Returns the exit code and all that was ever shown.
    pub(crate) fn ends(mut self) -> (i32, String) {
        let deadline = Instant::now() + PATIENCE;
        while let Ok(bytes) = self.screen.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.shown.push_str(&String::from_utf8_lossy(&bytes));
        }
        let code = self.child.wait().expect("ended").code().unwrap_or(-1);
        (code, std::mem::take(&mut self.shown))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
