//! What the coordination is told: the journal keeps it beside the facts that followed.

use serde::{Deserialize, Serialize};

use crate::agent::{AgentIndex, TurnId};
use crate::answer::Check;
use crate::event::Timer;
use crate::snapshot::SnapshotId;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Input {
    /// The team may start.
    Begin,
    /// A model's reply is complete and calls no tool but the workflow tools.
    Replied {
        /// The turn.
        turn: TurnId,
        /// The reply.
        reply: Reply,
    },
    /// A turn ran tools: it has done work that is worth keeping.
    ToolRan {
        /// The turn.
        turn: TurnId,
        /// Which answers of those it is shown it checked thereby.
        checked: Vec<Checked>,
    },
    /// A turn stands between two model calls and could take in news. It waits for the
    /// `Command::Continue` that answers this, unless it is cut.
    SafePoint {
        /// The turn.
        turn: TurnId,
    },
    /// A turn cannot be completed.
    TurnFailed {
        /// The turn.
        turn: TurnId,
        /// Why, in words for the user.
        message: String,
        /// Whether trying again could help.
        retryable: bool,
    },
    /// A turn that was cut has stopped, and nothing of it runs any more.
    TurnStopped {
        /// The turn.
        turn: TurnId,
    },
    /// A turn cannot go on: the next call could cost more than is left of the run's budget.
    BudgetSpent {
        /// The turn.
        turn: TurnId,
        /// The limit and what stands against it, in words for the user.
        limit: String,
    },
    /// A timer that was set has fired.
    TimerFired {
        /// Which.
        timer: Timer,
    },
    /// The user asks to stop.
    Cancel,
}

/// A check of the answer of an agent, as the turn was shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Whose answer.
    pub author: AgentIndex,
    /// What was done.
    pub check: Check,
}

/// A model's complete reply.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reply {
    /// All text of the reply.
    pub text: String,
    /// Its decisions, in order.
    pub calls: Vec<DecisionCall>,
    /// Whether it came to its own end.
    pub ending: ReplyEnding,
    /// The agent's workspace as it was at the end of the reply; `None` when there is nothing in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotId>,
}

/// How a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyEnding {
    /// The model had nothing more to say.
    #[default]
    Whole,
    /// It was cut at the limit of output tokens.
    CutAtLimit,
    /// The model or its provider refused.
    Refused,
}

/// A call of a workflow tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DecisionCall {
    /// `new_answer`.
    NewAnswer {
        /// The whole answer.
        content: String,
    },
    /// `vote`.
    Vote {
        /// What the model wrote as its choice.
        target: String,
        /// The model's reason.
        reason: String,
    },
    /// A workflow tool whose arguments cannot be read.
    Unreadable {
        /// The tool.
        tool: String,
        /// What is wrong with the arguments.
        problem: String,
    },
    /// A tool that does not exist.
    Unknown {
        /// What the model called.
        tool: String,
    },
}
