//! Answers, the revisions they go through, and what a voter was shown of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::agent::{AgentIndex, ParseLabelError, serde_as_text};

/// One published answer of one agent. Its text form is the label `agent2.1`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnswerRevision {
    /// Whose answer it is.
    pub agent: AgentIndex,
    /// Counted from 1 for each agent.
    pub number: u32,
}

impl fmt::Display for AnswerRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.agent, self.number)
    }
}

impl fmt::Debug for AnswerRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AnswerRevision {
    type Err = ParseLabelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseLabelError { text: text.to_owned(), expected: "agentN.K" };
        let (agent, number) = text.split_once('.').ok_or_else(error)?;
        Ok(Self { agent: agent.parse()?, number: number.parse().map_err(|_| error())? })
    }
}

serde_as_text!(AnswerRevision);

/// How many answers each agent has published: the version of the set of current answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevisionVector(Vec<u32>);

impl RevisionVector {
    /// The vector of a team of `size` agents before anybody has answered.
    #[must_use]
    pub fn empty(size: u16) -> Self {
        Self(vec![0; usize::from(size)])
    }

    /// The number of answers that `agent` has published; 0 for an agent that is not in the team.
    #[must_use]
    pub fn count(&self, agent: AgentIndex) -> u32 {
        self.0.get(agent.position()).copied().unwrap_or(0)
    }

    /// The current revision of `agent`, if it has answered.
    #[must_use]
    pub fn revision(&self, agent: AgentIndex) -> Option<AnswerRevision> {
        let number = self.count(agent);
        (number > 0).then_some(AnswerRevision { agent, number })
    }

    /// The current revision of every agent that has answered, in the order of the team.
    pub fn revisions(&self) -> impl Iterator<Item = AnswerRevision> + '_ {
        (0_u16..)
            .zip(&self.0)
            .filter(|(_, number)| **number > 0)
            .map(|(agent, number)| AnswerRevision { agent: AgentIndex(agent), number: *number })
    }

    /// All answers ever published.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.0.iter().sum()
    }

    /// Whether nobody has answered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|number| *number == 0)
    }

    /// Counts one more answer of `agent` and returns its revision.
    ///
    /// # Panics
    /// When `agent` is not in the team.
    #[must_use]
    pub fn publish(&mut self, agent: AgentIndex) -> AnswerRevision {
        #[expect(clippy::indexing_slicing, reason = "a stranger's answer must never be counted as somebody's")]
        let number = &mut self.0[agent.position()];
        *number += 1;
        AnswerRevision { agent, number: *number }
    }
}

/// What one turn is shown: a version of the set of answers, and the order they are shown in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct View {
    /// The version of the set of answers.
    pub vector: RevisionVector,
    /// The answers in the order that this turn sees them, shuffled for each turn.
    pub order: Vec<AnswerRevision>,
}

impl View {
    /// Whether this view shows exactly `revision`.
    #[must_use]
    pub fn shows(&self, revision: AnswerRevision) -> bool {
        self.vector.revision(revision.agent) == Some(revision)
    }
}

/// A vote for one answer revision, bound to the set of answers that its voter was shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Vote {
    /// Who votes.
    pub voter: AgentIndex,
    /// The answer voted for.
    pub target: AnswerRevision,
    /// The voter's words.
    pub reason: String,
    /// What the voter was shown. The vote counts only while this is current.
    pub seen: RevisionVector,
    /// What its voter did in this turn to find out whether the answer holds: seen, not claimed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

/// One thing that an agent did to find out whether an answer holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Check {
    /// The file that was read, or the command that was run, in one line.
    pub subject: String,
    /// What came of it.
    pub finding: Finding,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Finding {
    /// It was read: what was found there is in the voter's words.
    Read,
    /// A program of the answer, or its tests, ran and ended well.
    Passed,
    /// It ran and failed.
    Failed {
        /// Its exit code; `None` when it was killed.
        exit_code: Option<i32>,
    },
}
