//! Files that go to models, and files that come from them.

use std::path::PathBuf;

use massgen_tool::{CallContext, Touch, TouchKind};
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Surroundings;
use crate::media::{Attachment, MadeFile, MediaKind, recognise};
use crate::paths::PathIntent;

/// How many files go into one request.
pub(super) const FILES_MAX: usize = 10;
/// Larger files are refused: encoded, what is left is what the large providers take in one request.
const FILE_BYTES_MAX: u64 = 15 << 20;
/// How many names are tried before a file is given up.
const NAMES_MAX: u32 = 1000;

/// A file as it was read: something that models see or hear, or text.
#[derive(Debug)]
pub(super) enum Loaded {
    Media(Attachment),
    Text(PathBuf, String),
}

impl Loaded {
    pub(super) fn touch(&self) -> Touch {
        match self {
            Self::Media(attachment) => touch(attachment),
            Self::Text(path, _) => Touch { path: path.clone(), kind: TouchKind::Read },
        }
    }
}

/// That a file was looked at.
pub(super) fn touch(attachment: &Attachment) -> Touch {
    Touch { path: attachment.path.clone(), kind: TouchKind::Read }
}

/// Reads a file that is for a model.
pub(super) async fn load(wanted: &str, context: &CallContext, surroundings: &Surroundings) -> Result<Loaded, String> {
    let path = surroundings.paths.resolve(wanted, PathIntent::Read, context)?;
    let failed = |error: std::io::Error| format!("cannot read {wanted}: {error}");
    // Opening a pipe would wait for whoever writes to it.
    if !tokio::fs::metadata(&path).await.map_err(failed)?.is_file() {
        return Err(format!("cannot read {wanted}: it is not a file"));
    }
    let file = tokio::fs::File::open(&path).await.map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).await.map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("{wanted} is larger than {} MiB; make it smaller first", FILE_BYTES_MAX >> 20));
    }
    if bytes.is_empty() {
        return Err(format!("{wanted} is empty"));
    }
    if let Some((kind, media_type)) = recognise(&bytes) {
        return Ok(Loaded::Media(Attachment { path, kind, media_type, bytes }));
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(Loaded::Text(path, text)),
        _ => Err(format!(
            "{wanted} is nothing that models are shown: those are PNG, JPEG, GIF and WebP pictures, recordings, films, \
             PDF documents and text; convert it first"
        )),
    }
}

/// Reads a file that has to be of one of `kinds`, which are `wanted_kinds` to the user.
pub(super) async fn load_media(
    wanted: &str,
    (kinds, wanted_kinds): (&[MediaKind], &str),
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<Attachment, String> {
    match load(wanted, context, surroundings).await? {
        Loaded::Media(attachment) if kinds.contains(&attachment.kind) => Ok(attachment),
        Loaded::Media(attachment) => Err(format!("{wanted} is not {wanted_kinds}: it is {}", attachment.media_type)),
        Loaded::Text(..) => Err(format!("{wanted} is not {wanted_kinds}: it is text")),
    }
}

/// The paths in a list, or in a single text.
pub(super) fn paths(arguments: &Map<String, Value>, name: &str) -> Result<Vec<String>, String> {
    let paths = match arguments.get(name) {
        None | Some(Value::Null) => Vec::new(),
        Some(value) => texts(value).ok_or_else(|| format!("`{name}` must be a list of paths"))?,
    };
    if paths.len() > FILES_MAX {
        return Err(format!("`{name}` has {} files; {FILES_MAX} are the most", paths.len()));
    }
    Ok(paths)
}

/// A text, a list of texts, or the values of a map of texts.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    let all = |values: &mut dyn Iterator<Item = &Value>| {
        values.map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    };
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(values) => all(&mut values.iter()),
        Value::Object(values) => all(&mut values.values()),
        _ => None,
    }
}

/// A file that was saved.
#[derive(Debug)]
pub(super) struct Saved {
    /// Relative to the workspace, as the model may name it.
    pub(super) shown: String,
    pub(super) name: String,
    pub(super) bytes: usize,
}

/// Saves `file` in `folder` under a name that begins with `title` and that no file has yet.
pub(super) async fn save(
    file: &MadeFile,
    folder: Option<&str>,
    title: &str,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<Saved, String> {
    let stem = stem(title);
    for number in 1..=NAMES_MAX {
        let name = match number {
            1 => format!("{stem}.{}", file.extension),
            _ => format!("{stem}_{number}.{}", file.extension),
        };
        let shown = match folder {
            Some(folder) => format!("{}/{name}", folder.trim_end_matches('/')),
            None => name.clone(),
        };
        let path = surroundings.paths.resolve(&shown, PathIntent::Write, context)?;
        let failed = |error: std::io::Error| format!("cannot save {shown}: {error}");
        if let Some(parent) = path.parent() {
            tokio::fs::create_dir_all(parent).await.map_err(failed)?;
        }
        // What is there stays there, links that lead elsewhere included.
        match tokio::fs::OpenOptions::new().write(true).create_new(true).open(&path).await {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
            Ok(mut open) => {
                open.write_all(&file.bytes).await.map_err(failed)?;
                open.flush().await.map_err(failed)?;
                return Ok(Saved { shown, name, bytes: file.bytes.len() });
            }
        }
    }
    Err(format!("there are {NAMES_MAX} files called {stem} already; choose another `storage_path`"))
}

/// The first words of a prompt as a name for a file.
fn stem(title: &str) -> String {
    const CHARACTERS_MAX: usize = 30;
    let fit = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let mut stem: String = title.trim().chars().take(CHARACTERS_MAX).map(fit).collect();
    while stem.contains("__") {
        stem = stem.replace("__", "_");
    }
    let stem = stem.trim_matches(['_', '-']);
    if stem.is_empty() { "media".to_owned() } else { stem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_become_names_that_lead_nowhere() {
        assert_eq!(stem("A cat, in space!"), "A_cat_in_space");
        assert_eq!(stem("../../etc/passwd"), "etc_passwd");
        assert_eq!(stem("雪"), "media");
        assert_eq!(stem(&"x".repeat(100)).len(), 30);
    }
}
