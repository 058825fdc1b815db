//! The scenario file as it is written.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use super::limit::Window;
use super::step::AnswerCount;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScenarioFile {
    pub(super) title: String,
    pub(super) question: String,
    pub(super) key: Option<String>,
    #[serde(default = "yes")]
    pub(super) key_needed: bool,
    pub(super) rate_limit: Option<Spanned<RateLimitFile>>,
    pub(super) limits: Option<Ordered<Spanned<ModelLimitFile>>>,
    #[serde(default)]
    pub(super) workspaces: bool,
    #[serde(default)]
    pub(super) also_accepts: Vec<String>,
    #[serde(default)]
    pub(super) defaults: PaceFile,
    pub(super) models: Spanned<Ordered<Vec<Spanned<StepFile>>>>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateLimitFile {
    pub(super) requests_per_minute: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelLimitFile {
    pub(super) requests_per_minute: u32,
    pub(super) tokens_per_minute: Option<u64>,
    #[serde(default)]
    pub(super) window: Window,
    #[serde(default = "minute")]
    pub(super) window_seconds: u32,
}

fn minute() -> u32 {
    60
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PaceFile {
    pub(super) chunk: Option<usize>,
    pub(super) first_ms: Option<u64>,
    pub(super) delay_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepFile {
    #[serde(default)]
    pub(super) when: WhenFile,
    pub(super) reason: Option<String>,
    pub(super) builtin: Option<BuiltinFile>,
    pub(super) say: Option<String>,
    pub(super) repeat: Option<RepeatFile>,
    pub(super) new_answer: Option<String>,
    pub(super) vote: Option<VoteFile>,
    pub(super) call: Option<CallFile>,
    pub(super) calls: Option<Vec<CallFile>>,
    #[serde(default)]
    pub(super) finish: FinishFile,
    pub(super) fault: Option<Spanned<FaultFile>>,
    pub(super) chunk: Option<usize>,
    pub(super) first_ms: Option<u64>,
    pub(super) delay_ms: Option<u64>,
    pub(super) times: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhenFile {
    pub(super) answers: Option<AnswerCount>,
    #[serde(default)]
    pub(super) shows: Vec<String>,
    #[serde(default)]
    pub(super) not_shows: Vec<String>,
    pub(super) asked: Option<String>,
    pub(super) tool: Option<String>,
    pub(super) presenting: Option<bool>,
    pub(super) call: Option<u32>,
    pub(super) after_tool: Option<String>,
    pub(super) results: Option<AnswerCount>,
    #[serde(default)]
    pub(super) returned: Vec<String>,
    pub(super) rejected: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BuiltinFile {
    pub(super) web_search: Option<WebSearchFile>,
    pub(super) code: Option<CodeFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebSearchFile {
    pub(super) query: String,
    #[serde(default)]
    pub(super) results: Vec<WebResultFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebResultFile {
    pub(super) url: String,
    pub(super) title: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeFile {
    pub(super) source: String,
    #[serde(default)]
    pub(super) output: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RepeatFile {
    pub(super) text: String,
    pub(super) times: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VoteFile {
    #[serde(rename = "for")]
    pub(super) target: String,
    #[serde(default)]
    pub(super) reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallFile {
    pub(super) tool: String,
    #[serde(default)]
    pub(super) arguments: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FinishFile {
    #[default]
    Complete,
    Length,
    Filtered,
}

/// A fault: a mapping, or one word for a fault that needs no more.
#[derive(Debug, Default)]
pub(super) struct FaultFile(pub(super) FaultMap);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultMap {
    pub(super) status: Option<u16>,
    pub(super) retry_after: Option<u64>,
    pub(super) message: Option<String>,
    #[serde(default)]
    pub(super) refuse: bool,
    #[serde(default)]
    pub(super) hang: bool,
    pub(super) cut: Option<AfterFile>,
    pub(super) malformed: Option<AfterFile>,
    pub(super) silence: Option<AfterFile>,
    pub(super) error_event: Option<StreamErrorFile>,
    pub(super) after_chunks: Option<u64>,
    #[serde(default)]
    pub(super) no_finish: bool,
    #[serde(default)]
    pub(super) duplicate: bool,
    #[serde(default)]
    pub(super) reorder: bool,
    #[serde(default)]
    pub(super) split_utf8: bool,
    pub(super) bulk_mb: Option<u32>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AfterFile {
    pub(super) after_chunks: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StreamErrorFile {
    Overloaded,
    RateLimited,
    ServerError,
}

impl<'de> Deserialize<'de> for FaultFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrMap;
        impl<'de> Visitor<'de> for WordOrMap {
            type Value = FaultMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a fault: a mapping such as {status: 429}, or a word such as hang")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<FaultMap, E> {
                let mut map = FaultMap::default();
                match word {
                    "refuse" => map.refuse = true,
                    "hang" => map.hang = true,
                    "no_finish" => map.no_finish = true,
                    "duplicate" => map.duplicate = true,
                    "reorder" => map.reorder = true,
                    "split_utf8" => map.split_utf8 = true,
                    _ => {
                        let words = &["refuse", "hang", "no_finish", "duplicate", "reorder", "split_utf8"];
                        return Err(E::unknown_variant(word, words));
                    }
                }
                Ok(map)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FaultMap, A::Error> {
                FaultMap::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(WordOrMap).map(Self)
    }
}

/// A mapping in the order of the file.
#[derive(Debug)]
pub(super) struct Ordered<T>(pub(super) Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Vec<(String, T)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping from model names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(Entries(PhantomData)).map(Self)
    }
}

impl<'de> Deserialize<'de> for AnswerCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Count;
        impl Visitor<'_> for Count {
            type Value = AnswerCount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of answers: 2, \"1+\" or \"2-3\"")
            }

            fn visit_u64<E: Error>(self, count: u64) -> Result<AnswerCount, E> {
                let count = usize::try_from(count).map_err(E::custom)?;
                Ok(AnswerCount { least: count, most: count })
            }

            fn visit_i64<E: Error>(self, count: i64) -> Result<AnswerCount, E> {
                self.visit_u64(u64::try_from(count).map_err(|_| E::custom("a number of answers is not negative"))?)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<AnswerCount, E> {
                AnswerCount::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Count)
    }
}
