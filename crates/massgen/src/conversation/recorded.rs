//! Which team a session had.

use clap::Parser as _;
use massgen_config::Environment;
use massgen_journal::RunMetadata;
use massgen_sessions::{Session, TurnRecord};

use super::{registry, turns};
use crate::args::{Cli, TeamArgs};

/// The team of the session's last turn, by its config's file or by the command line that named it; `None`: nobody wrote
/// it down, or it is not there any more.
pub(crate) fn recorded_team(session: &Session, environment: &Environment) -> Option<TeamArgs> {
    let turns = turns(session).ok()?;
    let of_logs = turns.iter().rev().filter(|turn| !turn.is_rehearsal).find_map(|turn| of_logs(turn, environment));
    of_logs.or_else(|| of_list(session, environment))
}

fn of_logs(turn: &TurnRecord, environment: &Environment) -> Option<TeamArgs> {
    let text = std::fs::read_to_string(turn.log_dir.as_ref()?.join(RunMetadata::FILE_NAME)).ok()?;
    let metadata = RunMetadata::from_yaml(&text).ok()?;
    if let Some(path) = &metadata.config_path {
        let path = metadata.cwd.join(path);
        // The path as the user would write it is easier to recognise in messages.
        let shown = path.strip_prefix(&environment.cwd).unwrap_or(&path);
        return path.is_file().then(|| config(shown.to_string_lossy().into_owned()));
    }
    let words = metadata.cli_args.as_array().into_iter().flatten().filter_map(|word| word.as_str());
    let cli = Cli::try_parse_from(std::iter::once("massgen").chain(words)).ok()?;
    // A team that was chosen from a list is not chosen again.
    let team = TeamArgs { select: false, ..cli.run.team };
    (cli.command.is_none() && names_a_team(&team)).then_some(team)
}

/// The last entry of a name is the current one.
fn of_list(session: &Session, environment: &Environment) -> Option<TeamArgs> {
    let entries = registry(environment)?.entries().ok()?;
    let entry = entries.into_iter().rfind(|entry| entry.session_id == session.id().as_str())?;
    let path = entry.config_path?;
    environment.absolute(&path).is_file().then(|| config(path))
}

fn config(path: String) -> TeamArgs {
    TeamArgs { config: Some(path), ..TeamArgs::default() }
}

/// Whether flags say which team to ask.
pub(crate) fn names_a_team(args: &TeamArgs) -> bool {
    let names_a_model = args.backend.is_some() || args.model.is_some();
    // These say how a model is asked, and are an error without one.
    let describes = args.base_url.is_some() || args.system_message.is_some();
    args.config.is_some() || args.select || names_a_model || describes
}
