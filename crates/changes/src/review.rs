//! The dialogue in which a user accepts or rejects changes, as `git add -p` leads it.
//!
//! A pure state machine: it says what to print and takes what was typed. Whoever drives it owns the terminal.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::change_set::{ChangeKind, ChangeSet, FileChange, FileMode};
use crate::display::{shown, shown_path};
use crate::hunk::Hunk;
use crate::selection::{FileSelection, Selection};

/// A review under way.
#[derive(Debug, Clone)]
pub struct Review {
    changes: ChangeSet,
    /// The questions, in order.
    questions: Vec<Question>,
    /// The position of the open question.
    at: usize,
    selection: Selection,
    request: Option<String>,
}

/// What the user decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What is to be applied.
    pub selection: Selection,
    /// What the presenter is asked to do differently. Apply nothing then: the next version comes with a review of its
    /// own; `selection` tells what was accepted until here.
    pub request: Option<String>,
}

/// What comes after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Print [`Review::prompt`] and read the next answer.
    Ask,
    /// Print this first, then ask the same question again.
    Explain(String),
    /// The review is over.
    Done(Verdict),
}

/// One question: a file as a whole, its right to be executed, or one of its hunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Question {
    /// Position in the change set.
    file: usize,
    part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Mode,
    Hunk(usize),
}

const HELP: &str = "\
y - accept this change
n - reject this change
a - accept this change and all later ones in the file
d - reject this change and all later ones in the file
q - quit: reject this change and all that follow
c <words> - ask the presenter for changes, and quit
? - print this help
";

impl Review {
    /// A review of the changes that are not refused.
    #[must_use]
    pub fn new(changes: ChangeSet) -> Self {
        let files = changes.files.iter().enumerate().filter(|(_, file)| file.refused.is_none());
        let questions = files.flat_map(|(index, file)| parts(file).into_iter().map(move |part| (index, part)));
        let questions = questions.map(|(file, part)| Question { file, part }).collect();
        Self { changes, questions, at: 0, selection: Selection::none(), request: None }
    }

    /// Whether no question is open: nothing changed, or all was answered.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.question().is_none()
    }

    /// What to say before the first question: how much was changed, and what will not be applied and why. Safe to
    /// print. Ends with a line feed.
    #[must_use]
    pub fn introduction(&self) -> String {
        let stats = self.changes.stats();
        let files = if stats.files == 1 { "1 file".to_owned() } else { format!("{} files", stats.files) };
        let mut text = format!("{files} changed, +{} -{} lines\n", stats.lines_added, stats.lines_removed);
        for file in &self.changes.files {
            if let Some(why) = file.refused {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "not applied: {} ({why})", shown_path(&file.path));
            }
        }
        text
    }

    /// What to print next: the head of the file where it begins, the change, and the question, which does not end with
    /// a line feed. Control characters in names and lines are made visible, so that no change can disguise itself.
    /// Empty if the review is over.
    #[must_use]
    pub fn prompt(&self) -> String {
        let Some((question, file)) = self.question() else { return String::new() };
        let mut text = String::new();
        let first = self.questions.iter().position(|other| other.file == question.file) == Some(self.at);
        if first {
            text.push_str(&head(file));
        }
        let asked = match question.part {
            Part::Mode => "this change of mode",
            Part::Hunk(index) => {
                if let Some(hunk) = file.hunks.get(index) {
                    text.push_str(&body(hunk));
                }
                "this hunk"
            }
            Part::Whole => {
                text.extend(file.hunks.iter().map(body));
                match file.kind {
                    ChangeKind::Added => "this new file",
                    ChangeKind::Deleted => "this deletion",
                    ChangeKind::ModeChanged => "this change of mode",
                    ChangeKind::Modified | ChangeKind::TypeChanged => "this change of the whole file",
                }
            }
        };
        let _ = write!(text, "({}/{}) Apply {asked} [y,n,a,d,q,c <words>,?]? ", self.at + 1, self.questions.len());
        text
    }

    /// Takes what the user typed.
    pub fn answer(&mut self, answer: &str) -> Step {
        let Some((question, _)) = self.question() else { return Step::Done(self.verdict()) };
        let answer = answer.trim();
        let (word, rest) = answer.split_once(char::is_whitespace).unwrap_or((answer, ""));
        match (word, rest.trim()) {
            ("y", "") => self.take(question),
            ("n", "") => self.at += 1,
            ("a", "") => {
                while let Some((next, _)) = self.question()
                    && next.file == question.file
                {
                    self.take(next);
                }
            }
            ("d", "") => {
                let left = self.questions.get(self.at..).unwrap_or_default();
                self.at += left.iter().take_while(|next| next.file == question.file).count();
            }
            ("q", "") => self.at = self.questions.len(),
            ("c", "") => return Step::Explain("say after c what should be different\n".to_owned()),
            ("c", words) => {
                self.request = Some(words.to_owned());
                self.at = self.questions.len();
            }
            _ => return Step::Explain(HELP.to_owned()),
        }
        if self.is_over() { Step::Done(self.verdict()) } else { Step::Ask }
    }

    /// What was decided until now; what was not asked yet is rejected. For the end of input.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict { selection: self.selection.clone(), request: self.request.clone() }
    }

    fn question(&self) -> Option<(Question, &FileChange)> {
        let question = *self.questions.get(self.at)?;
        Some((question, self.changes.files.get(question.file)?))
    }

    fn take(&mut self, question: Question) {
        self.at += 1;
        let Some(file) = self.changes.files.get(question.file) else { return };
        match question.part {
            Part::Whole => self.selection.accept(&file.path),
            Part::Mode => self.selection.accept_mode(&file.path),
            Part::Hunk(index) => self.selection.accept_hunk(&file.path, index),
        }
        let all = FileSelection::Part { mode: file.mode_changed(), hunks: BTreeSet::from_iter(0..file.hunks.len()) };
        if *self.selection.of(&file.path) == all {
            self.selection.accept(&file.path);
        }
    }
}

fn parts(file: &FileChange) -> Vec<Part> {
    if !file.by_hunk() {
        return vec![Part::Whole];
    }
    let mode = file.mode_changed().then_some(Part::Mode);
    mode.into_iter().chain((0..file.hunks.len()).map(Part::Hunk)).collect()
}

fn head(file: &FileChange) -> String {
    let path = shown_path(&file.path);
    let mode = |mode: Option<FileMode>| mode.map_or("none", FileMode::as_str);
    let what = match file.kind {
        ChangeKind::Added => "new file",
        ChangeKind::Deleted => "deleted",
        ChangeKind::ModeChanged => "mode changed",
        ChangeKind::Modified => "modified",
        ChangeKind::TypeChanged => "type changed",
    };
    let mut text = format!("--- {path} ({what}");
    let _ = match (file.old_mode, file.new_mode) {
        (None, Some(FileMode::Plain)) | (Some(FileMode::Plain), None) => Ok(()),
        (old, new) if old == new => Ok(()),
        (None, new) => write!(text, ", mode {}", mode(new)),
        (old, None) => write!(text, ", mode {}", mode(old)),
        (old, new) => write!(text, ", mode {} -> {}", mode(old), mode(new)),
    };
    text.push_str(if file.binary { ", not shown: binary or too large)\n" } else { ")\n" });
    text
}

fn body(hunk: &Hunk) -> String {
    let mut text = hunk.header();
    text.push('\n');
    // Where all lines end the way of Windows, the ends are not worth showing; where only some do, they are.
    let windows = hunk.lines.iter().all(|line| line.text.ends_with("\r\n") || !line.text.ends_with('\n'));
    for line in &hunk.lines {
        text.push(line.kind.sign());
        match line.text.strip_suffix("\r\n") {
            Some(start) if windows => text.push_str(&(shown(start) + "\n")),
            _ => text.push_str(&shown(&line.text)),
        }
        if !line.text.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
    text
}

#[cfg(test)]
mod tests;
