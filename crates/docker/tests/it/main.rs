//! The driver against real engines: Docker and Podman, where `.ci/engines` has started them.

#![expect(
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "clippy exempts tests from these, but not their helpers"
)]

mod containers;
mod jobs;
mod processes;
mod refusals;

use std::path::PathBuf;
use std::process::Command;

use massgen_docker::{Docker, DockerSettings};
use massgen_sandbox::{Control, Driver as _, Exit, Grants, Invocation, Job, Limits, Network, OutputStream, Process};
use tempfile::TempDir;

/// An engine that may be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Docker,
    Podman,
}

impl Part {
    /// Where it is. Where it is not: `None`, unless the tests are told that it must be.
    fn host(self, test: &str) -> Option<String> {
        let (part, variable) = match self {
            Self::Docker => ("docker", "MASSGEN_TEST_DOCKER_HOST"),
            Self::Podman => ("podman", "MASSGEN_TEST_PODMAN_HOST"),
        };
        let host = std::env::var(variable).ok();
        let wanted = std::env::var("MASSGEN_TEST_PARTS").unwrap_or_default();
        if host.is_none() && wanted.split(',').any(|wanted| wanted.trim() == part) {
            panic!("{test} needs the part `{part}`: {variable} is not set; see .ci/engines");
        }
        if host.is_none() {
            eprintln!("SKIPPED {test}: {variable} is not set");
        }
        host
    }
}

/// Makes tests of functions that take a bench: the first ones for each engine, the others, which are about our side
/// alone, for Docker.
macro_rules! for_each_engine {
    (both: [$($both:ident),* $(,)?], docker: [$($docker:ident),* $(,)?]) => {
        mod docker {
            $crate::tests_of!(Docker: $($both,)* $($docker,)*);
        }
        mod podman {
            $crate::tests_of!(Podman: $($both,)*);
        }
    };
}
macro_rules! tests_of {
    ($part:ident: $($name:ident,)*) => {
        $(#[tokio::test]
        async fn $name() {
            if let Some(bench) = $crate::Bench::new($crate::Part::$part, stringify!($name)).await {
                super::$name(&bench).await;
                bench.close().await;
            }
        })*
    };
}
pub(crate) use for_each_engine;
pub(crate) use tests_of;

/// The driver of one agent, and a workspace.
struct Bench {
    directory: TempDir,
    host: String,
    settings: DockerSettings,
    driver: Docker,
}

impl Bench {
    async fn new(part: Part, test: &str) -> Option<Self> {
        let host = part.host(test)?;
        let directory = tempfile::tempdir().unwrap();
        for name in ["workspace", "peers/agent1"] {
            std::fs::create_dir_all(directory.path().join(name)).unwrap();
        }
        let settings = settings(&host, test);
        let driver = Docker::connect(settings.clone()).await.unwrap();
        Some(Self { directory, host, settings, driver })
    }

    /// Takes its containers down.
    async fn close(&self) {
        self.driver.close().await;
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A job in the workspace that may read the peers.
    fn job(&self, command: &str) -> Job {
        Job {
            invocation: Invocation::Shell(command.to_owned()),
            cwd: self.path("workspace"),
            env: [("GREETING".to_owned(), "hello".to_owned())].into(),
            terminal: None,
            grants: Grants {
                read: vec![self.path("peers")],
                write: vec![self.path("workspace")],
                network: Network::Off,
                ..Grants::default()
            },
            limits: Limits { memory_bytes: Some(256 << 20), ..Limits::default() },
        }
    }

    /// Runs a command to its end.
    async fn run(&self, command: &str) -> Ran {
        finish(self.driver.start(self.job(command)).await.unwrap()).await
    }

    /// Starts a command and waits until it has printed a line.
    async fn start(&self, command: &str) -> Process {
        let mut process = self.driver.start(self.job(command)).await.unwrap();
        let mut text = Vec::new();
        while !text.contains(&b'\n') {
            text.extend_from_slice(&process.output().await.unwrap().bytes);
        }
        process
    }

    /// The names of this bench's containers, as the engine lists them.
    async fn containers(&self) -> Vec<String> {
        containers(&self.host, &self.settings.instance).await
    }
}

fn settings(host: &str, test: &str) -> DockerSettings {
    DockerSettings {
        host: Some(host.to_owned()),
        image: Some(std::env::var("MASSGEN_TEST_IMAGE").unwrap_or_else(|_| "massgen-test:1".to_owned())),
        instance: test.chars().take(50).collect(),
        agent: format!("agent {}", std::process::id()),
        ..DockerSettings::default()
    }
}

async fn containers(host: &str, instance: &str) -> Vec<String> {
    let client = bollard::Docker::connect_with_unix(host, 60, bollard::API_DEFAULT_VERSION).unwrap();
    let client = client.negotiate_version().await.unwrap();
    let options = bollard::query_parameters::ListContainersOptionsBuilder::new().all(true).build();
    let all = loop {
        // The client fails on a state that containers of Podman have for moments.
        match client.list_containers(Some(options.clone())).await {
            Ok(all) => break all,
            Err(error) => assert!(error.to_string().contains("`stopped`"), "{error}"),
        }
    };
    let names = all.into_iter().flat_map(|container| container.names.unwrap_or_default());
    names.filter(|name| name.contains(&format!("massgen-{instance}-"))).collect()
}

/// What a command came to.
#[derive(Debug)]
struct Ran {
    stdout: String,
    stderr: String,
    exit: Exit,
}

async fn finish(mut process: Process) -> Ran {
    process.tell(Control::CloseInput);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(output) = process.output().await {
        match output.stream {
            OutputStream::Stdout => stdout.extend_from_slice(&output.bytes),
            OutputStream::Stderr => stderr.extend_from_slice(&output.bytes),
        }
    }
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { stdout: text(stdout), stderr: text(stderr), exit: process.exit().await }
}

/// Waits for what other processes do, which nothing tells of.
async fn until<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    while !condition().await {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// This test program again, for one test only, in a process of its own.
fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env("MASSGEN_TEST_AGAIN", "1");
    command
}

fn is_again() -> bool {
    std::env::var_os("MASSGEN_TEST_AGAIN").is_some()
}
