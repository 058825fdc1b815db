//! The commands of one agent that are remembered: those that run in the background, and those whose output is longer
//! than what was shown of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use massgen_sandbox::{Control, Process};
use tokio::sync::mpsc::WeakUnboundedSender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::recording::{Recorder, Recording};

/// How many commands that have ended are remembered.
const ENDED_MAX: usize = 16;

/// How long a killed command may take to be gone before it is told that it is not.
const KILL_WAIT: Duration = Duration::from_secs(10);

/// The remembered commands of one agent.
#[derive(Debug)]
pub(crate) struct Shells {
    slots: Arc<Semaphore>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    shells: VecDeque<Arc<Shell>>,
    /// The tasks that own the processes of the background: dropping it ends them.
    tasks: JoinSet<()>,
    is_closed: bool,
}

/// A remembered command.
#[derive(Debug)]
pub(crate) struct Shell {
    pub(crate) recording: Arc<Recording>,
    controls: Option<WeakUnboundedSender<Control>>,
}

impl Shells {
    pub(crate) fn new(shells_max: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(shells_max)), known: Mutex::default() }
    }

    /// Room for one more command in the background, if there is any.
    pub(crate) fn slot(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).try_acquire_owned().ok()
    }

    /// Takes a process into the background. After [`close`](Self::close) it is ended instead.
    pub(crate) fn adopt(
        &self,
        mut process: Process,
        recording: Arc<Recording>,
        recorder: Recorder,
        slot: OwnedSemaphorePermit,
    ) {
        let controls = Some(process.controls());
        let mut known = self.lock();
        if known.is_closed {
            return;
        }
        while known.tasks.try_join_next().is_some() {}
        known.tasks.spawn(async move {
            recorder.record(&mut process, |_| ()).await;
            drop(slot);
        });
        known.remember(Shell { recording, controls });
    }

    /// Remembers a command that has ended, so that its output can be paged through.
    pub(crate) fn remember(&self, recording: Arc<Recording>) {
        self.lock().remember(Shell { recording, controls: None });
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Shell>> {
        self.lock().shells.iter().find(|shell| shell.recording.id == id.trim()).cloned()
    }

    /// Those of the background, oldest first.
    pub(crate) fn list(&self) -> Vec<Arc<Shell>> {
        self.lock().shells.iter().filter(|shell| shell.controls.is_some()).cloned().collect()
    }

    /// Ends everything of the background, and waits for it.
    pub(crate) async fn close(&self) {
        let (shells, mut tasks) = {
            let mut known = self.lock();
            known.is_closed = true;
            (std::mem::take(&mut known.shells), std::mem::take(&mut known.tasks))
        };
        for shell in shells {
            shell.tell(Control::Kill);
        }
        let all = async { while tasks.join_next().await.is_some() {} };
        // What is still there then is dropped, which kills it again.
        let _ = tokio::time::timeout(KILL_WAIT, all).await;
        tasks.shutdown().await;
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn remember(&mut self, shell: Shell) {
        self.shells.push_back(Arc::new(shell));
        let ended = |shell: &Arc<Shell>| shell.recording.end().is_some();
        let mut too_many = self.shells.iter().filter(|shell| ended(shell)).count().saturating_sub(ENDED_MAX);
        self.shells.retain(|shell| {
            let goes = too_many > 0 && ended(shell);
            too_many -= usize::from(goes);
            !goes
        });
    }
}

impl Shell {
    /// Writes to its input. Whether it still runs.
    pub(crate) fn input(&self, text: String) -> bool {
        self.recording.end().is_none() && self.tell(Control::Input(Bytes::from(text)))
    }

    /// Ends its input. Whether it still runs.
    pub(crate) fn end_input(&self) -> bool {
        self.recording.end().is_none() && self.tell(Control::CloseInput)
    }

    /// Ends it with everything it started. Whether it has ended.
    pub(crate) async fn kill(&self) -> bool {
        self.tell(Control::Kill);
        let ended = tokio::time::timeout(KILL_WAIT, self.recording.ended()).await;
        ended.is_ok_and(|end| end.is_some())
    }

    fn tell(&self, control: Control) -> bool {
        let controls = self.controls.as_ref().and_then(WeakUnboundedSender::upgrade);
        controls.is_some_and(|controls| controls.send(control).is_ok())
    }
}
