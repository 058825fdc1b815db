//! How an agent runs commands, as options of its backend.

use serde_json::{Map, Value, json};

use super::{put_if, put_list, put_map, put_number, put_text, seconds};
use crate::words::word_for;
use crate::{
    ByteCount, CommandConfig, CommandMode, CredentialMount, DockerConfig, DockerCredentials, DockerNetwork,
    DockerPackages, SandboxConfig,
};

/// Adds the options to those of the backend.
pub(super) fn put_commands(map: &mut Map<String, Value>, config: &CommandConfig) {
    let usual = CommandConfig::default();
    map.insert("enable_mcp_command_line".to_owned(), json!(true));
    match &config.mode {
        CommandMode::Sandbox(sandbox) => put_sandbox(map, sandbox),
        CommandMode::Docker(docker) => put_docker(map, docker),
        CommandMode::Local => put_mode(map, "local"),
    }
    if let Some(allowed) = &config.allowed {
        map.insert("command_line_allowed_commands".to_owned(), super::list(allowed));
    }
    put_list(map, "command_line_blocked_commands", &config.blocked);
    put_list(map, "command_line_env", &config.env);
    if config.timeout_seconds != usual.timeout_seconds {
        map.insert("command_line_timeout".to_owned(), seconds(config.timeout_seconds));
    }
    put_bytes(map, "command_line_memory_limit", config.limits.memory);
    put_number(map, "command_line_process_limit", config.limits.processes);
    put_bytes(map, "command_line_disk_limit", config.limits.disk);
    put_number(map, "command_line_cpu_seconds", config.limits.cpu_seconds);
}

fn put_mode(map: &mut Map<String, Value>, mode: &str) {
    map.insert("command_line_execution_mode".to_owned(), json!(mode));
}

fn put_bytes(map: &mut Map<String, Value>, key: &str, bytes: Option<ByteCount>) {
    if let Some(bytes) = bytes {
        map.insert(key.to_owned(), json!(bytes.to_string()));
    }
}

fn put_sandbox(map: &mut Map<String, Value>, sandbox: &SandboxConfig) {
    if sandbox.network {
        map.insert("command_line_network".to_owned(), json!("on"));
    }
    put_list(map, "command_line_srt_allow_read", &sandbox.read);
    put_list(map, "command_line_srt_allow_unix_sockets", &sandbox.sockets);
}

fn put_docker(map: &mut Map<String, Value>, docker: &DockerConfig) {
    put_mode(map, "docker");
    put_text(map, "command_line_docker_image", docker.image.as_ref());
    if docker.network != DockerNetwork::default() {
        let word = word_for(DockerNetwork::NAMES, &docker.network);
        map.insert("command_line_docker_network_mode".to_owned(), json!(word));
    }
    put_bytes(map, "command_line_docker_memory_limit", docker.memory_limit);
    if let Some(cpus) = docker.cpu_limit {
        map.insert("command_line_docker_cpu_limit".to_owned(), json!(cpus));
    }
    put_if(map, "command_line_docker_enable_sudo", docker.enable_sudo, true);
    put_map(map, "command_line_docker_credentials", credentials(&docker.credentials));
    put_map(map, "command_line_docker_packages", packages(&docker.packages));
}

fn credentials(config: &DockerCredentials) -> Map<String, Value> {
    let mut map = Map::new();
    if !config.mount.is_empty() {
        let words = config.mount.iter().map(|login| json!(word_for(CredentialMount::NAMES, login)));
        map.insert("mount".to_owned(), words.collect());
    }
    let mounts = config.additional_mounts.iter().map(|mount| {
        let mode = if mount.is_writable { "rw" } else { "ro" };
        (mount.host.clone(), json!({"bind": mount.bind.written(), "mode": mode}))
    });
    put_map(&mut map, "additional_mounts", mounts.collect());
    put_text(&mut map, "env_file", config.env_file.as_ref());
    put_list(&mut map, "env_vars", &config.env_vars);
    if let Some(names) = &config.env_vars_from_file {
        map.insert("env_vars_from_file".to_owned(), super::list(names));
    }
    put_if(&mut map, "pass_all_env", config.pass_all_env, true);
    map
}

fn packages(config: &DockerPackages) -> Map<String, Value> {
    let mut preinstall = Map::new();
    put_list(&mut preinstall, "python", &config.python);
    put_list(&mut preinstall, "npm", &config.npm);
    put_list(&mut preinstall, "system", &config.system);
    let mut map = Map::new();
    put_map(&mut map, "preinstall", preinstall);
    map.extend(config.unbuilt.0.clone());
    map
}
