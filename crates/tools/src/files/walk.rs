//! Walks a folder from handle to handle.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::Path;
use std::rc::Rc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::directory::{Directory, Facts, Kind};
use super::error::FileError;
use super::grants::Access;
use super::places::is_kept;
use super::resolve::Spot;
use super::session::Session;

/// How deep a walk goes; deeper folders are passed over.
const DEPTH_MAX: usize = 64;

/// How much of an ignore file is taken in.
const IGNORE_BYTES_MAX: u64 = 256 * 1024;

/// What a walk leaves out.
#[derive(Debug, Clone, Copy)]
pub(super) struct WalkRules {
    /// Whether ignore files are honoured.
    pub(super) ignores: bool,
    /// Whether folders such as `.git` and `node_modules` are entered.
    pub(super) kept: bool,
    /// Whether what must not be read is met, too.
    pub(super) secrets: bool,
    /// How deep to go; 1 for the folder's own entries.
    pub(super) depth_max: usize,
}

impl Default for WalkRules {
    fn default() -> Self {
        Self { ignores: false, kept: false, secrets: false, depth_max: DEPTH_MAX }
    }
}

/// One thing that a walk meets.
pub(super) struct Entry<'a> {
    /// The folder that it is in.
    pub(super) folder: &'a Rc<Directory>,
    pub(super) name: &'a OsStr,
    /// The whole path, without links.
    pub(super) path: &'a Path,
    /// The path below the start of the walk.
    pub(super) below: &'a Path,
    pub(super) facts: Facts,
    /// Of the start's own entries 1.
    pub(super) depth: usize,
}

/// How a walk goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Into the folder that it has just met, if it is one.
    Into,
    /// Past it.
    Past,
    /// Not at all.
    Stop,
}

type Visit<'a> = dyn FnMut(&Entry<'_>) -> Result<Next, FileError> + 'a;

impl Session {
    /// Meets everything beneath the folder `start`, sorted by name, a folder before what is in it. Links are met, and
    /// not followed.
    pub(super) fn walk(&self, start: &Spot, rules: WalkRules, visit: &mut Visit<'_>) -> Result<(), FileError> {
        let folder = start.open_folder()?;
        let mut ignores = if rules.ignores { self.ignores_above(&start.path) } else { Vec::new() };
        self.enter(&folder, (&start.path, Path::new("")), 1, rules, &mut ignores, visit).map(drop)
    }

    fn enter(
        &self,
        folder: &Rc<Directory>,
        (path, below): (&Path, &Path),
        depth: usize,
        rules: WalkRules,
        ignores: &mut Vec<Gitignore>,
        visit: &mut Visit<'_>,
    ) -> Result<Next, FileError> {
        let names =
            folder.names().map_err(|source| FileError::Io { doing: "list", path: self.grants.shown(path), source })?;
        let ignores_before = ignores.len();
        if rules.ignores {
            ignores.extend(ignores_in(folder, path));
        }
        for name in names {
            self.go_on()?;
            // It may have gone meanwhile.
            let Ok(facts) = folder.facts(&name) else { continue };
            let path = path.join(&name);
            let is_folder = facts.kind == Kind::Folder;
            let may_read = matches!(self.grants.access(&path), Access::Read(_) | Access::Write);
            if !may_read && !rules.secrets || rules.ignores && is_ignored(ignores, &path, is_folder) {
                continue;
            }
            let below = below.join(&name);
            let entry = Entry { folder, name: &name, path: &path, below: &below, facts, depth };
            match visit(&entry)? {
                Next::Stop => return Ok(Next::Stop),
                Next::Past => continue,
                Next::Into => {}
            }
            let is_entered = is_folder && may_read && depth < rules.depth_max && (rules.kept || !is_kept(&name));
            if !is_entered {
                continue;
            }
            let Ok(inner) = folder.open_folder(&name) else { continue };
            if self.enter(&Rc::new(inner), (&path, &below), depth + 1, rules, ignores, visit)? == Next::Stop {
                return Ok(Next::Stop);
            }
        }
        ignores.truncate(ignores_before);
        Ok(Next::Into)
    }

    /// The ignore files of the folders above `path`, down from its place.
    fn ignores_above(&self, path: &Path) -> Vec<Gitignore> {
        let Some(grant) = self.grants.grant_of(path) else { return Vec::new() };
        let Ok(below) = path.strip_prefix(&grant.real) else { return Vec::new() };
        let Ok(mut folder) = Directory::open_place(&grant.real) else { return Vec::new() };
        let mut ignores = Vec::new();
        let mut path = grant.real.clone();
        for name in below {
            ignores.extend(ignores_in(&folder, &path));
            match folder.open_folder(name) {
                Ok(next) => folder = next,
                Err(_) => break,
            }
            path.push(name);
        }
        ignores
    }
}

fn ignores_in(folder: &Directory, path: &Path) -> Option<Gitignore> {
    let mut builder = GitignoreBuilder::new(path);
    let mut is_any = false;
    for name in [".gitignore", ".ignore"] {
        let Ok((file, _)) = folder.open_file(OsStr::new(name)) else { continue };
        let mut bytes = Vec::new();
        if file.take(IGNORE_BYTES_MAX).read_to_end(&mut bytes).is_err() {
            continue;
        }
        for line in String::from_utf8_lossy(&bytes).lines() {
            // A line that is no pattern excludes nothing, as with git.
            is_any |= builder.add_line(None, line).is_ok();
        }
    }
    if is_any { builder.build().ok() } else { None }
}

fn is_ignored(ignores: &[Gitignore], path: &Path, is_folder: bool) -> bool {
    for ignore in ignores.iter().rev() {
        match ignore.matched(path, is_folder) {
            Match::Ignore(_) => return true,
            Match::Whitelist(_) => return false,
            Match::None => {}
        }
    }
    false
}

/// Patterns for paths below a folder: without a `/` they are for names at any depth.
#[derive(Debug)]
pub(super) struct Patterns(GlobSet);

impl Patterns {
    pub(super) fn new<'a>(patterns: impl IntoIterator<Item = &'a String>) -> Result<Self, FileError> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
            let anywhere = if pattern.contains('/') { pattern.to_owned() } else { format!("**/{pattern}") };
            let glob = GlobBuilder::new(anywhere.trim_end_matches('/')).literal_separator(true).build();
            set.add(glob.map_err(|error| {
                FileError::Arguments(format!("the pattern `{pattern}` is not a glob: {}", error.kind()))
            })?);
        }
        let set = set.build().map_err(|error| FileError::Arguments(format!("the patterns are too large: {error}")))?;
        Ok(Self(set))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn matches(&self, below: &Path) -> bool {
        self.0.is_match(below)
    }

    /// Whether it or a folder above it matches.
    pub(super) fn covers(&self, below: &Path) -> bool {
        !self.is_empty() && below.ancestors().any(|path| !path.as_os_str().is_empty() && self.matches(path))
    }
}

/// A name in text.
pub(super) fn name_text(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}
