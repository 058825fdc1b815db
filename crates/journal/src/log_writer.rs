//! The files of the log folder, written record by record.

mod coordination_events;
mod metrics;
mod output_file;
mod transcript;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use massgen_protocol::{Activity, AgentIndex, AnswerRevision, BallotView, Event, Fact, Record, RunView, Standing};
use serde_json::{Map, Value, json};

use crate::counters::Counters;
use crate::file_name::agent_file_names;
use crate::log_folder::LogFolder;
use crate::metadata::RunMetadata;
use crate::narrate::narrate;
use crate::stamps::Stamps;
use crate::status::{seconds, status};
use crate::table::CoordinationTable;
use coordination_events::CoordinationEvents;
use metrics::metrics;
use output_file::{OutputFile, Trouble};
use transcript::Transcript;

pub use output_file::LogWarning;

/// How old the files may get while nothing but activity happens.
const REFRESH_MS: u64 = 2_000;

/// How many names are tried for a directory. Only a clock that has gone wild needs many.
const DIR_TRIES_MAX: u64 = 1_000;

/// Writes the files of a log folder, record by record.
///
/// It has no clock: all it knows of time are the records' moments. Replaying a journal into the same
/// folder writes the same files again. A file that cannot be written never stops a run: it is told
/// of once by [`take_warning`](Self::take_warning) or [`finish`](Self::finish).
#[derive(Debug)]
pub struct LogWriter {
    folder: LogFolder,
    attempt_dir: PathBuf,
    stamps: Stamps,
    /// The agents' names in the file system.
    names: Vec<String>,
    transcripts: Vec<Transcript>,
    system_status: OutputFile,
    log: OutputFile,
    counters: Counters,
    events: CoordinationEvents,
    table: CoordinationTable,
    snapshots: Map<String, Value>,
    /// Directories of answers and votes that this writer made.
    dirs: HashSet<PathBuf>,
    answers: HashMap<AnswerRevision, PathBuf>,
    /// The files of the view's ballots, in its order.
    ballots: Vec<BallotFile>,
    refreshed_at_ms: u64,
    trouble: Trouble,
}

#[derive(Debug)]
struct BallotFile {
    path: PathBuf,
    /// The name in `snapshot_mappings.json`.
    label: String,
    iteration: u64,
    round: u32,
}

impl LogWriter {
    /// A writer for the files of `folder`.
    #[must_use]
    pub fn new(folder: &LogFolder, stamps: Stamps) -> Self {
        let attempt_dir = folder.attempt_dir();
        Self {
            system_status: OutputFile::new(folder.agent_outputs().join("system_status.txt")),
            log: OutputFile::new(attempt_dir.join("massgen.log")),
            folder: folder.clone(),
            attempt_dir,
            stamps,
            names: Vec::new(),
            transcripts: Vec::new(),
            counters: Counters::default(),
            events: CoordinationEvents::default(),
            table: CoordinationTable::default(),
            snapshots: Map::new(),
            dirs: HashSet::new(),
            answers: HashMap::new(),
            ballots: Vec::new(),
            refreshed_at_ms: 0,
            trouble: Trouble::default(),
        }
    }

    /// Writes `execution_metadata.yaml`.
    pub fn write_metadata(&mut self, metadata: &RunMetadata) {
        let path = self.attempt_dir.join("execution_metadata.yaml");
        match metadata.to_yaml() {
            Ok(yaml) => self.trouble.write(&path, yaml.as_bytes()),
            Err(error) => self.trouble.add(&path, io::Error::other(error)),
        }
    }

    /// Takes in the next record; `view` must have taken it in already.
    pub fn observe(&mut self, record: &Record, view: &RunView) {
        if let Event::Activity(Activity::RunOpened { agents, .. }) = &record.event {
            self.names = agent_file_names(agents.iter().map(|agent| &agent.id));
            let outputs = self.folder.agent_outputs();
            self.transcripts =
                self.names.iter().map(|name| Transcript::new(outputs.join(format!("{name}.txt")))).collect();
        }
        self.counters.apply(record);
        self.events.apply(record, view);
        self.table.apply(record);
        self.write_lines(record, view);
        if let Event::Fact(fact) = &record.event {
            self.write_artifacts(fact, record.at_ms, view);
            self.refresh(view);
            if is_milestone(fact) {
                self.write_reports(view);
            }
        } else if record.at_ms.saturating_sub(self.refreshed_at_ms) >= REFRESH_MS {
            self.refresh(view);
        }
    }

    /// Writes everything that is still in memory. Returns what could not be written, if nobody was told yet.
    pub fn finish(&mut self, view: &RunView) -> Option<LogWarning> {
        self.refresh(view);
        self.write_reports(view);
        self.take_warning()
    }

    /// The files that could not be written since the last call. Each is told of once.
    pub fn take_warning(&mut self) -> Option<LogWarning> {
        self.trouble.take()
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &LogFolder {
        &self.folder
    }

    /// Where the files of a published answer are, for what else belongs to it.
    #[must_use]
    pub fn answer_dir(&self, revision: AnswerRevision) -> Option<&Path> {
        self.answers.get(&revision).map(PathBuf::as_path)
    }

    /// The counts that status and metrics are made of.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn write_lines(&mut self, record: &Record, view: &RunView) {
        if let Some(index) = subject(&record.event)
            && let Some(transcript) = self.transcripts.get_mut(index.position())
        {
            transcript.apply(record, &self.stamps, &mut self.trouble);
        }
        if let Some(line) = narrate(record, view) {
            let time = self.stamps.time_of_day(record.at_ms);
            self.system_status.pending().push_str(&format!("[{time}] {}\n", line.text));
            let time = self.stamps.line(record.at_ms);
            self.log.pending().push_str(&format!("{time} | {:<8} | {}\n", line.level, line.text));
            self.system_status.flush_if_full(&mut self.trouble);
            self.log.flush_if_full(&mut self.trouble);
        }
    }

    fn write_artifacts(&mut self, fact: &Fact, at_ms: u64, view: &RunView) {
        match fact {
            Fact::AnswerPublished { revision, content, turn, .. } => {
                let Some(dir) = self.new_dir(revision.agent, at_ms) else { return };
                self.trouble.write(&dir.join("answer.txt"), content.as_bytes());
                let label = revision.to_string();
                let entry =
                    self.snapshot("answer", &label, view, revision.agent, at_ms, turn.number, &dir.join("answer.txt"));
                self.snapshots.insert(label, entry);
                self.answers.insert(*revision, dir);
            }
            Fact::VoteCast { turn, vote } | Fact::VoteArrivedVoid { turn, vote, .. } => {
                let (Some(ballot), Some(dir)) = (view.ballots.last(), self.new_dir(vote.voter, at_ms)) else { return };
                let number = view.ballots.iter().filter(|ballot| ballot.vote.voter == vote.voter).count();
                let label = format!("{}.vote{number}", vote.voter);
                let path = dir.join("vote.json");
                let file = BallotFile { path, label, iteration: self.events.iteration(), round: turn.number };
                self.write_ballot(&file, ballot, view);
                self.ballots.push(file);
            }
            Fact::VotesVoided { by, .. } => {
                let files = std::mem::take(&mut self.ballots);
                for (file, ballot) in files.iter().zip(&view.ballots) {
                    if ballot.standing == (Standing::Voided { by: *by }) {
                        self.write_ballot(file, ballot, view);
                    }
                }
                self.ballots = files;
            }
            Fact::FinalAnswer { revision, content, .. } => self.write_final(*revision, content, at_ms, view),
            _ => {}
        }
    }

    fn write_ballot(&mut self, file: &BallotFile, ballot: &BallotView, view: &RunView) {
        self.trouble.write_json(&file.path, &vote_json(ballot, file, view, &self.stamps));
        let vote = &ballot.vote;
        let mut entry = self.snapshot("vote", &file.label, view, vote.voter, ballot.at_ms, file.round, &file.path);
        if let Value::Object(entry) = &mut entry {
            entry.insert("iteration".to_owned(), file.iteration.into());
            entry.insert("voted_for".to_owned(), view.name(vote.target.agent).into());
            entry.insert("voted_for_label".to_owned(), json!(vote.target));
            entry.insert("counts".to_owned(), (ballot.standing == Standing::Valid).into());
        }
        self.snapshots.insert(file.label.clone(), entry);
    }

    fn write_final(&mut self, revision: AnswerRevision, content: &str, at_ms: u64, view: &RunView) {
        let Some(name) = self.names.get(revision.agent.position()).cloned() else { return };
        let path = self.folder.final_answer(&name);
        self.trouble.write(&path, content.as_bytes());
        self.trouble.write(&self.folder.turn_dir().join("final").join(&name).join("answer.txt"), content.as_bytes());

        let outputs = self.folder.agent_outputs();
        let presentation = format!("final_presentation_{name}.txt");
        self.trouble.write(&outputs.join(&presentation), content.as_bytes());
        let latest = outputs.join(format!("final_presentation_{name}_latest.txt"));
        if let Err(error) = link(&presentation, &latest) {
            self.trouble.add(&latest, error);
        }

        let label = format!("{}.final", revision.agent);
        let round = view.agent(revision.agent).map_or(0, |agent| agent.turns);
        let entry = self.snapshot("final_answer", &label, view, revision.agent, at_ms, round, &path);
        self.snapshots.insert(label, entry);
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one entry, gathered in one place")]
    fn snapshot(
        &self,
        kind: &str,
        label: &str,
        view: &RunView,
        agent: AgentIndex,
        at_ms: u64,
        round: u32,
        path: &Path,
    ) -> Value {
        let relative = path.strip_prefix(&self.attempt_dir).unwrap_or(path);
        // The reference names the moment as the directory is named.
        let stamp = self.stamps.name(at_ms.saturating_mul(1000));
        json!({
            "type": kind,
            "label": label,
            "agent_id": view.name(agent),
            "timestamp": stamp,
            "iteration": self.events.iteration(),
            "round": round,
            "path": relative.to_string_lossy(),
        })
    }

    /// Makes the directory of an answer or a vote. One that exists without this writer having made it
    /// comes from an earlier writing of the same journal, and is used again.
    fn new_dir(&mut self, agent: AgentIndex, at_ms: u64) -> Option<PathBuf> {
        let name = self.names.get(agent.position())?;
        let at_us = at_ms.saturating_mul(1000);
        let Some(dir) = (0..DIR_TRIES_MAX)
            .map(|try_us| self.folder.moment_dir(name, at_us.saturating_add(try_us), &self.stamps))
            .find(|dir| !self.dirs.contains(dir))
        else {
            self.trouble.add(&self.attempt_dir.join(name), io::ErrorKind::AlreadyExists.into());
            return None;
        };
        if let Err(error) = fs::create_dir_all(&dir) {
            self.trouble.add(&dir, error);
        }
        self.dirs.insert(dir.clone());
        Some(dir)
    }

    /// Brings what people watch up to date.
    fn refresh(&mut self, view: &RunView) {
        self.refreshed_at_ms = view.updated_at_ms;
        for transcript in &mut self.transcripts {
            transcript.flush(&mut self.trouble);
        }
        self.system_status.flush(&mut self.trouble);
        self.log.flush(&mut self.trouble);
        self.trouble.write_json(&self.folder.status(), &status(view, &self.counters, &self.folder));
    }

    /// Brings what people read afterwards up to date.
    fn write_reports(&mut self, view: &RunView) {
        let path = |name: &str| self.attempt_dir.join(name);
        self.trouble.write_json(&path("coordination_events.json"), &self.events.document(view));
        self.trouble.write(&path("coordination_table.txt"), self.table.render(view).as_bytes());
        self.trouble.write_json(&path("snapshot_mappings.json"), &Value::Object(self.snapshots.clone()));
        let metrics = metrics(view, &self.counters, &self.folder, &self.stamps);
        self.trouble.write_json(&path("metrics_summary.json"), &metrics);
    }
}

/// The agent whose transcript a record belongs to.
fn subject(event: &Event) -> Option<AgentIndex> {
    match event {
        Event::Input(_) => None,
        Event::Fact(fact) => match fact {
            Fact::TurnStarted { turn, .. }
            | Fact::TurnRefreshed { turn, .. }
            | Fact::TurnInvested { turn }
            | Fact::DecisionRejected { turn, .. }
            | Fact::TurnCut { turn, .. }
            | Fact::AnswerPublished { turn, .. }
            | Fact::AnswerChecked { turn, .. }
            | Fact::VoteCast { turn, .. }
            | Fact::VoteArrivedVoid { turn, .. }
            | Fact::TurnEnded { turn, .. } => Some(turn.agent),
            Fact::AgentOut { agent, .. } => Some(*agent),
            _ => None,
        },
        Event::Activity(activity) => match activity {
            Activity::CallStarted { turn, .. }
            | Activity::Text { turn, .. }
            | Activity::Reasoning { turn, .. }
            | Activity::ToolCalled { turn, .. }
            | Activity::ToolOutput { turn, .. }
            | Activity::ToolEnded { turn, .. }
            | Activity::PeerFilesShown { turn, .. }
            | Activity::SnapshotTaken { turn, .. }
            | Activity::BuiltinTool { turn, .. }
            | Activity::Citation { turn, .. }
            | Activity::CallEnded { turn, .. }
            | Activity::CallRetried { turn, .. } => Some(turn.agent),
            Activity::CallJudged { agent, .. } => Some(*agent),
            Activity::Notice { agent, .. } => *agent,
            Activity::RunOpened { .. } | Activity::RunResumed { .. } | Activity::ChangesOffered { .. } => None,
        },
    }
}

/// Whether the reports are worth being written again.
fn is_milestone(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::AnswerPublished { .. }
            | Fact::VotesVoided { .. }
            | Fact::VoteCast { .. }
            | Fact::VoteArrivedVoid { .. }
            | Fact::AgentOut { .. }
            | Fact::WinnerSelected { .. }
            | Fact::FinalAnswer { .. }
            | Fact::RunEnded { .. }
    )
}

fn vote_json(ballot: &BallotView, file: &BallotFile, view: &RunView, stamps: &Stamps) -> Value {
    let vote = &ballot.vote;
    let shown: Vec<AnswerRevision> = vote.seen.revisions().collect();
    let mapping: Map<String, Value> = (0_u16..)
        .map(AgentIndex)
        .zip(&view.agents)
        .map(|(index, agent)| (index.to_string(), agent.profile.id.as_str().into()))
        .collect();
    let (standing, voided_by) = match ballot.standing {
        Standing::Valid => ("valid", None),
        Standing::Voided { by } => ("voided", Some(by)),
        Standing::ArrivedVoid => ("arrived_void", None),
    };
    json!({
        "voter_id": view.name(vote.voter),
        "voter_anon_id": vote.voter,
        "voted_for": view.name(vote.target.agent),
        "voted_for_anon": vote.target.agent,
        "voted_for_label": vote.target,
        "reason": vote.reason,
        "checks": vote.checks,
        "timestamp": stamps.name(ballot.at_ms.saturating_mul(1000)),
        "unix_timestamp": seconds(ballot.at_ms),
        "iteration": file.iteration,
        "coordination_round": file.round,
        "available_options": shown.iter().map(|revision| view.name(revision.agent)).collect::<Vec<_>>(),
        "available_options_anon": shown.iter().map(|revision| revision.agent).collect::<Vec<_>>(),
        "available_options_labels": shown,
        "agent_mapping": mapping,
        "vote_context": {
            "total_agents": view.agents.len(),
            "agents_with_answers": shown.len(),
            "current_task": view.question,
        },
        "counts": ballot.standing == Standing::Valid,
        "standing": standing,
        "voided_by": voided_by,
    })
}

/// Makes `link` lead to its neighbour `target`.
fn link(target: &str, link: &Path) -> io::Result<()> {
    match fs::remove_file(link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    #[cfg(unix)]
    return std::os::unix::fs::symlink(target, link);
    // Elsewhere links need rights that few users have.
    #[cfg(not(unix))]
    return fs::copy(link.with_file_name(target), link).map(|_| ());
}
