//! Finds a provider by what users give instead of a type: a model's name or a URL.

use crate::{PROVIDERS, Provider, provider};

/// The provider whose model this is, by its exact name or else by the family it belongs to.
#[must_use]
pub fn provider_for_model(model: &str) -> Option<&'static Provider> {
    let model = model.to_ascii_lowercase();
    let known = PROVIDERS.iter().find(|row| row.models.iter().any(|known| known.eq_ignore_ascii_case(&model)));
    known.or_else(|| FAMILIES.iter().find(|(prefix, _)| model.starts_with(prefix)).and_then(|(_, kind)| provider(kind)))
}

/// The provider that serves a base URL, for `chatcompletion` backends that say only where they go.
#[must_use]
pub fn provider_for_base_url(base_url: &str) -> Option<&'static Provider> {
    let host = base_url.split("://").last()?.split('/').next()?.to_ascii_lowercase();
    let host = host.split(':').next()?;
    HOSTS
        .iter()
        .find(|(domain, _)| host == *domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))
        .and_then(|(_, kind)| provider(kind))
}

/// First part of a model's name, and the backend type that serves the family.
const FAMILIES: &[(&str, &str)] = &[
    ("gpt-oss", "cerebras"),
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("claude-", "claude"),
    ("gemini-", "gemini"),
    ("gemma-", "gemini"),
    ("grok-", "grok"),
    ("glm-", "zai"),
    ("moonshot-", "moonshot"),
    ("kimi-", "moonshot"),
    ("qwen-", "qwen"),
    ("qwen3-", "qwen"),
];

/// A domain, and the backend type that it belongs to.
const HOSTS: &[(&str, &str)] = &[
    ("api.openai.com", "openai"),
    ("cerebras.ai", "cerebras"),
    ("together.xyz", "together"),
    ("together.ai", "together"),
    ("fireworks.ai", "fireworks"),
    ("groq.com", "groq"),
    ("nebius.com", "nebius"),
    ("nebius.ai", "nebius"),
    ("openrouter.ai", "openrouter"),
    ("z.ai", "zai"),
    ("bigmodel.cn", "zai"),
    ("moonshot.ai", "moonshot"),
    ("moonshot.cn", "moonshot"),
    ("nvidia.com", "nvidia_nim"),
    ("poe.com", "poe"),
    ("aliyuncs.com", "qwen"),
    ("x.ai", "grok"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_name_alone_finds_its_provider() {
        let kind = |model| provider_for_model(model).map(|row| row.kind);
        assert_eq!(kind("gemini-2.5-flash"), Some("gemini"));
        assert_eq!(kind("GPT-5-nano"), Some("openai"));
        assert_eq!(kind("claude-opus-9"), Some("claude"));
        assert_eq!(kind("glm-4.5"), Some("zai"));
        assert_eq!(kind("nobody-knows-1"), None);
    }

    #[test]
    fn a_base_url_finds_its_provider_by_domain_and_not_by_part_of_a_word() {
        let kind = |url| provider_for_base_url(url).map(|row| row.kind);
        assert_eq!(kind("https://api.cerebras.ai/v1"), Some("cerebras"));
        assert_eq!(kind("https://api.z.ai/api/paas/v4/"), Some("zai"));
        assert_eq!(kind("https://api.x.ai/v1"), Some("grok"));
        assert_eq!(kind("https://evilz.ai/v1"), None);
        assert_eq!(kind("http://127.0.0.1:8000/v1"), None);
    }
}
