//! One life of the process: from its start to the end of the run, or to its death.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use massgen_protocol::Record;
use tokio_util::sync::CancellationToken;

use crate::disk::Disk;
use crate::plan::Death;
use crate::world::World;

/// What models, tools and the observer share while the process lives.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) world: Arc<World>,
    disk: Disk,
    death: Option<Death>,
    disk_full_at: Option<u64>,
    state: Mutex<State>,
    died: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    /// Every record that was shown, those of the past included.
    shown: Vec<Arc<Record>>,
    /// How many of them are of the past.
    past: u64,
    moments: u64,
    file_bytes: u64,
    remains: Option<Remains>,
    disk_is_full: bool,
}

/// What a death leaves.
#[derive(Debug, Clone)]
pub(crate) struct Remains {
    /// The journal's file.
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_torn: bool,
}

impl Life {
    pub(crate) fn new(
        world: Arc<World>,
        disk: Disk,
        past: u64,
        death: Option<Death>,
        disk_full_at: Option<u64>,
    ) -> Self {
        let state = State { past, file_bytes: disk.bytes(), ..State::default() };
        Self { world, disk, death, disk_full_at, state: Mutex::new(state), died: CancellationToken::new() }
    }

    /// Something happens outside: the process may die at it. After death, nothing happens any more.
    pub(crate) async fn moment(&self) {
        {
            let mut state = self.state();
            state.moments += 1;
            if self.death == Some(Death::AtMoment(state.moments)) {
                self.die(&mut state, None);
            }
        }
        self.still().await;
    }

    /// Stands still for ever if the process is dead.
    pub(crate) async fn still(&self) {
        if self.died.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes in a record that was shown.
    pub(crate) fn observe(&self, record: &Arc<Record>) {
        let mut state = self.state();
        if state.remains.is_some() {
            return;
        }
        if std::env::var_os("MASSGEN_TRACE").is_some() {
            crate::state(&serde_json::to_string(&**record).unwrap());
        }
        state.shown.push(Arc::clone(record));
        let Some(number) = record.seq.checked_sub(state.past).filter(|number| *number > 0) else { return };
        let before = std::mem::replace(&mut state.file_bytes, self.disk.bytes());
        if let Some(Death::AtRecord { record, torn }) = self.death
            && record == number
        {
            // Only what was being written can be torn: before it was whole, nobody went on.
            let written = state.file_bytes.saturating_sub(before);
            let lost = torn.filter(|_| written > 0).map(|whole| written - (written * whole / 1000));
            self.die(&mut state, lost);
        } else if self.disk_full_at == Some(number) {
            self.disk.fill();
            state.disk_is_full = true;
        }
    }

    /// Waits for the death.
    pub(crate) async fn died(&self) {
        self.died.cancelled().await;
    }

    pub(crate) fn remains(&self) -> Option<Remains> {
        self.state().remains.clone()
    }

    /// Every record that was shown while the process lived.
    pub(crate) fn shown(&self) -> Vec<Record> {
        self.state().shown.iter().map(|record| (**record).clone()).collect()
    }

    pub(crate) fn disk_is_full(&self) -> bool {
        self.state().disk_is_full
    }

    pub(crate) fn journal(&self) -> &Path {
        self.disk.path()
    }

    /// As a kill does: what is in the file stays, and nothing else.
    fn die(&self, state: &mut State, lost: Option<u64>) {
        if state.remains.is_some() {
            return;
        }
        let mut bytes = fs::read(self.disk.path()).unwrap();
        bytes.truncate(bytes.len() - usize::try_from(lost.unwrap_or(0)).unwrap());
        state.remains = Some(Remains { bytes, is_torn: lost.is_some() });
        self.died.cancel();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
