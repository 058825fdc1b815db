//! The options of tools.

use super::Kind::{Any, Bool, Choice, List, MapOf, OneOf, Seconds, Section as Map, Text};
use super::{MAP, Others, Section, TEXTS, not_yet};

/// MCP servers: a list of maps with a `name`, or a map from names.
pub(crate) const MCP_SERVERS: super::Kind = OneOf(&[List(&Map(&MCP_SERVER)), MapOf(&Map(&MCP_SERVER))]);

static MCP_SERVER: Section = Section {
    name: "mcp_server",
    fields: &[
        not_yet("name", Text, "", "what its tools are named after"),
        not_yet("type", Choice(&["stdio", "streamable-http"]), "stdio", "how it is spoken to"),
        not_yet("command", OneOf(&[Text, TEXTS]), "", "the program to start"),
        not_yet("args", List(&Any), "", "its arguments"),
        not_yet("env", MAP, "", "its variables"),
        not_yet("cwd", Text, "", "its directory"),
        not_yet("url", Text, "", "where it is"),
        not_yet("headers", MAP, "", "headers of the requests to it"),
        not_yet("timeout", Seconds, "30", "how long a call may take"),
        not_yet("http_read_timeout", Seconds, "300", "how long it may be silent"),
        not_yet("allowed_tools", TEXTS, "", "the only tools that are taken from it"),
        not_yet("exclude_tools", TEXTS, "", "tools that are not taken from it"),
        not_yet("security", Map(&SECURITY), "", "what it may be"),
        not_yet("defer_loading", Bool, "true", "whether its tools are only found by search"),
        not_yet("strict", Bool, "false", "whether arguments must fit its schemas"),
        not_yet("description", Text, "", "what it is for"),
        not_yet("use_no_roots_wrapper", Bool, "false", "whether it is told of no directories"),
    ],
    others: Others::Reported,
};

static SECURITY: Section = Section {
    name: "security",
    fields: &[
        not_yet("level", Text, "strict", "strict, moderate or permissive"),
        not_yet("allow_localhost", Bool, "false", "whether it may be on this machine"),
        not_yet("allow_private_ips", Bool, "false", "whether it may be in this network"),
        not_yet("allowed_executables", TEXTS, "", "the only programs that may be started"),
        not_yet("allowed_hostnames", TEXTS, "", "the only hosts that it may be on"),
        not_yet("resolve_dns", Bool, "false", "whether names are looked up before they are judged"),
    ],
    others: Others::Reported,
};

/// Tools that are functions of the user.
pub(crate) const CUSTOM_TOOLS: super::Kind = List(&Map(&CUSTOM_TOOL));

static CUSTOM_TOOL: Section = Section {
    name: "custom_tool",
    fields: &[
        not_yet("name", OneOf(&[Text, TEXTS]), "", "its name, or one for each function"),
        not_yet("function", OneOf(&[Text, TEXTS]), "", "the function, or several"),
        not_yet("func", OneOf(&[Text, TEXTS]), "", "another name of `function`"),
        not_yet("description", OneOf(&[Text, TEXTS]), "", "what it is for"),
        not_yet("path", Text, "", "the file that it is in"),
        not_yet("category", Text, "", "what it belongs to"),
        not_yet("preset_args", OneOf(&[MAP, List(&MAP)]), "", "arguments that the model does not choose"),
        not_yet("default_params", MAP, "", "another name of `preset_args`"),
        not_yet("defer_loading", Bool, "true", "whether it is only found by search"),
        not_yet("strict", Bool, "false", "whether arguments must fit its schema"),
    ],
    others: Others::Reported,
};

/// `hooks`, of the team or of an agent.
pub(crate) static HOOKS: Section = Section {
    name: "hooks",
    fields: &[
        not_yet("PreToolUse", Any, "", "called before a tool"),
        not_yet("PostToolUse", Any, "", "called after a tool"),
    ],
    others: Others::Reported,
};

/// `permissions` of an agent.
pub(crate) static PERMISSIONS: Section = Section {
    name: "permissions",
    fields: &[
        not_yet("enabled", Bool, "false", "whether they are looked at"),
        not_yet("role", Choice(&["read-only", "researcher", "read-write"]), "", "what the agent is there for"),
        not_yet("automation_default", Text, "", "the answer when nobody can be asked"),
        not_yet("rules", MapOf(&TEXTS), "", "patterns to `deny`, `ask` about and `allow`"),
    ],
    others: Others::Reported,
};

/// Keys for commands in a container.
pub(crate) static DOCKER_CREDENTIALS: Section = Section {
    name: "docker_credentials",
    fields: &[
        not_yet("mount", TEXTS, "", "logins of the user that it sees"),
        not_yet("additional_mounts", MAP, "", "directories of the user that it sees"),
        not_yet("env_file", Text, "", "a file of variables"),
        not_yet("env_vars", TEXTS, "", "variables of the user that it sees"),
        not_yet("env_vars_from_file", TEXTS, "", "variables of that file that it sees"),
        not_yet("pass_all_env", Bool, "false", "whether it sees all of them"),
    ],
    others: Others::Reported,
};

/// One of `upload_files`.
pub(crate) static UPLOAD: Section = Section {
    name: "upload",
    fields: &[
        not_yet("image_path", Text, "", "an image"),
        not_yet("audio_path", Text, "", "a recording"),
        not_yet("video_path", Text, "", "a film"),
        not_yet("file_path", Text, "", "a document"),
    ],
    others: Others::Reported,
};
