//! Long texts of a journal, kept beside it by their content: an answer that several records tell of is there once.
//!
//! A text that is moved out leaves `{"$blob": "<hash>", "bytes": <length>}` in its place; the file `blobs/<hash>` beside
//! the journal has it. A blob is whole before the record that needs it is written.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Lines up to this length stay as they are.
pub(crate) const LINE_BYTES_MAX: usize = 64 * 1024;

/// Texts up to this length stay in their line.
const TEXT_BYTES_MAX: usize = 16 * 1024;

const MARK: &str = "$blob";

/// The folder of a journal's long texts. It is made when the first one comes.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    /// Those of the journal at `path`.
    pub(crate) fn beside(path: &Path) -> Self {
        Self { folder: path.with_file_name("blobs") }
    }

    /// Moves long texts out of a record.
    pub(crate) fn move_out(&self, value: &mut Value) -> io::Result<()> {
        match value {
            Value::String(text) if text.len() > TEXT_BYTES_MAX => {
                let (hash, bytes) = (self.put(text)?, text.len());
                *value = json!({ MARK: hash, "bytes": bytes });
            }
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.move_out(item))?,
            Value::Object(members) => members.iter_mut().try_for_each(|(_, member)| self.move_out(member))?,
            _ => {}
        }
        Ok(())
    }

    /// Whether a line may have texts that were moved out.
    pub(crate) fn may_be_needed(line: &[u8]) -> bool {
        memchr::memmem::find(line, MARK.as_bytes()).is_some()
    }

    /// Puts the texts back.
    pub(crate) fn move_in(&self, value: &mut Value) -> io::Result<()> {
        if let Some((hash, bytes)) = moved(value) {
            *value = Value::String(self.get(&hash, bytes)?);
            return Ok(());
        }
        match value {
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.move_in(item)),
            Value::Object(members) => members.iter_mut().try_for_each(|(_, member)| self.move_in(member)),
            _ => Ok(()),
        }
    }

    fn put(&self, text: &str) -> io::Result<String> {
        let hash = blake3::hash(text.as_bytes()).to_hex().to_string();
        let path = self.folder.join(&hash);
        if path.exists() {
            return Ok(hash);
        }
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_data()?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(hash)
    }

    fn get(&self, hash: &str, bytes: u64) -> io::Result<String> {
        let path = self.folder.join(hash);
        let told = |why: &str| io::Error::other(format!("the text {} {why}", path.display()));
        let text = fs::read_to_string(&path).map_err(|error| told(&format!("cannot be read: {error}")))?;
        let is_whole = text.len() as u64 == bytes && blake3::hash(text.as_bytes()).to_hex().as_str() == hash;
        if is_whole { Ok(text) } else { Err(told("is not what was written")) }
    }
}

/// What stands in the place of a text: its hash, which is a name and no path, and its length.
fn moved(value: &Value) -> Option<(String, u64)> {
    let members = value.as_object().filter(|members| members.len() == 2)?;
    let hash = members.get(MARK)?.as_str()?;
    let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| Some((hash.to_owned(), members.get("bytes")?.as_u64()?)))?
}
