//! Where one agent works: its directories, and what of the user's it may see and change.

use std::path::PathBuf;
use std::sync::Arc;

use massgen_orchestrator::Desk;
use massgen_shell::CommandPlaces;
use massgen_tool::Caller;
use massgen_tools::files::FilePlaces;
use massgen_workspace::SnapshotStore;

use super::claim::Claim;
use super::contexts::Contexts;

/// The directories of one agent in one run. All paths are absolute.
#[derive(Debug)]
pub(crate) struct Room {
    /// What only this agent writes, and what goes with its answers.
    pub(crate) workspace: PathBuf,
    /// What it has for the time of the run.
    pub(crate) claim: Claim,
    /// Sockets that its commands may connect to.
    pub(crate) sockets: Vec<PathBuf>,
    /// More that it may read: skills, tools as code that all agents share.
    pub(crate) readable: Vec<PathBuf>,
    /// More that its commands alone may read.
    pub(crate) readable_by_commands: Vec<PathBuf>,
    pub(crate) contexts: Arc<Contexts>,
}

impl Room {
    /// The desk that the orchestrator knows.
    pub(crate) fn desk(&self, store: &Arc<SnapshotStore>) -> Desk {
        Desk::new(self.workspace.clone(), self.claim.peers(), Arc::clone(store))
    }

    /// Removes what nobody needs after the run: the copies of peers' work, temporary files, and a workspace in which
    /// there is nothing.
    pub(crate) fn tidy(&self) {
        self.claim.clear();
        // What is in the way of nobody may stay.
        let _ = std::fs::remove_dir(&self.workspace);
    }

    fn writable(&self, caller: &Caller) -> Vec<PathBuf> {
        if caller.presenting { self.contexts.copies() } else { Vec::new() }
    }
}

impl massgen_tools::files::Places for Room {
    fn for_call(&self, caller: &Caller) -> FilePlaces {
        FilePlaces {
            workspace: self.workspace.clone(),
            views: self.claim.peers(),
            readable: self.contexts.readable().into_iter().chain(self.readable.clone()).collect(),
            writable: self.writable(caller),
            protected: self.contexts.protected(),
            hidden: self.contexts.hidden(),
        }
    }
}

impl massgen_shell::Places for Room {
    fn for_call(&self, caller: &Caller) -> CommandPlaces {
        let mut readable = self.contexts.readable();
        readable.extend(self.readable.iter().chain(&self.readable_by_commands).cloned());
        let mut writable = self.writable(caller);
        writable.push(self.claim.peers());
        CommandPlaces {
            workspace: self.workspace.clone(),
            view: Some(self.claim.peers()),
            scratch: Some(self.claim.scratch()),
            readable,
            writable,
            // What is not there needs no protection, and could not be mounted.
            protected: self.contexts.protected().into_iter().filter(|path| path.exists()).collect(),
            hidden: self.contexts.hidden(),
            sockets: self.sockets.clone(),
        }
    }
}
