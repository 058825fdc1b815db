//! How an agent's commands are run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use massgen_config::{CommandConfig, CommandMode, DockerConfig, DockerNetwork, Environment, SandboxConfig, Text};
use massgen_docker::{AdditionalMount, Credentials, Docker, DockerSettings, NetworkMode, Packages};
use massgen_sandbox::{Driver, Helper, Limits, Local, Network, choose};
use massgen_shell::{CommandRules, CommandSettings, CommandTools, clean_environment};

use super::room::Room;
use crate::failure::{Failure, with_causes};

/// What all agents' commands have in common.
pub(crate) struct Shell<'a> {
    pub(crate) environment: &'a Environment,
    /// Where output that does not fit in memory goes.
    pub(crate) logs: Option<PathBuf>,
    /// Tells the containers of this run from those of others.
    pub(crate) instance: String,
    /// The sandbox of this machine, found when it is first wanted.
    pub(crate) sandbox: Option<Arc<dyn Driver>>,
}

/// The command tools of an agent, and what runs them.
pub(crate) struct Commands {
    pub(crate) tools: Arc<CommandTools>,
    pub(crate) driver: Arc<dyn Driver>,
}

impl Shell<'_> {
    /// Makes the command tools of an agent, known as `name`, that works in `room`. `variables` are added to what its
    /// commands see.
    pub(crate) async fn commands(
        &mut self,
        config: &CommandConfig,
        room: &Arc<Room>,
        name: &str,
        variables: Vec<(String, String)>,
    ) -> Result<Commands, Failure> {
        let driver = self.driver(config, name).await?;
        let mut settings =
            CommandSettings::new(Arc::clone(&driver), Arc::clone(room) as Arc<dyn massgen_shell::Places>);
        settings.network = match &config.mode {
            CommandMode::Sandbox(SandboxConfig { network: false, .. }) => Network::Off,
            CommandMode::Docker(docker) if docker.network == DockerNetwork::None => Network::Off,
            CommandMode::Sandbox(_) | CommandMode::Docker(_) | CommandMode::Local => Network::On,
        };
        settings.limits = limits(config);
        let granted: Vec<String> = texts(&config.env);
        settings.environment = clean_environment(self.variables(), &granted);
        settings.environment.extend(variables);
        let allowed = config.allowed.iter().flatten().map(Text::as_str);
        settings.rules = CommandRules::new(allowed, config.blocked.iter().map(Text::as_str))
            .map_err(|error| Failure::configuration(with_causes(&error)))?;
        settings.timeout_default = Duration::try_from_secs_f64(config.timeout_seconds).unwrap_or(settings.timeout_max);
        settings.timeout_max = settings.timeout_max.max(settings.timeout_default);
        settings.log_directory = self.logs.as_ref().map(|logs| logs.join("commands").join(name));
        Ok(Commands { tools: Arc::new(CommandTools::new(settings)), driver })
    }

    async fn driver(&mut self, config: &CommandConfig, name: &str) -> Result<Arc<dyn Driver>, Failure> {
        let helper = Helper::current().map_err(|error| {
            Failure::execution(format!("the program cannot find itself, which it must to run commands: {error}"))
        })?;
        match &config.mode {
            CommandMode::Local => Ok(Arc::new(Local::new(helper))),
            CommandMode::Docker(docker) => {
                let settings = self.docker(docker, name);
                let docker = Docker::connect(settings).await;
                docker.map(|docker| Arc::new(docker) as Arc<dyn Driver>).map_err(|error| {
                    Failure::configuration(with_causes(&error)).hint(
                        "without `command_line_execution_mode: docker`, commands run in a sandbox of this machine",
                    )
                })
            }
            CommandMode::Sandbox(_) => {
                if let Some(driver) = &self.sandbox {
                    return Ok(Arc::clone(driver));
                }
                let driver = choose(helper, limits(config)).await.map_err(|error| {
                    Failure::configuration(with_causes(&error)).hint(
                        "`command_line_execution_mode: docker` runs commands in a container; `local` runs them without any \
                         box, with all that you may do yourself",
                    )
                })?;
                self.sandbox = Some(Arc::clone(&driver));
                Ok(driver)
            }
        }
    }

    fn docker(&self, config: &DockerConfig, name: &str) -> DockerSettings {
        let credentials = &config.credentials;
        DockerSettings {
            host: self.environment.var("DOCKER_HOST").map(str::to_owned),
            image: Some(config.image().to_owned()),
            network: match config.network {
                DockerNetwork::None => NetworkMode::None,
                DockerNetwork::Bridge => NetworkMode::Bridge,
                DockerNetwork::Host => NetworkMode::Host,
            },
            memory_limit: config.memory_limit.map(|memory| memory.0),
            cpu_limit: config.cpu_limit,
            enable_sudo: config.enable_sudo,
            credentials: Credentials {
                mount: credentials.mount.iter().map(|mount| mount.path_in_home().into()).collect(),
                additional_mounts: credentials
                    .additional_mounts
                    .iter()
                    .map(|mount| AdditionalMount {
                        source: self.environment.absolute(&mount.host),
                        bind: PathBuf::from(mount.bind.as_str()),
                        is_writable: mount.is_writable,
                    })
                    .collect(),
                env_file: credentials.env_file.as_ref().map(|file| self.environment.absolute(file)),
                env_vars: texts(&credentials.env_vars),
                env_vars_from_file: credentials.env_vars_from_file.as_ref().map(|list| texts(list)).unwrap_or_default(),
                pass_all_env: credentials.pass_all_env,
            },
            packages: Packages {
                python: texts(&config.packages.python),
                npm: texts(&config.packages.npm),
                system: texts(&config.packages.system),
            },
            home: self.environment.home.clone(),
            environment: self.variables().collect(),
            instance: self.instance.clone(),
            agent: name.to_owned(),
        }
    }

    fn variables(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.environment.vars.iter().map(|(name, value)| (name.clone(), value.clone()))
    }
}

/// Refuses what the box of commands cannot enforce, before any model is asked.
pub(crate) async fn check_enforceable(
    driver: &dyn Driver,
    tools: &CommandTools,
    room: &Room,
    uses_sockets: bool,
) -> Result<(), Failure> {
    if driver.name() != "landlock" {
        return Ok(());
    }
    let hint = "install the package `bubblewrap`, or use `command_line_execution_mode: docker`";
    if room.contexts.holds_back_in_writable() {
        let problem = "without bubblewrap, commands cannot be kept from protected paths and files with keys in a context \
                       path that may be written";
        return Err(Failure::configuration(problem).hint(hint));
    }
    // Before Linux 7.1, sockets cannot be granted one by one.
    if uses_sockets || !room.sockets.is_empty() {
        tools.try_out().await.map_err(|error| Failure::configuration(with_causes(&error)).hint(hint))?;
    }
    Ok(())
}

fn limits(config: &CommandConfig) -> Limits {
    if config.mode == CommandMode::Local {
        // Who asks for no box gets none.
        return Limits {
            memory_bytes: None,
            processes: None,
            file_bytes: None,
            disk_bytes: None,
            cpu_seconds: None,
            open_files: None,
        };
    }
    let mut usual = Limits::default();
    if let CommandMode::Docker(_) = config.mode {
        // Engines do not limit what is written to mounts; the config refuses such a limit for them.
        usual.disk_bytes = None;
    }
    let given = &config.limits;
    Limits {
        memory_bytes: given.memory.map(|memory| memory.0).or(usual.memory_bytes),
        processes: given.processes.or(usual.processes),
        disk_bytes: given.disk.map(|disk| disk.0).or(usual.disk_bytes),
        cpu_seconds: given.cpu_seconds.map(u64::from).or(usual.cpu_seconds),
        ..usual
    }
}

fn texts(list: &[Text]) -> Vec<String> {
    list.iter().map(|text| text.as_str().to_owned()).collect()
}

/// What a sandbox grants besides what all commands get.
pub(crate) fn grants(config: Option<&CommandConfig>, environment: &Environment) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let Some(CommandConfig { mode: CommandMode::Sandbox(sandbox), .. }) = config else {
        return (Vec::new(), Vec::new());
    };
    let absolute = |list: &[Text]| list.iter().map(|path| environment.absolute(path)).collect();
    (absolute(&sandbox.read), absolute(&sandbox.sockets))
}
