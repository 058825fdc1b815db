//! What runs jobs.

use std::fmt;
use std::io;
use std::path::PathBuf;

use futures_util::future::BoxFuture;

use crate::{Job, Process};

/// Runs jobs in one way: in namespaces, under Landlock, in a container, or without any isolation.
pub trait Driver: Send + Sync + fmt::Debug {
    /// Its name, for messages and the audit: `bubblewrap`, `landlock`, `docker`, `local`.
    fn name(&self) -> &'static str;

    /// Starts a job.
    ///
    /// # Errors
    /// When the box cannot be made as asked for, or the program cannot be started in it. Nothing runs then.
    fn start(&self, job: Job) -> BoxFuture<'_, Result<Process, StartError>>;

    /// Ends and removes what outlives single jobs, such as a container.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Why a job did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// This machine cannot enforce what the job needs.
    #[error("{driver} cannot keep commands in their box here: {missing}")]
    CannotEnforce {
        /// Which driver.
        driver: &'static str,
        /// What is missing, and how to get it.
        missing: String,
    },
    /// A granted path cannot be used.
    #[error("`{}` cannot be granted to a command: {problem}", path.display())]
    Grant {
        /// Which.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// The system refused.
    #[error("{what} failed")]
    System {
        /// Which step.
        what: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another service that the driver relies on refused, such as a container engine.
    #[error("{what}: {problem}")]
    Engine {
        /// Which step.
        what: String,
        /// Its words.
        problem: String,
    },
}
