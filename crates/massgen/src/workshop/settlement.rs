//! What becomes of the changes that the final presenter made to the user's own files.

use std::path::PathBuf;
use std::sync::Arc;

use massgen_changes::{Applied, ChangeSet, Drift, FileSelection, Isolated, Review, Selection, Step, apply};
use massgen_config::Apply;
use massgen_protocol::Activity;
use tokio_util::sync::CancellationToken;

use super::asking::on_a_thread;
use crate::failure::with_causes;
use crate::first_use::Dialogue;
use crate::terminal::{self, harmless};

/// What became of the changes in one copy.
pub(crate) enum Settled {
    /// Nothing had been changed.
    Unchanged,
    /// It is over.
    Done(Activity),
    /// The presenter is to change something first.
    AskedFor(String),
}

/// How changes are settled.
#[derive(Debug, Clone)]
pub(crate) struct Settlement {
    pub(crate) apply: Apply,
    pub(crate) drift: Drift,
    /// Where changes are kept as a patch, whatever becomes of them.
    pub(crate) patches: PathBuf,
}

/// The changes in one copy, read and kept.
struct Offer {
    path: String,
    changes: ChangeSet,
    patch: Option<PathBuf>,
}

impl Settlement {
    /// Settles the changes in one copy, asking the user where the config says so, until `cancel`.
    pub(crate) async fn settle(
        &self,
        copy: &Arc<Isolated>,
        broken_off: Option<&'static str>,
        cancel: &CancellationToken,
    ) -> Settled {
        let (own, of) = (self.clone(), Arc::clone(copy));
        let offer = match tokio::task::spawn_blocking(move || own.offer(&of)).await {
            Ok(Ok(Some(offer))) => offer,
            Ok(Ok(None)) => return Settled::Unchanged,
            Ok(Err(activity)) => return Settled::Done(*activity),
            Err(error) => return Settled::Done(Activity::Notice { agent: None, text: error.to_string() }),
        };
        let selection = match (self.apply, broken_off) {
            (Apply::Always, Some(why)) => {
                return offer.done(0, &format!("not applied: {why}, so they may be half done"));
            }
            (Apply::Always, None) => Selection::all(),
            (Apply::Never, _) => {
                return offer
                    .done(0, "not applied: nobody was asked (`apply: always` in the config writes changes back)");
            }
            (Apply::Ask, _) => {
                let (path, changes) = (offer.path.clone(), offer.changes.clone());
                let answered = tokio::select! {
                    answered = on_a_thread(move || review(&path, &changes, broken_off)) => answered,
                    // The thread is left alone with its question: nobody waits for it.
                    () = cancel.cancelled() => Some(Err("not applied: the review was stopped".to_owned())),
                };
                match answered {
                    Some(Ok(Asked::Selected(selection))) => selection,
                    Some(Ok(Asked::Request(request))) => return Settled::AskedFor(request),
                    Some(Err(problem)) => return offer.done(0, &problem),
                    None => return offer.done(0, "not applied: the review failed"),
                }
            }
        };
        if selection.is_nothing() {
            return offer.done(0, "rejected");
        }
        let (drift, of) = (self.drift, Arc::clone(copy));
        let applied = tokio::task::spawn_blocking(move || {
            let result = apply(&of, &offer.changes, &selection, drift);
            match result {
                Ok(applied) => {
                    let count = applied.written.len() + applied.deleted.len();
                    let note = note(&offer.changes, &selection, &applied);
                    offer.done(count, &note)
                }
                Err(error) => offer.done(0, &format!("not applied: {}", with_causes(&error))),
            }
        });
        applied.await.unwrap_or_else(|error| Settled::Done(Activity::Notice { agent: None, text: error.to_string() }))
    }

    /// Reads the changes, and keeps them as a patch before anything is asked or done.
    fn offer(&self, copy: &Isolated) -> Result<Option<Offer>, Box<Activity>> {
        let path = copy.context().path().display().to_string();
        match copy.changes() {
            Ok(changes) if changes.is_empty() => Ok(None),
            Ok(changes) => {
                let patch = self.patch(copy, &changes);
                Ok(Some(Offer { path, changes, patch }))
            }
            Err(error) => {
                let note = format!("the changes cannot be read: {}", with_causes(&error));
                Err(Box::new(Activity::ChangesOffered { path, changed: 0, applied: 0, note, patch: None }))
            }
        }
    }

    fn patch(&self, copy: &Isolated, changes: &ChangeSet) -> Option<PathBuf> {
        let folder = &self.patches;
        crate::private_directory::private_directory(folder).ok()?;
        let name = copy.context().path().file_name().map_or_else(|| "changes".into(), |name| name.to_string_lossy());
        let mut path = folder.join(format!("{name}.patch"));
        let mut number = 2;
        while path.exists() {
            path = folder.join(format!("{name}_{number}.patch"));
            number += 1;
        }
        std::fs::write(&path, changes.unified()).ok()?;
        Some(path)
    }
}

impl Offer {
    fn done(&self, applied: usize, note: &str) -> Settled {
        Settled::Done(Activity::ChangesOffered {
            path: self.path.clone(),
            changed: self.changes.files.len() as u64,
            applied: applied as u64,
            note: note.to_owned(),
            patch: self.patch.as_ref().map(|patch| patch.display().to_string()),
        })
    }
}

/// What was done and what was not.
fn note(changes: &ChangeSet, selection: &Selection, applied: &Applied) -> String {
    let mut parts = vec!["applied".to_owned()];
    let rejected = changes.applicable().filter_map(|file| match selection.of(&file.path) {
        FileSelection::All => None,
        FileSelection::Part { hunks, .. } if hunks.len() >= file.hunks.len() => None,
        FileSelection::None => Some(file.path.display().to_string()),
        FileSelection::Part { .. } => Some(format!("part of {}", file.path.display())),
    });
    let rejected: Vec<String> = rejected.collect();
    if !rejected.is_empty() {
        parts.push(format!("rejected: {}", rejected.join(", ")));
    }
    parts.extend(
        applied.skipped.iter().map(|skipped| format!("{} was not applied: {}", skipped.path.display(), skipped.why)),
    );
    for file in &changes.files {
        parts.extend(file.refused.map(|why| format!("{} was not applied: {why}", file.path.display())));
    }
    for file in &applied.overwritten {
        if let Some(kept) = &file.kept {
            let (path, kept) = (file.path.display(), kept.display());
            parts.push(format!("{path} had changed meanwhile: your version is in {kept}"));
        }
    }
    harmless(&parts.join("; "))
}

enum Asked {
    Selected(Selection),
    Request(String),
}

/// Asks the user, change by change.
fn review(path: &str, changes: &ChangeSet, broken_off: Option<&str>) -> Result<Asked, String> {
    let mut review = Review::new(changes.clone());
    let _held = terminal::hold();
    let mut dialogue = Dialogue::beside_a_run();
    dialogue.say(&format!("\nChanges to {}: {}", harmless(path), review.introduction()));
    if let Some(why) = broken_off {
        dialogue.say(&format!("Careful: {why}, so they may be half done."));
    }
    while !review.is_over() {
        let answer = dialogue.reply(&review.prompt()).map_err(|_| "not applied: the review was ended".to_owned())?;
        match review.answer(&answer) {
            Step::Explain(text) => dialogue.say(&text),
            Step::Ask => {}
            Step::Done(_) => break,
        }
    }
    let verdict = review.verdict();
    Ok(verdict.request.map_or(Asked::Selected(verdict.selection), Asked::Request))
}

/// Removes a copy that is no longer needed. What cannot be removed now is removed when massgen starts again.
pub(crate) fn discard(copy: Arc<Isolated>) {
    if let Ok(copy) = Arc::try_unwrap(copy) {
        let _ = copy.discard();
    }
}
