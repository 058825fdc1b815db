//! What an engine is told to make.

use bollard::models::{ContainerCreateBody, HostConfig, ResourcesUlimits};
use massgen_sandbox::Limits;
use rustix::process::{Resource, getrlimit};

use super::Purpose;
use crate::engine::Engine;
use crate::mounts::Bound;
use crate::{DockerSettings, scripts};

/// What root needs to prepare a container and to install packages. Jobs of another user cannot get at it, and where
/// jobs are root it is left out.
const CAPABILITIES_OF_ROOT: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"];

/// What the engine is told to make.
pub(super) fn body(
    engine: &Engine,
    settings: &DockerSettings,
    purpose: &Purpose,
    image: &str,
    driver: &str,
    has_capabilities: bool,
) -> ContainerCreateBody {
    let limits = &purpose.limits;
    let memory = settings.memory_limit.or(limits.memory_bytes).and_then(|bytes| i64::try_from(bytes).ok());
    let is_tmpfs = |bound: &Bound| engine.is_podman && bound.podman_tmpfs().is_some();
    let mounts = purpose.mounts.iter().filter(|bound| !is_tmpfs(bound));
    let tmpfs = engine.is_podman.then(|| purpose.mounts.iter().filter_map(Bound::podman_tmpfs).collect());
    let added = CAPABILITIES_OF_ROOT.map(str::to_owned).to_vec();
    let (cap_drop, cap_add, security) = if settings.enable_sudo {
        // Root must see what the processes of others carry.
        (None, Some(vec!["SYS_PTRACE".to_owned()]), None)
    } else {
        let no_new_privileges = vec!["no-new-privileges".to_owned()];
        (Some(vec!["ALL".to_owned()]), has_capabilities.then_some(added), Some(no_new_privileges))
    };
    #[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate, and engines refuse nonsense")]
    let nano_cpus = settings.cpu_limit.map(|processors| (processors * 1e9) as i64);
    ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(["sh", "-c", scripts::INIT].map(str::to_owned).to_vec()),
        cmd: Some(Vec::new()),
        user: Some("0:0".to_owned()),
        working_dir: Some("/".to_owned()),
        labels: Some(engine.owner.labels(driver)),
        // The first process does not listen to anything else.
        stop_signal: Some("SIGKILL".to_owned()),
        stop_timeout: Some(0),
        host_config: Some(HostConfig {
            mounts: Some(mounts.map(Bound::mount).collect()),
            tmpfs,
            network_mode: Some(purpose.network.name().to_owned()),
            memory,
            // None beside it, else twice as much could be used.
            memory_swap: memory,
            nano_cpus,
            // Beside the jobs' there are two processes of ours, and one for each clean-up.
            pids_limit: limits.processes.map(|processes| i64::from(processes) + 8),
            ulimits: Some(ulimits(engine, limits)),
            cap_drop,
            cap_add,
            security_opt: security,
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// How many processes a user may have in containers of Podman, which itself runs with about as many. How many a
/// container may have is bounded by its control group.
const PODMAN_PROCESSES_MAX: u64 = 32_768;

fn ulimits(engine: &Engine, limits: &Limits) -> Vec<ResourcesUlimits> {
    let own = |resource| getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let mut wanted = vec![("fsize", limits.file_bytes), ("cpu", limits.cpu_seconds)];
    if engine.is_podman {
        // Its defaults are more than it can give where it cannot raise limits itself.
        wanted.push(("nofile", Some(limits.open_files.unwrap_or(1024).min(own(Resource::Nofile)))));
        wanted.push(("nproc", Some(PODMAN_PROCESSES_MAX.min(own(Resource::Nproc)))));
    } else {
        wanted.push(("nofile", limits.open_files));
    }
    let limit = |(name, limit): (&str, Option<u64>)| {
        let limit = limit.map(|limit| i64::try_from(limit).unwrap_or(-1));
        limit.map(|limit| ResourcesUlimits { name: Some(name.to_owned()), soft: Some(limit), hard: Some(limit) })
    };
    wanted.into_iter().filter_map(limit).collect()
}
