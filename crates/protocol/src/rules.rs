//! The rules that a team plays by, as data.

use serde::{Deserialize, Serialize};

use crate::agent::AgentIndex;

/// Limits and policies of one run. Durations are milliseconds; `None` means without limit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// How many answers one agent may publish.
    pub answers_per_agent_max: u32,
    /// How many answers the team may publish in all.
    pub answers_total_max: Option<u32>,
    /// How different a new answer must be from those its author was shown.
    pub novelty: Novelty,
    /// How high the bar is before an agent should vote instead of improving (told in the prompt).
    pub sensitivity: Sensitivity,
    /// How many answers an agent may be ahead of a peer that is still at work; `None`: no limit.
    pub lead_max: Option<u32>,
    /// How long agents that have answered wait for the first answers of the others before they
    /// start to compare; `None`: until every live agent has answered.
    pub first_answers_wait_ms: Option<u64>,
    /// How often in a row an agent's deliberation is cut short because the answers changed.
    pub cuts_in_a_row_max: u8,
    /// How many replies without a valid decision end a turn.
    pub chances_per_turn: u8,
    /// How many turns in a row may fail or run out of time before their agent is out.
    pub failures_in_a_row_max: u8,
    /// The pause before a failed turn is tried again; doubled for each failure in a row.
    pub retry_pause_ms: u64,
    /// How long a turn may take on a first answer.
    pub first_turn_ms: Option<u64>,
    /// How long a later turn may take.
    pub later_turn_ms: Option<u64>,
    /// How long the team may coordinate. The time reserved for the presentation comes on top.
    pub coordination_ms: Option<u64>,
    /// How long the presentation may take.
    pub presentation_ms: u64,
    /// What happens with the winning answer.
    pub strategy: Strategy,
    /// Whether only the final presenter may do certain things, such as change the user's own files: then a lone answer
    /// is presented, too.
    pub presentation_acts: bool,
    /// What a vote for an answer with files needs.
    pub verification: Verification,
    /// Agents that have no way to look into files: their votes need nothing.
    pub cannot_verify: Vec<AgentIndex>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            answers_per_agent_max: 5,
            answers_total_max: None,
            novelty: Novelty::Lenient,
            sensitivity: Sensitivity::Lenient,
            lead_max: Some(2),
            first_answers_wait_ms: Some(120_000),
            cuts_in_a_row_max: 2,
            chances_per_turn: 3,
            failures_in_a_row_max: 2,
            retry_pause_ms: 1_000,
            first_turn_ms: Some(900_000),
            later_turn_ms: Some(600_000),
            coordination_ms: Some(1_680_000),
            presentation_ms: 120_000,
            strategy: Strategy::WinnerPresents,
            presentation_acts: false,
            verification: Verification::Off,
            cannot_verify: Vec::new(),
        }
    }
}

/// How different a new answer must be: the share of words in common (Jaccard) that is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Novelty {
    /// Anything but a copy.
    Lenient,
    /// At most 70 % in common.
    Balanced,
    /// At most 50 % in common.
    Strict,
}

/// How high the bar is before an agent votes instead of improving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// Vote when the best answer is good.
    Lenient,
    /// Vote only when the best answer is strong and complete.
    Balanced,
    /// Vote only when nothing can be improved.
    Strict,
}

/// What a vote for an answer with files needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// Nothing, and nothing is asked for.
    #[default]
    Off,
    /// Nothing, but voters are asked to check, and each vote says what was checked.
    Marked,
    /// That the voter has opened or run some of the files in the same turn.
    Required,
}

/// What happens with the winning answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The winner writes the final answer with all answers in view.
    WinnerPresents,
    /// The winning answer is the final answer, without another model call.
    WinnerReuse,
    /// The winner merges the best of all answers.
    Synthesize,
}
