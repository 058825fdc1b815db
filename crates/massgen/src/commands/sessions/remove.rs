//! `massgen sessions delete` and `massgen sessions prune`.

use std::path::Path;

use massgen_config::Environment;
use massgen_sessions::{PruneRule, Pruned, Removed, SessionError};

use super::{failed, words};
use crate::args::{DeleteArgs, PruneArgs};
use crate::conversation::{now_ms, registry, store, unknown};
use crate::failure::{Failure, with_causes};
use crate::terminal;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Deletes a session. Its log folders stay.
pub(super) fn delete(args: &DeleteArgs, environment: &Environment) -> Result<(), Failure> {
    let store = store(environment);
    let removed = store.delete(&args.id).map_err(|error| match error {
        SessionError::Missing { .. } => unknown(&store, &args.id),
        error => failed(&error),
    })?;
    forget(&removed, environment);
    terminal::print_line(&format!("deleted {} ({})", removed.id, words::bytes(removed.bytes)));
    Ok(())
}

/// Deletes what is old or too much.
pub(super) fn prune(args: &PruneArgs, environment: &Environment) -> Result<(), Failure> {
    let rule = PruneRule {
        older_than_ms: args.older_than.map(|days| now_ms().saturating_sub(u64::from(days) * DAY_MS)),
        keep_bytes: args.keep_mb.map(|megabytes| u64::from(megabytes) * 1_000_000),
    };
    let store = store(environment);
    let pruned = if args.dry_run { store.prune_plan(rule) } else { store.prune(rule) };
    let Pruned { removed, spared, kept_bytes, left_behind } = pruned.map_err(|error| failed(&error))?;
    let done = if args.dry_run { "would delete" } else { "deleted" };
    for session in &removed {
        if !args.dry_run {
            forget(session, environment);
        }
        let (bytes, when) = (words::bytes(session.bytes), words::moment(session.updated_ms));
        terminal::print_line(&format!("{done} {} ({bytes}, last worked on {when})", session.id));
    }
    for session in &spared {
        terminal::warn(&format!("{} stays: {}", session.id, with_causes(&session.error)));
    }
    let freed = removed.iter().map(|session| session.bytes).sum();
    let summary = format!(
        "{} of {}; {} stay",
        words::count(removed.len() as u64, "session"),
        words::bytes(freed),
        words::bytes(kept_bytes)
    );
    terminal::print_line(&format!("{done} {summary}"));
    left_behind.map_or(Ok(()), |error| Err(failed(&error)))
}

/// Takes a session off the list for other programs. One of the same name in another directory stays.
fn forget(removed: &Removed, environment: &Environment) {
    let Some(registry) = registry(environment) else { return };
    let is_here = |log: &str| Path::new(log).starts_with(&environment.cwd);
    let entries = registry.entries().unwrap_or_default();
    let is_ours = entries
        .iter()
        .any(|entry| entry.session_id == removed.id.as_str() && entry.log_directory.as_deref().is_none_or(is_here));
    if is_ours && let Err(error) = registry.remove(&removed.id) {
        terminal::warn(&with_causes(&error));
    }
}
