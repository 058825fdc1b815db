//! The user's limits, by provider and model.

mod error;
mod file;

use std::fs;
use std::path::Path;

pub use error::{LimitsError, LimitsPlace};

use crate::limits::Limits;

/// The model name that stands for all of a provider that are not named.
const DEFAULT: &str = "default";

/// Limits by provider and model, as a user writes them:
///
/// ```yaml
/// gemini:
///   gemini-2.5-pro: {rpm: 2, tpm: 120000, rpd: 48}
///   default: {rpm: 7}
/// ```
///
/// `rpm` are requests and `tpm` tokens in a minute, `rpd` requests in a day; what is left out is not limited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitsTable {
    providers: Vec<(String, Vec<(String, Limits)>)>,
}

impl LimitsTable {
    /// A table without limits.
    pub const EMPTY: Self = Self { providers: Vec::new() };

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is no such table.
    pub fn read(path: &Path) -> Result<Self, LimitsError> {
        let text =
            fs::read_to_string(path).map_err(|source| LimitsError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads a table from YAML. `file` is what errors call it.
    ///
    /// # Errors
    /// When it is not YAML, has an unknown key, or a limit that is not a positive whole number.
    pub fn parse(yaml: &str, file: &str) -> Result<Self, LimitsError> {
        Ok(Self { providers: file::read(yaml, file)? })
    }

    /// The limits of a model: those of the longest name in the table that is `model` or begins it, up to a
    /// `-`, `@`, `:` or `_` (so `gemini-2.5-pro` also stands for `gemini-2.5-pro-preview`, but not for
    /// `gemini-2.5-pronto`), else those under `default`. Where a model's name has its maker before a slash,
    /// the name without it is looked for, too.
    #[must_use]
    pub fn limits(&self, provider: &str, model: &str) -> Limits {
        let known = self.providers.iter().find(|(name, _)| name.eq_ignore_ascii_case(provider));
        let Some((_, models)) = known else { return Limits::NONE };
        let short = model.rsplit_once('/').map_or(model, |(_, short)| short);
        let named = models.iter().filter(|(name, _)| stands_for(name, model) || stands_for(name, short));
        let longest = named.max_by_key(|(name, _)| name.len());
        let default = || models.iter().find(|(name, _)| name == DEFAULT);
        longest.or_else(default).map_or(Limits::NONE, |(_, limits)| *limits)
    }
}

fn stands_for(name: &str, model: &str) -> bool {
    model.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '@', ':', '_']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_wins() {
        let yaml = "p: {a: {rpm: 1}, a-b: {rpm: 2}, default: {rpm: 3}}\nq: {a: {rpm: 4}}";
        let table = LimitsTable::parse(yaml, "t").unwrap();
        let rpm = |provider, model| table.limits(provider, model).requests_per_minute.map_or(0, u32::from);
        assert_eq!(["a", "a-b", "a-c", "a-b-c", "ab", "maker/a-b"].map(|model| rpm("p", model)), [1, 2, 1, 2, 3, 2]);
        assert_eq!((rpm("P", "a"), rpm("q", "b"), rpm("r", "a")), (1, 0, 0));
    }
}
