//! Finds a driver that can keep jobs in their box on this machine.

use std::path::PathBuf;
use std::sync::Arc;

use crate::{Bubblewrap, Driver, Grants, Helper, Invocation, Job, Landlock, Limits, StartError};

/// Finds the best driver that works here: bubblewrap, else Landlock. Each is tried by really running a job with these
/// limits, so call it once and keep the driver. There is no fallback without isolation.
///
/// # Errors
/// When neither works: with what each of them lacks and how to get it.
pub async fn choose(helper: Helper, limits: Limits) -> Result<Arc<dyn Driver>, StartError> {
    let drivers: [Arc<dyn Driver>; 2] = [Arc::new(Bubblewrap::new(helper.clone())), Arc::new(Landlock::new(helper))];
    let mut reasons = Vec::new();
    for driver in drivers {
        match probe(&*driver, limits).await {
            Ok(()) => return Ok(driver),
            Err(StartError::CannotEnforce { driver, missing }) => reasons.push(format!("{driver}: {missing}")),
            Err(error) => reasons.push(format!("{}: {}", driver.name(), with_causes(&error))),
        }
    }
    Err(StartError::CannotEnforce { driver: "the sandbox", missing: reasons.join("; ") })
}

/// Runs a job that does nothing, to see whether a driver works here.
///
/// # Errors
/// When the job cannot be started, or does not do what it should.
pub async fn probe(driver: &dyn Driver, limits: Limits) -> Result<(), StartError> {
    let job = Job {
        invocation: Invocation::Shell("exit 42".to_owned()),
        cwd: PathBuf::from("/usr"),
        env: [].into(),
        terminal: None,
        grants: Grants::default(),
        limits,
    };
    let mut process = driver.start(job).await?;
    let mut said = Vec::new();
    while let Some(output) = process.output().await {
        said.extend_from_slice(&output.bytes);
    }
    let exit = process.exit().await;
    if exit.code == Some(42) {
        return Ok(());
    }
    let problem = format!("{exit:?} {}", String::from_utf8_lossy(&said).trim());
    Err(StartError::Engine { what: format!("trying {}", driver.name()), problem })
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}
