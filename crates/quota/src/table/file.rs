//! The table as it is written.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU64;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use super::error::{LimitsError, LimitsPlace};
use crate::limits::Limits;
use crate::nearest::nearest;

/// The keys of a model, and what they are short for: many would write that.
const KEYS: [(&str, &str); 3] =
    [("rpm", "requests_per_minute"), ("tpm", "tokens_per_minute"), ("rpd", "requests_per_day")];

type Models = Vec<(String, Limits)>;

/// Reads providers and their models, in the order of the file.
pub(super) fn read(yaml: &str, file: &str) -> Result<Vec<(String, Models)>, LimitsError> {
    let written: Entries<Entries<Entries<Written>>> =
        serde_saphyr::from_str(yaml).map_err(|error| form(file, &error))?;
    let mut providers = Vec::new();
    for (provider, models) in written.0 {
        let mut read = Vec::new();
        for (model, keys) in models.0 {
            let keys_of = Keys { file, model: format!("{}/{}", provider.value, model.value) };
            read.push((model.value, keys_of.limits(keys.0)?));
        }
        providers.push((provider.value, read));
    }
    Ok(providers)
}

fn form(file: &str, error: &serde_saphyr::Error) -> LimitsError {
    let error = error.without_snippet();
    let location = error.location().unwrap_or(Location::UNKNOWN);
    let whole = error.to_string();
    let message = whole.split_once(" at line ").map_or(whole.as_str(), |(head, _)| head);
    // The reader speaks of its own options here.
    let message = message.split_once(", set DuplicateKeyPolicy").map_or(message, |(head, _)| head);
    let message = message.strip_prefix("error: ").unwrap_or(message).to_owned();
    LimitsError::Form { at: place(file, location), message }
}

fn place(file: &str, at: Location) -> LimitsPlace {
    LimitsPlace { file: file.to_owned(), line: at.line(), column: at.column() }
}

/// The keys of one model.
struct Keys<'a> {
    file: &'a str,
    model: String,
}

impl Keys<'_> {
    fn limits(&self, keys: Vec<(Spanned<String>, Written)>) -> Result<Limits, LimitsError> {
        let mut limits = Limits::NONE;
        for (key, written) in keys {
            let at = key.referenced;
            match key.value.as_str() {
                "rpm" => limits.requests_per_minute = Some(self.limit(at, "rpm", &written)?),
                "tpm" => limits.tokens_per_minute = Some(self.limit(at, "tpm", &written)?),
                "rpd" => limits.requests_per_day = Some(self.limit(at, "rpd", &written)?),
                _ => return Err(self.unknown(at, key.value)),
            }
        }
        Ok(limits)
    }

    fn limit<N: TryFrom<NonZeroU64>>(
        &self,
        at: Location,
        key: &'static str,
        written: &Written,
    ) -> Result<N, LimitsError> {
        let limit = match written {
            Written::Whole(number) => NonZeroU64::new(*number).and_then(|number| N::try_from(number).ok()),
            Written::Other(_) => None,
        };
        let expected = match written {
            Written::Whole(0) => "it would let nothing through; leave it out for no limit, or write 1 or more",
            Written::Whole(_) => "that is too large; leave it out for no limit",
            Written::Other(_) => "expected a whole number, 1 or more",
        };
        let found = match written {
            Written::Whole(number) => number.to_string(),
            Written::Other(found) => found.clone(),
        };
        limit.ok_or_else(|| LimitsError::NoLimit {
            at: place(self.file, at),
            key,
            model: self.model.clone(),
            found,
            expected,
        })
    }

    fn unknown(&self, at: Location, key: String) -> LimitsError {
        let lower = key.to_ascii_lowercase();
        let word = nearest(&lower, KEYS.iter().flat_map(|(short, long)| [*short, *long]));
        let near = KEYS.iter().find(|(short, long)| word == Some(*short) || word == Some(*long));
        LimitsError::UnknownKey {
            at: place(self.file, at),
            key,
            model: self.model.clone(),
            near: near.map_or("rpm", |(short, _)| *short),
        }
    }
}

/// A mapping in the order of the file, with the places of its keys. Nothing stands for an empty one: often
/// all that is below a key is a comment.
struct Entries<T>(Vec<(Spanned<String>, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Vec<(Spanned<String>, T)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Vec::new())
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Vec::new())
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
                deserializer.deserialize_map(self)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_option(Pairs(PhantomData)).map(Self)
    }
}

/// What stands where a limit should. Everything is taken in, so that the error can name the key.
enum Written {
    Whole(u64),
    Other(String),
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Anything;
        impl<'de> Visitor<'de> for Anything {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Written, E> {
                Ok(Written::Whole(number))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Written, E> {
                Ok(u64::try_from(number).map_or_else(|_| Written::Other(number.to_string()), Written::Whole))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Written, E> {
                Ok(Written::Other(number.to_string()))
            }

            fn visit_bool<E>(self, yes: bool) -> Result<Written, E> {
                Ok(Written::Other(yes.to_string()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Written, E> {
                Ok(Written::Other(format!("the text {text:?}")))
            }

            fn visit_unit<E: Error>(self) -> Result<Written, E> {
                Ok(Written::Other("empty".to_owned()))
            }

            fn visit_none<E: Error>(self) -> Result<Written, E> {
                self.visit_unit()
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Written, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Written::Other("a list".to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Written::Other("a mapping".to_owned()))
            }
        }
        deserializer.deserialize_any(Anything)
    }
}

#[cfg(test)]
mod tests {
    use super::super::LimitsTable;

    fn error(yaml: &str) -> String {
        LimitsTable::parse(yaml, "limits.yaml").unwrap_err().to_string()
    }

    #[test]
    fn mistakes_are_explained_with_their_place() {
        let cases = [
            (
                "gemini:\n  pro:\n    rpn: 2",
                "limits.yaml:3:5: `rpn` of gemini/pro is not known: did you mean `rpm`? (known: rpm, tpm, rpd)",
            ),
            (
                "gemini:\n  pro:\n    requests_per_day: 2",
                "limits.yaml:3:5: `requests_per_day` of gemini/pro is not known: did you mean `rpd`? (known: rpm, tpm, rpd)",
            ),
            (
                "gemini: {pro: {rpm: 0}}",
                "limits.yaml:1:16: `rpm` of gemini/pro is 0: it would let nothing through; leave it out for no limit, or \
                 write 1 or more",
            ),
            ("a: {b: {tpm: -3}}", "limits.yaml:1:9: `tpm` of a/b is -3: expected a whole number, 1 or more"),
            ("a: {b: {tpm: 1.5}}", "limits.yaml:1:9: `tpm` of a/b is 1.5: expected a whole number, 1 or more"),
            (
                "a: {b: {tpm: many}}",
                "limits.yaml:1:9: `tpm` of a/b is the text \"many\": expected a whole number, 1 or more",
            ),
            ("a: {b: {tpm: }}", "limits.yaml:1:9: `tpm` of a/b is empty: expected a whole number, 1 or more"),
            ("a: {b: {rpd: [1]}}", "limits.yaml:1:9: `rpd` of a/b is a list: expected a whole number, 1 or more"),
            (
                "a: {b: {rpm: 5000000000}}",
                "limits.yaml:1:9: `rpm` of a/b is 5000000000: that is too large; leave it out for no limit",
            ),
        ];
        for (yaml, expected) in cases {
            assert_eq!(error(yaml), expected);
        }
        for yaml in ["a: {b: {rpm: 1, rpm: 2}}", "a: {b: 5}", "a: [b]", "[a", "5"] {
            let error = error(yaml);
            assert!(error.starts_with("limits.yaml:1:") && error.contains("expected providers"), "{yaml}: {error}");
        }
    }

    #[test]
    fn what_is_empty_limits_nothing() {
        for yaml in ["", "# nothing\n", "a:", "a: {b: }", "a: {}"] {
            let table = LimitsTable::parse(yaml, "t").unwrap_or_else(|error| panic!("{yaml:?}: {error}"));
            assert_eq!(table.limits("a", "b"), crate::Limits::NONE);
        }
    }
}
