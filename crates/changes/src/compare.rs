//! What was changed in a copy.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::beneath::{Folder, Seen};
use crate::change_set::{ChangeKind, ChangeSet, FileChange, FileMode};
use crate::entry::{Digest, Entry};
use crate::git::{GitError, Repository};
use crate::hunk::{Hunk, TEXT_BYTES_MAX, as_text, hunks};
use crate::ignored::Rules;
use crate::isolated::Isolated;
use crate::names::is_secret;
use crate::refusal::Refusal;
use crate::survey::Look;

/// Why it cannot be told what was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangesError {
    /// Reading failed.
    #[error("cannot read {} to compare it", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Git did not tell what it ignores.
    #[error("cannot tell which new files git ignores")]
    Git(#[from] GitError),
}

/// A state of a path, with its text.
struct Side {
    entry: Entry,
    text: Option<String>,
}

/// Compares the copy with its base.
pub(crate) fn changes(isolated: &Isolated) -> Result<ChangeSet, ChangesError> {
    let directory = isolated.directory();
    let failed = |path: &Path| {
        let path = directory.join(path);
        |source| ChangesError::Read { path, source }
    };
    let copy = Folder::open(directory).map_err(failed(Path::new("")))?;
    let base = isolated.base();
    let (rules, prefix) = rules(isolated);
    let look = Look { rules, prefix: &prefix, known: &|path| base.reaches(path), except: None };
    let survey = look.at(&copy).map_err(failed(Path::new("")))?;

    let mut files = Vec::new();
    for path in &survey.files {
        let old = base.get(path);
        let new = match side(&copy, path) {
            Ok(Some(new)) => new,
            Ok(None) => continue,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                files.push(refused(path, old, Refusal::Unreadable));
                continue;
            }
            Err(source) => return Err(failed(path)(source)),
        };
        let unchanged = |old: &Entry| old.same_content(&new.entry) && old.executable() == new.entry.executable();
        if old.is_some_and(unchanged) {
            continue;
        }
        let old = old.map(|entry| base_side(isolated, entry)).transpose().map_err(failed(path))?;
        let mut change = compare(path, old, Some(new));
        if let Some(Entry::Link { target }) = &change.new
            && copy.leads_outside(path, target).map_err(failed(path))?
        {
            change.refused = Some(Refusal::LeadsOutside);
        }
        files.push(change);
    }
    let found: BTreeSet<&Path> = survey.files.iter().map(PathBuf::as_path).collect();
    for (path, entry) in base.iter().filter(|(path, _)| !found.contains(path)) {
        let old = base_side(isolated, entry).map_err(failed(path))?;
        let mut change = compare(path, Some(old), None);
        change.refused = survey.left_out.iter().find(|(left, _)| path.starts_with(left)).map(|(_, why)| *why);
        files.push(change);
    }
    for (path, why) in &survey.left_out {
        if !base.reaches(path) && is_told(path, *why, isolated) {
            files.push(refused(path, None, *why));
        }
    }
    refuse(isolated, &mut files)?;
    files.sort_by(|one, two| one.path.cmp(&two.path));
    Ok(ChangeSet { files })
}

/// Git's rules for new files, if the copy is one of a repository: those of the user's folders above the copy, and those
/// in the copy.
fn rules(isolated: &Isolated) -> (Option<Rules>, PathBuf) {
    let Some(repository) = isolated.repository() else { return (None, PathBuf::new()) };
    let prefix = isolated.context().root().strip_prefix(repository.top()).unwrap_or(Path::new("")).to_owned();
    (Some(rules_above(repository, &prefix)), prefix)
}

fn rules_above(repository: &Repository, prefix: &Path) -> Rules {
    let mut rules = Rules::default();
    for file in repository.general_rules() {
        rules.add_file(Path::new(""), &file);
    }
    let above: Vec<&Path> = prefix.ancestors().skip(1).collect();
    for folder in above.into_iter().rev() {
        rules.add_file(folder, &repository.top().join(folder).join(".gitignore"));
    }
    rules
}

/// Whether the user is told of something that was passed over in the copy: caches are no news.
fn is_told(path: &Path, why: Refusal, isolated: &Isolated) -> bool {
    let Some(name) = path.file_name() else { return false };
    match why {
        Refusal::Excluded if name == ".git" => !(isolated.is_worktree() && path == Path::new(".git")),
        Refusal::Excluded => is_secret(name),
        Refusal::Ignored => false,
        _ => true,
    }
}

/// Refuses what the context path refuses, what was left out of the copy, and what would replace an ignored file.
fn refuse(isolated: &Isolated, files: &mut [FileChange]) -> Result<(), ChangesError> {
    let context = isolated.context();
    let left_out = isolated.left_out();
    for file in files.iter_mut() {
        let left = || left_out.iter().find(|left| file.path.starts_with(&left.path)).map(|left| left.why);
        file.refused = context.refuses(&file.path).or(file.refused).or_else(left);
    }
    let Some(repository) = isolated.repository() else { return Ok(()) };
    let exists = |path: &Path| context.root().join(path).symlink_metadata().is_ok();
    let added = files.iter().filter(|file| file.refused.is_none() && file.kind == ChangeKind::Added);
    let present: Vec<PathBuf> = added.filter(|file| exists(&file.path)).map(|file| file.path.clone()).collect();
    let ignored = repository.ignored(context.root(), &present)?;
    for file in files.iter_mut().filter(|file| ignored.contains(&file.path)) {
        file.refused = Some(Refusal::Ignored);
    }
    Ok(())
}

fn refused(path: &Path, old: Option<&Entry>, why: Refusal) -> FileChange {
    let kind = if old.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
    FileChange {
        path: path.to_owned(),
        kind,
        binary: true,
        old_mode: old.and_then(FileMode::of),
        new_mode: None,
        hunks: Vec::new(),
        refused: Some(why),
        old: old.cloned(),
        new: None,
    }
}

fn base_side(isolated: &Isolated, entry: &Entry) -> io::Result<Side> {
    let text = match entry {
        Entry::File { digest, .. } => isolated.base().text(digest)?,
        _ => None,
    };
    Ok(Side { entry: entry.clone(), text })
}

/// What is in the copy; small files are read once for digest and text.
fn side(copy: &Folder, path: &Path) -> io::Result<Option<Side>> {
    let (folder, name) = copy.parent_of(path)?;
    let small = folder.file(name).ok().filter(|file| file.metadata().is_ok_and(|it| it.len() <= TEXT_BYTES_MAX));
    let Some(file) = small else {
        return Ok(match copy.look_at(path)? {
            Seen::Entry(entry @ (Entry::File { .. } | Entry::Link { .. })) => Some(Side { entry, text: None }),
            Seen::Entry(Entry::Folder { .. } | Entry::Other) | Seen::Absent | Seen::Blocked => None,
        });
    };
    let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata()?) & 0o7777;
    let mut content = Vec::new();
    file.take(TEXT_BYTES_MAX + 1).read_to_end(&mut content)?;
    let text = as_text(&content).map(str::to_owned);
    Ok(Some(Side { entry: Entry::File { digest: Digest::of(&content), mode }, text }))
}

fn compare(path: &Path, old: Option<Side>, new: Option<Side>) -> FileChange {
    let (hunks, binary) = contents(old.as_ref(), new.as_ref());
    let (old, new) = (old.map(|side| side.entry), new.map(|side| side.entry));
    let kind = match (&old, &new) {
        (None, _) => ChangeKind::Added,
        (_, None) => ChangeKind::Deleted,
        (Some(Entry::File { .. }), Some(Entry::Link { .. })) | (Some(Entry::Link { .. }), Some(Entry::File { .. })) => {
            ChangeKind::TypeChanged
        }
        (Some(old), Some(new)) if old.same_content(new) => ChangeKind::ModeChanged,
        _ => ChangeKind::Modified,
    };
    let (old_mode, new_mode) = (old.as_ref().and_then(FileMode::of), new.as_ref().and_then(FileMode::of));
    FileChange { path: path.to_owned(), kind, binary, old_mode, new_mode, hunks, refused: None, old, new }
}

/// The hunks, or whether the contents cannot be shown as text.
fn contents(old: Option<&Side>, new: Option<&Side>) -> (Vec<Hunk>, bool) {
    let text = |side: Option<&Side>| match side {
        None => Some(String::new()),
        Some(Side { entry: Entry::Link { target }, .. }) => target.to_str().map(str::to_owned),
        Some(side) => side.text.clone(),
    };
    let same = old.zip(new).is_some_and(|(old, new)| old.entry.same_content(&new.entry));
    let links = |side: Option<&Side>| matches!(side, Some(Side { entry: Entry::Link { .. }, .. }));
    let (retyped, present) = (links(old) != links(new), old.is_some() && new.is_some());
    match (text(old), text(new)) {
        _ if same => (Vec::new(), false),
        (Some(old), Some(new)) if retyped && present => {
            // One goes, the other comes: no line of them is the same line.
            (hunks(&old, "").into_iter().chain(hunks("", &new)).collect(), false)
        }
        (Some(old), Some(new)) => (hunks(&old, &new), false),
        _ => (Vec::new(), true),
    }
}
