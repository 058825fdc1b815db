//! Workspaces, commands and context paths in the typed config.

use massgen_config::{
    Apply, ByteCount, CommandConfig, CommandMode, DockerConfig, DockerNetwork, DriftConflictPolicy, Environment,
    Permission, SandboxConfig, TeamConfig, Verification, WriteMode,
};

use crate::load_yaml;

fn config(backend: &str, rest: &str) -> TeamConfig {
    let loaded = load_yaml(&format!("agent:\n  id: a\n  backend:\n    model: gpt-5\n    cwd: w\n{backend}{rest}"));
    loaded.config.unwrap_or_else(|| panic!("{}", loaded.diagnostics.render(massgen_config::Colour::Plain)))
}

fn commands(options: &str) -> CommandConfig {
    let config = config(&format!("    enable_mcp_command_line: true\n{options}"), "");
    config.agents.into_iter().next().unwrap().backend.commands.unwrap()
}

#[test]
fn commands_run_in_a_sandbox_unless_the_config_says_otherwise() {
    let usual = commands("");
    assert_eq!(usual, CommandConfig::default());
    assert_eq!(usual.mode, CommandMode::Sandbox(SandboxConfig::default()));
    assert_eq!(commands("    command_line_execution_mode: srt\n").mode, usual.mode);
    assert_eq!(commands("    command_line_execution_mode: Local\n").mode, CommandMode::Local);
    assert_eq!(config("", "").agents[0].backend.commands, None);
    assert_eq!(config("    enable_mcp_command_line: false\n", "").agents[0].backend.commands, None);
}

#[test]
fn a_sandbox_has_grants_and_limits() {
    let config = commands(
        "    command_line_network: on\n    command_line_env: [GITHUB_TOKEN]\n    command_line_timeout: 5\n    \
         command_line_memory_limit: 512m\n    command_line_process_limit: 20\n    command_line_disk_limit: 1g\n    \
         command_line_cpu_seconds: 7\n    command_line_allowed_commands: ['python.*']\n    \
         command_line_blocked_commands: ['rm', 'git push']\n    command_line_srt_allow_read: [/opt]\n",
    );
    let CommandMode::Sandbox(sandbox) = &config.mode else { panic!("{:?}", config.mode) };
    assert!(sandbox.network);
    assert_eq!(sandbox.read[0].as_str(), "/opt");
    assert_eq!(config.limits.memory, Some(ByteCount(512 << 20)));
    assert_eq!(config.limits.disk, Some(ByteCount(1 << 30)));
    assert_eq!((config.limits.processes, config.limits.cpu_seconds), (Some(20), Some(7)));
    assert_eq!(config.allowed.as_deref().map(<[_]>::len), Some(1));
    assert_eq!((config.blocked.len(), config.env[0].as_str(), config.timeout_seconds), (2, "GITHUB_TOKEN", 5.0));
    for (word, is_on) in [("off", false), ("false", false), ("true", true), ("yes", true)] {
        let config = commands(&format!("    command_line_network: {word}\n"));
        assert_eq!(matches!(config.mode, CommandMode::Sandbox(SandboxConfig { network: true, .. })), is_on, "{word}");
    }
}

#[test]
fn a_container_has_the_options_of_the_reference() {
    let config = commands(
        "    command_line_execution_mode: docker\n    command_line_docker_network_mode: bridge\n    \
         command_line_docker_memory_limit: 2g\n    command_line_docker_cpu_limit: 4.0\n    command_line_docker_enable_sudo: true\n    \
         command_line_process_limit: 100\n    command_line_docker_credentials:\n      mount: [ssh_keys, git_config]\n      env_file: .env\n      \
         env_vars_from_file: [GITHUB_TOKEN]\n      additional_mounts: {/data: {bind: /mnt, mode: rw}}\n    \
         command_line_docker_packages: {preinstall: {python: [massgen], npm: [typescript]}}\n",
    );
    let CommandMode::Docker(docker) = &config.mode else { panic!("{:?}", config.mode) };
    assert_eq!(docker.image(), DockerConfig::SUDO_IMAGE);
    assert_eq!((docker.network, docker.cpu_limit), (DockerNetwork::Bridge, Some(4.0)));
    assert_eq!((docker.memory_limit, config.limits.processes), (Some(ByteCount(2 << 30)), Some(100)));
    let homes: Vec<&str> = docker.credentials.mount.iter().map(|login| login.path_in_home()).collect();
    assert_eq!(homes, [".ssh", ".gitconfig"]);
    assert!(docker.credentials.additional_mounts[0].is_writable);
    assert_eq!((docker.packages.python.len(), docker.packages.npm.len(), docker.packages.system.len()), (1, 1, 0));
    let image = |options: &str| match commands(&format!("    command_line_execution_mode: docker\n{options}")).mode {
        CommandMode::Docker(docker) => docker.image().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(image(""), DockerConfig::IMAGE);
    assert_eq!(image("    command_line_docker_image: mine\n    command_line_docker_enable_sudo: true\n"), "mine");
}

#[test]
fn options_of_another_mode_are_kept_as_written() {
    let config = config("    enable_mcp_command_line: true\n    command_line_docker_image: x\n", "");
    assert_eq!(config.agents[0].backend.unbuilt["command_line_docker_image"], "x");
}

#[test]
fn an_agent_has_the_context_paths_of_the_team_and_its_own() {
    let config = config(
        "    context_paths: [{path: docs, permission: write}, {path: ./src/}]\n",
        "orchestrator:\n  context_paths: [{path: /p/docs, protected_paths: [a/../keep, /p/docs/b]}]\n",
    );
    let environment = Environment { cwd: "/p".into(), ..Environment::default() };
    let paths = config.orchestrator.context_paths_of(&config.agents[0], &environment);
    let shown: Vec<_> = paths.iter().map(|one| (one.path.to_str().unwrap(), one.permission)).collect();
    assert_eq!(shown, [("/p/docs", Permission::Read), ("/p/src", Permission::Read)], "the team's entry counts");
    assert_eq!(paths[0].protected, ["/p/docs/keep", "/p/docs/b"].map(std::path::PathBuf::from));
}

#[test]
fn changes_are_asked_about_where_somebody_can_be_asked() {
    let apply =
        |option: &str, can_ask| config("", &format!("orchestrator: {{{option}}}\n")).orchestrator.apply_when(can_ask);
    assert_eq!((apply("", true), apply("", false)), (Apply::Ask, Apply::Never));
    assert_eq!((apply("apply: ask", true), apply("apply: ask", false)), (Apply::Ask, Apply::Never));
    assert_eq!((apply("apply: always", true), apply("apply: always", false)), (Apply::Always, Apply::Always));
}

#[test]
fn verification_follows_from_what_agents_can_do() {
    let verification = |agents: &str, option: &str| {
        let loaded = load_yaml(&format!("agents: [{agents}]\norchestrator: {{{option}}}\n"));
        loaded.config.unwrap().verification()
    };
    let able = "{backend: {model: gpt-5, cwd: w, enable_mcp_command_line: true}}";
    let unable = "{backend: {model: gpt-5, cwd: w}}";
    assert_eq!(verification(unable, ""), Verification::Off);
    assert_eq!(verification(&format!("{able}, {able}"), ""), Verification::Required);
    assert_eq!(verification(&format!("{able}, {unable}"), "verification: auto"), Verification::Marked);
    assert_eq!(verification(able, "verification: off"), Verification::Off);
}

#[test]
fn the_coordination_is_typed_as_far_as_it_is_built() {
    let config = config(
        "",
        "orchestrator:\n  coordination:\n    enable_planning_mode: true\n    planning_mode_instruction: plan\n    use_skills: \
         true\n    write_mode: legacy\n    drift_conflict_policy: prefer_presenter\n    broadcast: agents\n",
    );
    let coordination = &config.orchestrator.coordination;
    assert!(coordination.enable_planning_mode && coordination.use_skills);
    assert_eq!(coordination.planning_mode_instruction.as_deref(), Some("plan"));
    assert_eq!(coordination.skills_directory(), ".agent/skills");
    assert_eq!(coordination.write_mode, WriteMode::Auto);
    assert_eq!(coordination.drift_conflict_policy, DriftConflictPolicy::PreferPresenter);
    assert_eq!(coordination.unbuilt.keys().collect::<Vec<_>>(), ["broadcast"]);
}
