//! What goes into the coordinator and what comes out.

use massgen_protocol::{AgentIndex, Check, Choices, Fact, SnapshotId, Timer, TurnId, TurnKind, View, Violation};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// [`Command::Continue`] that answers this, unless it is cut.
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
    /// A timer that was set has fired.
    TimerFired(Timer),
    /// The user asks to stop.
    Cancel,
}

/// A check of the answer of an agent, as the turn was shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Whose answer.
    pub author: AgentIndex,
    /// What was done.
    pub check: Check,
}

/// A model's complete reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// All text of the reply.
    pub text: String,
    /// Its decisions, in order.
    pub calls: Vec<DecisionCall>,
    /// Whether it came to its own end.
    pub ending: ReplyEnding,
    /// The agent's workspace as it was at the end of the reply; `None` when there is nothing in it.
    pub snapshot: Option<SnapshotId>,
}

/// How a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// What one input led to. All facts must be written before any command is performed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// What was decided, in order.
    pub facts: Vec<Fact>,
    /// What is to be done, in order.
    pub commands: Vec<Command>,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Ask an agent. The turn ends with `Replied`, `TurnFailed` or, once cut, `TurnStopped`.
    StartTurn(TurnBrief),
    /// Tell a turn what was wrong with its reply and let it reply again.
    Reject {
        /// The turn.
        turn: TurnId,
        /// What was wrong.
        violation: Violation,
        /// How many more replies it may give.
        chances_left: u8,
        /// Newer answers, to be told with it.
        news: Option<News>,
    },
    /// Let a turn at a safe point go on.
    Continue {
        /// The turn.
        turn: TurnId,
        /// Newer answers, to be told first.
        news: Option<News>,
    },
    /// Stop a turn at once and confirm with `TurnStopped`, or with the reply or failure that was
    /// already on its way.
    CutTurn {
        /// The turn.
        turn: TurnId,
    },
    /// Send `TimerFired` after a while. Setting a timer again replaces it.
    SetTimer {
        /// The timer.
        timer: Timer,
        /// How long, in milliseconds.
        after_ms: u64,
    },
    /// Nothing more will come.
    Finish,
}

/// What a turn is given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TurnBrief {
    /// The turn.
    pub turn: TurnId,
    /// What it is for.
    pub kind: TurnKind,
    /// The answers it is shown.
    pub view: View,
    /// What it may decide.
    pub choices: Choices,
}

/// Newer answers for a turn at work.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct News {
    /// The answers it is shown from now on.
    pub view: View,
    /// What it may decide from now on.
    pub choices: Choices,
}
