//! The output of a command as it is kept in memory: its beginning and its end.

use std::collections::VecDeque;

/// The clean text of one stream: at most `head_max` bytes from its beginning and about `tail_max` from its end.
#[derive(Debug)]
pub(crate) struct Capture {
    head: String,
    head_max: usize,
    head_is_full: bool,
    tail: VecDeque<String>,
    tail_bytes: usize,
    tail_max: usize,
    total: u64,
}

/// A tail is kept in pieces of about this size: the unit in which the oldest text goes.
const PIECE_BYTES: usize = 4096;

impl Capture {
    pub(crate) fn new(head_max: usize, tail_max: usize) -> Self {
        Self {
            head: String::new(),
            head_max,
            head_is_full: false,
            tail: VecDeque::new(),
            tail_bytes: 0,
            tail_max,
            total: 0,
        }
    }

    /// How much text came, in bytes.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The beginning.
    pub(crate) fn head(&self) -> &str {
        &self.head
    }

    /// The end, without what is in the head.
    pub(crate) fn tail(&self) -> String {
        self.tail.iter().map(String::as_str).collect()
    }

    /// How much between head and tail is not in memory, in bytes.
    pub(crate) fn missing(&self) -> u64 {
        self.total - self.head.len() as u64 - self.tail_bytes as u64
    }

    /// Whether `text` would not fit into the head: the next push begins to forget.
    pub(crate) fn overflows_with(&self, text: &str) -> bool {
        self.head_is_full || self.head.len() + text.len() > self.head_max
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.total += text.len() as u64;
        let mut rest = text;
        if !self.head_is_full {
            let room = self.head_max.saturating_sub(self.head.len());
            let (fits, over) = text.split_at(text.floor_char_boundary(room));
            self.head.push_str(fits);
            self.head_is_full = !over.is_empty();
            rest = over;
        }
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(piece_end(rest));
            self.push_to_tail(piece);
            rest = more;
        }
    }

    fn push_to_tail(&mut self, piece: &str) {
        self.tail_bytes += piece.len();
        match self.tail.back_mut() {
            Some(last) if last.len() + piece.len() <= PIECE_BYTES => last.push_str(piece),
            _ => self.tail.push_back(piece.to_owned()),
        }
        while let Some(first) = self.tail.front().filter(|first| self.tail_bytes - first.len() >= self.tail_max) {
            self.tail_bytes -= first.len();
            self.tail.pop_front();
        }
    }
}

/// Where the first piece of a text ends: after at least one character.
fn piece_end(text: &str) -> usize {
    match text.floor_char_boundary(PIECE_BYTES) {
        0 => text.len(),
        end => end,
    }
}

/// Shortens `text` to at most about `bytes`, keeping its beginning and more of its end, and says between them what is
/// left out: `missing` bytes of it are gone already, between `head` and `tail`.
pub(crate) fn elided(head: &str, missing: u64, tail: &str, bytes: usize, where_the_whole_is: &str) -> String {
    if missing == 0 && head.len() + tail.len() <= bytes {
        return format!("{head}{tail}");
    }
    // The end tells more: errors and summaries stand there.
    let mut first = bytes / 3;
    let mut last = bytes - first;
    let joined;
    let (head, tail) = if missing == 0 {
        joined = format!("{head}{tail}");
        joined.split_at(joined.floor_char_boundary(first))
    } else {
        // What one side does not need, the other gets.
        if tail.len() < last {
            (first, last) = (bytes - tail.len(), tail.len());
        } else if head.len() < first {
            (first, last) = (head.len(), bytes - head.len());
        }
        (head, tail)
    };
    let (shown_head, gone_head) = head.split_at(head.floor_char_boundary(first));
    let (gone_tail, shown_tail) = tail.split_at(tail.ceil_char_boundary(tail.len().saturating_sub(last)));
    let gone = missing + gone_head.len() as u64 + gone_tail.len() as u64;
    format!("{shown_head}\n[... {gone} bytes left out here{where_the_whole_is} ...]\n{shown_tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_beginning_and_the_end_and_no_more() {
        for size in [1, 7, 1000, 9000] {
            let all: String = (0..30_000).map(|number| format!("{number}€\n")).collect();
            let mut capture = Capture::new(100, 20_000);
            let mut rest = all.as_str();
            while !rest.is_empty() {
                let (piece, more) = rest.split_at(rest.ceil_char_boundary(size.min(rest.len())));
                capture.push(piece);
                rest = more;
            }
            assert_eq!(capture.total(), all.len() as u64);
            let tail = capture.tail();
            assert!(all.starts_with(capture.head()) && (97..=100).contains(&capture.head().len()));
            assert!(all.ends_with(&tail) && (20_000..20_000 + 2 * PIECE_BYTES).contains(&tail.len()));
            assert_eq!(capture.missing(), (all.len() - capture.head().len() - tail.len()) as u64);
        }
    }

    #[test]
    fn nothing_is_missing_of_what_fits() {
        let mut capture = Capture::new(4, 10);
        assert!(!capture.overflows_with("abcd") && capture.overflows_with("abcde"));
        capture.push("abcdefg");
        assert_eq!((capture.head(), capture.tail().as_str(), capture.missing()), ("abcd", "efg", 0));
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let whole = |bytes| elided("0123456789", 0, "abcdefghij", bytes, "; see x");
        assert_eq!(whole(20), "0123456789abcdefghij");
        assert_eq!(whole(6), "01\n[... 14 bytes left out here; see x ...]\nghij");
        assert_eq!(elided("€€€", 5, "x", 4, ""), "€\n[... 11 bytes left out here ...]\nx");
        assert_eq!(elided("a", 5, "0123456789", 4, ""), "a\n[... 12 bytes left out here ...]\n789");
    }
}
