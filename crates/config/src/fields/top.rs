//! The options at the top of a config.

use super::Kind::{Bool, Choice, Integer, List, Number, Prose, Seconds, Section as Map, Text};
use super::{AGENT, BUDGET, Field, MAP, ORCHESTRATOR, Others, SHARE, Section, at_least, ignored, not_yet, on, refused};
use crate::fields::tools::HOOKS;

/// The whole config.
pub(crate) static TOP: Section = Section {
    name: "top",
    fields: &[
        on("agents", List(&Map(&AGENT)), "", "the team, one entry for each agent"),
        on("agent", Map(&AGENT), "", "a team of one, instead of `agents`"),
        on("orchestrator", Map(&ORCHESTRATOR), "", "how the agents work together"),
        on("timeout_settings", Map(&TIMEOUTS), "", "how long the run and its turns may take"),
        on("timeout", Map(&TIMEOUTS), "", "another name of `timeout_settings`"),
        on("ui", Map(&UI), "", "how the run is shown"),
        on("budget", Map(&BUDGET), "", "what the run may spend; at a limit the best answer so far is presented"),
        on("cassette", Text, "", "a recorded run whose replies are given, instead of asking anybody"),
        on("prompt", Prose, "", "the question when the command line gives none"),
        on("session_id", Text, "", "the session to resume"),
        not_yet("memory", Map(&MEMORY), "", "what agents remember of long and earlier conversations"),
        not_yet("hooks", Map(&HOOKS), "", "functions that are called around tool calls, for all agents"),
        not_yet("checkpoint", MAP, "", "one main agent that hands pieces of its work to the team"),
        not_yet("nlip", MAP, "", "tool traffic as NLIP messages"),
        ignored("display", MAP, "use `ui.display_type`"),
        ignored("task", Text, "use `prompt`"),
        refused("models", V1, "list the team under `agents`, each with `backend: {type: ..., model: ...}`"),
        refused("model_configs", V1, "give each agent its own `backend` with its parameters"),
        refused("num_agents", V1, "the team is as large as the `agents` list: remove this key"),
        refused("max_rounds", V1, "limit the answers with `orchestrator.max_new_answers_per_agent`"),
        refused("consensus_threshold", V1, "say how soon agents agree with `orchestrator.voting_sensitivity`"),
        refused("voting_enabled", V1, "a team always votes: remove this key"),
        refused("enable_voting", V1, "a team always votes: remove this key"),
    ],
    others: Others::Reported,
};

const V1: &str = "an option of version 1";

/// `timeout_settings`, and wherever else timeouts may be given.
pub(crate) static TIMEOUTS: Section = Section {
    name: "timeouts",
    fields: &[
        on("orchestrator_timeout_seconds", Seconds, "1800", "how long the whole run may take"),
        on("initial_round_timeout_seconds", Seconds, "", "how long a turn may take on a first answer"),
        on("subsequent_round_timeout_seconds", Seconds, "", "how long a later turn may take"),
        on(
            "stall_timeout_seconds",
            Seconds,
            "",
            "how long a provider may be silent before its call is tried again; 300 if not given",
        ),
        not_yet(
            "round_timeout_grace_seconds",
            Number { min: 0.0, max: 1e9 },
            "120",
            "how long a turn may go on after it was told to end",
        ),
    ],
    others: Others::Reported,
};

/// `ui`.
pub(crate) static UI: Section = Section {
    name: "ui",
    fields: &[
        on(
            "display_type",
            Choice(&["rich_terminal", "textual_terminal", "terminal", "simple", "silent", "none", "web"]),
            "rich_terminal",
            "what the run is shown on",
        ),
        on("logging_enabled", Bool, "true", "whether the run leaves a log folder"),
        not_yet("theme", Text, "", "the colours of the display"),
        not_yet("display_kwargs", MAP, "", "parameters of the display"),
        not_yet("use_orchestrator_for_single_agent", Bool, "true", "whether one agent alone is coordinated, too"),
        not_yet("debug", Bool, "false", "whether more is logged"),
        ignored("automation_mode", Bool, "a matter of the command line: use `--automation`"),
        ignored("skip_agent_selector", Bool, "there is no selector that stops the run"),
        ignored("type", Text, "use `ui.display_type`"),
    ],
    others: Others::Reported,
};

/// `memory`, of the team or of an agent.
pub(crate) static MEMORY: Section = Section {
    name: "memory",
    fields: &[
        not_yet("enabled", Bool, "false", "whether there is any"),
        not_yet("conversation_memory", Map(&SWITCH), "", "memory of this conversation"),
        not_yet("persistent_memory", Map(&PERSISTENT), "", "memory across conversations"),
        not_yet("compression", Map(&COMPRESSION), "", "when a long conversation is shortened"),
        not_yet("retrieval", Map(&RETRIEVAL), "", "what is remembered"),
        not_yet("recording", MAP, "", "what is kept"),
    ],
    others: Others::Reported,
};

static SWITCH: Section = Section {
    name: "switch",
    fields: &[not_yet("enabled", Bool, "false", "whether it is on")],
    others: Others::Reported,
};

static PERSISTENT: Section = Section {
    name: "persistent",
    fields: &[
        not_yet("enabled", Bool, "false", "whether it is on"),
        not_yet("on_disk", Bool, "true", "whether it outlives the process"),
        not_yet("session_name", Text, "", "what it is kept under"),
        not_yet("agent_name", Text, "", "whose it is"),
        not_yet("vector_store", Choice(&["qdrant"]), "qdrant", "where it is kept"),
        not_yet("llm", Map(&MODEL), "", "the model that extracts memories"),
        not_yet("embedding", Map(&MODEL), "", "the model that compares memories"),
        not_yet("qdrant", Map(&QDRANT), "", "where the vector store is"),
    ],
    others: Others::Reported,
};

const MODEL_FIELDS: &[Field] =
    &[not_yet("provider", Text, "openai", "whose model"), not_yet("model", Text, "", "which model")];

static MODEL: Section = Section { name: "model", fields: MODEL_FIELDS, others: Others::Reported };

static QDRANT: Section = Section {
    name: "qdrant",
    fields: &[
        not_yet("mode", Choice(&["server", "local"]), "server", "a server or a directory"),
        not_yet("host", Text, "localhost", "the server"),
        not_yet("port", Integer { min: 1, max: 65_535 }, "6333", "the server's port"),
        not_yet("path", Text, "", "the directory"),
    ],
    others: Others::Reported,
};

static COMPRESSION: Section = Section {
    name: "compression",
    fields: &[
        not_yet("trigger_threshold", SHARE, "0.75", "how full the context is when it is shortened"),
        not_yet("target_ratio", SHARE, "0.4", "how full it is afterwards"),
    ],
    others: Others::Reported,
};

static RETRIEVAL: Section = Section {
    name: "retrieval",
    fields: &[
        not_yet("limit", at_least(1), "5", "how many memories are told"),
        not_yet("exclude_recent", Bool, "true", "whether what is in the context anyway is left out"),
    ],
    others: Others::Reported,
};
