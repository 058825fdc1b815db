//! Which content untouched files have: what makes publishing and checking cheap.

use std::collections::HashMap;
use std::time::SystemTime;

use crate::bytes::Reader;
use crate::hash::ContentHash;
use crate::stamp::Stamp;

const HEAD: &[u8] = b"massgen stamps 1\n";

/// The content of files that were seen at a moment, by what `stat` told of them.
///
/// It holds settled stamps only ([`Stamp::is_settled`]), so that a match means: the same content.
#[derive(Debug, Default)]
pub(crate) struct StatCache {
    /// What this was recorded for, as its owner defines it.
    pub(crate) subject: Vec<u8>,
    files: HashMap<(u64, u64), (Stamp, ContentHash)>,
}

impl StatCache {
    pub(crate) fn new(subject: Vec<u8>) -> Self {
        Self { subject, files: HashMap::new() }
    }

    /// Notes that a file with this stamp had this content, unless a later change could go unseen.
    pub(crate) fn note(&mut self, stamp: Stamp, hash: ContentHash, now: SystemTime) {
        if stamp.is_settled(now) {
            self.files.insert((stamp.device, stamp.inode), (stamp, hash));
        }
    }

    /// Notes a file that massgen wrote some time ago and has just put into its place, or linked: that stamped it anew,
    /// but a change of its content would show in the time of its last modification.
    pub(crate) fn note_moved(&mut self, stamp: Stamp, hash: ContentHash, now: SystemTime) {
        let unmoved = Stamp { changed_ns: stamp.modified_ns, ..stamp };
        if unmoved.is_settled(now) {
            self.files.insert((stamp.device, stamp.inode), (stamp, hash));
        }
    }

    /// What was noted of the file with this stamp, if nothing but its links changed.
    pub(crate) fn known_moved(&self, stamp: &Stamp) -> Option<ContentHash> {
        let (noted, hash) = self.files.get(&(stamp.device, stamp.inode))?;
        (Stamp { changed_ns: stamp.changed_ns, ..*noted } == *stamp).then_some(*hash)
    }

    /// The content of the file with this stamp, if it is known.
    pub(crate) fn known(&self, stamp: &Stamp) -> Option<ContentHash> {
        let (noted, hash) = self.files.get(&(stamp.device, stamp.inode))?;
        (noted == stamp).then_some(*hash)
    }

    /// The bytes of a file that holds this; its last 32 bytes are the hash of the others.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD.len() + self.files.len() * 72 + self.subject.len() + 64);
        out.extend(HEAD);
        crate::bytes::put_text(&mut out, &self.subject);
        for (stamp, hash) in self.files.values() {
            out.extend(stamp.device.to_le_bytes());
            out.extend(stamp.inode.to_le_bytes());
            out.extend(stamp.size.to_le_bytes());
            out.extend(stamp.modified_ns.to_le_bytes());
            out.extend(stamp.changed_ns.to_le_bytes());
            out.extend(hash.0);
        }
        let check = ContentHash::of(&out);
        out.extend(check.0);
        out
    }

    /// Reads what [`Self::encode`] wrote; nothing when it is anything else, which costs time and never truth.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, check) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
        if ContentHash::of(body).0 != check {
            return None;
        }
        let mut reader = Reader(body);
        if reader.take(HEAD.len())? != HEAD {
            return None;
        }
        let mut cache = Self::new(reader.text()?.to_vec());
        cache.files.reserve(reader.0.len() / 72);
        while !reader.0.is_empty() {
            let stamp = Stamp {
                device: reader.u64()?,
                inode: reader.u64()?,
                size: reader.u64()?,
                modified_ns: reader.i64()?,
                changed_ns: reader.i64()?,
            };
            cache.files.insert((stamp.device, stamp.inode), (stamp, ContentHash(reader.array()?)));
        }
        Some(cache)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    const STAMP: Stamp = Stamp { device: 1, inode: 2, size: 3, modified_ns: 4_000_000_005, changed_ns: 4_000_000_006 };

    fn at(ns: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(ns)
    }

    #[test]
    fn any_other_stamp_is_unknown() {
        let hash = ContentHash::of(b"abc");
        let mut cache = StatCache::default();
        cache.note(STAMP, hash, at(4_000_000_007));
        assert_eq!(cache.known(&STAMP), None, "not settled, and so not noted");
        cache.note(STAMP, hash, at(5_000_000_000));
        assert_eq!(cache.known(&STAMP), Some(hash));
        let changed = [
            Stamp { device: 9, ..STAMP },
            Stamp { inode: 9, ..STAMP },
            Stamp { size: 9, ..STAMP },
            Stamp { modified_ns: 9, ..STAMP },
            Stamp { changed_ns: 9, ..STAMP },
        ];
        assert!(changed.iter().all(|stamp| cache.known(stamp).is_none()));
        // With its links changed, only its owner who did that may take it for the same.
        let linked = Stamp { changed_ns: 9_000_000_001, ..STAMP };
        assert_eq!(cache.known_moved(&linked), Some(hash));
        assert_eq!(cache.known_moved(&Stamp { modified_ns: 9, ..linked }), None);
    }

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let hash = ContentHash::of(b"abc");
        let mut cache = StatCache::new(b"subject".to_vec());
        cache.note(STAMP, hash, at(5_000_000_000));
        let mut bytes = cache.encode();
        let read = StatCache::decode(&bytes).unwrap();
        assert_eq!((read.subject.as_slice(), read.known(&STAMP)), (b"subject".as_slice(), Some(hash)));
        for length in 0..bytes.len() {
            assert!(StatCache::decode(&bytes[..length]).is_none(), "cut at {length}");
        }
        bytes[30] ^= 1;
        assert!(StatCache::decode(&bytes).is_none());
    }
}
