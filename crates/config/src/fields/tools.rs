//! The options of tools.

use super::Kind::{Any, Bool, Choice, Integer, List, MapOf, Name, OneOf, Prose, Seconds, Section as Map, Text};
use super::{MAP, Others, Section, TEXTS, ignored, not_yet, on};

/// MCP servers: a list of maps with a `name`, or a map from names.
pub(crate) const MCP_SERVERS: super::Kind = OneOf(&[List(&Map(&MCP_SERVER)), MapOf(&Map(&MCP_SERVER))]);

pub(crate) static MCP_SERVER: Section = Section {
    name: "mcp_server",
    fields: &[
        on("name", Name, "", "what its tools are named after"),
        on(
            "type",
            Choice(&["stdio", "streamable-http", "http", "sse"]),
            "",
            "how it is spoken to; it follows from `command` or `url` when not given; `http` means `streamable-http`",
        ),
        on("command", OneOf(&[Text, TEXTS]), "", "the program to start"),
        on("args", List(&Any), "", "its arguments"),
        on("env", MAP, "", "its variables"),
        on("cwd", Text, "", "its directory"),
        on("url", Text, "", "where it is"),
        on("headers", MAP, "", "headers of the requests to it"),
        on("timeout", Seconds, "30", "how long its start may take, and a call"),
        on("http_read_timeout", Seconds, "300", "how long it may be silent"),
        on("allowed_tools", TEXTS, "", "the only tools that are taken from it"),
        on("exclude_tools", TEXTS, "", "tools that are not taken from it"),
        on(
            "sharing",
            Choice(&["agent", "run"]),
            "agent",
            "whether each agent has its own, or all agents of a run the same: for servers that keep nothing",
        ),
        on("oauth", Map(&MCP_OAUTH), "", "how access is granted, where the server wants a token"),
        on("security", Map(&MCP_SECURITY), "", "what it may be"),
        on("description", Prose, "", "what it is for"),
        not_yet("defer_loading", Bool, "true", "whether its tools are only found by search"),
        not_yet("strict", Bool, "false", "whether arguments must fit its schemas"),
        ignored("use_no_roots_wrapper", Bool, "no server is told of directories"),
    ],
    others: Others::Reported,
};

static MCP_OAUTH: Section = Section {
    name: "oauth",
    fields: &[
        on("client_id", Text, "", "how massgen is known to the authorization server; it registers itself without one"),
        on("client_secret", Text, "", "the secret that belongs to the id; better left to a variable"),
        on("scopes", TEXTS, "", "what to ask for, when not what the server proposes"),
        on(
            "grant",
            Choice(&["authorization_code", "client_credentials"]),
            "authorization_code",
            "whether you grant access in a browser, or the id and the secret suffice",
        ),
        on("redirect_port", Integer { min: 1, max: 65535 }, "", "the port that the browser comes back to"),
    ],
    others: Others::Reported,
};

pub(crate) static MCP_SECURITY: Section = Section {
    name: "security",
    fields: &[
        ignored("level", Text, "a server is what the config says: limit it with the other options here"),
        on("allow_localhost", Bool, "", "`false` refuses a server on this machine"),
        on("allow_private_ips", Bool, "", "`false` refuses a server in this network"),
        on("allowed_executables", TEXTS, "", "the only programs that may be started"),
        on("allowed_hostnames", TEXTS, "", "the only hosts that it may be on"),
        not_yet("resolve_dns", Bool, "false", "whether names are looked up before they are judged"),
    ],
    others: Others::Reported,
};

/// Tools that are functions of the user.
pub(crate) const CUSTOM_TOOLS: super::Kind = List(&Map(&CUSTOM_TOOL));

pub(crate) static CUSTOM_TOOL: Section = Section {
    name: "custom_tool",
    fields: &[
        on("name", OneOf(&[Text, TEXTS]), "", "its name, or one for each function; the function's when not given"),
        on("function", OneOf(&[Text, TEXTS]), "", "the function, or several"),
        on("func", OneOf(&[Text, TEXTS]), "", "another name of `function`"),
        on("description", OneOf(&[Prose, List(&Prose)]), "", "what it is for, or one text for each function"),
        on("path", Text, "", "the file or module that it is in; not given for those that come with massgen"),
        on("category", Text, "", "what it belongs to"),
        on("preset_args", OneOf(&[MAP, List(&MAP)]), "", "arguments that the model does not choose"),
        on("default_params", MAP, "", "another name of `preset_args`"),
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
        on("enabled", Bool, "false", "whether they count"),
        on("role", Choice(&["read-only", "researcher", "read-write"]), "read-write", "what the agent is there for"),
        on(
            "automation_default",
            Choice(&["deny", "allow", "risk-based"]),
            "deny",
            "the answer when nobody can be asked",
        ),
        on("rules", Map(&RULES), "", "rules for single actions, such as `command(git push*)`"),
    ],
    others: Others::Reported,
};

static RULES: Section = Section {
    name: "permission_rules",
    fields: &[
        on("deny", TEXTS, "", "what is not done"),
        on("ask", TEXTS, "", "what the user is asked about"),
        on("allow", TEXTS, "", "what is done without asking"),
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
