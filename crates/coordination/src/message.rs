//! What comes out of the coordinator. What goes in is the protocol's [`Input`](massgen_protocol::Input).

use massgen_protocol::{Choices, Fact, Timer, TurnId, TurnKind, View, Violation};

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
