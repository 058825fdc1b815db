//! The arguments of the tools. Other common names of the same thing are taken, too.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// A path alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OnePath {
    #[serde(alias = "file_path", alias = "directory_path")]
    pub(super) path: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadTextFile {
    #[serde(alias = "file_path")]
    pub(super) path: String,
    pub(super) head: Option<Count>,
    pub(super) tail: Option<Count>,
    pub(super) offset: Option<Count>,
    pub(super) limit: Option<Count>,
    #[serde(default)]
    pub(super) numbers: Flag,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadMultipleFiles {
    pub(super) paths: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WriteFile {
    #[serde(alias = "file_path")]
    pub(super) path: String,
    pub(super) content: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EditFile {
    #[serde(alias = "file_path")]
    pub(super) path: String,
    pub(super) edits: Vec<Edit>,
    #[serde(default, rename = "dryRun", alias = "dry_run")]
    pub(super) dry_run: Flag,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    #[serde(rename = "oldText", alias = "old_text", alias = "old_string")]
    pub(super) old_text: String,
    #[serde(rename = "newText", alias = "new_text", alias = "new_string")]
    pub(super) new_text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListDirectory {
    #[serde(default = "here", alias = "directory_path")]
    pub(super) path: String,
    pub(super) offset: Option<Count>,
    pub(super) limit: Option<Count>,
    #[serde(default, rename = "sortBy", alias = "sort_by")]
    pub(super) sort_by: SortBy,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SortBy {
    #[default]
    Name,
    Size,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DirectoryTree {
    #[serde(default = "here", alias = "directory_path")]
    pub(super) path: String,
    #[serde(default, rename = "excludePatterns", alias = "exclude_patterns")]
    pub(super) exclude_patterns: Vec<String>,
    pub(super) depth: Option<Count>,
    pub(super) offset: Option<Count>,
    pub(super) limit: Option<Count>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MoveFile {
    #[serde(alias = "source_path")]
    pub(super) source: String,
    #[serde(alias = "destination_path")]
    pub(super) destination: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchFiles {
    #[serde(default = "here")]
    pub(super) path: String,
    pub(super) pattern: String,
    #[serde(default, rename = "excludePatterns", alias = "exclude_patterns")]
    pub(super) exclude_patterns: Vec<String>,
    pub(super) offset: Option<Count>,
    pub(super) limit: Option<Count>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Grep {
    pub(super) pattern: String,
    #[serde(default = "here")]
    pub(super) path: String,
    pub(super) glob: Option<String>,
    pub(super) context: Option<Count>,
    #[serde(default, rename = "ignoreCase", alias = "ignore_case")]
    pub(super) ignore_case: Flag,
    #[serde(default)]
    pub(super) output: GrepOutput,
    pub(super) offset: Option<Count>,
    pub(super) limit: Option<Count>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum GrepOutput {
    #[default]
    Lines,
    Files,
    Count,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CopyFile {
    #[serde(alias = "source")]
    pub(super) source_path: String,
    #[serde(alias = "destination")]
    pub(super) destination_path: String,
    #[serde(default)]
    pub(super) overwrite: Flag,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CopyFilesBatch {
    pub(super) source_base_path: String,
    #[serde(default = "here")]
    pub(super) destination_base_path: String,
    #[serde(default)]
    pub(super) include_patterns: Vec<String>,
    #[serde(default)]
    pub(super) exclude_patterns: Vec<String>,
    #[serde(default)]
    pub(super) overwrite: Flag,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteFile {
    #[serde(alias = "file_path")]
    pub(super) path: String,
    #[serde(default)]
    pub(super) recursive: Flag,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteFilesBatch {
    pub(super) base_path: String,
    #[serde(default)]
    pub(super) include_patterns: Vec<String>,
    #[serde(default)]
    pub(super) exclude_patterns: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CompareDirectories {
    pub(super) dir1: String,
    pub(super) dir2: String,
    #[serde(default)]
    pub(super) show_content_diff: Flag,
    pub(super) offset: Option<Count>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CompareFiles {
    pub(super) file1: String,
    pub(super) file2: String,
    #[serde(default)]
    pub(super) ignore_whitespace: Flag,
    pub(super) offset: Option<Count>,
}

/// A number that models also write as `"5"` or `5.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count(pub(super) usize);

/// A truth value that models also write as `"true"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

impl Count {
    /// The number, or what stands for none.
    pub(super) fn or(count: Option<Self>, default: usize) -> usize {
        count.map_or(default, |count| count.0)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Numbers;
        impl Visitor<'_> for Numbers {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number that is not negative")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Count, E> {
                Ok(Count(usize::try_from(value).unwrap_or(usize::MAX)))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Count, E> {
                u64::try_from(value)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
                    .and_then(|value| self.visit_u64(value))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Count, E> {
                if value.fract() == 0.0 && (0.0..=9e15).contains(&value) {
                    return Ok(Count(value as usize));
                }
                Err(E::invalid_value(de::Unexpected::Float(value), &self))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Count, E> {
                let number = value.trim().parse().map(Count);
                number.map_err(|_| E::invalid_value(de::Unexpected::Str(value), &self))
            }
        }
        deserializer.deserialize_any(Numbers)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Truths;
        impl Visitor<'_> for Truths {
            type Value = Flag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Flag, E> {
                Ok(Flag(value))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Flag, E> {
                match value {
                    "true" | "True" => Ok(Flag(true)),
                    "false" | "False" | "" => Ok(Flag(false)),
                    _ => Err(E::invalid_value(de::Unexpected::Str(value), &self)),
                }
            }
        }
        deserializer.deserialize_any(Truths)
    }
}

fn here() -> String {
    ".".to_owned()
}
