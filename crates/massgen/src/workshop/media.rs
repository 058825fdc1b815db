//! Whom the tools of an agent can ask about pictures, sound and films, and which such tools the agent has.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use massgen_backends::{ApiKey, HttpSettings, ProxySettings, http_client};
use massgen_config::{BackendConfig, Environment, KeySource, MediaConfig, MediaKindConfig};
use massgen_media::{Account, Choice, KindChoices, Media, MediaChoices, MediaPolicy, MediaSettings};
use massgen_providers::{KeyNeed, PROVIDERS, Protocol, Provider};
use massgen_python::{ConfinedPaths, CustomToolSpec, MediaProvider, PathIntent, ToolPaths, custom_tool_name};
use massgen_rehearsal::RehearsalServer;

use massgen_tool::CallContext;
use massgen_tools::files::{Places, is_secret};

use super::room::Room;
use crate::agents::rehearsal_url;
use crate::failure::{Failure, with_causes};

/// Asks the agent's own provider, and those whose keys are there. In a rehearsal, all of them are the rehearsal's.
pub(crate) fn media(
    backend: &BackendConfig,
    config: &MediaConfig,
    environment: &Environment,
    rehearsal: Option<&RehearsalServer>,
) -> Result<Arc<dyn MediaProvider>, Failure> {
    let proxy = ProxySettings::from_variables(|name| environment.var(name).map(str::to_owned));
    let settings = HttpSettings { proxy, ..HttpSettings::default() };
    let http = http_client(&settings).map_err(|error| Failure::configuration(with_causes(&error)))?;
    let mut accounts: Vec<Account> = own(backend, environment, rehearsal.is_some()).into_iter().collect();
    // One with a key of the agent's own, or at an address of its own, is not asked with another.
    let more = PROVIDERS.iter().filter(|row| !accounts.iter().any(|own| own.provider.kind == row.kind));
    let more: Vec<Account> = more.filter_map(|row| usual(row, environment, rehearsal.is_some())).collect();
    accounts.extend(more);
    if let Some(server) = rehearsal {
        for account in &mut accounts {
            account.base_url = rehearsal_url(server, account.provider.protocol);
            account.key = Some(ApiKey::new("rehearsal"));
        }
    }
    let choices =
        MediaChoices { image: choices(&config.image), audio: choices(&config.audio), video: choices(&config.video) };
    Ok(Arc::new(Media::new(MediaSettings { http, accounts, choices, policy: MediaPolicy::default() })))
}

/// What functions of massgen itself work with.
pub(crate) struct Means {
    /// Who sees, hears and draws for them.
    pub(crate) provider: Arc<dyn MediaProvider>,
    /// Which of them the config switches on.
    pub(crate) config: MediaConfig,
    /// Where the agent works.
    pub(crate) room: Option<Arc<Room>>,
}

/// What functions of massgen may read and write: the agent's workspace, and to read what its file tools can read.
pub(crate) struct RoomPaths(pub(crate) Arc<Room>);

impl ToolPaths for RoomPaths {
    fn resolve(&self, path: &str, intent: PathIntent, context: &CallContext) -> Result<PathBuf, String> {
        let places = Places::for_call(&*self.0, &context.caller);
        let elsewhere: Vec<PathBuf> =
            [places.views].into_iter().chain(places.readable).chain(places.writable).collect();
        let real = ConfinedPaths::new(&places.workspace, elsewhere.clone()).resolve(path, intent, context)?;
        let below = |root: &PathBuf| real.strip_prefix(root.canonicalize().ok()?).ok().map(Path::to_owned);
        // In its own workspace the agent knows what there is; a key of the user's must not reach a model.
        let is_own = below(&places.workspace).is_some();
        if !is_own && elsewhere.iter().filter_map(below).any(|path| is_secret(&path)) {
            return Err(format!("`{path}` likely holds keys, and is not shown to models"));
        }
        Ok(real)
    }
}

/// Whether the config gives the agent such functions.
pub(crate) fn is_switched_on(config: &MediaConfig) -> bool {
    !switched_on(config, &[]).is_empty()
}

/// The functions that an agent has because its config switches them on, besides those that it names itself in `named`.
pub(crate) fn switched_on(config: &MediaConfig, named: &[CustomToolSpec]) -> Vec<CustomToolSpec> {
    let groups: [(bool, &[&str]); 4] = [
        (config.enable_multimodal_tools == Some(true), &["read_media", "generate_media"]),
        (config.image_generation, &["text_to_image_generation", "image_to_image_generation"]),
        (config.audio_generation, &["text_to_speech_transcription_generation", "text_to_speech_continue_generation"]),
        (config.file_generation, &["text_to_file_generation"]),
    ];
    let taken: Vec<String> = named
        .iter()
        .flat_map(|spec| spec.names.iter().chain(&spec.functions))
        .map(|name| custom_tool_name(name))
        .collect();
    let names = groups.iter().filter(|(on, _)| *on).flat_map(|(_, names)| names.iter());
    let free = names.filter(|name| !taken.contains(&custom_tool_name(name)));
    free.map(|name| CustomToolSpec { functions: vec![(*name).to_owned()], ..CustomToolSpec::default() }).collect()
}

/// The agent's own backend, as it is set up for the agent itself.
fn own(backend: &BackendConfig, environment: &Environment, is_rehearsal: bool) -> Option<Account> {
    let provider = backend.provider();
    let key = match backend.key_source(environment) {
        KeySource::Config(key) | KeySource::Variable { key, .. } => Some(ApiKey::new(key.expose())),
        KeySource::NotNeeded { .. } | KeySource::Missing { .. } => None,
    };
    if key.is_none() && provider.key_need == KeyNeed::Required && !is_rehearsal {
        return None;
    }
    let base_url = backend.base_url.as_ref().map(|url| url.as_str().to_owned());
    let base_url = base_url.or_else(|| provider.base_url.map(str::to_owned));
    let base_url = base_url.or_else(|| is_rehearsal.then(String::new))?;
    Some(Account { provider, base_url, key, own_model: Some(backend.model.to_string()) })
}

/// A provider at its usual address, if there is a key for it in the environment.
fn usual(provider: &'static Provider, environment: &Environment, is_rehearsal: bool) -> Option<Account> {
    if matches!(provider.protocol, Protocol::Program | Protocol::Framework) || provider.key_need == KeyNeed::Optional {
        return None;
    }
    let key = provider.key_variables.iter().find_map(|name| environment.var(name).filter(|key| !key.trim().is_empty()));
    let key = key.or_else(|| is_rehearsal.then_some("rehearsal"))?;
    Account::usual(provider, ApiKey::new(key))
}

fn choices(config: &MediaKindConfig) -> KindChoices {
    let choice = |choice: &massgen_config::MediaChoice| Choice {
        backend: choice.backend.as_ref().map(|name| name.as_str().to_owned()),
        model: choice.model.as_ref().map(|name| name.as_str().to_owned()),
    };
    KindChoices { understand: choice(&config.usual), generate: choice(&config.maker()) }
}
