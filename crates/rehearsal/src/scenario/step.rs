//! One step of a script: when it applies, what the model does, and what goes wrong.

use serde_json::Value;

use crate::exchange::{Builtin, Finish, Pace, Speech};

/// One step, checked.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// When it applies.
    pub(crate) when: When,
    /// What happens.
    pub(crate) act: Act,
    /// How often it may be used; `None`: always.
    pub(crate) times: Option<u32>,
}

/// Conditions that must all hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct When {
    /// How many answers are visible.
    pub(crate) answers: Option<AnswerCount>,
    /// Texts that must occur in the visible answers.
    pub(crate) shows: Vec<String>,
    /// Texts that must not.
    pub(crate) not_shows: Vec<String>,
    /// A text in the last user message.
    pub(crate) asked: Option<String>,
    /// A tool that is offered.
    pub(crate) tool: Option<String>,
    /// Whether neither `new_answer` nor `vote` is offered.
    pub(crate) presenting: Option<bool>,
    /// Which request for this model it is, counted from 1.
    pub(crate) call: Option<u32>,
    /// The tool whose result the conversation ends with.
    pub(crate) after_tool: Option<String>,
    /// How many tool results there are in the conversation.
    pub(crate) results: Option<AnswerCount>,
    /// Texts in the tool results that the conversation ends with.
    pub(crate) returned: Vec<String>,
    /// Whether the conversation ends with the refusal of a decision.
    pub(crate) rejected: Option<bool>,
}

/// An inclusive range of numbers of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AnswerCount {
    /// At least so many.
    pub(crate) least: usize,
    /// At most so many.
    pub(crate) most: usize,
}

impl AnswerCount {
    /// Reads `2`, `1+` or `2-3`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(least) = text.strip_suffix('+') {
            return Some(Self { least: least.trim().parse().ok()?, most: usize::MAX });
        }
        let (least, most) = text.split_once('-').unwrap_or((text, text));
        let count = Self { least: least.trim().parse().ok()?, most: most.trim().parse().ok()? };
        (count.least <= count.most).then_some(count)
    }

    /// Whether `count` is in the range.
    pub(crate) fn contains(self, count: usize) -> bool {
        (self.least..=self.most).contains(&count)
    }
}

/// What happens on a request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// The provider refuses it with an HTTP status.
    Fail(Failure),
    /// The connection is dropped before any byte of a response.
    Refuse,
    /// Nothing ever comes.
    Hang,
    /// The model replies, perhaps on a damaged line.
    Reply(Box<Line>, Damage),
}

/// An HTTP status in place of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The status, 400 to 599.
    pub(crate) status: u16,
    /// Seconds for `Retry-After`.
    pub(crate) retry_after: Option<u64>,
    /// In place of the provider's usual words.
    pub(crate) message: Option<String>,
}

/// What the model says in a step, before it is known whom it speaks to.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Reasoning.
    pub(crate) reason: Option<String>,
    /// Tools run by the provider.
    pub(crate) builtins: Vec<Builtin>,
    /// Text.
    pub(crate) say: Speech,
    /// What it does last.
    pub(crate) deed: Deed,
    /// Why it ends.
    pub(crate) finish: Finish,
    /// How it is streamed.
    pub(crate) pace: Pace,
    /// Whether the parts of several calls are interleaved.
    pub(crate) interleave: bool,
}

/// What the model does at the end of its reply.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    /// Nothing: it only talks.
    Talk,
    /// It publishes an answer.
    Answer(String),
    /// It votes.
    Vote {
        /// For what.
        target: Target,
        /// Its words.
        reason: String,
    },
    /// It calls tools, offered or not: name and arguments.
    Calls(Vec<(String, Value)>),
}

/// Which answer a vote is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The answer of that agent, visible or not.
    Agent(String),
    /// The visible answer that contains the text.
    Containing(String),
}

impl Target {
    /// Reads `agent2` as an agent and anything else as a text.
    pub(super) fn parse(text: &str) -> Self {
        let number = text.strip_prefix("agent").filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if number.is_some() { Self::Agent(text.to_owned()) } else { Self::Containing(text.to_owned()) }
    }
}

/// What goes wrong on the way of a reply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Every event is sent twice.
    pub(crate) duplicate: bool,
    /// Every boundary between HTTP chunks falls inside a character.
    pub(crate) split_utf8: bool,
    /// How the stream ends.
    pub(crate) ending: Ending,
}

/// How a stream ends. Chunks are the pieces of text, reasoning and arguments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As it should.
    #[default]
    Whole,
    /// The connection breaks in the middle of the event after so many chunks.
    Cut(u64),
    /// The event after so many chunks is broken JSON; the rest follows.
    Malformed(u64),
    /// After so many chunks nothing more comes, and the connection stays open.
    Silence(u64),
    /// After so many chunks comes an error event.
    Error(StreamError, u64),
    /// The stream ends cleanly without its last events.
    NoFinish,
}

/// What a provider reports in the middle of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamError {
    /// Too much work for the provider.
    Overloaded,
    /// Too many requests of this client.
    RateLimited,
    /// A defect of the provider.
    ServerError,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_counts_are_numbers_and_ranges() {
        assert_eq!(AnswerCount::parse("2"), Some(AnswerCount { least: 2, most: 2 }));
        assert_eq!(AnswerCount::parse("2-3"), Some(AnswerCount { least: 2, most: 3 }));
        assert!(AnswerCount::parse("1+").is_some_and(|count| count.contains(9) && !count.contains(0)));
        assert_eq!(AnswerCount::parse("3-2"), None);
        assert_eq!(AnswerCount::parse("many"), None);
    }

    #[test]
    fn a_vote_is_for_an_agent_or_for_words() {
        assert_eq!(Target::parse("agent12"), Target::Agent("agent12".to_owned()));
        assert_eq!(Target::parse("agent"), Target::Containing("agent".to_owned()));
        assert_eq!(Target::parse("8 Gpc"), Target::Containing("8 Gpc".to_owned()));
    }
}
