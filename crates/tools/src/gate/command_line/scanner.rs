//! Words, operators, quotes and redirections.

use std::iter::Peekable;
use std::str::Chars;

use super::super::glob::HOLE;
use super::Simple;

/// Words that only lead to the command behind them.
const LEADING: [&str; 9] = ["if", "then", "else", "elif", "while", "until", "do", "!", "time"];

/// Words that end something.
const CLOSING: [&str; 4] = ["fi", "done", "esac", "}"];

/// Words behind which follows what is not a simple command.
const COMPLEX: [&str; 6] = ["for", "case", "function", "select", "coproc", "[["];

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    pub(super) parts: Vec<Simple>,
    /// The text of substitutions: commands, too.
    pub(super) inner: Vec<String>,
    pub(super) opaque: Option<&'static str>,
}

/// Reads one line, which may have line breaks.
pub(super) struct Scanner<'a> {
    characters: Peekable<Chars<'a>>,
    found: Scanned,
    part: Simple,
    word: Option<Word>,
    /// What the next word is, if not an argument.
    redirect: Option<Redirect>,
    /// Ends of texts that begin on the next line.
    heredocs: Vec<(String, bool)>,
}

#[derive(Debug, Default)]
struct Word {
    text: String,
    is_quoted: bool,
    has_globs: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Redirect {
    Write,
    Read,
    Heredoc,
    HereText,
    /// A file descriptor.
    Descriptor,
}

impl<'a> Scanner<'a> {
    pub(super) fn scan(line: &'a str) -> Scanned {
        let mut scanner = Self {
            characters: line.chars().peekable(),
            found: Scanned::default(),
            part: Simple::default(),
            word: None,
            redirect: None,
            heredocs: Vec::new(),
        };
        scanner.run();
        scanner.found
    }

    fn run(&mut self) {
        while let Some(character) = self.characters.next() {
            match character {
                '\'' => self.single_quotes(),
                '"' => self.double_quotes(),
                '\\' => match self.characters.next() {
                    Some('\n') => {}
                    Some(escaped) => self.quoted(escaped),
                    None => self.quoted('\\'),
                },
                '$' => self.dollar(false),
                '`' => self.backticks(),
                '#' if self.word.is_none() => while self.characters.next_if(|next| *next != '\n').is_some() {},
                '\n' => {
                    self.end_part(false);
                    self.skip_heredocs();
                }
                ' ' | '\t' | '\r' => self.end_word(),
                ';' => self.end_part(false),
                '&' => self.ampersand(),
                '|' => {
                    let is_or = self.characters.next_if_eq(&'|').is_some();
                    if !is_or {
                        self.characters.next_if_eq(&'&');
                    }
                    self.end_part(!is_or);
                }
                '(' => {
                    if self.word.is_some() || !self.part.words.is_empty() {
                        self.opaque("it defines a function or uses a form of its shell");
                    }
                    self.end_part(false);
                }
                ')' => self.end_part(false),
                '<' | '>' => self.angle(character),
                '*' | '?' | '[' => {
                    let word = self.word();
                    word.has_globs = true;
                    word.text.push(character);
                }
                '{' => self.brace(),
                '~' if self.word.is_none() => {
                    self.word().text.push('~');
                }
                other => self.word().text.push(other),
            }
        }
        self.end_part(false);
        if self.redirect.is_some() || !self.heredocs.is_empty() {
            self.opaque("it ends in the middle of a redirection");
        }
    }

    fn word(&mut self) -> &mut Word {
        self.word.get_or_insert_default()
    }

    fn quoted(&mut self, character: char) {
        let word = self.word();
        word.is_quoted = true;
        word.text.push(character);
    }

    fn opaque(&mut self, why: &'static str) {
        self.found.opaque.get_or_insert(why);
    }

    fn single_quotes(&mut self) {
        self.word().is_quoted = true;
        loop {
            match self.characters.next() {
                Some('\'') => return,
                Some(character) => self.quoted(character),
                None => return self.opaque("a quote is not closed"),
            }
        }
    }

    fn double_quotes(&mut self) {
        self.word().is_quoted = true;
        loop {
            match self.characters.next() {
                Some('"') => return,
                Some('\\') => match self.characters.next() {
                    Some('\n') => {}
                    Some(escaped @ ('"' | '\\' | '$' | '`')) => self.quoted(escaped),
                    Some(other) => {
                        self.quoted('\\');
                        self.quoted(other);
                    }
                    None => return self.opaque("a quote is not closed"),
                },
                Some('$') => self.dollar(true),
                Some('`') => self.backticks(),
                Some(character) => self.quoted(character),
                None => return self.opaque("a quote is not closed"),
            }
        }
    }

    fn dollar(&mut self, in_quotes: bool) {
        match self.characters.peek().copied() {
            Some('(') => {
                self.characters.next();
                let text = self.balanced('(', ')');
                self.found.inner.push(text);
                self.opaque("it puts the output of a command into another");
                self.hole();
            }
            Some('{') => {
                self.characters.next();
                let text = self.balanced('{', '}');
                if text.contains(['`', '$']) {
                    self.found.inner.push(text);
                    self.opaque("it puts the output of a command into another");
                }
                self.hole();
            }
            Some('\'' | '"') if !in_quotes => {
                self.opaque("it uses a form of quotes of its shell");
                self.hole();
            }
            Some(next) if next == '_' || next.is_ascii_alphanumeric() => {
                let is_digit = next.is_ascii_digit();
                self.characters.next();
                let is_name = |next: &char| !is_digit && (*next == '_' || next.is_ascii_alphanumeric());
                while self.characters.next_if(is_name).is_some() {}
                self.hole();
            }
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => {
                self.characters.next();
                self.hole();
            }
            _ => self.quoted('$'),
        }
    }

    fn hole(&mut self) {
        self.word().text.push(HOLE);
    }

    fn backticks(&mut self) {
        let mut text = String::new();
        loop {
            match self.characters.next() {
                Some('`') => break,
                Some('\\') => text.extend(self.characters.next()),
                Some(character) => text.push(character),
                None => {
                    self.opaque("a quote is not closed");
                    break;
                }
            }
        }
        self.found.inner.push(text);
        self.opaque("it puts the output of a command into another");
        self.hole();
    }

    /// The text up to the matching closing character.
    fn balanced(&mut self, open: char, close: char) -> String {
        let mut text = String::new();
        let mut depth = 1;
        let mut quote = None;
        while let Some(character) = self.characters.next() {
            match (quote, character) {
                (None, '\'' | '"') => quote = Some(character),
                (Some(begun), _) if begun == character => quote = None,
                (None | Some('"'), '\\') => {
                    text.push(character);
                    text.extend(self.characters.next());
                    continue;
                }
                (None, _) if character == open => depth += 1,
                (None, _) if character == close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return text;
            }
            text.push(character);
        }
        self.opaque("a bracket is not closed");
        text
    }

    fn brace(&mut self) {
        let is_group = self.word.is_none() && self.part.words.is_empty() && self.redirect.is_none();
        match self.characters.peek() {
            Some(next) if is_group && next.is_whitespace() => self.end_part(false),
            // `{}` as for find, or a brace that stands alone.
            None | Some('}' | ' ' | '\t' | '\n') => self.word().text.push('{'),
            Some(_) => {
                // `{a,b}` becomes several words.
                let text = self.balanced('{', '}');
                if text.contains(',') || text.contains("..") {
                    self.hole();
                } else {
                    self.word().text.push_str(&format!("{{{text}}}"));
                }
            }
        }
    }

    fn ampersand(&mut self) {
        if self.characters.next_if_eq(&'&').is_some() {
            return self.end_part(false);
        }
        if self.characters.peek() == Some(&'>') {
            self.end_word();
            self.characters.next();
            self.characters.next_if_eq(&'>');
            self.redirect = Some(Redirect::Write);
            return;
        }
        self.end_part(false);
    }

    fn angle(&mut self, character: char) {
        // `2>` is a redirection of its own, `a2>` is not.
        match self.word.take() {
            Some(word) if !word.is_quoted && word.text.chars().all(|digit| digit.is_ascii_digit()) => {}
            other => {
                self.word = other;
                self.end_word();
            }
        }
        if self.characters.next_if_eq(&'(').is_some() {
            let text = self.balanced('(', ')');
            self.found.inner.push(text);
            self.opaque("it puts the output of a command into another");
            self.hole();
            return;
        }
        let redirect = match (character, self.characters.peek().copied()) {
            ('>', Some('>' | '|')) => {
                self.characters.next();
                Redirect::Write
            }
            ('<', Some('<')) => {
                self.characters.next();
                if self.characters.next_if_eq(&'<').is_some() {
                    Redirect::HereText
                } else {
                    self.characters.next_if_eq(&'-');
                    Redirect::Heredoc
                }
            }
            ('<', Some('>')) => {
                self.characters.next();
                Redirect::Write
            }
            (_, Some('&')) => {
                self.characters.next();
                Redirect::Descriptor
            }
            ('>', _) => Redirect::Write,
            _ => Redirect::Read,
        };
        self.redirect = Some(redirect);
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        match self.redirect.take() {
            Some(Redirect::Write) => self.part.writes.push(word.text),
            Some(Redirect::Read) => self.part.reads.push(word.text),
            // `>&2` and `>&-` stay among descriptors, `>&file` does not.
            Some(Redirect::Descriptor) => {
                if !word.text.chars().all(|character| character.is_ascii_digit() || character == '-') {
                    self.part.writes.push(word.text);
                }
            }
            Some(Redirect::HereText) => self.part.input = Some(word.text),
            Some(Redirect::Heredoc) => self.heredocs.push((word.text, word.is_quoted)),
            None => self.push_word(word),
        }
    }

    fn push_word(&mut self, word: Word) {
        let is_first = self.part.words.is_empty();
        if is_first && !word.is_quoted {
            let text = word.text.as_str();
            if LEADING.contains(&text) || CLOSING.contains(&text) {
                return;
            }
            if COMPLEX.contains(&text) {
                self.opaque("it is more than simple commands");
            }
        }
        if is_first {
            self.part.is_name_plain = !word.has_globs && !word.text.contains([HOLE, ' ', '~']);
        }
        self.part.has_globs |= word.has_globs;
        self.part.words.push(word.text);
    }

    fn end_part(&mut self, is_pipe: bool) {
        self.end_word();
        if self.redirect.take().is_some() {
            self.opaque("it ends in the middle of a redirection");
        }
        let part = std::mem::take(&mut self.part);
        let is_any = !part.words.is_empty() || !part.writes.is_empty() || !part.reads.is_empty();
        self.part.is_piped = is_pipe || (!is_any && part.is_piped);
        if is_any {
            self.found.parts.push(part);
        }
    }

    /// Reads the texts announced by `<<` on the line before.
    fn skip_heredocs(&mut self) {
        for (end, is_quoted) in std::mem::take(&mut self.heredocs) {
            let mut text = String::new();
            loop {
                let mut line = String::new();
                let mut is_over = true;
                for character in self.characters.by_ref() {
                    if character == '\n' {
                        is_over = false;
                        break;
                    }
                    line.push(character);
                }
                if line.trim_start_matches('\t') == end {
                    break;
                }
                if is_over {
                    if line.is_empty() || !text.is_empty() {
                        text.push_str(&line);
                    }
                    self.opaque("a text given by << does not end");
                    // What its end was taken for may be wrong: then these are commands.
                    self.found.inner.push(text.clone());
                    break;
                }
                text.push_str(&line);
                text.push('\n');
            }
            if !is_quoted && text.contains(['$', '`']) {
                // Only substitutions matter here: they are commands.
                if text.contains("$(") || text.contains('`') {
                    self.opaque("it puts the output of a command into another");
                    self.found.inner.push(text.replace(['\'', '"'], " "));
                }
            }
            // It belongs to a command of the line before: to all of them, to be on the safe side.
            for part in self.found.parts.iter_mut().rev().take_while(|part| part.input.is_none()) {
                part.input = Some(text.clone());
            }
        }
    }
}
