//! Jobs without a box.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::allowance::{Allowance, Counted};
use crate::helper::CONFINE;
use crate::plan::{Confinement, Supervision};
use crate::session::Sessions;
use crate::{Driver, Helper, Job, Process, StartError, system};

const NAME: &str = "local";

/// Runs jobs as the user's own, without any isolation: grants are not looked at, and so nothing
/// is hidden. Only for users who asked for it.
///
/// What it does: the environment is the job's and complete, limits are set, the job has a session of its own, and
/// whatever it starts ends with it. What it does not do: a job can read, change and reach everything that the user can,
/// and can kill the process that looks after it.
#[derive(Debug)]
pub struct Local {
    helper: Helper,
    sessions: Arc<Sessions>,
}

impl Local {
    /// A driver that uses this helper.
    #[must_use]
    pub fn new(helper: Helper) -> Self {
        Self { helper, sessions: Arc::default() }
    }

    async fn run(&self, job: Job) -> Result<Process, StartError> {
        let trees: Vec<PathBuf> = job.grants.write.iter().chain([&job.cwd]).cloned().collect();
        let Allowance { groups, resources, watch } = Allowance::find(NAME, &job.limits, Counted::User, trees)?;
        let mut env = job.env;
        env.entry("PATH".to_owned()).or_insert_with(|| system::PATH.to_owned());
        let confinement = Confinement {
            program: job.invocation.into(),
            cwd: job.cwd,
            env,
            stays: false,
            terminal: job.terminal.is_some(),
            resources,
            identities: Vec::new(),
            masks: Vec::new(),
            drop_privileges: false,
            landlock: None,
            filter: None,
        };
        let starter = vec![self.helper.program().into(), CONFINE.into()];
        let plan = Box::new(Supervision {
            starter,
            options: Vec::new(),
            confinement,
            groups,
            watch,
            private: None,
            signal_domain: false,
        });
        self.sessions.start(&self.helper, *plan, job.terminal).await
    }
}

impl Driver for Local {
    fn name(&self) -> &'static str {
        NAME
    }

    fn start(&self, job: Job) -> BoxFuture<'_, Result<Process, StartError>> {
        Box::pin(self.run(job))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.sessions.close())
    }
}
