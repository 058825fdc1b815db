//! The container that an agent's commands run in.

use super::commands::{DOCKER_MEMORY, byte_count, variable_names};
use super::options::Options;
use super::unbuilt;
use crate::fields::DOCKER_PACKAGES;
use crate::node::{Node, path_of_key};
use crate::{
    CredentialMount, Diagnostic, Diagnostics, DockerConfig, DockerCredentials, DockerMount, DockerNetwork,
    DockerPackages,
};

pub(super) fn docker(options: Options<'_>, found: &mut Diagnostics) -> DockerConfig {
    let credentials = options.map("command_line_docker_credentials", |options| credentials(options, found));
    DockerConfig {
        image: options.text("command_line_docker_image"),
        network: options.choice("command_line_docker_network_mode", DockerNetwork::NAMES).unwrap_or_default(),
        memory_limit: byte_count(options, DOCKER_MEMORY, found),
        cpu_limit: options.number("command_line_docker_cpu_limit"),
        enable_sudo: options.is_on("command_line_docker_enable_sudo"),
        credentials: credentials.unwrap_or_default(),
        packages: options.map("command_line_docker_packages", packages).unwrap_or_default(),
    }
}

fn credentials(options: Options<'_>, found: &mut Diagnostics) -> DockerCredentials {
    if options.has("env_vars_from_file") && !options.has("env_file") {
        let warning = options.warning("env_vars_from_file", "no effect: there is no `env_file`");
        found.push(warning.hint("name the file, such as `env_file: .env`"));
    }
    let logins = options.items("mount").filter_map(|(_, item)| item.text());
    DockerCredentials {
        mount: logins.filter_map(|word| crate::words::meaning_of(CredentialMount::NAMES, word)).collect(),
        additional_mounts: options.map("additional_mounts", |mounts| mounts_of(mounts, found)).unwrap_or_default(),
        env_file: options.text("env_file"),
        env_vars: variable_names(options, "env_vars", found).unwrap_or_default(),
        env_vars_from_file: variable_names(options, "env_vars_from_file", found),
        pass_all_env: options.is_on("pass_all_env"),
    }
}

fn mounts_of(mounts: Options<'_>, found: &mut Diagnostics) -> Vec<DockerMount> {
    let entries = mounts.node.entries().unwrap_or_default().iter();
    let mounts = entries.filter_map(|entry| {
        entry.node.entries()?;
        let path = path_of_key(mounts.path, &entry.key);
        let options = Options { node: &entry.node, path: &path, span: entry.span };
        let bind = options.text("bind").filter(|bind| bind.starts_with('/'));
        if bind.is_none() {
            let message = "no absolute `bind`: where is it in the container?";
            let hint = "write `bind: /a/path` below it";
            found.push(Diagnostic::error(path_of_key(&path, "bind"), Some(entry.span), message).hint(hint));
        }
        let mode = options.node.get("mode").and_then(Node::text);
        let is_writable = mode.is_some_and(|mode| mode.eq_ignore_ascii_case("rw"));
        Some(DockerMount { host: entry.key.clone(), bind: bind?, is_writable })
    });
    mounts.collect()
}

fn packages(options: Options<'_>) -> DockerPackages {
    let list = |key: &str| options.map("preinstall", |preinstall| preinstall.texts(key)).flatten().unwrap_or_default();
    DockerPackages {
        python: list("python"),
        npm: list("npm"),
        system: list("system"),
        unbuilt: unbuilt(options.node, &DOCKER_PACKAGES, &[]),
    }
}
