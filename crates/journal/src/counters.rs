//! What reports count beyond the view: how turns ended, tools, calls and errors.

use std::collections::BTreeMap;

use massgen_protocol::{Activity, AgentIndex, BuiltinPhase, Event, Fact, Record, TurnOutcome};

/// A fold over the journal that counts what status and metrics report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counters {
    agents: Vec<AgentCounters>,
}

/// What one agent did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AgentCounters {
    /// Its turns.
    pub rounds: RoundCounts,
    /// How the latest turn that is over ended.
    pub last_outcome: Option<TurnOutcome>,
    /// How often it called each tool.
    pub tools: BTreeMap<String, u64>,
    /// Model calls that are over.
    pub calls_ended: u64,
    /// The time that they took.
    pub calls_ms: u64,
    /// Model calls of which a first chunk came.
    pub first_chunks: u64,
    /// How long the first chunks took together.
    pub first_chunks_ms: u64,
    /// Model calls that were repeated because the provider was in trouble.
    pub retries: u64,
    /// Its latest trouble.
    pub last_error: Option<AgentError>,
}

/// How turns ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoundCounts {
    /// All turns, running ones included.
    pub total: u64,
    /// Published an answer.
    pub answer: u64,
    /// Voted.
    pub vote: u64,
    /// Presented the final answer.
    pub presentation: u64,
    /// Decided for nobody.
    pub abstained: u64,
    /// Cut because the answers had changed.
    pub restarted: u64,
    /// Failed.
    pub error: u64,
    /// Ran out of time.
    pub timeout: u64,
    /// Stopped with the run.
    pub cancelled: u64,
}

/// Trouble of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentError {
    /// Its kind.
    pub kind: AgentErrorKind,
    /// In words for the user.
    pub message: String,
    /// When: milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// Kinds of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentErrorKind {
    /// The backend failed.
    Error,
    /// A deadline passed.
    Timeout,
}

impl AgentErrorKind {
    /// The kind's name in status.json.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Timeout => "timeout",
        }
    }
}

impl Counters {
    /// The counts after `records`.
    pub fn replay<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut counters = Self::default();
        for record in records {
            counters.apply(record);
        }
        counters
    }

    /// Takes in the next record.
    pub fn apply(&mut self, record: &Record) {
        match &record.event {
            Event::Input(_) => {}
            Event::Fact(fact) => self.apply_fact(fact, record.at_ms),
            Event::Activity(activity) => self.apply_activity(activity, record.at_ms),
        }
    }

    /// The counts of one agent.
    #[must_use]
    pub fn agent(&self, index: AgentIndex) -> Option<&AgentCounters> {
        self.agents.get(index.position())
    }

    /// The turns of the whole team.
    #[must_use]
    pub fn rounds(&self) -> RoundCounts {
        let mut total = RoundCounts::default();
        self.agents.iter().for_each(|agent| total.add(agent.rounds));
        total
    }

    /// How often the team called each tool.
    #[must_use]
    pub fn tools(&self) -> BTreeMap<&str, u64> {
        let mut total = BTreeMap::new();
        for (name, calls) in self.agents.iter().flat_map(|agent| &agent.tools) {
            *total.entry(name.as_str()).or_default() += calls;
        }
        total
    }

    fn apply_fact(&mut self, fact: &Fact, at_ms: u64) {
        match fact {
            Fact::TurnStarted { turn, .. } => self.change(turn.agent, |agent| agent.rounds.total += 1),
            Fact::TurnEnded { turn, outcome } => self.change(turn.agent, |agent| agent.end_turn(outcome, at_ms)),
            Fact::AgentOut { agent, reason } => self.change(*agent, |agent| {
                let kind = agent.last_error.as_ref().map_or(AgentErrorKind::Error, |error| error.kind);
                agent.last_error = Some(AgentError { kind, message: reason.clone(), at_ms });
            }),
            _ => {}
        }
    }

    fn apply_activity(&mut self, activity: &Activity, at_ms: u64) {
        match activity {
            Activity::RunOpened { agents, .. } => self.agents = vec![AgentCounters::default(); agents.len()],
            Activity::ToolCalled { turn, name, .. }
            | Activity::BuiltinTool { turn, name, phase: BuiltinPhase::Started, .. } => {
                self.change(turn.agent, |agent| *agent.tools.entry(name.clone()).or_default() += 1);
            }
            Activity::CallEnded { turn, first_chunk_ms, duration_ms, .. } => self.change(turn.agent, |agent| {
                agent.calls_ended += 1;
                agent.calls_ms += duration_ms;
                if let Some(first_chunk_ms) = first_chunk_ms {
                    agent.first_chunks += 1;
                    agent.first_chunks_ms += first_chunk_ms;
                }
            }),
            Activity::CallRetried { turn, error, .. } => self.change(turn.agent, |agent| {
                agent.retries += 1;
                agent.last_error = Some(AgentError { kind: AgentErrorKind::Error, message: error.clone(), at_ms });
            }),
            _ => {}
        }
    }

    /// Changes one agent; a record about an agent that is not in the team changes nothing.
    fn change(&mut self, index: AgentIndex, change: impl FnOnce(&mut AgentCounters)) {
        if let Some(agent) = self.agents.get_mut(index.position()) {
            change(agent);
        }
    }
}

impl AgentCounters {
    fn end_turn(&mut self, outcome: &TurnOutcome, at_ms: u64) {
        let rounds = &mut self.rounds;
        match outcome {
            TurnOutcome::Answered => rounds.answer += 1,
            TurnOutcome::Voted => rounds.vote += 1,
            TurnOutcome::Abstained => rounds.abstained += 1,
            TurnOutcome::Superseded => rounds.restarted += 1,
            TurnOutcome::Failed { message, .. } => {
                rounds.error += 1;
                self.last_error = Some(AgentError { kind: AgentErrorKind::Error, message: message.clone(), at_ms });
            }
            TurnOutcome::TimedOut => {
                rounds.timeout += 1;
                let message = "the turn's deadline passed".to_owned();
                self.last_error = Some(AgentError { kind: AgentErrorKind::Timeout, message, at_ms });
            }
            TurnOutcome::BudgetSpent | TurnOutcome::Cancelled => rounds.cancelled += 1,
            TurnOutcome::Presented => rounds.presentation += 1,
        }
        self.last_outcome = Some(outcome.clone());
    }
}

impl RoundCounts {
    /// Every way a turn can end, with its name in status.json and how often it happened.
    #[must_use]
    pub fn by_outcome(&self) -> [(&'static str, u64); 8] {
        [
            ("answer", self.answer),
            ("vote", self.vote),
            ("presentation", self.presentation),
            ("abstained", self.abstained),
            ("restarted", self.restarted),
            ("error", self.error),
            ("timeout", self.timeout),
            ("cancelled", self.cancelled),
        ]
    }

    fn add(&mut self, other: Self) {
        self.total += other.total;
        self.answer += other.answer;
        self.vote += other.vote;
        self.presentation += other.presentation;
        self.abstained += other.abstained;
        self.restarted += other.restarted;
        self.error += other.error;
        self.timeout += other.timeout;
        self.cancelled += other.cancelled;
    }
}
