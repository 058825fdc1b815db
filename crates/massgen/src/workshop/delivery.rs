//! Where users find the files that go with answers.

use std::sync::Arc;

use massgen_journal::{LogFolder, Stamps, agent_file_names};
use massgen_protocol::{Event, Fact, Record, RunView};
use massgen_workspace::{Sharing, SnapshotStore};

use crate::display::Observer;
use crate::failure::with_causes;
use crate::terminal;

/// Puts the files of each answer beside its text in the log folder, and those of the final answer where that is.
pub(crate) struct AnswerFiles {
    store: Arc<SnapshotStore>,
    logs: LogFolder,
    stamps: Stamps,
}

impl AnswerFiles {
    pub(crate) fn new(store: Arc<SnapshotStore>, logs: LogFolder) -> Self {
        Self { store, logs, stamps: Stamps::local() }
    }

    fn deliver(&self, fact: &Fact, at_ms: u64, view: &RunView) {
        let names = agent_file_names(view.agents.iter().map(|agent| &agent.profile.id));
        let name = |agent: massgen_protocol::AgentIndex| names.get(agent.position());
        let (snapshot, beside, sharing) = match fact {
            Fact::AnswerPublished { revision, snapshot: Some(snapshot), .. } => {
                let Some(name) = name(revision.agent) else { return };
                // A log is not written to: it may share its files with the store.
                (snapshot, self.logs.answer(name, at_ms, &self.stamps), Sharing::ReadOnly)
            }
            Fact::FinalAnswer { revision, snapshot: Some(snapshot), .. } => {
                let Some(name) = name(revision.agent) else { return };
                (snapshot, self.logs.final_answer(name), Sharing::Private)
            }
            _ => return,
        };
        let into = beside.with_file_name("workspace");
        if into.exists() {
            // It was put there before the run was interrupted.
            return;
        }
        // The log writer makes the folder as well; whoever comes first.
        let _ = into.parent().map(std::fs::create_dir_all);
        if let Err(error) = self.store.materialise(snapshot, &into, sharing) {
            terminal::warn(&format!(
                "the files of the answer could not be put into the log folder: {}",
                with_causes(&error)
            ));
        }
    }
}

impl Observer for AnswerFiles {
    fn recall(&mut self, record: &Record, view: &RunView) {
        self.observe(record, view);
    }

    fn observe(&mut self, record: &Record, view: &RunView) {
        if let Event::Fact(fact) = &record.event {
            self.deliver(fact, record.at_ms, view);
        }
    }

    fn finish(&mut self, _: &RunView) {}
}
