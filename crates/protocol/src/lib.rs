//! The words that every part of massgen shares: ids, answer revisions, stream chunks, journal
//! events, [`RunView`], the fold that every display and report is drawn from, and what counts as a secret.
//!
//! This crate holds plain data. It has no clock, no I/O and no policy.

mod agent;
mod answer;
mod chunk;
mod event;
mod input;
mod redact;
mod reply;
mod rules;
mod run_view;
mod snapshot;
mod usage;

pub use agent::{AgentId, AgentIndex, AgentProfile, ParseLabelError, TurnId};
pub use answer::{AnswerRevision, Check, Finding, RevisionVector, View, Vote};
pub use chunk::{BuiltinPhase, FinishReason, StreamChunk, ToolCall, ToolSpec};
pub use event::{
    Activity, AnswerSource, Choices, CutReason, Event, Fact, PresentationSource, Record, Reserved, RunEnd,
    SelectionRule, TallyLine, Timer, ToolEnd, TurnKind, TurnOutcome, Violation,
};
pub use input::{Checked, DecisionCall, Input, Reply, ReplyEnding};
pub use redact::{REDACTED, names_a_secret, redact};
pub use reply::{AssistantTurn, CallKey, Echo};
pub use rules::{Novelty, Rules, Sensitivity, Strategy, Verification};
pub use run_view::{AgentState, AgentView, AnswerView, BallotView, OfferedChanges, Phase, RunView, Standing};
pub use snapshot::{ParseSnapshotIdError, SnapshotId};
pub use usage::{Cost, Usage};
