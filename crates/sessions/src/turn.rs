//! One turn of a session as its folder tells of it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::tz::TimeZone;
use massgen_protocol::Cost;
use serde_json::Value;

use crate::files::read_text;
use crate::moment;
use crate::spend::{self, AgentSpend};

/// The key of metadata that says that answers were scripted.
pub(crate) const REHEARSAL: &str = "rehearsal";

/// Where a turn stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TurnStatus {
    /// It was begun and has not ended; its process may be gone, see [`TurnRecord::is_alive`].
    Running,
    /// It has its final answer.
    Completed,
    /// It was stopped before there was a final answer; what agents had answered is kept.
    Partial,
    /// It ended without any answer.
    Failed,
}

impl TurnStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Running, Self::Completed, Self::Partial, Self::Failed];

    /// The word that metadata use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for TurnStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for TurnStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            // The Python program's word.
            "incomplete" => Ok(Self::Partial),
            _ => Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(()),
        }
    }
}

/// How far a turn had come that was stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partial {
    /// The phase of the coordination, such as `deciding`.
    pub phase: Option<String>,
    /// The ids of the agents that had answered.
    pub agents_with_answers: Vec<String>,
}

/// One turn of a session. What its folder does not tell is `None` or empty; what could not be read is
/// among the [`problems`](Self::problems).
#[derive(Debug, Clone, PartialEq)]
pub struct TurnRecord {
    /// Counted from 1.
    pub number: u32,
    /// Its folder.
    pub dir: PathBuf,
    /// What the user asked.
    pub question: Option<String>,
    /// The final answer; of a partial turn, the best answer there was.
    pub answer: Option<String>,
    /// The id of the agent whose answer it is.
    pub winner: Option<String>,
    /// Where it stands.
    pub status: TurnStatus,
    /// Whether its answers were scripted: nobody was asked and nothing was paid.
    pub is_rehearsal: bool,
    /// When it was begun or saved, as its metadata write it.
    pub timestamp: Option<String>,
    /// When it was begun, in milliseconds since the Unix epoch.
    pub started_ms: Option<u64>,
    /// When it ended.
    pub ended_ms: Option<u64>,
    /// How it ended, such as `consensus`.
    pub end: Option<String>,
    /// The log folder of its run, where its journal is.
    pub log_dir: Option<PathBuf>,
    /// What each agent took and cost.
    pub agents: Vec<AgentSpend>,
    /// What it cost; `None` when nobody wrote it down.
    pub cost: Option<Cost>,
    /// Input tokens of all agents.
    pub input_tokens: u64,
    /// Output tokens of all agents.
    pub output_tokens: u64,
    /// How far it had come when it was stopped.
    pub partial: Option<Partial>,
    /// What the agents had answered when it was stopped, by agent, in the order of the file.
    pub partial_answers: Vec<(String, String)>,
    /// What could not be read, in words.
    pub problems: Vec<String>,
}

impl TurnRecord {
    /// Reads the folder of a turn. Missing and odd files cost their content and nothing else. Moments without an
    /// offset are in `zone`.
    pub(crate) fn read(number: u32, dir: &Path, zone: &TimeZone) -> Self {
        let mut problems = Vec::new();
        let mut text = |name: &str| {
            read_text(&dir.join(name)).unwrap_or_else(|problem| {
                problems.push(problem);
                None
            })
        };
        let answer = text("answer.txt");
        let partial_answers = text("partial_answers.json");
        let metadata = text("metadata.json");
        let partial_answers = parse(partial_answers.as_deref(), "partial_answers.json", &mut problems);
        if metadata.is_none() {
            problems.push("there is no readable metadata.json".to_owned());
        }
        let metadata = parse(metadata.as_deref(), "metadata.json", &mut problems).unwrap_or_default();
        let record = Self {
            number,
            dir: dir.to_owned(),
            answer,
            partial_answers: answers(partial_answers.as_ref()),
            problems,
            ..Self::of_metadata(number, dir, &metadata, zone)
        };
        let status = string(&metadata, "status").and_then(|status| status.parse().ok());
        Self { status: status.unwrap_or_else(|| record.supposed_status()), ..record }
    }

    /// What metadata alone tell.
    fn of_metadata(number: u32, dir: &Path, metadata: &Value, zone: &TimeZone) -> Self {
        let timestamp = string(metadata, "timestamp");
        let started_ms = metadata.get("started_ms").and_then(Value::as_u64);
        let agents = metadata.get("agents").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let agents: Vec<_> = agents.iter().filter_map(AgentSpend::from_json).collect();
        let told = |key: &str| metadata.get(key).and_then(Value::as_u64);
        let of_agents = (!agents.is_empty()).then(|| spend::sum(agents.iter().map(|agent| agent.cost)));
        Self {
            number,
            dir: dir.to_owned(),
            question: string(metadata, "task"),
            answer: None,
            winner: string(metadata, "winning_agent"),
            status: TurnStatus::Failed,
            is_rehearsal: metadata.get(REHEARSAL).and_then(Value::as_bool).unwrap_or(false),
            started_ms: started_ms.or_else(|| timestamp.as_deref().and_then(|text| moment::parse(text, zone))),
            timestamp,
            ended_ms: told("ended_ms"),
            end: string(metadata, "end"),
            log_dir: string(metadata, "log_dir").map(PathBuf::from),
            cost: spend::cost(metadata).or(of_agents),
            input_tokens: told("input_tokens")
                .unwrap_or_else(|| agents.iter().map(|agent| agent.input_tokens).fold(0, u64::saturating_add)),
            output_tokens: told("output_tokens")
                .unwrap_or_else(|| agents.iter().map(|agent| agent.output_tokens).fold(0, u64::saturating_add)),
            agents,
            partial: partial(metadata),
            partial_answers: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The status of a turn whose metadata have none: the Python program writes them when the turn is over.
    fn supposed_status(&self) -> TurnStatus {
        if !self.partial_answers.is_empty() {
            TurnStatus::Partial
        } else if self.answer.is_some() {
            TurnStatus::Completed
        } else {
            TurnStatus::Failed
        }
    }

    /// The files that go with the answer, if there are any.
    #[must_use]
    pub fn workspace(&self) -> Option<PathBuf> {
        let path = self.dir.join("workspace");
        fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()).then_some(path)
    }

    /// Its journal, if its metadata tell of one. It may be gone.
    #[must_use]
    pub fn journal(&self) -> Option<PathBuf> {
        self.log_dir.as_ref().map(|log_dir| log_dir.join("events.jsonl"))
    }

    /// Whether its run is going on: its metadata say so, and a process is writing its journal.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.status == TurnStatus::Running && self.journal().is_some_and(|journal| is_locked(&journal))
    }

    /// When anything last happened in it, as far as is known.
    pub(crate) fn updated_ms(&self) -> Option<u64> {
        self.ended_ms.max(self.started_ms)
    }
}

/// Whether a process holds the lock that writers of journals hold.
fn is_locked(journal: &Path) -> bool {
    // The lock is tried and given back at once. Whoever writes the journal of a running turn took it before.
    let Ok(file) = fs::File::open(journal) else { return false };
    match file.try_lock_shared() {
        Ok(()) => {
            let _ = file.unlock();
            false
        }
        Err(fs::TryLockError::WouldBlock) => true,
        // A file system without locks has nobody to ask.
        Err(fs::TryLockError::Error(_)) => false,
    }
}

fn parse(text: Option<&str>, name: &str, problems: &mut Vec<String>) -> Option<Value> {
    match serde_json::from_str::<Value>(text?) {
        Ok(value) if value.is_object() => Some(value),
        Ok(_) => {
            problems.push(format!("{name} is not a JSON object"));
            None
        }
        Err(error) => {
            problems.push(format!("{name} is not JSON: {error}"));
            None
        }
    }
}

fn string(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// Our own form, and the Python program's, which has the same keys at the top.
fn partial(metadata: &Value) -> Option<Partial> {
    let inner = metadata.get("partial").filter(|inner| inner.is_object()).unwrap_or(metadata);
    let agents = inner.get("agents_with_answers").and_then(Value::as_array);
    let phase = string(inner, "phase");
    (agents.is_some() || phase.is_some()).then(|| Partial {
        phase,
        agents_with_answers: agents.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
    })
}

/// Answers by agent: texts, or objects that hold one.
fn answers(value: Option<&Value>) -> Vec<(String, String)> {
    let Some(Value::Object(map)) = value else { return Vec::new() };
    let text = |value: &Value| value.as_str().or_else(|| value.get("answer")?.as_str()).map(str::to_owned);
    map.iter().filter_map(|(agent, value)| Some((agent.clone(), text(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use massgen_journal::Journal;

    fn turn(files: &[(&str, &str)]) -> (tempfile::TempDir, TurnRecord) {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(dir.path().join(name), content).unwrap();
        }
        let record = TurnRecord::read(1, dir.path(), &TimeZone::UTC);
        (dir, record)
    }

    #[test]
    fn a_folder_of_the_python_program() {
        let (_dir, turn) = turn(&[
            (
                "metadata.json",
                r#"{"turn": 1, "timestamp": "2026-01-31T14:03:05.123456", "winning_agent": "agent_b",
                    "task": "Why?", "session_id": "session_x"}"#,
            ),
            ("answer.txt", "Because."),
        ]);
        assert_eq!(turn.status, TurnStatus::Completed);
        assert_eq!((turn.question.as_deref(), turn.answer.as_deref()), (Some("Why?"), Some("Because.")));
        assert_eq!((turn.started_ms, turn.cost), (Some(1_769_868_185_123), None));
        assert_eq!(turn.problems, Vec::<String>::new());
    }

    #[test]
    fn a_cancelled_turn_of_the_python_program() {
        let (_dir, turn) = turn(&[
            (
                "metadata.json",
                r#"{"status": "incomplete", "phase": "coordinating", "agents_with_answers": ["a", 3, "b"]}"#,
            ),
            ("partial_answers.json", r#"{"a": "one", "b": {"answer": "two", "x": 1}, "c": 7}"#),
        ]);
        assert_eq!(turn.status, TurnStatus::Partial);
        let partial = turn.partial.unwrap();
        assert_eq!((partial.phase.as_deref(), partial.agents_with_answers.len()), (Some("coordinating"), 2));
        assert_eq!(turn.partial_answers, [("a".to_owned(), "one".to_owned()), ("b".to_owned(), "two".to_owned())]);
    }

    #[test]
    fn odd_files_cost_their_content_only() {
        let (_dir, odd) = turn(&[
            (
                "metadata.json",
                r#"{"task": 7, "winning_agent": "a", "agents": [1, {"id": "a", "cost_usd": "x"}], "status": "?"}"#,
            ),
            ("answer.txt", "kept"),
            ("partial_answers.json", "[]"),
        ]);
        assert_eq!((odd.question, odd.answer.as_deref(), odd.winner.as_deref()), (None, Some("kept"), Some("a")));
        assert_eq!((odd.status, odd.agents.len()), (TurnStatus::Completed, 1));
        assert_eq!(odd.problems, ["partial_answers.json is not a JSON object"]);

        let (_dir, torn) = turn(&[("metadata.json", r#"{"task": "Wh"#), ("answer.txt", "kept")]);
        assert_eq!((torn.answer.as_deref(), torn.problems.len()), (Some("kept"), 1));
        let (_dir, empty) = turn(&[]);
        assert_eq!((empty.status, empty.problems.len()), (TurnStatus::Failed, 1));
    }

    #[test]
    fn a_turn_lives_while_its_journal_is_written() {
        let log_dir = tempfile::tempdir().unwrap();
        let metadata = serde_json::json!({"status": "running", "log_dir": log_dir.path()}).to_string();
        let (_dir, turn) = turn(&[("metadata.json", &metadata)]);
        assert!(!turn.is_alive(), "there is no journal");
        let journal = Journal::create(&log_dir.path().join("events.jsonl")).unwrap();
        assert!(turn.is_alive());
        drop(journal);
        assert!(!turn.is_alive());
    }
}
