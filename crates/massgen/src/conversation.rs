//! The session that runs belong to: what was said before, and where what is said now is kept.

mod copy;
mod interrupted;
mod open_turn;
mod recorded;
mod standing;

use std::path::{Path, PathBuf};

use massgen_config::{ContextPath, Environment, Permission, TeamConfig, Text};
use massgen_journal::{LogFolder, LogFolderError};
use massgen_orchestrator::EarlierTurn;
use massgen_protocol::RunView;
use massgen_sessions::{Exchange, Registration, Registry, Session, SessionStore, TurnRecord, TurnResult, TurnStatus};

use crate::args::SessionArgs;
use crate::failure::{Failure, with_causes};
use crate::question::add_contexts;
use crate::terminal;

pub(crate) use open_turn::OpenTurn;
pub(crate) use recorded::{names_a_team, recorded_team};
pub(crate) use standing::{keep_ended, log_folder, unknown};

/// How much of its first question a session has on the list for other programs.
const DESCRIPTION_CHARS: usize = 120;

/// Where the answers of a run come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Staging {
    /// From models.
    Real,
    /// From a script or a recording: kept as well, and never taken for something that was said.
    Rehearsed,
}

/// The turns of one session, those of earlier processes and those of this one.
#[derive(Debug)]
pub(crate) struct Conversation {
    store: SessionStore,
    /// The list for other programs, unless the session is kept out of it.
    registry: Option<Registry>,
    staging: Staging,
    /// The session, as soon as there is one: it is made with its first turn.
    session: Option<Session>,
    /// How a session that is still to be made is called.
    name: Option<String>,
    /// The turn that is gone on with, where a new one would begin.
    interrupted: Option<u32>,
    /// Turns that no file tells of: those of runs that leave none.
    untold: Vec<EarlierTurn>,
    /// The log folder of the latest turn of this process.
    logs: Option<LogFolder>,
}

impl Conversation {
    /// One that is still to begin.
    pub(crate) fn new(environment: &Environment, staging: Staging) -> Self {
        Self::kept_in(store(environment), staging)
    }

    /// One that is still to begin, kept somewhere else than usual.
    pub(crate) fn kept_in(store: SessionStore, staging: Staging) -> Self {
        Self {
            store,
            registry: None,
            staging,
            session: None,
            name: None,
            interrupted: None,
            untold: Vec::new(),
            logs: None,
        }
    }

    /// The one that the command line asks for.
    ///
    /// # Errors
    /// When there is nothing to go on with, or it is being worked on.
    pub(crate) fn chosen(args: &SessionArgs, environment: &Environment, staging: Staging) -> Result<Self, Failure> {
        let new = Self::new(environment, staging).listed(args, environment);
        match (&args.session_id, args.goes_on) {
            (None, false) => Ok(new),
            (None, true) => {
                let session = standing::newest(&new.store, staging)?;
                new.going_on(session)
            }
            (Some(id), true) => {
                let session = standing::with_turns(&new.store, id)?;
                new.going_on(session)
            }
            (Some(id), false) => new.named(id),
        }
    }

    /// The one that the config names, unless the command line has chosen.
    ///
    /// # Errors
    /// When the name cannot be one, or the session is being worked on.
    pub(crate) fn or_of_config(self, config: &TeamConfig) -> Result<Self, Failure> {
        match &config.session_id {
            Some(id) if self.session.is_none() && self.name.is_none() => self.named(id.as_str().trim()),
            _ => Ok(self),
        }
    }

    /// The one to which the interrupted run with this log folder belongs.
    ///
    /// # Errors
    /// When the sessions cannot be read.
    pub(crate) fn of_interrupted(self, logs: &LogFolder) -> Result<Self, Failure> {
        Ok(match interrupted::turn_of(&self.store, logs)? {
            Some((session, turn)) => Self { session: Some(session), interrupted: Some(turn.number), ..self },
            // It was interrupted before its turn began.
            None => self,
        })
    }

    /// The same with answers from somewhere else.
    pub(crate) fn staged(self, staging: Staging) -> Self {
        Self { staging, ..self }
    }

    /// With an entry on the list for other programs.
    pub(crate) fn listed(self, args: &SessionArgs, environment: &Environment) -> Self {
        let is_listed = !args.no_session_registry;
        Self { registry: is_listed.then(|| registry(environment)).flatten(), ..self }
    }

    fn named(self, id: &str) -> Result<Self, Failure> {
        match standing::named(&self.store, id)? {
            Some(session) => self.going_on(session),
            None => Ok(Self { name: Some(id.to_owned()), ..self }),
        }
    }

    fn going_on(self, session: Session) -> Result<Self, Failure> {
        standing::settle(&session)?;
        let turns = turns(&session)?.len();
        if turns > 0 {
            let count = if turns == 1 { "1 turn".to_owned() } else { format!("{turns} turns") };
            terminal::tell(&format!("going on with {}: {count} so far", session.id()));
        }
        Ok(Self { session: Some(session), ..self })
    }

    /// The session, if it has begun.
    pub(crate) fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Leaves the session: the next turn is the first of another.
    pub(crate) fn leave(&mut self) {
        (self.session, self.name, self.interrupted, self.logs) = (None, None, None, None);
        self.untold.clear();
    }

    /// What the team is told of before the next question, in order.
    ///
    /// # Errors
    /// When the session cannot be read.
    pub(crate) fn earlier(&self) -> Result<Vec<EarlierTurn>, Failure> {
        let turns = self.turns_before()?;
        let told = turns.iter().filter(|turn| self.counts(turn)).filter_map(Exchange::of_turn);
        let told = told.map(|exchange| EarlierTurn {
            number: exchange.turn,
            question: exchange.question,
            answer: exchange.answer,
        });
        let kept = turns.last().map_or(0, |turn| turn.number);
        let untold = (kept + 1..).zip(&self.untold).map(|(number, turn)| EarlierTurn { number, ..turn.clone() });
        Ok(told.chain(untold).collect())
    }

    /// Lets a team look at the files of the last final answer.
    ///
    /// # Errors
    /// When the session cannot be read.
    pub(crate) fn show_files(&self, config: &mut TeamConfig, environment: &Environment) -> Result<(), Failure> {
        let turns = self.turns_before()?;
        let completed = |turn: &&TurnRecord| turn.status == TurnStatus::Completed && self.counts(turn);
        // The answer before last had other files: they may be out of date.
        let Some(turn) = turns.iter().rfind(completed) else { return Ok(()) };
        let has_files = |path: &PathBuf| path.read_dir().is_ok_and(|mut entries| entries.next().is_some());
        let Some(path) = turn.workspace().filter(has_files) else { return Ok(()) };
        let path = std::path::absolute(&path).unwrap_or(path);
        let context = ContextPath {
            path: Text::new(path.to_string_lossy()),
            permission: Permission::Read,
            protected_paths: Vec::new(),
            description: Some(Text::new(format!("the files that go with the answer of turn {}", turn.number))),
        };
        add_contexts(config, vec![context], environment);
        Ok(())
    }

    /// The log folder of the next turn: beside that of the turn before, if this process has done that.
    pub(crate) fn next_logs(&mut self, base: &Path) -> Result<LogFolder, LogFolderError> {
        let logs = match &self.logs {
            Some(logs) => logs.next_turn()?,
            None => LogFolder::create(base)?,
        };
        Ok(self.logs.insert(logs).clone())
    }

    /// Begins the next turn, or opens the interrupted one again.
    ///
    /// # Errors
    /// When the session is being worked on, or its folder cannot be written.
    pub(crate) fn begin(&mut self, question: &str, logs: &LogFolder, about: About<'_>) -> Result<OpenTurn, Failure> {
        let failed = |error| Failure::execution(with_causes(&error)).hint("`--no-logs` runs without a session");
        let session = match &self.session {
            Some(session) => session.clone(),
            None => self.store.create(self.name.as_deref()).map_err(failed)?,
        };
        // The journal of an interrupted turn is in our own hands already.
        if self.interrupted.is_none() {
            standing::refuse_a_second(&session)?;
        }
        let folder = match (self.interrupted.take(), self.staging) {
            (Some(number), _) => session.reopen_turn(number, &logs.attempt_dir()),
            (None, Staging::Real) => session.begin_turn(question, &logs.attempt_dir()),
            (None, Staging::Rehearsed) => session.begin_rehearsal(question, &logs.attempt_dir()),
        };
        let folder = folder.map_err(failed)?;
        // What is only rehearsed is nothing for other programs.
        let registry = self.registry.clone().filter(|_| self.staging == Staging::Real);
        if let Some(registry) = &registry {
            let description = question.split_whitespace().collect::<Vec<_>>().join(" ");
            let registered = registry.register(&Registration {
                session_id: session.id().clone(),
                start_ms: now_ms(),
                config_path: about.config_path.map(Path::to_owned),
                model: about.models,
                description: Some(description.chars().take(DESCRIPTION_CHARS).collect()),
                log_directory: Some(logs.session_dir().to_owned()),
            });
            tell_of_the_list(registered);
        }
        self.session = Some(session);
        Ok(OpenTurn::new(folder, registry))
    }

    /// Keeps in mind what was said in a run that has left no files.
    pub(crate) fn remember(&mut self, view: &RunView) {
        let result = TurnResult::of_run(view);
        let number = u32::try_from(self.untold.len()).unwrap_or(u32::MAX).saturating_add(1);
        let answer = open_turn::in_words(&result.outcome);
        self.untold.push(EarlierTurn { number, question: view.question.clone(), answer });
    }

    /// The turns before the next one.
    fn turns_before(&self) -> Result<Vec<TurnRecord>, Failure> {
        let Some(session) = &self.session else { return Ok(Vec::new()) };
        let mut turns = turns(session)?;
        turns.retain(|turn| self.interrupted.is_none_or(|number| turn.number < number));
        Ok(turns)
    }

    /// Whether a turn is something that was said: to a team of models, only what models said.
    fn counts(&self, turn: &TurnRecord) -> bool {
        self.staging == Staging::Rehearsed || !turn.is_rehearsal
    }
}

/// What others are told of a session.
#[derive(Debug, Default)]
pub(crate) struct About<'a> {
    /// The config's file.
    pub(crate) config_path: Option<&'a Path>,
    /// The models of the team.
    pub(crate) models: Option<String>,
}

/// The sessions of the current directory.
pub(crate) fn store(environment: &Environment) -> SessionStore {
    SessionStore::new(environment.absolute(SessionStore::DEFAULT_BASE))
}

/// The list of this user's sessions; `None`: there is no home.
pub(crate) fn registry(environment: &Environment) -> Option<Registry> {
    environment.home.as_ref().map(|home| Registry::new(home.join(".massgen/sessions.json")))
}

/// The turns of a session.
pub(crate) fn turns(session: &Session) -> Result<Vec<TurnRecord>, Failure> {
    session.turns().map_err(|error| Failure::execution(with_causes(&error)))
}

/// A list that cannot be kept is no reason to stop a run.
fn tell_of_the_list(result: Result<Option<massgen_sessions::SetAside>, massgen_sessions::RegistryError>) {
    match result {
        Ok(None) => {}
        Ok(Some(set_aside)) => terminal::warn(&set_aside.to_string()),
        Err(error) => terminal::warn(&with_causes(&error)),
    }
}

/// Milliseconds since the Unix epoch, now.
pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
