//! What a process that was started to be measured does, and what it tells of it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use massgen_protocol::{Activity, Event};
use massgen_sessions::SessionStore;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bare;
use super::site::{QUESTION, journals};
use crate::args::{OutputArgs, TeamArgs};
use crate::conversation::{Conversation, Staging};
use crate::failure::{Failure, with_causes};
use crate::run::{RunPlan, run, runtime};
use crate::{surroundings, team, terminal};

/// One measurement in a process of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Job {
    /// A run of this program.
    Team(TeamJob),
    /// Bare requests.
    Bare(BareJob),
}

/// A run of this program with its logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TeamJob {
    /// The team.
    pub(super) config: PathBuf,
    /// The folder for the logs.
    pub(super) logs: PathBuf,
    /// How many bytes of text the agents must have been sent, at least.
    pub(super) text_bytes_min: usize,
}

/// Requests at the same time, whose events are split, parsed and thrown away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BareJob {
    /// The whole address.
    pub(super) url: String,
    /// The body, in JSON.
    pub(super) body: Value,
    /// How many requests.
    pub(super) requests: usize,
    /// How many events must come in all, at least.
    pub(super) events_min: u64,
}

/// What a job took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Figures {
    /// Time on the wall, from before the HTTP client is made to the last byte on its way to the disk.
    pub(super) seconds: f64,
    /// Processor time in all threads, where the system tells it.
    pub(super) cpu_seconds: Option<f64>,
    /// The most memory that was resident, where the system tells it.
    pub(super) peak_bytes: Option<u64>,
}

impl Job {
    /// As an argument.
    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Figures {
    /// Reads a line of a child's output, if it tells figures.
    pub(super) fn from_text(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

/// Does a job and prints its figures.
pub(super) fn work(job: &str) -> Result<(), Failure> {
    let job: Job = serde_json::from_str(job)
        .map_err(|error| Failure::execution(format!("`--child` is for `bench` alone: {error}")))?;
    let figures = match &job {
        Job::Team(job) => team_run(job)?,
        Job::Bare(job) => measured(|| runtime()?.block_on(bare::requests(job)))?,
    };
    let line = serde_json::to_string(&figures).map_err(|error| Failure::execution(error.to_string()))?;
    terminal::print_line(&line);
    Ok(())
}

fn team_run(job: &TeamJob) -> Result<Figures, Failure> {
    let mut environment = surroundings::environment()?;
    let logs = job.logs.to_string_lossy().into_owned();
    environment.vars.insert("MASSGEN_LOG_BASE_DIR".to_owned(), logs);
    let config = Some(job.config.to_string_lossy().into_owned());
    let team = team::team(&TeamArgs { config, ..TeamArgs::default() }, &environment)?;
    let output = OutputArgs::default();
    let plan = RunPlan {
        team,
        question: QUESTION.to_owned(),
        output: &output,
        environment: &environment,
        rehearsal: None,
        starts_programs: true,
        past: None,
    };
    let mut conversation =
        Conversation::kept_in(SessionStore::new(job.logs.with_extension("sessions")), Staging::Rehearsed);
    let figures = measured(|| runtime()?.block_on(Box::pin(run(plan, &mut conversation))))?;
    let text_bytes = text_bytes(&job.logs)?;
    if text_bytes < job.text_bytes_min {
        let expected = job.text_bytes_min;
        return Err(Failure::execution(format!("the run brought {text_bytes} bytes of text instead of {expected}")));
    }
    Ok(figures)
}

fn measured(work: impl FnOnce() -> Result<(), Failure>) -> Result<Figures, Failure> {
    let (started, cpu_before) = (Instant::now(), cpu_seconds());
    work()?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu_seconds = cpu_seconds().zip(cpu_before).map(|(after, before)| after - before);
    Ok(Figures { seconds, cpu_seconds, peak_bytes: peak_bytes() })
}

/// The streamed text in the journals under `logs`: a run that went wrong is not to pass for a fast one.
fn text_bytes(logs: &Path) -> Result<usize, Failure> {
    let mut bytes = 0;
    for journal in journals(logs) {
        let reading = massgen_journal::read(&journal).map_err(|error| Failure::execution(with_causes(&error)))?;
        let texts = reading.records.iter().map(|record| match &record.event {
            Event::Activity(Activity::Text { delta, .. }) => delta.len(),
            _ => 0,
        });
        bytes += texts.sum::<usize>();
    }
    Ok(bytes)
}

/// The processor time of this process: fields 14 and 15 of proc_pid_stat(5).
fn cpu_seconds() -> Option<f64> {
    /// `USER_HZ`, the same on all of Linux's architectures but Alpha.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = |place: usize| fields.split_whitespace().nth(place)?.parse::<u64>().ok();
    Some((ticks(11)? + ticks(12)?) as f64 / TICKS_PER_SECOND)
}

/// The peak of resident memory: `VmHWM` of proc_pid_status(5), in units of 1024 bytes.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
