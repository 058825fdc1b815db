//! What there is on this machine that a team could be made of.

use massgen_config::Environment;
use massgen_providers::{KeyNeed, PROVIDERS, Protocol, Provider};

use super::local_servers::{LocalServer, local_servers};
use super::programs::{Program, programs};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Findings {
    /// Keys that are set, the best-known provider first.
    pub(crate) keys: Vec<KeyFound>,
    /// Model servers that answer.
    pub(crate) servers: Vec<LocalServer>,
    /// Whether any server was looked for.
    pub(crate) servers_looked_for: bool,
    /// Coding agents that are installed.
    pub(crate) programs: Vec<Program>,
}

/// A key that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyFound {
    /// Whose key it is.
    pub(crate) provider: &'static Provider,
    /// The variable that holds it.
    pub(crate) variable: &'static str,
}

impl Findings {
    /// Looks around: variables, programs, and this machine's usual ports.
    pub(crate) fn look(environment: &Environment) -> Self {
        let is_off = environment.var("MASSGEN_LOCAL_SERVERS") == Some("off");
        let servers = if is_off { Vec::new() } else { local_servers() };
        Self { keys: keys(environment), servers, servers_looked_for: !is_off, programs: programs(environment) }
    }
}

/// The keys that are set for providers that a team can be made of.
pub(crate) fn keys(environment: &Environment) -> Vec<KeyFound> {
    let found = remote().filter_map(|provider| {
        let variable = provider.key_variables.iter().find(|name| environment.var(name).is_some())?;
        Some(KeyFound { provider, variable })
    });
    found.collect()
}

/// The providers that are asked over the network with a key of their own.
pub(crate) fn remote() -> impl Iterator<Item = &'static Provider> {
    // A `chatcompletion` backend has the key of whatever provider it goes to.
    PROVIDERS.iter().filter(|provider| {
        is_built(provider) && provider.key_need == KeyNeed::Required && provider.kind != "chatcompletion"
    })
}

/// Whether agents of this backend type can be asked already.
pub(crate) fn is_built(provider: &Provider) -> bool {
    match provider.protocol {
        Protocol::Responses | Protocol::ChatCompletions | Protocol::Messages | Protocol::Gemini => true,
        Protocol::Program | Protocol::Framework => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_any_of_its_names() {
        let with = |names: &[&str]| {
            let vars = names.iter().map(|name| ((*name).to_owned(), "secret".to_owned())).collect();
            let found = keys(&Environment { vars, ..Environment::default() });
            found.iter().map(|key| (key.provider.kind, key.variable)).collect::<Vec<_>>()
        };
        assert_eq!(with(&[]), []);
        assert_eq!(
            with(&["GEMINI_API_KEY", "OPENAI_API_KEY"]),
            [("openai", "OPENAI_API_KEY"), ("gemini", "GEMINI_API_KEY")],
            "each once, although Codex takes the first one, too"
        );
    }
}
