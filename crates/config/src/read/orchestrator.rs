//! How the agents work together, and how long they may take.

use massgen_protocol::Strategy;

use super::{as_text, text, unbuilt};
use crate::fields::{Kind, ORCHESTRATOR, Status, TREATED_AS};
use crate::node::{Node, path_of_item, path_of_key};
use crate::words::{NOVELTY, PERMISSION, SENSITIVITY, STRATEGY, meaning_of};
use crate::{ContextPath, Diagnostic, Diagnostics, OrchestratorConfig, Permission, TimeoutConfig};

/// Options that are kept with their types although nothing is done with them yet.
const TYPED: &[&str] = &["context_paths", "snapshot_storage", "agent_temporary_workspace"];

pub(super) fn orchestrator(node: Option<&Node>, found: &mut Diagnostics) -> OrchestratorConfig {
    let usual = OrchestratorConfig::default();
    let Some(node) = node else { return usual };
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
        context_paths: context_paths(node, found),
        snapshot_storage: text(node, "snapshot_storage"),
        agent_temporary_workspace: text(node, "agent_temporary_workspace"),
        unbuilt: {
            let mut rest = unbuilt(node, &ORCHESTRATOR, TYPED);
            if let Some(coordination) = node.get("coordination") {
                rest.0.insert("coordination".to_owned(), coordination.to_written());
            }
            rest
        },
    };
    warn_of_contradictions(node, &config, found);
    config
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

fn context_paths(node: &Node, found: &mut Diagnostics) -> Vec<ContextPath> {
    let items = node.get("context_paths").and_then(Node::items).unwrap_or_default();
    let paths = items.iter().enumerate().filter_map(|(index, item)| {
        let place = path_of_item("orchestrator.context_paths", index);
        let (path, permission) = if let Some(path) = as_text(item) {
            let message = "a bare path: taken as one that may only be read";
            let hint = "write `{path: ..., permission: read}`";
            found.push(Diagnostic::warning(place, Some(item.span), message).hint(hint));
            (path, Permission::Read)
        } else if let Some(path) = text(item, "path") {
            let word = item.get("permission").and_then(Node::text);
            (path, word.and_then(|word| meaning_of(PERMISSION, word)).unwrap_or(Permission::Read))
        } else {
            if item.entries().is_some() {
                let diagnostic = Diagnostic::warning(path_of_key(&place, "path"), Some(item.span), "no `path`");
                found.push(diagnostic.hint("give the file or directory as `path`"));
            }
            return None;
        };
        let protected = item.get("protected_paths").and_then(Node::items).unwrap_or_default();
        Some(ContextPath {
            path,
            permission,
            protected_paths: protected.iter().filter_map(as_text).collect(),
            description: text(item, "description"),
        })
    });
    paths.collect()
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

/// Whether context paths are acted upon, and so whether a missing one is an error.
pub(crate) fn context_paths_count() -> bool {
    ORCHESTRATOR
        .field("context_paths")
        .is_some_and(|field| field.status == Status::Supported && matches!(field.kind, Kind::List(_)))
}
