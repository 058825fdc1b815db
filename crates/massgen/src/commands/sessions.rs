//! `massgen sessions`: what was asked and answered before.

mod list;
mod remove;
mod search;
mod show;
pub(crate) mod words;

use massgen_config::Environment;
use massgen_sessions::{Index, IndexError, Opened, Session, SessionError, SessionStore};

use crate::args::{SessionsArgs, SessionsCommand};
use crate::conversation::{store, unknown};
use crate::failure::{Failure, with_causes};
use crate::{surroundings, terminal};

pub(crate) use list::list;

/// Does what the command line asks for.
pub(crate) fn sessions(args: &SessionsArgs) -> Result<(), Failure> {
    let environment = surroundings::environment()?;
    match &args.command {
        None => list(&args.list, &environment),
        Some(SessionsCommand::List(args)) => list(args, &environment),
        Some(SessionsCommand::Show(args)) => show::show(args, &environment),
        Some(SessionsCommand::Search(args)) => search::search(args, &environment),
        Some(SessionsCommand::Export(args)) => show::export(args, &environment),
        Some(SessionsCommand::Delete(args)) => remove::delete(args, &environment),
        Some(SessionsCommand::Prune(args)) => remove::prune(args, &environment),
    }
}

/// The index, with everything that has happened since it was last used; `None`: there are no sessions at all.
pub(crate) fn index(environment: &Environment) -> Result<Option<Index>, Failure> {
    let store = store(environment);
    if !store.base().is_dir() {
        return Ok(None);
    }
    let failed = |error: IndexError| Failure::execution(with_causes(&error));
    let (mut index, opened) = Index::open(&Index::default_path(store.base())).map_err(failed)?;
    if let Opened::Replaced { found, kept_as: Some(kept_as) } = opened {
        terminal::warn(&format!("in the place of the index there was {found}; it is kept as {}", kept_as.display()));
    }
    index.refresh(&store).map_err(failed)?;
    Ok(Some(index))
}

/// The session of this name.
fn session(store: &SessionStore, id: &str) -> Result<Session, Failure> {
    store.open(id).map_err(|error| match error {
        SessionError::Missing { .. } => unknown(store, id),
        error => failed(&error),
    })
}

fn failed(error: &SessionError) -> Failure {
    match error {
        SessionError::BadId { .. } | SessionError::NotAFolder { .. } => Failure::configuration(with_causes(error)),
        error => Failure::execution(with_causes(error)),
    }
}

/// What to say where there is nothing.
fn nothing(store: &SessionStore) {
    terminal::tell(&format!("no sessions in {}; every question begins one", store.base().display()));
}
