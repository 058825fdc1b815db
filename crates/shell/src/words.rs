//! Reads a command line roughly as a shell does: enough to see which programs it names and which files.
//!
//! It is a help for rules and notes, not a wall: what a command can do is bounded by the box it runs in.

/// A part of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// A word, without its quotes.
    Word(Word),
    /// Ends a simple command: `;`, `&`, `|`, `&&`, `||`, a line end, a backquote.
    Separator,
    /// Begins a subshell or a command whose output is taken.
    Open,
    /// Ends it.
    Close,
    /// A redirection: the next word is a file.
    Redirect,
}

/// A word of a command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Word {
    /// Its text, without quotes.
    pub(crate) text: String,
    /// Where the first character stands that the shell would expand, such as `*` or `$`; in bytes of the text.
    pub(crate) expands_at: Option<usize>,
}

/// The parts of a command line, in order.
pub(crate) fn parts(command: &str) -> Vec<Part> {
    let mut reader = Reader { rest: command.chars().peekable(), parts: Vec::new(), word: None };
    reader.read();
    reader.parts
}

/// The simple commands in a line: the words of each, redirections included.
pub(crate) fn simple_commands(command: &str) -> Vec<Vec<Word>> {
    let mut commands = vec![Vec::new()];
    for part in parts(command) {
        match (part, commands.last_mut()) {
            (Part::Word(word), Some(last)) => last.push(word),
            (Part::Redirect, _) | (_, None) => {}
            (Part::Separator | Part::Open | Part::Close, _) => commands.push(Vec::new()),
        }
    }
    commands.retain(|words| !words.is_empty());
    commands
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    parts: Vec<Part>,
    word: Option<Word>,
}

impl Reader<'_> {
    fn read(&mut self) {
        while let Some(character) = self.rest.next() {
            match character {
                '\\' => match self.rest.next() {
                    Some('\n') | None => {}
                    Some(quoted) => self.push(quoted),
                },
                '\'' => self.single_quoted(),
                '"' => self.double_quoted(),
                '#' if self.word.is_none() => while self.rest.next_if(|next| *next != '\n').is_some() {},
                '$' if self.rest.next_if_eq(&'(').is_some() => self.end(Some(Part::Open)),
                '(' => self.end(Some(Part::Open)),
                ')' => self.end(Some(Part::Close)),
                ';' | '|' | '\n' | '`' => self.end(Some(Part::Separator)),
                '&' if self.rest.peek() == Some(&'>') => self.end(None),
                '&' => self.end(Some(Part::Separator)),
                '<' | '>' => self.redirect(),
                ' ' | '\t' | '\r' => self.end(None),
                '*' | '?' | '[' | '{' | '$' | '~' => self.push_expanding(character),
                other => self.push(other),
            }
        }
        self.end(None);
    }

    fn single_quoted(&mut self) {
        self.word.get_or_insert_default();
        while let Some(character) = self.rest.next_if(|next| *next != '\'') {
            self.push(character);
        }
        self.rest.next();
    }

    fn double_quoted(&mut self) {
        self.word.get_or_insert_default();
        while let Some(character) = self.rest.next() {
            match character {
                '"' => return,
                '\\' => {
                    if let Some(quoted) = self.rest.next() {
                        self.push(quoted);
                    }
                }
                '$' | '`' => self.push_expanding(character),
                other => self.push(other),
            }
        }
    }

    /// After `<` or `>`: also `>>`, `>&1`, `2>`, `<<<`.
    fn redirect(&mut self) {
        let is_descriptor = |word: &Word| !word.text.is_empty() && word.text.bytes().all(|byte| byte.is_ascii_digit());
        if self.word.as_ref().is_some_and(is_descriptor) {
            self.word = None;
        }
        while self.rest.next_if(|next| matches!(next, '<' | '>' | '|')).is_some() {}
        if self.rest.next_if_eq(&'&').is_some() {
            while self.rest.next_if(|next| next.is_ascii_digit() || *next == '-').is_some() {}
            self.end(None);
        } else if self.rest.next_if_eq(&'(').is_some() {
            self.end(Some(Part::Open));
        } else {
            self.end(Some(Part::Redirect));
        }
    }

    fn push(&mut self, character: char) {
        self.word.get_or_insert_default().text.push(character);
    }

    fn push_expanding(&mut self, character: char) {
        let word = self.word.get_or_insert_default();
        word.expands_at.get_or_insert(word.text.len());
        word.text.push(character);
    }

    fn end(&mut self, part: Option<Part>) {
        self.parts.extend(self.word.take().map(Part::Word));
        self.parts.extend(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(command: &str) -> Vec<Vec<String>> {
        let commands = simple_commands(command).into_iter();
        commands.map(|words| words.into_iter().map(|word| word.text).collect()).collect()
    }

    #[test]
    fn reads_what_a_shell_would() {
        let cases: &[(&str, &[&[&str]])] = &[
            ("ls -l", &[&["ls", "-l"]]),
            ("cd 'a b' && python \"c d\"/e.py;f", &[&["cd", "a b"], &["python", "c d/e.py"], &["f"]]),
            ("a|b||c&d\ne", &[&["a"], &["b"], &["c"], &["d"], &["e"]]),
            ("echo a\\ b # comment; rm x\nnext", &[&["echo", "a b"], &["next"]]),
            ("cat <in >out 2>err 2>&1 >>more &>all x", &[&["cat", "in", "out", "err", "more", "all", "x"]]),
            ("a $(b c) `d`", &[&["a"], &["b", "c"], &["d"]]),
            ("(cd x; y)", &[&["cd", "x"], &["y"]]),
            ("echo \"it's \\\"$x\\\"\"", &[&["echo", "it's \"$x\""]]),
            ("", &[]),
            ("'open", &[&["open"]]),
            ("diff <(sort a) b", &[&["diff"], &["sort", "a"], &["b"]]),
        ];
        for (command, expected) in cases {
            assert_eq!(texts(command), *expected, "{command}");
        }
        let word = |command: &str| simple_commands(command).swap_remove(0).swap_remove(0);
        assert_eq!(word("/a/b*/c").expands_at, Some(4));
        assert_eq!(word("'/a/b*'").expands_at, None);
        assert_eq!(word("\"$x/a\"").expands_at, Some(0));
    }
}
