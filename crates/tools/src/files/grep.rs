//! Finding lines by a regular expression.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use grep_matcher::Matcher as _;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, Sink, SinkContext, SinkMatch};
use tokio_util::sync::CancellationToken;

use super::arguments::{Count, Grep, GrepOutput};
use super::directory::{Directory, Kind};
use super::error::FileError;
use super::pages::cut;
use super::session::{Said, Session};
use super::walk::{Entry, Next, Patterns, WalkRules};

/// How many results one page has unless told otherwise.
const RESULTS_MAX: usize = 200;

/// How much of a line is shown around its first match.
const LINE_BYTES_MAX: usize = 400;

/// How much memory one line of a file may take.
const HEAP_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The largest regular expression, compiled.
const REGEX_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many lines of context are given around a match.
const CONTEXT_MAX: usize = 20;

impl Session {
    pub(super) fn grep(&self, arguments: &Grep) -> Said {
        let matcher = RegexMatcherBuilder::new()
            .case_insensitive(arguments.ignore_case.0)
            .size_limit(REGEX_BYTES_MAX)
            .line_terminator(Some(b'\n'))
            .build(&arguments.pattern)
            .map_err(|error| {
                FileError::Arguments(format!("`{}` is not a regular expression: {error}", arguments.pattern))
            })?;
        let glob = Patterns::new(&arguments.glob)?;
        let context = Count::or(arguments.context, 0).min(CONTEXT_MAX);
        let searcher = SearcherBuilder::new()
            .line_number(true)
            .binary_detection(BinaryDetection::quit(0))
            .heap_limit(Some(HEAP_BYTES_MAX))
            .before_context(context)
            .after_context(context)
            .build();
        let mut search = Search {
            session: self,
            matcher,
            searcher,
            output: arguments.output,
            offset: Count::or(arguments.offset, 0),
            limit: Count::or(arguments.limit, RESULTS_MAX).max(1),
            met: 0,
            text: String::new(),
            seen: Vec::new(),
            is_full: false,
        };
        let start = self.to_read(&arguments.path)?;
        match (start.facts()?, &start.name) {
            (None, _) => return Err(FileError::Missing { path: start.shown, nearest: Vec::new() }),
            (Some(facts), Some(name)) if facts.kind != Kind::Folder => {
                // One file that was named is told about even where it cannot be searched.
                self.open_text(&start)?;
                search.file(&start.folder, name, &start.path)?;
            }
            _ => {
                let rules = WalkRules { ignores: true, ..WalkRules::default() };
                self.walk(&start, rules, &mut |entry: &Entry<'_>| {
                    let is_wanted = glob.is_empty() || glob.matches(entry.below);
                    if entry.facts.kind == Kind::File && is_wanted {
                        search.file(entry.folder, entry.name, entry.path)?;
                    }
                    Ok(if search.is_full { Next::Stop } else { Next::Into })
                })?;
            }
        }
        Ok(search.finish())
    }
}

/// One search at work.
struct Search<'a> {
    session: &'a Session,
    matcher: RegexMatcher,
    searcher: Searcher,
    output: GrepOutput,
    /// How many results to pass over.
    offset: usize,
    limit: usize,
    /// How many results were met.
    met: usize,
    text: String,
    /// The files of which something was shown.
    seen: Vec<PathBuf>,
    is_full: bool,
}

impl Search<'_> {
    fn file(&mut self, folder: &Directory, name: &OsStr, path: &Path) -> Result<(), FileError> {
        self.session.go_on()?;
        // It may have gone meanwhile, or not be readable: a search tells of what it finds.
        let Ok((file, _)) = folder.open_file(name) else { return Ok(()) };
        let is_lines = self.output == GrepOutput::Lines;
        let lines_left = (self.offset + self.limit).saturating_sub(self.met);
        let mut found = Found {
            stop: &self.session.stop,
            matcher: &self.matcher,
            count: 0,
            skip: self.offset.saturating_sub(self.met),
            lines_max: if is_lines { lines_left } else { usize::MAX },
            is_first_enough: self.output == GrepOutput::Files,
            bytes_max: self.session.settings.result_bytes_max.saturating_sub(self.text.len()),
            is_cut: false,
            is_binary: false,
            text: String::new(),
        };
        let source = Stoppable { file, stop: &self.session.stop };
        let _ = self.searcher.search_reader(&self.matcher, source, &mut found);
        self.session.go_on()?;
        let Found { count, is_cut, is_binary, text, .. } = found;
        if count == 0 || is_binary {
            return Ok(());
        }
        let shown = self.session.grants.shown(path);
        match self.output {
            GrepOutput::Lines => {
                if !text.is_empty() {
                    self.text.push_str(&format!("{shown}\n{text}"));
                    self.seen.push(path.to_owned());
                }
                self.met += count;
                self.is_full = is_cut;
            }
            GrepOutput::Files | GrepOutput::Count => {
                self.met += 1;
                let is_over = self.met > self.offset + self.limit
                    || self.text.len() + shown.len() > self.session.settings.result_bytes_max;
                if is_over {
                    self.met -= 1;
                    self.is_full = true;
                } else if self.met > self.offset {
                    let end = if self.output == GrepOutput::Count { format!(": {count}") } else { String::new() };
                    self.text.push_str(&format!("{shown}{end}\n"));
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> String {
        for path in &self.seen {
            self.session.saw(path);
        }
        if self.is_full {
            self.text.push_str(&format!("[there is more; for more, offset: {}]", self.met));
        } else if self.text.is_empty() {
            self.text = match self.met {
                0 => "[no matches]".to_owned(),
                met => format!("[there are only {met} matches: offset {} is past the end]", self.offset),
            };
        } else {
            self.text.pop();
        }
        self.text
    }
}

/// A file that ends with an error when the call is over: a file without matches is else read to its end.
struct Stoppable<'a> {
    file: File,
    stop: &'a CancellationToken,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_cancelled() {
            return Err(io::Error::other("stopped"));
        }
        self.file.read(buffer)
    }
}

/// What was found in one file.
struct Found<'a> {
    stop: &'a CancellationToken,
    matcher: &'a RegexMatcher,
    count: usize,
    skip: usize,
    lines_max: usize,
    is_first_enough: bool,
    bytes_max: usize,
    is_cut: bool,
    is_binary: bool,
    text: String,
}

impl Found<'_> {
    fn push(&mut self, number: Option<u64>, mark: char, bytes: &[u8]) {
        let start = match self.matcher.find(bytes) {
            Ok(Some(found)) if mark == ':' => found.start(),
            _ => 0,
        };
        let line = String::from_utf8_lossy(bytes);
        let line = line.trim_end_matches(['\n', '\r']);
        // A long line is shown from shortly before its match.
        let from = if line.len() > LINE_BYTES_MAX { start.saturating_sub(LINE_BYTES_MAX / 4) } else { 0 };
        let from = line.floor_char_boundary(from.min(line.len()));
        let rest = line.get(from..).unwrap_or_default();
        let part = cut(rest, LINE_BYTES_MAX);
        let before = if from > 0 { "..." } else { "" };
        let after = if part.len() < rest.len() { "..." } else { "" };
        let number = number.unwrap_or(0);
        self.text.push_str(&format!("{number}{mark} {before}{part}{after}\n"));
    }
}

impl Sink for Found<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> io::Result<bool> {
        if self.stop.is_cancelled() {
            return Ok(false);
        }
        if self.count >= self.lines_max || self.text.len() > self.bytes_max {
            self.is_cut = true;
            return Ok(false);
        }
        self.count += 1;
        if self.is_first_enough {
            return Ok(false);
        }
        if self.count > self.skip && self.lines_max < usize::MAX {
            self.push(found.line_number(), ':', found.bytes());
        }
        Ok(true)
    }

    fn context(&mut self, _: &Searcher, context: &SinkContext<'_>) -> io::Result<bool> {
        if self.count >= self.skip && self.lines_max < usize::MAX && self.count < self.lines_max {
            self.push(context.line_number(), '-', context.bytes());
        }
        Ok(!self.stop.is_cancelled())
    }

    fn context_break(&mut self, _: &Searcher) -> io::Result<bool> {
        if !self.text.is_empty() {
            self.text.push_str("--\n");
        }
        Ok(true)
    }

    fn binary_data(&mut self, _: &Searcher, _: u64) -> io::Result<bool> {
        self.is_binary = true;
        Ok(false)
    }
}
