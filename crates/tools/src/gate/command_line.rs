//! Takes a command line apart, as a POSIX shell would, as far as that can be done without running it.
//!
//! What cannot be known (expansions, substitutions) becomes a [`HOLE`]; what cannot be taken apart is said to be so.

mod scanner;
mod variants;

use scanner::Scanner;

use super::glob::HOLE;

/// How deep commands in commands are taken apart.
const DEPTH_MAX: usize = 6;

/// A line taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CommandLine {
    /// The simple commands, in order; those within substitutions, too.
    pub(super) parts: Vec<Simple>,
    /// Why more may happen than the parts tell.
    pub(super) opaque: Option<&'static str>,
}

/// One simple command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Simple {
    /// Its words, without quotes; what is not known is a [`HOLE`].
    pub(super) words: Vec<String>,
    /// Files that it is told to write by `>`.
    pub(super) writes: Vec<String>,
    /// Files that it is told to read by `<`.
    pub(super) reads: Vec<String>,
    /// Text given to it by `<<`.
    pub(super) input: Option<String>,
    /// Whether something unquoted in its arguments may be replaced by file names.
    pub(super) has_globs: bool,
    /// Whether its name itself may be replaced by file names, or comes out of quotes.
    pub(super) is_name_plain: bool,
    /// Whether it takes what the command before it writes.
    pub(super) is_piped: bool,
}

impl CommandLine {
    /// Takes `line` apart.
    pub(super) fn parse(line: &str) -> Self {
        let mut parsed = Self::default();
        parsed.read(line, DEPTH_MAX);
        parsed
    }

    fn read(&mut self, line: &str, depth: usize) {
        if depth == 0 {
            self.opaque = Some("it nests commands too deep");
            return;
        }
        let scanned = Scanner::scan(line);
        self.opaque = self.opaque.or(scanned.opaque);
        for inner in scanned.inner {
            self.read(&inner, depth - 1);
        }
        for part in scanned.parts {
            for script in variants::scripts(&part) {
                self.opaque = self.opaque.or(Some("it runs a text as a command"));
                self.read(&script, depth - 1);
            }
            self.parts.push(part);
        }
    }

    /// Whether all is known that it does, but for what its programs do.
    pub(super) fn is_plain(&self) -> bool {
        self.opaque.is_none() && self.parts.iter().all(|part| !part.has_hole())
    }
}

impl Simple {
    /// The command as one line, each word one space from the next.
    pub(super) fn text(&self) -> String {
        self.words.join(" ")
    }

    /// All that it may amount to: without its path, options of wrappers and the like. For rules that deny.
    pub(super) fn variants(&self) -> Vec<String> {
        variants::of(&self.words)
    }

    pub(super) fn has_hole(&self) -> bool {
        self.words.iter().chain(&self.writes).chain(&self.reads).any(|word| word.contains(HOLE))
    }
}

#[cfg(test)]
mod tests;
