//! `massgen "question"`: ask a team, or one model.

use massgen_config::Environment;

use crate::args::{OutputArgs, RunArgs, TeamArgs};
use crate::assignment::Assignment;
use crate::commands::rehearse::scenario;
use crate::commands::select::select;
use crate::commands::welcome::{nothing_configured, welcome};
use crate::failure::Failure;
use crate::first_use::Dialogue;
use crate::team::{Team, find_team, rehearsed_team};
use crate::{question, surroundings, terminal, unbuilt};

/// Runs what the command line asks for.
pub(crate) fn ask(args: &RunArgs) -> Result<(), Failure> {
    if let Some((command, instead)) = args.question.as_deref().and_then(unbuilt::command) {
        return Err(Failure::execution(format!("`massgen {command}` is not supported yet"))
            .hint(instead)
            .hint("if that is your question, say it in more words"));
    }
    let environment = surroundings::environment()?;
    let can_talk = Dialogue::is_possible() && !args.output.automation && !args.output.stream_events;
    let chosen = if args.team.select { Some(select(&environment)?) } else { args.team.config.clone() };
    let team_args = TeamArgs { config: chosen, ..args.team.clone() };
    match find_team(&team_args, &environment)? {
        Some(team) => answer(team, args, &environment, args.rehearse.as_deref(), can_talk),
        None if args.rehearse.is_some() => {
            let team = rehearsed_team(&environment)?;
            answer(team, args, &environment, args.rehearse.as_deref(), can_talk)
        }
        None if can_talk => begin(args),
        None => Err(nothing_configured(&environment)),
    }
}

/// The way of a new user: a team is proposed, and then asked.
fn begin(args: &RunArgs) -> Result<(), Failure> {
    let Some(beginning) = welcome()? else { return Ok(()) };
    let rehearsed = args.rehearse.as_deref().or(beginning.is_rehearsal.then_some("any"));
    answer(beginning.team, args, &beginning.environment, rehearsed, true)?;
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
    can_talk: bool,
) -> Result<(), Failure> {
    let typed = match &args.question {
        None if can_talk && team.config.prompt.is_none() => Some(Dialogue::of_process().ask("Your question", "")?),
        given => given.clone(),
    };
    assignment(team, args, environment, rehearsed, typed.as_deref())?.carry_out(&args.output, environment, None)
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

fn assignment(
    mut team: Team,
    args: &RunArgs,
    environment: &Environment,
    rehearsed: Option<&str>,
    typed: Option<&str>,
) -> Result<Assignment, Failure> {
    if let Some(seconds) = args.orchestrator_timeout {
        team.config.timeouts.orchestrator_timeout_seconds = seconds as f64;
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
