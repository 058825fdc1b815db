//! What a user says at the prompt: questions, commands, and questions of several lines.

use massgen_config::Permission;

/// What `/help` tells.
pub(super) const HELP: &str = "\
A question of several lines begins and ends with \"\"\" or '''.

  /status              the session, its team, and where its files are
  /inspect [N|all]     the last turn, turn N, or a line for each
  /cost                what the session has cost so far
  /context [PATH[:w]]  let the team read a file or directory, with :w change it
  /config              the team's config: edit it ($EDITOR) and read it again
  /clear, /reset       begin a new session
  /help
  /quit                or quit, exit, q, Ctrl-D

Ctrl-C stops the team and keeps what is finished; at the prompt, it clears the
line. Earlier questions come back with the arrow keys.";

/// What the user said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    Question(String),
    Command(Command),
    /// A command that is none.
    Unknown {
        word: String,
        /// One that is written nearly so.
        nearest: Option<&'static str>,
    },
}

/// Something to do that is no question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Clear,
    Status,
    Config,
    /// Shows the user's files that the team may use, or adds to them.
    Context(Option<(String, Permission)>),
    Inspect(Which),
    Cost,
    Help,
    Quit,
}

/// Which turns to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Last,
    Turn(u32),
    All,
}

/// The commands, the shorter forms last.
const COMMANDS: [&str; 14] = [
    "/clear", "/reset", "/status", "/config", "/context", "/inspect", "/cost", "/help", "/quit", "/exit", "/q", "/h",
    "/i", "/s",
];

/// Understands a line, or a block of lines.
pub(super) fn said(text: &str) -> Said {
    let text = text.trim();
    if text.is_empty() {
        return Said::Nothing;
    }
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let (word, rest) = (word.to_lowercase(), rest.trim());
    let has_rest = !rest.is_empty();
    let command = match word.as_str() {
        "quit" | "exit" | "q" if !has_rest => Command::Quit,
        "reset" | "clear" if !has_rest => Command::Clear,
        "/quit" | "/exit" | "/q" => Command::Quit,
        "/clear" | "/reset" => Command::Clear,
        "/status" | "/s" => Command::Status,
        "/config" => Command::Config,
        "/cost" => Command::Cost,
        "/help" | "/h" => Command::Help,
        "/context" => Command::Context(has_rest.then(|| context(rest))),
        "/inspect" | "/i" => match inspected(rest) {
            Some(which) => Command::Inspect(which),
            None => return Said::Unknown { word: format!("turn `{rest}`"), nearest: None },
        },
        // A path may begin a question: `/etc/hosts has what in it?`.
        word if word
            .strip_prefix('/')
            .is_some_and(|name| !name.is_empty() && name.chars().all(char::is_alphabetic)) =>
        {
            return Said::Unknown { nearest: nearest(word), word: word.to_owned() };
        }
        _ => return Said::Question(text.to_owned()),
    };
    Said::Command(command)
}

/// A path, and whether it may be changed.
fn context(text: &str) -> (String, Permission) {
    let (path, permission) = match text.strip_suffix(":w") {
        Some(path) => (path, Permission::Write),
        None => (text.strip_suffix(":r").unwrap_or(text), Permission::Read),
    };
    let path = path.trim().trim_start_matches('@').trim_matches(['"', '\'']);
    (path.to_owned(), permission)
}

fn inspected(text: &str) -> Option<Which> {
    match text.to_lowercase().as_str() {
        "" => Some(Which::Last),
        "all" => Some(Which::All),
        number => number.parse().ok().map(Which::Turn),
    }
}

/// The command that is written most like `word`, if any is written nearly so.
fn nearest(word: &str) -> Option<&'static str> {
    /// More slips of the finger than this make another word.
    const SLIPS_MAX: usize = 2;
    let candidates =
        COMMANDS.iter().filter(|command| command.len() > 3).map(|command| (slips(word, command), *command));
    let begins = COMMANDS.iter().find(|command| word.len() > 2 && command.starts_with(word)).copied();
    begins.or_else(|| candidates.filter(|(slips, _)| *slips <= SLIPS_MAX).min().map(|(_, command)| command))
}

/// How many letters have to be put in, left out or changed to make one word of another (Levenshtein 1965).
fn slips(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (line, a) in one.chars().enumerate() {
        let mut before = line;
        let mut left = line + 1;
        let mut next = vec![left];
        for (b, above) in other.chars().zip(row.iter().skip(1)) {
            left = (before + usize::from(a != b)).min(left + 1).min(above + 1);
            before = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// A first line: all that is said, or the beginning of a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opened {
    Whole(String),
    Block(Block),
}

/// A question of several lines of which there is more to come.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    delimiter: &'static str,
    text: String,
}

/// Looks whether a line begins a block.
pub(super) fn open(line: &str) -> Opened {
    let begins = |delimiter: &'static str| Some((delimiter, line.trim_start().strip_prefix(delimiter)?));
    let Some((delimiter, rest)) = ["\"\"\"", "'''"].into_iter().find_map(begins) else {
        return Opened::Whole(line.to_owned());
    };
    let mut block = Block { delimiter, text: String::new() };
    match block.add(rest) {
        Some(text) => Opened::Whole(text),
        None => Opened::Block(block),
    }
}

impl Block {
    /// Takes one more line. The whole text, when the line ends it; what stands behind the delimiter is dropped.
    pub(super) fn add(&mut self, line: &str) -> Option<String> {
        let (line, is_end) = line.split_once(self.delimiter).map_or((line, false), |(last, _)| (last, true));
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(line);
        is_end.then(|| self.text.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_in_any_case_and_bare_words() {
        for quit in ["/quit", "/EXIT", "/q", "quit", "Exit", " q "] {
            assert_eq!(said(quit), Said::Command(Command::Quit), "{quit}");
        }
        for clear in ["/clear", "/Reset", "reset", "CLEAR"] {
            assert_eq!(said(clear), Said::Command(Command::Clear), "{clear}");
        }
        assert_eq!(said("/inspect"), Said::Command(Command::Inspect(Which::Last)));
        assert_eq!(said("/I 3"), Said::Command(Command::Inspect(Which::Turn(3))));
        assert_eq!(said("/inspect ALL"), Said::Command(Command::Inspect(Which::All)));
        assert!(matches!(said("/inspect x"), Said::Unknown { .. }));
        assert_eq!(said("/context"), Said::Command(Command::Context(None)));
        for (text, path, permission) in [
            ("/context src", "src", Permission::Read),
            ("/context Src dir:w", "Src dir", Permission::Write),
            ("/context @\"a b\":w", "a b", Permission::Write),
            ("/context C:\\x:r", "C:\\x", Permission::Read),
        ] {
            assert_eq!(said(text), Said::Command(Command::Context(Some((path.to_owned(), permission)))), "{text}");
        }
        assert_eq!(said(" \n "), Said::Nothing);
    }

    #[test]
    fn what_only_looks_like_a_command_is_a_question() {
        for question in ["quit smoking: how?", "clear the table", "/etc/hosts has what in it?", "what is /help?", "/"] {
            assert_eq!(said(question), Said::Question(question.to_owned()));
        }
    }

    #[test]
    fn an_unknown_command_gets_its_neighbour() {
        let nearest = |text: &str| match said(text) {
            Said::Unknown { nearest, .. } => nearest,
            other => panic!("{other:?}"),
        };
        assert_eq!(nearest("/hlep"), Some("/help"));
        assert_eq!(nearest("/insp 3"), Some("/inspect"));
        assert_eq!(nearest("/stats"), Some("/status"));
        assert_eq!(nearest("/zebra"), None);
        assert_eq!((slips("kitten", "sitting"), slips("", "ab"), slips("ab", "ab")), (3, 2, 0));
    }

    #[test]
    fn every_command_of_the_help_is_understood() {
        for word in HELP.split(|c: char| !c.is_ascii_alphabetic() && c != '/').filter(|word| word.starts_with('/')) {
            assert!(matches!(said(word), Said::Command(_)), "{word}");
            assert!(COMMANDS.contains(&word), "{word}");
        }
    }

    #[test]
    fn a_block_goes_on_to_its_delimiter() {
        let Opened::Block(mut block) = open("\"\"\"one") else { panic!("no block") };
        assert_eq!(block.add("  two ''' and"), None);
        assert_eq!(block.add(""), None);
        assert_eq!(block.add("three\"\"\" dropped").as_deref(), Some("one\n  two ''' and\n\nthree"));
        assert_eq!(open("'''all of it'''"), Opened::Whole("all of it".to_owned()));
        assert_eq!(open("say \"\"\""), Opened::Whole("say \"\"\"".to_owned()));
        let Opened::Block(mut block) = open("'''") else { panic!("no block") };
        assert_eq!(block.add("/quit"), None);
        assert_eq!(block.add("'''").as_deref(), Some("/quit"));
    }
}
