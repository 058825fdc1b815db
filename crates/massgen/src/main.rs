//! The `massgen` command: arguments in, a team's answer out.

mod agents;
mod args;
mod assignment;
mod bench;
mod cassette;
mod commands;
mod conversation;
mod delivery;
mod display;
#[cfg(test)]
mod documentation;
mod examples;
mod failure;
mod first_use;
mod interactive;
mod options;
mod private_directory;
mod question;
mod report;
mod run;
mod signals;
mod spending;
mod surroundings;
mod team;
mod terminal;
mod unbuilt;
mod workshop;

use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use massgen_rehearsal::Scenario;

use crate::args::{Cli, CliCommand, ListArgs, Task};
use crate::commands::new_config::{Way, new_config};
use crate::commands::show_schema::{Scope, show_schema};
use crate::commands::validate::{Judgement, validate};
use crate::failure::Failure;

fn main() -> ExitCode {
    // A command of an agent is started by this same program, which first puts itself into the box.
    if let Some(code) = massgen_sandbox::helper_main_if_asked() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    // The only provider in the program; `Err` means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let result = match &cli.command {
        None => without_command(&cli),
        Some(CliCommand::Demo(args)) => commands::demo::demo(args),
        Some(CliCommand::Rehearse(args)) => commands::rehearse::rehearse(args),
        Some(CliCommand::Record(args)) => commands::record::record(args),
        Some(CliCommand::Replay(args)) => commands::replay::replay(args),
        Some(CliCommand::Resume(args)) => commands::resume::resume(args),
        Some(CliCommand::Sessions(args)) => commands::sessions::sessions(args),
        Some(CliCommand::Costs(args)) => commands::costs::costs(args),
        Some(CliCommand::Doctor) => commands::doctor::doctor(),
        Some(CliCommand::Bench(args)) => bench::bench(args),
        Some(CliCommand::Completions { shell }) => commands::manual::completions(*shell),
        Some(CliCommand::Man) => commands::manual::man(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_told() {
                terminal::tell(&failure.to_string());
            }
            failure.exit_code()
        }
    }
}

/// Does what the flags ask for.
fn without_command(cli: &Cli) -> Result<(), Failure> {
    let (discovery, setup) = (&cli.discovery, &cli.setup);
    match cli.task() {
        Some(Task::Validate(file)) => validate(file, Judgement { strict: discovery.strict, json: discovery.json }),
        Some(Task::ListBackends) => commands::list_backends::list_backends(discovery.json),
        Some(Task::ShowSchema) => show_schema(Scope {
            backend: discovery.schema_backend.as_deref(),
            with_examples: discovery.with_examples,
            json: discovery.json,
        }),
        Some(Task::ListSessions { all }) => {
            let list = ListArgs { limit: 10, all, json: discovery.json };
            commands::sessions::list(&list, &surroundings::environment()?)
        }
        Some(Task::ListExamples) => commands::list_examples::list(),
        Some(Task::Example(name)) => commands::list_examples::print(name),
        Some(Task::Setup(name)) => commands::setup::setup(name),
        Some(Task::Quickstart) => new_config(Way::Quickstart, setup),
        Some(Task::Init) => new_config(Way::Init, setup),
        Some(Task::Generate) => new_config(Way::Flags, setup),
        None => match setup.stray_flag() {
            None => commands::ask::ask(&cli.run),
            Some(flag) => Err(Failure::execution(format!("`{flag}` describes a config, and none is asked for"))
                .hint("add --quickstart, --init or --generate-config FILE")),
        },
    }
}

/// Help and version are results; everything else is an error of usage, with exit code 2.
fn usage(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if let Some((name, instead)) = not_built(error) {
        let failure = Failure::execution(format!("`{name}` is not supported yet")).hint(instead);
        terminal::tell(&failure.to_string());
        return failure.exit_code();
    }
    if let Some(failure) = without_quotes(error) {
        terminal::tell(&failure.to_string());
        return failure.exit_code();
    }
    let _ = error.print();
    ExitCode::from(2)
}

/// A question of several arguments, which clap takes for a subcommand behind a question.
fn without_quotes(error: &clap::Error) -> Option<Failure> {
    let Some(ContextValue::String(second)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let before = match error.get(ContextKind::PriorArg)? {
        ContextValue::String(one) => std::slice::from_ref(one),
        ContextValue::Strings(several) => several.as_slice(),
        _ => return None,
    };
    if !before.iter().any(|argument| argument == "[QUESTION]") {
        return None;
    }
    let failure = Failure::execution(format!("`{second}` comes after what is taken for the question"));
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let scenario = arguments.iter().skip_while(|argument| *argument != "--rehearse").nth(1);
    Some(match scenario.filter(|name| Scenario::builtin(name).is_some() || name.ends_with(".yaml")) {
        Some(name) => failure.hint(format!("write `--rehearse={name}` to name the scenario")),
        None => failure.hint("put the question in quotes: massgen \"What is 2 + 2?\""),
    })
}

/// What of the Python MassGen was asked for that is not built, and what to use instead.
fn not_built(error: &clap::Error) -> Option<(String, &'static str)> {
    let first = std::env::args_os().nth(1).and_then(|argument| argument.into_string().ok());
    if let Some((command, instead)) = first.as_deref().and_then(unbuilt::command) {
        return Some((format!("massgen {command}"), instead));
    }
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) if error.kind() == ErrorKind::UnknownArgument => {
            Some((flag.clone(), unbuilt::instead_of(flag)?))
        }
        _ => None,
    }
}
