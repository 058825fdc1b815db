//! The view that every display and report is drawn from: a pure fold over the journal.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::agent::{AgentIndex, AgentProfile, TurnId};
use crate::answer::{AnswerRevision, Check, Finding, RevisionVector, Vote};
use crate::chunk::BuiltinPhase;
use crate::event::{
    Activity, AnswerSource, Event, Fact, PresentationSource, Record, RunEnd, SelectionRule, TallyLine, Timer, TurnKind,
    TurnOutcome,
};
use crate::rules::Verification;
use crate::snapshot::SnapshotId;
use crate::usage::{Cost, Usage};

/// How many bytes of an agent's streamed text the view keeps: what a screen could show of it.
const LIVE_TEXT_BYTES_MAX: usize = 16 * 1024;

/// How many notices the view keeps.
const NOTICES_MAX: usize = 200;

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Everybody writes a first answer.
    #[default]
    FirstAnswers,
    /// Everybody improves or votes.
    Deciding,
    /// The winner writes the final answer.
    Presenting,
    /// Over.
    Ended,
}

/// A run as it stands after the records that were applied.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunView {
    /// Names the run, and its log folder.
    pub run_id: String,
    /// The task.
    pub question: String,
    /// The program's version.
    pub version: String,
    /// Whether the answers are scripted.
    pub rehearsal: bool,
    /// When the first record was written, milliseconds since the Unix epoch.
    pub started_at_ms: u64,
    /// When the last applied record was written.
    pub updated_at_ms: u64,
    /// How long the run was interrupted, all in all.
    pub away_ms: u64,
    /// Where the run is.
    pub phase: Phase,
    /// The team, in order.
    pub agents: Vec<AgentView>,
    /// Every answer ever published, in order.
    pub answers: Vec<AnswerView>,
    /// Every vote ever cast, in order, with what became of it.
    pub ballots: Vec<BallotView>,
    /// The valid votes for each current answer when the winner was chosen, and the rule.
    pub selection: Option<(AnswerRevision, Vec<TallyLine>, SelectionRule)>,
    /// The final answer.
    pub final_answer: Option<(AnswerRevision, String, PresentationSource)>,
    /// The workspace that goes with the final answer.
    pub final_snapshot: Option<SnapshotId>,
    /// How the run ended.
    pub end: Option<RunEnd>,
    /// Deadlines that passed.
    pub deadlines: Vec<Timer>,
    /// What a vote for an answer with files needs.
    pub verification: Verification,
    /// What came of changes to the user's own files.
    pub changes: Vec<OfferedChanges>,
    /// What users were told, the agent it is about first. The oldest are dropped.
    pub notices: VecDeque<(Option<AgentIndex>, String)>,
}

/// What came of the changes to one of the user's own files or directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedChanges {
    /// The file or directory.
    pub path: String,
    /// Files that were changed in the isolated copy.
    pub changed: u64,
    /// Files of them that were written back.
    pub applied: u64,
    /// What became of the rest.
    pub note: String,
    /// Where all changes are as a patch.
    pub patch: Option<String>,
}

/// One agent as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentView {
    /// What users are told about it.
    pub profile: AgentProfile,
    /// What it is doing.
    pub state: AgentState,
    /// Its latest turn.
    pub turn: Option<TurnId>,
    /// Its turns so far.
    pub turns: u32,
    /// Its turns that were cut because the answers changed.
    pub restarts: u32,
    /// Its turns that failed or ran out of time.
    pub failures: u32,
    /// Its replies that held no valid decision.
    pub rejections: u32,
    /// How many answers it has published.
    pub answers: u32,
    /// Its model calls.
    pub calls: u32,
    /// Its tool calls, workflow tools not counted.
    pub tool_calls: u32,
    /// Its tokens.
    pub usage: Usage,
    /// Its money.
    pub cost: Cost,
    /// The last trouble with its provider since it last decided something.
    pub trouble: Option<String>,
    /// The end of what it has streamed in this turn.
    pub live_text: String,
    /// When it last did anything.
    pub active_at_ms: u64,
}

/// What an agent is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentState {
    /// Waiting for others, or for its turn.
    Waiting,
    /// Asked, and silent so far.
    Thinking,
    /// Writing.
    Streaming,
    /// Using a tool.
    UsingTool {
        /// The tool.
        name: String,
    },
    /// Waiting to try again after trouble with its provider.
    Retrying {
        /// The trouble.
        error: String,
    },
    /// Published an answer and not yet asked again.
    Answered {
        /// The answer.
        revision: AnswerRevision,
    },
    /// Voted; the vote stands.
    Voted {
        /// What it voted for.
        target: AnswerRevision,
    },
    /// Decided for nobody.
    Abstained,
    /// Writing the final answer.
    Presenting,
    /// Out of the run.
    Failed {
        /// Why.
        reason: String,
    },
    /// Stopped with the run.
    Stopped,
}

/// One published answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerView {
    /// Its label.
    pub revision: AnswerRevision,
    /// The whole text.
    pub content: String,
    /// What its author had been shown.
    pub seen: RevisionVector,
    /// How it came about.
    pub source: AnswerSource,
    /// Its author's workspace as it was then.
    pub snapshot: Option<SnapshotId>,
    /// What was done to find out whether it holds, and by whom.
    pub checks: Vec<(AgentIndex, Check)>,
    /// When it was published.
    pub at_ms: u64,
}

impl AnswerView {
    /// The checks in which a program of this answer failed under somebody else's hands.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        let by_others = self.checks.iter().filter(|(agent, _)| *agent != self.revision.agent);
        by_others.map(|(_, check)| check).filter(|check| matches!(check.finding, Finding::Failed { .. }))
    }
}

/// One vote, with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BallotView {
    /// The vote.
    pub vote: Vote,
    /// Whether it counts.
    pub standing: Standing,
    /// When it was cast.
    pub at_ms: u64,
}

/// Whether a vote counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It counts.
    Valid,
    /// A new answer made it void.
    Voided {
        /// The answer.
        by: AnswerRevision,
    },
    /// The answers had changed before it came.
    ArrivedVoid,
}

impl RunView {
    /// The view after `records`.
    pub fn replay<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut view = Self::default();
        for record in records {
            view.apply(record);
        }
        view
    }

    /// Takes in the next record.
    pub fn apply(&mut self, record: &Record) {
        if self.started_at_ms == 0 {
            self.started_at_ms = record.at_ms;
        }
        if matches!(record.event, Event::Activity(Activity::RunResumed { .. })) {
            self.away_ms += record.at_ms.saturating_sub(self.updated_at_ms);
        }
        self.updated_at_ms = record.at_ms;
        match &record.event {
            // What follows from it is in the facts.
            Event::Input(_) => {}
            Event::Fact(fact) => self.apply_fact(fact, record.at_ms),
            Event::Activity(activity) => self.apply_activity(activity, record.at_ms),
        }
    }

    /// The agent at `index`.
    #[must_use]
    pub fn agent(&self, index: AgentIndex) -> Option<&AgentView> {
        self.agents.get(index.position())
    }

    /// The id of the agent at `index`, or its anonymous name where it has none.
    #[must_use]
    pub fn name(&self, index: AgentIndex) -> String {
        self.agent(index).map_or_else(|| index.to_string(), |agent| agent.profile.id.to_string())
    }

    /// The text of an answer.
    #[must_use]
    pub fn answer(&self, revision: AnswerRevision) -> Option<&AnswerView> {
        self.answers.iter().find(|answer| answer.revision == revision)
    }

    /// The current answer of each agent that has one, in order of publication.
    pub fn current_answers(&self) -> impl Iterator<Item = &AnswerView> {
        self.answers.iter().filter(|answer| {
            self.agent(answer.revision.agent).is_some_and(|agent| agent.answers == answer.revision.number)
        })
    }

    /// The votes that count.
    pub fn valid_votes(&self) -> impl Iterator<Item = &Vote> {
        self.ballots.iter().filter(|ballot| ballot.standing == Standing::Valid).map(|ballot| &ballot.vote)
    }

    /// The tokens of the whole team.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut total = Usage::default();
        self.agents.iter().for_each(|agent| total += agent.usage);
        total
    }

    /// The money of the whole team.
    #[must_use]
    pub fn cost(&self) -> Cost {
        let mut total = Cost::default();
        self.agents.iter().for_each(|agent| total += agent.cost);
        total
    }

    /// How long the run has taken, in milliseconds. What lies between an interruption and its resumption is not counted.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        self.updated_at_ms.saturating_sub(self.started_at_ms).saturating_sub(self.away_ms)
    }

    fn apply_fact(&mut self, fact: &Fact, at_ms: u64) {
        match fact {
            Fact::TeamStarted { rules, .. } => self.verification = rules.verification,
            Fact::TurnInvested { .. } | Fact::TurnCut { .. } | Fact::BudgetSpent { .. } | Fact::CancelRequested => {}
            Fact::PhaseEntered { phase } => self.phase = *phase,
            Fact::TurnStarted { turn, kind, .. } => self.touch(turn.agent, at_ms, |agent| {
                agent.turn = Some(*turn);
                agent.turns += 1;
                agent.live_text.clear();
                agent.state = if *kind == TurnKind::Present { AgentState::Presenting } else { AgentState::Thinking };
            }),
            Fact::TurnRefreshed { turn, .. } => self.touch(turn.agent, at_ms, |_| {}),
            Fact::DecisionRejected { turn, .. } => self.touch(turn.agent, at_ms, |agent| {
                agent.rejections += 1;
                agent.state = AgentState::Thinking;
            }),
            Fact::AnswerPublished { revision, content, seen, source, snapshot, .. } => {
                self.touch(revision.agent, at_ms, |agent| {
                    agent.answers = revision.number;
                    agent.state = AgentState::Answered { revision: *revision };
                });
                self.answers.push(AnswerView {
                    revision: *revision,
                    content: content.clone(),
                    seen: seen.clone(),
                    source: *source,
                    snapshot: snapshot.clone(),
                    checks: Vec::new(),
                    at_ms,
                });
            }
            Fact::AnswerChecked { turn, revision, check } => {
                if let Some(answer) = self.answers.iter_mut().find(|answer| answer.revision == *revision) {
                    answer.checks.push((turn.agent, check.clone()));
                }
            }
            Fact::VotesVoided { by, votes } => {
                for vote in votes {
                    self.touch(vote.voter, at_ms, |agent| agent.state = AgentState::Waiting);
                }
                for ballot in self.ballots.iter_mut().filter(|ballot| ballot.standing == Standing::Valid) {
                    ballot.standing = Standing::Voided { by: *by };
                }
            }
            Fact::VoteCast { vote, .. } => {
                self.touch(vote.voter, at_ms, |agent| agent.state = AgentState::Voted { target: vote.target });
                self.ballots.push(BallotView { vote: vote.clone(), standing: Standing::Valid, at_ms });
            }
            Fact::VoteArrivedVoid { vote, .. } => {
                self.ballots.push(BallotView { vote: vote.clone(), standing: Standing::ArrivedVoid, at_ms });
            }
            Fact::TurnEnded { turn, outcome } => self.touch(turn.agent, at_ms, |agent| agent.end_turn(outcome)),
            Fact::AgentOut { agent, reason } => self.touch(*agent, at_ms, |agent| {
                // An agent that ran out of time while its provider was in trouble failed because of the trouble.
                let reason = match &agent.trouble {
                    Some(trouble) if !reason.contains(trouble.as_str()) => format!("{reason}; before: {trouble}"),
                    _ => reason.clone(),
                };
                agent.state = AgentState::Failed { reason };
            }),
            Fact::DeadlinePassed { timer } => self.deadlines.push(*timer),
            Fact::WinnerSelected { revision, tally, rule } => {
                self.selection = Some((*revision, tally.clone(), *rule));
            }
            Fact::FinalAnswer { revision, content, source, snapshot } => {
                self.final_snapshot.clone_from(snapshot);
                self.final_answer = Some((*revision, content.clone(), source.clone()));
            }
            Fact::RunEnded { end } => {
                self.phase = Phase::Ended;
                self.end = Some(end.clone());
            }
        }
    }

    fn apply_activity(&mut self, activity: &Activity, at_ms: u64) {
        match activity {
            Activity::RunOpened { run_id, question, agents, version, rehearsal } => {
                self.run_id.clone_from(run_id);
                self.question.clone_from(question);
                self.version.clone_from(version);
                self.rehearsal = *rehearsal;
                self.agents = agents.iter().cloned().map(AgentView::new).collect();
            }
            Activity::RunResumed { .. } | Activity::SnapshotTaken { .. } => {}
            Activity::CallStarted { turn, .. } => self.touch(turn.agent, at_ms, |agent| agent.calls += 1),
            Activity::Text { turn, delta } => self.touch(turn.agent, at_ms, |agent| {
                if agent.state != AgentState::Presenting {
                    agent.state = AgentState::Streaming;
                }
                agent.append(delta);
            }),
            Activity::Reasoning { turn, .. } => self.touch(turn.agent, at_ms, |agent| {
                if agent.state != AgentState::Presenting {
                    agent.state = AgentState::Thinking;
                }
            }),
            Activity::ToolCalled { turn, name, .. } => self.touch(turn.agent, at_ms, |agent| {
                agent.tool_calls += 1;
                agent.state = AgentState::UsingTool { name: name.clone() };
            }),
            Activity::ToolOutput { turn, .. } | Activity::PeerFilesShown { turn, .. } => {
                self.touch(turn.agent, at_ms, |_| {});
            }
            Activity::ToolEnded { turn, .. } => self.touch(turn.agent, at_ms, |agent| {
                if matches!(agent.state, AgentState::UsingTool { .. }) {
                    agent.state = AgentState::Thinking;
                }
            }),
            Activity::CallJudged { agent, .. } => self.touch(*agent, at_ms, |_| {}),
            Activity::ChangesOffered { path, changed, applied, note, patch } => {
                self.changes.push(OfferedChanges {
                    path: path.clone(),
                    changed: *changed,
                    applied: *applied,
                    note: note.clone(),
                    patch: patch.clone(),
                });
            }
            Activity::BuiltinTool { turn, name, phase, .. } => self.touch(turn.agent, at_ms, |agent| {
                if *phase == BuiltinPhase::Started {
                    agent.tool_calls += 1;
                    agent.state = AgentState::UsingTool { name: name.clone() };
                }
            }),
            Activity::Citation { turn, .. } => self.touch(turn.agent, at_ms, |_| {}),
            Activity::CallEnded { turn, usage, cost, .. } => self.touch(turn.agent, at_ms, |agent| {
                agent.usage += *usage;
                agent.cost += *cost;
            }),
            Activity::CallRetried { turn, error, .. } => self.touch(turn.agent, at_ms, |agent| {
                agent.trouble = Some(error.clone());
                agent.state = AgentState::Retrying { error: error.clone() };
            }),
            Activity::Notice { agent, text } => {
                if self.notices.len() == NOTICES_MAX {
                    self.notices.pop_front();
                }
                self.notices.push_back((*agent, text.clone()));
            }
        }
    }

    /// Changes one agent; a record about an agent that is not in the team changes nothing.
    fn touch(&mut self, index: AgentIndex, at_ms: u64, change: impl FnOnce(&mut AgentView)) {
        if let Some(agent) = self.agents.get_mut(index.position()) {
            agent.active_at_ms = at_ms;
            change(agent);
        }
    }
}

impl AgentView {
    fn new(profile: AgentProfile) -> Self {
        Self {
            profile,
            state: AgentState::Waiting,
            turn: None,
            turns: 0,
            restarts: 0,
            failures: 0,
            rejections: 0,
            answers: 0,
            calls: 0,
            tool_calls: 0,
            usage: Usage::default(),
            cost: Cost::default(),
            trouble: None,
            live_text: String::new(),
            active_at_ms: 0,
        }
    }

    fn end_turn(&mut self, outcome: &TurnOutcome) {
        match outcome {
            TurnOutcome::Answered | TurnOutcome::Voted | TurnOutcome::Presented => self.trouble = None,
            TurnOutcome::Abstained => {
                self.trouble = None;
                self.state = AgentState::Abstained;
            }
            TurnOutcome::Superseded => {
                self.restarts += 1;
                self.state = AgentState::Waiting;
            }
            TurnOutcome::Failed { message, .. } => {
                self.failures += 1;
                self.state = AgentState::Retrying { error: message.clone() };
            }
            TurnOutcome::TimedOut => {
                self.failures += 1;
                self.state = AgentState::Waiting;
            }
            TurnOutcome::BudgetSpent | TurnOutcome::Cancelled => self.state = AgentState::Stopped,
        }
    }

    /// Appends streamed text and drops the oldest beyond the limit, at a character boundary.
    fn append(&mut self, delta: &str) {
        self.live_text.push_str(delta);
        if self.live_text.len() > 2 * LIVE_TEXT_BYTES_MAX {
            let mut cut = self.live_text.len() - LIVE_TEXT_BYTES_MAX;
            while !self.live_text.is_char_boundary(cut) {
                cut += 1;
            }
            self.live_text.drain(..cut);
        }
    }
}
