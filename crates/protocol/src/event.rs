//! What the journal is made of.
//!
//! A [`Fact`] is a decision of the coordination: folding the facts of a run rebuilds its state. The [`Input`]
//! before it is what it was decided on: the same inputs make the same facts, which is how a journal is verified.
//! An [`Activity`] is what happened around the decisions: text as it came, calls, tokens, trouble.

use serde::{Deserialize, Serialize};

use crate::agent::{AgentIndex, AgentProfile, TurnId};
use crate::answer::{AnswerRevision, Check, RevisionVector, View, Vote};
use crate::chunk::{BuiltinPhase, FinishReason};
use crate::input::{Checked, Input};
use crate::reply::{AssistantTurn, CallKey};
use crate::rules::Rules;
use crate::run_view::Phase;
use crate::snapshot::SnapshotId;
use crate::usage::{Cost, Usage};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Counted from 1, without gaps.
    pub seq: u64,
    /// When it was written: milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// What the coordination was told. The facts that followed come next, written in one piece with it.
    Input(Input),
    /// A decision of the coordination.
    Fact(Fact),
    /// Everything else.
    Activity(Activity),
}

impl From<Input> for Event {
    fn from(input: Input) -> Self {
        Self::Input(input)
    }
}

impl From<Fact> for Event {
    fn from(fact: Fact) -> Self {
        Self::Fact(fact)
    }
}

impl From<Activity> for Event {
    fn from(activity: Activity) -> Self {
        Self::Activity(activity)
    }
}

/// A decision of the coordination. The state of a run is the fold of its facts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Fact {
    /// The team starts.
    TeamStarted {
        /// How many agents there are.
        size: u16,
        /// Decides the order in which each voter sees the answers.
        seed: u64,
        /// What the team plays by.
        rules: Rules,
    },
    /// The team enters a phase.
    PhaseEntered {
        /// The new phase.
        phase: Phase,
    },
    /// An agent is given a turn.
    TurnStarted {
        /// The turn.
        turn: TurnId,
        /// What it is for.
        kind: TurnKind,
        /// The answers it is shown.
        view: View,
        /// What it may decide.
        choices: Choices,
    },
    /// An agent at work was told of newer answers at a safe point.
    TurnRefreshed {
        /// The turn.
        turn: TurnId,
        /// The answers it has now been shown.
        view: View,
        /// What it may decide now.
        choices: Choices,
    },
    /// An agent ran a tool in this turn: from now on the turn is worth more than deliberation.
    TurnInvested {
        /// The turn.
        turn: TurnId,
    },
    /// A reply without a valid decision.
    DecisionRejected {
        /// The turn.
        turn: TurnId,
        /// What was wrong with it.
        violation: Violation,
        /// How many more replies the turn may give.
        chances_left: u8,
        /// What it said: the turn's best text is taken as its answer if it never decides.
        said: String,
        /// The agent's workspace as it was then, for the same case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot: Option<SnapshotId>,
    },
    /// An agent was seen to check an answer: it read or ran files of it.
    AnswerChecked {
        /// The turn it did so in.
        turn: TurnId,
        /// The answer.
        revision: AnswerRevision,
        /// What it did.
        check: Check,
    },
    /// A turn was asked to stop. Its end follows.
    TurnCut {
        /// The turn.
        turn: TurnId,
        /// Why.
        reason: CutReason,
    },
    /// An answer was published.
    AnswerPublished {
        /// The turn that wrote it.
        turn: TurnId,
        /// Its label.
        revision: AnswerRevision,
        /// The whole text.
        content: String,
        /// What its author had been shown.
        seen: RevisionVector,
        /// How it came about.
        source: AnswerSource,
        /// Its author's workspace as it was then; `None` when there is none, or nothing in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot: Option<SnapshotId>,
    },
    /// A new answer made votes void.
    VotesVoided {
        /// The answer that did.
        by: AnswerRevision,
        /// The votes that no longer count.
        votes: Vec<Vote>,
    },
    /// A vote that counts, as long as no new answer comes.
    VoteCast {
        /// The turn it was cast in.
        turn: TurnId,
        /// The vote.
        vote: Vote,
    },
    /// A vote that came after the answers had changed, and so never counted.
    VoteArrivedVoid {
        /// The turn it was cast in.
        turn: TurnId,
        /// The vote.
        vote: Vote,
        /// The version of the answers when it came.
        current: RevisionVector,
    },
    /// A turn is over.
    TurnEnded {
        /// The turn.
        turn: TurnId,
        /// How.
        outcome: TurnOutcome,
    },
    /// An agent takes no further part. Its answers stay.
    AgentOut {
        /// The agent.
        agent: AgentIndex,
        /// Why, in words for the user.
        reason: String,
    },
    /// A deadline passed while its subject was still at work.
    DeadlinePassed {
        /// Which.
        timer: Timer,
    },
    /// The budget of the run is spent: agents finish what is paid for, and nobody is asked any more.
    BudgetSpent {
        /// The limit and what stands against it, in words for the user.
        limit: String,
    },
    /// The user asked to stop.
    CancelRequested,
    /// The winner is known.
    WinnerSelected {
        /// The winning answer.
        revision: AnswerRevision,
        /// Each current answer's valid votes, most first.
        tally: Vec<TallyLine>,
        /// The rule that decided.
        rule: SelectionRule,
    },
    /// The final answer is known.
    FinalAnswer {
        /// The answer it presents.
        revision: AnswerRevision,
        /// The whole text.
        content: String,
        /// Where the text comes from.
        source: PresentationSource,
        /// The workspace that goes with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot: Option<SnapshotId>,
    },
    /// The run is over. Nothing follows but activity of closing files.
    RunEnded {
        /// How.
        end: RunEnd,
    },
}

/// What a turn is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnKind {
    /// One agent alone answers directly.
    Solo,
    /// To answer without having seen an answer.
    FirstAnswer,
    /// To answer or vote, with answers in view.
    Decide,
    /// To write the final answer.
    Present,
}

/// What a turn may decide.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Choices {
    /// Whether it may publish an answer.
    pub may_answer: bool,
    /// The answers it may vote for, in the order that it sees them; empty: it may not vote.
    pub votes: Vec<AnswerRevision>,
}

/// How a turn ended. Every turn has exactly one outcome.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TurnOutcome {
    /// It published an answer.
    Answered,
    /// It cast a vote that counted when it was cast.
    Voted,
    /// Its chances were used up without a decision; it counts as having decided for nobody.
    Abstained,
    /// The answers it had been shown were no longer the current ones.
    Superseded,
    /// The backend could not complete it.
    Failed {
        /// Why, in words for the user.
        message: String,
        /// Whether trying again could help.
        retryable: bool,
    },
    /// Its deadline passed.
    TimedOut,
    /// Its next call could have cost more than was left.
    BudgetSpent,
    /// The run was stopped.
    Cancelled,
    /// It presented the final answer.
    Presented,
}

/// How an answer came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerSource {
    /// By the `new_answer` tool, or by the reply of an agent alone.
    Decision,
    /// From plain text, because the agent never called a tool.
    PlainText,
}

/// What was wrong with a reply.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Violation {
    /// Text, or nothing, but no decision.
    NoDecision,
    /// An answer and a vote in one reply.
    AnswerAndVote,
    /// More than one answer in one reply.
    SeveralAnswers,
    /// Votes for different answers in one reply.
    SeveralVotes,
    /// A vote although there was nothing to vote for.
    NothingToVoteFor,
    /// A vote for something that is not among the choices.
    UnknownTarget {
        /// What the model wrote.
        target: String,
    },
    /// A new answer although the agent may only vote.
    AnswerNotAllowed,
    /// An answer without text.
    EmptyAnswer,
    /// An answer that is a copy of one that its author was shown.
    DuplicateAnswer {
        /// The answer it copies.
        of: AnswerRevision,
    },
    /// An answer that barely differs from one that its author was shown.
    TooSimilar {
        /// The answer it resembles.
        to: AnswerRevision,
        /// Words in common, in per cent.
        similarity_percent: u8,
    },
    /// A vote for an answer with files of which the voter has opened or run none.
    Unchecked {
        /// The answer.
        target: AnswerRevision,
    },
    /// A tool call whose arguments cannot be read.
    BadArguments {
        /// The tool.
        tool: String,
        /// What is wrong with them.
        problem: String,
    },
    /// A call of a tool that does not exist.
    UnknownTool {
        /// What the model called.
        tool: String,
    },
}

/// Why a turn was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutReason {
    /// The answers it deliberates over are no longer the current ones.
    Outdated,
    /// Its deadline passed.
    TimedOut,
    /// The team's deadline passed.
    CoordinationOver,
    /// The user stopped the run.
    Cancelled,
}

/// How a tool call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolEnd {
    /// With a result.
    Done,
    /// With an error that the model was told.
    Failed,
    /// Its turn was over before it was.
    Stopped,
}

/// A clock that the coordination asks the runtime to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Timer {
    /// The whole coordination.
    Coordination,
    /// How long first answers are waited for.
    FirstAnswers,
    /// One turn.
    Turn {
        /// Which.
        turn: TurnId,
    },
    /// The pause before an agent's failed turn is tried again.
    Retry {
        /// Whose.
        agent: AgentIndex,
    },
}

/// One line of the tally.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TallyLine {
    /// The answer.
    pub revision: AnswerRevision,
    /// Its valid votes.
    pub votes: u32,
    /// Those of them that come from other agents than its author.
    pub votes_of_others: u32,
}

/// The rule that chose the winner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectionRule {
    /// More valid votes than any other answer.
    MostVotes,
    /// As many votes as another, but more of them from other agents than its author.
    TieMoreVotesOfOthers,
    /// As many votes in all respects as another, but published earlier.
    TiePublishedEarlier,
    /// The only answer there is.
    OnlyAnswer,
    /// No valid votes: the answer whose author had been shown the most answers; of equals, the latest.
    NoVotesBestInformed,
}

impl std::fmt::Display for SelectionRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::MostVotes => "most votes",
            Self::TieMoreVotesOfOthers => "tie; more votes from agents other than its author",
            Self::TiePublishedEarlier => "tie; published earlier",
            Self::OnlyAnswer => "the only answer",
            Self::NoVotesBestInformed => "no valid votes; the answer whose author had seen the most, then the latest",
        })
    }
}

/// Where the final text comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PresentationSource {
    /// The winner presented it.
    Presented,
    /// The winning answer as it was published.
    Stored {
        /// Why, in words for the user.
        reason: String,
    },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RunEnd {
    /// All live agents' decisions stood on the current answers.
    Consensus,
    /// There was nobody left to agree with, or nobody but one agent from the start.
    SingleAnswer,
    /// Nobody was left to vote, or nobody would.
    WithoutConsensus,
    /// The deadline passed; the best answer so far was taken.
    TimedOutWithAnswer,
    /// The deadline passed and nobody had answered.
    TimedOut,
    /// The budget was spent; the best answer so far was taken.
    BudgetSpentWithAnswer {
        /// The limit and what stood against it, in words for the user.
        limit: String,
    },
    /// The budget was spent and nobody had answered.
    BudgetSpent {
        /// The limit and what stood against it, in words for the user.
        limit: String,
    },
    /// No agent could answer.
    NoAnswer {
        /// Why, in words for the user.
        reason: String,
    },
    /// The user stopped it.
    Cancelled,
}

/// What happened around the decisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Activity {
    /// The first record of every journal.
    RunOpened {
        /// Names the run, and its log folder.
        run_id: String,
        /// The task.
        question: String,
        /// The team, in order.
        agents: Vec<AgentProfile>,
        /// The program's version.
        version: String,
        /// Whether the answers come from the rehearsal provider and so are scripted.
        rehearsal: bool,
    },
    /// A run that had been interrupted goes on.
    RunResumed {
        /// The program's version.
        version: String,
    },
    /// A model is asked.
    CallStarted {
        /// For which turn.
        turn: TurnId,
        /// Counted from 1 for each turn.
        call: u32,
        /// What it is asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<CallKey>,
        /// The most that it can take, which is kept back from the budget until it has ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reserved: Option<Reserved>,
    },
    /// Text of a reply. Chunks that arrive together are written together.
    Text {
        /// The turn.
        turn: TurnId,
        /// The new piece.
        delta: String,
    },
    /// Reasoning of a reply.
    Reasoning {
        /// The turn.
        turn: TurnId,
        /// The new piece.
        delta: String,
    },
    /// A tool was called.
    ToolCalled {
        /// The turn.
        turn: TurnId,
        /// Tells the tool calls of one turn apart.
        id: String,
        /// The tool.
        name: String,
        /// The arguments as JSON text.
        arguments: String,
    },
    /// A tool tells of itself while it runs.
    ToolOutput {
        /// The turn.
        turn: TurnId,
        /// Which call.
        id: String,
        /// The new piece.
        delta: String,
    },
    /// A tool call is over. Every call that was started has exactly one end.
    ToolEnded {
        /// The turn.
        turn: TurnId,
        /// Which call.
        id: String,
        /// The tool.
        name: String,
        /// How it ended.
        end: ToolEnd,
        /// What the model was told, shortened.
        result: String,
        /// What the model was told, where `result` had to be shortened.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<String>,
        /// Which answers were checked by it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        checked: Vec<Checked>,
        /// From the call to its end.
        duration_ms: u64,
    },
    /// It was decided whether a tool call may happen.
    CallJudged {
        /// Whose call.
        agent: AgentIndex,
        /// The tool.
        tool: String,
        /// What it is about: the path, command or host.
        subject: String,
        /// Whether it may happen.
        granted: bool,
        /// The rule, or whoever was asked.
        by: String,
    },
    /// A workspace was taken into the store of snapshots.
    SnapshotTaken {
        /// The turn that it belongs to.
        turn: TurnId,
        /// Its name.
        snapshot: SnapshotId,
        /// Its files.
        files: u64,
        /// Their size.
        bytes: u64,
        /// How much of that was new.
        stored_bytes: u64,
        /// How long it took.
        duration_ms: u64,
    },
    /// An agent was given its own copies of the files that go with the answers it is shown.
    PeerFilesShown {
        /// The turn.
        turn: TurnId,
        /// The answers that have files.
        answers: Vec<AnswerRevision>,
        /// How many files.
        files: u64,
        /// How much of them shares its place on the disk with the snapshots.
        shared_bytes: u64,
        /// How much was copied.
        copied_bytes: u64,
        /// How long it took.
        duration_ms: u64,
    },
    /// What came of the changes that the final presenter made to the user's own files.
    ChangesOffered {
        /// The file or directory of the user.
        path: String,
        /// Files that were changed in the isolated copy.
        changed: u64,
        /// Files of them that were written back.
        applied: u64,
        /// What became of the rest, in words for the user.
        note: String,
        /// Where all changes are as a patch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        patch: Option<String>,
    },
    /// A provider-side tool is at work.
    BuiltinTool {
        /// The turn.
        turn: TurnId,
        /// The tool.
        name: String,
        /// How far it is.
        phase: BuiltinPhase,
        /// The query, code or result.
        detail: String,
    },
    /// The model cites a source.
    Citation {
        /// The turn.
        turn: TurnId,
        /// Where it is.
        url: String,
        /// Its title.
        title: String,
    },
    /// A model call is over.
    CallEnded {
        /// The turn.
        turn: TurnId,
        /// Which call of the turn.
        call: u32,
        /// Why the model stopped; `None` when the call was cut or failed.
        finish: Option<FinishReason>,
        /// Tokens.
        usage: Usage,
        /// Money.
        cost: Cost,
        /// From the request to the first chunk.
        first_chunk_ms: Option<u64>,
        /// From the request to the end.
        duration_ms: u64,
        /// What the model said, when the call came to its end: it is paid for, and never asked again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply: Option<Box<AssistantTurn>>,
    },
    /// A call is repeated, because the provider was in trouble.
    CallRetried {
        /// The turn.
        turn: TurnId,
        /// Counted from 1.
        retry: u32,
        /// What went wrong.
        error: String,
        /// The pause before the next try.
        pause_ms: u64,
    },
    /// Something that the user should know, but that needs no decision.
    Notice {
        /// The agent that it is about.
        agent: Option<AgentIndex>,
        /// The words.
        text: String,
    },
}

/// The most that a model call can take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reserved {
    /// Tokens in and out.
    pub tokens: u64,
    /// In US dollars; `None` where the model has no known price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
}
