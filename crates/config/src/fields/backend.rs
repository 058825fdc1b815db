//! The options of a backend. Keys that are not here go to the provider as they are.

use super::Kind::{Any, BackendType, Bool, Choice, Integer, List, Number, OneOf, Seconds, Section as Map, Text};
use super::{Field, MAP, Others, SHARE, Section, TEXTS, at_least, ignored, not_yet, on, passed_on, refused};
use crate::fields::commands::{DOCKER_CREDENTIALS, DOCKER_PACKAGES};
use crate::fields::media::MULTIMODAL;
use crate::fields::orchestrator::CONTEXT_PATHS;
use crate::fields::tools::{CUSTOM_TOOLS, HOOKS, MCP_SERVERS, PERMISSIONS, UPLOAD};

/// `agents[].backend`.
pub(crate) static BACKEND: Section = Section { name: "backend", fields: FIELDS, others: Others::PassedOn };

/// An entry of `fallback`. Keys that are not here go to that provider as they are.
static FALLBACK: Section = Section {
    name: "fallback",
    fields: &[
        on("type", BackendType, "", "the backend type; when not given it follows from the model"),
        on("model", Text, "", "the model as the provider names it"),
        on("base_url", Text, "", "where the provider is, when not where it usually is"),
        on("api_key", Text, "", "the key; better left to a variable such as OPENAI_API_KEY"),
        on("price", Map(&PRICE), "", "what the model costs, where that is not known or not what you pay"),
    ],
    others: Others::PassedOn,
};

const DOLLARS: super::Kind = Number { min: 0.0, max: 1e6 };

/// `price`: US dollars for a million tokens.
static PRICE: Section = Section {
    name: "price",
    fields: &[
        on("input", DOLLARS, "", "US dollars for a million tokens of input"),
        on("output", DOLLARS, "", "US dollars for a million tokens of output"),
        on("cached_input", DOLLARS, "", "of input from the cache; as `input` when not given"),
        on("cache_write", DOLLARS, "", "of input written to the cache; as `input` when not given"),
    ],
    others: Others::Reported,
};

static FIELDS: &[Field] = &[
    on("type", BackendType, "", "the backend type; when not given it follows from the model"),
    on("model", Text, "", "the model as the provider names it"),
    on("base_url", Text, "", "where the provider is, when not where it usually is"),
    on("azure_endpoint", Text, "", "another name of `base_url` for Azure"),
    on("api_key", Text, "", "the key; better left to a variable such as OPENAI_API_KEY"),
    on("enable_web_search", Bool, "false", "whether the provider searches the web"),
    on("enable_x_search", Bool, "false", "whether the provider searches X"),
    on("enable_code_execution", Bool, "false", "whether the provider runs code"),
    on("enable_code_interpreter", Bool, "false", "whether the provider runs code; another name"),
    on("fallback", List(&Map(&FALLBACK)), "", "whom to ask while the provider is in trouble, in this order"),
    on("price", Map(&PRICE), "", "what the model costs, where that is not known or not what you pay"),
    refused("system_prompt", "a second system message", "write it as the agent's `system_message`, beside `backend`"),
    refused(
        "append_system_prompt",
        "a second system message",
        "write it as the agent's `system_message`, beside `backend`",
    ),
    // What the provider is asked for.
    passed_on("temperature", Number { min: 0.0, max: 2.0 }, "how much chance there is in the choice of words"),
    passed_on("top_p", SHARE, "the share of likely words that are considered"),
    passed_on("top_k", at_least(0), "how many likely words are considered"),
    passed_on("max_tokens", at_least(1), "how long a reply may be"),
    passed_on("max_output_tokens", at_least(1), "how long a reply may be"),
    passed_on("max_completion_tokens", at_least(1), "how long a reply may be"),
    passed_on("reasoning", MAP, "how much the model thinks, and what it shows of it"),
    passed_on("reasoning_effort", Text, "how much the model thinks"),
    passed_on("thinking", MAP, "how much the model thinks"),
    passed_on("thinking_config", MAP, "how much the model thinks"),
    passed_on("include_thoughts", Bool, "whether thoughts are shown"),
    passed_on("text", MAP, "the form of the reply"),
    passed_on("verbosity", Text, "how many words the model makes"),
    passed_on("extra_body", MAP, "more fields of the request"),
    passed_on("extra_headers", MAP, "more headers of the request"),
    passed_on("chat_template_kwargs", MAP, "parameters of the model's chat template"),
    passed_on("separate_reasoning", Bool, "whether thoughts come apart from the reply"),
    passed_on("repetition_penalty", Number { min: 0.0, max: 10.0 }, "how much repetition is avoided"),
    passed_on("frequency_penalty", Number { min: -2.0, max: 2.0 }, "how much repetition is avoided"),
    passed_on("presence_penalty", Number { min: -2.0, max: 2.0 }, "how much known subjects are avoided"),
    passed_on("seed", Integer { min: i64::MIN, max: i64::MAX }, "what chance starts from"),
    passed_on("stop", OneOf(&[Text, TEXTS]), "where the reply ends"),
    passed_on("tool_choice", Any, "which tools must be called"),
    passed_on("parallel_tool_calls", Bool, "whether several tools may be called at once"),
    passed_on("function_calling_mode", Choice(&["AUTO", "ANY", "NONE"]), "which tools must be called"),
    passed_on("betas", TEXTS, "features in preview"),
    passed_on("api_version", Text, "the version of Azure's interface"),
    passed_on("service_tier", Text, "the class of service"),
    passed_on("metadata", MAP, "labels of the request"),
    passed_on("safety_settings", Any, "what the provider refuses"),
    passed_on("response_format", MAP, "the form of the reply"),
    // Where the agent works.
    on("cwd", Text, "", "the agent's workspace, which it alone writes"),
    on("context_paths", CONTEXT_PATHS, "", "files outside the workspace, for this agent alone"),
    not_yet("agent_temporary_workspace", Text, "", "where the agent sees its peers' snapshots"),
    on("enforce_read_before_delete", Bool, "true", "whether only what was read may be deleted"),
    on("exclude_file_operation_mcps", Bool, "false", "whether most file tools are left out, in favour of commands"),
    on("permissions", Map(&PERMISSIONS), "", "what the agent may do without asking"),
    // Tools.
    on("mcp_servers", MCP_SERVERS, "", "MCP servers whose tools the agent has"),
    on("mcpServers", MCP_SERVERS, "", "another name of `mcp_servers`"),
    on("direct_mcp_servers", TEXTS, "", "servers whose tools stay tools in spite of `enable_code_based_tools`"),
    on("allowed_tools", TEXTS, "", "the only tools of MCP servers that the agent has"),
    on("exclude_tools", TEXTS, "", "tools of MCP servers that the agent does not have"),
    not_yet("disallowed_tools", TEXTS, "", "tools that the program does not have"),
    on("custom_tools", CUSTOM_TOOLS, "", "tools that are functions of the user"),
    on("custom_tools_path", Text, "", "a directory of such tools"),
    on("auto_discover_custom_tools", Bool, "false", "whether all custom tools that come with massgen are there"),
    on("exclude_custom_tools", TEXTS, "", "but not those with these parts in their names"),
    on("enable_code_based_tools", Bool, "false", "whether tools are called from code that the agent writes"),
    on("shared_tools_directory", Text, "", "where that code finds them for all agents"),
    on("concurrent_tool_execution", Bool, "false", "whether several tools run at once"),
    on("max_concurrent_tools", at_least(1), "", "how many of them"),
    not_yet("max_mcp_message_history", at_least(1), "200", "how many messages of a tool loop are kept"),
    not_yet("enable_programmatic_flow", Bool, "false", "whether tools are called from code on the provider's side"),
    not_yet("enable_tool_search", Bool, "false", "whether tools are found by search on the provider's side"),
    not_yet("tool_search_variant", Choice(&["regex", "bm25"]), "", "how they are found"),
    not_yet("enable_strict_tool_use", Bool, "false", "whether arguments must fit the tools' schemas"),
    not_yet("output_schema", MAP, "", "the schema of the reply"),
    not_yet("hooks", Map(&HOOKS), "", "functions that are called around this agent's tool calls"),
    // The shell.
    on("enable_mcp_command_line", Bool, "false", "whether the agent runs commands"),
    on(
        "command_line_execution_mode",
        Choice(&["sandbox", "docker", "local", "srt"]),
        "sandbox",
        "what keeps them apart from this machine: the operating system, a container, or nothing; `srt` means `sandbox`",
    ),
    on(
        "command_line_allowed_commands",
        TEXTS,
        "",
        "the only commands that may run: regular expressions that match at the start of a command",
    ),
    on("command_line_blocked_commands", TEXTS, "", "commands that may not run, likewise"),
    on("command_line_env", TEXTS, "", "the names of the user's variables that commands see; without it, none"),
    on("command_line_timeout", Seconds, "60", "how long a command may take when its call does not say"),
    on("command_line_memory_limit", Text, "", "the memory of a command, such as `2g`; 4 GiB when not given"),
    on("command_line_process_limit", at_least(1), "", "the processes of a command at one time; 512 when not given"),
    on("command_line_disk_limit", Text, "", "by how much files may grow in a sandbox; 8 GiB when not given"),
    on("command_line_cpu_seconds", at_least(1), "", "the processor time of each process in a sandbox"),
    on("command_line_network", OneOf(&[Choice(&["off", "on"]), Bool]), "off", "the network of a sandbox"),
    on("command_line_srt_allow_read", TEXTS, "", "files and directories that commands may read in a sandbox, too"),
    on("command_line_srt_allow_unix_sockets", TEXTS, "", "Unix sockets that a sandbox lets through"),
    not_yet("command_line_srt_network_allowed_domains", TEXTS, "", "the only hosts of a sandbox's network"),
    ignored("command_line_srt_read_mode", Text, "a sandbox shows only what was granted, and the system's programs"),
    ignored("command_line_srt_deny_read", TEXTS, "a sandbox shows only what was granted, and the system's programs"),
    on(
        "command_line_docker_image",
        Text,
        "",
        "the image that they run in; the reference's `ghcr.io/massgen/mcp-runtime` when not given",
    ),
    on("command_line_docker_network_mode", Choice(&["none", "bridge", "host"]), "none", "the container's network"),
    on("command_line_docker_memory_limit", Text, "", "the container's memory, such as `2g`"),
    on("command_line_docker_cpu_limit", Number { min: 0.01, max: 4096.0 }, "", "the container's processors"),
    on("command_line_docker_enable_sudo", Bool, "false", "whether commands may become root in the container"),
    on("command_line_docker_credentials", Map(&DOCKER_CREDENTIALS), "", "what it sees of the user's keys and logins"),
    on("command_line_docker_packages", Map(&DOCKER_PACKAGES), "", "what is installed first"),
    not_yet("command_line_*", Any, "", "where and how commands run"),
    // Pictures, sound, files.
    not_yet("upload_files", List(&Map(&UPLOAD)), "", "files that go with the question"),
    on("enable_image_generation", Bool, "false", "whether the agent has tools that make pictures"),
    on("enable_audio_generation", Bool, "false", "whether the agent has tools that speak"),
    not_yet("enable_video_generation", Bool, "false", "whether the agent makes video"),
    on("enable_file_generation", Bool, "false", "whether the agent has a tool that writes documents"),
    on(
        "enable_multimodal_tools",
        Bool,
        "",
        "whether the agent has `read_media` and `generate_media`; when not given, as the orchestrator says",
    ),
    on("image_generation_backend", Text, "", "the backend type that makes pictures"),
    on("image_generation_model", Text, "", "its model"),
    on("audio_generation_backend", Text, "", "the backend type that speaks"),
    on("audio_generation_model", Text, "", "its model"),
    not_yet("video_generation_*", Any, "", "what makes video"),
    on("multimodal_config", Map(&MULTIMODAL), "", "who understands and makes media"),
    // Programs and frameworks.
    not_yet(
        "permission_mode",
        Choice(&["default", "acceptEdits", "bypassPermissions", "plan"]),
        "acceptEdits",
        "what Claude Code does without asking",
    ),
    not_yet("use_default_prompt", Bool, "false", "whether Claude Code keeps its own system prompt"),
    not_yet("agent_config", MAP, "", "an AG2 agent"),
    not_yet("group_config", MAP, "", "an AG2 group chat"),
    // The connection.
    not_yet("timeout", Number { min: 0.0, max: 1e9 }, "", "how long a request may take"),
    not_yet("websocket_mode", Bool, "false", "whether Responses are streamed over a WebSocket"),
    not_yet("rate_limit*", Any, "", "how much is asked in a minute"),
    not_yet("enable_rate_limit", Bool, "false", "whether there is a limit"),
    not_yet("llm_circuit_breaker_*", Any, "", "when a failing provider is left alone"),
    not_yet("gemini_backoff_*", Any, "", "how Gemini is asked again"),
    not_yet("max_incomplete_response_retries", at_least(0), "5", "how often a broken stream is asked for again"),
    not_yet("nlip*", Any, "", "tool traffic as NLIP messages"),
    not_yet("enable_nlip", Bool, "false", "whether tool traffic is NLIP"),
    // For people who work on massgen itself.
    not_yet("debug_*", Any, "", "delays that show how the team deals with slow agents"),
    not_yet("write_mode", Text, "", "how the workspace is written"),
    ignored("instance_id", Text, "massgen names its instances itself"),
    ignored("agent_id", Text, "an agent is named by its `id`"),
    ignored("session_id", Text, "a session is resumed by the config's own `session_id`"),
    ignored("enable_planning_mode", Bool, "use `orchestrator.coordination.enable_planning_mode`"),
];
