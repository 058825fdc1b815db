//! Colours and lines of the plain display.

use std::io::IsTerminal;

use massgen_protocol::AgentIndex;
use terminal_size::{Width, terminal_size};
use textwrap::{Options, WordSplitter};

use crate::terminal;

/// How text is shown: with colours or without, in lines of the terminal's width or as long as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    coloured: bool,
    /// The columns of the terminal; `None`: not a terminal, so that lines are not broken.
    columns: Option<usize>,
}

/// Narrower than this, texts are broken where the terminal breaks them.
const TEXT_COLUMNS_MIN: usize = 20;

/// Six colours that can be told apart on light and on dark backgrounds, in 16-colour terminals too.
const AGENT_COLOURS: [&str; 6] = ["36", "35", "33", "32", "34", "31"];

impl Style {
    /// As standard output takes it.
    pub(crate) fn of_stdout() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let columns = terminal_size().map(|(Width(columns), _)| usize::from(columns)).filter(|_| is_terminal);
        Self { coloured: terminal::stdout_takes_colour(), columns }
    }

    /// Without colours, in lines of `columns`.
    #[cfg(test)]
    pub(crate) fn plain(columns: Option<usize>) -> Self {
        Self { coloured: false, columns }
    }

    /// `text` in lines that fit beside `indent` columns.
    pub(crate) fn lines(self, text: &str, indent: usize) -> Vec<String> {
        let Some(width) = self.columns.and_then(|columns| columns.checked_sub(indent)) else {
            return text.lines().map(str::to_owned).collect();
        };
        let options = Options::new(width.max(TEXT_COLUMNS_MIN)).word_splitter(WordSplitter::NoHyphenation);
        textwrap::wrap(text, options).into_iter().map(std::borrow::Cow::into_owned).collect()
    }

    /// `text` after `title`, its further lines below its first.
    pub(crate) fn hanging(self, title: &str, text: &str) -> String {
        let indent = title.chars().count();
        let lines = self.lines(text, indent);
        let rest = format!("\n{}", " ".repeat(indent));
        format!("{}{}", self.bold(title), lines.join(&rest))
    }

    /// In the colour of an agent.
    pub(crate) fn agent(self, agent: AgentIndex, text: &str) -> String {
        let colour = AGENT_COLOURS.get(agent.position() % AGENT_COLOURS.len()).copied().unwrap_or("0");
        self.paint(colour, text)
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn warning(self, text: &str) -> String {
        self.paint("33", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
