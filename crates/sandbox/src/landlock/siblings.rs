//! Hiding where one can only allow: what is around the hidden path is allowed, piece by piece.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::grants::{Access, Grant, identity};
use crate::plan::{HiddenKind, LandlockAccess, LandlockPath};

/// Hidden paths, in order.
type Hidden<'grants> = BTreeMap<&'grants Path, HiddenKind>;

/// Replaces what is readable and has hidden parts by its other parts, as they are now.
pub(super) fn without_hidden(paths: Vec<LandlockPath>, grants: &[Grant]) -> Vec<LandlockPath> {
    let hidden: Hidden<'_> = grants
        .iter()
        .filter_map(|grant| match grant.access {
            Access::Hidden(kind) => Some((grant.path.as_path(), kind)),
            _ => None,
        })
        .collect();
    if hidden.is_empty() {
        return paths;
    }
    let mut allowed = Vec::new();
    for path in paths {
        // Parts of the system may be links, such as /bin.
        let real = if path.identity.is_none() { path.path.canonicalize().ok() } else { None };
        let real = real.unwrap_or_else(|| path.path.clone());
        if path.access == LandlockAccess::Read && beneath(&hidden, &real).next().is_some() {
            allow_around(&real, &hidden, &mut allowed);
        } else {
            allowed.push(path);
        }
    }
    allowed
}

/// What is hidden at a path and beneath it.
fn beneath<'a>(hidden: &'a Hidden<'_>, path: &'a Path) -> impl Iterator<Item = (&'a Path, HiddenKind)> {
    let from_here = hidden.range(path..).take_while(move |(hidden, _)| hidden.starts_with(path));
    from_here.map(|(path, kind)| (*path, *kind))
}

/// Allows what is in a folder, but for what is hidden. What cannot be looked at is not allowed.
fn allow_around(folder: &Path, hidden: &Hidden<'_>, allowed: &mut Vec<LandlockPath>) {
    let mut open = vec![folder.to_path_buf()];
    while let Some(path) = open.pop() {
        if hidden.contains_key(path.as_path()) {
            continue;
        }
        if beneath(hidden, &path).next().is_none() {
            allow(path, LandlockAccess::Read, allowed);
            continue;
        }
        open.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        // That would also list the hidden ones.
        if beneath(hidden, &path).all(|(_, kind)| kind == HiddenKind::File) {
            allow(path, LandlockAccess::List, allowed);
        }
    }
}

fn allow(path: PathBuf, access: LandlockAccess, allowed: &mut Vec<LandlockPath>) {
    // A symbolic link needs no allowance, and what it leads to has its own.
    if let Ok(identity) = identity(&path) {
        allowed.push(LandlockPath { path, access, identity: Some(identity), optional: true });
    }
}
