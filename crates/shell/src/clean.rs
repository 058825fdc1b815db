//! Makes what programs print harmless: for a model's context, for a terminal, and for a log.

use std::str;

/// Turns bytes as they come into clean text.
///
/// Bytes that are not UTF-8 become U+FFFD. Escape sequences of terminals are left out. A carriage return ends a line.
/// Other control characters become their pictures; characters that reorder or hide text become U+FFFD.
#[derive(Debug, Default)]
pub(crate) struct Cleaner {
    state: State,
    /// The beginning of a character whose rest has not come yet: at most three bytes.
    partial: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After a carriage return, which was already taken for the end of a line.
    Return,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate character: one more follows.
    EscapeMore,
    /// In a control sequence, up to its final character.
    Control,
    /// In a string for the terminal, such as its title.
    Command,
    /// In such a string, after ESC.
    CommandEscape,
}

impl Cleaner {
    /// Takes bytes and gives the text that is complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> String {
        let is_plain = |byte: &u8| matches!(byte, 0x20..=0x7e | b'\n' | b'\t');
        if self.state == State::Text && self.partial.is_empty() && bytes.iter().all(is_plain) {
            return String::from_utf8_lossy(bytes).into_owned();
        }
        let mut joined = std::mem::take(&mut self.partial);
        joined.extend_from_slice(bytes);
        let mut clean = String::with_capacity(joined.len());
        let mut chunks = joined.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            chunk.valid().chars().for_each(|character| self.take(character, &mut clean));
            let invalid = chunk.invalid();
            // Only what stands at the very end can still be completed.
            if chunks.peek().is_none() && is_beginning(invalid) {
                self.partial = invalid.to_vec();
            } else if !invalid.is_empty() {
                self.take(char::REPLACEMENT_CHARACTER, &mut clean);
            }
        }
        clean
    }

    /// Ends the text: what is still incomplete will stay so.
    pub(crate) fn finish(&mut self) -> String {
        let mut clean = String::new();
        if !std::mem::take(&mut self.partial).is_empty() {
            self.take(char::REPLACEMENT_CHARACTER, &mut clean);
        }
        self.state = State::Text;
        clean
    }

    fn take(&mut self, character: char, clean: &mut String) {
        self.state = match (self.state, character) {
            (State::Return, '\n') => State::Text,
            // A sequence never goes on over the end of a line: one that is broken must not swallow what follows.
            (State::Text | State::Escape | State::EscapeMore | State::Control, '\n')
            | (State::Command | State::CommandEscape, '\n') => {
                clean.push('\n');
                State::Text
            }
            (State::Text | State::Return, '\x1b') => State::Escape,
            (State::Text | State::Return, '\u{9b}') => State::Control,
            (State::Text | State::Return, '\r') => {
                clean.push('\n');
                State::Return
            }
            (State::Text | State::Return, _) => {
                clean.push(harmless(character));
                State::Text
            }
            (State::Escape, '[') => State::Control,
            (State::Escape, ']' | 'P' | 'X' | '^' | '_') => State::Command,
            (State::Escape, '\x20'..='\x2f') => State::EscapeMore,
            (State::Control, '\x40'..='\x7e') | (State::Escape | State::EscapeMore, _) => State::Text,
            (State::Control, _) => State::Control,
            (State::Command, '\x07') | (State::CommandEscape, '\\') => State::Text,
            (State::Command, '\x1b') => State::CommandEscape,
            (State::Command | State::CommandEscape, _) => State::Command,
        };
    }
}

/// Cleans a whole text.
pub(crate) fn cleaned(text: &str) -> String {
    let mut cleaner = Cleaner::default();
    let mut clean = cleaner.feed(text.as_bytes());
    clean.push_str(&cleaner.finish());
    clean
}

fn is_beginning(bytes: &[u8]) -> bool {
    !bytes.is_empty() && str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

fn harmless(character: char) -> char {
    match character {
        '\t' => '\t',
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{e0000}'..='\u{e007f}' => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_pieces(bytes: &[u8], size: usize) -> String {
        let mut cleaner = Cleaner::default();
        let mut text: String = bytes.chunks(size).map(|piece| cleaner.feed(piece)).collect();
        text.push_str(&cleaner.finish());
        text
    }

    #[test]
    fn is_the_same_at_every_boundary() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain\ttext\n", "plain\ttext\n"),
            ("größer €😀".as_bytes(), "größer €😀"),
            (b"a\r\nb\rc\r\r\nd", "a\nb\nc\n\nd"),
            (b"\x1b[1;31mred\x1b[0m", "red"),
            (b"\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link", "textlink"),
            (b"\x1b(Bset\x1b7", "set"),
            (b"\x1b]broken\nnext", "\nnext"),
            (b"\x1b[broken\nnext", "roken\nnext"),
            (b"nul\0bell\x07del\x7f", "nul␀bell␇del␡"),
            (b"bad \xff\xfe end \xe2\x82", "bad \u{fffd}\u{fffd} end \u{fffd}"),
            ("a\u{202e}b\u{9b}31mc".as_bytes(), "a\u{fffd}bc"),
        ];
        for (bytes, expected) in cases {
            for size in 1..=bytes.len() {
                assert_eq!(
                    in_pieces(bytes, size),
                    *expected,
                    "{:?} in pieces of {size}",
                    String::from_utf8_lossy(bytes)
                );
            }
        }
    }
}
