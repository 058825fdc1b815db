//! The driver of one agent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use massgen_sandbox::{Driver, Job, Process, StartError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::container::{Container, Purpose};
use crate::engine::Engine;
use crate::hijack::Attached;
use crate::job::Attended;
use crate::{DockerError, DockerSettings};

/// How many pieces of output wait for whoever takes them.
const OUTPUT_PIECES: usize = 16;

/// How long the tasks of jobs may take to see that their container is gone.
const CLOSE_WAIT: Duration = Duration::from_secs(20);

/// Runs the jobs of one agent in containers: one at a time, replaced when other grants ask for another.
///
/// It needs an engine on this machine. What a job is granted stands in the container under the same path, and what
/// is mounted below something that is only readable is left out. What cannot be limited in containers is how much a
/// job writes to what is mounted: `disk_bytes` is not enforced.
#[derive(Debug)]
pub struct Docker {
    shared: Arc<Shared>,
    /// The tasks that look after jobs: dropping them ends the jobs.
    tasks: Mutex<JoinSet<()>>,
}

/// What starting jobs takes.
#[derive(Debug)]
struct Shared {
    engine: Arc<Engine>,
    settings: DockerSettings,
    /// What tells this driver's containers from those of its peers.
    mark: String,
    /// The container for the next job. Held while one is made, so that two jobs do not make two.
    current: tokio::sync::Mutex<Option<Arc<Container>>>,
    /// An image in which the packages of the settings are installed, so that this happens once. Held while it is made.
    installed: tokio::sync::Mutex<Option<String>>,
    made: Mutex<Made>,
}

#[derive(Debug, Default)]
struct Made {
    containers: Vec<Weak<Container>>,
    is_closed: bool,
}

impl Docker {
    /// Connects to the engine, removes what a killed massgen left there, and sees that the image is there: pulls it if
    /// need be, which may take minutes.
    ///
    /// # Errors
    /// When no engine answers, when it is not on this machine, or when the image is neither there nor to be had.
    pub async fn connect(settings: DockerSettings) -> Result<Self, DockerError> {
        // What cannot be used should be known before the first command.
        settings.check()?;
        settings.variables()?;
        settings.credentials.mounts(settings.home.as_deref())?;
        let engine = Engine::connect(settings.host.as_deref()).await?;
        engine.remove_leftovers().await?;
        engine.have_image(settings.image()).await?;
        let shared = Shared {
            engine: Arc::new(engine),
            settings,
            mark: mark(),
            current: tokio::sync::Mutex::new(None),
            installed: tokio::sync::Mutex::new(None),
            made: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared), tasks: Mutex::default() })
    }

    /// Starts a job in a task of its own, which sees it through: whoever asked may be gone before it has started.
    async fn start_job(&self, job: Job) -> Result<Process, DockerError> {
        let (started, start) = oneshot::channel();
        {
            let mut tasks = self.tasks();
            while tasks.try_join_next().is_some() {}
            tasks.spawn(see_through(Arc::clone(&self.shared), job, started));
        }
        start.await.unwrap_or_else(|_| Err(run_is_over()))
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a job, hands it out, and stays with it.
async fn see_through(shared: Arc<Shared>, job: Job, started: oneshot::Sender<Result<Process, DockerError>>) {
    let mark = mark();
    let (container, exec, attached) = match shared.begin(&job, &mark).await {
        Ok(begun) => begun,
        // Nobody may be there to hear it.
        Err(error) => return drop(started.send(Err(error))),
    };
    // What is shared goes with the driver, not with the last job.
    drop(shared);
    let (output, outputs) = mpsc::channel(OUTPUT_PIECES);
    let (control, controls) = mpsc::unbounded_channel();
    let (ended, exit) = oneshot::channel();
    // If nobody takes it, it is dropped, which ends the job.
    drop(started.send(Ok(Process::new(outputs, control, exit))));
    let has_terminal = job.terminal.is_some();
    Attended { container, exec, mark, attached, has_terminal, output, controls, exit: ended }.attend().await;
}

impl Shared {
    /// Starts a job; in a new container, if the present one turns out to have ended.
    async fn begin(&self, job: &Job, mark: &str) -> Result<(Arc<Container>, String, Attached), DockerError> {
        let mut is_second = false;
        loop {
            let container = self.container(job).await?;
            match container.start_job(job, mark).await {
                Ok((exec, attached)) => return Ok((container, exec, attached)),
                Err(error) => {
                    container.leave().await;
                    if is_second || container.is_running().await {
                        return Err(error);
                    }
                    container.remove().await;
                    is_second = true;
                }
            }
        }
    }

    /// The container for a job: the present one if it was made for such jobs, else a new one.
    async fn container(&self, job: &Job) -> Result<Arc<Container>, DockerError> {
        let purpose = Purpose::of(job, &self.settings)?;
        let mut current = self.current.lock().await;
        let is_fit = |container: &&Arc<Container>| container.purpose == purpose && !container.is_gone();
        if let Some(container) = current.as_ref().filter(is_fit) {
            container.enter();
            return Ok(Arc::clone(container));
        }
        if self.made().is_closed {
            return Err(run_is_over());
        }
        if let Some(old) = current.take() {
            old.retire().await;
        }
        let container = self.make(purpose).await?;
        let is_closed = {
            let mut made = self.made();
            made.containers.retain(|container| container.strong_count() > 0);
            made.containers.push(Arc::downgrade(&container));
            made.is_closed
        };
        if is_closed {
            container.remove().await;
            return Err(run_is_over());
        }
        container.enter();
        *current = Some(Arc::clone(&container));
        Ok(container)
    }

    async fn make(&self, purpose: Purpose) -> Result<Arc<Container>, DockerError> {
        let (engine, settings) = (&self.engine, &self.settings);
        let mut installed = self.installed.lock().await;
        if installed.is_none() && !settings.packages.is_empty() {
            let image = Container::installed(Arc::clone(engine), settings, purpose.limits(), &self.mark).await?;
            *installed = Some(image);
        }
        let image = installed.as_deref().unwrap_or(settings.image());
        Container::make(Arc::clone(engine), settings, purpose, &self.mark, image).await
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes everything that was made.
    async fn close(&self) {
        let containers = {
            let mut made = self.made();
            made.is_closed = true;
            std::mem::take(&mut made.containers)
        };
        let all = containers.iter().filter_map(Weak::upgrade).filter(|container| !container.is_gone());
        let removals = all.map(|container| async move { container.remove().await });
        futures_util::future::join_all(removals).await;
    }
}

impl Driver for Docker {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn start(&self, job: Job) -> BoxFuture<'_, Result<Process, StartError>> {
        Box::pin(async move { Ok(self.start_job(job).await?) })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.shared.close().await;
            let mut tasks = std::mem::take(&mut *self.tasks());
            let ended = async { while tasks.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(CLOSE_WAIT, ended).await;
            tasks.shutdown().await;
            self.shared.current.lock().await.take();
            if let Some(image) = self.shared.installed.lock().await.take() {
                // If it cannot be removed now, the next start of massgen does it.
                let _ = self.shared.engine.remove_image(&image).await;
            }
            // Of what was being made when it was stopped, nobody knew.
            self.shared.engine.remove_of(&self.shared.mark).await;
        })
    }
}

/// What tells a driver or a job from any other.
fn mark() -> String {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

fn run_is_over() -> DockerError {
    DockerError::Engine { what: "starting a job failed".to_owned(), problem: "the run is over".to_owned() }
}
