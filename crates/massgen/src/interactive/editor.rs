//! Lines from the terminal, with a history to go back to.

use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Editor as LineEditor};

use crate::failure::Failure;

/// What the user did at the prompt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Typed this and pressed Enter.
    Text(String),
    /// Took back what was typed, with Ctrl-C.
    Cleared,
    /// Left, with Ctrl-D, or the terminal is gone.
    End,
}

/// Reads lines, with arrow keys and what else terminals are used to.
pub(super) struct Editor(LineEditor<(), MemHistory>);

impl Editor {
    pub(super) fn new() -> Result<Self, Failure> {
        let config = Config::builder().auto_add_history(false).build();
        let history = MemHistory::with_config(&config);
        LineEditor::with_history(config, history).map(Self).map_err(|error| failed(&error))
    }

    /// Asks for a line.
    pub(super) fn read(&mut self, prompt: &str) -> Result<Line, Failure> {
        match self.0.readline(prompt) {
            Ok(line) => Ok(Line::Text(line)),
            Err(ReadlineError::Interrupted) => Ok(Line::Cleared),
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(ReadlineError::Io(error)) if is_gone(&error) => Ok(Line::End),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Keeps a line to go back to.
    pub(super) fn remember(&mut self, line: &str) {
        // Without it, the line has to be typed again.
        let _ = self.0.add_history_entry(line);
    }
}

fn failed(error: &ReadlineError) -> Failure {
    Failure::execution(format!("nothing can be read from the terminal: {error}"))
        .hint("give the question as the last argument")
}

/// Whether an error says that there is no terminal any more.
fn is_gone(error: &std::io::Error) -> bool {
    /// What reading from a terminal gives whose other end is closed.
    const EIO: i32 = 5;
    error.raw_os_error() == Some(EIO)
}

/// How the terminal treats what is typed.
pub(super) struct TerminalMode(#[cfg(unix)] Option<rustix::termios::Termios>);

#[cfg(unix)]
impl TerminalMode {
    /// As it is now.
    pub(super) fn now() -> Self {
        Self(rustix::termios::tcgetattr(std::io::stdin()).ok())
    }

    /// Makes it so again.
    pub(super) fn restore(&self) {
        if let Some(mode) = &self.0 {
            // A terminal that is gone needs no order.
            let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, mode);
        }
    }
}

#[cfg(not(unix))]
impl TerminalMode {
    pub(super) fn now() -> Self {
        Self()
    }

    pub(super) fn restore(&self) {}
}
