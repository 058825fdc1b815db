//! Globs over texts that are not paths: `*` stands for any characters, `?` for one, `\` takes the next one as it is.

/// Stands in a text for characters that cannot be known before it runs, such as a variable's value.
pub(super) const HOLE: char = '\u{10ffff}';

/// One part of a glob or text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    One(char),
    AnyOne,
    Any,
}

/// A glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob(Vec<Token>);

impl Glob {
    pub(super) fn new(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            tokens.push(match character {
                '*' => Token::Any,
                '?' => Token::AnyOne,
                '\\' => Token::One(characters.next().unwrap_or('\\')),
                other => Token::One(other),
            });
        }
        Self(tokens)
    }

    /// Whether it stands for everything.
    pub(super) fn is_everything(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|token| *token == Token::Any)
    }

    /// Whether it stands for one text only.
    pub(super) fn is_literal(&self) -> bool {
        self.0.iter().all(|token| matches!(token, Token::One(_)))
    }

    /// Whether `text` matches for sure: a [`HOLE`] is only met by `*`.
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut states = Set::start(&self.0);
        for character in text.chars() {
            states = states.next(&self.0, |token| match token {
                Token::One(wanted) => character != HOLE && wanted == character,
                Token::AnyOne => character != HOLE,
                Token::Any => true,
            });
        }
        states.is_end(&self.0)
    }

    /// Whether some text with something in place of each [`HOLE`] matches.
    pub(super) fn may_match(&self, text: &str) -> bool {
        let mut states = Set::start(&self.0);
        for character in text.chars() {
            states = if character == HOLE {
                states.all_after(&self.0)
            } else {
                states.next(&self.0, |token| match token {
                    Token::One(wanted) => wanted == character,
                    Token::AnyOne | Token::Any => true,
                })
            };
        }
        states.is_end(&self.0)
    }
}

/// Where in a glob a match may stand.
struct Set(Vec<bool>);

impl Set {
    fn start(glob: &[Token]) -> Self {
        let mut set = Self(vec![false; glob.len() + 1]);
        set.add(glob, 0);
        set
    }

    /// A `*` may also stand for nothing.
    fn add(&mut self, glob: &[Token], mut at: usize) {
        loop {
            if let Some(state) = self.0.get_mut(at) {
                *state = true;
            }
            if glob.get(at) != Some(&Token::Any) {
                return;
            }
            at += 1;
        }
    }

    fn next(&self, glob: &[Token], takes: impl Fn(Token) -> bool) -> Self {
        let mut next = Self(vec![false; self.0.len()]);
        for (at, token) in glob.iter().enumerate() {
            if self.0.get(at) == Some(&true) && takes(*token) {
                next.add(glob, if *token == Token::Any { at } else { at + 1 });
            }
        }
        next
    }

    /// After any number of any characters.
    fn all_after(&self, glob: &[Token]) -> Self {
        let first = self.0.iter().position(|state| *state).unwrap_or(usize::MAX);
        Self((0..=glob.len()).map(|at| at >= first).collect())
    }

    fn is_end(&self, glob: &[Token]) -> bool {
        self.0.get(glob.len()) == Some(&true)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn oracle(glob: &[char], text: &[char]) -> bool {
        match glob {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|at| oracle(rest, &text[at..])),
            ['?', rest @ ..] => !text.is_empty() && oracle(rest, &text[1..]),
            [one, rest @ ..] => text.first() == Some(one) && oracle(rest, &text[1..]),
        }
    }

    fn characters(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    #[test]
    fn holes_match_what_they_may_be() {
        let glob = Glob::new("git push --force*");
        assert!(glob.may_match(&format!("{HOLE} push --force")));
        assert!(glob.may_match(&format!("git {HOLE}")));
        assert!(!glob.may_match(&format!("echo {HOLE}")));
        assert!(!glob.matches(&format!("git {HOLE}")));
        assert!(Glob::new("git *").matches(&format!("git {HOLE}")));
        assert!(Glob::new(r"a\*").matches("a*") && !Glob::new(r"a\*").matches("ab"));
    }

    proptest! {
        #[test]
        fn matches_as_brute_force_does(glob in "[ab*?]{0,6}", text in "[ab]{0,8}") {
            let expected = oracle(&characters(&glob), &characters(&text));
            prop_assert_eq!(Glob::new(&glob).matches(&text), expected);
            prop_assert_eq!(Glob::new(&glob).may_match(&text), expected);
        }

        #[test]
        fn a_hole_filled_in_is_a_match_that_was_possible(
            glob in "[ab*?]{0,6}", before in "[ab]{0,3}", filling in "[ab]{0,3}", after in "[ab]{0,3}",
        ) {
            if Glob::new(&glob).matches(&format!("{before}{filling}{after}")) {
                let may_match = Glob::new(&glob).may_match(&format!("{before}{HOLE}{after}"));
                prop_assert!(may_match);
            }
        }
    }
}
