//! Reading text, in ranges, without taking in whole files.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom};

use super::arguments::{Count, ReadMultipleFiles, ReadTextFile};
use super::directory::Facts;
use super::error::{FileError, size_text};
use super::kind::{HEAD_BYTES, binary_kind};
use super::resolve::Spot;
use super::session::{Said, Session};

/// How many lines one result shows unless told otherwise.
const LINES_MAX: usize = 2000;

/// How much of one line is shown.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// How far a file is read on only to tell how many lines it has.
const COUNTED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How far from its end a file is looked through for its last lines.
const TAIL_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Which lines are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    From { first: usize, count: usize },
    Last(usize),
}

/// One line, or its beginning.
struct Line {
    bytes: Vec<u8>,
    /// How many bytes of it were left out.
    more: usize,
    /// How it ends.
    end: LineEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Break,
    File,
    /// Further on than anybody looked.
    Unknown,
}

/// Lines and where they stand.
struct Window {
    lines: VecDeque<Line>,
    /// The number of the first, from 1; unknown for the last lines of a huge file.
    first: Option<usize>,
    /// How many lines the file has, where that was found out.
    total: Option<usize>,
    /// Whether lines follow.
    is_more: bool,
    /// Whether the file's last line has no line break.
    is_open: bool,
}

impl Session {
    pub(super) fn read_text_file(&self, arguments: &ReadTextFile) -> Said {
        let range = match arguments {
            ReadTextFile { head: Some(_), tail: Some(_), .. } => {
                return Err(FileError::Arguments("give head or tail, not both".to_owned()));
            }
            ReadTextFile { tail: Some(Count(count)), .. } => Range::Last((*count).max(1)),
            ReadTextFile { head, offset, limit, .. } => {
                Range::From { first: Count::or(*offset, 1).max(1), count: Count::or(head.or(*limit), LINES_MAX).max(1) }
            }
        };
        let spot = self.to_read(&arguments.path)?;
        self.read_range(&spot, range, arguments.numbers.0, self.settings.result_bytes_max)
    }

    pub(super) fn read_multiple_files(&self, arguments: &ReadMultipleFiles) -> Said {
        if arguments.paths.is_empty() {
            return Err(FileError::Arguments("`paths` is empty".to_owned()));
        }
        let mut text = String::new();
        let mut is_any = false;
        for (index, path) in arguments.paths.iter().enumerate() {
            self.go_on()?;
            let left = self.settings.result_bytes_max.saturating_sub(text.len());
            if left < 256 {
                let rest: Vec<_> = arguments.paths.iter().skip(index).take(20).map(String::as_str).collect();
                text.push_str(&format!("[no room for the rest; read on its own: {}]", rest.join(", ")));
                return Ok(text);
            }
            let range = Range::From { first: 1, count: LINES_MAX };
            match self.to_read(path).and_then(|spot| self.read_range(&spot, range, false, left)) {
                Ok(content) => {
                    is_any = true;
                    text.push_str(&format!("==> {path} <==\n{content}\n\n"));
                }
                Err(FileError::Cancelled) => return Err(FileError::Cancelled),
                Err(error) => text.push_str(&format!("==> {path} <==\n[{}]\n\n", self.with_nearest(error))),
            }
        }
        text.truncate(text.trim_end_matches('\n').len());
        if is_any { Ok(text) } else { Err(FileError::Arguments(text)) }
    }

    fn read_range(&self, spot: &Spot, range: Range, numbers: bool, bytes_max: usize) -> Said {
        let (mut file, facts) = self.open_text(spot)?;
        let failed = |source| spot.io("read", source);
        let window = match range {
            Range::From { first, count } => self.lines_from(file, first, count, bytes_max).map_err(failed)?,
            Range::Last(count) => self.last_lines(&mut file, facts, count, bytes_max).map_err(failed)?,
        };
        self.saw(&spot.path);
        Ok(render(&window, facts, range, numbers))
    }

    /// Opens a file that is text by its beginning.
    pub(super) fn open_text(&self, spot: &Spot) -> Result<(File, Facts), FileError> {
        let (mut file, facts) = spot.open_file()?;
        let mut head = Vec::new();
        let failed = |source| spot.io("read", source);
        file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(failed)?;
        if let Some(kind) = binary_kind(&head) {
            // There is no more to see of it by these tools: it counts as looked at.
            self.ledger.note(&spot.path);
            let size = size_text(facts.bytes);
            return Err(FileError::Binary { path: spot.shown.clone(), kind, size });
        }
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok((file, facts))
    }

    fn lines_from(&self, file: File, first: usize, count: usize, bytes_max: usize) -> io::Result<Window> {
        let mut reader = BufReader::with_capacity(64 * 1024, file);
        let mut window =
            Window { lines: VecDeque::new(), first: Some(first), total: None, is_more: false, is_open: false };
        let (mut number, mut shown_bytes, mut read_on) = (0, 0, 0);
        let mut is_full = false;
        loop {
            let is_shown = number + 1 >= first && !is_full && window.lines.len() < count;
            let (kept_max, read_max) = match (is_shown, number + 1 < first) {
                (true, _) => (LINE_BYTES_MAX, COUNTED_BYTES_MAX),
                (false, true) => (0, u64::MAX),
                (false, false) => (0, COUNTED_BYTES_MAX),
            };
            let Some(line) = self.next_line(&mut reader, kept_max, read_max)? else {
                window.total = Some(number);
                return Ok(window);
            };
            number += 1;
            window.is_open = line.end == LineEnd::File;
            let is_lost = line.end == LineEnd::Unknown;
            if is_shown {
                if !window.lines.is_empty() && shown_bytes + line.bytes.len() >= bytes_max {
                    is_full = true;
                    window.is_more = true;
                } else {
                    shown_bytes += line.bytes.len() + 1;
                    window.lines.push_back(line);
                }
            } else if number > first {
                window.is_more = true;
                read_on += line.more as u64 + 1;
            }
            if is_lost || read_on > COUNTED_BYTES_MAX {
                return Ok(window);
            }
        }
    }

    fn last_lines(&self, file: &mut File, facts: Facts, count: usize, bytes_max: usize) -> io::Result<Window> {
        let start = facts.bytes.saturating_sub(TAIL_BYTES_MAX);
        file.seek(SeekFrom::Start(start))?;
        let mut reader = BufReader::with_capacity(64 * 1024, file);
        if start > 0 {
            // The rest of a line that began before.
            self.next_line(&mut reader, 0, u64::MAX)?;
        }
        let mut window = Window { lines: VecDeque::new(), first: None, total: None, is_more: false, is_open: false };
        let (mut number, mut bytes) = (0, 0);
        while let Some(line) = self.next_line(&mut reader, LINE_BYTES_MAX, u64::MAX)? {
            number += 1;
            window.is_open = line.end == LineEnd::File;
            bytes += line.bytes.len() + 1;
            window.lines.push_back(line);
            while window.lines.len() > count || bytes > bytes_max && window.lines.len() > 1 {
                bytes -= window.lines.pop_front().map_or(0, |line| line.bytes.len() + 1);
            }
        }
        if start == 0 {
            window.total = Some(number);
            window.first = Some(number + 1 - window.lines.len().min(number));
        }
        Ok(window)
    }

    /// The next line, at most `kept_max` of its bytes kept and little more than `read_max` read.
    fn next_line(&self, reader: &mut impl BufRead, kept_max: usize, read_max: u64) -> io::Result<Option<Line>> {
        let mut line = Line { bytes: Vec::new(), more: 0, end: LineEnd::File };
        let mut is_begun = false;
        loop {
            if self.stop.is_cancelled() {
                return Err(io::Error::from(io::ErrorKind::Interrupted));
            }
            let buffer = match reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                return Ok(is_begun.then_some(line));
            }
            is_begun = true;
            let end = memchr::memchr(b'\n', buffer);
            let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or(buffer);
            let kept = part.len().min(kept_max.saturating_sub(line.bytes.len()));
            line.bytes.extend_from_slice(part.get(..kept).unwrap_or(part));
            line.more += part.len() - kept;
            let used = part.len() + usize::from(end.is_some());
            reader.consume(used);
            if end.is_some() || line.more as u64 > read_max {
                line.end = if end.is_some() { LineEnd::Break } else { LineEnd::Unknown };
                return Ok(Some(line));
            }
        }
    }
}

fn render(window: &Window, facts: Facts, range: Range, numbers: bool) -> String {
    let mut text = String::new();
    let mut invalid = 0;
    for (index, line) in window.lines.iter().enumerate() {
        if let (true, Some(first)) = (numbers, window.first) {
            text.push_str(&format!("{:>6}\t", first + index));
        }
        let kept = if line.more > 0 { whole_characters(&line.bytes) } else { &line.bytes };
        let shown = String::from_utf8_lossy(kept);
        if shown.contains(char::REPLACEMENT_CHARACTER) && str::from_utf8(kept).is_err() {
            invalid += 1;
        }
        text.push_str(&shown);
        if line.more > 0 {
            let at_least = if line.end == LineEnd::Unknown { "more than " } else { "" };
            let more = line.more + line.bytes.len() - kept.len();
            text.push_str(&format!(" [{at_least}{more} more bytes in this line]"));
        }
        let is_last = index + 1 == window.lines.len() && !window.is_more;
        if !(is_last && window.is_open) {
            text.push('\n');
        }
    }
    let mut notes = Vec::new();
    match (window.first, range) {
        _ if facts.bytes == 0 => notes.push("the file is empty".to_owned()),
        (Some(first), _) if window.lines.is_empty() && window.total.is_some_and(|total| total < first) => {
            notes.push(format!("the file has only {} lines", window.total.unwrap_or(0)));
        }
        (Some(first), Range::From { .. }) if window.is_more => {
            let next = first + window.lines.len();
            let of = window.total.map_or_else(|| size_text(facts.bytes), |total| total.to_string());
            notes.push(format!("lines {first} to {} of {of}; for more, offset: {next}", next - 1));
        }
        (Some(first), Range::Last(_)) if first > 1 => {
            let total = window.total.unwrap_or(0);
            notes.push(format!("lines {first} to {total} of {total}"));
        }
        (None, Range::Last(_)) => {
            notes.push(format!("the last {} lines of {}", window.lines.len(), size_text(facts.bytes)));
        }
        _ => {}
    }
    if invalid > 0 {
        notes.push(format!("{invalid} lines are not valid UTF-8: shown with \u{fffd}, and not editable"));
    }
    for note in notes {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format!("[{note}]"));
    }
    text
}

/// `bytes` without a character that was cut at their end.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    match str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => bytes.get(..error.valid_up_to()).unwrap_or(bytes),
        _ => bytes,
    }
}
