//! One folder of a snapshot, in its one canonical form.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt as _};

use crate::bytes::{Reader, put_text};
use crate::hash::ContentHash;

const HEAD: &[u8] = b"massgen tree 1\n";

/// A folder: what it holds, sorted by name, each name once.
///
/// Its bytes are the same for the same content, so that their hash names it. Times, owners and permissions other
/// than the executable bit are no part of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) entries: Vec<(OsString, Node)>,
}

/// What stands under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// A file.
    File {
        /// Its content.
        hash: ContentHash,
        /// Its length in bytes.
        size: u64,
        /// Whether it is a program.
        executable: bool,
    },
    /// A folder, named by the hash of its bytes.
    Directory(ContentHash),
    /// A symbolic link and its target.
    Symlink(OsString),
}

impl Tree {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = HEAD.to_vec();
        for (name, node) in &self.entries {
            out.push(match node {
                Node::File { executable: false, .. } => b'f',
                Node::File { executable: true, .. } => b'x',
                Node::Directory(_) => b'd',
                Node::Symlink(_) => b'l',
            });
            put_text(&mut out, name.as_bytes());
            match node {
                Node::File { hash, size, .. } => {
                    out.extend(size.to_le_bytes());
                    out.extend(hash.0);
                }
                Node::Directory(hash) => out.extend(hash.0),
                Node::Symlink(target) => put_text(&mut out, target.as_bytes()),
            }
        }
        out
    }

    /// Reads what [`Self::encode`] wrote; nothing when it is anything else.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.take(HEAD.len())? != HEAD {
            return None;
        }
        let mut entries: Vec<(OsString, Node)> = Vec::new();
        while !reader.0.is_empty() {
            let kind = reader.u8()?;
            let name = OsStr::from_bytes(reader.text()?).to_os_string();
            let follows = entries.last().is_none_or(|(last, _)| *last < name);
            if !follows || !is_name(&name) {
                return None;
            }
            let node = match kind {
                b'f' | b'x' => {
                    let size = reader.u64()?;
                    Node::File { hash: ContentHash(reader.array()?), size, executable: kind == b'x' }
                }
                b'd' => Node::Directory(ContentHash(reader.array()?)),
                b'l' => Node::Symlink(OsString::from_vec(reader.text()?.to_vec())),
                _ => return None,
            };
            entries.push((name, node));
        }
        Some(Self { entries })
    }

    /// What stands under `name`.
    pub(crate) fn get(&self, name: &OsStr) -> Option<&Node> {
        let at = self.entries.binary_search_by(|(other, _)| other.as_os_str().cmp(name)).ok()?;
        self.entries.get(at).map(|(_, node)| node)
    }
}

fn is_name(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    !bytes.is_empty() && bytes != b"." && bytes != b".." && !bytes.iter().any(|byte| matches!(byte, b'/' | 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_read_as_written_and_nothing_else_is_read() {
        let hash = ContentHash::of(b"x");
        let tree = Tree {
            entries: vec![
                (OsString::from_vec(vec![0xff, b'a']), Node::Symlink("b".into())),
                ("b".into(), Node::File { hash, size: 1, executable: true }),
                ("c".into(), Node::Directory(hash)),
            ],
        };
        let mut sorted = tree.clone();
        sorted.entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        let bytes = sorted.encode();
        assert_eq!(Tree::decode(&bytes), Some(sorted));
        assert_eq!(Tree::decode(&tree.encode()), None, "unsorted");
        for length in 0..bytes.len() {
            let cut = Tree::decode(&bytes[..length]);
            assert!(cut.is_none_or(|tree| tree.entries.len() < 3));
        }
        for name in ["", ".", "..", "a/b", "a\0"] {
            let tree = Tree { entries: vec![(name.into(), Node::Directory(hash))] };
            assert_eq!(Tree::decode(&tree.encode()), None, "{name:?}");
        }
    }
}
