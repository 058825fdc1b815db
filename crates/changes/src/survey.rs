//! Which files there are in a folder, without following symlinks.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use crate::beneath::Folder;
use crate::ignored::{RULES_BYTES_MAX, Rules};
use crate::names::is_never_applied;
use crate::refusal::Refusal;

/// Folders nested deeper are an error.
const DEPTH_MAX: usize = 128;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Files and symlinks, relative to the root, sorted.
    pub(crate) files: Vec<PathBuf>,
    /// Folders, relative to the root.
    pub(crate) folders: BTreeSet<PathBuf>,
    /// What was passed over, and why; a folder stands for all in it.
    pub(crate) left_out: Vec<(PathBuf, Refusal)>,
}

/// How to look.
pub(crate) struct Look<'a> {
    /// Git's rules, if they hold.
    pub(crate) rules: Option<Rules>,
    /// The root, relative to the top of the working tree.
    pub(crate) prefix: &'a Path,
    /// Paths that are found though the rules ignore them, or whose folders are.
    pub(crate) known: &'a dyn Fn(&Path) -> bool,
    /// A folder that is passed over, relative to the root.
    pub(crate) except: Option<&'a Path>,
}

impl Look<'_> {
    /// Looks at all that is below `root`.
    pub(crate) fn at(mut self, root: &Folder) -> io::Result<Survey> {
        let mut survey = Survey::default();
        self.folder(root, Path::new(""), 0, &mut survey)?;
        survey.files.sort();
        Ok(survey)
    }

    fn folder(&mut self, folder: &Folder, way: &Path, depth: usize, survey: &mut Survey) -> io::Result<()> {
        if depth > DEPTH_MAX {
            return Err(io::Error::other(format!("folders are nested deeper than {DEPTH_MAX}")));
        }
        let entries = folder.entries()?;
        let levels = self.rules.as_ref().map_or(0, Rules::len);
        if let Some(rules) = &mut self.rules
            && entries.iter().any(|(name, kind)| name == ".gitignore" && *kind == FileType::RegularFile)
        {
            let mut text = Vec::new();
            folder.file(OsStr::new(".gitignore"))?.take(RULES_BYTES_MAX).read_to_end(&mut text)?;
            rules.add(&self.prefix.join(way), &text);
        }
        for (name, kind) in entries {
            let path = way.join(&name);
            let is_folder = kind == FileType::Directory;
            if self.except == Some(path.as_path()) || is_never_applied(&name) {
                survey.left_out.push((path, Refusal::Excluded));
            } else if self.ignores(&path, is_folder) && !(self.known)(&path) {
                survey.left_out.push((path, Refusal::Ignored));
            } else if is_folder {
                let inner = match folder.folder(&name) {
                    Ok(inner) => inner,
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                        survey.left_out.push((path, Refusal::Unreadable));
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                self.folder(&inner, &path, depth + 1, survey)?;
                survey.folders.insert(path);
            } else if matches!(kind, FileType::RegularFile | FileType::Symlink) {
                survey.files.push(path);
            } else {
                survey.left_out.push((path, Refusal::NotAFile));
            }
        }
        if let Some(rules) = &mut self.rules {
            rules.cut(levels);
        }
        Ok(())
    }

    fn ignores(&self, path: &Path, is_folder: bool) -> bool {
        self.rules.as_ref().is_some_and(|rules| rules.ignores(&self.prefix.join(path), is_folder))
    }
}
