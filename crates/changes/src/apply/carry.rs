//! Carrying an apply to its end: from the decision, or from the journal that a killed process left.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::journal::{Action, Journal, Place, Plan, Stages, Step};
use super::plan::{Decided, waiting_folder};
use super::stage::{self, Staged};
use super::step::{self, Outcome};
use super::{Applied, ApplyError, Drift, Observer, Overwritten, SkipReason, Skipped};
use crate::beneath::Folder;
use crate::entry::Entry;
use crate::isolated::{Isolated, new_home};
use crate::names::STAGE_PREFIX;

/// How the apply of a journal ended.
#[derive(Debug)]
pub(crate) enum Carried {
    /// It is finished; these files were left alone because somebody changed them.
    Finished { left: Vec<PathBuf>, overwritten: Vec<Overwritten> },
    /// It is undone; these files were left alone because somebody changed them.
    Undone { because: Option<(PathBuf, io::Error)>, left: Vec<PathBuf> },
}

/// Carries out what was decided.
pub(super) fn carry_out(
    isolated: &Isolated,
    root: &Folder,
    decided: Decided,
    drift: Drift,
    observer: &mut Observer<'_>,
) -> Result<Applied, ApplyError> {
    if decided.deletions.is_empty() && decided.puts.is_empty() {
        return Ok(decided.applied);
    }
    let (home, _owner) = new_home(isolated.state(), "applies", "apply-")?;
    let journal = Journal::at(home);
    let mut preparation = Preparation { isolated, root, journal: &journal, drift, applied: Applied::default() };
    let prepared = preparation.prepare(decided, observer);
    let mut applied = preparation.applied;
    let plan = match prepared {
        Ok(plan) => plan,
        Err(error) => {
            // The first failure is the one to tell; what cannot be removed now goes with the next recovery.
            let _ = abandon(&journal, observer);
            return Err(error);
        }
    };
    let failed = |path: PathBuf, source| ApplyError::Unfinished { path, source, journal: journal.path().to_owned() };
    match carry(root, &plan, &journal, isolated.state(), observer) {
        Ok(Carried::Finished { left, overwritten }) => {
            applied.overwritten = overwritten;
            report(&plan, &left, &mut applied);
            Ok(applied)
        }
        Ok(Carried::Undone { because: Some((path, source)), left }) => {
            Err(ApplyError::Undone { path: isolated.context().root().join(path), source, left })
        }
        Ok(Carried::Undone { because: None, left }) => Err(ApplyError::Drifted(left)),
        Err((path, source)) => Err(failed(isolated.context().root().join(path), source)),
    }
}

/// Goes on with what a killed process left. `None` if it had not come to an intent, and nothing was changed.
pub(crate) fn recover_journal(
    home: &Path,
    state: &Path,
    lock: &mut dyn FnMut(&Path, &Folder) -> io::Result<bool>,
    observer: &mut Observer<'_>,
) -> Result<Option<(PathBuf, Carried)>, (PathBuf, io::Error)> {
    let journal = Journal::at(home.to_owned());
    let at_home = |source| (home.to_owned(), source);
    let Some(plan) = journal.plan().map_err(at_home)? else {
        abandon(&journal, observer).map_err(at_home)?;
        return Ok(None);
    };
    let failed = |source| (plan.of.clone(), source);
    let root = Folder::open(&plan.root).map_err(failed)?;
    if !lock(&plan.root, &root).map_err(failed)? {
        return Err(failed(io::Error::new(io::ErrorKind::WouldBlock, "another process applies changes to it")));
    }
    let carried = carry(&root, &plan, &journal, state, observer);
    let carried = carried.map_err(|(path, source)| (plan.root.join(path), source))?;
    Ok(Some((plan.of.clone(), carried)))
}

/// Carries the plan to its end, in the direction that is written down.
fn carry(
    root: &Folder,
    plan: &Plan,
    journal: &Journal,
    state: &Path,
    observer: &mut Observer<'_>,
) -> Result<Carried, (PathBuf, io::Error)> {
    let here = |source| (PathBuf::new(), source);
    let mut because = None;
    if !journal.is_undo() {
        let mut left = Vec::new();
        match advance(root, plan, journal.is_done(), &mut left, observer) {
            Ok(()) if left.is_empty() || plan.drift != Drift::Fail => {
                marked(journal.mark_done(observer)).map_err(here)?;
                let overwritten = keep_overwritten(plan, journal, state).map_err(here)?;
                close(root, plan, journal, observer).map_err(here)?;
                return Ok(Carried::Finished { left, overwritten });
            }
            Ok(()) => {}
            Err(error) => because = Some(error),
        }
        marked(journal.mark_undo(observer)).map_err(here)?;
    }
    let mut left = Vec::new();
    if !journal.is_done() {
        for step in plan.steps.iter().rev() {
            let outcome = step::back(root, step, journal, observer);
            if outcome.map_err(|source| (step.path.clone(), source))? == Outcome::LeftAlone {
                left.push(step.path.clone());
            }
        }
        for step in &plan.steps {
            step::sync(root, step).map_err(|source| (step.path.clone(), source))?;
        }
        marked(journal.mark_done(observer)).map_err(here)?;
    }
    close(root, plan, journal, observer).map_err(here)?;
    Ok(Carried::Undone { because, left })
}

/// A full storage device does not hinder the end: without the mark, who finds the journal sees by the files how far it
/// came.
fn marked(mark: io::Result<()>) -> io::Result<()> {
    match mark {
        Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => Ok(()),
        other => other,
    }
}

/// Does all steps, unless they are done.
fn advance(
    root: &Folder,
    plan: &Plan,
    is_done: bool,
    left: &mut Vec<PathBuf>,
    observer: &mut Observer<'_>,
) -> Result<(), (PathBuf, io::Error)> {
    if is_done {
        return Ok(());
    }
    for step in &plan.steps {
        let outcome = step::forward(root, step, observer).map_err(|source| (step.path.clone(), source))?;
        let is_file = step.action.place().is_some();
        if outcome == Outcome::LeftAlone && is_file {
            left.push(step.path.clone());
            if plan.drift == Drift::Fail {
                return Ok(());
            }
        }
    }
    for step in &plan.steps {
        step::sync(root, step).map_err(|source| (step.path.clone(), source))?;
    }
    observer("steps synced");
    Ok(())
}

/// Removes what waited in the user's folders, then the journal.
fn close(root: &Folder, plan: &Plan, journal: &Journal, observer: &mut Observer<'_>) -> io::Result<()> {
    for step in &plan.steps {
        step::clear(root, step)?;
        observer("waiting file cleared");
    }
    journal.remove(observer)
}

/// Ends an apply that has not come to its intent.
fn abandon(journal: &Journal, observer: &mut Observer<'_>) -> io::Result<()> {
    if let Some(stages) = journal.stages()? {
        match Folder::open(&stages.root) {
            Ok(root) => {
                for place in &stages.places {
                    // Where the folder is gone, what waited in it is gone too.
                    if let Ok(folder) = root.descend(&place.folder) {
                        folder.remove(OsStr::new(&place.name))?;
                        observer("stage removed");
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    journal.remove(observer)
}

/// Moves the copies of files that had changed underneath to where the user can find them.
fn keep_overwritten(plan: &Plan, journal: &Journal, state: &Path) -> io::Result<Vec<Overwritten>> {
    let mut overwritten = Vec::new();
    let folder = state.join("overwritten").join(journal.id());
    for step in &plan.steps {
        let Some((_, saved, true)) = step.action.old() else { continue };
        let mut kept = None;
        if let Some(saved) = saved {
            std::fs::create_dir_all(&folder)?;
            let mut name = std::ffi::OsString::from(format!("{saved}-"));
            name.push(step.path.file_name().unwrap_or_default());
            let path = folder.join(name);
            match std::fs::rename(journal.old().join(saved), &path) {
                Ok(()) => {}
                // It was moved before the process was killed.
                Err(error) if error.kind() == io::ErrorKind::NotFound && path.exists() => {}
                Err(error) => return Err(error),
            }
            kept = Some(path);
        }
        overwritten.push(Overwritten { path: step.path.clone(), kept });
    }
    Ok(overwritten)
}

fn report(plan: &Plan, left: &[PathBuf], applied: &mut Applied) {
    for step in &plan.steps {
        let path = step.path.clone();
        let list = match step.action {
            Action::Delete { .. } => &mut applied.deleted,
            Action::Put { .. } => &mut applied.written,
            Action::RemoveFolder { .. } | Action::MakeFolder => continue,
        };
        if left.contains(&path) {
            applied.merged.retain(|merged| *merged != path);
            applied.overwritten.retain(|overwritten| overwritten.path != path);
            applied.skipped.push(Skipped { path, why: SkipReason::DriftedMeanwhile });
        } else {
            list.push(path);
        }
    }
}

/// Makes the plan real up to the intent: after it, everything is at hand for finishing and for undoing.
struct Preparation<'a> {
    isolated: &'a Isolated,
    root: &'a Folder,
    journal: &'a Journal,
    drift: Drift,
    applied: Applied,
}

impl Preparation<'_> {
    fn prepare(&mut self, decided: Decided, observer: &mut Observer<'_>) -> Result<Plan, ApplyError> {
        let Decided { deletions, removed, made, puts, applied } = decided;
        self.applied = applied;
        let paths = deletions.keys().chain(puts.iter().map(|put| &put.path));
        let mut places = Vec::new();
        for (index, path) in paths.enumerate() {
            let folder =
                waiting_folder(self.root, path, &removed).map_err(|source| self.failed("read", path, source))?;
            places.push(Place { folder, name: format!("{STAGE_PREFIX}{}-{index}", self.journal.id()) });
        }
        let root_path = self.isolated.context().root().to_owned();
        let stages = Stages { root: root_path.clone(), places: places.clone() };
        let journal_failed = |source| {
            let path = self.journal.path().to_owned();
            ApplyError::Prepare { doing: "write the journal", path, source }
        };
        self.journal.write_stages(&stages, observer).map_err(journal_failed)?;
        std::fs::create_dir(self.journal.old()).map_err(journal_failed)?;
        observer("folder for copies made");

        let copy = Folder::open(self.isolated.directory());
        let copy = copy.map_err(|source| self.failed("open the copy of", Path::new(""), source))?;
        let mut numbered = places.iter().cloned().enumerate();
        let mut steps = Vec::new();
        for (path, deletion) in deletions {
            let Some((index, place)) = numbered.next() else { break };
            let Some(saved) = self.save(&path, Some(&deletion.old), index, observer)? else { continue };
            let (old, drifted) = (deletion.old, deletion.drifted);
            steps.push(Step { path, action: Action::Delete { old, place, saved, drifted } });
        }
        steps.extend(removed.into_iter().map(|(path, mode)| Step { path, action: Action::RemoveFolder { mode } }));
        steps.extend(made.into_iter().map(|path| Step { path, action: Action::MakeFolder }));
        for put in puts {
            let Some((index, place)) = numbered.next() else { break };
            let Some(saved) = self.save(&put.path, put.old.as_ref(), index, observer)? else { continue };
            let staged = stage::stage(self.root, &copy, &put, &place, observer);
            let new = match staged.map_err(|source| self.failed("write the new content of", &put.path, source))? {
                Staged::Waits(new) => new,
                Staged::Differs => return Err(ApplyError::ChangedAfterReview(put.path)),
            };
            let (old, drifted) = (put.old, put.drifted);
            steps.push(Step { path: put.path, action: Action::Put { old, new, place, saved, drifted } });
        }
        let synced = stage::sync(self.root, &places, self.journal);
        synced.map_err(|source| self.failed("bring to the storage device what changes in", Path::new(""), source))?;
        observer("stages synced");
        let of = self.isolated.context().path().to_owned();
        let plan = Plan { root: root_path, of, drift: self.drift, steps };
        self.journal.write_plan(&plan, observer).map_err(journal_failed)?;
        Ok(plan)
    }

    /// Copies what will be replaced. The outer `None` says that it changed just now, and that the step is dropped.
    fn save(
        &mut self,
        path: &Path,
        old: Option<&Entry>,
        index: usize,
        observer: &mut Observer<'_>,
    ) -> Result<Option<Option<String>>, ApplyError> {
        let Some(old) = old else { return Ok(Some(None)) };
        let name = index.to_string();
        let saved = stage::save(self.root, path, old, self.journal, &name, observer);
        if saved.map_err(|source| self.failed("copy the old content of", path, source))? {
            return Ok(Some(matches!(old, Entry::File { .. }).then_some(name)));
        }
        if self.drift == Drift::Fail {
            return Err(ApplyError::Drifted(vec![path.to_owned()]));
        }
        self.applied.skipped.push(Skipped { path: path.to_owned(), why: SkipReason::DriftedMeanwhile });
        Ok(None)
    }

    fn failed(&self, doing: &'static str, path: &Path, source: io::Error) -> ApplyError {
        ApplyError::Prepare { doing, path: self.isolated.context().root().join(path), source }
    }
}
