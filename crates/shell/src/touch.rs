//! Which answers of peers a command looks at.

use std::path::{Component, Path, PathBuf};

use crate::words::{Part, Word, parts};

/// The paths inside `view` that `command` runs in or names, when it runs in `work_dir`, without repeats.
///
/// `resolve` gives the place that a path stands for if something is there: inside `view` by the name that `view` has.
/// What a command does with a path is not known, and what it reaches without naming it is not found: this tells what
/// a command was pointed at, not what it read.
pub fn touched(
    command: &str,
    work_dir: &Path,
    view: &Path,
    resolve: &dyn Fn(&Path) -> Option<PathBuf>,
) -> Vec<PathBuf> {
    let mut tracker = Tracker { view, resolve, found: Vec::new() };
    tracker.note(work_dir);
    let mut directory = work_dir.to_owned();
    let mut outer = Vec::new();
    let mut place = Place::Program;
    for part in parts(command) {
        match part {
            Part::Separator => place = Place::Program,
            Part::Open => {
                outer.push(directory.clone());
                place = Place::Program;
            }
            Part::Close => {
                directory = outer.pop().unwrap_or(directory);
                place = Place::Argument;
            }
            Part::Redirect => {}
            Part::Word(word) => {
                tracker.note_word(&word, &directory);
                place = match place {
                    Place::Program if matches!(word.text.as_str(), "cd" | "pushd") => Place::Directory,
                    Place::Directory if word.text == "--" => Place::Directory,
                    Place::Directory => {
                        directory = directory.join(word.text);
                        Place::Argument
                    }
                    Place::Program | Place::Argument => Place::Argument,
                };
            }
        }
    }
    tracker.note_mentions(command);
    tracker.found
}

#[derive(Clone, Copy)]
enum Place {
    Program,
    /// The argument of `cd`.
    Directory,
    Argument,
}

struct Tracker<'a> {
    view: &'a Path,
    resolve: &'a dyn Fn(&Path) -> Option<PathBuf>,
    found: Vec<PathBuf>,
}

impl Tracker<'_> {
    /// A word, and what stands behind a `=` in it, as in `--file=x` and `NAME=x`.
    fn note_word(&mut self, word: &Word, directory: &Path) {
        let fixed = match word.expands_at {
            // Of what the shell expands, the directory before it is known.
            Some(at) => word.text.get(..at).and_then(|text| text.rfind('/').and_then(|slash| text.get(..=slash))),
            None => Some(word.text.as_str()),
        };
        let Some(fixed) = fixed.filter(|fixed| !fixed.is_empty()) else { return };
        self.note(&directory.join(fixed));
        if let Some((_, value)) = fixed.split_once('=').filter(|(_, value)| !value.is_empty()) {
            self.note(&directory.join(value));
        }
    }

    /// Paths that stand inside other text, such as a program in quotes.
    fn note_mentions(&mut self, command: &str) {
        let Some(view) = self.view.to_str() else { return };
        for (at, _) in command.match_indices(view) {
            let mention = command.get(at..).unwrap_or_default();
            let ends = |character: char| character.is_whitespace() || "'\"`;|&<>()[]{}*?$,:\\".contains(character);
            // The view's own name may hold any of these.
            let end = mention.get(view.len()..).and_then(|rest| rest.find(ends)).map(|end| view.len() + end);
            self.note(Path::new(mention.get(..end.unwrap_or(mention.len())).unwrap_or(view)));
        }
    }

    fn note(&mut self, path: &Path) {
        let Some(real) = (self.resolve)(&plain(path)) else { return };
        if real.starts_with(self.view) && !self.found.contains(&real) {
            self.found.push(real);
        }
    }
}

/// Without `.`, with `..` taken as written: enough where `resolve` follows links, and right where it cannot.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|component| *component != Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file system with a few files, and one link into the view.
    fn resolve(path: &Path) -> Option<PathBuf> {
        let mut real = PathBuf::new();
        for component in path.components() {
            match component {
                Component::ParentDir => drop(real.pop()),
                other => real.push(other),
            }
            if real == Path::new("/w/peer") {
                real = PathBuf::from("/v/agent2");
            }
        }
        let there = ["/w", "/w/own.py", "/v", "/v/agent1", "/v/agent1/a.py", "/v/agent2", "/v/agent2/b.py", "/v2/x"];
        there.iter().any(|known| real == Path::new(known)).then_some(real)
    }

    fn check(command: &str, work_dir: &str, expected: &[&str]) {
        let found = touched(command, Path::new(work_dir), Path::new("/v"), &resolve);
        let expected: Vec<_> = expected.iter().map(PathBuf::from).collect();
        assert_eq!(found, expected, "{command} in {work_dir}");
    }

    #[test]
    fn finds_what_a_command_names() {
        check("python own.py", "/w", &[]);
        check("python /v/agent1/a.py", "/w", &["/v/agent1/a.py"]);
        check("python ../v/agent1/./a.py", "/w", &["/v/agent1/a.py"]);
        check("cat peer/b.py", "/w", &["/v/agent2/b.py"]);
        check("ls", "/v/agent1", &["/v/agent1"]);
        check("cat a.py", "/v/agent1", &["/v/agent1", "/v/agent1/a.py"]);
        check("cd /v/agent2 && pytest b.py", "/w", &["/v/agent2", "/v/agent2/b.py"]);
        check("cd -- /v/agent2; cat b.py", "/w", &["/v/agent2", "/v/agent2/b.py"]);
        check("(cd /v/agent1; ls) && cat b.py", "/w", &["/v/agent1"]);
        check("tool --file=/v/agent1/a.py", "/w", &["/v/agent1/a.py"]);
        check("DIR=/v/agent1 make", "/w", &["/v/agent1"]);
        check("sort </v/agent1/a.py", "/w", &["/v/agent1/a.py"]);
        check("cat /v/agent1/*.py", "/w", &["/v/agent1"]);
        check("cat /v/agent*/a.py", "/w", &["/v"]);
        check("python -c \"print(open('/v/agent1/a.py').read())\"", "/w", &["/v/agent1/a.py"]);
        check("echo /v/agent1 is good", "/w", &["/v/agent1"]);
    }

    #[test]
    fn finds_nothing_that_is_not_there_or_not_inside() {
        check("cat /v/agent9/a.py", "/w", &[]);
        check("cat /v2/x", "/w", &[]);
        check("echo '$HOME/*' # /w", "/w", &[]);
        check("cat /v/../w/own.py", "/w", &[]);
        check("", "/w", &[]);
    }
}
