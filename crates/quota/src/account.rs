//! Whose limits they are.

use std::fmt;

/// Keeps hashes of this crate apart from all others.
const CONTEXT: &str = "massgen quota 2026 account";

/// An account with a provider: the kind of the provider, and a hash of where it is asked and with which key.
///
/// Neither the address nor the key can be had from it, so that it may be printed and stand in file names.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AccountKey {
    provider: String,
    hash: blake3::Hash,
}

impl AccountKey {
    /// The account that asks `base_url` with `key`, empty where none is needed. `provider` is the name
    /// under which [`LimitsTable`](crate::LimitsTable) knows its limits, such as `gemini`.
    #[must_use]
    pub fn new(provider: &str, base_url: &str, key: &str) -> Self {
        let base_url = base_url.trim_end_matches('/');
        Self { provider: provider.to_owned(), hash: hash_of(&[provider, base_url, key]) }
    }

    /// The name of the provider.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The name of the file that holds the state of this account and a model.
    pub(crate) fn file_name(&self, model: &str) -> String {
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
        let provider: String = self.provider.chars().take(32).map(plain).collect();
        let hash = hash_of(&[self.hash.to_hex().as_str(), model]).to_hex();
        let hash: String = hash.chars().take(32).collect();
        format!("{provider}-{hash}.json")
    }
}

/// A keyed hash of texts that cannot be mistaken for one of other texts.
fn hash_of(texts: &[&str]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    for text in texts {
        hasher.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize()
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash: String = self.hash.to_hex().chars().take(8).collect();
        write!(f, "{} ({hash})", self.provider)
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_differ_by_each_of_their_parts() {
        let account = AccountKey::new("openai", "https://api.openai.com/v1", "sk-1");
        assert_eq!(account, AccountKey::new("openai", "https://api.openai.com/v1/", "sk-1"));
        assert_ne!(account, AccountKey::new("openai", "https://api.openai.com/v1", "sk-2"));
        assert_ne!(account, AccountKey::new("azure", "https://api.openai.com/v1", "sk-1"));
        assert_ne!(AccountKey::new("a", "bc", ""), AccountKey::new("a", "b", "c"));
        assert_ne!(account.file_name("gpt-5"), account.file_name("gpt-5-nano"));
    }

    #[test]
    fn the_key_shows_nowhere() {
        let account = AccountKey::new("open/ai", "https://user:hunter2@example.org", "sk-secret");
        for text in [format!("{account:?}"), account.to_string(), account.file_name("../../m")] {
            assert!(!text.contains("secret") && !text.contains("hunter2"), "{text}");
        }
        let name = account.file_name("../../m");
        assert!(!name.contains('/') && name.starts_with("open-ai-"), "{name}");
    }
}
