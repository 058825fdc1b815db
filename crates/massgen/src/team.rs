//! Which team: from a config file, from an example, from flags, or from the default config.

use std::path::{Path, PathBuf};

use massgen_config::{
    Diagnostics, Environment, Format, Loaded, Located, Severity, SourceText, TeamConfig, find_config,
    find_default_config, load,
};
use massgen_quota::LimitsTable;
use serde_json::Value;

use crate::args::TeamArgs;
use crate::commands::validate::verdict;
use crate::examples::{EXAMPLES, REHEARSED};
use crate::failure::Failure;
use crate::{surroundings, terminal};

/// A team and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Team {
    pub(crate) config: TeamConfig,
    /// The config's file, unless there is none.
    pub(crate) path: Option<PathBuf>,
    /// How much may be asked of providers, by the user's own limits.
    pub(crate) limits: LimitsTable,
    /// The config as written, or as it follows from flags or a scenario, without keys: for the log folder.
    pub(crate) document: Value,
}

/// Finds and reads the team that the command line asks for.
pub(crate) fn team(args: &TeamArgs, environment: &Environment) -> Result<Team, Failure> {
    find_team(args, environment)?.ok_or_else(no_team)
}

/// Finds and reads the team that the command line asks for; `None`: it names none, and none is configured.
pub(crate) fn find_team(args: &TeamArgs, environment: &Environment) -> Result<Option<Team>, Failure> {
    if let Some(argument) = &args.config {
        let (loaded, path) = load_config(argument, environment)?;
        return judged(&loaded, path, args).map(Some);
    }
    if args.backend.is_some() || args.model.is_some() {
        let config = TeamConfig::single(
            args.backend.as_deref(),
            args.model.as_deref(),
            args.base_url.as_deref(),
            args.system_message.as_deref(),
        )
        .map_err(|error| Failure::configuration(error.to_string()))?;
        let document = config.document_for_logs();
        return Ok(Some(Team { config, path: None, document, limits: LimitsTable::EMPTY }));
    }
    if args.base_url.is_some() || args.system_message.is_some() {
        return Err(Failure::execution("`--base-url` and `--system-message` need `--model` or `--backend`"));
    }
    match find_default_config(environment, Path::is_file) {
        None => Ok(None),
        Some(path) => judged(&load_file(&path, environment)?, Some(path), args).map(Some),
    }
}

/// The team that rehearses where none is configured.
pub(crate) fn rehearsed_team(environment: &Environment) -> Result<Team, Failure> {
    let args = TeamArgs { config: Some(REHEARSED.to_owned()), ..TeamArgs::default() };
    team(&args, environment)
}

/// What to say to somebody who asks without a team.
pub(crate) fn no_team() -> Failure {
    Failure::configuration("there is no team to ask")
        .hint("one model: massgen --model gemini-2.5-flash \"your question\"")
        .hint("a team: massgen --config team.yaml \"your question\", or put it in .massgen/config.yaml")
        .hint("no config yet? `massgen --quickstart` makes one, `massgen --list-examples` lists some")
        .hint("no key yet? `massgen demo` shows a team at work without any")
}

/// Finds and reads the config that an argument means, with everything that is to be said about it, and the file.
pub(crate) fn load_config(argument: &str, environment: &Environment) -> Result<(Loaded, Option<PathBuf>), Failure> {
    match find_config(argument, environment, EXAMPLES, Path::is_file) {
        Ok(Located::File(path)) => Ok((load_file(&path, environment)?, Some(path))),
        Ok(Located::Example(example)) => {
            Ok((loaded(&SourceText::new(example.name, example.text, Format::Yaml), environment), None))
        }
        Err(error) if argument.starts_with("@examples/") => {
            Err(Failure::configuration(error.to_string()).hint("massgen --list-examples lists them"))
        }
        Err(error) => Err(Failure::configuration(error.to_string())),
    }
}

/// Reads the config in a file.
pub(crate) fn load_file(path: &Path, environment: &Environment) -> Result<Loaded, Failure> {
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::configuration(format!("the config {} cannot be read: {error}", path.display())))?;
    let source = SourceText::from_bytes(&path.display().to_string(), bytes)
        .map_err(|error| Failure::configuration(error.to_string()))?;
    Ok(loaded(&source, environment))
}

fn loaded(source: &SourceText, environment: &Environment) -> Loaded {
    let mut loaded = load(source, environment);
    loaded.check_context_paths(environment, Path::exists);
    loaded
}

/// Tells what is to be told about a config, and refuses one that is not to be run.
fn judged(loaded: &Loaded, path: Option<PathBuf>, args: &TeamArgs) -> Result<Team, Failure> {
    let diagnostics = &loaded.diagnostics;
    let Some(config) = loaded.config.clone() else { return Err(rejected(diagnostics)) };
    if args.strict_validation && diagnostics.count(Severity::Warning) > 0 {
        return Err(rejected(diagnostics).hint("without --strict-validation, warnings do not stop a run"));
    }
    if !args.skip_validation && !diagnostics.is_empty() {
        terminal::tell_painted(&diagnostics.render(surroundings::colour()));
    }
    Ok(Team { config, path, document: loaded.document_for_logs(), limits: LimitsTable::EMPTY })
}

fn rejected(diagnostics: &Diagnostics) -> Failure {
    terminal::tell_painted(&diagnostics.render(surroundings::colour()));
    Failure::configuration(format!("the config {} has {}", diagnostics.source().name, verdict(diagnostics)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::rehearse::{scenario, team_of};

    #[test]
    fn a_team_without_a_file_is_told_of_in_the_log_folder() {
        let args = TeamArgs { model: Some("gpt-5-mini".to_owned()), ..TeamArgs::default() };
        let single = team(&args, &Environment::default()).unwrap();
        assert_eq!(single.document["agents"][0]["backend"]["model"], "gpt-5-mini");
        let rehearsed = team_of(&scenario("quasar").unwrap()).unwrap();
        let told = rehearsed.document["agents"].as_array().map_or(0, Vec::len);
        assert_eq!(told, rehearsed.config.agents.len());
    }
}
