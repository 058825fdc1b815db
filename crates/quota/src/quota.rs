//! Rate limits for everybody in this process.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use thiserror::Error;

use crate::account::AccountKey;
use crate::bucket::{Bound, Rules};
use crate::lane::{Clock, Lane, Late};
use crate::limits::Limits;
use crate::permit::Permit;
use crate::store::StateFile;
use crate::table::LimitsTable;
use crate::warning::{QuotaWarning, Warnings};

/// By what rates are limited.
#[derive(Debug, Clone)]
pub struct QuotaSettings {
    /// Where the processes of this machine share what they used. `None`: each process counts for itself.
    /// The folder is made if it is missing. It should be on a local disk: locks in it are asked for before
    /// each call.
    pub folder: Option<PathBuf>,
    /// The user's limits.
    pub limits: LimitsTable,
    /// What counts as a minute: 60 seconds, unless a test makes it shorter.
    pub window: Duration,
}

impl QuotaSettings {
    /// These limits, for this process alone.
    #[must_use]
    pub fn new(limits: LimitsTable) -> Self {
        Self { folder: None, limits, window: Duration::from_secs(60) }
    }
}

/// Rate limits by account and model. Clones share everything.
#[derive(Clone)]
pub struct Quota {
    shared: Arc<Shared>,
}

struct Shared {
    settings: QuotaSettings,
    clock: Clock,
    lanes: Mutex<HashMap<AccountKey, HashMap<String, Arc<Lane>>>>,
    warnings: Arc<Warnings>,
}

/// A call would have to wait for longer than its caller wants to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{provider}, model {model}: {} until {} at least; wait, use another model, or raise the limit if the provider allows more",
    reason(*because),
    time(*until_ms)
)]
pub struct WaitTooLong {
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// When the call could go at the earliest, in milliseconds since 1970.
    pub until_ms: u64,
    /// What it would wait for.
    pub because: Bound,
}

impl Quota {
    /// Limits by the clock of the system.
    #[must_use]
    pub fn new(settings: QuotaSettings) -> Self {
        Self::with_clock(settings, || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
        })
    }

    /// Limits by a clock that tells milliseconds since 1970. Waiting is done by the timer of tokio, so that
    /// the clock has to go as fast as that.
    #[must_use]
    pub fn with_clock(settings: QuotaSettings, now_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        let shared = Shared { settings, clock: Arc::new(now_ms), lanes: Mutex::default(), warnings: Arc::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Waits until a call that may use so many tokens, those of its question and of its reply, may go.
    /// Calls of one account to one model go in the order in which they ask. Dropping the future gives the
    /// place back.
    pub async fn admit(&self, account: &AccountKey, model: &str, tokens: u64) -> Permit {
        let lane = self.lane(account, model);
        loop {
            // Without a longest wait nothing is ever too late.
            if let Ok(granted) = lane.admit(tokens, None).await {
                return Permit::new(lane, granted);
            }
        }
    }

    /// The same, but waits for `wait_max` at most, and not at all if it is clear that this is not enough:
    /// the calls of a day may be used up.
    ///
    /// # Errors
    /// When the call cannot go in time.
    pub async fn admit_within(
        &self,
        account: &AccountKey,
        model: &str,
        tokens: u64,
        wait_max: Duration,
    ) -> Result<Permit, WaitTooLong> {
        let lane = self.lane(account, model);
        match lane.admit(tokens, Some(wait_max)).await {
            Ok(granted) => Ok(Permit::new(lane, granted)),
            Err(Late { until_ms, because }) => {
                Err(WaitTooLong { provider: account.provider().to_owned(), model: model.to_owned(), until_ms, because })
            }
        }
    }

    /// The limits of a model as far as they are known: the user's, and what the provider told.
    #[must_use]
    pub fn limits(&self, account: &AccountKey, model: &str) -> Limits {
        self.lane(account, model).limits()
    }

    /// What went wrong with the shared files since this was last asked. Each kind of trouble is told once
    /// for each file.
    #[must_use]
    pub fn take_warnings(&self) -> Vec<QuotaWarning> {
        self.shared.warnings.take()
    }

    fn lane(&self, account: &AccountKey, model: &str) -> Arc<Lane> {
        let mut lanes = self.shared.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(account).and_then(|models| models.get(model)) {
            return Arc::clone(lane);
        }
        let settings = &self.shared.settings;
        let rules = Rules { limits: settings.limits.limits(account.provider(), model), window: settings.window };
        let file =
            settings.folder.as_ref().map(|folder| StateFile::new(folder.join(account.file_name(model)), rules.window));
        let lane = Arc::new(Lane::new(rules, file, Arc::clone(&self.shared.clock), Arc::clone(&self.shared.warnings)));
        lanes.entry(account.clone()).or_default().insert(model.to_owned(), Arc::clone(&lane));
        lane
    }
}

impl fmt::Debug for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quota").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

fn reason(because: Bound) -> &'static str {
    match because {
        Bound::RequestsPerMinute => "the requests of a minute are used up",
        Bound::TokensPerMinute => "the tokens of a minute are used up",
        Bound::RequestsPerDay => "the requests of a day are used up",
        Bound::Provider => "the provider asked for a pause",
        Bound::Turn => "other calls are waiting",
    }
}

fn time(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| "the end of time".to_owned(), |time| format!("{time:.0}"))
}
