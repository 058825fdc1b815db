//! What team to propose for what there is.

use massgen_config::Environment;

use super::draft::{AgentSpec, Draft, usual_model};
use super::findings::{Findings, KeyFound};

/// A team for what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proposal {
    /// A team that can be asked now.
    Team {
        /// The team.
        draft: Draft,
        /// Why this one, in a sentence.
        why: String,
    },
    /// There is nothing to ask: only a rehearsal is possible.
    Rehearsal,
}

/// More than this is expensive, and seldom better.
const AGENTS_MAX: usize = 4;

/// How many agents share one key: three can be of two minds.
const AGENTS_OF_ONE_KEY: usize = 3;

/// How many agents share one local model, which answers them one after the other.
const AGENTS_OF_ONE_LOCAL_MODEL: usize = 2;

/// The team for what was found: one agent for each key; or several of one key; or local models.
pub(crate) fn propose(findings: &Findings, environment: &Environment) -> Proposal {
    let keys: Vec<&KeyFound> = findings.keys.iter().filter(|key| is_complete(key, environment)).collect();
    match keys.as_slice() {
        [] => propose_local(findings),
        [key] => {
            let agents = vec![remote(key); AGENTS_OF_ONE_KEY];
            let why = format!(
                "one key, so {AGENTS_OF_ONE_KEY} agents of {}: chance alone makes their first answers differ",
                key.provider.name
            );
            Proposal::Team { draft: Draft::of(agents), why }
        }
        several => {
            let agents = several.iter().take(AGENTS_MAX).map(|key| remote(key)).collect();
            let why = "one agent for each key: models of different vendors seldom make the same mistake".to_owned();
            Proposal::Team { draft: Draft::of(agents), why }
        }
    }
}

/// Whether the key is all that is needed.
fn is_complete(key: &KeyFound, environment: &Environment) -> bool {
    let has_address = key.provider.base_url.is_some();
    let azure = key.provider.kind == "azure_openai" && environment.var("AZURE_OPENAI_ENDPOINT").is_some();
    (has_address || azure) && usual_model(key.provider.kind).is_some()
}

fn remote(key: &KeyFound) -> AgentSpec {
    AgentSpec {
        backend: Some(key.provider.kind.to_owned()),
        model: usual_model(key.provider.kind).map(str::to_owned),
        ..AgentSpec::default()
    }
}

fn propose_local(findings: &Findings) -> Proposal {
    let models = findings.servers.iter().flat_map(|server| {
        server.models.iter().map(|model| AgentSpec {
            backend: Some(server.backend.to_owned()),
            model: Some(model.clone()),
            base_url: server.base_url.map(str::to_owned),
            ..AgentSpec::default()
        })
    });
    let mut agents: Vec<AgentSpec> = models.take(AGENTS_OF_ONE_KEY).collect();
    let why = match agents.as_slice() {
        [] => return Proposal::Rehearsal,
        [only] => {
            agents = vec![only.clone(); AGENTS_OF_ONE_LOCAL_MODEL];
            "no key, but a model on this machine: it costs nothing, and nothing leaves the machine"
        }
        _ => "no key, but models on this machine: they cost nothing, and nothing leaves the machine",
    };
    Proposal::Team { draft: Draft::of(agents), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::first_use::findings::keys;
    use crate::first_use::local_servers::LocalServer;

    fn with_keys(names: &[&str]) -> Proposal {
        let vars = names.iter().map(|name| ((*name).to_owned(), "secret".to_owned())).collect();
        let environment = Environment { vars, ..Environment::default() };
        let findings = Findings { keys: keys(&environment), ..Findings::default() };
        propose(&findings, &environment)
    }

    fn team(proposal: Proposal) -> Vec<String> {
        let Proposal::Team { draft, .. } = proposal else { panic!("{proposal:?}") };
        let config = draft.config().expect("a team");
        config.agents.iter().map(|agent| format!("{} {}", agent.id, agent.backend.model.as_str())).collect()
    }

    #[test]
    fn keys_make_a_team() {
        let one = team(with_keys(&["XAI_API_KEY"]));
        assert_eq!(one.len(), 3);
        assert!(one[0].starts_with("grok-1 grok-"), "{one:?}");
        let two = team(with_keys(&["GEMINI_API_KEY", "OPENROUTER_API_KEY"]));
        assert!(two[0].starts_with("gemini gemini-") && two[1] == "openrouter openrouter/auto", "{two:?}");
        let many = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "XAI_API_KEY", "ZAI_API_KEY"];
        assert_eq!(team(with_keys(&many)).len(), AGENTS_MAX);
    }

    #[test]
    fn a_key_without_an_address_is_not_enough() {
        assert_eq!(with_keys(&["AZURE_OPENAI_API_KEY"]), Proposal::Rehearsal);
        assert_eq!(team(with_keys(&["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"])).len(), 3);
    }

    #[test]
    fn without_keys_local_models_make_a_team() {
        let server = |models: &[&str]| LocalServer {
            name: "llama.cpp",
            backend: "chatcompletion",
            base_url: Some("http://localhost:8080/v1"),
            models: models.iter().map(|model| (*model).to_owned()).collect(),
        };
        let with = |models: &[&str]| {
            let findings = Findings { servers: vec![server(models)], ..Findings::default() };
            propose(&findings, &Environment::default())
        };
        assert_eq!(with(&[]), Proposal::Rehearsal);
        assert_eq!(team(with(&["a"])), ["chatcompletion-1 a", "chatcompletion-2 a"]);
        assert_eq!(team(with(&["a", "b", "c", "d"])).len(), 3);
    }
}
