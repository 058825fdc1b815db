//! Who is asked, and which model.

use massgen_providers::{Capability, Provider, provider, provider_for_model};
use massgen_python::{MediaError, MediaKind, MediaTarget};

use crate::account::Account;

/// What the configuration says for one kind of media and one direction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// A backend type; `google` is another name of `gemini`.
    pub backend: Option<String>,
    /// A model of it.
    pub model: Option<String>,
}

/// What the configuration says for one kind of media.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KindChoices {
    /// Who looks or listens.
    pub understand: Choice,
    /// Who makes it.
    pub generate: Choice,
}

/// What the configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaChoices {
    /// For pictures.
    pub image: KindChoices,
    /// For recordings and speech.
    pub audio: KindChoices,
    /// For films.
    pub video: KindChoices,
}

/// What a provider is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Answer words alone.
    Write,
    /// Look at pictures.
    See,
    /// Read documents, and see pictures beside.
    Read,
    /// Watch films.
    Watch,
    /// Write recordings down, or answer a question about them.
    Listen,
    /// Draw.
    Draw,
    /// Draw from pictures.
    Redraw,
    /// Read out.
    Speak,
    /// Answer aloud.
    Reply,
}

/// Who can do what, in the order in which they are tried. Requests are of the kinds that each takes in a plain request
/// today: no one but Gemini takes films in one.
const ABLE: &[(Task, &[&str])] = &[
    (Task::Write, LOOKERS),
    (Task::See, LOOKERS),
    (Task::Read, &["gemini", "openai", "claude", "openrouter"]),
    (Task::Watch, &["gemini"]),
    (Task::Listen, &["openai", "gemini"]),
    (Task::Draw, &["gemini", "openai", "grok", "openrouter"]),
    (Task::Redraw, &["gemini", "openai", "openrouter"]),
    (Task::Speak, &["openai"]),
    (Task::Reply, &["openai"]),
];

const LOOKERS: &[&str] = &["gemini", "openai", "claude", "grok", "openrouter"];

impl Task {
    fn words(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::See => "look at pictures",
            Self::Read => "read documents",
            Self::Watch => "watch films",
            Self::Listen => "listen to recordings",
            Self::Draw => "draw",
            Self::Redraw => "draw from pictures",
            Self::Speak | Self::Reply => "speak",
        }
    }

    /// What the configuration has to say of it.
    fn choice(self, choices: &MediaChoices) -> Choice {
        match self {
            Self::Write | Self::Read => Choice::default(),
            Self::See => choices.image.understand.clone(),
            Self::Watch => choices.video.understand.clone(),
            Self::Listen => choices.audio.understand.clone(),
            Self::Draw | Self::Redraw => choices.image.generate.clone(),
            Self::Speak | Self::Reply => choices.audio.generate.clone(),
        }
    }

    fn able(self) -> &'static [&'static str] {
        ABLE.iter().find(|(task, _)| *task == self).map_or(&[], |(_, able)| able)
    }

    fn is_looking(self) -> bool {
        matches!(self, Self::Write | Self::See | Self::Read | Self::Watch | Self::Listen)
    }

    /// Whether a provider can do it. Nobody knows of what stands behind a Chat Completions address whether it sees:
    /// who asks it is told.
    fn is_for(self, provider: &Provider) -> bool {
        self.able().contains(&provider.kind) || matches!(self, Self::Write | Self::See)
    }

    /// The model when nobody names one. <https://platform.openai.com/docs/models>,
    /// <https://ai.google.dev/gemini-api/docs/models>, <https://docs.x.ai/docs/models>.
    fn usual_model(self, provider: &Provider) -> Option<&'static str> {
        match (self, provider.kind) {
            (Self::Listen, "openai") => Some("gpt-4o-transcribe"),
            (Self::Speak, "openai") => Some("gpt-4o-mini-tts"),
            (Self::Reply, "openai") => Some("gpt-4o-audio-preview"),
            (Self::Draw | Self::Redraw, "gemini") => Some("gemini-2.5-flash-image"),
            (Self::Draw | Self::Redraw, "grok") => Some("grok-imagine-image-quality"),
            (Self::Draw | Self::Redraw, "openrouter") => Some("google/gemini-2.5-flash-image"),
            (_, "openrouter") => Some("google/gemini-2.5-flash"),
            _ => provider.default_model,
        }
    }

    /// Whether a model that the configuration names for one direction can be meant for this one: a key such as
    /// `multimodal_config.audio.model` counts for both.
    fn suits(self, model: &str) -> bool {
        let listens = model.contains("transcribe") || model.contains("whisper");
        let speaks = model.contains("tts");
        match self {
            Self::Listen => !speaks && !is_painter(model),
            Self::Speak | Self::Reply => !listens && !is_painter(model),
            Self::Draw | Self::Redraw => !listens && !speaks,
            Self::Write | Self::See | Self::Read | Self::Watch => !listens && !speaks && !is_painter(model),
        }
    }
}

/// Whether a model draws and does nothing else.
pub(crate) fn is_painter(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    ["gpt-image", "chatgpt-image", "dall-e", "imagen", "grok-imagine", "grok-2-image"]
        .iter()
        .any(|family| name.starts_with(family))
}

/// Who does `task`, with which model: as the call says, else as the configuration says, else the agent's own backend
/// where the agent only looks, else the first of those that can and have a key.
pub(crate) fn choose<'a>(
    task: Task,
    target: MediaTarget<'_>,
    choices: &MediaChoices,
    accounts: &'a [Account],
) -> Result<(&'a Account, String), MediaError> {
    let configured = task.choice(choices);
    let usable = |account: &&Account| account.speaks() && task.is_for(account.provider);
    let (wanted, model) = match (target.backend, target.model) {
        (Some(backend), model) => {
            let same = configured.backend.as_deref().is_some_and(|other| kind_of(other) == kind_of(backend));
            let configured = configured.model.filter(|model| same && task.suits(model));
            (Some(known(backend)?), model.map(str::to_owned).or(configured))
        }
        (None, Some(model)) => (provider_of(model, accounts), Some(model.to_owned())),
        (None, None) => {
            let named = configured.model.filter(|model| task.suits(model));
            let of_model = named.as_deref().and_then(|model| provider_of(model, accounts));
            let backend = configured.backend.as_deref().map(known).transpose()?;
            (backend.or(of_model), named)
        }
    };
    let account = match wanted {
        Some(provider) if !task.is_for(provider) => return Err(cannot(task, provider)),
        Some(provider) => accounts
            .iter()
            .find(|account| account.provider.kind == provider.kind && usable(account))
            .ok_or_else(|| no_key(task, provider))?,
        None => first(task, accounts).ok_or_else(|| nobody(task))?,
    };
    // A chat model of OpenAI does not transcribe.
    let is_ours = task.is_looking() && (task, account.provider.kind) != (Task::Listen, "openai");
    let own = account.own_model.clone().filter(|model| is_ours && task.suits(model));
    let model = model.or(own).or_else(|| task.usual_model(account.provider).map(str::to_owned));
    let model = model.ok_or_else(|| {
        MediaError::new(format!("{} has no usual model to {}: name a `model`", account.provider.name, task.words()))
    })?;
    Ok((account, model))
}

fn first(task: Task, accounts: &[Account]) -> Option<&Account> {
    let usable = |account: &&Account| account.speaks() && task.is_for(account.provider);
    let own = || accounts.iter().find(|account| account.own_model.is_some()).filter(usable);
    let sees = |account: &&Account| {
        let proven = task.able().contains(&account.provider.kind);
        proven || task == Task::Write || account.provider.can(Capability::ImageUnderstanding)
    };
    let own_that_sees = own().filter(|account| task.is_looking() && sees(account));
    let mut in_order = task.able().iter().flat_map(|kind| accounts.iter().filter(move |a| a.provider.kind == *kind));
    own_that_sees.or_else(|| in_order.find(|account| account.speaks())).or_else(own)
}

/// The names under which configurations and models know a backend type.
fn kind_of(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "google" => "gemini".to_owned(),
        "anthropic" => "claude".to_owned(),
        "xai" => "grok".to_owned(),
        other => other.to_owned(),
    }
}

fn known(name: &str) -> Result<&'static Provider, MediaError> {
    provider(&kind_of(name)).ok_or_else(|| {
        MediaError::new(format!("there is no backend `{name}`: use one such as openai, gemini, claude or openrouter"))
    })
}

/// Whose model it is: an account that has it as its own, else the owner of its family.
fn provider_of(model: &str, accounts: &[Account]) -> Option<&'static Provider> {
    let own = accounts.iter().find(|account| account.own_model.as_deref() == Some(model));
    let by_name = || match model {
        // Painters and speakers are not in the table of chat models.
        _ if model.starts_with("dall-e") || model.starts_with("tts-") || model.starts_with("whisper") => {
            provider("openai")
        }
        _ if model.contains('/') => provider("openrouter").filter(|row| accounts.iter().any(|a| a.provider == *row)),
        _ => provider_for_model(model),
    };
    own.map(|account| account.provider).or_else(by_name)
}

fn variables(provider: &Provider) -> String {
    provider.key_variables.join(" or ")
}

fn no_key(task: Task, provider: &Provider) -> MediaError {
    MediaError::new(format!(
        "{} is to {}, but has no API key: set {} in the environment or in a .env file; or leave `model` and \
         `backend_type` out to use what there is",
        provider.name,
        task.words(),
        variables(provider)
    ))
}

fn cannot(task: Task, provider: &Provider) -> MediaError {
    MediaError::new(format!(
        "{} cannot {} in a request of massgen: use {}",
        provider.name,
        task.words(),
        task.able().join(" or ")
    ))
}

fn nobody(task: Task) -> MediaError {
    let rows = task.able().iter().filter_map(|kind| provider(kind));
    let keys: Vec<String> = rows.map(|row| format!("{} ({})", variables(row), row.kind)).collect();
    MediaError::new(format!(
        "nobody can {}: no key of a provider that can is set; set one of {} in the environment or in a .env file",
        task.words(),
        keys.join(", ")
    ))
}

pub(crate) fn task_for(kinds: &[MediaKind]) -> Task {
    let has = |kind: MediaKind| kinds.contains(&kind);
    if has(MediaKind::Video) {
        Task::Watch
    } else if has(MediaKind::Audio) {
        Task::Listen
    } else if has(MediaKind::Document) {
        Task::Read
    } else if has(MediaKind::Image) {
        Task::See
    } else {
        Task::Write
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use massgen_backends::ApiKey;

    fn account(kind: &str, own_model: Option<&str>) -> Account {
        let row = provider(kind).unwrap();
        Account {
            own_model: own_model.map(str::to_owned),
            ..Account::usual(row, ApiKey::new("key")).unwrap_or(Account {
                provider: row,
                base_url: "http://127.0.0.1:1/v1".to_owned(),
                key: None,
                own_model: None,
            })
        }
    }

    fn chosen(
        task: Task,
        target: MediaTarget<'_>,
        choices: &MediaChoices,
        accounts: &[Account],
    ) -> Result<(String, String), String> {
        let (account, model) = choose(task, target, choices, accounts).map_err(|error| error.message)?;
        Ok((account.provider.kind.to_owned(), model))
    }

    fn of(task: Task, accounts: &[Account]) -> Result<(String, String), String> {
        chosen(task, MediaTarget::default(), &MediaChoices::default(), accounts)
    }

    fn pair(kind: &str, model: &str) -> Result<(String, String), String> {
        Ok((kind.to_owned(), model.to_owned()))
    }

    #[test]
    fn without_a_wish_the_agent_itself_looks_and_the_first_with_a_key_draws() {
        let accounts = [account("claude", Some("claude-sonnet-4-5")), account("openai", None), account("gemini", None)];
        assert_eq!(of(Task::See, &accounts), pair("claude", "claude-sonnet-4-5"));
        assert_eq!(of(Task::Read, &accounts), pair("claude", "claude-sonnet-4-5"));
        assert_eq!(of(Task::Watch, &accounts), pair("gemini", "gemini-3-flash-preview"));
        assert_eq!(of(Task::Listen, &accounts), pair("openai", "gpt-4o-transcribe"));
        assert_eq!(of(Task::Draw, &accounts), pair("gemini", "gemini-2.5-flash-image"));
        assert_eq!(of(Task::Speak, &accounts), pair("openai", "gpt-4o-mini-tts"));
    }

    #[test]
    fn an_agent_that_may_be_blind_looks_only_when_nobody_else_can() {
        let blind = account("ollama", Some("llama3"));
        assert_eq!(of(Task::See, &[blind.clone(), account("grok", None)]).unwrap().0, "grok");
        assert_eq!(of(Task::See, std::slice::from_ref(&blind)), pair("ollama", "llama3"));
        assert!(of(Task::Draw, &[blind]).unwrap_err().contains("GOOGLE_API_KEY or GEMINI_API_KEY (gemini)"));
    }

    #[test]
    fn the_call_outweighs_the_configuration_and_that_the_keys() {
        let accounts = [account("openai", None), account("gemini", None), account("grok", None)];
        let choices = MediaChoices {
            image: KindChoices {
                understand: Choice { backend: Some("openai".to_owned()), model: Some("gpt-image-1".to_owned()) },
                generate: Choice { backend: Some("openai".to_owned()), model: Some("gpt-image-1".to_owned()) },
            },
            ..MediaChoices::default()
        };
        let none = MediaTarget::default();
        assert_eq!(chosen(Task::Draw, none, &choices, &accounts), pair("openai", "gpt-image-1"));
        assert_eq!(chosen(Task::See, none, &choices, &accounts), pair("openai", "gpt-5.4"), "a painter does not look");
        let google = MediaTarget { backend: Some("google"), model: None };
        assert_eq!(chosen(Task::Draw, google, &choices, &accounts), pair("gemini", "gemini-2.5-flash-image"));
        let model = MediaTarget { backend: None, model: Some("grok-imagine-image") };
        assert_eq!(chosen(Task::Draw, model, &choices, &accounts), pair("grok", "grok-imagine-image"));
    }

    #[test]
    fn what_is_missing_is_said_with_what_to_do() {
        let accounts = [account("claude", Some("claude-sonnet-4-5"))];
        let gpt = MediaTarget { backend: None, model: Some("gpt-4.1") };
        let error = chosen(Task::See, gpt, &MediaChoices::default(), &accounts).unwrap_err();
        assert!(error.contains("set OPENAI_API_KEY"), "{error}");
        let claude = MediaTarget { backend: Some("claude"), model: None };
        let error = chosen(Task::Draw, claude, &MediaChoices::default(), &accounts).unwrap_err();
        assert!(error.contains("cannot draw") && error.contains("use gemini or openai"), "{error}");
        let odd = MediaTarget { backend: Some("elevenlabs"), model: None };
        let error = chosen(Task::Speak, odd, &MediaChoices::default(), &accounts).unwrap_err();
        assert!(error.contains("no backend `elevenlabs`"), "{error}");
    }
}
