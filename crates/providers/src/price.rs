//! What tokens cost. Data lives in `data/prices.json`, dated; a model that is not in it has no known price.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Input that is neither read from a cache nor written to it.
    pub input: f64,
    /// Input read from the prompt cache.
    pub cached_input: f64,
    /// Input written to the prompt cache.
    pub cache_write: f64,
    /// Output, reasoning included.
    pub output: f64,
}

impl Price {
    /// US dollars for token counts that do not overlap.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "no bill reaches 2^52 tokens")]
    pub fn usd(&self, input: u64, cached_input: u64, cache_write: u64, output: u64) -> f64 {
        let parts = [
            (input, self.input),
            (cached_input, self.cached_input),
            (cache_write, self.cache_write),
            (output, self.output),
        ];
        parts.iter().map(|(tokens, price)| *tokens as f64 * price / 1e6).sum()
    }
}

/// The price of a backend type's model, by the longest name in the list that begins the model's name and ends
/// where a part of it ends: `gpt-5-mini` prices `gpt-5-mini-2025-08-07`, but `gpt-5` does not price `gpt-5.4`.
#[must_use]
pub fn price(kind: &str, model: &str) -> Option<Price> {
    PRICES.price(kind, model)
}

/// Whether `model` is `name` itself, or a dated or `latest` version of it. Another suffix is another model:
/// `gpt-5-pro` must not be priced as `gpt-5`.
fn is_version_of(model: &str, name: &str) -> bool {
    let Some(rest) = model.strip_prefix(name) else { return false };
    let Some(suffix) = rest.strip_prefix('-').or_else(|| rest.strip_prefix('@')) else { return rest.is_empty() };
    let digits = suffix.bytes().filter(u8::is_ascii_digit).count();
    let is_date = digits >= 4 && suffix.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_date || suffix == "latest"
}

static PRICES: LazyLock<Prices> = LazyLock::new(|| read(include_str!("../data/prices.json")).unwrap_or_default());

/// A list of prices, such as the one that comes with massgen or one of the user's.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Prices {
    /// Backend type, then model.
    models: BTreeMap<String, BTreeMap<String, Price>>,
}

impl Prices {
    /// Reads a list: JSON of the form `{"models": {"openai": {"gpt-5": {"input": 1.25, ...}}}}`.
    ///
    /// # Errors
    /// When it is not that.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        read(text)
    }

    /// The price of a backend type's model, see [`price`].
    #[must_use]
    pub fn price(&self, kind: &str, model: &str) -> Option<Price> {
        let model = model.to_ascii_lowercase();
        let known = self.models.get(kind)?.iter().filter(|(name, _)| is_version_of(&model, name));
        known.max_by_key(|(name, _)| name.len()).map(|(_, price)| *price)
    }
}

fn read(text: &str) -> Result<Prices, serde_json::Error> {
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider;

    #[test]
    fn the_data_is_whole_and_names_known_backend_types() {
        let prices = read(include_str!("../data/prices.json")).unwrap();
        assert!(!prices.models.is_empty());
        for (kind, models) in &prices.models {
            assert!(provider(kind).is_some(), "{kind}");
            for (model, price) in models {
                let order = price.cached_input <= price.input && price.input <= price.cache_write;
                assert!(order && price.cache_write <= price.output && price.cached_input > 0.0, "{kind} {model}");
            }
        }
    }

    #[test]
    fn a_version_is_priced_as_its_model_and_a_sibling_is_not() {
        let output = |kind, model| price(kind, model).map(|price| price.output);
        assert_eq!(output("openai", "gpt-5-mini-2025-08-07"), Some(2.0));
        assert_eq!(output("openai", "GPT-5"), Some(10.0));
        assert_eq!(output("openai", "gpt-5.9"), None);
        assert_eq!(output("openai", "gpt-5-pro"), None);
        assert_eq!(output("claude", "claude-sonnet-4-20250514"), Some(15.0));
        assert_eq!(output("claude", "claude-opus-4-5-20251101"), Some(25.0));
        assert_eq!(output("vllm", "gpt-5"), None);
    }

    #[test]
    fn a_bill_adds_up() {
        let price = Price { input: 1.0, cached_input: 0.1, cache_write: 1.25, output: 5.0 };
        assert!((price.usd(1_000_000, 1_000_000, 1_000_000, 1_000_000) - 7.35).abs() < 1e-9);
    }
}
