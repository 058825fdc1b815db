//! A config in the making: a few words for each agent.

use std::str::FromStr;

use massgen_config::{SingleError, TeamConfig, Text};
use massgen_protocol::{AgentId, Sensitivity, Strategy};
use massgen_providers::{Capability, provider};

/// What is known of an agent to be; what is not given follows from what is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AgentSpec {
    /// Its name.
    pub(crate) id: Option<String>,
    /// Its backend type.
    pub(crate) backend: Option<String>,
    /// Its model.
    pub(crate) model: Option<String>,
    /// Where the model is served.
    pub(crate) base_url: Option<String>,
    /// What it is told to be.
    pub(crate) system_message: Option<String>,
    /// Whether it searches the web.
    pub(crate) web_search: bool,
}

/// A team to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Draft {
    /// The agents.
    pub(crate) agents: Vec<AgentSpec>,
    /// How high the bar is before an agent votes.
    pub(crate) sensitivity: Option<Sensitivity>,
    /// How many answers one agent may publish.
    pub(crate) answers_max: Option<u32>,
    /// What becomes of the winning answer.
    pub(crate) strategy: Option<Strategy>,
}

/// Why a draft makes no team.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DraftError {
    /// Without agents there is no team.
    #[error("a team needs at least one agent")]
    NoAgents,
    /// An agent that cannot be made.
    #[error("agent {number}: {error}")]
    Agent {
        /// Its place, from 1.
        number: usize,
        /// Why not.
        error: SingleError,
    },
    /// An agent that is to search the web and cannot.
    #[error("agent {number}: the backend type `{kind}` does not search the web")]
    NoWebSearch {
        /// Its place, from 1.
        number: usize,
        /// Its backend type.
        kind: &'static str,
    },
    /// Two agents of one name.
    #[error("two agents are called `{id}`: give them names of their own")]
    SameName {
        /// The name.
        id: String,
    },
}

/// Why a description of an agent cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SpecError {
    /// No `=` in a part.
    #[error("`{part}` has no value: write KEY=VALUE,KEY=VALUE")]
    NoValue {
        /// The part.
        part: String,
    },
    /// A key that means nothing.
    #[error("unknown key `{key}`: there are id, backend, model, base_url, system_message and web_search")]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// Something else than true or false.
    #[error("`{value}` is neither true nor false")]
    NotBool {
        /// The value.
        value: String,
    },
}

impl FromStr for AgentSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let mut spec = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').ok_or_else(|| SpecError::NoValue { part: part.to_owned() })?;
            let value = value.trim();
            let text = || Some(value.to_owned()).filter(|value| !value.is_empty());
            match key.trim() {
                "id" | "agent_id" | "name" => spec.id = text(),
                "backend" | "type" => spec.backend = text(),
                "model" => spec.model = text(),
                "base_url" => spec.base_url = text(),
                "system_message" => spec.system_message = text(),
                "web_search" | "enable_web_search" => {
                    spec.web_search = value.parse().map_err(|_| SpecError::NotBool { value: value.to_owned() })?;
                }
                key => return Err(SpecError::UnknownKey { key: key.to_owned() }),
            }
        }
        Ok(spec)
    }
}

impl Draft {
    /// A team of these agents, and all else as usual.
    pub(crate) fn of(agents: Vec<AgentSpec>) -> Self {
        Self { agents, ..Self::default() }
    }

    /// The config of the team.
    pub(crate) fn config(&self) -> Result<TeamConfig, DraftError> {
        let mut team: Option<TeamConfig> = None;
        for (index, spec) in self.agents.iter().enumerate() {
            let mut one = self.one(spec, index + 1)?;
            match &mut team {
                None => team = Some(one),
                Some(team) => team.agents.append(&mut one.agents),
            }
        }
        let mut team = team.ok_or(DraftError::NoAgents)?;
        self.name_agents(&mut team)?;
        if let Some(sensitivity) = self.sensitivity {
            team.orchestrator.voting_sensitivity = sensitivity;
        }
        team.orchestrator.max_new_answers_per_agent = self.answers_max;
        team.orchestrator.final_answer_strategy = self.strategy;
        Ok(team)
    }

    fn one(&self, spec: &AgentSpec, number: usize) -> Result<TeamConfig, DraftError> {
        let mut one =
            TeamConfig::single(spec.backend.as_deref(), spec.model.as_deref(), spec.base_url.as_deref(), None)
                .map_err(|error| DraftError::Agent { number, error })?;
        for agent in &mut one.agents {
            let kind = agent.backend.kind;
            if spec.web_search && !kind.can(Capability::WebSearch) {
                return Err(DraftError::NoWebSearch { number, kind: kind.kind });
            }
            agent.backend.web_search = spec.web_search;
            agent.system_message = spec.system_message.clone().map(Text::new);
        }
        Ok(one)
    }

    /// Gives the agents the names that they were given, or else their backend type's, numbered when
    /// there are several of one type.
    fn name_agents(&self, team: &mut TeamConfig) -> Result<(), DraftError> {
        let kinds: Vec<&'static str> = team.agents.iter().map(|agent| agent.backend.kind.kind).collect();
        for (index, (agent, spec)) in team.agents.iter_mut().zip(&self.agents).enumerate() {
            let kind = agent.backend.kind.kind;
            let same = kinds.iter().filter(|other| **other == kind).count();
            let number = kinds.iter().take(index + 1).filter(|other| **other == kind).count();
            let usual = if same > 1 { format!("{kind}-{number}") } else { kind.to_owned() };
            agent.id = AgentId::new(spec.id.clone().unwrap_or(usual));
        }
        let twice = team
            .agents
            .iter()
            .enumerate()
            .find(|(index, agent)| team.agents.iter().take(*index).any(|other| other.id == agent.id));
        match twice {
            None => Ok(()),
            Some((_, agent)) => Err(DraftError::SameName { id: agent.id.to_string() }),
        }
    }
}

/// The model to propose for a backend type; `None`: the user has to name one.
pub(crate) fn usual_model(kind: &str) -> Option<&'static str> {
    match kind {
        // OpenRouter has a model that is whichever fits the request.
        "openrouter" => Some("openrouter/auto"),
        kind => provider(kind)?.default_model,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_described_in_a_few_words() {
        let spec: AgentSpec = "backend=openai, model=gpt-5-mini,web_search=true,id=a=b".parse().expect("a spec");
        assert_eq!(
            spec,
            AgentSpec {
                id: Some("a=b".to_owned()),
                backend: Some("openai".to_owned()),
                model: Some("gpt-5-mini".to_owned()),
                web_search: true,
                ..AgentSpec::default()
            }
        );
        let said = |text: &str| text.parse::<AgentSpec>().expect_err("an error").to_string();
        assert_eq!(said("openai"), "`openai` has no value: write KEY=VALUE,KEY=VALUE");
        assert!(said("mood=good").starts_with("unknown key `mood`"));
        assert_eq!(said("web_search=perhaps"), "`perhaps` is neither true nor false");
    }

    #[test]
    fn agents_are_named_after_their_backend_type() {
        let spec = |kind: &str, id: Option<&str>| AgentSpec {
            backend: Some(kind.to_owned()),
            id: id.map(str::to_owned),
            ..AgentSpec::default()
        };
        let names = |agents: &[AgentSpec]| {
            let team = Draft::of(agents.to_vec()).config()?;
            Ok::<_, DraftError>(team.agents.iter().map(|agent| agent.id.to_string()).collect::<Vec<_>>())
        };
        let two = [spec("openai", None), spec("gemini", None), spec("openai", None)];
        assert_eq!(names(&two), Ok(vec!["openai-1".to_owned(), "gemini".to_owned(), "openai-2".to_owned()]));
        let same = [spec("openai", Some("a")), spec("gemini", Some("a"))];
        assert_eq!(names(&same), Err(DraftError::SameName { id: "a".to_owned() }));
        assert_eq!(names(&[]), Err(DraftError::NoAgents));
        let blind = AgentSpec { web_search: true, ..spec("cerebras", None) };
        assert_eq!(names(&[blind]), Err(DraftError::NoWebSearch { number: 1, kind: "cerebras" }));
    }
}
