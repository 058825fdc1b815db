//! What is at a path: its kind, content digest and permission bits.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::path_text;

/// The BLAKE3 digest of a content, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of `content`.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self(blake3::hash(content).to_hex().to_string())
    }

    /// The hexadecimal text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    /// A regular file.
    File {
        /// Of its content.
        digest: Digest,
        /// Permission bits, 0o7777.
        mode: u32,
    },
    /// A symlink.
    Link {
        /// Where it points, as written in it.
        #[serde(with = "path_text")]
        target: PathBuf,
    },
    /// A folder.
    Folder {
        /// Permission bits, 0o7777.
        mode: u32,
    },
    /// A device, a pipe, a socket.
    Other,
}

impl Entry {
    /// Whether content and kind are equal; permission bits may differ.
    pub(crate) fn same_content(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { digest: one, .. }, Self::File { digest: two, .. }) => one == two,
            (Self::Folder { .. }, Self::Folder { .. }) => true,
            _ => self == other,
        }
    }

    /// Whether the owner may execute it; `None` for what is not a file.
    pub(crate) fn executable(&self) -> Option<bool> {
        match self {
            Self::File { mode, .. } => Some(mode & 0o100 != 0),
            Self::Link { .. } | Self::Folder { .. } | Self::Other => None,
        }
    }
}

/// The permission bits with the execute bits set where the file may be read, or taken away.
pub(crate) fn with_executable(mode: u32, executable: bool) -> u32 {
    if executable { mode | ((mode & 0o444) >> 2) } else { mode & !0o111 }
}

/// The digest of all that `file` still has to give.
pub(crate) fn digest_of(file: &mut File) -> io::Result<Digest> {
    copy_and_digest(file, &mut io::sink())
}

/// Copies what `source` has to give; the digest is that of the bytes copied.
pub(crate) fn copy_and_digest(source: &mut File, target: &mut dyn Write) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 17];
    loop {
        let count = match source.read(&mut buffer) {
            Ok(0) => return Ok(Digest(hasher.finalize().to_hex().to_string())),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let read = buffer.get(..count).unwrap_or_default();
        hasher.update(read);
        target.write_all(read)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn execute_bits_follow_read_bits() {
        assert_eq!(with_executable(0o644, true), 0o755);
        assert_eq!(with_executable(0o600, true), 0o700);
        assert_eq!(with_executable(0o775, false), 0o664);
    }
}
