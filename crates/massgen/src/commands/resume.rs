//! `massgen resume`: goes on with a run that was interrupted, and pays for nothing twice.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use massgen_config::Environment;
use massgen_journal::{Journal, JournalError, LogFolder, Reading, RunMetadata, Tail, end_of, newest, runs};
use massgen_orchestrator::before_it_was_stopped;
use massgen_protocol::{RunEnd, RunView};

use crate::args::{Cli, CliCommand, OutputArgs, ResumeArgs};
use crate::assignment::Assignment;
use crate::commands::{ask, demo, rehearse};
use crate::failure::{Failure, with_causes};
use crate::run::Past;
use crate::{surroundings, terminal};

/// Goes on with the run that is named, or with the newest one that has not ended.
pub(crate) fn resume(args: &ResumeArgs) -> Result<(), Failure> {
    let base = log_base(&surroundings::environment()?);
    let logs = match &args.id {
        Some(id) => find(&base, id)?,
        None => newest_unfinished(&base)?,
    };
    let metadata = metadata(&logs)?;
    // Everything that the command line named was meant from there.
    std::env::set_current_dir(&metadata.cwd).map_err(|error| {
        Failure::configuration(format!(
            "the run was started in {}, which cannot be entered: {error}",
            metadata.cwd.display()
        ))
    })?;
    let environment = surroundings::environment()?;
    let past = past(logs)?;
    let view = RunView::replay(&past.records);
    tell(&past, &view);
    let question = if view.question.is_empty() { metadata.query.clone() } else { view.question.clone() };
    let assignment = recorded(&metadata, &environment, &question)?;
    assignment.carry_out(&args.output, &environment, Some(past))
}

/// The folder in which the sessions' log folders are.
pub(crate) fn log_base(environment: &Environment) -> PathBuf {
    environment.absolute(environment.var("MASSGEN_LOG_BASE_DIR").unwrap_or(LogFolder::DEFAULT_BASE))
}

fn find(base: &Path, id: &str) -> Result<LogFolder, Failure> {
    let named = if id.contains(std::path::is_separator) { PathBuf::from(id) } else { base.join(id) };
    newest(&named).ok_or_else(|| {
        let failure = Failure::configuration(format!("there is no run `{id}` in {}", base.display()));
        match runs(base).first() {
            Some(newest) => failure.hint(format!("the newest is {}", newest.session_id())),
            None => failure.hint("runs are kept in .massgen/massgen_logs of the directory that they were started in"),
        }
    })
}

fn newest_unfinished(base: &Path) -> Result<LogFolder, Failure> {
    let all = runs(base);
    let unfinished = all.iter().find(|logs| matches!(end_of(&logs.journal()), Ok(None)));
    unfinished.cloned().ok_or_else(|| {
        let failure = Failure::configuration(format!("no run in {} is unfinished", base.display()));
        match all.first() {
            Some(logs) => failure
                .hint(format!("a run that was stopped goes on when it is named: massgen resume {}", logs.session_id())),
            None => failure,
        }
    })
}

fn metadata(logs: &LogFolder) -> Result<RunMetadata, Failure> {
    let path = logs.attempt_dir().join(RunMetadata::FILE_NAME);
    let unreadable = |why: String| {
        Failure::configuration(format!("how the run was started cannot be read from {}: {why}", path.display()))
            .hint("without it, the run can be read but not go on")
    };
    let text = fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
    RunMetadata::from_yaml(&text).map_err(|error| unreadable(error.to_string()))
}

/// Opens the journal to go on. A run that was stopped goes on in a new attempt, from before it was stopped.
fn past(logs: LogFolder) -> Result<Past, Failure> {
    let path = logs.journal();
    let failed = |error: &JournalError| {
        let failure = Failure::execution(with_causes(error));
        match error {
            JournalError::Busy { .. } => {
                Failure::execution(format!("the run {} is still at work in another process", logs.session_id()))
                    .hint("wait for it, or stop that process; a run that was killed can be resumed at once")
            }
            JournalError::Checksum { .. } | JournalError::OutOfSequence { .. } => {
                failure.hint("nothing was changed; if the file was edited by mistake, put it back as it was")
            }
            _ => failure,
        }
    };
    let (journal, Reading { records, tail, .. }) = Journal::resume(&path).map_err(|error| failed(&error))?;
    if let Tail::Torn { bytes } = tail {
        terminal::warn(&format!("the last record was torn when the run was interrupted: {bytes} bytes are left out"));
    }
    let view = RunView::replay(&records);
    let Some(end) = &view.end else { return Ok(Past { logs, journal, records }) };
    match end {
        RunEnd::Cancelled
        | RunEnd::TimedOut
        | RunEnd::TimedOutWithAnswer
        | RunEnd::BudgetSpent { .. }
        | RunEnd::BudgetSpentWithAnswer { .. } => {}
        RunEnd::Consensus | RunEnd::SingleAnswer | RunEnd::WithoutConsensus | RunEnd::NoAnswer { .. } => {
            return Err(Failure::configuration(format!(
                "the run {} came to its end: {}",
                logs.session_id(),
                massgen_journal::end_in_words(end)
            ))
            .hint("there is nothing left to do in it; ask anew, with its answer in the question"));
        }
    }
    drop(journal);
    let next = logs.next_attempt().map_err(|error| Failure::execution(with_causes(&error)))?;
    let records = before_it_was_stopped(records);
    let journal = Journal::create_with(&next.journal(), &records).map_err(|error| failed(&error))?;
    Ok(Past { logs: next, journal, records })
}

fn tell(past: &Past, view: &RunView) {
    let calls: u32 = view.agents.iter().map(|agent| agent.calls).sum();
    terminal::tell(&format!(
        "going on with {}: {} model calls, {} answers and {} votes are there already",
        past.logs.session_id(),
        calls,
        view.answers.len(),
        view.ballots.len(),
    ));
}

/// What the run was about, by the command line that began it.
fn recorded(metadata: &RunMetadata, environment: &Environment, question: &str) -> Result<Assignment, Failure> {
    let words = metadata.cli_args.as_array().into_iter().flatten().filter_map(|word| word.as_str());
    let cli = Cli::try_parse_from(std::iter::once("massgen").chain(words)).map_err(|error| {
        Failure::configuration(format!("the command line that began the run is not understood: {error}"))
    })?;
    match &cli.command {
        None => ask::recorded(&cli.run, environment, question),
        Some(CliCommand::Demo(args)) => demo::assignment(args),
        Some(CliCommand::Rehearse(args)) => {
            let output = OutputArgs { automation: true, ..args.output.clone() };
            rehearse::assignment(&crate::args::RehearseArgs { output, ..args.clone() }, environment, Some(question))
        }
        Some(_) => Err(Failure::configuration("the command line that began the run does not begin one")),
    }
}
