//! `massgen "question"`: ask a team, or one model.

use std::io::IsTerminal;

use massgen_config::Environment;

use crate::args::{OutputArgs, RunArgs, TeamArgs};
use crate::assignment::Assignment;
use crate::commands::estimate;
use crate::commands::rehearse::scenario;
use crate::commands::select::select;
use crate::commands::welcome::{nothing_configured, welcome};
use crate::conversation::{Conversation, Staging, names_a_team, recorded_team};
use crate::failure::Failure;
use crate::first_use::Dialogue;
use crate::interactive::Interactive;
use crate::team::{Team, find_team, rehearsed_team};
use crate::{question, spending, surroundings, terminal, unbuilt};

/// Runs what the command line asks for.
pub(crate) fn ask(args: &RunArgs) -> Result<(), Failure> {
    if let Some((command, instead)) = args.question.as_deref().and_then(unbuilt::command) {
        return Err(Failure::execution(format!("`massgen {command}` is not supported yet"))
            .hint(instead)
            .hint("if that is your question, say it in more words"));
    }
    let environment = surroundings::environment()?;
    let can_talk = Dialogue::is_possible() && !args.output.automation && !args.output.stream_events;
    let talk = match can_talk {
        true if std::io::stdout().is_terminal() => Talk::Session,
        true => Talk::Once,
        false => Talk::Not,
    };
    let conversation = Conversation::chosen(&args.session, &environment, staging(args.rehearse.as_deref()))?;
    let chosen = if args.team.select { Some(select(&environment)?) } else { args.team.config.clone() };
    let team_args = of_session(TeamArgs { config: chosen, ..args.team.clone() }, &conversation, &environment);
    let rehearsed = args.rehearse.as_deref();
    match find_team(&team_args, &environment)? {
        Some(team) => answer(team, args, &environment, rehearsed, conversation, talk),
        None if rehearsed.is_some() => {
            answer(rehearsed_team(&environment)?, args, &environment, rehearsed, conversation, talk)
        }
        None if can_talk => begin(args, talk),
        None => Err(nothing_configured(&environment)),
    }
}

/// How much is talked about with the user before the team works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Talk {
    /// Nothing: nobody is there.
    Not,
    /// The question, if none is given.
    Once,
    /// One question after the other, if none is given.
    Session,
}

fn staging(rehearsed: Option<&str>) -> Staging {
    if rehearsed.is_some() { Staging::Rehearsed } else { Staging::Real }
}

/// The team of the session that is gone on with, where the command line names none.
fn of_session(given: TeamArgs, conversation: &Conversation, environment: &Environment) -> TeamArgs {
    let session = conversation.session().filter(|_| !names_a_team(&given));
    match session.and_then(|session| recorded_team(session, environment)) {
        Some(team) => {
            TeamArgs { skip_validation: given.skip_validation, strict_validation: given.strict_validation, ..team }
        }
        None => given,
    }
}

/// The way of a new user: a team is proposed, and then asked.
fn begin(args: &RunArgs, talk: Talk) -> Result<(), Failure> {
    let Some(beginning) = welcome()? else { return Ok(()) };
    let rehearsed = args.rehearse.as_deref().or(beginning.is_rehearsal.then_some("any"));
    let conversation = Conversation::chosen(&args.session, &beginning.environment, staging(rehearsed))?;
    // A rehearsal shows how it goes; scripted answers are nothing to talk about.
    let talk = if beginning.is_rehearsal { Talk::Once } else { talk };
    answer(beginning.team, args, &beginning.environment, rehearsed, conversation, talk)?;
    if beginning.is_rehearsal {
        terminal::tell(
            "\nThat was a rehearsal. With real models: `massgen --setup` saves a key, then `massgen` proposes a team.\n\
             Once more: massgen --rehearse \"your question\"; a team that disagrees: massgen demo spectrograph",
        );
    }
    Ok(())
}

fn answer(
    team: Team,
    args: &RunArgs,
    environment: &Environment,
    rehearsed: Option<&str>,
    conversation: Conversation,
    talk: Talk,
) -> Result<(), Failure> {
    let is_recorded = args.cassette.is_some() || team.config.cassette.is_some();
    let mut conversation = match is_recorded {
        // A recording is repeated as it was: nothing that was said since belongs to it.
        true => conversation.staged(Staging::Rehearsed),
        false => conversation.or_of_config(&team.config)?,
    };
    let has_question = args.question.is_some() || team.config.prompt.is_some();
    let typed = match talk {
        Talk::Session if !has_question && !args.estimate => {
            return Interactive::new(team, args, environment, rehearsed, conversation)?.run();
        }
        Talk::Once | Talk::Session if !has_question => Some(Dialogue::of_process().ask("Your question", "")?),
        Talk::Not | Talk::Once | Talk::Session => args.question.clone(),
    };
    let assignment = assignment(team, args, environment, rehearsed, typed.as_deref())?;
    if args.estimate {
        return estimate::estimate(&assignment, environment);
    }
    assignment.carry_out(&args.output, environment, &mut conversation, None)
}

/// What an interrupted run was about, by the command line that began it; `question` is what the team was asked.
pub(crate) fn recorded(args: &RunArgs, environment: &Environment, question: &str) -> Result<Assignment, Failure> {
    let rehearsed = args.rehearse.as_deref();
    let team = match find_team(&args.team, environment)? {
        Some(team) => team,
        None if rehearsed.is_some() => rehearsed_team(environment)?,
        None => return Err(nothing_configured(environment)),
    };
    // What was typed names the user's files; what was made of it is what the team was asked.
    let typed = args.question.as_deref().unwrap_or(question);
    let quiet = OutputArgs { automation: true, ..args.output.clone() };
    let args = RunArgs { output: quiet, ..args.clone() };
    Ok(Assignment { question: question.to_owned(), ..assignment(team, &args, environment, rehearsed, Some(typed))? })
}

/// A question, with everything that the command line says about how it is answered.
pub(crate) fn assignment(
    mut team: Team,
    args: &RunArgs,
    environment: &Environment,
    rehearsed: Option<&str>,
    typed: Option<&str>,
) -> Result<Assignment, Failure> {
    if let Some(seconds) = args.orchestrator_timeout {
        team.config.timeouts.orchestrator_timeout_seconds = seconds as f64;
    }
    if let Some(cassette) = &args.cassette {
        team.config.cassette = Some(massgen_config::Text::new(cassette));
    }
    if args.budget.is_some() {
        team.config.budget.run.usd = args.budget;
    }
    if let Some(file) = &args.rate_limit {
        team.limits = spending::rate_limits(file.as_deref(), environment)?;
    }
    // A rehearsal of any question never calls what the config's programs offer.
    let starts_programs = rehearsed != Some("any");
    let scenario = rehearsed.map(scenario).transpose()?;
    let question = question::question(typed, &team.config, environment, &args.output)?;
    let cwd = args.cwd_context.map(|access| question::working_directory(access, environment));
    let contexts = cwd.into_iter().chain(question.contexts).collect();
    question::add_contexts(&mut team.config, contexts, environment);
    Ok(Assignment { team, question: question.text, scenario, starts_programs })
}
