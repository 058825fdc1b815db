//! The options of the container that commands run in.

use super::Kind::{Bool, Choice, List, MapOf, Section as Map, Text};
use super::{Others, Section, TEXTS, not_yet, on};

/// What a container sees of the user's keys and logins.
pub(crate) static DOCKER_CREDENTIALS: Section = Section {
    name: "docker_credentials",
    fields: &[
        on("mount", List(&LOGIN), "", "logins of the user that it may read"),
        on(
            "additional_mounts",
            MapOf(&Map(&DOCKER_MOUNT)),
            "",
            "more files and directories of the user, by their paths",
        ),
        on("env_file", Text, "", "a file of variables"),
        on("env_vars", TEXTS, "", "the names of the user's variables that it sees"),
        on("env_vars_from_file", TEXTS, "", "the names of that file's variables that it sees; all when not given"),
        on("pass_all_env", Bool, "false", "whether it sees all variables of the user"),
    ],
    others: Others::Reported,
};

const LOGIN: super::Kind =
    Choice(&["ssh_keys", "git_config", "gh_config", "npm_config", "pypi_config", "claude_config", "codex_config"]);

static DOCKER_MOUNT: Section = Section {
    name: "docker_mount",
    fields: &[
        on("bind", Text, "", "where it is in the container"),
        on("mode", Choice(&["ro", "rw"]), "ro", "whether commands may only read it, or also change it"),
    ],
    others: Others::Reported,
};

/// What is installed in a container.
pub(crate) static DOCKER_PACKAGES: Section = Section {
    name: "docker_packages",
    fields: &[
        on("preinstall", Map(&PREINSTALL), "", "packages by name"),
        not_yet("auto_install_deps", Bool, "false", "whether what the workspace's files ask for is installed, too"),
        not_yet("auto_install_on_clone", Bool, "false", "the same for what is cloned later"),
    ],
    others: Others::Reported,
};

static PREINSTALL: Section = Section {
    name: "preinstall",
    fields: &[
        on("python", TEXTS, "", "with pip"),
        on("npm", TEXTS, "", "with npm"),
        on("system", TEXTS, "", "with the system's package manager"),
    ],
    others: Others::Reported,
};
