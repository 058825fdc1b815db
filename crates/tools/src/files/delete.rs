//! Deleting what the agent knows.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use super::arguments::{DeleteFile, DeleteFilesBatch};
use super::directory::{Directory, Facts, Kind};
use super::error::FileError;
use super::ledger::is_generated;
use super::resolve::{Last, Spot, Want};
use super::session::{Said, Session};
use super::walk::{Entry, Next, Patterns, WalkRules};

/// How many examples a message names.
const EXAMPLES_MAX: usize = 3;

impl Session {
    pub(super) fn delete_file(&self, arguments: &DeleteFile) -> Said {
        let spot = self.grants.find(&arguments.path, Last::Keep, Want::Write)?;
        let (Some(facts), Some(name)) = (spot.facts()?, &spot.name) else {
            if spot.name.is_none() {
                return Err(FileError::ReadOnly { path: spot.shown, why: "it is a place of its own" });
            }
            return Err(FileError::Missing { path: spot.shown, nearest: Vec::new() });
        };
        self.may_go(&spot, facts)?;
        if facts.kind != Kind::Folder {
            self.is_known(&[(spot.path.as_path(), facts)])?;
            spot.folder.remove_file(name).map_err(|source| spot.io("delete", source))?;
            self.ledger.gone(&spot.path);
            return Ok(format!("deleted {}", spot.shown));
        }
        let mut contained = Vec::new();
        let rules = WalkRules { kept: true, secrets: true, ..WalkRules::default() };
        self.walk(&spot, rules, &mut |entry: &Entry<'_>| {
            contained.push((entry.path.to_owned(), entry.facts));
            Ok(Next::Into)
        })?;
        if !contained.is_empty() && !arguments.recursive.0 {
            return Err(FileError::Arguments(format!(
                "`{}` is a folder with {} entries; to delete all of it, set recursive",
                spot.shown,
                contained.len()
            )));
        }
        let files: Vec<_> = contained.iter().map(|(path, facts)| (path.as_path(), *facts)).collect();
        self.is_known(&files)?;
        self.remove_all(&spot)?;
        let count = files.iter().filter(|(_, facts)| facts.kind != Kind::Folder).count();
        Ok(format!("deleted {} ({count} files)", spot.shown))
    }

    pub(super) fn delete_files_batch(&self, arguments: &DeleteFilesBatch) -> Said {
        if arguments.include_patterns.is_empty() {
            return Err(FileError::Arguments("say what to delete by include_patterns, such as [\"*.tmp\"]".to_owned()));
        }
        let included = Patterns::new(&arguments.include_patterns)?;
        let excluded = Patterns::new(&arguments.exclude_patterns)?;
        let base = self.to_write(&arguments.base_path)?;
        let mut chosen = Vec::new();
        let rules = WalkRules { kept: true, ..WalkRules::default() };
        self.walk(&base, rules, &mut |entry: &Entry<'_>| {
            if excluded.covers(entry.below) {
                return Ok(Next::Past);
            }
            if entry.facts.kind != Kind::Folder && included.covers(entry.below) {
                self.grants.check(entry.path, &self.grants.shown(entry.path), Want::Write)?;
                chosen.push((entry.path.to_owned(), entry.below.to_owned(), entry.facts));
            }
            Ok(Next::Into)
        })?;
        if chosen.is_empty() {
            return Err(FileError::Arguments(format!("no file in `{}` matches; nothing was deleted", base.shown)));
        }
        let files: Vec<_> = chosen.iter().map(|(path, _, facts)| (path.as_path(), *facts)).collect();
        self.is_known(&files)?;
        let root = base.open_folder()?;
        for (index, (path, below, _)) in chosen.iter().enumerate() {
            self.go_on()?;
            remove_below(&root, below).map_err(|source| FileError::Io {
                doing: "delete",
                path: format!("{}` after {index} of {} were deleted, `{}", base.shown, chosen.len(), below.display()),
                source,
            })?;
            self.ledger.gone(path);
        }
        Ok(format!("deleted {} files in {}", chosen.len(), base.shown))
    }

    /// Removes a folder and all that is in it.
    pub(super) fn remove_all(&self, spot: &Spot) -> Result<(), FileError> {
        let Some(name) = &spot.name else { return Err(spot.not_a_file(Kind::Folder)) };
        self.remove_content(&spot.folder, name).map_err(|source| spot.io("delete", source))?;
        self.ledger.gone(&spot.path);
        Ok(())
    }

    fn remove_content(&self, folder: &Directory, name: &OsStr) -> io::Result<()> {
        let inner = folder.open_folder(name)?;
        for entry in inner.names()? {
            if self.stop.is_cancelled() {
                return Err(io::Error::from(io::ErrorKind::Interrupted));
            }
            match inner.facts(&entry)?.kind {
                Kind::Folder => self.remove_content(&inner, &entry)?,
                Kind::File | Kind::Link | Kind::Special => inner.remove_file(&entry)?,
            }
        }
        folder.remove_folder(name)
    }

    /// Checks that the agent has read or made the files, where that is asked for.
    fn is_known(&self, files: &[(&Path, Facts)]) -> Result<(), FileError> {
        if !self.settings.read_before_delete {
            return Ok(());
        }
        let below = |path: &Path| {
            let place = self.grants.grant_of(path).map(|grant| grant.real.clone());
            place.and_then(|place| path.strip_prefix(place).ok().map(Path::to_owned)).unwrap_or_default()
        };
        let is_unknown = |(path, facts): &&(&Path, Facts)| {
            facts.kind == Kind::File && facts.bytes > 0 && !self.ledger.knows(path) && !is_generated(&below(path))
        };
        let unknown: Vec<_> = files.iter().filter(is_unknown).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let examples = unknown.iter().take(EXAMPLES_MAX).map(|(path, _)| self.grants.shown(path));
        Err(FileError::Unread { files: examples.collect(), count: unknown.len() })
    }
}

/// Removes the file `below` a folder, from handle to handle.
fn remove_below(root: &Directory, below: &Path) -> io::Result<()> {
    let mut parts: Vec<_> = below.iter().collect();
    let Some(name) = parts.pop() else { return Ok(()) };
    let mut open: Option<Directory> = None;
    for part in parts {
        open = Some(open.as_ref().unwrap_or(root).open_folder(part)?);
    }
    open.as_ref().unwrap_or(root).remove_file(name)
}
