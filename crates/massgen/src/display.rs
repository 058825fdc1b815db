//! What the user sees of a run: folds over its records, each in a thread of its own, so that a slow
//! terminal or disk never holds up the team.

mod debug;
mod events;
mod simple;
mod status_lines;
mod style;
mod tool_line;
mod tool_output;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use massgen_journal::{LogFolder, agent_file_names};
use massgen_protocol::{AgentIndex, Record, RunView};

pub(crate) use debug::Debug;
pub(crate) use events::Events;
pub(crate) use simple::Simple;
pub(crate) use status_lines::{Channel, OutputFile, StatusLines};
pub(crate) use style::Style;

/// Something that is shown every record of a run, in order.
pub(crate) trait Observer: Send + 'static {
    /// Shows one record. `view` has taken it in.
    fn observe(&mut self, record: &Record, view: &RunView);

    /// Takes in a record from before the run was interrupted. `view` has taken it in.
    fn recall(&mut self, _: &Record, _: &RunView) {}

    /// Called when there is nothing to read for the moment: the time to write out what is gathered.
    fn pause(&mut self) {}

    /// Called once, after the last record.
    fn finish(&mut self, view: &RunView);
}

/// Shows nothing.
pub(crate) struct Nothing;

impl Observer for Nothing {
    fn observe(&mut self, _: &Record, _: &RunView) {}
    fn finish(&mut self, _: &RunView) {}
}

/// An observer at work in its own thread.
pub(crate) struct Observing {
    messages: Sender<Message>,
    thread: JoinHandle<()>,
}

enum Message {
    Record(Arc<Record>),
    /// From before the run was interrupted.
    Past(Arc<Record>),
    /// Everything before it is to be shown; then this is dropped.
    CatchUp(Sender<()>),
}

impl Observing {
    /// Puts an observer to work.
    pub(crate) fn start(name: &str, mut observer: impl Observer) -> std::io::Result<Self> {
        let (messages, received) = channel();
        let thread =
            std::thread::Builder::new().name(name.to_owned()).spawn(move || observe(&mut observer, &received))?;
        Ok(Self { messages, thread })
    }

    /// Hands it a record.
    pub(crate) fn send(&self, record: &Arc<Record>, is_past: bool) {
        let message = if is_past { Message::Past } else { Message::Record };
        // An observer that is gone has nothing more to show.
        let _ = self.messages.send(message(Arc::clone(record)));
    }

    /// Waits until it has shown everything so far: before the user is asked something.
    pub(crate) fn catch_up(&self) {
        let (shown, wait) = channel();
        let _ = self.messages.send(Message::CatchUp(shown));
        // Nothing is ever sent: the other end is dropped when it is time.
        let _ = wait.recv();
    }

    /// Waits until it has shown everything.
    pub(crate) fn finish(self) {
        drop(self.messages);
        // A panic in it has been printed by the thread; the run's result does not depend on it.
        let _ = self.thread.join();
    }
}

fn observe(observer: &mut impl Observer, messages: &Receiver<Message>) {
    let mut view = RunView::default();
    'run: loop {
        let Ok(first) = messages.recv() else { break 'run };
        let mut next = Some(first);
        let mut waiting = Vec::new();
        while let Some(message) = next {
            match message {
                Message::Record(record) => {
                    view.apply(&record);
                    observer.observe(&record, &view);
                }
                Message::Past(record) => {
                    view.apply(&record);
                    observer.recall(&record, &view);
                }
                Message::CatchUp(shown) => waiting.push(shown),
            }
            next = messages.try_recv().ok();
        }
        observer.pause();
        drop(waiting);
    }
    observer.finish(&view);
}

/// Where a run leaves its files, for displays that point to them.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The log folder, unless the run leaves none.
    pub(crate) logs: Option<LogFolder>,
}

impl Places {
    /// Where the files of the final answer are, when there are any.
    pub(crate) fn final_workspace(&self, view: &RunView) -> Option<PathBuf> {
        view.final_snapshot.as_ref()?;
        let (revision, ..) = view.final_answer.as_ref()?;
        Some(self.answer_file(view, revision.agent)?.with_file_name("workspace"))
    }

    /// The file in the log folder that has this agent's final answer.
    pub(crate) fn answer_file(&self, view: &RunView, agent: AgentIndex) -> Option<PathBuf> {
        let names = agent_file_names(view.agents.iter().map(|agent| &agent.profile.id));
        let file = self.logs.as_ref()?.final_answer(names.get(agent.position())?);
        Some(std::path::absolute(&file).unwrap_or(file))
    }
}
