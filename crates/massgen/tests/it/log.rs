//! The log folder of a run, read back.

use std::fs;
use std::path::{Path, PathBuf};

use massgen_protocol::{Activity, Event, Fact, Record, RunView};
use serde_json::Value;

pub(crate) struct Log {
    session: PathBuf,
}

impl Log {
    pub(crate) fn new(session: PathBuf) -> Self {
        Self { session }
    }

    pub(crate) fn session(&self) -> &Path {
        &self.session
    }

    pub(crate) fn attempt(&self) -> PathBuf {
        self.session.join("turn_1/attempt_1")
    }

    pub(crate) fn text(&self, name: &str) -> String {
        let path = self.attempt().join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The journal as it is streamed: without checksums, which are the file's own.
    pub(crate) fn streamed(&self) -> String {
        let unsealed = |line: &str| format!("{}}}\n", line.rsplit_once(",\"crc\":").unwrap().0);
        self.text("events.jsonl").lines().map(unsealed).collect()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The status file, if there is one yet.
    pub(crate) fn status_so_far(&self) -> Option<Value> {
        let text = fs::read_to_string(self.attempt().join("status.json")).ok()?;
        Some(serde_json::from_str(&text).unwrap())
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        massgen_journal::read(&self.attempt().join("events.jsonl")).unwrap().records
    }

    pub(crate) fn facts(&self) -> Vec<Fact> {
        let fact = |record: Record| match record.event {
            Event::Fact(fact) => Some(fact),
            Event::Input(_) | Event::Activity(_) => None,
        };
        self.records().into_iter().filter_map(fact).collect()
    }

    pub(crate) fn activities(&self) -> Vec<Activity> {
        let activity = |record: Record| match record.event {
            Event::Activity(activity) => Some(activity),
            Event::Input(_) | Event::Fact(_) => None,
        };
        self.records().into_iter().filter_map(activity).collect()
    }

    pub(crate) fn view(&self) -> RunView {
        RunView::replay(&self.records())
    }

    /// Every file below the session's folder, relative to it, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        collect(&self.session, &mut files);
        let relative = |path: PathBuf| path.strip_prefix(&self.session).unwrap().display().to_string();
        let mut files: Vec<String> = files.into_iter().map(relative).collect();
        files.sort();
        files
    }
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}
