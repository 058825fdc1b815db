//! `@path` in a question: files that the user points the team to.

use std::path::{Path, PathBuf};

use crate::{Environment, Permission};

/// A question, and the files that it points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The question with absolute paths in the place of the references.
    pub text: String,
    /// The files and directories, each once, in the order of the question.
    pub paths: Vec<ReferencedPath>,
    /// The directory that could be referred to instead of several of its entries.
    pub common_directory: Option<PathBuf>,
}

/// A file or directory that a question points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferencedPath {
    /// Where it is, absolute.
    pub path: PathBuf,
    /// What the agents may do there. To be told once to write is enough.
    pub permission: Permission,
}

/// References to what is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such file or directory: {}; write \\@ for an @ that is no reference", self.paths())]
pub struct MissingReferences {
    /// The references as written, without `@`.
    pub written: Vec<String>,
}

impl MissingReferences {
    fn paths(&self) -> String {
        self.written.iter().map(|path| format!("@{path}")).collect::<Vec<_>>().join(", ")
    }
}

/// How many entries of one directory make it worth naming instead.
const SIBLINGS_MIN: usize = 3;

/// Replaces each `@path` (to read), `@path:w` (to write) and `@"path with spaces"` by the absolute
/// path. `\@` is an `@`; one inside of a word, as in an e-mail address, stays. `exists` looks.
///
/// # Errors
/// When a path is not there; the error names all that are missing.
pub fn parse_question(
    text: &str,
    environment: &Environment,
    exists: impl Fn(&Path) -> bool,
) -> Result<Question, MissingReferences> {
    let mut question = Question { text: String::new(), paths: Vec::new(), common_directory: None };
    let mut missing = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('@') {
        rest = after;
        question.text.push_str(before);
        let last = question.text.chars().next_back();
        if last == Some('\\') {
            question.text.pop();
            question.text.push('@');
            continue;
        }
        let is_in_word = last.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '+' | '@' | '/'));
        let Some(reference) = Reference::parse(after).filter(|_| !is_in_word) else {
            question.text.push('@');
            continue;
        };
        rest = reference.behind;
        let path = environment.absolute(reference.path);
        if !exists(&path) {
            missing.push(reference.path.to_owned());
            continue;
        }
        question.text.push_str(&path.to_string_lossy());
        match question.paths.iter_mut().find(|known| known.path == path) {
            Some(known) => known.permission = known.permission.max(reference.permission),
            None => question.paths.push(ReferencedPath { path, permission: reference.permission }),
        }
    }
    question.text.push_str(rest);
    if !missing.is_empty() {
        return Err(MissingReferences { written: missing });
    }
    question.common_directory = common_directory(&question.paths);
    Ok(question)
}

struct Reference<'a> {
    path: &'a str,
    permission: Permission,
    behind: &'a str,
}

impl<'a> Reference<'a> {
    /// Parses what stands behind an `@`.
    fn parse(after: &'a str) -> Option<Self> {
        if let Some(quoted) = after.strip_prefix('"') {
            let (path, behind) = quoted.split_once('"')?;
            let written = behind.strip_prefix(":w").filter(|rest| !rest.starts_with(char::is_alphanumeric));
            let permission = if written.is_some() { Permission::Write } else { Permission::Read };
            let behind = written.unwrap_or(behind);
            return (!path.is_empty()).then_some(Self { path, permission, behind });
        }
        let ends = |c: char| {
            c.is_whitespace() || matches!(c, ',' | ';' | '!' | '?' | ')' | ']' | '}' | '>' | '"' | '\'' | '`' | '@')
        };
        let length = after.find(ends).unwrap_or(after.len());
        let token = after.split_at(length).0.trim_end_matches(['.', ':']);
        // A dot at the end closes the sentence, unless there is nothing else: `@.` and `@..`.
        let token = if token.is_empty() || token.ends_with('/') { after.split_at(length).0 } else { token };
        let (path, permission) = match token.strip_suffix(":w") {
            Some(path) => (path, Permission::Write),
            None => (token, Permission::Read),
        };
        let behind = after.split_at(token.len()).1;
        (!path.is_empty()).then_some(Self { path, permission, behind })
    }
}

fn common_directory(paths: &[ReferencedPath]) -> Option<PathBuf> {
    let parents = || paths.iter().filter_map(|path| path.path.parent());
    let count = |parent: &Path| parents().filter(|other| *other == parent).count();
    parents().find(|parent| count(parent) >= SIBLINGS_MIN).map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Question, String> {
        let environment = Environment { home: Some("/home/u".into()), cwd: "/work".into(), ..Environment::default() };
        parse_question(text, &environment, |path| !path.ends_with("missing")).map_err(|error| error.to_string())
    }

    fn check(text: &str, expected: &str, paths: &[(&str, Permission)]) {
        let question = parse(text).expect("all there");
        assert_eq!(question.text, expected, "{text}");
        let found: Vec<_> =
            question.paths.iter().map(|path| (path.path.to_str().unwrap_or(""), path.permission)).collect();
        assert_eq!(found, paths, "{text}");
    }

    #[test]
    fn references_become_absolute_paths() {
        use Permission::{Read, Write};
        check("explain @src/main.rs.", "explain /work/src/main.rs.", &[("/work/src/main.rs", Read)]);
        check("fix @a.rs:w, please", "fix /work/a.rs, please", &[("/work/a.rs", Write)]);
        check("(@~/notes)", "(/home/u/notes)", &[("/home/u/notes", Read)]);
        check("@\"my file.txt\":w!", "/work/my file.txt!", &[("/work/my file.txt", Write)]);
        check("@a then @a:w then @a", "/work/a then /work/a then /work/a", &[("/work/a", Write)]);
        check("read @. now", "read /work now", &[("/work", Read)]);
        check("read @../x", "read /x", &[("/x", Read)]);
        check("@a: what?", "/work/a: what?", &[("/work/a", Read)]);
    }

    #[test]
    fn other_signs_stay() {
        for text in ["mail a@b.org", "no @ alone", "@", "a@", "x.@y", "git@host:repo"] {
            check(text, text, &[]);
        }
        check("\\@decorator", "@decorator", &[]);
    }

    #[test]
    fn all_that_is_missing_is_named() {
        let said = parse("see @missing and @x/missing and @there").unwrap_err();
        assert_eq!(said, "no such file or directory: @missing, @x/missing; write \\@ for an @ that is no reference");
    }

    #[test]
    fn a_directory_is_suggested_for_many_of_its_entries() {
        assert_eq!(parse("@d/a @d/b").expect("there").common_directory, None);
        assert_eq!(parse("@d/a @d/b @d/c").expect("there").common_directory, Some("/work/d".into()));
    }
}
