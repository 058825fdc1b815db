//! Files of variables.

use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::str::Chars;

use crate::{Diagnostic, Diagnostics, Environment, Format, SourceText, Span};

impl Environment {
    /// Where files of variables are looked for, the one that counts most first. A variable of the
    /// process counts more than any of them.
    #[must_use]
    pub fn dotenv_paths(&self) -> Vec<PathBuf> {
        let here = [".env", "configs/.env"].map(|path| self.cwd.join(path));
        let at_home = [".config/massgen/.env", ".massgen/.env"];
        let at_home = self.home.iter().flat_map(|home| at_home.map(|path| home.join(path)));
        let mut paths: Vec<PathBuf> = here.into_iter().chain(at_home).collect();
        paths.dedup();
        paths
    }

    /// Adds the variables of the files that `read` finds at [`dotenv_paths`](Self::dotenv_paths),
    /// except those that are set. Returns what is wrong with the files, one list for each.
    pub fn add_dotenv(&mut self, read: impl Fn(&Path) -> Option<String>) -> Vec<Diagnostics> {
        let mut found = Vec::new();
        for path in self.dotenv_paths() {
            let Some(text) = read(&path) else { continue };
            let (variables, diagnostics) = parse(&path.display().to_string(), &text);
            for (name, value) in variables {
                self.vars.entry(name).or_insert(value);
            }
            if !diagnostics.is_empty() {
                found.push(diagnostics);
            }
        }
        found
    }
}

/// Parses `NAME=value` lines: comments, `export`, single quotes (literal) and double quotes (with
/// escapes), both over several lines. In one file the last value of a name counts.
fn parse(name: &str, text: &str) -> (Vec<(String, String)>, Diagnostics) {
    let mut found = Diagnostics::new(SourceText::new(name, text, Format::Dotenv));
    let mut scanner = Scanner { rest: text.trim_start_matches('\u{feff}').chars().peekable(), line: 1, column: 1 };
    let mut variables: Vec<(String, String)> = Vec::new();
    while let Some(assignment) = scanner.assignment() {
        match assignment {
            Ok((name, value)) => {
                variables.retain(|(known, _)| *known != name);
                variables.push((name, value));
            }
            Err(warning) => found.push(warning),
        }
    }
    (variables, found)
}

struct Scanner<'a> {
    rest: Peekable<Chars<'a>>,
    line: u32,
    column: u32,
}

impl Scanner<'_> {
    /// The next assignment, or what is wrong with it; `None` at the end.
    fn assignment(&mut self) -> Option<Result<(String, String), Diagnostic>> {
        loop {
            self.take_while(char::is_whitespace);
            match self.rest.peek()? {
                '#' => drop(self.take_line()),
                _ => break,
            }
        }
        let start = self.span();
        let mut name = self.name();
        if name == "export" && self.rest.peek().copied().is_some_and(is_blank) {
            self.take_while(is_blank);
            name = self.name();
        }
        self.take_while(is_blank);
        if name.is_empty() || self.rest.peek() != Some(&'=') {
            self.take_line();
            let message = "not an assignment: the line is left out";
            return Some(Err(Diagnostic::warning("", Some(start), message).hint("write NAME=value")));
        }
        self.next();
        self.take_while(is_blank);
        Some(self.value(&name, start).map(|value| (name, value)))
    }

    fn value(&mut self, name: &str, start: Span) -> Result<String, Diagnostic> {
        let quote = match self.rest.peek() {
            Some(quote @ ('"' | '\'')) => *quote,
            _ => {
                let line = self.take_line();
                let comment = line.find(" #").or_else(|| line.find("\t#"));
                let value = comment.map_or(line.as_str(), |place| line.split_at(place).0);
                return Ok(if line.starts_with('#') { String::new() } else { value.trim_end().to_owned() });
            }
        };
        self.next();
        let mut value = String::new();
        loop {
            match self.next() {
                None => {
                    let message = format!("the quote of {name} is never closed: what follows is left out");
                    return Err(Diagnostic::warning(name, Some(start), message));
                }
                Some(end) if end == quote => break,
                Some('\\') if quote == '"' => match self.next() {
                    Some('n') => value.push('\n'),
                    Some('t') => value.push('\t'),
                    Some('r') => value.push('\r'),
                    Some(escaped @ ('"' | '\\' | '$' | '\'')) => value.push(escaped),
                    Some(other) => value.extend(['\\', other]),
                    None => {}
                },
                Some(other) => value.push(other),
            }
        }
        let behind = self.take_line();
        let behind = behind.trim();
        if behind.is_empty() || behind.starts_with('#') {
            return Ok(value);
        }
        let message = format!("text behind the closing quote of {name}: the line is left out");
        Err(Diagnostic::warning(name, Some(start), message).hint("write a quote in quotes as \\\""))
    }

    fn name(&mut self) -> String {
        self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
    }

    fn take_line(&mut self) -> String {
        self.take_while(|c| c != '\n').trim_end_matches('\r').to_owned()
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while self.rest.peek().is_some_and(|c| fits(*c)) {
            taken.extend(self.next());
        }
        taken
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.next()?;
        if next == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(next)
    }

    fn span(&self) -> Span {
        Span { line: self.line, column: self.column, length: 1 }
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Colour;

    #[test]
    fn assignments_are_read_as_shells_write_them() {
        let text = "# keys\n\nA=one\nexport B = two # comment\nC='it''s' \nD=\"a \\\"b\\\" \\n#c\" # d\nE=x#y\nF=\n\
                    G='# not\na comment'\r\nA=three\r\nexport=4\nH=#none\nI=a b\n";
        let (variables, found) = parse(".env", text);
        let expected = [
            ("B", "two"),
            ("D", "a \"b\" \n#c"),
            ("E", "x#y"),
            ("F", ""),
            ("G", "# not\na comment"),
            ("A", "three"),
            ("export", "4"),
            ("H", ""),
            ("I", "a b"),
        ];
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(variables, expected);
        insta::assert_snapshot!(found.render(Colour::Plain), @r#"
        warning: text behind the closing quote of C: the line is left out
          --> .env:5:1
           |
         5 | C=*******
           | ^ C
          help: write a quote in quotes as \"
        "#);
    }

    #[test]
    fn what_is_no_assignment_is_left_out_and_never_shown() {
        let (variables, found) = parse(".env", "sk-secret-in-the-wrong-place\nA=1\nB=\"sk-never\nclosed");
        assert_eq!(variables, [("A".to_owned(), "1".to_owned())]);
        let text = found.render(Colour::Plain);
        assert!(!text.contains("sk-"), "{text}");
        assert!(text.contains(".env:1:1") && text.contains(".env:3:1"), "{text}");
    }

    #[test]
    fn the_process_comes_first_then_the_nearest_file() {
        let mut environment = Environment {
            home: Some("/home/u".into()),
            cwd: "/work".into(),
            vars: [("A".to_owned(), "process".to_owned())].into(),
        };
        let read = |path: &Path| {
            let text = match path.to_str()? {
                "/work/.env" => "A=here\nB=here",
                "/work/configs/.env" => "B=configs\nC=configs",
                "/home/u/.config/massgen/.env" => "C=user\nD=user",
                "/home/u/.massgen/.env" => "D=old\nE=old",
                _ => return None,
            };
            Some(text.to_owned())
        };
        assert!(environment.add_dotenv(read).is_empty());
        let values: Vec<&str> = environment.vars.values().map(String::as_str).collect();
        assert_eq!(values, ["process", "here", "configs", "user", "old"]);
    }
}
