//! Flags and commands of the Python MassGen that are not built yet, and what comes nearest.
//!
//! The list shrinks: whoever builds one takes it out here.

/// A flag and what to use meanwhile.
const FLAGS: &[(&str, &str)] = &[
    ("--broadcast", "agents do not ask each other yet"),
    ("--checklist-criteria-preset", "`orchestrator.voting_sensitivity: strict` raises the bar for votes"),
    ("--coordination-mode", "teams vote"),
    (
        "--config-context-path",
        "`orchestrator.context_paths` in the config names files, `--cwd-context` the directory you are in",
    ),
    ("--config-docker", "`command_line_execution_mode: docker` in the config runs commands in a container"),
    ("--display", "`--no-display` gives plain lines"),
    ("--eval-criteria", "write the criteria into the question"),
    ("--execute-plan", "teams answer questions; they do not carry out plans yet"),
    ("--execute-spec", "teams answer questions; they do not carry out specs yet"),
    ("--fast", "`--orchestrator-timeout SECONDS` bounds the time"),
    ("--inbox-dir", "a run cannot be steered from outside yet"),
    ("--logfire", "events.jsonl in the log folder has every event"),
    ("--no-parse-at-references", "`\\@` keeps an @ as it is"),
    ("--personas", "give each agent a `system_message`"),
    ("--plan", "teams answer questions; they do not make plans yet"),
    ("--plan-and-execute", "teams answer questions; they do not carry out plans yet"),
    ("--quick", "`orchestrator.max_new_answers_per_agent: 1` makes a short run"),
    ("--save-streaming-buffers", "events.jsonl in the log folder has every event"),
    (
        "--setup-docker",
        "`command_line_docker_image` in the config names an image; commands run in a sandbox without Docker",
    ),
    (
        "--setup-skills",
        "put skills into .agent/skills or ~/.massgen/skills, and set `orchestrator.coordination.use_skills`",
    ),
    ("--single-agent", "`--model MODEL` asks one agent"),
    ("--skip-agent-selector", "there is no selector: leave the flag out"),
    ("--spec", "teams answer questions; they do not write specs yet"),
    ("--step", "`--automation` runs the whole team"),
    ("--textual-serve", "`--stream-events` gives every event as JSON"),
    ("--web", "`--no-display` shows the run in the terminal, `--stream-events` gives every event as JSON"),
    ("--web-host", "`--stream-events` gives every event as JSON"),
    ("--web-port", "`--stream-events` gives every event as JSON"),
    ("--web-quickstart", "`massgen demo` shows a team at work"),
    ("--web-review", "`orchestrator.apply: ask` reviews changes in the terminal"),
];

/// A command and what to use meanwhile.
const COMMANDS: &[(&str, &str)] = &[
    ("export", "`massgen sessions export ID` writes a session as Markdown or HTML"),
    ("logs", "the logs are in .massgen/massgen_logs, with the newest run last"),
    ("serve", "`massgen rehearse any --serve` serves scripted answers only"),
    ("shares", "a run is a folder in .massgen/massgen_logs: copy it"),
    ("viewer", "coordination_table.txt and events.jsonl in the log folder tell how a run went"),
];

/// A command of the Python MassGen in the place of a question, and what to use instead.
pub(crate) fn command(question: &str) -> Option<(&'static str, &'static str)> {
    COMMANDS.iter().find(|(known, _)| *known == question).copied()
}

/// What to use instead of a flag that users of the Python MassGen know.
pub(crate) fn instead_of(flag: &str) -> Option<&'static str> {
    let name = flag.split('=').next().unwrap_or(flag);
    FLAGS.iter().find(|(known, _)| *known == name).map(|(_, instead)| *instead)
}
