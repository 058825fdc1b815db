//! Copying and moving, within a place and from one to another.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::io::Errno;

use super::arguments::{CopyFile, CopyFilesBatch, MoveFile};
use super::directory::{Directory, Facts, Kind, Replace, is_errno};
use super::error::{FileError, size_text};
use super::grants::Access;
use super::resolve::{Last, Spot, Want};
use super::session::{Said, Session};
use super::walk::{Entry, Next, Patterns, WalkRules};

/// What a copy of many files came to.
#[derive(Debug, Default)]
struct Copied {
    files: usize,
    bytes: u64,
    links: usize,
    /// Files that were there already.
    kept: Vec<String>,
}

impl Session {
    pub(super) fn copy_file(&self, arguments: &CopyFile) -> Said {
        let source = self.to_read(&arguments.source_path)?;
        let Some(facts) = source.facts()? else {
            return Err(FileError::Missing { path: source.shown, nearest: Vec::new() });
        };
        let mut destination = self.to_write(&arguments.destination_path)?;
        let is_folder = |spot: &Spot| spot.facts().map(|facts| facts.is_some_and(|facts| facts.kind == Kind::Folder));
        if facts.kind == Kind::Folder {
            self.not_into_itself(&source, &destination)?;
            if destination.facts()?.is_some() && !arguments.overwrite.0 {
                return Err(exists(&destination));
            }
            let copied = self.copy_all(&source, &destination, None, &none()?, arguments.overwrite.0)?;
            return Ok(copied.told(&destination.shown));
        }
        if is_folder(&destination)? || arguments.destination_path.ends_with('/') {
            // Into a folder, under its own name.
            let name = source.name.clone().unwrap_or_default();
            let inner = Path::new(&arguments.destination_path).join(name);
            destination = self.to_write(&inner.display().to_string())?;
        }
        let (file, facts) = source.open_file()?;
        self.not_itself(facts, &source, &destination)?;
        let (folder, name) = destination.make_parent()?;
        let replace = if arguments.overwrite.0 { Replace::Always } else { Replace::Never };
        folder.copy_in(name, (&file, facts), replace, &self.stop).map_err(|error| not_placed(&destination, error))?;
        self.ledger.note(&destination.path);
        Ok(format!("copied {} to {} ({})", source.shown, destination.shown, size_text(facts.bytes)))
    }

    pub(super) fn copy_files_batch(&self, arguments: &CopyFilesBatch) -> Said {
        let source = self.to_read(&arguments.source_base_path)?;
        let text = arguments.destination_base_path.as_str();
        let destination = self.to_write(if text.is_empty() { "." } else { text })?;
        self.not_into_itself(&source, &destination)?;
        let included = match arguments.include_patterns.as_slice() {
            [] => None,
            patterns => Some(Patterns::new(patterns)?),
        };
        let excluded = Patterns::new(&arguments.exclude_patterns)?;
        let copied = self.copy_all(&source, &destination, included.as_ref(), &excluded, arguments.overwrite.0)?;
        if copied.files + copied.links + copied.kept.len() == 0 {
            return Err(FileError::Arguments(format!("no file in `{}` matches; nothing was copied", source.shown)));
        }
        Ok(copied.told(&destination.shown))
    }

    pub(super) fn move_file(&self, arguments: &MoveFile) -> Said {
        let source = self.grants.find(&arguments.source, Last::Keep, Want::Write)?;
        let Some(facts) = source.facts()? else {
            return Err(FileError::Missing { path: source.shown, nearest: Vec::new() });
        };
        let destination = self.grants.find(&arguments.destination, Last::Keep, Want::Write)?;
        if destination.facts()?.is_some() {
            return Err(exists(&destination));
        }
        self.may_go(&source, facts)?;
        self.not_into_itself(&source, &destination)?;
        let arriving = self.content(&source, facts)?;
        for below in &arriving {
            self.grants.check(&join(&destination.path, below), &arguments.destination, Want::Write)?;
        }
        let Some(source_name) = &source.name else { return Err(source.not_a_file(Kind::Folder)) };
        let (folder, name) = destination.make_parent()?;
        match source.folder.move_to(source_name, &folder, name) {
            Ok(()) => {}
            Err(error) if is_errno(&error, Errno::XDEV) => self.move_by_copy(&source, facts, &destination)?,
            Err(error) => return Err(not_placed(&destination, error)),
        }
        self.ledger.moved(&source.path, &destination.path);
        Ok(format!("moved {} to {}", source.shown, destination.shown))
    }

    /// Checks that `spot` may go away from where it is, with all that is in it.
    pub(super) fn may_go(&self, spot: &Spot, facts: Facts) -> Result<(), FileError> {
        if spot.name.is_none() || self.grants.holds_place(&spot.path) {
            let why = "it is, or holds, a place of its own or a protected path";
            return Err(FileError::ReadOnly { path: spot.shown.clone(), why });
        }
        for below in self.content(spot, facts)? {
            let path = join(&spot.path, &below);
            self.grants.check(&path, &self.grants.shown(&path), Want::Write)?;
        }
        Ok(())
    }

    /// The paths of all that is in `spot`, below it.
    fn content(&self, spot: &Spot, facts: Facts) -> Result<Vec<PathBuf>, FileError> {
        let mut paths = Vec::new();
        if facts.kind == Kind::Folder {
            let rules = WalkRules { kept: true, secrets: true, ..WalkRules::default() };
            self.walk(spot, rules, &mut |entry: &Entry<'_>| {
                paths.push(entry.below.to_owned());
                Ok(Next::Into)
            })?;
        }
        Ok(paths)
    }

    fn move_by_copy(&self, source: &Spot, facts: Facts, destination: &Spot) -> Result<(), FileError> {
        match (facts.kind, &source.name) {
            (Kind::Folder, _) => {
                self.copy_all(source, destination, None, &none()?, false)?;
                self.remove_all(source)?;
            }
            (_, Some(source_name)) => {
                let (folder, name) = destination.make_parent()?;
                self.copy_one(
                    &source.folder,
                    source_name,
                    &source.path,
                    facts,
                    (&folder, name),
                    &destination.path,
                    Replace::Never,
                )
                .map_err(|error| not_placed(destination, error))?;
                source.folder.remove_file(source_name).map_err(|error| source.io("remove", error))?;
            }
            (_, None) => return Err(source.not_a_file(facts.kind)),
        }
        Ok(())
    }

    /// Copies what is in the folder `source` and is wanted into the folder `destination`.
    fn copy_all(
        &self,
        source: &Spot,
        destination: &Spot,
        included: Option<&Patterns>,
        excluded: &Patterns,
        overwrite: bool,
    ) -> Result<Copied, FileError> {
        let mut copied = Copied::default();
        let target = match &destination.name {
            Some(_) => {
                let (folder, name) = destination.make_parent()?;
                Rc::new(folder.make_folder(name).map_err(|error| destination.io("create", error))?)
            }
            None => Rc::clone(&destination.folder),
        };
        let rules = WalkRules { kept: true, ..WalkRules::default() };
        self.walk(source, rules, &mut |entry: &Entry<'_>| {
            if excluded.covers(entry.below) {
                return Ok(Next::Past);
            }
            let path = destination.path.join(entry.below);
            let may_write = self.grants.access(&path) == Access::Write;
            let is_folder = entry.facts.kind == Kind::Folder;
            // Names that are not written there, such as .git, stay behind; so does the destination, if it is inside.
            if !may_write || is_folder && entry.path == destination.path {
                return Ok(Next::Past);
            }
            let is_wanted = included.is_none_or(|patterns| patterns.covers(entry.below));
            if entry.facts.kind == Kind::Special || !is_wanted || is_folder && included.is_some() {
                return Ok(Next::Into);
            }
            let failed = |error| FileError::Io { doing: "copy", path: self.grants.shown(entry.path), source: error };
            let mut folder = Rc::clone(&target);
            for part in entry.below.parent().into_iter().flatten() {
                folder = Rc::new(folder.make_folder(part).map_err(failed)?);
            }
            if is_folder {
                folder.make_folder(entry.name).map_err(failed)?;
                return Ok(Next::Into);
            }
            let replace = if overwrite { Replace::Always } else { Replace::Never };
            let to = (&*folder, entry.name);
            match self.copy_one(entry.folder, entry.name, entry.path, entry.facts, to, &path, replace) {
                Ok(true) => {
                    self.ledger.note(&path);
                    if entry.facts.kind == Kind::File {
                        copied.files += 1;
                        copied.bytes += entry.facts.bytes;
                    } else {
                        copied.links += 1;
                    }
                }
                Ok(false) => {}
                Err(error) if is_errno(&error, Errno::EXIST) => copied.kept.push(self.grants.shown(&path)),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Err(FileError::Cancelled),
                Err(error) => return Err(failed(error)),
            }
            Ok(Next::Into)
        })?;
        Ok(copied)
    }

    /// Copies one file or link; `false` for a link that was left out because it leads out of where it would stand.
    #[expect(clippy::too_many_arguments, reason = "two ends, each a handle, a name and a path")]
    fn copy_one(
        &self,
        folder: &Directory,
        name: &std::ffi::OsStr,
        path: &Path,
        facts: Facts,
        (to, to_name): (&Directory, &std::ffi::OsStr),
        to_path: &Path,
        replace: Replace,
    ) -> std::io::Result<bool> {
        if facts.kind == Kind::Link {
            let Some(target) = folder.link_target(name)? else { return Ok(false) };
            if !stays_inside(&target, path, to_path, self) {
                return Ok(false);
            }
            to.make_link(to_name, &target)?;
            return Ok(true);
        }
        let (file, facts) = folder.open_file(name)?;
        to.copy_in(to_name, (&file, facts), replace, &self.stop)?;
        Ok(true)
    }

    fn not_into_itself(&self, source: &Spot, destination: &Spot) -> Result<(), FileError> {
        let is_folder = source.facts()?.is_some_and(|facts| facts.kind == Kind::Folder);
        if source.path == destination.path
            || is_folder && destination.path.starts_with(&source.path) && source.name.is_some()
        {
            let text =
                format!("`{}` is, or lies in, `{}`: choose another destination", destination.shown, source.shown);
            return Err(FileError::Arguments(text));
        }
        Ok(())
    }

    fn not_itself(&self, facts: Facts, source: &Spot, destination: &Spot) -> Result<(), FileError> {
        match destination.facts()? {
            Some(there) if there.is_same_file(&facts) => {
                Err(FileError::Arguments(format!("`{}` and `{}` are the same file", source.shown, destination.shown)))
            }
            Some(there) if there.kind != Kind::File => Err(destination.not_a_file(there.kind)),
            _ => Ok(()),
        }
    }
}

impl Copied {
    fn told(&self, destination: &str) -> String {
        let mut text = format!("copied {} files ({}) to {destination}", self.files, size_text(self.bytes));
        if self.links > 0 {
            text.push_str(&format!(", and {} links", self.links));
        }
        if !self.kept.is_empty() {
            let examples: Vec<_> = self.kept.iter().take(3).map(String::as_str).collect();
            text.push_str(&format!(
                "; {} exist there already and were left as they are, such as {}: set overwrite to replace them",
                self.kept.len(),
                examples.join(", ")
            ));
        }
        text
    }
}

/// Whether a relative link means something below its place both where it is and where it would be.
fn stays_inside(target: &Path, path: &Path, to_path: &Path, session: &Session) -> bool {
    let lands = |at: &Path| {
        let place = session.grants.grant_of(at)?.real.clone();
        let mut path = at.parent()?.to_owned();
        for part in target {
            if part == ".." {
                path.pop();
            } else if part != "." {
                path.push(part);
            }
            if !path.starts_with(&place) {
                return None;
            }
        }
        Some(())
    };
    target.is_relative() && lands(path).is_some() && lands(to_path).is_some()
}

fn join(path: &Path, below: &Path) -> PathBuf {
    if below.as_os_str().is_empty() { path.to_owned() } else { path.join(below) }
}

fn none() -> Result<Patterns, FileError> {
    Patterns::new([])
}

fn exists(spot: &Spot) -> FileError {
    FileError::Exists { path: spot.shown.clone(), hint: "; choose another destination, or delete it first" }
}

fn not_placed(spot: &Spot, error: std::io::Error) -> FileError {
    if is_errno(&error, Errno::EXIST) {
        return FileError::Exists { path: spot.shown.clone(), hint: "; set overwrite to replace it" };
    }
    spot.io("write", error)
}
