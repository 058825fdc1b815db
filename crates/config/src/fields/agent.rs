//! The options of an agent.

use super::Kind::{Bool, Choice, List, Name, Prose, Section as Map, Text};
use super::{BACKEND, MAP, Others, Section, ignored, not_yet, on};
use crate::fields::orchestrator::SENSITIVITIES;
use crate::fields::top::MEMORY;

/// One entry of `agents`.
pub(crate) static AGENT: Section = Section {
    name: "agent",
    fields: &[
        on("id", Name, "", "its name for the user, unique in the team; agent1, agent2 and so on when not given"),
        on("backend", Map(&BACKEND), "", "what the agent thinks with"),
        on("system_message", Prose, "", "what the agent is told to be"),
        not_yet("voting_sensitivity", Choice(SENSITIVITIES), "", "this agent's own bar for a vote"),
        not_yet("subtask", Text, "", "its part of the work when the task is divided"),
        not_yet("subagent_agents", List(&Map(&AGENT)), "", "the team that this agent may call on"),
        not_yet("main_agent", Bool, "false", "whether it leads in checkpoint mode"),
        not_yet("memory", Map(&MEMORY), "", "what this agent remembers, over the team's `memory`"),
        not_yet("enable_nlip", Bool, "false", "whether its tool traffic is NLIP"),
        not_yet("nlip", MAP, "", "its tool traffic as NLIP messages"),
        ignored("append_system_prompt", Text, "say it in `system_message`"),
    ],
    others: Others::Reported,
};
