//! One call: its places, its arguments, its outcome.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use massgen_tool::{ToolOutcome, Touch, TouchKind};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::FileSettings;
use super::error::FileError;
use super::grants::{Grants, PlaceKind};
use super::ledger::Ledger;
use super::places::FilePlaces;
use super::resolve::{Last, Spot, Want};
use super::specs;

/// One call at work, on a thread that may block.
pub(super) struct Session {
    pub(super) grants: Grants,
    pub(super) settings: FileSettings,
    pub(super) ledger: Arc<Ledger>,
    pub(super) stop: CancellationToken,
    touched: RefCell<Vec<Touch>>,
}

/// What a tool says, or why it failed.
pub(super) type Said = Result<String, FileError>;

impl Session {
    /// Looks at the places on disk: blocks.
    pub(super) fn new(
        places: &FilePlaces,
        settings: FileSettings,
        ledger: Arc<Ledger>,
        stop: CancellationToken,
    ) -> Self {
        Self { grants: Grants::new(places), settings, ledger, stop, touched: RefCell::default() }
    }

    /// Runs the call.
    pub(super) fn run(self, name: &str, arguments: &str) -> ToolOutcome {
        let outcome = match self.dispatch(name, arguments) {
            Ok(said) => ToolOutcome::done(said),
            Err(error) => ToolOutcome::failed(self.with_nearest(error).to_string()),
        };
        outcome.touching(self.touched.into_inner())
    }

    fn dispatch(&self, name: &str, arguments: &str) -> Said {
        let Some(tool) = specs::bare_name(name) else {
            return Err(FileError::Arguments(format!("there is no file tool `{name}`")));
        };
        match tool {
            "read_text_file" => self.read_text_file(&parse(tool, arguments)?),
            "read_multiple_files" => self.read_multiple_files(&parse(tool, arguments)?),
            "write_file" => self.write_file(&parse(tool, arguments)?),
            "edit_file" => self.edit_file(&parse(tool, arguments)?),
            "create_directory" => self.create_directory(&parse(tool, arguments)?),
            "list_directory" => self.list_directory(&parse(tool, arguments)?),
            "list_directory_with_sizes" => self.list_directory_with_sizes(&parse(tool, arguments)?),
            "directory_tree" => self.directory_tree(&parse(tool, arguments)?),
            "move_file" => self.move_file(&parse(tool, arguments)?),
            "search_files" => self.search_files(&parse(tool, arguments)?),
            "grep" => self.grep(&parse(tool, arguments)?),
            "get_file_info" => self.get_file_info(&parse(tool, arguments)?),
            "list_allowed_directories" => Ok(self.list_allowed_directories()),
            "copy_file" => self.copy_file(&parse(tool, arguments)?),
            "copy_files_batch" => self.copy_files_batch(&parse(tool, arguments)?),
            "delete_file" => self.delete_file(&parse(tool, arguments)?),
            "delete_files_batch" => self.delete_files_batch(&parse(tool, arguments)?),
            "compare_directories" => self.compare_directories(&parse(tool, arguments)?),
            "compare_files" => self.compare_files(&parse(tool, arguments)?),
            _ => Err(FileError::Arguments(format!("there is no file tool `{name}`"))),
        }
    }

    /// Finds a path that will be read.
    pub(super) fn to_read(&self, text: &str) -> Result<Spot, FileError> {
        self.grants.find(text, Last::Follow, Want::Read)
    }

    /// Finds a path that will be written.
    pub(super) fn to_write(&self, text: &str) -> Result<Spot, FileError> {
        self.grants.find(text, Last::Follow, Want::Write)
    }

    /// Notes that the agent has seen the content of `path`, which is without links.
    pub(super) fn saw(&self, path: &Path) {
        self.ledger.note(path);
        let Some(views) = self.grants.views() else { return };
        let is_view = self.grants.grant_of(path).is_some_and(|grant| grant.kind == PlaceKind::Views);
        if let (true, Ok(below)) = (is_view, path.strip_prefix(&views.real)) {
            let touch = Touch { path: views.given.join(below), kind: TouchKind::Read };
            let mut touched = self.touched.borrow_mut();
            if !touched.contains(&touch) {
                touched.push(touch);
            }
        }
    }

    /// Fails when the call is over.
    pub(super) fn go_on(&self) -> Result<(), FileError> {
        if self.stop.is_cancelled() { Err(FileError::Cancelled) } else { Ok(()) }
    }
}

fn parse<T: DeserializeOwned>(tool: &str, arguments: &str) -> Result<T, FileError> {
    let text = if arguments.trim().is_empty() { "{}" } else { arguments };
    let parsed = serde_json::from_str(text).and_then(|mut value: Value| {
        // What is left out is written as null by some models.
        if let Some(map) = value.as_object_mut() {
            map.retain(|_, value| !value.is_null());
        }
        serde_json::from_value(value)
    });
    parsed.map_err(|error| {
        let usage = specs::usage(tool);
        FileError::Arguments(format!("the arguments of {tool} do not fit: {error}; they are {usage}"))
    })
}
