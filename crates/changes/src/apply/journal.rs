//! What is written down about an apply, so that whoever finds it can go on.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Drift, Observer};
use crate::entry::Entry;
use crate::isolated::remove_tree;
use crate::path_text;

/// The folder of one apply in the state folder:
/// - `stages.json`: where files are put in the user's folders, written before the first is;
/// - `old/`: copies of what will be replaced or deleted;
/// - `plan.json`: the intent; from here on the apply is carried to its end;
/// - `undo`: the direction was changed; `done`: the end was reached, in either direction.
#[derive(Debug, Clone)]
pub(crate) struct Journal(PathBuf);

/// The intent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// What the paths are relative to.
    #[serde(with = "path_text")]
    pub(crate) root: PathBuf,
    /// The context path, for reports.
    #[serde(with = "path_text")]
    pub(crate) of: PathBuf,
    pub(crate) drift: Drift,
    /// In order.
    pub(crate) steps: Vec<Step>,
}

/// What is put where before the intent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Stages {
    #[serde(with = "path_text")]
    pub(crate) root: PathBuf,
    pub(crate) places: Vec<Place>,
}

/// One step: each replaces, removes or makes one thing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Step {
    #[serde(with = "path_text")]
    pub(crate) path: PathBuf,
    pub(crate) action: Action,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// The file goes; it waits at `place` until the end.
    Delete { old: Entry, place: Place, saved: Option<String>, drifted: bool },
    /// The folder goes if it is empty.
    RemoveFolder { mode: u32 },
    /// The folder comes.
    MakeFolder,
    /// What waits at `place` comes, and what was there waits at `place` until the end.
    Put { old: Option<Entry>, new: Entry, place: Place, saved: Option<String>, drifted: bool },
}

/// A name in a folder of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Relative to the root.
    #[serde(with = "path_text")]
    pub(crate) folder: PathBuf,
    pub(crate) name: String,
}

impl Action {
    pub(crate) fn place(&self) -> Option<&Place> {
        match self {
            Self::Delete { place, .. } | Self::Put { place, .. } => Some(place),
            Self::RemoveFolder { .. } | Self::MakeFolder => None,
        }
    }

    /// What was there before, the name of its copy in the journal, and whether it had changed underneath.
    pub(crate) fn old(&self) -> Option<(&Entry, Option<&str>, bool)> {
        match self {
            Self::Delete { old, saved, drifted, .. } | Self::Put { old: Some(old), saved, drifted, .. } => {
                Some((old, saved.as_deref(), *drifted))
            }
            Self::Put { old: None, .. } | Self::RemoveFolder { .. } | Self::MakeFolder => None,
        }
    }
}

impl Journal {
    pub(crate) fn at(home: PathBuf) -> Self {
        Self(home)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A text that differs from that of every other apply.
    pub(crate) fn id(&self) -> String {
        self.0.file_name().map(|name| name.to_string_lossy().replace("apply-", "")).unwrap_or_default()
    }

    /// Where the copies of old contents are.
    pub(crate) fn old(&self) -> PathBuf {
        self.0.join("old")
    }

    pub(crate) fn write_stages(&self, stages: &Stages, observer: &mut Observer<'_>) -> io::Result<()> {
        self.write("stages.json", stages, observer)
    }

    /// Writes down the intent: from here on there is no way back but by undoing.
    pub(crate) fn write_plan(&self, plan: &Plan, observer: &mut Observer<'_>) -> io::Result<()> {
        self.write("plan.json", plan, observer)
    }

    pub(crate) fn stages(&self) -> io::Result<Option<Stages>> {
        self.read("stages.json")
    }

    pub(crate) fn plan(&self) -> io::Result<Option<Plan>> {
        self.read("plan.json")
    }

    pub(crate) fn mark_undo(&self, observer: &mut Observer<'_>) -> io::Result<()> {
        self.write("undo", &(), observer)
    }

    pub(crate) fn is_undo(&self) -> bool {
        self.0.join("undo").exists()
    }

    pub(crate) fn mark_done(&self, observer: &mut Observer<'_>) -> io::Result<()> {
        self.write("done", &(), observer)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.0.join("done").exists()
    }

    /// Removes all that was written down. It disappears in one step, so that nobody ever reads a part of it.
    pub(crate) fn remove(&self, observer: &mut Observer<'_>) -> io::Result<()> {
        let name = self.0.file_name().unwrap_or_default();
        let mut gone = std::ffi::OsString::from(GONE_PREFIX);
        gone.push(name);
        let gone = self.0.with_file_name(gone);
        std::fs::rename(&self.0, &gone)?;
        observer("journal set aside");
        remove_tree(&gone)?;
        observer("journal removed");
        Ok(())
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        match std::fs::read(self.0.join(name)) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write<T: Serialize>(&self, name: &str, value: &T, observer: &mut Observer<'_>) -> io::Result<()> {
        let (part, path) = (self.0.join(format!("{name}.part")), self.0.join(name));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&part)?;
        observer("journal file made");
        file.write_all(&serde_json::to_vec(value)?)?;
        observer("journal file written");
        file.sync_all()?;
        std::fs::rename(&part, &path)?;
        observer("journal file named");
        sync_folder(&self.0)?;
        observer("journal synced");
        Ok(())
    }
}

/// How the names of journals begin that are being removed.
pub(crate) const GONE_PREFIX: &str = ".gone-";

/// Brings the names in a folder of ours to the storage device.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
