//! The config's options as the rules that the coordination plays by.

use massgen_protocol::{Rules, Strategy};

use crate::TeamConfig;

/// The part of the whole time that is kept for the presentation, at most [`PRESENTATION_MS_MAX`].
const PRESENTATION_SHARE: f64 = 0.2;

/// More than this is not kept for the presentation.
const PRESENTATION_MS_MAX: f64 = 120_000.0;

impl TeamConfig {
    /// The rules that this config asks for.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let usual = Rules::default();
        let orchestrator = &self.orchestrator;
        let whole_ms = self.timeouts.orchestrator_timeout_seconds * 1000.0;
        let presentation_ms = (whole_ms * PRESENTATION_SHARE).min(PRESENTATION_MS_MAX);
        Rules {
            answers_per_agent_max: orchestrator.max_new_answers_per_agent.unwrap_or(usual.answers_per_agent_max),
            answers_total_max: orchestrator.max_new_answers_global,
            novelty: orchestrator.answer_novelty_requirement,
            sensitivity: orchestrator.voting_sensitivity,
            lead_max: orchestrator.fairness_enabled.then_some(orchestrator.fairness_lead_cap_answers),
            first_answers_wait_ms: match orchestrator.defer_voting_until_all_answered {
                Some(true) => None,
                Some(false) => Some(0),
                None => usual.first_answers_wait_ms,
            },
            first_turn_ms: self.timeouts.initial_round_timeout_seconds.map(milliseconds).or(usual.first_turn_ms),
            later_turn_ms: self.timeouts.subsequent_round_timeout_seconds.map(milliseconds).or(usual.later_turn_ms),
            coordination_ms: Some(whole(whole_ms - presentation_ms)),
            presentation_ms: whole(presentation_ms),
            strategy: if orchestrator.skip_final_presentation {
                Strategy::WinnerReuse
            } else {
                orchestrator.final_answer_strategy.unwrap_or(usual.strategy)
            },
            ..usual
        }
    }
}

fn milliseconds(seconds: f64) -> u64 {
    whole(seconds * 1000.0)
}

/// At least one millisecond: a deadline of zero would pass before anything is done.
fn whole(milliseconds: f64) -> u64 {
    // A float too large for the type becomes its largest value.
    (milliseconds.round() as u64).max(1)
}
