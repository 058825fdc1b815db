//! One container of an agent.

mod body;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::models::ExecConfig;
use massgen_sandbox::{Invocation, Job, Limits, Network, OutputStream};
use rustix::process::{getgid, getuid};

use crate::credentials::HOME;
use crate::engine::Engine;
use crate::error::said;
use crate::hijack::Attached;
use crate::mounts::{Bound, additional, granted};
use crate::{DockerError, DockerSettings, NetworkMode, Packages, scripts};

/// How long the clean-up after a job may take before the container goes with it.
const SWEEP_WAIT: Duration = Duration::from_secs(10);

/// How long preparing a container may take.
const PREPARE_WAIT: Duration = Duration::from_secs(60);

/// How long installing packages may take.
const INSTALL_WAIT: Duration = Duration::from_secs(1200);

/// How much of a script's output is read, in bytes.
const SCRIPT_OUTPUT_MAX: usize = 64 << 10;

/// What a container was made for: a job that needs anything else needs another container.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Purpose {
    mounts: Vec<Bound>,
    network: NetworkMode,
    limits: Limits,
}

/// One container. Dropping it removes it.
pub(crate) struct Container {
    pub(crate) engine: Arc<Engine>,
    pub(crate) purpose: Purpose,
    id: String,
    /// Whom jobs run as: `uid:gid`.
    user: String,
    shell: String,
    keeper: String,
    variables: BTreeMap<String, String>,
    has_sudo: bool,
    out_of_memory: AtomicU64,
    is_gone: AtomicBool,
    use_of_it: Mutex<Use>,
}

#[derive(Debug, Default)]
struct Use {
    jobs: usize,
    is_retired: bool,
    is_for_installing: bool,
}

impl Purpose {
    pub(crate) fn of(job: &Job, settings: &DockerSettings) -> Result<Self, DockerError> {
        let mut mounts = granted(&job.grants)?;
        mounts.extend(additional(&settings.credentials.mounts(settings.home.as_deref())?)?);
        let network = match job.grants.network {
            Network::Off => NetworkMode::None,
            Network::On => settings.network,
        };
        Ok(Self { mounts, network, limits: job.limits })
    }

    /// What jobs may use up.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }
}

impl Container {
    /// Makes a container of an image and prepares it.
    pub(crate) async fn make(
        engine: Arc<Engine>,
        settings: &DockerSettings,
        purpose: Purpose,
        driver: &str,
        image: &str,
    ) -> Result<Arc<Self>, DockerError> {
        let container = Self::prepared(engine, settings, purpose, driver, image, Use::default()).await?;
        Ok(Arc::new(container))
    }

    /// Makes an image with the packages of the settings: in a container of their own, in which nothing of the user is.
    /// Gives the image's id.
    pub(crate) async fn installed(
        engine: Arc<Engine>,
        settings: &DockerSettings,
        limits: Limits,
        driver: &str,
    ) -> Result<String, DockerError> {
        let purpose = Purpose { mounts: Vec::new(), network: settings.network, limits };
        let installing = Use { is_for_installing: true, ..Use::default() };
        let container = Self::prepared(engine, settings, purpose, driver, settings.image(), installing).await?;
        container.install(&settings.packages).await?;
        let image = container.engine.commit(&container.id).await;
        container.remove().await;
        image.map_err(|error| DockerError::engine("keeping the installed packages failed", &error))
    }

    async fn prepared(
        engine: Arc<Engine>,
        settings: &DockerSettings,
        purpose: Purpose,
        driver: &str,
        image: &str,
        use_of_it: Use,
    ) -> Result<Self, DockerError> {
        let variables = settings.variables()?;
        // Where root in the container is the user outside, only root can write to what is theirs.
        let (user, group) = if engine.is_rootless { (0, 0) } else { (getuid().as_raw(), getgid().as_raw()) };
        let has_capabilities = user != 0 || use_of_it.is_for_installing;
        let body = body::body(&engine, settings, &purpose, image, driver, has_capabilities);
        let id = engine
            .create(&name(settings, driver), body)
            .await
            .map_err(|error| DockerError::engine("making a container failed", &error))?;
        let mut container = Self {
            engine,
            purpose,
            id,
            user: format!("{user}:{group}"),
            shell: "sh".to_owned(),
            keeper: String::new(),
            variables,
            has_sudo: settings.enable_sudo,
            out_of_memory: AtomicU64::new(0),
            is_gone: AtomicBool::new(false),
            use_of_it: Mutex::new(use_of_it),
        };
        if let Err(error) = container.engine.start(&container.id).await {
            let problem = said(&error);
            return Err(match problem.contains("executable file not found") {
                true => DockerError::UnfitImage {
                    image: settings.image().to_owned(),
                    problem: format!("it needs `sh`: {problem}"),
                },
                false => DockerError::Engine { what: "starting a container failed".to_owned(), problem },
            });
        }
        container.prepare(settings, user, group).await?;
        Ok(container)
    }

    async fn prepare(&mut self, settings: &DockerSettings, user: u32, group: u32) -> Result<(), DockerError> {
        let sudo = if settings.enable_sudo { "sudo" } else { "" };
        let script = scripts::prepare();
        let arguments = [&user.to_string(), &group.to_string(), sudo, HOME];
        let (code, output) = self.script(&script, &arguments, "0:0", PREPARE_WAIT).await?;
        let unfit = |problem: String| DockerError::UnfitImage { image: settings.image().to_owned(), problem };
        for line in output.lines() {
            match line.split_once(' ') {
                Some(("missing", tool)) => return Err(unfit(format!("it has no `{tool}`"))),
                Some(("shell", shell)) => self.shell = shell.to_owned(),
                Some(("keeper", keeper)) => self.keeper = keeper.to_owned(),
                Some(("oom_kill", count)) => self.out_of_memory = AtomicU64::new(count.parse().unwrap_or_default()),
                _ => {}
            }
        }
        if code != Some(0) || self.keeper.is_empty() {
            return Err(unfit(format!("preparing a container of it failed: {}", output.trim())));
        }
        Ok(())
    }

    async fn install(&self, packages: &Packages) -> Result<(), DockerError> {
        for (kind, names) in [("system", &packages.system), ("python", &packages.python), ("npm", &packages.npm)] {
            if names.is_empty() {
                continue;
            }
            let arguments: Vec<&str> = std::iter::once(kind).chain(names.iter().map(String::as_str)).collect();
            let (code, output) = self.script(scripts::INSTALL, &arguments, "0:0", INSTALL_WAIT).await?;
            if code != Some(0) {
                let end =
                    output.get(output.ceil_char_boundary(output.len().saturating_sub(2000))..).unwrap_or_default();
                return Err(DockerError::Engine {
                    what: format!("installing {kind} packages into a container failed"),
                    problem: end.trim().to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Starts a job's exec. Its mark tells its processes from others.
    pub(crate) async fn start_job(&self, job: &Job, mark: &str) -> Result<(String, Attached), DockerError> {
        let argument = |text: OsString| {
            text.into_string().map_err(|text| DockerError::Engine {
                what: "starting a job failed".to_owned(),
                problem: format!("engines take only arguments that are UTF-8, not {}", text.display()),
            })
        };
        let program = match job.invocation.clone() {
            Invocation::Shell(line) => vec![self.shell.clone(), "-c".to_owned(), line],
            Invocation::Program(words) => words.into_iter().map(argument).collect::<Result<_, _>>()?,
        };
        let script = scripts::job();
        let wrapper = ["sh", "-c", &script, "massgen", &self.keeper].map(str::to_owned);
        let exec = ExecConfig {
            cmd: Some(wrapper.into_iter().chain(program).collect()),
            env: Some(self.environment(job, mark)),
            user: Some(self.user.clone()),
            working_dir: Some(job.cwd.to_string_lossy().into_owned()),
            tty: Some(job.terminal.is_some()),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..ExecConfig::default()
        };
        let (id, attached) = self.exec(exec, "starting a job").await?;
        if let Some(size) = job.terminal {
            // A terminal of another size is better than none.
            let _ = self.engine.resize(&id, size.rows, size.columns).await;
        }
        Ok((id, attached))
    }

    /// The variables of a job. Where programs are is the image's business, and the home directory is the container's.
    fn environment(&self, job: &Job, mark: &str) -> Vec<String> {
        let is_own = |name: &str| !matches!(name, "PATH" | "HOME" | "USER" | "LOGNAME");
        let mut variables: BTreeMap<&str, &str> = BTreeMap::new();
        variables.extend(self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        variables.extend(
            job.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).filter(|(name, _)| is_own(name)),
        );
        if job.terminal.is_some() {
            variables.insert("TERM", "xterm");
        }
        variables.extend([("HOME", HOME), ("MASSGEN_JOB", mark)]);
        variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// Ends a job and what it left. Whether nothing of it runs any more, and whether the container ran out of memory
    /// since this was last asked. If it cannot be ended in time, the container is removed with it.
    pub(crate) async fn sweep(&self, mark: &str) -> Swept {
        // With `sudo`, processes may be root's.
        let user = if self.has_sudo { "0:0" } else { &self.user };
        match self.script(&scripts::end(), &[&self.keeper, mark], user, SWEEP_WAIT).await {
            Ok((Some(0), output)) => {
                let count = output.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse::<u64>().ok());
                let count = count.unwrap_or_default();
                let before = self.out_of_memory.fetch_max(count, Ordering::Relaxed);
                Swept { ran_out_of_memory: count > before }
            }
            // The clean-up could not start, as after a fork bomb, or does not come to an end.
            _ => {
                self.remove().await;
                Swept { ran_out_of_memory: false }
            }
        }
    }

    /// Whether jobs may become root, so that only root can end what they leave.
    pub(crate) fn has_sudo(&self) -> bool {
        self.has_sudo
    }

    /// Whether it was removed.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    /// Whether it still runs, as the engine sees it.
    pub(crate) async fn is_running(&self) -> bool {
        let state = self.engine.inspect(&self.id).await.ok().and_then(|container| container.state);
        !self.is_gone() && state.and_then(|state| state.running).unwrap_or_default()
    }

    /// Removes it with everything that runs in it.
    pub(crate) async fn remove(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
        if self.engine.remove(&self.id).await.is_err() {
            self.engine.remove_detached(&self.id);
        }
    }

    /// Counts a job that uses it.
    pub(crate) fn enter(&self) {
        self.use_of_it().jobs += 1;
    }

    /// A job is over. The last one of a container that was replaced takes it along.
    pub(crate) async fn leave(&self) {
        let is_last = {
            let mut use_of_it = self.use_of_it();
            use_of_it.jobs = use_of_it.jobs.saturating_sub(1);
            use_of_it.is_retired && use_of_it.jobs == 0
        };
        if is_last && !self.is_gone() {
            self.remove().await;
        }
    }

    /// No job will enter it any more.
    pub(crate) async fn retire(&self) {
        let is_unused = {
            let mut use_of_it = self.use_of_it();
            use_of_it.is_retired = true;
            use_of_it.jobs == 0
        };
        if is_unused && !self.is_gone() {
            self.remove().await;
        }
    }

    fn use_of_it(&self) -> std::sync::MutexGuard<'_, Use> {
        self.use_of_it.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a script of ours to its end: its exit code and what it printed.
    async fn script(
        &self,
        script: &str,
        arguments: &[&str],
        user: &str,
        wait: Duration,
    ) -> Result<(Option<i64>, String), DockerError> {
        let words = ["sh", "-c", script, "massgen"].into_iter().chain(arguments.iter().copied());
        let exec = ExecConfig {
            cmd: Some(words.map(str::to_owned).collect()),
            user: Some(user.to_owned()),
            working_dir: Some("/".to_owned()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..ExecConfig::default()
        };
        let run = async {
            let (id, mut attached) = self.exec(exec, "running a script in a container").await?;
            let mut output = Vec::new();
            while let Ok(Some(piece)) = attached.reader.next().await {
                if output.len() < SCRIPT_OUTPUT_MAX || piece.stream == OutputStream::Stderr {
                    output.extend_from_slice(&piece.bytes);
                }
                if output.len() > 2 * SCRIPT_OUTPUT_MAX {
                    output.drain(..SCRIPT_OUTPUT_MAX);
                }
            }
            let code = self.exit_code(&id).await;
            Ok((code, String::from_utf8_lossy(&output).into_owned()))
        };
        match tokio::time::timeout(wait, run).await {
            Ok(result) => result,
            Err(_) => Err(DockerError::Engine {
                what: "running a script in a container failed".to_owned(),
                problem: format!("it did not end within {} s", wait.as_secs()),
            }),
        }
    }

    async fn exec(&self, exec: ExecConfig, what: &str) -> Result<(String, Attached), DockerError> {
        let has_terminal = exec.tty.unwrap_or_default();
        let failed = |problem| DockerError::Engine { what: format!("{what} failed"), problem };
        let id = self.engine.create_exec(&self.id, exec).await.map_err(|error| failed(said(&error)))?;
        let attached = self.engine.attach(&id, has_terminal).await.map_err(|error| failed(error.to_string()))?;
        Ok((id, attached))
    }

    /// The exit code of an exec whose streams are over; `None` if it cannot be had. The engine may learn of the end a
    /// little later than we do.
    pub(crate) async fn exit_code(&self, exec: &str) -> Option<i64> {
        let mut wait = Duration::from_millis(1);
        for _ in 0..60 {
            match self.engine.inspect_exec(exec).await {
                Ok((false, code)) => return code,
                Ok((true, _)) => {}
                Err(_) => return None,
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_millis(100));
        }
        None
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The variables hold keys.
        f.debug_struct("Container").field("id", &self.id).field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if !self.is_gone() {
            self.engine.remove_detached(&self.id);
        }
    }
}

/// What a clean-up found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Swept {
    pub(crate) ran_out_of_memory: bool,
}

/// The name of a container: like that of no other.
fn name(settings: &DockerSettings, driver: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let is_plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.');
    let plain = |text: &str| -> String {
        text.chars().map(|character| if is_plain(character) { character } else { '-' }).take(60).collect()
    };
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("massgen-{}-{}-{driver}-{number}", plain(&settings.instance), plain(&settings.agent))
}
