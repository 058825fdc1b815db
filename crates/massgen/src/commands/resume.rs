//! `massgen resume`: goes on with a run that was interrupted, and pays for nothing twice.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use massgen_config::Environment;
use massgen_journal::{Journal, JournalError, LogFolder, Reading, RunMetadata, Tail, end_of, newest, runs};
use massgen_orchestrator::before_it_was_stopped;
use massgen_protocol::{RunEnd, RunView};

use crate::args::{Cli, CliCommand, OutputArgs, ResumeArgs, RunArgs, TeamArgs};
use crate::assignment::Assignment;
use crate::commands::{ask, demo, rehearse};
use crate::conversation::{
    Conversation, Staging, keep_ended, log_folder, names_a_team, recorded_team, store, turns, unknown,
};
use crate::failure::{Failure, with_causes};
use crate::run::Past;
use crate::{surroundings, terminal};

/// Goes on with the run that is named, or with the newest one that has not ended.
pub(crate) fn resume(args: &ResumeArgs) -> Result<(), Failure> {
    let environment = surroundings::environment()?;
    let base = log_base(&environment);
    let logs = match &args.id {
        Some(id) => match of_session(id, &environment)? {
            Some(logs) => logs,
            None => find(&base, id)?,
        },
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
    let past = past(logs.clone()).inspect_err(|_| keep_ended(&store(&environment), &logs))?;
    let view = RunView::replay(&past.records);
    tell(&past, &view);
    let question = if view.question.is_empty() { metadata.query.clone() } else { view.question.clone() };
    let cli = command_line(&metadata)?;
    let conversation = Conversation::new(&environment, Staging::Real).of_interrupted(&past.logs)?;
    let assignment = recorded(&cli, &metadata, &conversation, &environment, &question)?;
    let staged = conversation.staged(assignment.staging());
    let mut conversation = staged.listed(&cli.run.session, &environment);
    assignment.carry_out(&args.output, &environment, &mut conversation, Some(past))
}

/// The run of the newest turn of a session; `None`: there is no session of this name.
fn of_session(id: &str, environment: &Environment) -> Result<Option<LogFolder>, Failure> {
    let Ok(session) = store(environment).open(id) else { return Ok(None) };
    let turns = turns(&session)?;
    let turn = turns.last().ok_or_else(|| unknown(&store(environment), id))?;
    let logs = turn.log_dir.as_deref().and_then(log_folder).ok_or_else(|| {
        Failure::configuration(format!("the log folder of turn {} of session {id} is not there any more", turn.number))
            .hint(format!("what is known of it: massgen sessions show {id}"))
    })?;
    Ok(Some(logs))
}

/// The folder in which the sessions' log folders are.
pub(crate) fn log_base(environment: &Environment) -> PathBuf {
    environment.absolute(environment.var("MASSGEN_LOG_BASE_DIR").unwrap_or(LogFolder::DEFAULT_BASE))
}

/// The run of a log folder's name or path.
pub(crate) fn find(base: &Path, id: &str) -> Result<LogFolder, Failure> {
    let named = if id.contains(std::path::is_separator) { PathBuf::from(id) } else { base.join(id) };
    newest(&named).ok_or_else(|| {
        let failure = Failure::configuration(format!("there is no run `{id}` in {}", base.display()));
        match runs(base).first() {
            Some(newest) => failure.hint(format!("the newest is {}", newest.session_id())),
            None => failure.hint("runs are kept in .massgen/massgen_logs of the directory that they were started in"),
        }
    })
}

/// The newest run, however it ended.
pub(crate) fn newest_run(base: &Path) -> Result<LogFolder, Failure> {
    runs(base)
        .into_iter()
        .next()
        .ok_or_else(|| Failure::configuration(format!("there is no run in {}", base.display())))
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
            .hint("there is nothing left to do in it; `massgen --continue` asks the next question of its session"));
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
    let count = |number: usize, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
    terminal::tell(&format!(
        "going on with {}, which has {}, {} and {}",
        past.logs.session_id(),
        count(calls as usize, "model call"),
        count(view.answers.len(), "answer"),
        count(view.ballots.len(), "vote"),
    ));
}

/// The command line that began a run.
fn command_line(metadata: &RunMetadata) -> Result<Cli, Failure> {
    let words = metadata.cli_args.as_array().into_iter().flatten().filter_map(|word| word.as_str());
    Cli::try_parse_from(std::iter::once("massgen").chain(words)).map_err(|error| {
        Failure::configuration(format!("the command line that began the run is not understood: {error}"))
    })
}

/// The team of a run: by its command line, or else by the config that it was begun with.
fn recorded_team_of_run(
    args: &TeamArgs,
    metadata: &RunMetadata,
    conversation: &Conversation,
    environment: &Environment,
) -> TeamArgs {
    if names_a_team(args) && !args.select {
        return args.clone();
    }
    let of_file = metadata.config_path.as_ref().map(|path| TeamArgs {
        config: Some(metadata.cwd.join(path).to_string_lossy().into_owned()),
        ..TeamArgs::default()
    });
    let of_session = || recorded_team(conversation.session()?, environment);
    of_file.or_else(of_session).unwrap_or_else(|| args.clone())
}

/// What the run was about, by the command line that began it.
fn recorded(
    cli: &Cli,
    metadata: &RunMetadata,
    conversation: &Conversation,
    environment: &Environment,
    question: &str,
) -> Result<Assignment, Failure> {
    match &cli.command {
        None => {
            let team = recorded_team_of_run(&cli.run.team, metadata, conversation, environment);
            ask::recorded(&RunArgs { team, ..cli.run.clone() }, environment, question)
        }
        Some(CliCommand::Demo(args)) => demo::assignment(args),
        Some(CliCommand::Rehearse(args)) => {
            let output = OutputArgs { automation: true, ..args.output.clone() };
            rehearse::assignment(&crate::args::RehearseArgs { output, ..args.clone() }, environment, Some(question))
        }
        Some(_) => Err(Failure::configuration("the command line that began the run does not begin one")),
    }
}
