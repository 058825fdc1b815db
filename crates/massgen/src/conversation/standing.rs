//! Which session there is to go on with, and whether it can be gone on with now.

use massgen_journal::LogFolder;
use massgen_protocol::RunView;
use massgen_sessions::{Session, SessionError, SessionStore, TurnRecord, TurnStatus};

use super::interrupted::turn_of;
use super::open_turn::OpenTurn;
use super::{Staging, turns};
use crate::failure::{Failure, with_causes};
use crate::terminal;

/// How many sessions are named to somebody who has named one that is not there.
const NAMED_MAX: usize = 5;

/// The session that was worked on last. For models, one in which models have spoken.
pub(super) fn newest(store: &SessionStore, staging: Staging) -> Result<Session, Failure> {
    let has_turns = |session: &Session| {
        let turns = session.turns().unwrap_or_default();
        turns.iter().any(|turn| staging == Staging::Rehearsed || !turn.is_rehearsal)
    };
    let sessions = recent(store)?;
    sessions.iter().find(|session| has_turns(session)).cloned().ok_or_else(|| {
        let base = store.base().display();
        if sessions.is_empty() {
            Failure::configuration(format!("nothing to continue: there is no session in {base}"))
                .hint("every question begins one; sessions belong to the directory that massgen is started in")
        } else {
            Failure::configuration(format!("nothing to continue: no model has answered in any session in {base}"))
                .hint("a rehearsal is continued by another one: massgen --rehearse --continue \"your question\"")
        }
    })
}

/// The session of this name, if it has turns.
pub(super) fn with_turns(store: &SessionStore, id: &str) -> Result<Session, Failure> {
    match named(store, id)? {
        Some(session) if !turns(&session)?.is_empty() => Ok(session),
        _ => Err(unknown(store, id)),
    }
}

/// The session of this name; `None`: there is none, and the name may be given to one.
pub(super) fn named(store: &SessionStore, id: &str) -> Result<Option<Session>, Failure> {
    match store.open(id) {
        Ok(session) => Ok(Some(session)),
        Err(SessionError::Missing { .. }) => Ok(None),
        Err(error) => Err(Failure::configuration(with_causes(&error))),
    }
}

/// What to say to somebody who names a session that is not there.
pub(crate) fn unknown(store: &SessionStore, id: &str) -> Failure {
    let failure = Failure::configuration(format!(
        "there is no session `{}` with a turn in {}",
        terminal::harmless(id),
        store.base().display()
    ));
    let ids: Vec<String> = store.recent().unwrap_or_default().iter().map(|session| session.id().to_string()).collect();
    match ids.get(..NAMED_MAX).unwrap_or(&ids) {
        [] => failure.hint("there is none at all; sessions belong to the directory that massgen is started in"),
        newest => failure.hint(format!("the newest are {}; `massgen sessions` lists them", newest.join(", "))),
    }
}

fn recent(store: &SessionStore) -> Result<Vec<Session>, Failure> {
    store.recent().map_err(|error| Failure::execution(with_causes(&error)))
}

/// Fails while another run of the session is at work.
pub(super) fn refuse_a_second(session: &Session) -> Result<(), Failure> {
    // Who only looks at a session holds it for a moment as well; a run is known by its turn.
    if !turns(session)?.iter().any(|turn| turn.status == TurnStatus::Running) {
        return Ok(());
    }
    match session.is_alive() {
        Ok(false) => Ok(()),
        Ok(true) => Err(Failure::execution(format!("a run of session {} is at work in another process", session.id()))
            .hint("wait for it, or stop that process")
            .hint("without --continue and --session-id, a session of its own begins")),
        Err(error) => Err(Failure::execution(with_causes(&error))),
    }
}

/// Sees to it that a session can be gone on with. A turn whose process died is kept with what its journal has.
pub(super) fn settle(session: &Session) -> Result<(), Failure> {
    refuse_a_second(session)?;
    for turn in turns(session)?.iter().filter(|turn| turn.status == TurnStatus::Running) {
        let Some(logs) = turn.log_dir.as_deref().and_then(log_folder) else { continue };
        let settled = settle_from_journal(session, turn, &logs);
        if settled.is_none_or(|settled| settled.status != TurnStatus::Completed) {
            terminal::warn(&format!(
                "turn {} was interrupted, as its process died: the team is told what there is of it\n         \
                 (to finish it first: massgen resume {})",
                turn.number,
                logs.session_id(),
            ));
        }
    }
    Ok(())
}

/// Keeps what a run came to whose process died after its end, before its turn was written.
pub(crate) fn keep_ended(store: &SessionStore, logs: &LogFolder) {
    let found = turn_of(store, logs).ok().flatten();
    if let Some((session, turn)) = found.filter(|(_, turn)| turn.status == TurnStatus::Running && !turn.is_alive()) {
        settle_from_journal(&session, &turn, logs);
    }
}

/// What the journal has of a turn, as the turn's result. What cannot be read leaves the turn as it is.
fn settle_from_journal(session: &Session, turn: &TurnRecord, logs: &LogFolder) -> Option<TurnRecord> {
    let reading = massgen_journal::read(&logs.journal()).ok()?;
    let view = RunView::replay(&reading.records);
    let folder = session.reopen_turn(turn.number, &logs.attempt_dir()).ok()?;
    OpenTurn::new(folder, None).finish(&view, Some(logs), &[])
}

/// The log folder of an attempt, `…/log_…/turn_1/attempt_1`, in the newest attempt at its turn.
pub(crate) fn log_folder(attempt: &std::path::Path) -> Option<LogFolder> {
    let number = |path: &std::path::Path, prefix: &str| -> Option<u32> {
        path.file_name()?.to_str()?.strip_prefix(prefix)?.parse().ok()
    };
    let turn = attempt.parent()?;
    let (session, first, turn) = (turn.parent()?, number(attempt, "attempt_")?, number(turn, "turn_")?);
    let attempts = (first..).map_while(|attempt| LogFolder::open(session, turn, attempt).ok());
    attempts.last()
}
