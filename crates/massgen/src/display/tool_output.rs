//! The output of a tool on a terminal: its beginning and its end, which tell most.

use std::collections::VecDeque;

/// How many lines are shown as they come.
const FIRST_LINES: usize = 8;

/// How many of the last lines are shown at the end.
const LAST_LINES: usize = 5;

/// A line without an end is broken here.
const LINE_BYTES_MAX: usize = 2000;

/// What a tool has written, as far as it is to be shown.
#[derive(Debug, Default)]
pub(super) struct ToolOutput {
    /// What has come of a line that is not whole yet.
    open: String,
    shown: usize,
    /// The last lines, of those that were not shown.
    last: VecDeque<String>,
    left_out: usize,
}

impl ToolOutput {
    /// Takes in a piece; the lines that are to be shown at once.
    pub(super) fn take(&mut self, delta: &str) -> Vec<String> {
        let mut shown = Vec::new();
        for piece in delta.split_inclusive('\n') {
            self.open.push_str(piece);
            if piece.ends_with('\n') || self.open.len() > LINE_BYTES_MAX {
                let line = std::mem::take(&mut self.open);
                shown.extend(self.line(line));
            }
        }
        shown
    }

    /// The lines that are shown when it is over.
    pub(super) fn end(mut self) -> Vec<String> {
        let open = std::mem::take(&mut self.open);
        let mut lines: Vec<String> = if open.is_empty() { Vec::new() } else { self.line(open).into_iter().collect() };
        if self.left_out > 0 {
            let unit = if self.left_out == 1 { "line" } else { "lines" };
            lines.push(format!("[{} more {unit}; the log has them]", self.left_out));
        }
        lines.extend(self.last);
        lines
    }

    fn line(&mut self, line: String) -> Option<String> {
        if self.shown < FIRST_LINES {
            self.shown += 1;
            return Some(line);
        }
        self.last.push_back(line);
        if self.last.len() > LAST_LINES {
            self.last.pop_front();
            self.left_out += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_comes_at_once_and_the_end_at_the_end() {
        let mut output = ToolOutput::default();
        let text: String = (1..=20).map(|number| format!("{number}\n")).collect();
        assert_eq!(output.take(&text).len(), FIRST_LINES);
        assert_eq!(output.take("last"), Vec::<String>::new());
        assert_eq!(output.end(), ["[8 more lines; the log has them]", "17\n", "18\n", "19\n", "20\n", "last"]);
    }

    #[test]
    fn a_little_is_shown_whole() {
        let mut output = ToolOutput::default();
        assert_eq!(output.take("a\nb"), ["a\n"]);
        assert_eq!(output.take("c\n"), ["bc\n"]);
        assert!(output.end().is_empty());
    }
}
