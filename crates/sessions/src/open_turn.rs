//! A turn that is being worked on, and how it ends.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use massgen_protocol::{Phase, RunEnd, RunView};
use serde_json::{Map, Value, json};

use crate::error::SessionError;
use crate::files::{private_dir, private_dirs, sync_dir, write_durably};
use crate::id::SessionId;
use crate::lock::FolderLock;
use crate::session::{Session, turn_dirs};
use crate::session_files;
use crate::spend::{self, AgentSpend};
use crate::turn::{Partial, REHEARSAL, TurnRecord, TurnStatus};

/// How many numbers are tried for the folder of a turn: as many runs would have to begin one at the same time.
const TRIES_MAX: u32 = 1_000;

/// The folder of a turn whose run is going on. While it lives, nobody can delete the session.
///
/// A turn that is dropped unfinished, as when its process dies, stays `running` in its metadata;
/// [`TurnRecord::is_alive`] tells the difference.
#[derive(Debug)]
pub struct OpenTurnFolder {
    session: Session,
    number: u32,
    dir: PathBuf,
    metadata: Map<String, Value>,
    _lock: FolderLock,
}

/// What came of a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnResult {
    /// When it ended, in milliseconds since the Unix epoch.
    pub ended_ms: u64,
    /// How its run ended, in a word such as `consensus`.
    pub end: String,
    /// What there is to keep.
    pub outcome: TurnEnd,
    /// What each agent took and cost, in the order of the team.
    pub agents: Vec<AgentSpend>,
}

/// What there is to keep of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnEnd {
    /// A final answer.
    Completed {
        /// The whole text, paths of the live workspace already led to the turn's.
        answer: String,
        /// The id of the agent whose answer it is.
        winner: String,
    },
    /// Answers, but no final one.
    Partial {
        /// How far the team had come, such as `deciding`.
        phase: String,
        /// The latest answer of each agent that had one, by agent.
        answers: Vec<(String, String)>,
        /// The agent that had been chosen, or whose answer is the best guess.
        selected: Option<String>,
    },
    /// Nothing.
    Failed,
}

impl TurnResult {
    /// What came of the run that `view` shows.
    #[must_use]
    pub fn of_run(view: &RunView) -> Self {
        let outcome = match &view.final_answer {
            // What is taken when the user stops a run is the best there was, not what the team agreed on.
            Some((revision, answer, _)) if view.end != Some(RunEnd::Cancelled) => {
                TurnEnd::Completed { answer: answer.clone(), winner: view.name(revision.agent) }
            }
            _ => {
                let answers: Vec<_> = view
                    .current_answers()
                    .map(|answer| (view.name(answer.revision.agent), answer.content.clone()))
                    .collect();
                let selected = view.selection.as_ref().map(|(revision, ..)| view.name(revision.agent));
                if answers.is_empty() {
                    TurnEnd::Failed
                } else {
                    TurnEnd::Partial { phase: phase_reached(view).to_owned(), answers, selected }
                }
            }
        };
        let end = view.end.as_ref().and_then(|end| serde_json::to_value(end).ok());
        let end = end.as_ref().and_then(|end| end.get("type")?.as_str()).unwrap_or("interrupted");
        Self { ended_ms: view.updated_at_ms, end: end.to_owned(), outcome, agents: AgentSpend::of_run(view) }
    }
}

/// The phase in which a run was stopped: the view's own is `Ended` by then.
fn phase_reached(view: &RunView) -> &'static str {
    // Stopping a run selects an answer as well.
    if view.phase == Phase::Presenting || (view.selection.is_some() && view.end != Some(RunEnd::Cancelled)) {
        "presenting"
    } else if view.answers.is_empty() || view.phase == Phase::FirstAnswers {
        "first_answers"
    } else {
        "deciding"
    }
}

/// Where the answers of a turn come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// From models.
    Real,
    /// From a script.
    Scripted,
}

impl OpenTurnFolder {
    pub(crate) fn begin(
        session: &Session,
        task: &str,
        log_dir: &Path,
        at_ms: u64,
        answers: Answers,
    ) -> Result<Self, SessionError> {
        let lock = locked(session)?;
        let (number, dir) = make_dir(session)?;
        let workspace = dir.join("workspace");
        private_dir(&workspace).map_err(|source| SessionError::write(&workspace, source))?;
        let metadata = json!({
            "turn": number,
            "timestamp": session.stamps().iso(at_ms),
            "winning_agent": null,
            "task": task,
            "session_id": session.id().as_str(),
            "status": TurnStatus::Running.as_str(),
            "log_dir": absolute(log_dir),
            "started_ms": at_ms,
        });
        let Value::Object(mut metadata) = metadata else { return Err(gone(session)) };
        if answers == Answers::Scripted {
            metadata.insert(REHEARSAL.to_owned(), json!(true));
        }
        let turn = Self { session: session.clone(), number, dir, metadata, _lock: lock };
        turn.write_metadata()?;
        sync_dir(session.dir()).map_err(|source| SessionError::write(session.dir(), source))?;
        Ok(turn)
    }

    pub(crate) fn reopen(session: &Session, number: u32, log_dir: &Path) -> Result<Self, SessionError> {
        let lock = locked(session)?;
        let dir = session.dir().join(format!("turn_{number}"));
        let path = dir.join("metadata.json");
        let read = fs::read(&path).map_err(|source| SessionError::read(&path, source))?;
        // What cannot be understood is written anew: the run that goes on knows better.
        let mut metadata = serde_json::from_slice::<Map<String, Value>>(&read).unwrap_or_default();
        metadata.insert("turn".to_owned(), json!(number));
        metadata.insert("session_id".to_owned(), json!(session.id().as_str()));
        metadata.insert("status".to_owned(), json!(TurnStatus::Running.as_str()));
        metadata.insert("log_dir".to_owned(), json!(absolute(log_dir)));
        // They tell of an end that was none.
        ["end", "ended_ms", "partial"].iter().for_each(|key| drop(metadata.remove(*key)));
        let turn = Self { session: session.clone(), number, dir, metadata, _lock: lock };
        let workspace = turn.workspace();
        private_dirs(&workspace).map_err(|source| SessionError::write(&workspace, source))?;
        turn.write_metadata()?;
        Ok(turn)
    }

    /// Which turn of the session, counted from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The session that it belongs to.
    #[must_use]
    pub fn session_id(&self) -> &SessionId {
        self.session.id()
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the files that go with its answer belong. It is there, and empty at first.
    #[must_use]
    pub fn workspace(&self) -> PathBuf {
        self.dir.join("workspace")
    }

    /// The folder for what an agent had made when the turn was stopped; made when it is missing.
    ///
    /// # Errors
    /// When the agent's id cannot name a folder, or the folder cannot be made.
    pub fn partial_workspace(&self, agent: &str) -> Result<PathBuf, SessionError> {
        // What may name a session may name a folder here, for the same reasons.
        let agent: SessionId = agent.parse()?;
        let path = self.dir.join("workspaces").join(agent.as_str());
        private_dirs(&path).map_err(|source| SessionError::write(&path, source))?;
        Ok(path)
    }

    /// Ends the turn: writes its answers, then its metadata, then the session's two files. It is over when the
    /// metadata say so; what is missing of the session's files after a crash comes with the next turn.
    ///
    /// # Errors
    /// When a file cannot be written. The turn then stays `running` in its metadata, unless only the session's files
    /// could not be written.
    pub fn finish(mut self, result: &TurnResult) -> Result<TurnRecord, SessionError> {
        let (status, answer, winner) = match &result.outcome {
            TurnEnd::Completed { answer, winner } => (TurnStatus::Completed, Some(answer), Some(winner)),
            TurnEnd::Partial { answers, selected, phase } => {
                self.write("partial_answers.json", &pretty(&by_agent(answers)))?;
                let partial = Partial {
                    phase: Some(phase.clone()),
                    agents_with_answers: answers.iter().map(|(agent, _)| agent.clone()).collect(),
                };
                self.set("partial", partial_json(&partial));
                let chosen = answers.iter().find(|(agent, _)| Some(agent) == selected.as_ref());
                (TurnStatus::Partial, chosen.or(answers.last()).map(|(_, answer)| answer), selected.as_ref())
            }
            TurnEnd::Failed => (TurnStatus::Failed, None, None),
        };
        if status == TurnStatus::Completed {
            // What was kept when the turn was stopped, before it went on. It may be no more than in the way.
            let _ = fs::remove_file(self.dir.join("partial_answers.json"));
            let _ = fs::remove_dir_all(self.dir.join("workspaces"));
        }
        if let Some(answer) = answer {
            self.write("answer.txt", answer.as_bytes())?;
        }
        self.set("winning_agent", winner.map_or(Value::Null, |winner| json!(winner)));
        self.set("status", json!(status.as_str()));
        self.set("end", json!(result.end));
        self.set("ended_ms", json!(result.ended_ms));
        let cost = spend::sum(result.agents.iter().map(|agent| agent.cost));
        self.set("cost_usd", spend::usd(cost));
        self.set("unpriced_calls", json!(cost.unpriced_calls));
        self.set("input_tokens", json!(result.agents.iter().map(|agent| agent.input_tokens).sum::<u64>()));
        self.set("output_tokens", json!(result.agents.iter().map(|agent| agent.output_tokens).sum::<u64>()));
        self.set("agents", result.agents.iter().map(AgentSpend::to_json).collect());
        self.write_metadata()?;
        session_files::write(&self.session)?;
        Ok(TurnRecord::read(self.number, &self.dir, self.session.zone()))
    }

    fn set(&mut self, key: &str, value: Value) {
        self.metadata.insert(key.to_owned(), value);
    }

    fn write_metadata(&self) -> Result<(), SessionError> {
        self.write("metadata.json", &pretty(&Value::Object(self.metadata.clone())))
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), SessionError> {
        let path = self.dir.join(name);
        write_durably(&path, content).map_err(|source| SessionError::write(&path, source))
    }
}

fn gone(session: &Session) -> SessionError {
    SessionError::Gone { id: session.id().clone() }
}

/// The lock of whoever works on a session; an error when it is gone.
fn locked(session: &Session) -> Result<FolderLock, SessionError> {
    let lock = FolderLock::shared(session.dir()).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => gone(session),
        _ => SessionError::write(session.dir(), source),
    })?;
    if lock.is_at(session.dir()) { Ok(lock) } else { Err(gone(session)) }
}

/// Whoever reads the metadata is somewhere else than where the run was started.
fn absolute(log_dir: &Path) -> String {
    let path = std::path::absolute(log_dir).unwrap_or_else(|_| log_dir.to_owned());
    path.to_string_lossy().into_owned()
}

/// Makes the folder of the next turn. Another run may take the number at the same time.
fn make_dir(session: &Session) -> Result<(u32, PathBuf), SessionError> {
    let last = turn_dirs(session.dir())?.last().map_or(0, |(number, _)| *number);
    let mut number = last.saturating_add(1);
    loop {
        let dir = session.dir().join(format!("turn_{number}"));
        match private_dir(&dir) {
            Ok(()) => return Ok((number, dir)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number - last < TRIES_MAX => number += 1,
            Err(source) => return Err(SessionError::write(&dir, source)),
        }
    }
}

fn by_agent(answers: &[(String, String)]) -> Value {
    answers.iter().map(|(agent, answer)| (agent.clone(), json!(answer))).collect()
}

fn partial_json(partial: &Partial) -> Value {
    json!({"phase": partial.phase, "agents_with_answers": partial.agents_with_answers})
}

/// JSON for people and for the Python program alike.
pub(crate) fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_stopped_keeps_its_answers() {
        let view = RunView::default();
        let result = TurnResult::of_run(&view);
        assert_eq!((result.outcome, result.end.as_str()), (TurnEnd::Failed, "interrupted"));
    }
}
