//! Making a copy: a git worktree or a plain folder, filled with what the user has.

use std::path::{Path, PathBuf};

use super::{CommonFolder, CopyMode, CopyRecord, IsolateError, LeftOut, Limits, fill, io_error, remove, write_record};
use crate::base::Base;
use crate::beneath::Folder;
use crate::context::{ContextKind, ContextPath};
use crate::git::{GitError, Repository, Standing};

/// What [`Maker::make`] made.
pub(super) struct Made {
    pub(super) directory: PathBuf,
    pub(super) base: Base,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) repository: Option<Repository>,
    pub(super) fallback: Option<GitError>,
    pub(super) is_worktree: bool,
}

/// Makes one copy.
pub(super) struct Maker<'a> {
    pub(super) context: &'a ContextPath,
    pub(super) state: &'a Path,
    pub(super) home: &'a Path,
    pub(super) mode: CopyMode,
    pub(super) limits: Limits,
}

impl Maker<'_> {
    pub(super) fn make(&self, found: Found) -> Result<Made, IsolateError> {
        let Found { repository, rules_hold, fallback } = found;
        let root = self.context.root();
        write_record(self.home, &CopyRecord { of: self.context.path().to_owned(), common: None })?;
        let source = Folder::open(root).map_err(io_error("open", root))?;
        let survey = fill::survey(self.context, self.state, &source, repository.as_ref(), rules_hold)?;
        let sizes = fill::sizes(&source, &survey.files).map_err(io_error("read", root))?;
        if survey.files.len() > self.limits.files_max || sizes > self.limits.bytes_max {
            let (path, files) = (self.context.path().to_owned(), survey.files.len());
            return Err(IsolateError::TooLarge { path, files, bytes: sizes, limits: self.limits });
        }
        let texts = self.home.join("base");
        std::fs::create_dir(&texts).map_err(io_error("make the folder", &texts))?;

        let as_worktree = self.mode != CopyMode::Copy && self.context.kind() == ContextKind::Folder;
        let (top, fallback) = match repository.as_ref().filter(|_| as_worktree) {
            Some(repository) => match self.worktree(repository) {
                Ok(top) => (Some(top), fallback),
                Err(IsolateError::Git { source, .. }) if self.mode == CopyMode::Auto => (None, Some(source)),
                Err(IsolateError::NoCommit(_)) if self.mode == CopyMode::Auto => (None, fallback),
                Err(error) => return Err(error),
            },
            None => (None, fallback),
        };
        let prefix = match (&top, &repository) {
            (Some(_), Some(repository)) => root.strip_prefix(repository.top()).unwrap_or(Path::new("")),
            _ => Path::new(""),
        };
        let directory = match &top {
            Some(top) => top.join(prefix),
            None => self.home.join("tree").join(root.file_name().unwrap_or_default()),
        };
        std::fs::create_dir_all(&directory).map_err(io_error("make the folder", &directory))?;

        let mut base = Base::new(texts);
        let mut left_out = Vec::new();
        fill::fill(&source, &directory, &survey, &mut base, &mut left_out).map_err(|(path, source)| {
            let path = root.join(path);
            IsolateError::Io { doing: "copy", path, source }
        })?;
        left_out.extend(survey.left_out.into_iter().map(|(path, why)| LeftOut { path, why }));
        if let (Some(top), Some(repository)) = (&top, &repository) {
            // What was left out is not to look deleted; what the user deleted is.
            let listed = |path: &Path| survey.listed.contains(path);
            let absent =
                |path: &Path| path.strip_prefix(prefix).map_or(true, |path| base.get(path).is_none() && !listed(path));
            let skipped = repository.skip(top, absent);
            skipped.map_err(|source| IsolateError::Git { path: self.context.path().to_owned(), source })?;
        }
        Ok(Made { directory, base, left_out, repository, fallback, is_worktree: top.is_some() })
    }

    /// Adds a worktree without files, and tells its top folder.
    fn worktree(&self, repository: &Repository) -> Result<PathBuf, IsolateError> {
        if !repository.has_commit() {
            return Err(IsolateError::NoCommit(repository.top().to_owned()));
        }
        let top = self.home.join("tree").join(repository.top().file_name().unwrap_or_else(|| "tree".as_ref()));
        // Recovery must know of the worktree before git does.
        let common = Some(CommonFolder(repository.common().to_owned()));
        write_record(self.home, &CopyRecord { of: self.context.path().to_owned(), common })?;
        let added = repository.add_worktree(&top);
        added.map_err(|source| {
            let _ = remove::remove_worktree(self.home, repository.common());
            let _ = remove::remove_tree(&self.home.join("tree"));
            IsolateError::Git { path: self.context.path().to_owned(), source }
        })?;
        Ok(top)
    }
}

/// What is known of the repository of a context path.
pub(super) struct Found {
    /// The repository, if git can be asked.
    pub(super) repository: Option<Repository>,
    /// Git's rules of ignored names hold though git cannot be asked.
    pub(super) rules_hold: bool,
    /// Why git cannot be asked.
    pub(super) fallback: Option<GitError>,
}

/// Finds out whether the context path is in a repository, and whether git can be asked about it.
pub(super) fn find(context: &ContextPath, mode: CopyMode) -> Result<Found, IsolateError> {
    let none = Found { repository: None, rules_hold: false, fallback: None };
    let path = context.path().to_owned();
    let must = mode == CopyMode::Worktree && context.kind() == ContextKind::Folder;
    let top = match Standing::of(context.root()) {
        Standing::GitData(path) => return Err(IsolateError::GitData(path)),
        Standing::Outside if must => return Err(IsolateError::NotARepository(path)),
        Standing::Outside => return Ok(none),
        Standing::Inside(_) if context.kind() == ContextKind::File => return Ok(none),
        Standing::Inside(top) => top,
    };
    match Repository::open(&top) {
        Ok(Some(repository)) if !repository.ignores(context.root()) => {
            Ok(Found { repository: Some(repository), ..none })
        }
        Ok(_) if must => Err(IsolateError::NotARepository(path)),
        Ok(_) => Ok(none),
        Err(source) if must => Err(IsolateError::Git { path, source }),
        Err(error) => Ok(Found { rules_hold: true, fallback: Some(error), ..none }),
    }
}
