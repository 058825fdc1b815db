//! How the agents work together, and how long they may take.

use massgen_protocol::Strategy;

use super::context_paths::context_paths;
use super::media::media;
use super::options::Options;
use super::{text, unbuilt};
use crate::fields::{COORDINATION, ORCHESTRATOR, TREATED_AS};
use crate::node::{Node, path_of_key};
use crate::words::{NOVELTY, SENSITIVITY, STRATEGY, meaning_of};
use crate::{
    AgentConfig, Apply, CoordinationConfig, Diagnostic, Diagnostics, DriftConflictPolicy, Environment, MediaConfig,
    OrchestratorConfig, TimeoutConfig, Verification, WriteMode,
};

pub(super) fn orchestrator(
    node: Option<&Node>,
    environment: &Environment,
    found: &mut Diagnostics,
) -> OrchestratorConfig {
    let usual = OrchestratorConfig::default();
    let Some(node) = node else { return usual };
    let options = Options { node, path: "orchestrator", span: node.span };
    let count = |key| node.get(key).and_then(Node::integer).and_then(|number| u32::try_from(number).ok());
    let flag = |key| node.get(key).and_then(Node::boolean);
    let word = |key| node.get(key).and_then(Node::text);
    let config = OrchestratorConfig {
        voting_sensitivity: word("voting_sensitivity")
            .and_then(|word| {
                let word = nearest_built(node, word, found);
                meaning_of(SENSITIVITY, word)
            })
            .unwrap_or(usual.voting_sensitivity),
        max_new_answers_per_agent: count("max_new_answers_per_agent"),
        max_new_answers_global: count("max_new_answers_global"),
        answer_novelty_requirement: word("answer_novelty_requirement")
            .and_then(|word| meaning_of(NOVELTY, word))
            .unwrap_or(usual.answer_novelty_requirement),
        fairness_enabled: flag("fairness_enabled").unwrap_or(usual.fairness_enabled),
        fairness_lead_cap_answers: count("fairness_lead_cap_answers").unwrap_or(usual.fairness_lead_cap_answers),
        defer_voting_until_all_answered: flag("defer_voting_until_all_answered"),
        final_answer_strategy: word("final_answer_strategy").and_then(|word| meaning_of(STRATEGY, word)),
        skip_final_presentation: flag("skip_final_presentation").unwrap_or(usual.skip_final_presentation),
        verification: options.choice("verification", Verification::NAMES).unwrap_or_default(),
        apply: options.choice("apply", Apply::NAMES),
        coordination: options.map("coordination", |options| coordination(options, found)).unwrap_or_default(),
        context_paths: context_paths(options, environment, found),
        snapshot_storage: text(node, "snapshot_storage"),
        agent_temporary_workspace: text(node, "agent_temporary_workspace"),
        media: team_media(options, found),
        unbuilt: unbuilt(node, &ORCHESTRATOR, &[]),
    };
    warn_of_contradictions(node, &config, found);
    config
}

/// What is not said for the team is no word of its own.
fn team_media(options: Options<'_>, found: &mut Diagnostics) -> MediaConfig {
    let media = media(options, found);
    MediaConfig { enable_multimodal_tools: media.enable_multimodal_tools.filter(|enabled| *enabled), ..media }
}

fn coordination(options: Options<'_>, found: &mut Diagnostics) -> CoordinationConfig {
    if options.node.get("write_mode").and_then(Node::text).is_some_and(|word| word.eq_ignore_ascii_case("legacy")) {
        let message = "`legacy` wrote to the user's files at once: read as `auto`";
        let hint = "remove it, and say with `orchestrator.apply` what happens to the changes";
        found.push(options.warning("write_mode", message).hint(hint));
    }
    let config = CoordinationConfig {
        enable_planning_mode: options.is_on("enable_planning_mode"),
        planning_mode_instruction: options.text("planning_mode_instruction"),
        use_skills: options.is_on("use_skills"),
        skills_directory: options
            .text("skills_directory")
            .filter(|path| **path != *CoordinationConfig::SKILLS_DIRECTORY),
        write_mode: options.choice("write_mode", WriteMode::NAMES).unwrap_or_default(),
        drift_conflict_policy: options.choice("drift_conflict_policy", DriftConflictPolicy::NAMES).unwrap_or_default(),
        unbuilt: unbuilt(options.node, &COORDINATION, &[]),
    };
    if config.planning_mode_instruction.is_some() && !config.enable_planning_mode {
        let warning = options.warning("planning_mode_instruction", "no effect without `enable_planning_mode: true`");
        found.push(warning.hint("add it, or remove this option"));
    }
    config
}

/// Agents that run no commands cannot check anything, and would never get to vote.
pub(super) fn check_verification(
    root: &Node,
    config: &OrchestratorConfig,
    agents: &[AgentConfig],
    found: &mut Diagnostics,
) {
    let unable: Vec<String> =
        agents.iter().filter(|one| !one.backend.can_verify()).map(|agent| format!("`{}`", agent.id)).collect();
    let Some(entry) = root.get("orchestrator").and_then(|node| node.entry("verification")) else { return };
    if config.verification == Verification::Required && !unable.is_empty() {
        const SHOWN_MAX: usize = 5;
        let shown = unable.iter().take(SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if unable.len() > SHOWN_MAX { ", ..." } else { "" };
        let message = format!("without a workspace and commands, agents cannot verify anything: {shown}{more}");
        let hint = "give them `cwd` and `enable_mcp_command_line: true`, or write `verification: marked`";
        found.push(Diagnostic::error("orchestrator.verification", Some(entry.span), message).hint(hint));
    }
}

/// The built word for one that is not.
fn nearest_built<'a>(node: &Node, word: &'a str, found: &mut Diagnostics) -> &'a str {
    let Some((_, built)) = TREATED_AS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)) else { return word };
    let given = node.get("voting_sensitivity");
    let span = given.map(|node| node.span);
    let written = given.and_then(|node| node.written.as_deref()).unwrap_or(word);
    let message = format!("`{written}` is not supported yet: treated as `{built}`");
    let hint = "what is built is `lenient`, `balanced` and `strict`";
    found.push(Diagnostic::warning("orchestrator.voting_sensitivity", span, message).hint(hint));
    built
}

fn warn_of_contradictions(node: &Node, config: &OrchestratorConfig, found: &mut Diagnostics) {
    let span = |key| node.entry(key).map(|entry| entry.span);
    if config.skip_final_presentation
        && let Some(Strategy::WinnerPresents | Strategy::Synthesize) = config.final_answer_strategy
    {
        let message = "no effect: `skip_final_presentation` lets the winning answer stand as it is";
        let place = "orchestrator.final_answer_strategy";
        found.push(Diagnostic::warning(place, span("final_answer_strategy"), message).hint("remove one of the two"));
    }
    if !config.fairness_enabled && node.get("fairness_lead_cap_answers").is_some() {
        let message = "no effect: `fairness_enabled` is false";
        let place = "orchestrator.fairness_lead_cap_answers";
        found
            .push(Diagnostic::warning(place, span("fairness_lead_cap_answers"), message).hint("remove one of the two"));
    }
}

/// Where timeouts may be given; what stands earlier in this list counts.
const TIMEOUT_PLACES: &[&[&str]] = &[&["timeout_settings"], &["orchestrator", "timeout"], &["timeout"]];

pub(super) fn timeouts(root: &Node, found: &mut Diagnostics) -> TimeoutConfig {
    let mut seconds = |key: &str| {
        let mut first: Option<(String, f64)> = None;
        for place in TIMEOUT_PLACES {
            let node = place.iter().try_fold(root, |node, key| node.get(key));
            let Some(entry) = node.and_then(|node| node.entry(key)) else { continue };
            let Some(value) = entry.node.number().filter(|seconds| *seconds > 0.0) else { continue };
            let path = path_of_key(&place.join("."), key);
            match &first {
                None => first = Some((path, value)),
                Some((counts, _)) => {
                    let message = format!("no effect: `{counts}` counts");
                    found.push(Diagnostic::warning(path, Some(entry.span), message).hint("remove one of the two"));
                }
            }
        }
        first.map(|(_, value)| value)
    };
    let usual = TimeoutConfig::default();
    TimeoutConfig {
        orchestrator_timeout_seconds: seconds("orchestrator_timeout_seconds")
            .unwrap_or(usual.orchestrator_timeout_seconds),
        initial_round_timeout_seconds: seconds("initial_round_timeout_seconds"),
        subsequent_round_timeout_seconds: seconds("subsequent_round_timeout_seconds"),
        stall_timeout_seconds: seconds("stall_timeout_seconds"),
    }
}
