//! Differences between two texts, as hunks that can be taken one by one.
//!
//! A line is what ends with a line feed, or the rest of the text. Carriage returns and a missing line feed at the end
//! are part of the lines, so that taking hunks never alters them.

use std::ops::Range;
use std::time::{Duration, Instant};

use serde::Serialize;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline, group_diff_ops};

/// Unchanged lines that are shown around a change, as git does.
pub(crate) const CONTEXT_LINES: usize = 3;

/// Larger texts are changed as a whole only.
pub(crate) const TEXT_BYTES_MAX: u64 = 4 << 20;

/// After this time a diff becomes coarser instead of better.
const DIFF_TIME: Duration = Duration::from_secs(2);

/// Changes that lie close together, with unchanged lines around them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hunk {
    /// The first line in the old text, counted from 1; where there are no old lines, the line before, counted from 1.
    pub old_start: usize,
    /// How many lines of the old text the hunk covers.
    pub old_lines: usize,
    /// The first line in the new text, counted as for the old.
    pub new_start: usize,
    /// How many lines of the new text the hunk covers.
    pub new_lines: usize,
    /// The lines, in order.
    pub lines: Vec<Line>,
}

/// A line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Whether it comes, goes or stays.
    pub kind: LineKind,
    /// The text with its line ending; only the last line of a text can have none.
    pub text: String,
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// It stays.
    Context,
    /// It comes.
    Added,
    /// It goes.
    Removed,
}

impl LineKind {
    /// The sign before the line in a diff.
    #[must_use]
    pub fn sign(self) -> char {
        match self {
            Self::Context => ' ',
            Self::Added => '+',
            Self::Removed => '-',
        }
    }
}

impl Hunk {
    /// The line that introduces the hunk in a diff, without its ending.
    #[must_use]
    pub fn header(&self) -> String {
        let range =
            |start: usize, lines: usize| if lines == 1 { start.to_string() } else { format!("{start},{lines}") };
        format!("@@ -{} +{} @@", range(self.old_start, self.old_lines), range(self.new_start, self.new_lines))
    }

    /// The old lines that it covers, counted from 0.
    pub(crate) fn old_range(&self) -> Range<usize> {
        let start = if self.old_lines == 0 { self.old_start } else { self.old_start.saturating_sub(1) };
        start..start.saturating_add(self.old_lines)
    }

    /// Its lines as they are in the old text.
    fn old_text(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter(|line| line.kind != LineKind::Added).map(|line| line.text.as_str())
    }

    /// Its lines as they are in the new text.
    fn new_text(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter(|line| line.kind != LineKind::Removed).map(|line| line.text.as_str())
    }
}

/// The text, if the content is one that can be shown and changed by lines.
pub(crate) fn as_text(content: &[u8]) -> Option<&str> {
    if content.contains(&0) || content.len() as u64 > TEXT_BYTES_MAX {
        return None;
    }
    std::str::from_utf8(content).ok()
}

/// The lines with their endings.
pub(crate) fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The operations that turn the old lines into the new ones.
pub(crate) fn operations(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    capture_diff_slices_deadline(Algorithm::Myers, old, new, Some(Instant::now() + DIFF_TIME))
}

/// The hunks that turn one text into the other.
pub(crate) fn hunks(old: &str, new: &str) -> Vec<Hunk> {
    let (old, new) = (lines(old), lines(new));
    let groups = group_diff_ops(operations(&old, &new), CONTEXT_LINES);
    groups.iter().filter_map(|group| hunk(&old, &new, group)).collect()
}

/// The old text with these hunks, which are in order; `None` if they do not fit it.
pub(crate) fn with_hunks<'a>(old: &str, hunks: impl IntoIterator<Item = &'a Hunk>) -> Option<String> {
    let old = lines(old);
    with_hunks_at(&old, hunks.into_iter().map(|hunk| (hunk.old_range().start, hunk)))
}

/// The lines with these hunks, each at the line that is named with it, counted from 0.
pub(crate) fn with_hunks_at<'a>(old: &[&str], hunks: impl Iterator<Item = (usize, &'a Hunk)>) -> Option<String> {
    let mut text = String::new();
    let mut done = 0;
    for (start, hunk) in hunks {
        let end = start.checked_add(hunk.old_lines)?;
        if !old.get(start..end)?.iter().copied().eq(hunk.old_text()) {
            return None;
        }
        text.extend(old.get(done..start)?.iter().copied());
        text.extend(hunk.new_text());
        done = end;
    }
    text.extend(old.get(done..)?.iter().copied());
    Some(text)
}

fn hunk(old: &[&str], new: &[&str], group: &[DiffOp]) -> Option<Hunk> {
    let (first, last) = (group.first()?, group.last()?);
    let old_range = first.old_range().start..last.old_range().end;
    let new_range = first.new_range().start..last.new_range().end;
    let mut lines = Vec::new();
    for operation in group {
        let mut take = |kind, from: &[&str], range: Range<usize>| {
            let taken = from.get(range).unwrap_or_default();
            lines.extend(taken.iter().map(|text| Line { kind, text: (*text).to_owned() }));
        };
        if let DiffOp::Equal { .. } = operation {
            take(LineKind::Context, old, operation.old_range());
        } else {
            take(LineKind::Removed, old, operation.old_range());
            take(LineKind::Added, new, operation.new_range());
        }
    }
    let start = |range: &Range<usize>| if range.is_empty() { range.start } else { range.start + 1 };
    Some(Hunk {
        old_start: start(&old_range),
        old_lines: old_range.len(),
        new_start: start(&new_range),
        new_lines: new_range.len(),
        lines,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_hunk_leaves_the_old_and_all_make_the_new() {
        let old = "a\r\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl";
        let new = "A\r\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n";
        let hunks = hunks(old, new);
        assert_eq!(hunks.len(), 2);
        assert_eq!(with_hunks(old, &[]).unwrap(), old);
        assert_eq!(with_hunks(old, &hunks).unwrap(), new);
        assert_eq!(with_hunks(old, &hunks[..1]).unwrap(), old.replace('a', "A"));
        assert_eq!(with_hunks(old, &hunks[1..]).unwrap(), format!("{old}\n"));
        assert_eq!(with_hunks("something else\n", &hunks), None);
    }

    #[test]
    fn headers_are_those_of_git() {
        assert_eq!(hunks("", "a\nb\n")[0].header(), "@@ -0,0 +1,2 @@");
        assert_eq!(hunks("a\n", "")[0].header(), "@@ -1 +0,0 @@");
    }

    proptest! {
        #[test]
        fn any_text_becomes_any_other(old in "([ab\r]{0,2}\n){0,30}[ab]?", new in "([ab\r]{0,2}\n){0,30}[ab]?") {
            let hunks = hunks(&old, &new);
            prop_assert_eq!(with_hunks(&old, &hunks).unwrap(), new);
            for hunk in &hunks {
                let last = hunk.lines.len() - 1;
                for line in &hunk.lines[..last] {
                    // Only the last old line and the last new line may lack an ending.
                    prop_assert!(line.text.ends_with('\n') || line.kind == LineKind::Removed);
                }
            }
        }
    }
}
