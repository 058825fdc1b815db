//! The file tools of one agent, under the names that prompts and habits know.
//!
//! Paths are walked component by component from the handle of a granted folder, never by name, so that whoever swaps
//! a folder for a symbolic link meanwhile leads nobody out. What was not granted is refused in the same words whether
//! it exists or not.

mod arguments;
mod compare;
mod delete;
mod directory;
mod edit;
mod error;
mod grants;
mod grep;
mod kind;
mod ledger;
mod listing;
mod pages;
mod places;
mod read;
mod resolve;
mod session;
mod specs;
mod suggest;
mod transfer;
mod walk;
mod write;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use massgen_protocol::ToolCall;
use massgen_tool::{CallContext, Tool, ToolOutcome, ToolSource};

pub use error::FileError;
pub use places::{FilePlaces, Places, is_kept, is_secret};

use ledger::Ledger;
use session::Session;

/// How the file tools behave.
#[derive(Debug, Clone, Copy)]
pub struct FileSettings {
    /// Whether a file can only be deleted after this agent has read or made it.
    pub read_before_delete: bool,
    /// How many bytes of text one result carries at most; the rest can be paged.
    pub result_bytes_max: usize,
}

impl Default for FileSettings {
    fn default() -> Self {
        Self { read_before_delete: true, result_bytes_max: 48 * 1024 }
    }
}

/// The file tools of one agent.
pub struct FileTools {
    places: Arc<dyn Places>,
    settings: FileSettings,
    ledger: Arc<Ledger>,
}

impl FileTools {
    /// File tools that reach what `places` grants.
    #[must_use]
    pub fn new(places: Arc<dyn Places>, settings: FileSettings) -> Self {
        Self { places, settings, ledger: Arc::default() }
    }
}

impl ToolSource for FileTools {
    fn name(&self) -> &str {
        "files"
    }

    fn tools(&self) -> Vec<Tool> {
        specs::tools()
    }

    fn call<'a>(&'a self, call: &'a ToolCall, context: &'a CallContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            // A dropped future must stop a search that it started: nobody can abort a blocking thread.
            let stop = context.cancel.child_token();
            let _guard = stop.clone().drop_guard();
            let (places, settings) = (self.places.for_call(&context.caller), self.settings);
            let ledger = Arc::clone(&self.ledger);
            let (name, arguments) = (call.name.clone(), call.arguments.clone());
            let task = tokio::task::spawn_blocking(move || {
                Session::new(&places, settings, ledger, stop).run(&name, &arguments)
            });
            match task.await {
                Ok(outcome) => outcome,
                Err(_) => ToolOutcome::failed("the file tool failed with an internal error; please report it"),
            }
        })
    }
}
