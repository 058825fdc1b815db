//! What names content.

use std::fmt;

use massgen_protocol::SnapshotId;

/// The BLAKE3 hash of a file's content. Its text form is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub(crate) [u8; 32]);

impl ContentHash {
    /// The hash of `content`.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self(*blake3::hash(content).as_bytes())
    }

    /// The hash that a snapshot's name is.
    pub(crate) fn of_snapshot(id: &SnapshotId) -> Option<Self> {
        blake3::Hash::from_hex(id.as_str()).ok().map(|hash| Self(*hash.as_bytes()))
    }

    /// The name of the snapshot whose top folder has this hash.
    #[expect(clippy::expect_used, reason = "the text form of a hash is the text form of a snapshot's name")]
    pub(crate) fn snapshot(&self) -> SnapshotId {
        self.to_string().parse().expect("64 lower-case hexadecimal digits")
    }
}

impl From<blake3::Hash> for ContentHash {
    fn from(hash: blake3::Hash) -> Self {
        Self(*hash.as_bytes())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().get(..12).unwrap_or_default())
    }
}
