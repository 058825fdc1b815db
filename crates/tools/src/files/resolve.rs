//! From a path in words to a name in an open folder.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use rustix::io::Errno;

use super::directory::{Directory, Facts, Kind, is_errno, is_not_a_file};
use super::error::FileError;
use super::grants::{Access, Grant, Grants, ReadOnly};

/// How many links one path may lead through.
const LINKS_MAX: usize = 40;

/// A name in an open folder, or the folder itself.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    /// The deepest folder on the way that exists.
    pub(super) folder: Rc<Directory>,
    /// Folders between that one and the name that do not exist.
    pub(super) missing: Vec<OsString>,
    /// The name; `None` for the place itself.
    pub(super) name: Option<OsString>,
    /// The whole path, without links.
    pub(super) path: PathBuf,
    /// In the model's form.
    pub(super) shown: String,
    /// Whether a link led from one place into another.
    is_across: bool,
}

/// What to do with a link at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Follow,
    Keep,
}

/// What a path is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    Read,
    Write,
}

impl Grants {
    /// Finds `text` for `want`. That the spot itself exists is not said.
    pub(super) fn find(&self, text: &str, last: Last, want: Want) -> Result<Spot, FileError> {
        if text.contains('\0') {
            return Err(FileError::Arguments("a path cannot contain a NUL character".to_owned()));
        }
        let spot = Walk { grants: self, text, last, links: 0, across_from: Vec::new() }.run()?;
        self.check(&spot.path, text, want)?;
        if want == Want::Write && spot.is_across {
            return Err(FileError::LinkAcross { path: text.to_owned() });
        }
        Ok(spot)
    }

    /// Whether `path`, without links, may be used for `want`; `text` is what the model calls it.
    pub(super) fn check(&self, path: &Path, text: &str, want: Want) -> Result<(), FileError> {
        let path_text = text.to_owned();
        match (self.access(path), want) {
            (Access::Write, _) | (Access::Read(_), Want::Read) => Ok(()),
            (Access::Read(why), Want::Write) => {
                let why = match why {
                    ReadOnly::Place => "it may only be read; copy it into your workspace and work there",
                    ReadOnly::Protected => "it is protected",
                    ReadOnly::Kept => "names such as .git, .env and node_modules are only written in your workspace",
                };
                Err(FileError::ReadOnly { path: path_text, why })
            }
            (Access::Secret, _) => Err(FileError::Secret { path: path_text }),
            (Access::None, _) => Err(FileError::NotGranted { path: path_text }),
        }
    }
}

/// One walk.
struct Walk<'a> {
    grants: &'a Grants,
    text: &'a str,
    last: Last,
    links: usize,
    /// In which places links were met.
    across_from: Vec<PathBuf>,
}

/// Where a walk stands.
struct Position {
    /// Open folders from the place down to here.
    open: Vec<Rc<Directory>>,
    path: PathBuf,
    ahead: VecDeque<OsString>,
}

impl Walk<'_> {
    fn run(mut self) -> Result<Spot, FileError> {
        let mut position = match Path::new(self.text) {
            path if path.is_absolute() => match self.enter(&parts(path))? {
                Entry::Folder(position) => position,
                Entry::File(spot) => return Ok(spot),
            },
            path => {
                let workspace = self.grants.workspace().ok_or_else(|| self.not_granted())?;
                self.open(workspace, parts(path).into())?
            }
        };
        while let Some(part) = position.ahead.pop_front() {
            if part == ".." {
                if position.open.len() > 1 {
                    position.open.pop();
                    position.path.pop();
                } else {
                    let mut all = parts(position.path.parent().unwrap_or(Path::new("/")));
                    all.extend(position.ahead);
                    match self.enter(&all)? {
                        Entry::Folder(next) => position = next,
                        Entry::File(spot) => return Ok(spot),
                    }
                }
                continue;
            }
            let Some(folder) = position.open.last().map(Rc::clone) else { return Err(self.not_granted()) };
            let path = position.path.join(&part);
            if !self.grants.may_pass(&path) {
                self.grants.check(&path, self.text, Want::Read)?;
            }
            let is_last = position.ahead.is_empty();
            if is_last && self.last == Last::Keep {
                return Ok(self.spot(folder, Vec::new(), Some(part), path));
            }
            match self.step(&folder, &part)? {
                Step::Folder(next) => {
                    position.open.push(Rc::new(next));
                    position.path = path;
                }
                Step::Link(target) => {
                    self.across_from.push(position.path.clone());
                    let target_parts = parts(&target);
                    if target.is_absolute() {
                        let mut all = target_parts;
                        all.extend(position.ahead);
                        match self.enter(&all)? {
                            Entry::Folder(next) => position = next,
                            Entry::File(spot) => return Ok(spot),
                        }
                    } else {
                        for part in target_parts.into_iter().rev() {
                            position.ahead.push_front(part);
                        }
                    }
                }
                Step::Other if is_last => return Ok(self.spot(folder, Vec::new(), Some(part), path)),
                Step::Other => {
                    let shown = self.grants.shown(&path);
                    self.grants.check(&path, self.text, Want::Read)?;
                    return Err(FileError::NotAFolder { path: shown });
                }
                Step::Missing => return self.beyond(folder, part, path, position.ahead),
            }
        }
        let Position { mut open, path, .. } = position;
        let here = open.pop().ok_or_else(|| self.not_granted())?;
        match (open.pop(), path.file_name().map(OsStr::to_owned)) {
            (Some(parent), Some(name)) => Ok(self.spot(parent, Vec::new(), Some(name), path)),
            _ => Ok(self.spot(here, Vec::new(), None, path)),
        }
    }

    /// Finds the place where an absolute path begins: the first on the way. Outside of places nothing is looked at.
    fn enter(&mut self, parts: &[OsString]) -> Result<Entry, FileError> {
        let mut seen = PathBuf::from("/");
        let mut ahead = parts.iter();
        loop {
            let rest = ahead.as_slice();
            let here = |grant: &&Grant| grant.given == seen || grant.real == seen;
            if let Some(grant) = self.grants.iter().filter(here).find(|grant| !grant.is_file || rest.is_empty()) {
                if !grant.is_file {
                    return self.open(grant, rest.iter().cloned().collect()).map(Entry::Folder);
                }
                let (Some(parent), Some(name)) = (grant.real.parent(), grant.real.file_name()) else {
                    return Err(self.not_granted());
                };
                let folder = Directory::open_place(parent).map_err(|_| self.not_granted())?;
                let spot = self.spot(Rc::new(folder), Vec::new(), Some(name.to_owned()), grant.real.clone());
                return Ok(Entry::File(spot));
            }
            let Some(part) = ahead.next() else { return Err(self.not_granted()) };
            if part == ".." {
                seen.pop();
            } else {
                seen.push(part);
            }
        }
    }

    fn open(&self, grant: &Grant, ahead: VecDeque<OsString>) -> Result<Position, FileError> {
        let folder = Directory::open_place(&grant.real).map_err(|source| FileError::Io {
            doing: "open",
            path: grant.given.display().to_string(),
            source,
        })?;
        Ok(Position { open: vec![Rc::new(folder)], path: grant.real.clone(), ahead })
    }

    fn step(&mut self, folder: &Directory, part: &OsStr) -> Result<Step, FileError> {
        // Somebody may swap the name between two looks; each look is safe by itself.
        for _ in 0..LINKS_MAX {
            match folder.open_folder(part) {
                Ok(next) => return Ok(Step::Folder(next)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Step::Missing),
                Err(error) if is_errno(&error, Errno::NOTDIR) || is_errno(&error, Errno::LOOP) => {}
                Err(source) => return Err(self.io("open", source)),
            }
            match folder.link_target(part) {
                Ok(Some(target)) => {
                    self.links += 1;
                    if self.links > LINKS_MAX {
                        return Err(FileError::Links { path: self.text.to_owned() });
                    }
                    return Ok(Step::Link(target));
                }
                Ok(None) => match folder.facts(part) {
                    Ok(Facts { kind: Kind::File | Kind::Special, .. }) => return Ok(Step::Other),
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Step::Missing),
                    Err(source) => return Err(self.io("look at", source)),
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Step::Missing),
                Err(source) => return Err(self.io("follow", source)),
            }
        }
        Err(FileError::Changed { path: self.text.to_owned() })
    }

    /// The spot of something that does not exist, perhaps in folders that do not exist either.
    fn beyond(
        &self,
        folder: Rc<Directory>,
        part: OsString,
        mut path: PathBuf,
        ahead: VecDeque<OsString>,
    ) -> Result<Spot, FileError> {
        let mut missing = vec![part];
        for part in ahead {
            if part == ".." {
                self.grants.check(&path, self.text, Want::Read)?;
                let nearest = Vec::new();
                return Err(FileError::Missing { path: self.grants.shown(&path), nearest });
            }
            path.push(&part);
            missing.push(part);
        }
        let name = missing.pop();
        Ok(self.spot(folder, missing, name, path))
    }

    fn spot(&self, folder: Rc<Directory>, missing: Vec<OsString>, name: Option<OsString>, path: PathBuf) -> Spot {
        let place = |path: &Path| self.grants.grant_of(path).map(|grant| &grant.real);
        let is_across = self.across_from.iter().any(|from| place(from) != place(&path));
        let shown = self.grants.shown(&path);
        Spot { folder, missing, name, path, shown, is_across }
    }

    fn not_granted(&self) -> FileError {
        FileError::NotGranted { path: self.text.to_owned() }
    }

    fn io(&self, doing: &'static str, source: io::Error) -> FileError {
        FileError::Io { doing, path: self.text.to_owned(), source }
    }
}

enum Entry {
    Folder(Position),
    File(Spot),
}

enum Step {
    Folder(Directory),
    Link(PathBuf),
    Other,
    Missing,
}

impl Spot {
    /// What stands there; `None` for nothing.
    pub(super) fn facts(&self) -> Result<Option<Facts>, FileError> {
        let facts = match &self.name {
            _ if !self.missing.is_empty() => return Ok(None),
            Some(name) => self.folder.facts(name),
            None => self.folder.own_facts(),
        };
        match facts {
            Ok(facts) => Ok(Some(facts)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.io("look at", source)),
        }
    }

    /// Opens it as a file to read.
    pub(super) fn open_file(&self) -> Result<(File, Facts), FileError> {
        let Some(name) = &self.name else { return Err(self.not_a_file(Kind::Folder)) };
        if !self.missing.is_empty() {
            return Err(FileError::Missing { path: self.shown.clone(), nearest: Vec::new() });
        }
        self.folder.open_file(name).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => FileError::Missing { path: self.shown.clone(), nearest: Vec::new() },
            _ if is_not_a_file(&source) => {
                self.not_a_file(self.folder.facts(name).map_or(Kind::Special, |facts| facts.kind))
            }
            _ => self.io("read", source),
        })
    }

    /// Opens it as a folder.
    pub(super) fn open_folder(&self) -> Result<Rc<Directory>, FileError> {
        let Some(name) = &self.name else { return Ok(Rc::clone(&self.folder)) };
        if !self.missing.is_empty() {
            return Err(FileError::Missing { path: self.shown.clone(), nearest: Vec::new() });
        }
        self.folder.open_folder(name).map(Rc::new).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => FileError::Missing { path: self.shown.clone(), nearest: Vec::new() },
            _ if is_errno(&source, Errno::NOTDIR) || is_errno(&source, Errno::LOOP) => {
                FileError::NotAFolder { path: self.shown.clone() }
            }
            _ => self.io("open", source),
        })
    }

    /// The folder that holds it, made where it is missing, and its name.
    pub(super) fn make_parent(&self) -> Result<(Rc<Directory>, &OsStr), FileError> {
        let Some(name) = &self.name else { return Err(self.not_a_file(Kind::Folder)) };
        let mut folder = Rc::clone(&self.folder);
        for part in &self.missing {
            folder = Rc::new(folder.make_folder(part).map_err(|source| self.io("make a folder for", source))?);
        }
        Ok((folder, name))
    }

    pub(super) fn io(&self, doing: &'static str, source: io::Error) -> FileError {
        match source.kind() {
            io::ErrorKind::Interrupted => FileError::Cancelled,
            _ if is_errno(&source, Errno::STALE) => FileError::Changed { path: self.shown.clone() },
            _ => FileError::Io { doing, path: self.shown.clone(), source },
        }
    }

    pub(super) fn not_a_file(&self, kind: Kind) -> FileError {
        let (what, hint) = match kind {
            Kind::Folder => ("a folder", "; use list_directory"),
            Kind::Link => ("a symbolic link", ""),
            Kind::File | Kind::Special => ("a pipe, socket or device", ""),
        };
        FileError::NotAFile { path: self.shown.clone(), what, hint }
    }
}

/// The parts of a path that lead somewhere.
fn parts(path: &Path) -> Vec<OsString> {
    let part = |component: Component<'_>| match component {
        Component::ParentDir => Some(OsString::from("..")),
        Component::Normal(name) => Some(name.to_owned()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    path.components().filter_map(part).collect()
}
