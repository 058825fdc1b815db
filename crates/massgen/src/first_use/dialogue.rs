//! Questions to the user, and their answers.

use std::io::{BufRead, IsTerminal, StderrLock, StdinLock, Write};

use massgen_config::Secret;

use crate::failure::{Failure, FailureKind};

/// A talk with the user. Questions go to standard error: standard output is for results.
pub(crate) struct Dialogue<R, W> {
    input: R,
    output: W,
    hides: bool,
}

impl Dialogue<StdinLock<'static>, StderrLock<'static>> {
    /// The talk with whoever started this process.
    pub(crate) fn of_process() -> Self {
        let stdin = std::io::stdin();
        let hides = stdin.is_terminal();
        Self { input: stdin.lock(), output: std::io::stderr().lock(), hides }
    }

    /// Whether there is somebody to talk with.
    pub(crate) fn is_possible() -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }
}

impl Dialogue<StdinLock<'static>, std::io::Stderr> {
    /// The talk with whoever started this process, while a run goes on: others may tell something in between, and must
    /// not have to wait for an answer. What was typed before there was a question answers none.
    pub(crate) fn beside_a_run() -> Self {
        #[cfg(unix)]
        // Of what is no terminal nothing was typed.
        let _ = rustix::termios::tcflush(std::io::stdin(), rustix::termios::QueueSelector::IFlush);
        Self { input: std::io::stdin().lock(), output: std::io::stderr(), hides: false }
    }
}

impl<R: BufRead, W: Write> Dialogue<R, W> {
    /// Tells something.
    pub(crate) fn say(&mut self, text: &str) {
        // Whoever cannot be told does not answer either, and that is noticed.
        let _ = writeln!(self.output, "{}", text.trim_end());
    }

    /// Asks with a prompt of its own form, and reads a line.
    pub(crate) fn reply(&mut self, prompt: &str) -> Result<String, Failure> {
        self.put(prompt);
        self.line(prompt.lines().last().unwrap_or_default())
    }

    /// Asks for a line. An empty one means `usual`.
    pub(crate) fn ask(&mut self, question: &str, usual: &str) -> Result<String, Failure> {
        let offer = if usual.is_empty() { String::new() } else { format!(" [{usual}]") };
        self.put(&format!("{question}{offer}: "));
        let answer = self.line(question)?;
        Ok(if answer.is_empty() { usual.to_owned() } else { answer })
    }

    /// Asks until the answer can be read. `read` says what is wrong with one that cannot.
    pub(crate) fn ask_until<T>(
        &mut self,
        question: &str,
        usual: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        loop {
            let answer = self.ask(question, usual)?;
            match read(&answer) {
                Ok(value) => return Ok(value),
                Err(problem) => self.say(&format!("  {problem}")),
            }
        }
    }

    /// Asks for yes or no.
    pub(crate) fn agrees(&mut self, question: &str, usual: bool) -> Result<bool, Failure> {
        let offer = if usual { "Y/n" } else { "y/N" };
        self.ask_until(question, offer, |answer| match answer.to_ascii_lowercase().as_str() {
            _ if answer == offer => Ok(usual),
            "y" | "yes" => Ok(true),
            "n" | "no" => Ok(false),
            _ => Err("y for yes or n for no".to_owned()),
        })
    }

    /// Shows a numbered list and asks for one of it, by number or by its first word.
    pub(crate) fn choose(&mut self, question: &str, list: &[String], usual: usize) -> Result<usize, Failure> {
        for (index, entry) in list.iter().enumerate() {
            self.say(&format!("  {:2}  {entry}", index + 1));
        }
        let usual = if usual < list.len() { (usual + 1).to_string() } else { String::new() };
        self.ask_until(question, &usual, |answer| {
            let by_name = || list.iter().position(|entry| entry.split_whitespace().next() == Some(answer));
            let by_number = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let chosen = by_number.filter(|index| *index < list.len()).or_else(by_name);
            chosen.ok_or_else(|| format!("a number from 1 to {}", list.len()))
        })
    }

    /// Asks for something that must not be seen. An empty answer is `None`.
    pub(crate) fn ask_secret(&mut self, question: &str) -> Result<Option<Secret>, Failure> {
        let answer = if self.hides { self.hidden_line(question)? } else { self.shown_line(question)? };
        Ok(Some(answer).filter(|answer| !answer.is_empty()).map(Secret::new))
    }

    fn shown_line(&mut self, question: &str) -> Result<String, Failure> {
        self.put(&format!("{question}: "));
        self.line(question)
    }

    fn put(&mut self, text: &str) {
        let _ = self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush());
    }

    fn line(&mut self, question: &str) -> Result<String, Failure> {
        let mut line = String::new();
        match self.input.read_line(&mut line) {
            Ok(0) => Err(no_answer(question)),
            Ok(_) => Ok(line.trim().to_owned()),
            Err(error) => Err(Failure::execution(format!("the answer cannot be read: {error}"))),
        }
    }

    #[cfg(not(unix))]
    fn hidden_line(&mut self, question: &str) -> Result<String, Failure> {
        self.shown_line(question)
    }

    #[cfg(unix)]
    fn hidden_line(&mut self, question: &str) -> Result<String, Failure> {
        // Before the question is shown: whoever answers at once must not be seen, either.
        let Some(_hidden) = hidden::Hidden::start() else { return self.shown_line(question) };
        self.put(&format!("{question}: "));
        let answer = self.keys(question);
        self.put("\n");
        answer
    }

    /// Reads a line key by key: the terminal shows nothing of it, and leaves Ctrl-C to its reader.
    #[cfg(unix)]
    fn keys(&mut self, question: &str) -> Result<String, Failure> {
        let mut line = Vec::new();
        loop {
            let mut byte = [0];
            let length = self
                .input
                .read(&mut byte)
                .map_err(|error| Failure::execution(format!("the answer cannot be read: {error}")))?;
            match (length, byte) {
                (0, _) | (_, [0x04]) => return Err(no_answer(question)),
                (_, [0x03]) => return Err(Failure::new(FailureKind::Interrupted, "stopped")),
                (_, [b'\r' | b'\n']) => break,
                (_, [0x08 | 0x7f]) => drop(line.pop()),
                // Ctrl-U: from the start.
                (_, [0x15]) => line.clear(),
                (_, [byte]) => line.push(byte),
            }
        }
        Ok(String::from_utf8_lossy(&line).trim().to_owned())
    }
}

fn no_answer(question: &str) -> Failure {
    Failure::execution(format!("no answer to `{question}`"))
        .hint("flags can answer every question, see `massgen --help`; with --headless none is asked")
}

#[cfg(unix)]
mod hidden {
    use std::io::stdin;

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    /// As long as it lives, the terminal does not show what is typed, and sends each key at once.
    pub(super) struct Hidden {
        before: Termios,
    }

    impl Hidden {
        /// `None`: standard input is no terminal.
        pub(super) fn start() -> Option<Self> {
            let before = tcgetattr(stdin()).ok()?;
            let mut hidden = before.clone();
            hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
            tcsetattr(stdin(), OptionalActions::Now, &hidden).ok()?;
            Some(Self { before })
        }
    }

    impl Drop for Hidden {
        fn drop(&mut self) {
            // A terminal that is gone needs no order.
            let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk<T>(answers: &str, with: impl FnOnce(&mut Dialogue<&[u8], &mut Vec<u8>>) -> T) -> (T, String) {
        let mut output = Vec::new();
        let result = with(&mut Dialogue { input: answers.as_bytes(), output: &mut output, hides: false });
        (result, String::from_utf8(output).expect("text"))
    }

    #[test]
    fn enter_takes_the_proposal() {
        let (answers, said) = talk("\n b \n\nno\n\n2\n", |dialogue| {
            let first = dialogue.ask("Model", "gpt").ok()?;
            let second = dialogue.ask("Model", "gpt").ok()?;
            let yes = dialogue.agrees("Write it?", true).ok()?;
            let no = dialogue.agrees("Write it?", true).ok()?;
            let usual = dialogue.agrees("Replace it?", false).ok()?;
            let chosen = dialogue.choose("Which", &["one".to_owned(), "two".to_owned()], 0).ok()?;
            Some((first, second, yes, no, usual, chosen))
        });
        assert_eq!(answers, Some(("gpt".to_owned(), "b".to_owned(), true, false, false, 1)));
        assert!(said.starts_with("Model [gpt]: Model [gpt]: Write it? [Y/n]: "), "{said}");
    }

    #[test]
    fn what_cannot_be_read_is_asked_again_and_the_end_is_an_end() {
        let list = ["one".to_owned(), "two of them".to_owned()];
        let (chosen, said) = talk("0\n9\nthree\ntwo\n", |dialogue| dialogue.choose("Which", &list, 9).ok());
        assert_eq!(chosen, Some(1));
        assert_eq!(said.matches("a number from 1 to 2").count(), 3);
        let (ended, _) = talk("", |dialogue| dialogue.ask("Model", "gpt").map_err(|error| error.to_string()));
        assert!(ended.is_err_and(|error| error.contains("no answer to `Model`")));
    }

    #[test]
    fn a_secret_is_not_repeated() {
        let (secret, said) = talk("sk-secret\n\n", |dialogue| {
            let secret = dialogue.ask_secret("OPENAI_API_KEY").ok().flatten();
            assert_eq!(dialogue.ask_secret("OPENAI_API_KEY").ok().flatten(), None);
            secret
        });
        assert_eq!(secret.as_ref().map(Secret::expose), Some("sk-secret"));
        assert!(!said.contains("sk-"), "{said}");
    }
}
