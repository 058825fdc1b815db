//! A turn whose run goes on, and what is kept of it when that is over.

use std::path::PathBuf;

use massgen_journal::{LogFolder, Stamps, agent_file_names};
use massgen_protocol::RunView;
use massgen_sessions::{OpenTurnFolder, Registry, TurnEnd, TurnRecord, TurnResult};

use super::copy::{copy_folder, moved};
use super::{now_ms, tell_of_the_list};
use crate::display::Places;
use crate::failure::with_causes;
use crate::terminal;

/// A turn whose run goes on. Dropped, it stays as it is: interrupted.
#[derive(Debug)]
pub(crate) struct OpenTurn {
    folder: OpenTurnFolder,
    registry: Option<Registry>,
}

impl OpenTurn {
    pub(super) fn new(folder: OpenTurnFolder, registry: Option<Registry>) -> Self {
        Self { folder, registry }
    }

    /// Keeps what the run came to: answers, and the files that go with them from the log folder. `desks` are the live
    /// workspaces of the team. What cannot be kept is told of and costs the run nothing; then this is `None`.
    pub(crate) fn finish(
        self,
        view: &RunView,
        logs: Option<&LogFolder>,
        desks: &[Option<PathBuf>],
    ) -> Option<TurnRecord> {
        let mut result = TurnResult::of_run(view);
        let kept = match &mut result.outcome {
            TurnEnd::Completed { answer, .. } => self.keep_files(view, logs, desks, answer),
            TurnEnd::Partial { .. } => self.keep_partial_files(view, logs),
            TurnEnd::Failed => Ok(()),
        };
        if let Err(problem) = kept {
            terminal::warn(&format!("the files of this turn are not kept with its session: {problem}"));
        }
        let id = self.folder.session_id().clone();
        let finished = self.folder.finish(&result);
        if let Some(registry) = &self.registry {
            tell_of_the_list(registry.complete(&id, now_ms()));
        }
        finished
            .inspect_err(|error| {
                terminal::warn(&format!("this turn is not kept whole in session {id}: {}", with_causes(error)));
            })
            .ok()
    }

    /// The files of the final answer, and where its words say they are.
    fn keep_files(
        &self,
        view: &RunView,
        logs: Option<&LogFolder>,
        desks: &[Option<PathBuf>],
        answer: &mut String,
    ) -> Result<(), String> {
        let Some(files) = (Places { logs: logs.cloned() }).final_workspace(view).filter(|path| path.is_dir()) else {
            return Ok(());
        };
        let kept = self.folder.workspace();
        copy_folder(&files, &kept)?;
        let author = view.final_answer.as_ref().map(|(revision, ..)| revision.agent);
        if let Some(desk) = author.and_then(|author| desks.get(author.position())).and_then(Option::as_ref) {
            *answer = moved(answer, desk, &std::path::absolute(&kept).unwrap_or(kept));
        }
        Ok(())
    }

    /// The files of each answer that stood when the run was stopped.
    fn keep_partial_files(&self, view: &RunView, logs: Option<&LogFolder>) -> Result<(), String> {
        let Some(logs) = logs else { return Ok(()) };
        let names = agent_file_names(view.agents.iter().map(|agent| &agent.profile.id));
        let stamps = Stamps::local();
        for answer in view.current_answers().filter(|answer| answer.snapshot.is_some()) {
            let agent = answer.revision.agent;
            let Some(name) = names.get(agent.position()) else { continue };
            let files = logs.answer(name, answer.at_ms, &stamps).with_file_name("workspace");
            if files.is_dir() {
                let kept = self.folder.partial_workspace(name).map_err(|error| with_causes(&error))?;
                copy_folder(&files, &kept)?;
            }
        }
        Ok(())
    }
}

/// What came of a turn, for those who are told of it later.
pub(super) fn in_words(outcome: &TurnEnd) -> String {
    match outcome {
        TurnEnd::Completed { answer, .. } => answer.clone(),
        TurnEnd::Failed => "[This turn failed: the team found no final answer.]".to_owned(),
        TurnEnd::Partial { answers, selected, .. } => {
            let best = answers.iter().find(|(agent, _)| Some(agent) == selected.as_ref()).or(answers.last());
            let best = best.map_or("", |(_, answer)| answer.as_str());
            format!(
                "[This turn was stopped before the team had agreed on a final answer. The best there was:]\n\n{best}"
            )
        }
    }
}
